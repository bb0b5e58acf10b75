//! Azure Resource Manager, over the wire that the action was given.
//!
//! Sends each change once, unless Azure's answer proves that nothing happened (401). A token goes to Resource Manager's
//! own host, or to the deployment host that Azure reported for a site, and nowhere else.

use super::{
    call::{Call, Door},
    error::{ArmError, header},
    operation::{Operation, Polls},
};
use crate::{
    action::{Applied, Clients, Trouble, Unapplied},
    journal::Permit,
    model::{Secret, span},
    provider::lost::{self, Lost, keeps_secrets},
    wire::{Intent, Request, Response, retry_after},
};
use bytes::Bytes;
use http::{Method, StatusCode, Uri, header as names};
use serde::{Deserialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// For how long a change is put off when Azure is busy and does not say for how long.
const BUSY_PAUSE: Duration = Duration::from_secs(20);
/// How long signing in may take: a credential may start a program that hangs.
const SIGNS_IN_WITHIN: Duration = Duration::from_secs(30);
/// The length of time that one read of a region presumed lost may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// More pages than any list has that is read here.
const PAGES: usize = 100;

/// What became of a change that was sent.
pub(super) enum Sent {
    Accepted(Response),
    Rejected(ArmError, Option<Duration>),
}

/// One page of a list, and where the next one is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    value: Vec<T>,
    next_link: Option<String>,
}

/// Speaks to Azure Resource Manager in the name of one run.
#[derive(Clone)]
pub(super) struct Arm {
    pub clients: Clients,
    pub polls: Arc<Polls>,
}

impl Arm {
    pub(super) fn new(clients: &Clients) -> Self {
        Self { clients: clients.clone(), polls: Arc::default() }
    }

