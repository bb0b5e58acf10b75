//! What the dead region prevents is owed, and tried again all the time.

use super::{Command, Turn, is_retry, is_weighty, record};
use crate::{
    plan::Step,
    run::{Life, StepFact, StepOutcome, StepState},
};
use std::time::Duration;

/// How long ago an owed step may have been looked at when a harmful change or a shift is about to be sent.
const OWED_LOOK: Duration = Duration::from_mins(1);
const FIRST_OWED_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_OWED_PAUSE: Duration = Duration::from_mins(2);

impl Turn<'_> {
    /// Whether this owed step must be looked at before anything weighty is sent: it was not looked at lately, or
    /// somebody is at it.
    pub(super) fn is_look_due(&self, step: &Step) -> bool {
        let Some(state) = self.state_of(&step.id) else { return false };
        match state.outcome() {
            Some(StepOutcome::Owed { .. }) => {
                let is_old = state.finished_at.is_some_and(|at| at + OWED_LOOK < self.now);
                is_old && !self.is_resource_busy(step)
            }
            Some(_) => false,
            // One look is all that is waited for: what comes of it may take its time.
            None => {
                let is_looking = state.life == Life::Open && self.hands.is_busy(&step.id);
                is_retry(step, state) && is_looking && self.hands.view(&step.id).is_none()
            }
        }
    }

    pub(super) fn retry_owed(&self, step: &Step, state: &StepState) -> Option<Command> {
        if self.stops(step) || self.is_resource_busy(step) {
            return None;
        }
        let looked = state.finished_at?;
        let is_reopened = self.hands.of(&step.id).is_some_and(|hand| hand.is_reopened);
        let is_news = looked <= self.hands.since && !is_reopened;
        if !is_news && !self.hands.stays && self.is_all_else_done() {
            return None;
        }
        let doubled = FIRST_OWED_PAUSE * 2_u32.pow(state.attempt.saturating_sub(1).min(4));
        let due = looked + doubled.min(LONGEST_OWED_PAUSE);
        let is_awaited =
            self.is_look_due(step) && self.plan.steps.iter().any(|s| self.is_about_to(s));
        if is_news || is_awaited || due <= self.now {
            return Some(record(step, StepFact::Reopened));
        }
        Some(Command::Wake(due))
    }

    /// Whether the next thing that this step wants to send is weighty.
    pub(super) fn is_about_to(&self, step: &Step) -> bool {
        let is_open = self.state_of(&step.id).is_some_and(|state| state.life == Life::Open);
        is_open && self.wanted(&step.id).is_some_and(is_weighty)
    }

    /// Whether nothing is left but to try again what is owed.
    pub(super) fn is_all_else_done(&self) -> bool {
        self.plan.steps.iter().all(|step| {
            self.state_of(&step.id).is_some_and(|s| s.outcome().is_some() || is_retry(step, s))
        })
    }

    /// Whether another step has a change open on something that this step touches.
    pub(super) fn is_resource_busy(&self, step: &Step) -> bool {
        let mine = step.action().map(|work| work.touches.as_slice()).unwrap_or_default();
        self.plan.steps.iter().filter(|other| other.id != step.id).any(|other| {
            let is_open = self.state_of(&other.id).is_some_and(|s| s.open_change().is_some());
            let theirs = other.action().map(|work| work.touches.as_slice()).unwrap_or_default();
            is_open && theirs.iter().any(|resource| mine.contains(resource))
        })
    }
}
