//! What an unplanned run presumes lost, and which of its steps may need it all the same.

use super::{
    ast::{OnFailure, Side},
    resolve::{Resolved, Resolver},
};
use crate::{
    action::{Effect, Needed},
    model::{Diagnostic, Mode, Region, Span},
};

/// The region that a run presumes lost: the one that it leaves. Who begins where `to` serves already leaves none.
pub(crate) fn presumed_lost(from: &Region, mode: Mode, serving: Side) -> Option<&Region> {
    Some(from).filter(|_| mode == Mode::Unplanned && serving == Side::From)
}

/// Of what a step needs, that which is not to be had without this region.
pub(crate) fn lost_with<'a>(planes: &'a [Needed], region: &Region) -> Vec<&'a Needed> {
    planes.iter().filter(|needed| needed.region() == Some(region)).collect()
}

/// Whether the runbook says itself that a step can wait for a region that is lost, or has a way around it.
pub(crate) fn is_excused(on_failure: OnFailure, is_waived: bool) -> bool {
    on_failure == OnFailure::Owe || is_waived
}

/// What a step needs of the region that is left, over all ways in which that is presumed lost and nothing excuses it.
#[derive(Default)]
pub(super) struct Lost {
    planes: Vec<Needed>,
    place: Option<Span>,
    can_be_owed: bool,
}

impl Lost {
    pub(super) fn add(&mut self, resolver: &Resolver<'_>, at: usize, resolved: &Resolved) {
        let (runbook, way) = (resolver.runbook, resolver.way);
        let from = Region::new(way.from);
        let lost = presumed_lost(&from, way.mode, runbook.serving);
        let (Some(action), Some(lost)) = (&resolved.action, lost) else { return };
        let is_waived = resolver.order.steps[at].step.waive.is_some();
        // What could not be read may excuse it.
        let excuses = |on_failure| is_excused(on_failure, is_waived);
        if runbook.is_patched || resolved.on_failure.is_none_or(excuses) {
            return;
        }
        for needed in lost_with(&action.planes, lost) {
            if !self.planes.contains(needed) {
                self.planes.push(needed.clone());
            }
        }
        self.place = Some(action.with.span);
        self.can_be_owed = action.kind.effect != Effect::CannotBeUndone;
    }

    pub(super) fn told(&self, step: &str) -> Option<Diagnostic> {
        let place = self.place.filter(|_| !self.planes.is_empty())?;
        let planes: Vec<_> = self.planes.iter().map(ToString::to_string).collect();
        let message =
            format!("an unplanned run presumes lost what {step} needs: {}", planes.join(", "));
        let told = Diagnostic::at(place, message);
        let told = if self.can_be_owed {
            told.hint(
                "`on_failure: owe` lets the run go on, and tries it until that region is back",
            )
        } else {
            told
        };
        Some(told.hint("`waive: …` says why it can be done all the same"))
    }
}
