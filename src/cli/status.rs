//! `failover status`: where a run stands, and what to type next.

use super::{
    Desk,
    kept::{self, Realm},
};
use crate::{
    model::{Clock, Exit, Failure},
    report,
};
use clap::Args;

/// Show where a run stands, and what to type next
#[derive(Args)]
pub(super) struct Status {
    /// The run; the last one without it
    run: Option<String>,
}

impl Status {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let kept = match &self.run {
            Some(typed) => kept::named(desk, typed)?,
            None => kept::last(desk, |_| true)?,
        };
        let timeline = kept.read()?;
        let at_work = kept.at_work(&timeline.plan, &desk.settings)?;
        // A simulated run has a time of its own, and it stands still while nobody is at it.
        let now = match kept.realm {
            Realm::Live => Clock::real().now(),
            Realm::Simulated => timeline.last().unwrap_or_else(|| Clock::real().now()),
        };
        if kept.realm == Realm::Simulated {
            desk.say.mark_simulated();
        }
        let told = (desk.settings.flags(), desk.say.width());
        desk.say.data(&report::status(&timeline, at_work, now, (&told.0, told.1)));
        Ok(Exit::Done)
    }
}
