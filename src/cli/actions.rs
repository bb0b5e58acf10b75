//! `failover actions`: what steps can do.

use super::Desk;
use crate::model::{Exit, Failure};
use clap::Args;

/// List the actions, or show one with its parameters
#[derive(Args)]
pub(super) struct Actions {
    /// The action to show, such as `azure.storage.failover`
    name: Option<String>,
}

impl Actions {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let _ = (&self.name, desk);
        Err(super::not_yet())
    }
}
