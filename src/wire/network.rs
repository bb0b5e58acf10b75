//! The network itself.

use super::{
    Intent, Request, Response, SendError, Sockets, Transport, Trust, causes, check,
    clients::HttpClients,
    converse, host,
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
        let host = host(&request);
        let not_sent = |why: String| SendError::NotSent { host: host.clone(), why };
        let trust = request.extensions().get::<Trust>().cloned();
        let clients = trust.as_ref().map_or(&self.clients, Trust::clients);
        let client = clients.get(intent).map_err(|error| not_sent(causes(&error)))?;
        let request =
            reqwest::Request::try_from(request).map_err(|error| not_sent(causes(&error)))?;
        let unanswered = |why: String| SendError::Unanswered { host: host.clone(), why };
        let answer = match client.execute(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(not_sent(causes(&error.without_url())));
            }
            Err(error) => return Err(unanswered(causes(&error.without_url()))),
        };
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let body = answer.bytes().await;
        let body = body.map_err(|error| unanswered(causes(&error.without_url())))?;
        // It was sent, whatever is wrong with the answer.
        response.body(body).map_err(|error| unanswered(causes(&error)))
    }
}
