//! AWS over the wire that the action was given.
//!
//! Sends each change once, unless AWS's answer proves that nothing happened for want of keys that hold. Many of its
//! services say "later" with a status that means a mistake everywhere else, so reads are repeated here as well.

use super::{call::Call, error::AwsError, service::Host};
use crate::{
    action::{AwsKeys, Clients, Trouble, Unapplied},
    journal::Permit,
    model::span,
    provider::lost::{self, Lost, keeps_secrets},
    wire::{Element, Intent, Request, Response, retry_after},
};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// For how long a change is put off when AWS is busy and does not say for how long.
const BUSY_PAUSE: Duration = Duration::from_secs(10);
/// How long it may take until there are keys: a credential may start a program that hangs.
const SIGNS_IN_WITHIN: Duration = Duration::from_secs(30);
/// How often a read is sent when AWS says that there are too many.
const READS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Speaks to the services of AWS in the name of one run.
#[derive(Clone)]
pub(super) struct Aws {
    pub clients: Clients,
}

impl Aws {
    pub(super) fn new(clients: &Clients) -> Self {
        Self { clients: clients.clone() }
    }

    /// Reads an answer in XML.
    pub(super) async fn xml(&self, call: &Call) -> Result<Element, Trouble> {
        let response = self.read(call).await?.map_err(|error| trouble(call, &error))?;
        xml(call, &response)
    }

    /// The same of what may not be there: one of these codes says that it is not.
    pub(super) async fn find_xml(
        &self,
        call: &Call,
        missing: &[&str],
    ) -> Result<Option<Element>, Trouble> {
        match self.read(call).await? {
            Ok(response) => xml(call, &response).map(Some),
            Err(error) if missing.iter().any(|code| error.is(code)) => Ok(None),
            Err(error) => Err(trouble(call, &error)),
        }
    }

    /// Reads an answer in JSON.
    pub(super) async fn json(&self, call: &Call) -> Result<Value, Trouble> {
        let response = self.read(call).await?.map_err(|error| trouble(call, &error))?;
        json(call, &response)
    }

    /// The same of what may not be there.
    pub(super) async fn find_json(
        &self,
        call: &Call,
        missing: &[&str],
    ) -> Result<Option<Value>, Trouble> {
        match self.read(call).await? {
            Ok(response) => json(call, &response).map(Some),
            Err(error) if missing.iter().any(|code| error.is(code)) => Ok(None),
            Err(error) => Err(trouble(call, &error)),
        }
    }

