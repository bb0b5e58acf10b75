//! The name servers of the simulated clouds.

use super::{cloud::Cloud, simulated::Simulated};
use crate::wire::{Dns, NameServer, SendError};
use async_trait::async_trait;
use std::time::Duration;

/// How long a name server takes.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);

impl Cloud {
    /// What a name server answers to a message; nothing when there is no such server.
    pub(super) fn ask_name_server(&self, _: NameServer<'_>, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

#[async_trait]
impl Dns for Simulated {
    async fn ask(&self, server: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let answer = self.with_world(|world| world.cloud().ask_name_server(server, message));
        self.sleep(ANSWERS_AFTER).await;
        let host = match server {
            NameServer::Named(name) => name.to_owned(),
            NameServer::Machine => "the resolver".to_owned(),
        };
        answer.ok_or(SendError::NotSent { host, why: "the name does not exist".to_owned() })
    }
}
