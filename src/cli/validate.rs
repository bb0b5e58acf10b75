//! `failover validate`: every mistake of runbooks, before any cloud is asked.

use super::Desk;
use crate::model::{Exit, Failure};
use clap::Args;
use std::path::PathBuf;

/// Check runbooks, and report every mistake with its place
#[derive(Args)]
pub(super) struct Validate {
    /// The runbooks; all of ./runbooks without them
    files: Vec<PathBuf>,
}

impl Validate {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let _ = (&self.files, desk);
        Err(super::not_yet())
    }
}
