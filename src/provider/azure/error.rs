//! What Azure says when it says no, whatever shape it chose.

use crate::wire::Response;
use http::StatusCode;
use serde_json::Value;
use std::fmt;

/// The longest message of Azure's that is passed on.
const LONGEST_MESSAGE: usize = 400;

/// Codes that mean "later": Azure has not begun, because something else is at work on the resource.
///
/// The status that carries them is not uniform (409 mostly, 400 for some of PostgreSQL's), the code is.
const BUSY: [&str; 9] = [
    "AnotherOperationInProgress",
    "OperationInProgress",
    "PendingTransactionAlreadyExists",
    "ResourceRequestsThrottled",
    "RetryableErrorDueToAnotherOperation",
    "ServerIsBusy",
    "ServerIsNotReady",
    "StorageAccountOperationInProgress",
    "TooManyRequests",
];

/// Codes that say that the place is not there in which a resource was looked for, or is another tenant's.
pub(super) const NO_GROUP: &str = "ResourceGroupNotFound";
pub(super) const NO_SUBSCRIPTION: [&str; 2] = ["SubscriptionNotFound", "InvalidSubscriptionId"];
pub(super) const OTHER_TENANT: &str = "InvalidAuthenticationTokenTenant";

/// One error, read from any of the shapes in which Azure's services answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArmError {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
}

impl ArmError {
    pub(super) fn read(response: &Response) -> Self {
        let status = response.status();
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        let (code, message) = from_json(&body)
            .or_else(|| Some((header(response, "x-ms-error-code")?, String::new())))
            .unwrap_or_else(|| (String::new(), plain_text(response)));
        Self {
            status,
            code,
            message: first_line(&message),
            request_id: header(response, "x-ms-request-id"),
        }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code)
    }

    /// Whether the place is wrong in which a resource was looked for: that tells nothing of the resource.
    pub(super) fn is_of_the_place(&self) -> bool {
        let places = [NO_GROUP, OTHER_TENANT];
        NO_SUBSCRIPTION.iter().chain(&places).any(|code| self.has_code(code))
    }

    /// Whether Azure put the request off because something else is at work.
    pub(super) fn is_busy(&self) -> bool {
        // Kudu has no code for it ("There is a deployment currently in progress."), and App Service has one that also
        // stands for names that are taken ("… because another operation is in progress.").
        BUSY.iter().any(|code| self.has_code(code))
            || self.status == StatusCode::CONFLICT && self.message.contains("in progress")
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        match self.code.as_str() {
            "" => write!(f, " {}", self.status.canonical_reason().unwrap_or_default())?,
            code => write!(f, " {code}")?,
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// Reads an `error` object, an `error` text (Entra), a bare `code` (Network) or a bare `Code` (App Service), in this
/// order; `Message` alone is Kudu's.
pub(super) fn from_json(body: &Value) -> Option<(String, String)> {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(ToOwned::to_owned);
    let pair = |value: &Value, code: &str, message: &str| {
        Some((text(value, code)?, text(value, message).unwrap_or_default()))
    };
    body.get("error")
        .and_then(|error| pair(error, "code", "message"))
        .or_else(|| pair(body, "error", "error_description"))
        .or_else(|| pair(body, "code", "message"))
        .or_else(|| pair(body, "Code", "Message"))
        .or_else(|| Some((String::new(), text(body, "Message")?)))
        .or_else(|| Some((String::new(), body.as_str()?.to_owned())))
}

/// The body itself, when it is a line for people and not a page.
fn plain_text(response: &Response) -> String {
    match std::str::from_utf8(response.body()) {
        Ok(text) if !text.trim_start().starts_with(['<', '{']) => text.trim().to_owned(),
        _ => String::new(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(LONGEST_MESSAGE).collect()
}

/// A header's text, if it is there and is text.
pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(status: u16, body: &str) -> ArmError {
        let response = http::Response::builder()
            .status(status)
            .header("x-ms-request-id", "8f2c")
            .body(Bytes::copy_from_slice(body.as_bytes()));
        ArmError::read(&response.unwrap())
    }

    #[test]
    fn every_shape_of_error_is_read() {
        let table = [
            (
                404,
                r#"{"error":{"code":"ResourceNotFound","message":"not found","details":[]}}"#,
                "404 ResourceNotFound: not found",
            ),
            (404, r#"{"code":"NotFound","message":"no such zone"}"#, "404 NotFound: no such zone"),
            (
                409,
                r#"{"Code":"Conflict","Message":"name taken","Details":[]}"#,
                "409 Conflict: name taken",
            ),
            (
                400,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong secret\nTrace"}"#,
                "400 invalid_client: AADSTS7000215: wrong secret",
            ),
            (400, r#"{"Message":"Unknown type"}"#, "400 Bad Request: Unknown type"),
            (400, "Missing type", "400 Bad Request: Missing type"),
            (403, "<html><body>This web app is stopped.</body></html>", "403 Forbidden"),
            (502, "", "502 Bad Gateway"),
        ];
        for (status, body, shown) in table {
            assert_eq!(read(status, body).to_string(), shown, "{body}");
            assert_eq!(read(status, body).request_id.as_deref(), Some("8f2c"));
        }
    }

    #[test]
    fn an_error_that_stands_in_a_header_only_is_read() {
        let response = http::Response::builder()
            .status(409)
            .header("x-ms-error-code", "LeaseAlreadyPresent")
            .body(Bytes::from_static(b"<?xml version=\"1.0\"?>"));
        assert_eq!(ArmError::read(&response.unwrap()).code, "LeaseAlreadyPresent");
    }

    #[test]
    fn busy_is_told_from_no() {
        let busy = |status, body| read(status, body).is_busy();
        assert!(busy(
            409,
            r#"{"error":{"code":"StorageAccountOperationInProgress","message":""}}"#
        ));
        assert!(busy(400, r#"{"error":{"code":"ServerIsBusy","message":""}}"#));
        assert!(busy(
            409,
            "There is a deployment currently in progress. Please try again when it completes."
        ));
        assert!(!busy(409, r#"{"error":{"code":"ScopeLocked","message":"locked"}}"#));
        assert!(!busy(409, r#"{"error":{"code":"Conflict","message":"name taken"}}"#));
    }
}
