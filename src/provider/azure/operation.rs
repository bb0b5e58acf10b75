//! Azure's long-running operations: where to ask, and what the answer means.
//!
//! An operation can be taken up by another process: all that is needed stands in its [`Handle`]. Only Azure says that one
//! failed; a status that cannot be read says nothing, and one that Azure has forgotten leaves the judgment to whoever
//! looks at the resource. The contract is ARM's "Asynchronous operations"
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>); the order in which the three
//! ways are tried is that of azure-core's `ARMPolling`.

use super::{
    arm::Arm,
    call::{Call, Door},
    deployment,
    error::{ArmError, from_json, header},
};
use crate::{
    action::{Handle, Polled, Trouble},
    wire::{Response, retry_after},
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How soon to ask again when Azure does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(10);
/// Azure's `Retry-After` is a hint while all is well: an end should be noticed soon after it came.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));
/// How often in a row a `Location` may answer a service's own 500 until that is taken for the operation's end.
const BROKEN: u32 = 10;

/// Where an accepted operation can be asked about. Addresses are kept byte for byte: their queries are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// The address of `Azure-AsyncOperation`, which answers 200 with a `status`.
    Status(String),
    /// The address of `Location`, which answers 202 until the operation has ended.
    Location(String),
    /// The resource itself, with its `provisioningState`.
    Resource(String),
    /// A deployment, on the deployment host of its site.
    Deployment(String),
}

impl Operation {
    /// Reads from the first answer where to ask; `None` when the change is done. Addresses that must not be given a
    /// token are passed over.
    pub(super) fn begun(
        call: &Call,
        url: &str,
        response: &Response,
        may_be_asked: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let address = |name| header(response, name).filter(|url| may_be_asked(url));
        if call.door == Door::Deployment {
            // Kudu stands behind a front end, and may not know that it was reached over https.
            let address = header(response, "location").map(|url| deployment::over_https(&url));
            let is_accepted = response.status() == StatusCode::ACCEPTED;
            return address.filter(|url| is_accepted && may_be_asked(url)).map(Self::Deployment);
        }
        if let Some(url) = address("azure-asyncoperation") {
            return Some(Self::Status(url));
        }
        if let Some(url) = address("location") {
            return Some(Self::Location(url));
        }
        let settles = [Method::PUT, Method::PATCH].contains(&call.method);
        let under_way = response.status() == StatusCode::ACCEPTED
            || state(&body(response)).is_some_and(|state| !is(&state, "Succeeded"));
        (settles && under_way).then(|| Self::Resource(url.to_owned()))
    }

    pub(super) fn to_handle(&self) -> Handle {
        Handle(json!(self))
    }

    pub(super) fn from_handle(handle: &Handle) -> Result<Self, Trouble> {
        Self::deserialize(&handle.0)
            .map_err(|_| Trouble::odd("the journal holds an operation that is not one of Azure's"))
    }

    fn url(&self) -> &str {
        match self {
            Self::Status(url)
            | Self::Location(url)
            | Self::Resource(url)
            | Self::Deployment(url) => url,
        }
    }

    fn call(&self, url: &str) -> Call {
        match self {
            Self::Deployment(_) => Call::get_deployment(url),
            Self::Status(_) | Self::Location(_) | Self::Resource(_) => Call::get_url(url),
        }
    }

