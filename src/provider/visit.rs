//! Asking an address once, as a user would.

use crate::{
    action::Clients,
    wire::{Intent, Request, Response},
};
use bytes::Bytes;
use http::Uri;
use std::time::Duration;

/// How long one answer may take. People who wait longer have left.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address that users know.
#[derive(Clone)]
pub(super) struct Page {
    pub clients: Clients,
    pub uri: Uri,
}

/// What an address answered.
pub(super) struct Visit {
    pub status: u16,
    /// The region that the answer names: in its header `X-Region`, or in the member `region` of its JSON.
    pub region: Option<String>,
    pub body: Bytes,
}

impl Page {
    /// The address as people are shown it: a query may hold a key.
    pub(super) fn place(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or("http");
        format!("{scheme}://{}{}", self.uri.host().unwrap_or_default(), self.uri.path())
    }

    /// Asks once. An error says why no answer came.
    pub(super) async fn visit(&self) -> Result<Visit, String> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        let answer = self.clients.transport.send(request, Intent::Probe);
        let response = match self.clients.clock.within(PATIENCE, answer).await {
            Some(answer) => answer.map_err(|error| error.to_string())?,
            None => return Err("no answer in 10 s".to_owned()),
        };
        let (status, region) = (response.status().as_u16(), region(&response));
        Ok(Visit { status, region, body: response.into_body() })
    }
}

impl Visit {
    /// Says what is wrong when it did not come from this region.
    pub(super) fn is_from(&self, wanted: &str) -> Result<(), String> {
        match &self.region {
            Some(seen) if seen == wanted => Ok(()),
            Some(seen) => Err(format!("answered from {seen}, not from {wanted}")),
            None => Err(format!("answered {}, but does not say its region", self.status)),
        }
    }
}

fn region(response: &Response) -> Option<String> {
    if let Some(region) = response.headers().get("x-region") {
        return region.to_str().ok().map(ToOwned::to_owned);
    }
    let body: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
    body.get("region")?.as_str().map(ToOwned::to_owned)
}
