//! `failover simulate`: serves the simulated cloud on a port of this machine.

use super::{Desk, choice::Chosen, manner::OutageFlag};
use crate::model::{Exit, Failure};
use clap::Args;

/// Serve the simulated cloud of a runbook on a port of this machine
#[derive(Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    chosen: Chosen,

    /// The port; any free one without it
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// What is out of order in `from`
    #[arg(long, value_enum)]
    outage: Option<OutageFlag>,

    /// Simulated seconds in each real second
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pace: f64,
}

impl Simulate {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let _ = (&self.chosen, self.port, &self.outage, self.pace, desk);
        Err(super::not_yet())
    }
}