    /// What an answer to a poll means.
    fn judge(&self, response: &Response) -> Result<Verdict, Trouble> {
        let status = response.status();
        match status.as_u16() {
            // Obeyed here and not taken as a hint: Azure is short of breath.
            408 | 429 | 500.. => {
                let wait = retry_after(response).unwrap_or(PAUSES.1);
                let error = ArmError::read(response);
                let is_its_own = matches!(self, Self::Location(_)) && is_of_the_service(response);
                return Ok(if is_its_own {
                    Verdict::Broken { why: error.to_string(), look_again: wait }
                } else {
                    Verdict::running(error.to_string(), wait)
                });
            }
            // Forgotten, hours or days after its end.
            404 => return Ok(Verdict::Is(Polled::Done)),
            401 | 403 => {
                let why = format!(
                    "Azure does not let us see how it stands: {}",
                    ArmError::read(response)
                );
                return Err(Trouble::denied(why));
            }
            200..300 => {}
            _ if matches!(self, Self::Location(_)) => {
                let why = ArmError::read(response).to_string();
                return Ok(Verdict::Is(Polled::Failed { why }));
            }
            _ => {
                let why = format!("cannot read how it stands: {}", ArmError::read(response));
                return Err(Trouble::odd(why));
            }
        }
        let body = body(response);
        let look_again = retry_after(response).unwrap_or(USUAL_PAUSE).clamp(PAUSES.0, PAUSES.1);
        let text = match self {
            Self::Location(url) if status == StatusCode::ACCEPTED => {
                let says = says("InProgress", &body);
                return Ok(match header(response, "location").filter(|next| next != url) {
                    Some(to) => Verdict::Moved { to, says, look_again },
                    None => Verdict::running(says, look_again),
                });
            }
            Self::Location(_) => return Ok(Verdict::Is(Polled::Done)),
            Self::Deployment(_) => return Ok(Verdict::Is(deployment::judge(status, &body))),
            // PostgreSQL's first answers have no `status` yet.
            Self::Status(_) => {
                body.get("status").and_then(Value::as_str).unwrap_or("InProgress").to_owned()
            }
            Self::Resource(_) => state(&body).unwrap_or_else(|| "Succeeded".to_owned()),
        };
        Ok(if is(&text, "Succeeded") {
            Verdict::Is(Polled::Done)
        } else if is(&text, "Failed") || is(&text, "Canceled") {
            let why = match from_json(&body) {
                Some((code, message)) => format!("Azure says {text}: {code}: {message}"),
                None => format!("Azure says {text}, and not why"),
            };
            Verdict::Is(Polled::Failed { why })
        } else {
            Verdict::running(says(&text, &body), look_again)
        })
    }
}

