//! The network itself.

use super::{
    Intent, Request, Response, SendError, Sockets, Transport, Trust, causes, check,
    clients::HttpClients,
    container, converse, host,
    program::{self, Programs},
};
use crate::model::Clock;
use async_trait::async_trait;
use std::{collections::BTreeMap, path::PathBuf};

/// Sends over the network.
pub struct Network {
    clock: Clock,
    programs: Programs,
    /// For servers that are trusted as this machine trusts any.
    clients: HttpClients,
}

impl Network {
    pub fn new(clock: Clock) -> Self {
        let programs = Programs { environment: BTreeMap::new(), folder: None };
        Self { clock, programs, clients: HttpClients::default() }
    }

    /// Lets programs be run in this folder, which read what they may of this environment.
    #[must_use]
    pub fn running_in(self, folder: PathBuf, environment: BTreeMap<String, String>) -> Self {
        Self { programs: Programs { environment, folder: Some(folder) }, ..self }
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        check(&request, intent)?;
        if let Some(said) = converse(&Sockets, &self.clock, &request).await {
            return said;
        }
        if program::is_meant(&request) {
            return self.programs.run(&self.clock, &request).await;
        }
        let trust = request.extensions().get::<Trust>().cloned();
        let clients = trust.as_ref().map_or(&self.clients, Trust::clients);
        if container::is_meant(&request) {
            return container::run(clients, &self.clock, &request).await;
        }
        let host = host(&request);
        let lost = |error| lost(&host, error);
        let client = clients.get(intent.into()).map_err(lost)?;
        let request = reqwest::Request::try_from(request).map_err(lost)?;
        whole(&host, client.execute(request).await.map_err(lost)?).await
    }
}

/// What an error of the client says of a request. Its address may hold a secret, and is left out.
pub(super) fn lost(host: &str, error: reqwest::Error) -> SendError {
    let is_sent = !(error.is_connect() || error.is_builder());
    let (host, why) = (host.to_owned(), causes(&error.without_url()));
    if is_sent { SendError::Unanswered { host, why } } else { SendError::NotSent { host, why } }
}

/// An answer with its whole body.
pub(super) async fn whole(host: &str, answer: reqwest::Response) -> Result<Response, SendError> {
    let mut response = http::Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let unanswered = |why: String| SendError::Unanswered { host: host.to_owned(), why };
    let body = answer.bytes().await;
    let body = body.map_err(|error| unanswered(causes(&error.without_url())))?;
    // It was sent, whatever is wrong with the answer.
    response.body(body).map_err(|error| unanswered(causes(&error)))
}
