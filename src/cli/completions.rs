//! `failover completions`: what a shell needs to complete our command line.

use super::{Desk, Root};
use crate::model::Exit;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Args)]
pub(super) struct Completions {
    /// The shell that is to complete
    shell: Shell,
}

impl Completions {
    pub(super) fn carry_out(&self, desk: &Desk) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Root::command(), "failover", &mut script);
        desk.say.document(&String::from_utf8_lossy(&script));
        Exit::Done
    }
}
