//! One request to something that has no actions of its own: a webhook, a status page, the API of the team's own app.
//!
//! What it does cannot be known, so it is never sent twice by itself, unless the runbook says that this is harmless; with
//! `observe`, another address says whether it is still needed.

use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Plane, Repeat, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
    provider::{
        lost::keeps_secrets,
        own::{unread, unsent},
    },
    wire::{Intent, Request, Response, retry_after},
};
use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use std::{sync::Arc, time::Duration};

pub(crate) static HTTP_REQUEST: Kind = Kind {
    name: "http.request",
    summary: "Send one request to an address",
    parameters: &[
        Parameter::required("url", Shape::Url, "The address"),
        Parameter::optional(
            "method",
            Shape::Choice(&["POST", "PUT", "PATCH", "DELETE"]),
            "What is asked for",
        )
        .or(Default::Text("POST")),
        Parameter::optional("body", Shape::Text, "What is sent"),
        Parameter::optional("headers", Shape::Map, "Headers, and their values"),
        Parameter::optional("secrets", Shape::Secrets, "Headers, and the secrets in them"),
        Parameter::optional("bearer", Shape::Secret, "The token of `Authorization: Bearer …`"),
        Parameter::optional(
            "status",
            Shape::Int { least: 200, most: 299 },
            "The status of a good answer; any from 200 to 299 when left out",
        ),
        Parameter::optional("contains", Shape::Text, "A text that a good answer's body holds"),
        Parameter::optional(
            "observe",
            Shape::Url,
            "An address that only looks: 404 says that the request is needed, 200 that it is not",
        ),
        Parameter::optional(
            "observe_contains",
            Shape::Text,
            "A text that the body of that 200 holds; without it, the request is needed",
        ),
        Parameter::optional(
            "harmless",
            Shape::Flag,
            "Whether the request may be sent again when in doubt",
        )
        .or(Default::Flag(false)),
    ],
    observed: &["status"],
    planes: &[Plane::Data("url")],
    permissions: &[],
    usual: Duration::from_secs(2),
    // Its own look tells at once what it has done.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const CHANGE: &str = "request";
/// For how long it is put off when the server is busy and does not say for how long.
const LATER: Duration = Duration::from_secs(10);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let wrong = |parameter: &str, message: String| Diagnostic::at(params.span(parameter), message);
    let uri = |parameter: &str, text: &str| {
        text.parse::<Uri>().map_err(|_| wrong(parameter, format!("`{text}` is no web address")))
    };
    let method = params.text("method")?;
    let mut headers = Vec::new();
    for (name, value) in params.map("headers") {
        let read = (name.parse::<HeaderName>(), value.parse::<HeaderValue>());
        let (Ok(name), Ok(value)) = read else {
            return Err(wrong("headers", format!("`{name}` cannot be sent as a header")));
        };
        if name == AUTHORIZATION {
            let message = "`Authorization` holds a secret".to_owned();
            return Err(wrong("headers", message).hint("say `bearer`, or put it under `secrets`"));
        }
        headers.push((name, value));
    }
    let mut secrets = Vec::new();
    for (name, secret) in params.map("secrets") {
        let name = name.parse::<HeaderName>();
        let name = name.map_err(|_| wrong("secrets", "a header cannot be called so".to_owned()))?;
        secrets.push((name, String::new(), secret));
    }
    if let Some(secret) = params.optional_text("bearer") {
        secrets.push((AUTHORIZATION, "Bearer ".to_owned(), secret));
    }
    let observe = match params.optional_text("observe") {
        Some(text) => Some(Sight {
            uri: uri("observe", &text)?,
            contains: params.optional_text("observe_contains"),
        }),
        None => None,
    };
    Ok(Arc::new(Send {
        clients: clients.clone(),
        uri: uri("url", &params.text("url")?)?,
        method: method.parse().map_err(|_| wrong("method", format!("`{method}` is no method")))?,
        body: params.optional_text("body"),
        headers,
        secrets,
        status: params.optional_int("status"),
        contains: params.optional_text("contains"),
        observe,
        harmless: params.flag("harmless")?,
    }))
}

struct Send {
    clients: Clients,
    uri: Uri,
    method: Method,
    body: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers, what stands before their secrets, and the names of those.
    secrets: Vec<(HeaderName, String, String)>,
    status: Option<i64>,
    contains: Option<String>,
    observe: Option<Sight>,
    harmless: bool,
}

