//! `failover resume`: goes on with a run.

use super::{
    Desk,
    manner::{Manner, OutageFlag},
};
use crate::model::{Exit, Failure};
use clap::Args;

/// Go on with a run: try again what failed, and pay what is owed
#[derive(Args)]
pub(super) struct Resume {
    /// The run; the one that can be resumed without it
    run: Option<String>,

    /// Take this step as done by hand
    #[arg(long, value_name = "STEP", requires = "note")]
    done: Vec<String>,

    /// What was done by hand, for the report
    #[arg(long, value_name = "TEXT", requires = "done")]
    note: Option<String>,

    /// Leave this step out
    #[arg(long, value_name = "STEP", requires = "reason")]
    skip: Vec<String>,

    /// Why it is left out, for the report
    #[arg(long, value_name = "TEXT", requires = "skip")]
    reason: Option<String>,

    /// End the run for good; only the steps of `finally` still run
    #[arg(long, conflicts_with_all = ["done", "skip"])]
    abort: bool,

    /// What is out of order in the simulated `from` from now on
    #[arg(long, value_enum)]
    outage: Option<OutageFlag>,

    #[command(flatten)]
    manner: Manner,
}

impl Resume {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let _ = (&self.run, &self.done, &self.note, &self.skip, &self.reason, self.abort);
        let _ = (&self.outage, &self.manner, desk);
        Err(super::not_yet())
    }
}