    /// Reads something that may not be there. What is wrong with the place where it would be is no such answer.
    pub(super) async fn find<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>, Trouble> {
        let response = self.answer(&call).await?;
        if !response.status().is_success() {
            let error = ArmError::read(&response);
            let is_missing = error.status == StatusCode::NOT_FOUND && !error.is_of_the_place();
            return if is_missing { Ok(None) } else { Err(trouble(&call, &error)) };
        }
        // Only where, for serde's own text may quote a secret.
        let unreadable = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            Trouble::odd(format!("{}: unexpected answer at {line}:{column}", call.says()))
        };
        serde_json::from_slice(response.body()).map(Some).map_err(unreadable)
    }

    /// Reads something that must be there.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, Trouble> {
        let missing = format!("{} answered 404: it is not there", call.says());
        self.find(call).await?.ok_or_else(|| Trouble::odd(missing))
    }

    /// Reads a list to its end, page by page.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, Trouble> {
        let says = call.says();
        let mut page: Page<T> = self.get(call).await?;
        let mut all = std::mem::take(&mut page.value);
        for _ in 1..PAGES {
            let Some(next) = page.next_link.filter(|link| !link.is_empty()) else { return Ok(all) };
            page = self.get(Call::get_url(&next)).await?;
            all.append(&mut page.value);
        }
        Err(Trouble::odd(format!("{says}: the list has no end")))
    }

    /// Reads in a region that may be lost: what it cannot answer in time is unknown.
    pub(super) async fn glimpse<T: DeserializeOwned>(&self, call: Call) -> Option<T> {
        self.clients.clock.within(PATIENCE, self.find(call)).await?.ok().flatten()
    }

    /// The same of a list.
    pub(super) async fn glimpse_list<T: DeserializeOwned>(&self, call: Call) -> Option<Vec<T>> {
        self.clients.clock.within(PATIENCE, self.list(call)).await?.ok()
    }

    /// Whatever Azure answers to a read.
    pub(super) async fn answer(&self, call: &Call) -> Result<Response, Trouble> {
        Ok(self.send(call, Intent::Read).await?)
    }

    /// Sends a change, and says what became of it in the engine's words.
    pub(super) async fn change(&self, call: Call, permit: &Permit) -> Result<Applied, Unapplied> {
        match self.try_change(&call, permit).await? {
            Sent::Accepted(response) => Ok(self.accepted(&call, &response)),
            Sent::Rejected(error, wait) => Err(unapplied(&call, &error, wait)),
        }
    }

    /// Sends a change, and hands Azure's own no to the caller.
    pub(super) async fn try_change(&self, call: &Call, permit: &Permit) -> Result<Sent, Unapplied> {
        // What is to be deleted and is not there is gone.
        let is_gone = |response: &Response| {
            call.method == Method::DELETE && response.status() == StatusCode::NOT_FOUND
        };
        match self.send(call, Intent::Change(permit)).await {
            Ok(response) if response.status().is_success() || is_gone(&response) => {
                Ok(Sent::Accepted(response))
            }
            Ok(response) => Ok(Sent::Rejected(ArmError::read(&response), retry_after(&response))),
            Err(Lost::Before(trouble)) => Err(before_sending(trouble)),
            Err(Lost::After(why)) => Err(Unapplied::InDoubt { why, wait: None }),
        }
    }

    /// What an accepted change leaves to be watched.
    pub(super) fn accepted(&self, call: &Call, response: &Response) -> Applied {
        // A deployment has an id of its own in the log of its host.
        let request_id =
            header(response, "x-ms-request-id").or_else(|| header(response, "scm-deployment-id"));
        let url = self.absolute(&call.url);
        let may_be_asked = |other: &str| match call.door {
            Door::Manager => self.is_ours(other),
            Door::Deployment => origin(other).is_some_and(|other| Some(other) == origin(&url)),
        };
        match Operation::begun(call, &url, response, may_be_asked) {
            Some(operation) => Applied::Accepted { handle: operation.to_handle(), request_id },
            None => Applied::Done { request_id },
        }
    }

    /// Whether an address is on Resource Manager's own host, so that it may be given our token.
    pub(super) fn is_ours(&self, url: &str) -> bool {
        origin(url).is_some_and(|origin| origin == self.clients.azure.origin())
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.clients.azure.as_str().trim_end_matches('/'))
        } else {
            url.to_owned()
        }
    }

    async fn send(&self, call: &Call, intent: Intent<'_>) -> Result<Response, Lost> {
        let mut fresh = false;
        loop {
            let token = self.token(call.door, fresh).await.map_err(Lost::Before)?;
            let request = self.request(call, &token)?;
            let response = self.clients.transport.send(request, intent).await?;
            // A 401 proves that nothing happened, so even a change may be sent again with a new token.
            if fresh || response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            fresh = true;
        }
    }

    async fn token(&self, door: Door, fresh: bool) -> Result<Secret, Trouble> {
        let Clients { tokens, clock, .. } = &self.clients;
        clock.within(SIGNS_IN_WITHIN, tokens.token(door.scope(), fresh)).await.unwrap_or_else(
            || {
                let (who, within) = (tokens.identity(), span::show(SIGNS_IN_WITHIN));
                Err(Trouble::unreachable(format!(
                    "signing in as {who} gave no token within {within}"
                )))
            },
        )
    }

    fn request(&self, call: &Call, token: &Secret) -> Result<Request, Lost> {
        let url = self.absolute(&call.url);
        let refused = |why: String| Lost::Before(Trouble::odd(format!("{}: {why}", call.says())));
        if call.door == Door::Manager && !self.is_ours(&url) {
            return Err(refused("the address is on a host that gets no token of ours".to_owned()));
        }
        // Not by way of `Url`, which would write a signed query anew.
        let uri: Uri = url.parse().map_err(|error| refused(format!("not an address: {error}")))?;
        if !keeps_secrets(&uri) {
            return Err(refused("a token is sent over https only".to_owned()));
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        let mut set = |name: &'static str, value: &str| {
            let value = value.parse().map_err(|_| refused(format!("`{name}` cannot be sent")))?;
            request.headers_mut().insert(name, value);
            Ok::<(), Lost>(())
        };
        let mut bearer = http::HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| refused("the token is not one".to_owned()))?;
        bearer.set_sensitive(true);
        set(names::ACCEPT.as_str(), "application/json")?;
        set("x-ms-client-request-id", &self.new_id())?;
        set("x-ms-return-client-request-id", "true")?;
        set("x-ms-correlation-request-id", &self.clients.run.to_string())?;
        match &call.body {
            Some((kind, _)) => set(names::CONTENT_TYPE.as_str(), kind)?,
            // ARM refuses a POST that does not say how long it is.
            None if call.method == Method::POST => set(names::CONTENT_LENGTH.as_str(), "0")?,
            None => {}
        }
        request.headers_mut().insert(names::AUTHORIZATION, bearer);
        if let Some((_, body)) = &call.body {
            *request.body_mut() = body.clone();
        }
        Ok(request)
    }

    /// Names one request, in Azure's logs.
    fn new_id(&self) -> String {
        let now = self.clients.clock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = now.subsec_nanosecond().unsigned_abs();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
    }
}

