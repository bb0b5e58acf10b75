//! When an operator must say yes, and on what evidence.

use super::{Command, Task, Turn, record};
use crate::{
    action::{Answer, Change},
    engine::hand::Seen,
    model::{DATA_LOSS, Datum, Evidence, StepId, span::between},
    plan::{self, Step, Work},
    run::{Life, Question, StepFact, StepOutcome, StepState},
};
use std::time::Duration;

/// A yes is void after this long: the world it was given for may be gone.
const YES_HOLDS: Duration = Duration::from_mins(10);
/// A yes is void when the loss has grown by more than this.
const LOSS_MAY_GROW: Duration = Duration::from_mins(1);

impl Turn<'_> {
    /// Whether an operator must say yes before this change. What was said before a step's first change covers the
    /// harmless ones after it; what could do harm wants a yes that still holds.
    pub(super) fn needs_consent(&self, step: &Step, state: &StepState, change: &Change) -> bool {
        let Some(asker) = self.plan.asker(step) else { return false };
        let has_settled = state.settled.iter().any(|done| done.attempt == state.attempt);
        if has_settled && !change.is_harmful() {
            return false;
        }
        let Some(asking) = self.state_of(&asker.id) else { return true };
        // A child that its group can no longer ask for asks for itself.
        !self.holds(asker, asking) && !self.holds(step, state)
    }

    /// Whether this step was said yes to, and that still stands.
    fn holds(&self, step: &Step, state: &StepState) -> bool {
        let Some(agreed) = &state.agreed else { return false };
        let evidence = self.question_evidence(step, state);
        if evidence.unknown_loss().is_some() && !agreed.is_unknown {
            return false;
        }
        let loss = evidence.data_loss().unwrap_or_default();
        // That time passes makes nothing worse than what the operator has agreed to.
        let expected = agreed.data_loss.unwrap_or_default() + between(agreed.asked_at, self.now);
        agreed.at + YES_HOLDS >= self.now && loss <= expected + LOSS_MAY_GROW
    }

    /// A group ends with its children, and asks once for all of them.
    pub(super) fn group(
        &self,
        step: &Step,
        state: &StepState,
        children: &[StepId],
    ) -> Option<Command> {
        let states: Vec<_> = children.iter().filter_map(|child| self.state_of(child)).collect();
        if let Some(outcome) = together(&states) {
            return Some(record(step, StepFact::Finished { outcome }));
        }
        let says = self.confirm(step)?;
        let wants = |id: &StepId| {
            let (Some(child), Some(of_child)) = (self.plan.step(id), self.state_of(id)) else {
                return false;
            };
            // A child with a question of its own asks that one.
            let is_asked_here = self.plan.asker(child).is_some_and(|asker| asker.id == step.id);
            is_asked_here
                && matches!(of_child.life, Life::Open)
                && self.wanted(id).is_some_and(|change| {
                    of_child.settled_at(&change.id).is_none()
                        && self.needs_consent(child, of_child, change)
                })
        };
        // Asked once each of them could begin: nobody can say yes to half of what is to happen together.
        let is_ready = |(child, state): (&StepId, &&StepState)| match state.life {
            Life::Open | Life::Waiting => matches!(
                self.hands.view(child).map(|view| &view.seen),
                Some(Seen::Answer(Answer::AsDesired | Answer::Missing(_) | Answer::Unseen(_)))
            ),
            Life::Asking { .. }
            | Life::Begun { .. }
            | Life::Accepted { .. }
            | Life::Finished { .. } => true,
        };
        let are_ready = children.iter().zip(&states).all(is_ready);
        if self.stops(step) || !are_ready || !children.iter().any(wants) {
            return None;
        }
        Some(Command::Ask {
            step: step.id.clone(),
            question: Question::Consent { says },
            evidence: self.question_evidence(step, state),
        })
    }

    /// Asks for one step: its own question, or that of its group when the group is over.
    pub(super) fn ask_itself(&self, task: &Task) -> Option<Command> {
        let asker = self.plan.asker(task.step)?;
        let is_its_own = asker.id == task.step.id;
        let is_over = self.state_of(&asker.id).is_some_and(|state| state.outcome().is_some());
        (is_its_own || is_over).then_some(())?;
        Some(Command::Ask {
            step: task.step.id.clone(),
            question: Question::Consent { says: self.confirm(asker)? },
            evidence: self.question_evidence(task.step, task.state),
        })
    }

    /// The question's text, with what was read by now.
    pub(super) fn confirm(&self, step: &Step) -> Option<String> {
        let seen = |id: &StepId, name: &str| self.state_of(id)?.evidence.get(name).cloned();
        step.confirm.as_ref().map(|text| plan::late_text(text, &seen))
    }

    /// What a question shows: the step's own evidence, or that of all children.
    pub(super) fn question_evidence(&self, step: &Step, state: &StepState) -> Evidence {
        let Work::Group { children } = &step.work else { return state.evidence.clone() };
        let mut all = Evidence::new();
        let mut loss: Option<Duration> = None;
        let mut unknown: Option<&Datum> = None;
        for child in children {
            let Some(child_state) = self.state_of(child) else { continue };
            loss = loss.max(child_state.evidence.data_loss());
            unknown = unknown.or_else(|| child_state.evidence.unknown_loss());
            for (name, datum) in child_state.evidence.iter() {
                all.set(&format!("{child}: {name}"), datum.clone());
            }
        }
        // A loss that is known must not hide one that is not.
        if let Some(unknown) = unknown {
            all.set(DATA_LOSS, unknown.clone());
        } else if let Some(loss) = loss {
            all.set(DATA_LOSS, Datum::Seconds(loss.as_secs_f64()));
        }
        all
    }
}

/// How a group ended, once all its children have.
fn together(children: &[&StepState]) -> Option<StepOutcome> {
    let outcomes: Option<Vec<_>> = children.iter().map(|state| state.outcome()).collect();
    let outcomes = outcomes?;
    if outcomes.iter().any(|outcome| !outcome.lets_go_on()) {
        return None;
    }
    let unchanged = outcomes.iter().all(|outcome| **outcome == StepOutcome::AlreadyDone);
    Some(if unchanged { StepOutcome::AlreadyDone } else { StepOutcome::Succeeded })
}
