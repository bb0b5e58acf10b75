//! What an unplanned run cannot count on: the region that it leaves.

use super::{Needed, Plan, Step};
use crate::{
    model::Region,
    runbook::{is_excused, lost_with, presumed_lost},
};
use std::fmt;

/// What a step needs of the region that its run presumes lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost<'a> {
    pub step: &'a Step,
    pub planes: Vec<&'a Needed>,
}

/// The same of a step that is begun nevertheless, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Waived<'a> {
    pub lost: Lost<'a>,
    /// In the runbook's words.
    pub reason: &'a str,
}

impl Plan {
    /// The region that this run presumes lost.
    pub fn presumed_lost(&self) -> Option<&Region> {
        presumed_lost(&self.from, self.mode, self.serving)
    }

    fn lost<'a>(&self, step: &'a Step) -> Option<Lost<'a>> {
        let planes = lost_with(&step.action()?.planes, self.presumed_lost()?);
        (!planes.is_empty()).then_some(Lost { step, planes })
    }

    /// The steps for which this run may not be begun: they need the region that it presumes lost, and the runbook neither
    /// lets them wait nor says why they do without.
    pub fn stranded(&self) -> impl Iterator<Item = Lost<'_>> {
        let is_held = |step: &&Step| !is_excused(step.on_failure, step.waive.is_some());
        self.steps.iter().filter(is_held).filter_map(|step| self.lost(step))
    }

    /// Why a step is begun that needs the region that is presumed lost, if the runbook says so.
    pub fn waived<'a>(&self, step: &'a Step) -> Option<Waived<'a>> {
        let reason = step.waive.as_deref()?;
        self.lost(step).map(|lost| Waived { lost, reason })
    }
}

impl fmt::Display for Lost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planes: Vec<_> = self.planes.iter().map(ToString::to_string).collect();
        write!(f, "needs {}, presumed lost", planes.join(", "))
    }
}

impl fmt::Display for Waived<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; waived: {}", self.lost, self.reason)
    }
}
