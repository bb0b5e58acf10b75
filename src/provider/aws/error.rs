//! What AWS says when it says no: in XML of two shapes, in JSON, or in the HTML of whatever stands before it.

use crate::wire::{Element, Response};
use http::StatusCode;
use serde_json::Value;
use std::fmt;

/// A refusal, from whichever service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AwsError {
    pub status: StatusCode,
    /// The vendor's word for it, without `Exception` and without its namespace; empty when there is none.
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
}

/// The longest message that is shown: a page of HTML says nothing more after that.
const LONGEST: usize = 300;

/// What asks for patience, and proves that nothing has happened. From the retry rules of the AWS SDKs ("Retry behavior",
/// throttling errors), and of Route 53 `PriorRequestNotComplete` (`ChangeResourceRecordSets`) and `HealthCheckVersionMismatch`
/// (`UpdateHealthCheck`): the next request is made of what is read then.
const BUSY: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EndpointTemporarilyUnavailable",
    "HealthCheckVersionMismatch",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "ScalingActivityInProgress",
    "SlowDown",
    "Throttled",
    "Throttling",
    "TooManyRequests",
    "TransactionInProgress",
];

/// What proves that nothing has happened, and that other keys are needed.
const WHO: [&str; 9] = [
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
];

/// Those of them that a clock gone wrong has too ("Troubleshoot Signature Version 4", IAM user guide).
const SIGNATURE: [&str; 3] = ["InvalidSignature", "RequestExpired", "SignatureDoesNotMatch"];

/// What this caller may not do.
const DENIED: [&str; 4] = ["AccessDenied", "AuthFailure", "NotAuthorized", "UnauthorizedOperation"];

impl AwsError {
    pub(super) fn read(response: &Response) -> Self {
        let status = response.status();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let body = String::from_utf8_lossy(response.body());
        let (code, message, id) = in_xml(&body)
            .or_else(|| in_json(&body, header("x-amzn-errortype")))
            .unwrap_or_else(|| (String::new(), in_text(&body), None));
        let request_id = id.or_else(|| header("x-amzn-requestid"));
        Self { status, code: plain(&code), message: shortened(&message), request_id }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    pub(super) fn is_busy(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || BUSY.contains(&self.code.as_str())
    }

    /// Whether AWS wants other keys.
    pub(super) fn is_about_keys(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED || WHO.contains(&self.code.as_str())
    }

    /// What somebody can do while a step goes on trying.
    pub(super) fn cure(&self) -> &'static str {
        if SIGNATURE.contains(&self.code.as_str()) {
            "; the secret key is wrong, or this machine's clock is"
        } else if self.is_about_keys() {
            "; sign in again (`aws sso login`, or other keys in the same place), and it goes on by itself"
        } else {
            ""
        }
    }

    pub(super) fn is_denied(&self) -> bool {
        self.is_about_keys() || DENIED.contains(&self.code.as_str())
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = if self.code.is_empty() {
            self.status.canonical_reason().unwrap_or_default()
        } else {
            &self.code
        };
        write!(f, "{} {code}", self.status.as_u16())?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

type Parts = (String, String, Option<String>);

/// `ErrorResponse` of the Query protocol and of Route 53, and Route 53's `InvalidChangeBatch`, which may list several.
fn in_xml(body: &str) -> Option<Parts> {
    let root = Element::read(body)?;
    let id = root.find("RequestId").or_else(|| root.find("RequestID"));
    let id = id.map(|id| id.text.clone());
    if let Some(error) = root.find("Error") {
        let text = |name: &str| error.text_of(name).unwrap_or_default().to_owned();
        return Some((text("Code"), text("Message"), id));
    }
    let messages = root.members("Messages").iter().map(|message| message.text.trim());
    let all: Vec<_> = messages.chain(root.text_of("message")).collect();
    (!all.is_empty()).then(|| (root.name.clone(), all.join("; "), id))
}

fn in_json(body: &str, header: Option<String>) -> Option<Parts> {
    let value: Value = serde_json::from_str(body).ok()?;
    let text = |name: &str| value[name].as_str().map(ToOwned::to_owned);
    let code = text("__type").or_else(|| text("code")).or(header)?;
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    Some((code, message, None))
}

/// The text of a page, without its tags.
fn in_text(body: &str) -> String {
    let mut text = String::new();
    let mut is_in_tag = false;
    for c in body.chars() {
        match c {
            '<' => is_in_tag = true,
            '>' => {
                is_in_tag = false;
                text.push(' ');
            }
            c if !is_in_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `com.amazonaws.ecs#ServiceNotFoundException:http://…` is `ServiceNotFound`.
fn plain(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    code.strip_suffix("Exception").or_else(|| code.strip_suffix("Fault")).unwrap_or(code).to_owned()
}

fn shortened(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if message.chars().count() <= LONGEST {
        return message;
    }
    message.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&str, &str)], body: &str) -> AwsError {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        AwsError::read(&response.body(body.to_owned().into()).unwrap())
    }

    #[test]
    fn every_shape_of_a_no_is_read() {
        let query = r#"<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error>
            <Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>
            <RequestId>8f2c</RequestId></ErrorResponse>"#;
        let batch = r#"<?xml version="1.0"?><InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
            <Messages><Message>one</Message><Message>two</Message></Messages></InvalidChangeBatch>"#;
        let json = r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"Cluster not found."}"#;
        let bare = r#"{"message":"no"}"#;
        let header = [("x-amzn-errortype", "ConflictException:http://internal/")];
        let html = "<html><head><title>502 Bad Gateway</title></head><body>busy</body></html>";
        let table = [
            (read(400, &[], query), "400 Throttling: Rate exceeded"),
            (read(400, &[], batch), "400 InvalidChangeBatch: one; two"),
            (read(400, &[], json), "400 ClusterNotFound: Cluster not found."),
            (read(400, &header, bare), "400 Conflict: no"),
            (read(502, &[], html), "502 Bad Gateway: 502 Bad Gateway busy"),
            (
                read(500, &[], "<ErrorResponse><Error><Code>Internal"),
                "500 Internal Server Error: Internal",
            ),
            (read(503, &[], ""), "503 Service Unavailable"),
        ];
        for (error, says) in table {
            assert_eq!(error.to_string(), says);
        }
        assert_eq!(read(400, &[], query).request_id.as_deref(), Some("8f2c"));
    }

    #[test]
    fn busy_and_unknown_callers_are_told_from_the_rest() {
        let of = |code: &str| {
            read(
                400,
                &[],
                &format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"),
            )
        };
        assert!(of("ThrottlingException").is_busy() && of("PriorRequestNotComplete").is_busy());
        assert!(of("ExpiredTokenException").is_about_keys() && of("AccessDenied").is_denied());
        assert!(of("ExpiredTokenException").cure().contains("aws sso login"));
        assert!(of("SignatureDoesNotMatch").cure().contains("clock"));
        assert_eq!(of("InvalidChangeBatch").cure(), "");
        assert!(!of("InvalidChangeBatch").is_busy() && !of("AccessDenied").is_about_keys());
    }
}
