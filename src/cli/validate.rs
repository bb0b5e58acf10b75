//! `failover validate`: every mistake of runbooks, before any cloud is asked.

use super::{Desk, choice};
use crate::{
    model::{Exit, Failure},
    provider, runbook,
};
use clap::Args;
use std::path::PathBuf;

/// Check runbooks, and report every mistake with its place
#[derive(Args)]
pub(super) struct Validate {
    /// The runbooks; all of ./runbooks without them
    files: Vec<PathBuf>,
}

impl Validate {
    pub(super) fn carry_out(self, desk: &Desk) -> Result<Exit, Failure> {
        let files = if self.files.is_empty() { choice::in_folder()? } else { self.files };
        let (mut errors, mut broken) = (0, 0);
        for file in &files {
            if let Err(mistakes) = choice::load(file, provider::catalogue(), runbook::validate)? {
                errors += mistakes.found.len();
                broken += 1;
                choice::show(desk, &mistakes);
            }
        }
        let of = if files.len() == 1 {
            "1 runbook".to_owned()
        } else {
            format!("{} runbooks", files.len())
        };
        if broken == 0 {
            desk.say.data(&format!("no errors in {of}"));
            return Ok(Exit::Done);
        }
        let errors = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
        desk.say.talk(&format!("{errors} in {broken} of {of}"));
        Ok(Exit::Runbook)
    }
}