    /// Whatever is answered to a read, once AWS has time for it.
    pub(super) async fn read(&self, call: &Call) -> Result<Result<Response, AwsError>, Trouble> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..READS {
            let response = self.send(call, Intent::Read).await?;
            if response.status().is_success() {
                return Ok(Ok(response));
            }
            let error = AwsError::read(&response);
            if !error.is_busy() {
                return Ok(Err(error));
            }
            self.clients.clock.sleep(retry_after(&response).unwrap_or(pause)).await;
            pause *= 2;
        }
        let response = self.send(call, Intent::Read).await?;
        let is_good = response.status().is_success();
        Ok(if is_good { Ok(response) } else { Err(AwsError::read(&response)) })
    }

    /// Sends a change, and hands on what was answered when it was accepted.
    pub(super) async fn try_change(
        &self,
        call: &Call,
        permit: &Permit,
    ) -> Result<Response, Unapplied> {
        match self.send(call, Intent::Change(permit)).await {
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => {
                Err(unapplied(call, &AwsError::read(&response), retry_after(&response)))
            }
            Err(Lost::Before(trouble)) => Err(before_sending(trouble)),
            Err(Lost::After(why)) => Err(Unapplied::InDoubt { why, wait: None }),
        }
    }

    pub(super) async fn send(&self, call: &Call, intent: Intent<'_>) -> Result<Response, Lost> {
        let mut fresh = false;
        loop {
            let keys = self.keys(fresh).await.map_err(Lost::Before)?;
            let request = self.request(call, keys)?;
            let response = self.clients.transport.send(request, intent).await?;
            // Keys that do not hold prove that nothing happened, so even a change may be sent again with new ones.
            let is_refused = matches!(response.status().as_u16(), 400 | 401 | 403);
            if fresh || !is_refused || !AwsError::read(&response).is_about_keys() {
                return Ok(response);
            }
            fresh = true;
        }
    }

    pub(super) async fn keys(&self, fresh: bool) -> Result<AwsKeys, Trouble> {
        let Clients { aws, clock, .. } = &self.clients;
        clock.within(SIGNS_IN_WITHIN, aws.keys.keys(fresh)).await.unwrap_or_else(|| {
            let within = span::show(SIGNS_IN_WITHIN);
            Err(Trouble::unreachable(format!("no keys for AWS came within {within}")))
        })
    }

    /// Where a call goes.
    fn address(&self, call: &Call) -> String {
        let set = self.clients.aws.endpoints.get(call.service.setting).map(url::Url::as_str);
        let own = || match &call.service.host {
            Host::Global { host, .. } => format!("https://{host}"),
            Host::Regional(prefix) => format!("https://{prefix}.{}.amazonaws.com", call.region),
            Host::Given => String::new(),
        };
        let base = call.endpoint.clone().or_else(|| set.map(ToOwned::to_owned)).unwrap_or_else(own);
        format!("{}{}", base.trim_end_matches('/'), call.path)
    }

    fn request(&self, call: &Call, keys: AwsKeys) -> Result<Request, Lost> {
        let refused = |why: String| Lost::Before(Trouble::odd(format!("{}: {why}", call.says())));
        let address = self.address(call);
        let uri: Uri = address
            .parse()
            .map_err(|error| refused(format!("`{address}` is no address: {error}")))?;
        let host = uri.authority().map(|authority| authority.as_str().to_owned());
        let host = host.ok_or_else(|| refused(format!("`{address}` names no host")))?;
        if !keeps_secrets(&uri) {
            return Err(refused("a signed request is sent over https only".to_owned()));
        }
        let mut headers = vec![("host", host.as_str())];
        headers.extend(call.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let identity = Credentials::new(
            keys.id,
            keys.secret.expose(),
            keys.token.map(|token| token.expose().to_owned()),
            None,
            "failover",
        )
        .into();
        let seconds = self.clients.clock.now().as_second();
        let time = SystemTime::UNIX_EPOCH
            + Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&call.region)
            .name(call.service.signing)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let signable = SignableRequest::new(
            call.method.as_str(),
            &address,
            headers.iter().copied(),
            SignableBody::Bytes(&call.body),
        );
        let (signed, _) = signable
            .and_then(|signable| sign(signable, &parameters.into()))
            .map_err(|error| refused(error.to_string()))?
            .into_parts();
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        for (name, value) in headers.into_iter().skip(1) {
            let value = value.parse().map_err(|_| refused(format!("`{name}` cannot be sent")))?;
            request.headers_mut().insert(name, value);
        }
        signed.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// The id under which AWS knows a request.
pub(super) fn request_id(response: &Response) -> Option<String> {
    let header = response.headers().get("x-amzn-requestid");
    let header = header.and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
    header.or_else(|| {
        let text = std::str::from_utf8(response.body()).ok()?;
        Some(Element::read(text)?.find("RequestId")?.text.clone())
    })
}

pub(super) fn xml(call: &Call, response: &Response) -> Result<Element, Trouble> {
    let text = std::str::from_utf8(response.body()).ok();
    let read = text.and_then(Element::read);
    read.ok_or_else(|| {
        Trouble::odd(format!("{}: the answer is no XML, or breaks off", call.says()))
    })
}

pub(super) fn json(call: &Call, response: &Response) -> Result<Value, Trouble> {
    // Only where, for serde's own text may quote a secret.
    let unreadable = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        Trouble::odd(format!("{}: unexpected answer at {line}:{column}", call.says()))
    };
    serde_json::from_slice(response.body()).map_err(unreadable)
}

/// What an action knows of an answer in JSON.
pub(super) fn part<T: DeserializeOwned>(call: &Call, answer: &Value) -> Result<T, Trouble> {
    let unknown = || Trouble::odd(format!("{}: the answer is not what it should be", call.says()));
    T::deserialize(answer).map_err(|_| unknown())
}

/// What a read that failed before a change was sent means for that change: nothing has happened yet.
pub(super) fn before_sending(trouble: Trouble) -> Unapplied {
    lost::before_sending(trouble, BUSY_PAUSE)
}

/// What AWS's no means for a change.
fn unapplied(call: &Call, error: &AwsError, wait: Option<Duration>) -> Unapplied {
    let why = told(call, error);
    let later = wait.unwrap_or(BUSY_PAUSE);
    match error.status.as_u16() {
        // Before all else: some services say so with a 503.
        _ if error.is_busy() || error.is_about_keys() => Unapplied::Deferred { why, wait: later },
        // A gateway may have lost sight of a request that went through.
        408 | 500.. => Unapplied::InDoubt { why, wait },
        400..500 => Unapplied::Refused { why, request_id: error.request_id.clone() },
        // A redirect, which is never followed: who answered here, and what did they do?
        _ => Unapplied::InDoubt { why, wait },
    }
}

/// What was answered, and what somebody can do about it.
fn told(call: &Call, error: &AwsError) -> String {
    format!("{} answered {error}{}", call.says(), error.cure())
}

pub(super) fn trouble(call: &Call, error: &AwsError) -> Trouble {
    let mut why = told(call, error);
    if let Some(id) = &error.request_id {
        why.push_str(", request id ");
        why.push_str(id);
    }
    if error.is_denied() || error.status == StatusCode::FORBIDDEN {
        Trouble::denied(why)
    } else {
        Trouble::odd(why)
    }
}
