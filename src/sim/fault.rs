//! Faults that can be put at any call.

use super::{aws, call, haproxy, kubernetes, names, postgres, redis};
use crate::wire::{Request, Response, host};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;

/// What goes wrong at one request.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Any, when there is none.
    pub method: Option<Method>,
    /// A part of the address, without case. What it asks of AWS, where no path says it, stands for its query.
    pub path: String,
    /// Which of the requests that fit, counted from 1 and from when the fault was put there.
    pub nth: u32,
    pub mishap: Mishap,
}

#[derive(Clone, Debug)]
pub enum Mishap {
    /// Refused with this status; nothing is carried out.
    Status { code: StatusCode, retry_after: Option<u32> },
    /// Carried out, and answered with this status all the same: a gateway lost patience.
    LateStatus(StatusCode),
    /// Not carried out, and answered as if it had been.
    Pretend,
    /// Accepted, and the operation that it begins fails at its end.
    FailsLater,
    /// Carried out, and the answer never arrives.
    LostAnswer,
    /// It never leaves the machine.
    NotSent,
    /// Carried out, and the answer breaks off halfway.
    CutOff,
    /// Not carried out, and no answer arrives.
    Hang,
}

/// The faults that are in place.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, mut fault: Fault) {
        fault.path.make_ascii_lowercase();
        self.0.push(fault);
    }

    /// Counts this request, and gives what goes wrong at it.
    pub(super) fn meet(&mut self, request: &Request) -> Option<Mishap> {
        if self.0.is_empty() {
            return None;
        }
        let path = address(request).to_ascii_lowercase();
        let mut met = None;
        self.0.retain_mut(|fault| {
            let fits = fault.method.as_ref().is_none_or(|method| method == request.method())
                && path.contains(&fault.path);
            fault.nth = fault.nth.saturating_sub(u32::from(fits));
            if fits && fault.nth == 0 && met.is_none() {
                met = Some(fault.mishap.clone());
                return false;
            }
            true
        });
        met
    }
}

/// `HOST/PATH?QUERY`.
fn address(request: &Request) -> String {
    let uri = request.uri();
    let (host, path) = (host(request), uri.path());
    let query = uri.query().or_else(|| call::operation(request));
    format!("{host}{path}?{}", query.unwrap_or_default())
}

/// The answer of a front end that does not ask the service.
pub(super) fn refusal(
    request: &Request,
    code: StatusCode,
    retry_after: Option<u32>,
    now: Timestamp,
) -> Response {
    let status = code.as_u16();
    let own = postgres::refusal(request, status)
        .or_else(|| redis::refusal(request, status))
        .or_else(|| names::refusal(request, status))
        .or_else(|| haproxy::refusal(request, status))
        .or_else(|| kubernetes::refusal(&call::Call::new(request, now), status))
        .or_else(|| aws::refusal(&call::Call::new(request, now), status));
    let mut response = own.map_or_else(|| of_azure(code), call::Reply::into_response);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    }
    response
}

pub(super) const FAULT: &str =
    "The request was not carried out as asked: a fault of the simulation.";

fn of_azure(code: StatusCode) -> Response {
    let name = match code.as_u16() {
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "Injected",
    };
    let body = json!({ "error": { "code": name, "message": FAULT } }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-ms-failure-cause", HeaderValue::from_static("gateway"));
    response
}
