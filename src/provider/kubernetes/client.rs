//! One cluster's API server, over the wire that the action was given.
//!
//! Sends each change once, unless a 401 proves that nothing happened.

use super::error::Said;
use crate::{
    action::{Applied, Clients, Trouble, Unapplied},
    journal::Permit,
    model::span,
    provider::{
        lost::{self, Lost, keeps_secrets},
        program,
    },
    wire::{Ended, InContainer, Intent, Program, Request, Response, SendError, host},
};
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How long it may take until there is a credential: a plugin of the kubeconfig may hang.
const SIGNS_IN_WITHIN: Duration = Duration::from_secs(30);
/// How long a read may take, with all that is tried again: a server that is there answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(10);

/// One request, before it is known where it goes.
pub(super) struct Call {
    method: Method,
    /// With its query.
    path: String,
    body: Option<(&'static str, Bytes)>,
    /// Whether the body is a program for a container.
    is_program: bool,
}

impl Call {
    fn new(method: Method, path: String, body: Option<(&'static str, Bytes)>) -> Self {
        Self { method, path, body, is_program: false }
    }

    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// What belongs to what these labels select.
    pub(super) fn select(path: &str, selector: &str) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("labelSelector", selector)
            .finish();
        Self::get(format!("{path}?{query}"))
    }

    pub(super) fn create(path: &str, body: &Value) -> Self {
        let body = Some(("application/json", body.to_string().into()));
        Self::new(Method::POST, path.to_owned(), body)
    }

    /// A JSON merge patch (RFC 7396): what is not named stays.
    pub(super) fn merge(path: String, body: &Value) -> Self {
        let body = Some(("application/merge-patch+json", body.to_string().into()));
        Self::new(Method::PATCH, path, body)
    }

    /// A program for a container of the pod at this path. One that only looks is sent by [`Api::look`].
    pub(super) fn exec(pod: &str, container: &str, program: &Program) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("container", container)
            .append_pair("stdout", "true")
            .append_pair("stderr", "true")
            .extend_pairs(program.argv.iter().map(|word| ("command", word)))
            .finish();
        let path = format!("{pod}/exec?{query}");
        let body = serde_json::to_vec(program).unwrap_or_default();
        let body = Some(("application/json", Bytes::from(body)));
        Self { is_program: true, ..Self::new(Method::POST, path, body) }
    }

    /// The same, known to change nothing.
    fn as_a_look(&self) -> Self {
        let Self { path, body, is_program, .. } = self;
        Self {
            method: Method::GET,
            path: path.clone(),
            body: body.clone(),
            is_program: *is_program,
        }
    }
}

/// The API server of one context.
pub(super) struct Api {
    pub(super) clients: Clients,
    context: String,
}

impl Api {
    pub(super) fn new(clients: &Clients, context: &str) -> Self {
        Self { clients: clients.clone(), context: context.to_owned() }
    }

