//! A simulated cloud that another process serves on a port of this machine, as if it were Azure.

use crate::{
    action::{Tokens, Trouble},
    model::Secret,
    wire::{Intent, Request, Response, SendError, Transport},
};
use async_trait::async_trait;
use http::{HeaderValue, Uri, header::HOST};
use std::sync::Arc;
use url::Url;

/// Takes every request to one port. The host that it was for stands in its `Host`.
pub(super) struct Loopback {
    inner: Arc<dyn Transport>,
    at: Url,
}

impl Loopback {
    pub(super) fn new(inner: Arc<dyn Transport>, at: Url) -> Self {
        Self { inner, at }
    }

    fn redirect(&self, mut request: Request) -> Option<Request> {
        let authority = self.at.authority();
        let meant = request.uri().authority()?.clone();
        if meant.as_str() == authority {
            return Some(request);
        }
        let path = request.uri().path_and_query()?.clone();
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query(path);
        *request.uri_mut() = uri.build().ok()?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(meant.host()).ok()?);
        Some(request)
    }
}

#[async_trait]
impl Transport for Loopback {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        let host = crate::wire::host(&request);
        let Some(request) = self.redirect(request) else {
            return Err(SendError::NotSent { host, why: "it has no address".to_owned() });
        };
        self.inner.send(request, intent).await
    }
}

/// Signs in to what is served there: it trusts everybody on this machine.
pub(super) struct SignedInThere {
    transport: Arc<dyn Transport>,
    at: Url,
}

impl SignedInThere {
    pub(super) fn new(transport: Arc<dyn Transport>, at: Url) -> Self {
        Self { transport, at }
    }
}

#[async_trait]
impl Tokens for SignedInThere {
    async fn token(&self, scope: &str, _: bool) -> Result<Secret, Trouble> {
        let odd = |why: &str| Trouble::odd(format!("cannot sign in at {}: {why}", self.at));
        let url = self.at.join("simulated/oauth2/v2.0/token").map_err(|e| odd(&e.to_string()))?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", "operator")
            .append_pair("client_secret", "simulated")
            .append_pair("scope", scope)
            .finish();
        let request = http::Request::post(url.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into())
            .map_err(|error| odd(&error.to_string()))?;
        let response = self.transport.send(request, Intent::Read).await;
        let response = response.map_err(|error| Trouble::unreachable(error.to_string()))?;
        let answer: serde_json::Value =
            serde_json::from_slice(response.body()).map_err(|error| odd(&error.to_string()))?;
        let token = answer["access_token"].as_str().ok_or_else(|| odd("it gives no token"))?;
        Ok(Secret::new(token))
    }

    fn identity(&self) -> String {
        "the operator of a simulated cloud".to_owned()
    }
}
