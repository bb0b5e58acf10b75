//! What an action needs to reach its cloud. Nothing that holds these knows which world it is in.

use super::Trouble;
use crate::{
    model::{Clock, RunId, Seal, Secret},
    wire::Transport,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;
use url::Url;

/// Bound into every action. Which world they belong to was decided above.
#[derive(Clone)]
pub struct Clients {
    pub transport: Arc<dyn Transport>,
    pub tokens: Arc<dyn Tokens>,
    pub clock: Clock,
    /// Tells secrets apart in the journal.
    pub seal: Seal,
    /// Groups the requests of one run in the cloud's own logs.
    pub run: RunId,
    /// Azure Resource Manager's endpoint.
    pub azure: Url,
}

/// Where bearer tokens come from.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token for this scope. With `fresh`, one that was not handed out before.
    async fn token(&self, scope: &str, fresh: bool) -> Result<Secret, Trouble>;

    /// Who is asking, for people: never a secret.
    fn identity(&self) -> String;

    /// When the first of the tokens that were handed out ends, where that is known. It is renewed then, unless whoever
    /// signed in may not any more.
    fn ends(&self) -> Option<Timestamp> {
        None
    }
}