    /// Reads what may not be there.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<Option<T>, Trouble> {
        let response = self.send(call, Intent::Read).await?;
        if response.status().is_success() {
            return self.read(call, &response).map(Some);
        }
        let said = Said::read(&response);
        if said.is_absence() { Ok(None) } else { Err(said.trouble(&self.says(call))) }
    }

    /// Reads what must be there.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Trouble> {
        let missing = || Trouble::odd(format!("{} answered 404 NotFound", self.says(call)));
        self.find(call).await?.ok_or_else(missing)
    }

    /// Sends a change, and says what became of it in the engine's words.
    pub(super) async fn change(&self, call: &Call, permit: &Permit) -> Result<Applied, Unapplied> {
        let response = self.accepted(call, permit).await?;
        let id = response.headers().get("audit-id").and_then(|id| id.to_str().ok());
        Ok(Applied::Done { request_id: id.map(ToOwned::to_owned) })
    }

    /// Runs a program in a container.
    pub(super) async fn run(&self, call: &Call, permit: &Permit) -> Result<Ended, Unapplied> {
        let response = self.accepted(call, permit).await?;
        program::read(&self.clients, &response).ok_or_else(|| {
            let why = format!("{} did not say how the program ended", self.says(call));
            Unapplied::InDoubt { why, wait: None }
        })
    }

    /// Runs a program in a container that is known to change nothing.
    pub(super) async fn look(&self, call: &Call) -> Result<Ended, Trouble> {
        let call = call.as_a_look();
        let response = self.send(&call, Intent::Probe).await?;
        if !response.status().is_success() {
            return Err(Said::read(&response).trouble(&self.says(&call)));
        }
        program::read(&self.clients, &response)
            .ok_or_else(|| Trouble::odd(format!("{}: unexpected answer", self.says(&call))))
    }

    async fn accepted(&self, call: &Call, permit: &Permit) -> Result<Response, Unapplied> {
        match self.send(call, Intent::Change(permit)).await {
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => Err(Said::read(&response).unapplied(&self.says(call))),
            Err(Lost::Before(trouble)) => Err(before_sending(trouble)),
            Err(Lost::After(why)) => Err(Unapplied::InDoubt { why, wait: None }),
        }
    }

    fn says(&self, call: &Call) -> String {
        let path = call.path.split('?').next().unwrap_or_default();
        format!("{} {path} of `{}`", call.method, self.context)
    }

    fn read<T: DeserializeOwned>(&self, call: &Call, response: &Response) -> Result<T, Trouble> {
        // Only where, for serde's own text may quote a secret.
        serde_json::from_slice(response.body()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = self.says(call);
            Trouble::odd(format!("{what}: unexpected answer at {line}:{column}"))
        })
    }

    async fn send(&self, call: &Call, intent: Intent<'_>) -> Result<Response, Lost> {
        let mut fresh = false;
        loop {
            let request = self.request(call, fresh).await.map_err(Lost::Before)?;
            let response = self.exchange(request, intent).await?;
            // A 401 proves that nothing happened, so even a change may be sent again with a new credential.
            if fresh || response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            fresh = true;
        }
    }

    /// A change is waited for; what a read would tell is not worth a longer wait.
    async fn exchange(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        let host = host(&request);
        let sent = self.clients.transport.send(request, intent);
        // How long a program may take is said with it.
        if !matches!(intent, Intent::Read) {
            return sent.await;
        }
        self.clients.clock.within(PATIENCE, sent).await.unwrap_or_else(|| {
            let why = format!("nothing within {}", span::show(PATIENCE));
            Err(SendError::Unanswered { host, why })
        })
    }

    async fn request(&self, call: &Call, fresh: bool) -> Result<Request, Trouble> {
        let Clients { clock, clusters, .. } = &self.clients;
        let found = clock.within(SIGNS_IN_WITHIN, clusters.cluster(&self.context, fresh)).await;
        let cluster = found.unwrap_or_else(|| {
            let within = span::show(SIGNS_IN_WITHIN);
            let why = format!("no credential for `{}` came within {within}", self.context);
            Err(Trouble::unreachable(why))
        })?;
        let refused = |why: &str| Trouble::odd(format!("{}: {why}", self.says(call)));
        let address = format!("{}{}", cluster.base, call.path);
        let uri: Uri = address.parse().map_err(|_| refused("its server has no address"))?;
        if !keeps_secrets(&uri) {
            return Err(refused("a credential is sent over https only"));
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = cluster.headers;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((kind, body)) = &call.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *request.body_mut() = body.clone();
        }
        if call.is_program {
            request.extensions_mut().insert(InContainer);
            if call.method == Method::POST {
                request.extensions_mut().insert(program::ears(&self.clients));
            }
        }
        if let Some(trust) = cluster.trust {
            request.extensions_mut().insert(trust);
        }
        Ok(request)
    }
}

/// What a read that failed before a change was sent means for that change: nothing has happened yet.
pub(super) fn before_sending(trouble: Trouble) -> Unapplied {
    lost::before_sending(trouble, LATER)
}
