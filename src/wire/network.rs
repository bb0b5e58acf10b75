//! The network itself.

use super::{
    Intent, Request, Response, SendError, Sockets, Transport, causes, check, converse, host,
    program::{self, Programs},
};
use crate::model::Clock;
use async_trait::async_trait;
use std::{collections::BTreeMap, path::PathBuf, sync::OnceLock, time::Duration};

/// Sends over the network. Its clients are made at the first request: building one reads the machine's roots of trust.
pub struct Network {
    clock: Clock,
    programs: Programs,
    client: OnceLock<reqwest::Client>,
    /// Opens a connection for each request, as the next user does: one that is kept open leads to where a name stood for
    /// something else.
    prober: OnceLock<reqwest::Client>,
}

impl Network {
    pub fn new(clock: Clock) -> Self {
        let programs = Programs { environment: BTreeMap::new(), folder: None };
        Self { clock, programs, client: OnceLock::new(), prober: OnceLock::new() }
    }

    /// Lets programs be run in this folder, which read what they may of this environment.
    #[must_use]
    pub fn running_in(self, folder: PathBuf, environment: BTreeMap<String, String>) -> Self {
        Self { programs: Programs { environment, folder: Some(folder) }, ..self }
    }

    fn client(&self, intent: Intent<'_>) -> Result<&reqwest::Client, reqwest::Error> {
        let (place, idle) = match intent {
            Intent::Probe => (&self.prober, 0),
            Intent::Read | Intent::Change(_) => (&self.client, usize::MAX),
        };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        // No redirect may carry a token to another host, and no retry of the library's may send a change twice.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(idle)
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_mins(2))
            .user_agent(concat!("failover/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(place.get_or_init(|| client))
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
        let client = self.client(intent).map_err(|error| not_sent(causes(&error)))?;
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
