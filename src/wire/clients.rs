//! The HTTP clients, and what one of them trusts.

use super::{Intent, talk::trusting};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How a server proves itself and who asks it, where that is not for this machine's own roots of trust to say. Requests
/// that carry it go over connections of their own.
#[derive(Clone)]
pub struct Trust(Arc<HttpClients>);

impl Trust {
    /// By these rules, and by way of this proxy.
    pub fn new(tls: rustls::ClientConfig, proxy: Option<String>) -> Self {
        Self(Arc::new(HttpClients { tls: Some(tls), proxy, ..HttpClients::default() }))
    }

    /// By this authority, in PEM, and by no other.
    pub fn only(ca: &str) -> Result<Self, String> {
        Ok(Self::new(trusting(Some(ca))?, None))
    }

    pub(super) fn clients(&self) -> &HttpClients {
        &self.0
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

/// Clients of one trust. They are made at the first request: building one reads the machine's roots of trust.
#[derive(Default)]
pub(super) struct HttpClients {
    tls: Option<rustls::ClientConfig>,
    proxy: Option<String>,
    keeping: OnceLock<reqwest::Client>,
    /// Opens a connection for each request, as the next user does: one that is kept open leads to where a name stood for
    /// something else.
    probing: OnceLock<reqwest::Client>,
    /// Only HTTP/1.1 lets a connection become something else (RFC 9113, 8.6).
    upgrading: OnceLock<reqwest::Client>,
}

/// What carries a request.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    /// A connection that may have been open.
    Kept,
    /// A connection of its own.
    Fresh,
    /// A connection of its own, which becomes something else.
    Upgraded,
}

impl From<Intent<'_>> for Carrier {
    fn from(intent: Intent<'_>) -> Self {
        match intent {
            Intent::Probe => Self::Fresh,
            Intent::Read | Intent::Change(_) => Self::Kept,
        }
    }
}

impl HttpClients {
    pub(super) fn get(&self, carrier: Carrier) -> Result<&reqwest::Client, reqwest::Error> {
        let (place, idle) = match carrier {
            Carrier::Kept => (&self.keeping, usize::MAX),
            Carrier::Fresh => (&self.probing, 0),
            Carrier::Upgraded => (&self.upgrading, 0),
        };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        // No redirect may carry a token to another host, and no retry of the library's may send a change twice.
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(idle)
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_mins(2))
            .user_agent(concat!("failover/", env!("CARGO_PKG_VERSION")));
        if matches!(carrier, Carrier::Upgraded) {
            builder = builder.http1_only();
        }
        if let Some(tls) = &self.tls {
            builder = builder.tls_backend_preconfigured(tls.clone());
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy)?);
        }
        let client = builder.build()?;
        Ok(place.get_or_init(|| client))
    }
}
