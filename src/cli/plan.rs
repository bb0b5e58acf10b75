//! `failover plan`: what a run would do, told offline.

use super::{
    Desk,
    choice::{Chosen, Unset},
    refusal,
};
use crate::model::{Exit, Failure};
use clap::Args;

/// Show the steps of a run, without asking any cloud
#[derive(Args)]
pub(super) struct PlanVerb {
    #[command(flatten)]
    chosen: Chosen,
}

impl PlanVerb {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let plan = self.chosen.plan(desk, Unset::IsMadeUp)?;
        desk.say.data(&plan.text(desk.settings.columns));
        refusal::stranded(&plan, &desk.settings.flags())?;
        Ok(Exit::Done)
    }
}
