//! A conversation with a server that speaks a protocol of its own: who asks, how the way there is kept safe, and how long
//! it may take to be let in.

use super::{
    Line, Request, Response, SendError, Streams,
    stream::{connect, place},
};
use crate::model::{Clock, Secret};
use bytes::Bytes;
use http::StatusCode;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long a server has to let us in.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

/// Who asks a server, and how. Goes with each request, and with nothing that is kept.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: Option<Secret>,
    pub tls: Tls,
    /// How long each question may take.
    pub within: Duration,
}

/// How a connection is kept from being read and bent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    /// The server proves that it has the name that it was asked by: to this authority, in PEM, or else to those that
    /// this machine trusts.
    Verified {
        ca: Option<String>,
    },
}

/// What one conversation needs.
pub(super) struct Talk<'a> {
    pub streams: &'a dyn Streams,
    pub clock: &'a Clock,
    pub request: &'a Request,
    pub login: &'a Login,
    /// Several servers of one name differ by their ports.
    place: String,
}

impl<'a> Talk<'a> {
    pub(super) fn of(
        streams: &'a dyn Streams,
        clock: &'a Clock,
        request: &'a Request,
    ) -> Result<Self, SendError> {
        let place = place(request);
        match request.extensions().get() {
            Some(login) => Ok(Self { streams, clock, request, login, place }),
            None => Err(SendError::NotSent { host: place, why: "nobody says who asks".to_owned() }),
        }
    }

    /// Whom the server has to be known to, where others could read what is said.
    pub(super) fn trust(&self) -> Result<Option<ClientConfig>, SendError> {
        match &self.login.tls {
            Tls::Verified { ca } if self.streams.is_public() => {
                trusting(ca.as_deref()).map(Some).map_err(|why| self.not_sent(why))
            }
            Tls::Verified { .. } | Tls::Off => Ok(None),
        }
    }

    /// Its name, or its address without the brackets of IPv6.
    pub(super) fn host(&self) -> &str {
        let host = self.request.uri().host().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn not_sent(&self, why: impl Into<String>) -> SendError {
        SendError::NotSent { host: self.place.clone(), why: why.into() }
    }

    pub(super) fn unanswered(&self, why: impl Into<String>) -> SendError {
        SendError::Unanswered { host: self.place.clone(), why: why.into() }
    }

    /// Connects, to the protocol's own port where none is named.
    pub(super) async fn open(&self, port: u16) -> Result<Line, SendError> {
        let within = self.opens_within();
        connect((self.streams, self.clock), self.request, Some(port), within).await
    }

    pub(super) fn opens_within(&self) -> Duration {
        self.login.within.min(OPENS_WITHIN)
    }
}

pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response
}

/// Whom a server has to be known to.
pub(super) fn trusting(ca: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let builder = match ca {
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let root = root.map_err(|error| format!("`ca` cannot be read: {error}"))?;
                roots.add(root).map_err(|error| format!("`ca` cannot be used: {error}"))?;
            }
            if roots.is_empty() {
                return Err("`ca` holds no certificate".to_owned());
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}