/// Whether a 5xx is a service's own answer, and not that of a front end that did not reach it.
fn is_of_the_service(response: &Response) -> bool {
    let passes =
        [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    response.status().is_server_error()
        && !passes.contains(&response.status())
        && header(response, "x-ms-failure-cause").is_none_or(|cause| !is(&cause, "gateway"))
        && !ArmError::read(response).code.is_empty()
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Is(Polled),
    /// It goes on, and is to be asked about elsewhere from now on.
    Moved {
        to: String,
        says: String,
        look_again: Duration,
    },
    /// An error that is the operation's end if it stays.
    Broken {
        why: String,
        look_again: Duration,
    },
}

impl Verdict {
    fn running(says: String, look_again: Duration) -> Self {
        Self::Is(Polled::Pending { says, look_again })
    }
}

/// What this process has learned of operations while it polled them: nothing is lost with it but time.
#[derive(Default)]
pub(super) struct Polls(Mutex<HashMap<String, Poll>>);

#[derive(Clone, Default)]
struct Poll {
    moved_to: Option<String>,
    broken: u32,
}

impl Polls {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Poll>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks Resource Manager how an operation stands.
pub(super) async fn poll(arm: &Arm, handle: &Handle) -> Result<Polled, Trouble> {
    match Operation::from_handle(handle)? {
        // A journal's word is not enough to send a token to a host.
        Operation::Deployment(_) => Err(Trouble::odd("this action deploys nothing")),
        operation => ask(arm, &operation).await,
    }
}

/// Asks about an operation whose host may have a token.
pub(super) async fn ask(arm: &Arm, operation: &Operation) -> Result<Polled, Trouble> {
    let begun = operation.url();
    let known = arm.polls.lock().get(begun).cloned().unwrap_or_default();
    let url = known.moved_to.as_deref().unwrap_or(begun);
    let response = arm.answer(&operation.call(url)).await?;
    let mut poll = Poll { moved_to: known.moved_to.clone(), broken: 0 };
    let polled = match operation.judge(&response)? {
        Verdict::Is(polled) => polled,
        Verdict::Moved { to, says, look_again } => {
            // Elsewhere it would get no token; here it may still be asked.
            poll.moved_to = Some(to).filter(|to| arm.is_ours(to)).or(poll.moved_to);
            Polled::Pending { says, look_again }
        }
        Verdict::Broken { why, .. } if known.broken + 1 >= BROKEN => Polled::Failed { why },
        Verdict::Broken { why, look_again } => {
            poll.broken = known.broken + 1;
            Polled::Pending { says: why, look_again }
        }
    };
    arm.polls.lock().insert(begun.to_owned(), poll);
    Ok(polled)
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap_or(Value::Null)
}

fn state(body: &Value) -> Option<String> {
    body.pointer("/properties/provisioningState")?.as_str().map(ToOwned::to_owned)
}

fn is(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word)
}

fn says(status: &str, body: &Value) -> String {
    match body.get("percentComplete").and_then(Value::as_f64) {
        Some(percent) if percent > 0.0 => format!("{status}, {percent:.0} %"),
        _ => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::testing::*;
    use bytes::Bytes;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn begun(method: &Method, answer: &Response) -> Option<Operation> {
        let call = Call { method: method.clone(), ..Call::get_url("https://arm/resource") };
        Operation::begun(&call, &call.url, answer, |url| url.starts_with("https://arm/"))
    }

    #[test]
    fn the_first_answer_says_where_to_ask() {
        let status = ("azure-asyncoperation", "https://arm/status?s=a%2Fb");
        let location = ("location", "https://arm/location?monitor=true");
        let elsewhere = ("location", "https://evil/location");
        let table: [(Method, Response, Option<Operation>); 8] = [
            (
                Method::PATCH,
                response(202, &[status, location], r#"{"operation":"X"}"#),
                Some(Operation::Status(status.1.into())),
            ),
            (
                Method::POST,
                response(202, &[location], ""),
                Some(Operation::Location(location.1.into())),
            ),
            (Method::POST, response(202, &[elsewhere], ""), None),
            (Method::POST, response(200, &[], ""), None),
            (Method::DELETE, response(204, &[], ""), None),
            (
                Method::PUT,
                response(202, &[], ""),
                Some(Operation::Resource("https://arm/resource".into())),
            ),
            (
                Method::PUT,
                response(201, &[], r#"{"properties":{"provisioningState":"InProgress"}}"#),
                Some(Operation::Resource("https://arm/resource".into())),
            ),
            (
                Method::PUT,
                response(200, &[], r#"{"properties":{"provisioningState":"Succeeded"}}"#),
                None,
            ),
        ];
        for (method, answer, expected) in table {
            let operation = begun(&method, &answer);
            assert_eq!(operation, expected, "{method} {answer:?}");
            let handle = operation.as_ref().map(Operation::to_handle);
            assert_eq!(handle.map(|handle| Operation::from_handle(&handle).unwrap()), operation);
        }
    }

    fn pending(says: &str, seconds: u64) -> Verdict {
        Verdict::running(says.to_owned(), Duration::from_secs(seconds))
    }

    fn failed(why: &str) -> Verdict {
        Verdict::Is(Polled::Failed { why: why.to_owned() })
    }

    #[test]
    fn a_status_is_read_to_its_end() {
        let status = Operation::Status("https://arm/status".into());
        let table = [
            (
                response(200, &[], r#"{"status":"InProgress","percentComplete":40.0}"#),
                pending("InProgress, 40 %", 10),
            ),
            (
                response(200, &[("retry-after", "600")], r#"{"status":"Updating"}"#),
                pending("Updating", 30),
            ),
            (
                response(200, &[("retry-after", "0")], r#"{"operation":"X"}"#),
                pending("InProgress", 5),
            ),
            (response(200, &[], r#"{"status":"succeeded"}"#), Verdict::Is(Polled::Done)),
            (
                response(
                    200,
                    &[],
                    r#"{"status":"Failed","error":{"code":"NotSymmetric","message":"sizes differ"}}"#,
                ),
                failed("Azure says Failed: NotSymmetric: sizes differ"),
            ),
            (
                response(200, &[], r#"{"status":"Canceled"}"#),
                failed("Azure says Canceled, and not why"),
            ),
            (response(429, &[("retry-after", "120")], ""), pending("429 Too Many Requests", 120)),
            (response(503, &[], ""), pending("503 Service Unavailable", 30)),
            (response(404, &[], ""), Verdict::Is(Polled::Done)),
        ];
        for (answer, expected) in table {
            assert_eq!(status.judge(&answer).unwrap(), expected, "{answer:?}");
        }
        assert!(status.judge(&response(401, &[], "")).is_err());
        assert!(
            status.judge(&response(400, &[], "")).is_err(),
            "the read failed, not the operation"
        );
    }

    #[test]
    fn a_location_is_followed_to_its_end() {
        let location = Operation::Location("https://arm/one".into());
        let table = [
            (response(202, &[("retry-after", "17")], ""), pending("InProgress", 17)),
            (
                response(202, &[("location", "https://arm/two")], ""),
                Verdict::Moved {
                    to: "https://arm/two".to_owned(),
                    says: "InProgress".to_owned(),
                    look_again: USUAL_PAUSE,
                },
            ),
            (response(200, &[], ""), Verdict::Is(Polled::Done)),
            (response(204, &[], ""), Verdict::Is(Polled::Done)),
            (
                response(409, &[], r#"{"error":{"code":"Conflict","message":"no"}}"#),
                failed("409 Conflict: no"),
            ),
            (response(500, &[], ""), pending("500 Internal Server Error", 30)),
            (response(503, &[], BOOM), pending("503 Boom: no", 30)),
            (
                response(500, &[("x-ms-failure-cause", "gateway")], BOOM),
                pending("500 Boom: no", 30),
            ),
            (
                response(500, &[], BOOM),
                Verdict::Broken {
                    why: "500 Boom: no".to_owned(),
                    look_again: Duration::from_secs(30),
                },
            ),
        ];
        for (answer, expected) in table {
            assert_eq!(location.judge(&answer).unwrap(), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_resource_says_its_state() {
        let resource = Operation::Resource("https://arm/resource".into());
        let table = [
            (r#"{"properties":{"provisioningState":"Updating"}}"#, pending("Updating", 10)),
            (r#"{"properties":{}}"#, Verdict::Is(Polled::Done)),
            (
                r#"{"properties":{"provisioningState":"Failed"}}"#,
                failed("Azure says Failed, and not why"),
            ),
        ];
        for (body, expected) in table {
            assert_eq!(resource.judge(&response(200, &[], body)).unwrap(), expected, "{body}");
        }
    }

    const BOOM: &str = r#"{"error":{"code":"Boom","message":"no"}}"#;
    const HERE: &str = "https://management.azure.com";

    fn handle(path: &str) -> Handle {
        Operation::Location(format!("{HERE}{path}")).to_handle()
    }

    #[tokio::test]
    async fn an_operation_that_moves_is_asked_about_where_it_went() {
        let to = |path: &str| answer(202, &[("location", &format!("{HERE}{path}"))], "");
        let elsewhere = answer(202, &[("location", "https://evil.example/four")], "");
        let script = Script::new()
            .on("GET /one", to("/two"))
            .on("GET /two", to("/three"))
            .on("GET /three", elsewhere)
            .on("GET /three", ok(""));
        let arm = Arm::new(&script.clients());
        for _ in 0..3 {
            let polled = poll(&arm, &handle("/one")).await.unwrap();
            assert!(matches!(polled, Polled::Pending { .. }), "{polled:?}");
        }
        assert_eq!(poll(&arm, &handle("/one")).await, Ok(Polled::Done));
        assert_eq!(script.sent(), ["GET /one", "GET /two", "GET /three", "GET /three"]);
    }

    #[tokio::test]
    async fn an_error_of_the_services_own_that_stays_is_the_end() {
        let script = Script::new().on("GET /one", answer(500, &[], BOOM));
        let arm = Arm::new(&script.clients());
        for _ in 1..BROKEN {
            let polled = poll(&arm, &handle("/one")).await.unwrap();
            assert!(matches!(polled, Polled::Pending { .. }), "{polled:?}");
        }
        assert_eq!(
            poll(&arm, &handle("/one")).await,
            Ok(Polled::Failed { why: "500 Boom: no".to_owned() })
        );
    }

    #[tokio::test]
    async fn a_journal_alone_sends_no_token_to_a_deployment_host() {
        let script = Script::new();
        let handle = Operation::Deployment("https://evil.example/latest".into()).to_handle();
        assert!(poll(&Arm::new(&script.clients()), &handle).await.is_err());
        assert!(script.sent().is_empty());
    }
}