/// Where an address leads.
pub(super) fn origin(url: &str) -> Option<url::Origin> {
    // The host stands before the query, which may be 5 kB of signature.
    let place = url.split(['?', '#']).next().unwrap_or_default();
    url::Url::parse(place).ok().map(|url| url.origin())
}

/// What a read that failed before a change was sent means for that change: nothing has happened yet.
pub(super) fn before_sending(trouble: Trouble) -> Unapplied {
    lost::before_sending(trouble, BUSY_PAUSE)
}

/// What Azure's no means for a change.
pub(super) fn unapplied(call: &Call, error: &ArmError, wait: Option<Duration>) -> Unapplied {
    let why = format!("{} answered {error}", call.says());
    let later = wait.unwrap_or(BUSY_PAUSE);
    match error.status.as_u16() {
        // 408 and 5xx may come from a gateway that lost sight of a request which went through.
        408 | 500.. => Unapplied::InDoubt { why, wait },
        // 401: nothing happened, and signing in again lets the run go on.
        401 | 429 => Unapplied::Deferred { why, wait: later },
        400..500 if error.is_busy() => Unapplied::Deferred { why, wait: later },
        400..500 => Unapplied::Refused { why, request_id: error.request_id.clone() },
        // A redirect, which is never followed: who answered here, and what did they do?
        _ => Unapplied::InDoubt { why, wait },
    }
}