/// Where it is seen whether the request is needed.
struct Sight {
    uri: Uri,
    contains: Option<String>,
}

/// An address as people are shown it: a query may hold a key.
fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    format!("{scheme}://{}{}", uri.host().unwrap_or_default(), uri.path())
}

impl Send {
    async fn request(&self, method: Method, uri: &Uri) -> Result<Request, Trouble> {
        if !self.secrets.is_empty() && !keeps_secrets(uri) {
            let why = format!("{}: a secret is sent over https only", shown(uri));
            return Err(Trouble::odd(why));
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        for (name, before, secret) in &self.secrets {
            let text = self.clients.secrets.secret(secret).await?;
            let value = HeaderValue::try_from(format!("{before}{}", text.expose()));
            let cannot =
                |_| Trouble::odd(format!("the secret `{secret}` cannot be sent as a header"));
            let mut value = value.map_err(cannot)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(request)
    }

    fn change(&self) -> Change {
        let says = format!("{} {}", self.method, shown(&self.uri));
        let change = Change::harmless(CHANGE, Sign::Changes, says);
        let repeat = if self.harmless { Repeat::Harmless } else { Repeat::Never };
        Change { repeat, ..change }
    }

    /// What is wrong with a good answer.
    fn lacks(&self, response: &Response) -> Option<String> {
        let status = i64::from(response.status().as_u16());
        if let Some(wanted) = self.status.filter(|wanted| *wanted != status) {
            return Some(format!("answered {status}, not {wanted}"));
        }
        let body = String::from_utf8_lossy(response.body());
        let wanted = self.contains.as_ref().filter(|text| !body.contains(text.as_str()))?;
        Some(format!("answered {status}, without “{wanted}”"))
    }
}

#[async_trait]
impl Action for Send {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(sight) = &self.observe else {
            return Ok(Observation::new(Answer::Unseen(vec![self.change()]), Evidence::new()));
        };
        let request = self.request(Method::GET, &sight.uri).await?;
        let said = self.clients.transport.send(request, Intent::Read).await;
        let said = said.map_err(|error| unread(&error))?;
        let evidence = Evidence::new().with("status", Datum::Count(said.status().as_u16().into()));
        let body = String::from_utf8_lossy(said.body());
        let answer = match said.status() {
            StatusCode::OK
                if sight.contains.as_ref().is_none_or(|text| body.contains(text.as_str())) =>
            {
                Answer::AsDesired
            }
            StatusCode::OK | StatusCode::NOT_FOUND => Answer::Missing(vec![self.change()]),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Trouble::denied(format!(
                    "{} answered {}",
                    shown(&sight.uri),
                    said.status()
                )));
            }
            status => {
                return Err(Trouble::odd(format!("{} answered {status}", shown(&sight.uri))));
            }
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let request = self.request(self.method.clone(), &self.uri).await;
        let mut request = request.map_err(|trouble| refused(trouble.why))?;
        if let Some(body) = &self.body {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
            let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
            *request.body_mut() = Bytes::from(body.clone());
            let kind = HeaderValue::from_static(kind);
            request.headers_mut().entry(CONTENT_TYPE).or_insert(kind);
        }
        let said = self.clients.transport.send(request, Intent::Change(permit)).await;
        let said = said.map_err(|error| unsent(&error))?;
        let status = said.status();
        let why = format!("{} answered {status}", shown(&self.uri));
        let wait = retry_after(&said);
        match status {
            _ if status.is_success() => match self.lacks(&said) {
                None => Ok(Applied::Done { request_id: None }),
                Some(lacks) => {
                    let why = format!("{} {lacks}", shown(&self.uri));
                    Err(Unapplied::InDoubt { why, wait: None })
                }
            },
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Unapplied::Deferred { why, wait: wait.unwrap_or(LATER) })
            }
            StatusCode::REQUEST_TIMEOUT => Err(Unapplied::InDoubt { why, wait }),
            _ if status.is_client_error() => Err(refused(why)),
            // A gateway may have lost sight of a request that went through, and a redirect is never followed.
            _ => Err(Unapplied::InDoubt { why, wait }),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        if self.harmless || self.observe.is_some() {
            return Vec::new();
        }
        vec![Finding::note(format!(
            "nobody can see what `{} {}` has done: when in doubt, only the operator can say",
            self.method,
            shown(&self.uri)
        ))]
    }
}

#[cfg(test)]
mod tests;
