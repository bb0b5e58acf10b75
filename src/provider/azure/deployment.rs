//! The deployment of a package, as the deployment host of its site tells it.
//!
//! There is no published contract: the meaning of the numbers is read from Kudu's source (`DeployStatus` of
//! projectkudu/kudu).

use crate::action::Polled;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

/// A small package is deployed within half a minute.
const PAUSE: Duration = Duration::from_secs(5);

const FAILED: u64 = 3;
/// Another deployment came in between.
const CONFLICT: u64 = 5;

/// An address as it is asked: no token is sent in the clear.
pub(super) fn over_https(url: &str) -> String {
    match url.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => url.to_owned(),
    }
}

/// What an answer about a deployment means: 202 while it is pending, and else its status.
pub(super) fn judge(status: StatusCode, body: &Value) -> Polled {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let code = body.get("status").and_then(Value::as_u64);
    if [Some(FAILED), Some(CONFLICT)].contains(&code) {
        let id = text("id").unwrap_or("without an id");
        let why = text("status_text").or(text("message")).unwrap_or("it does not say why");
        return Polled::Failed { why: format!("the deployment {id} failed: {why}") };
    }
    let is_over = body.get("complete").and_then(Value::as_bool).unwrap_or(true);
    if status == StatusCode::ACCEPTED || !is_over {
        let says = text("progress").or(text("status_text")).unwrap_or("deploying").to_owned();
        return Polled::Pending { says, look_again: PAUSE };
    }
    Polled::Done
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_is_followed_to_its_end() {
        let pending = |says: &str| Polled::Pending { says: says.to_owned(), look_again: PAUSE };
        let failed = |why: &str| Polled::Failed { why: why.to_owned() };
        let table = [
            (
                202,
                json!({ "status": 1, "complete": false, "progress": "Building" }),
                pending("Building"),
            ),
            (202, json!({ "status": 0, "complete": false, "progress": "" }), pending("deploying")),
            (200, json!({ "status": 2, "complete": false }), pending("deploying")),
            (200, json!({ "status": 4, "complete": true }), Polled::Done),
            (200, json!({ "status": 6, "complete": true }), Polled::Done),
            (
                200,
                json!({ "id": "7f3a", "status": 3, "status_text": "no space left", "complete": true }),
                failed("the deployment 7f3a failed: no space left"),
            ),
            (
                200,
                json!({ "id": "7f3a", "status": 5, "status_text": "", "complete": true }),
                failed("the deployment 7f3a failed: it does not say why"),
            ),
            (200, Value::Null, Polled::Done),
        ];
        for (status, body, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(judge(status, &body), expected, "{body}");
        }
    }
}