fn trouble(call: &Call, error: &ArmError) -> Trouble {
    let mut why = format!("{} answered {error}", call.says());
    if let Some(id) = &error.request_id {
        why.push_str(", request id ");
        why.push_str(id);
    }
    match error.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::denied(why),
        _ => Trouble::odd(why),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::id::Id, *};
    use crate::provider::testing::*;
    use serde_json::Value;

    const SITE: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/app";

    fn stop() -> Call {
        Call::post(&Id::from_azure(SITE).then("stop"))
    }

    async fn change(script: &Arc<Script>) -> Result<Applied, Unapplied> {
        Arm::new(&script.clients()).change(stop(), &permit().await).await
    }

    #[tokio::test]
    async fn a_post_says_who_asks_in_whose_name_and_how_long_it_is() {
        let script = Script::new().on("POST /stop", ok(""));
        let done = Applied::Done { request_id: Some("8f2c".to_owned()) };
        assert_eq!(change(&script).await, Ok(done));
        assert_eq!(script.sent(), [format!("POST {SITE}/stop?api-version=2024-04-01")]);
        let request = script.request(0);
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("authorization"), "Bearer key-0");
        assert_eq!(header("content-length"), "0");
        assert_eq!(header("x-ms-correlation-request-id"), script.clients().run.to_string());
        assert_eq!(header("x-ms-return-client-request-id"), "true");
        assert!(Uuid::try_parse(&header("x-ms-client-request-id")).is_ok());
    }

    #[tokio::test]
    async fn what_became_of_a_change_is_told_apart() {
        let wait = |seconds| Duration::from_secs(seconds);
        let why = |answered: &str| format!("POST …/sites/app/stop answered {answered}");
        let deferred = |why, wait| Unapplied::Deferred { why, wait };
        let refused = |why| Unapplied::Refused { why, request_id: Some("8f2c".to_owned()) };
        let in_doubt = |why| Unapplied::InDoubt { why, wait: None };
        let table = [
            (no(400, "BadRequest"), refused(why("400 BadRequest: because"))),
            (no(403, "AuthorizationFailed"), refused(why("403 AuthorizationFailed: because"))),
            (no(409, "ScopeLocked"), refused(why("409 ScopeLocked: because"))),
            (
                no(409, "AnotherOperationInProgress"),
                deferred(why("409 AnotherOperationInProgress: because"), wait(20)),
            ),
            (
                answer(429, &[("retry-after", "7")], ""),
                deferred(why("429 Too Many Requests"), wait(7)),
            ),
            (answer(500, &[], ""), in_doubt(why("500 Internal Server Error"))),
            (
                answer(503, &[("retry-after", "7")], ""),
                Unapplied::InDoubt { why: why("503 Service Unavailable"), wait: Some(wait(7)) },
            ),
            (answer(504, &[], ""), in_doubt(why("504 Gateway Timeout"))),
            (answer(408, &[], ""), in_doubt(why("408 Request Timeout"))),
            (answer(302, &[("location", "https://elsewhere")], ""), in_doubt(why("302 Found"))),
            (unanswered(), in_doubt("no answer from arm: reset".to_owned())),
            (not_sent(), deferred("cannot reach arm: refused".to_owned(), wait(20))),
        ];
        for (outcome, expected) in table {
            let script = Script::new().on("POST /stop", outcome);
            assert_eq!(change(&script).await, Err(expected));
            assert_eq!(script.sent().len(), 1, "a change goes out once");
        }
    }

    #[tokio::test]
    async fn a_401_proves_that_nothing_happened_and_is_tried_once_more() {
        let script = Script::new()
            .on("POST /stop", no(401, "ExpiredAuthenticationToken"))
            .on("POST /stop", ok(""));
        assert!(change(&script).await.is_ok());
        assert_eq!(script.request(1).headers()["authorization"], "Bearer key-1");

        let script = Script::new().on("POST /stop", no(401, "InvalidAuthenticationToken"));
        assert!(matches!(change(&script).await, Err(Unapplied::Deferred { .. })));
        assert_eq!(script.sent().len(), 2);
    }

    /// A credential that hangs.
    struct Hung;

    #[async_trait::async_trait]
    impl crate::action::Tokens for Hung {
        async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
            std::future::pending().await
        }

        fn identity(&self) -> String {
            "the Azure CLI's user".to_owned()
        }
    }

    #[tokio::test]
    async fn a_sign_in_that_hangs_is_given_up() {
        let clock = crate::model::Clock::virtual_from(jiff::Timestamp::UNIX_EPOCH);
        let clients = Clients { tokens: Arc::new(Hung), clock, ..Script::new().clients() };
        let why = "signing in as the Azure CLI's user gave no token within 30 s".to_owned();
        let arm = Arm::new(&clients);
        let get = Call::get(&Id::from_azure(SITE));
        assert_eq!(arm.find::<Value>(get).await, Err(Trouble::unreachable(why.clone())));
        let deferred = Unapplied::Deferred { why, wait: BUSY_PAUSE };
        assert_eq!(arm.change(stop(), &permit().await).await, Err(deferred));
    }

    #[tokio::test]
    async fn no_other_host_gets_the_token() {
        let script = Script::new();
        let arm = Arm::new(&script.clients());
        let call = Call::get_url("https://management.azure.com.evil.example/operation?t=secret");
        let trouble = arm.answer(&call).await.unwrap_err();
        assert!(!trouble.why.contains("secret"), "{trouble}");
        assert!(script.sent().is_empty());
    }

    #[tokio::test]
    async fn a_token_is_not_sent_in_the_clear_except_to_this_machine() {
        for (azure, is_sent) in [("http://10.0.0.5", false), ("http://127.0.0.1:8080", true)] {
            let script = Script::new().on("GET /sites/app", ok("{}"));
            let clients = Clients { azure: azure.parse().unwrap(), ..script.clients() };
            let answer = Arm::new(&clients).answer(&Call::get(&Id::from_azure(SITE))).await;
            assert_eq!(answer.is_ok(), is_sent, "{azure}");
        }
    }

    #[tokio::test]
    async fn a_signed_address_is_sent_byte_for_byte() {
        let path = "/subscriptions/s/locations/Canada%20Central/op?api-version=1&c=MII%2bH&s=a~b";
        let script = Script::new().on("GET /op", ok("{}"));
        let url = format!("https://management.azure.com{path}");
        Arm::new(&script.clients()).answer(&Call::get_url(&url)).await.unwrap();
        assert_eq!(script.sent(), [format!("GET {path}")]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_found_missing() {
        let script = Script::new().on("GET /sites/app", answer(404, &[], ""));
        let arm = Arm::new(&script.clients());
        assert_eq!(arm.find::<Value>(Call::get(&Id::from_azure(SITE))).await, Ok(None));
    }
}
