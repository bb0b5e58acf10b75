//! One request as the services see it, and what they reply.

use super::{haproxy, names, postgres, program, redis};
use crate::wire::{Request, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the front doors take over a read and over a change.
const READ: Duration = Duration::from_millis(120);
const CHANGE: Duration = Duration::from_millis(400);

/// A request, taken apart once.
pub(super) struct Call<'a> {
    pub request: &'a Request,
    pub now: Timestamp,
    /// The scheme and authority that the request came to; absolute addresses in answers begin with it.
    pub base: String,
    pub host: String,
    /// The segments of the path as they were sent.
    pub path: Vec<&'a str>,
    /// The same in lower case: ARM compares paths without it.
    pub lower: Vec<String>,
    /// Whether it comes from the ledger: it was let in when it was sent.
    pub is_replay: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request, now: Timestamp) -> Self {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let path: Vec<_> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        Self {
            request,
            now,
            base: format!("{}://{authority}", uri.scheme_str().unwrap_or("https")),
            host,
            lower: path.iter().map(|segment| segment.to_ascii_lowercase()).collect(),
            path,
            is_replay: false,
        }
    }

    pub(super) fn method(&self) -> &Method {
        self.request.method()
    }

    pub(super) fn query(&self) -> &'a str {
        self.request.uri().query().unwrap_or_default()
    }

    /// A parameter of the query; names are compared without case, as ARM does.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.request.body()).map_err(|error| {
            let why = format!(
                "The request content was invalid and could not be deserialized: '{error}'."
            );
            Refusal::new(400, "InvalidRequestContent", why)
        })
    }
}

/// Whether a request can change nothing, whatever its method.
pub(super) fn is_read(request: &Request) -> bool {
    if let Some(is_read) = is_own_read(request) {
        return is_read;
    }
    let path = request.uri().path().to_ascii_lowercase();
    match *request.method() {
        Method::GET | Method::HEAD => true,
        // The listings of settings are POSTs because they hold secrets (Web Apps, List Application Settings); what one may
        // do is asked of Kubernetes by making a review of it.
        Method::POST => {
            ["/list", "/listkeys", "/token", "/selfsubjectaccessreviews"]
                .iter()
                .any(|end| path.ends_with(end))
                || is_read_of_aws(request)
        }
        _ => false,
    }
}

/// The same of what no HTTP carries. `None` for the rest.
fn is_own_read(request: &Request) -> Option<bool> {
    postgres::is_read(request)
        .or_else(|| redis::is_read(request))
        .or_else(|| program::is_read(request))
        .or_else(|| names::is_read(request))
        .or_else(|| haproxy::is_read(request))
}

/// AWS sends most reads as POSTs, and names them for what they are.
fn is_read_of_aws(request: &Request) -> bool {
    let reads = ["Describe", "Get", "List", "Simulate"];
    operation(request).is_some_and(|name| reads.iter().any(|read| name.starts_with(read)))
}

/// What a request asks, where no path says it: of AWS, of a database, of a machine.
pub(super) fn operation(request: &Request) -> Option<&str> {
    if is_own_read(request).is_some() {
        return std::str::from_utf8(request.body()).ok();
    }
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    header("authorization").filter(|text| text.starts_with("AWS4-HMAC-SHA256 "))?;
    let target = header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let form = std::str::from_utf8(request.body()).unwrap_or_default();
    target.or_else(|| form.split('&').find_map(|pair| pair.strip_prefix("Action=")))
}

/// What a service replies.
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    content_type: &'static str,
    body: Bytes,
    /// How long the answer takes.
    pub after: Option<Duration>,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(super) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::typed(status, "text/html", body)
    }

    /// An answer without a body. The storage provider types even these as text (seen in recordings of az).
    pub(super) fn empty(status: u16) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", Bytes::new())
    }

    pub(super) fn typed(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: body.into(), after: None }
    }

    /// Traffic Manager escapes the slashes of its JSON (seen in recordings of az).
    pub(super) fn slash_escaped(status: u16, body: &Value) -> Self {
        let text = body.to_string().replace('/', "\\/");
        Self::typed(status, "application/json; charset=utf-8", text)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn taking(mut self, length: Duration) -> Self {
        self.after = Some(length);
        self
    }

    pub(super) fn latency(&self, is_read: bool) -> Duration {
        self.after.unwrap_or(if is_read { READ } else { CHANGE })
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = http::StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A request that a service does not carry out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The error body that ARM promises: a code and a message.
    pub(super) fn into_reply(self) -> Reply {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        Reply { headers: self.headers, ..Reply::json(self.status, &body) }
    }
}

pub(super) type Replied = Result<Reply, Refusal>;
