//! The REST API of one member.

use crate::{
    action::{Applied, Clients, Params, Trouble, Unapplied},
    journal::Permit,
    model::{Diagnostic, Region, span},
    provider::own::{self, address, tls, unread, unsent},
    wire::{Intent, Request, Response, Tls, Trust, retry_after},
};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Patroni's default (`restapi.listen`).
const PORT: u16 = 8008;
/// A member that is there answers in milliseconds, and every look waits for one that is gone.
const WITHIN: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(10);
/// As much of what it says as a line of a report holds.
const LONGEST: usize = 200;

pub(super) struct Rest {
    pub(super) clients: Clients,
    /// Its address, as the runbook names it.
    pub(super) name: String,
    pub(super) region: Option<Region>,
    base: String,
    /// A user, and the name of its password.
    login: Option<(String, Option<String>)>,
    trust: Option<Trust>,
}

impl Rest {
    /// The member that a parameter names.
    pub(super) fn of(
        params: &Params<'_>,
        clients: &Clients,
        parameter: &str,
    ) -> Result<Self, Diagnostic> {
        let resource = params.resource(parameter)?;
        address(&resource.name, params.span(parameter))?;
        let tls = tls(params)?;
        let scheme = if matches!(tls, Tls::Off) { "http" } else { "https" };
        let trust = match tls {
            Tls::Verified { ca: Some(ca) } => {
                Some(Trust::only(&ca).map_err(|why| Diagnostic::at(params.span("ca"), why))?)
            }
            Tls::Verified { ca: None } | Tls::Off => None,
        };
        let (user, password) = (params.optional_text("user"), params.optional_text("password"));
        if user.is_none() && password.is_some() {
            let message = "a password belongs to a `user`".to_owned();
            return Err(Diagnostic::at(params.span("password"), message));
        }
        Ok(Self {
            clients: clients.clone(),
            base: format!("{scheme}://{}", own::with_port(&resource.name, PORT)),
            name: resource.name,
            region: resource.region,
            login: user.map(|user| (user, password)),
            trust,
        })
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request, Trouble> {
        let uri = format!("{}{path}", self.base).parse::<Uri>();
        let uri = uri.map_err(|_| Trouble::odd(format!("{} is no address", self.name)))?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        if let Some(trust) = &self.trust {
            request.extensions_mut().insert(trust.clone());
        }
        Ok(request)
    }

    /// Reads are open to all, so nobody says who asks.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let request = self.request(Method::GET, path, Bytes::new())?;
        let sent = self.clients.transport.send(request, Intent::Probe);
        let Some(sent) = self.clients.clock.within(WITHIN, sent).await else {
            let within = span::show(WITHIN);
            return Err(Trouble::unreachable(format!("{}: nothing within {within}", self.name)));
        };
        let response = sent.map_err(|error| unread(&error))?;
        match response.status() {
            status if status.is_success() => {
                serde_json::from_slice(response.body()).map_err(|_| {
                    Trouble::odd(format!("{} gave an answer that cannot be read", self.name))
                })
            }
            status if status.is_server_error() => Err(Trouble::unreachable(self.says(&response))),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Trouble::denied(self.says(&response)))
            }
            _ => Err(Trouble::odd(self.says(&response))),
        }
    }

    /// Tells it something once, and waits for its answer: it comes when the lead has moved, or after some ten seconds.
    pub(super) async fn tell(
        &self,
        path: &str,
        body: &Value,
        permit: &Permit,
    ) -> Result<Applied, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let request = self.request(Method::POST, path, body.to_string().into());
        let mut request = request.map_err(|trouble| refused(trouble.why))?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(login) = self.authorization().await.map_err(|trouble| refused(trouble.why))? {
            headers.insert(AUTHORIZATION, login);
        }
        let sent = self.clients.transport.send(request, Intent::Change(permit)).await;
        let response = sent.map_err(|error| unsent(&error))?;
        let (why, wait) = (self.says(&response), retry_after(&response));
        match response.status() {
            StatusCode::OK => Ok(Applied::Done { request_id: None }),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Unapplied::Deferred { why, wait: wait.unwrap_or(LATER) })
            }
            status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
                Err(refused(why))
            }
            // Also "failed" and "status unknown" (503): what was asked may be carried out still.
            _ => Err(Unapplied::InDoubt { why, wait }),
        }
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, Trouble> {
        let Some((user, password)) = &self.login else { return Ok(None) };
        let mut pair = format!("{user}:");
        if let Some(name) = password {
            pair.push_str(self.clients.secrets.secret(name).await?.expose());
        }
        let value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let mut value = value.map_err(|_| Trouble::odd("the password cannot be sent"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn says(&self, response: &Response) -> String {
        let text = String::from_utf8_lossy(response.body());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text: String = self.clients.secrets.wipe(text).chars().take(LONGEST).collect();
        format!("{} answered {}: {text}", self.name, response.status().as_u16())
    }
}
