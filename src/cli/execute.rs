//! `failover execute`: carries a runbook out.

use super::{
    Desk,
    choice::Chosen,
    manner::{CloudFlags, Manner, OutageFlag},
};
use crate::model::{Exit, Failure};
use clap::Args;

/// Move a system from one region to another
///
/// Shows what would happen, asks for approval, and carries it out. What cannot be undone is asked for once more, with
/// what was seen. Ctrl-C starts nothing new and lets the running steps settle; a second one stops at once. Either way
/// `failover resume` goes on.
#[derive(Args)]
pub(super) struct Execute {
    #[command(flatten)]
    chosen: Chosen,

    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Rehearse in a simulated cloud that is made from the runbook
    #[arg(long)]
    simulate: bool,

    /// What is out of order in the simulated `from`
    #[arg(long, value_enum, requires = "simulate")]
    outage: Option<OutageFlag>,

    /// Begin in the simulated world that this run left
    #[arg(long, value_name = "RUN", requires = "simulate")]
    after: Option<String>,

    #[command(flatten)]
    cloud: CloudFlags,

    #[command(flatten)]
    manner: Manner,
}

impl Execute {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let _ = (self.dry_run, self.simulate, &self.outage, &self.after, &self.chosen, desk);
        let _ = (&self.cloud, &self.manner);
        Err(super::not_yet())
    }
}
