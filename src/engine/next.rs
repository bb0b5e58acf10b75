//! What to do next: a pure function of the plan, the folded facts, what is in hand, and the time.
//!
//! There is no code for resuming. A resumed run is this function over a state with empty hands.

mod consent;
mod doubt;
mod owed;

use super::hand::{Hands, Seen, View};
use crate::{
    action::{Answer, By, Change, Handle, Repeat, TroubleKind},
    model::{Evidence, StepId, span::show},
    plan::{ActionWork, Effect, OnFailure, Plan, Step, Work},
    run::{Fact, Life, Question, RunFact, RunOutcome, RunState, StepFact, StepOutcome, StepState},
};
use jiff::Timestamp;
use std::time::Duration;

/// A change is sent only on a view that is younger than this.
const FRESH: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Nothing but a fact.
    Record(Fact),
    Observe {
        step: StepId,
    },
    /// Record that it was begun, and then send it.
    Apply {
        step: StepId,
        change: Change,
    },
    Poll {
        step: StepId,
        handle: Handle,
    },
    /// Record that it was asked, and then ask.
    Ask {
        step: StepId,
        question: Question,
        evidence: Evidence,
    },
    Wake(Timestamp),
}

/// Decides for every step that nobody is busy with.
pub fn next(plan: &Plan, state: &RunState, hands: &Hands, now: Timestamp) -> Vec<Command> {
    let turn = Turn { plan, state, hands, now, is_stopping: is_stopping(state, hands) };
    // Side by side, and not by id: every turn comes past every step.
    let steps = plan.steps.iter().zip(state.steps());
    let mut commands: Vec<_> = steps.filter_map(|(step, state)| turn.decide(step, state)).collect();
    if commands.is_empty() && state.finished.is_none() && !hands.are_busy() {
        commands.extend(turn.end());
    }
    commands
}

/// Whether nothing new may be started.
pub fn is_stopping(state: &RunState, hands: &Hands) -> bool {
    let has_failed = |step: &StepState| matches!(step.outcome(), Some(StepOutcome::Failed { .. }));
    hands.stopping.is_some() || state.steps().any(has_failed)
}

struct Turn<'a> {
    plan: &'a Plan,
    state: &'a RunState,
    hands: &'a Hands,
    now: Timestamp,
    is_stopping: bool,
}

impl Turn<'_> {
    fn state_of(&self, id: &StepId) -> Option<&StepState> {
        self.state.step(id)
    }

    fn decide(&self, step: &Step, state: &StepState) -> Option<Command> {
        if state.outcome().is_some_and(|outcome| !matches!(outcome, StepOutcome::Owed { .. })) {
            return None;
        }
        if self.hands.is_busy(&step.id) {
            return None;
        }
        if let Some(until) = state.deferred.filter(|until| *until > self.now) {
            return (!self.is_stopping).then_some(Command::Wake(until));
        }
        match (&state.life, &step.work) {
            (Life::Finished { outcome: StepOutcome::Owed { .. } }, Work::Action(_)) => {
                self.retry_owed(step, state)
            }
            (Life::Waiting, _) => self.may_start(step).then(|| record(step, StepFact::Started)),
            (Life::Asking { question }, _) => (!self.is_stopping).then(|| Command::Ask {
                step: step.id.clone(),
                question: question.clone(),
                evidence: self.question_evidence(step, state),
            }),
            (Life::Accepted { handle, .. }, _) => Some(self.poll(step, handle)),
            (Life::Open, Work::Group { children }) => self.group(step, state, children),
            (Life::Open, Work::Action(work)) => self.open(&Task { step, state, work }),
            (Life::Begun { change, at }, Work::Action(work)) => {
                self.begun(&Task { step, state, work }, change, *at)
            }
            // A group sends nothing, so it has nothing begun.
            (Life::Finished { .. }, _) | (Life::Begun { .. }, Work::Group { .. }) => None,
        }
    }

    fn may_start(&self, step: &Step) -> bool {
        if self.is_stopping {
            return false;
        }
        let finished_well = |id: &StepId| {
            self.state_of(id).and_then(StepState::outcome).is_some_and(StepOutcome::lets_go_on)
        };
        if step.is_finally && self.state.aborted {
            let idle = |other: &Step| {
                other.is_finally
                    || self.state_of(&other.id).is_none_or(|state| state.open_change().is_none())
            };
            let earlier_done = |id: &StepId| {
                finished_well(id) || self.plan.step(id).is_some_and(|other| !other.is_finally)
            };
            return self.plan.steps.iter().all(idle) && step.needs.iter().all(earlier_done);
        }
        !self.state.aborted && step.needs.iter().all(finished_well)
    }

    fn poll(&self, step: &Step, handle: &Handle) -> Command {
        let hand = self.hands.of(&step.id);
        match hand.and_then(|hand| hand.poll_at).filter(|at| *at > self.now) {
            Some(at) => Command::Wake(at),
            None => Command::Poll { step: step.id.clone(), handle: handle.clone() },
        }
    }

    fn group(&self, step: &Step, state: &StepState, children: &[StepId]) -> Option<Command> {
        let states: Vec<_> = children.iter().filter_map(|child| self.state_of(child)).collect();
        if let Some(outcome) = together(&states) {
            return Some(record(step, StepFact::Finished { outcome }));
        }
        let says = self.confirm(step)?;
        let wants = |child: &StepId| {
            let (Some(step), Some(state)) = (self.plan.step(child), self.state_of(child)) else {
                return false;
            };
            matches!(state.life, Life::Open)
                && self.wanted(child).is_some_and(|change| {
                    state.settled_at(&change.id).is_none() && self.needs_consent(step, state)
                })
        };
        let all_seen = children.iter().zip(&states).all(|(child, state)| {
            !matches!(state.life, Life::Open | Life::Waiting) || self.hands.view(child).is_some()
        });
        if self.is_stopping || !all_seen || !children.iter().any(wants) {
            return None;
        }
        Some(Command::Ask {
            step: step.id.clone(),
            question: Question::Consent { says },
            evidence: self.question_evidence(step, state),
        })
    }

    /// The first change that a step's last view asks for.
    fn wanted(&self, id: &StepId) -> Option<&Change> {
        match &self.hands.view(id)?.seen {
            Seen::Answer(Answer::Missing(changes)) => changes.first(),
            Seen::Answer(Answer::Unseen(changes)) => {
                let state = self.state_of(id)?;
                changes.iter().find(|change| !is_settled(state, change))
            }
            Seen::Answer(Answer::AsDesired | Answer::NotYet { .. } | Answer::Never { .. })
            | Seen::Trouble(_) => None,
        }
    }

    fn open(&self, task: &Task) -> Option<Command> {
        if let Some(why) = &task.state.without {
            return Some(task.finish(StepOutcome::Skipped { reason: why.clone() }));
        }
        if let Some(why) = &task.state.refused {
            return self.fail(task, why.clone());
        }
        let Some(view) = self.hands.view(&task.step.id) else {
            let has_settled = task.state.settled.iter().any(|s| s.attempt == task.state.attempt);
            return (!self.is_stopping || has_settled).then(|| task.observe());
        };
        match &view.seen {
            Seen::Answer(Answer::AsDesired) => Some(task.finish(task.good_end())),
            _ if self.is_stopping => None,
            Seen::Trouble(trouble) => self.look_failed(task, view, &trouble.why, trouble.kind),
            Seen::Answer(Answer::Never { why }) => self.fail(task, why.clone()),
            Seen::Answer(Answer::NotYet { why, look_again }) => {
                if task.is_past_deadline(view.at) {
                    return self.fail(task, format!("{why} (waited {})", show(task.work.timeout)));
                }
                Some(self.look_at(task, view.at + *look_again))
            }
            Seen::Answer(Answer::Unseen(_)) => match self.wanted(&task.step.id) {
                Some(change) => self.want(task, view, change),
                None => Some(task.finish(StepOutcome::Succeeded)),
            },
            Seen::Answer(Answer::Missing(_)) => {
                let change = self.wanted(&task.step.id)?;
                match task.state.settled_at(&change.id) {
                    Some(settled) => self.settled_and_missing(task, view, change, settled),
                    None => self.want(task, view, change),
                }
            }
        }
    }

    /// A change that was done, and that the world does not show.
    fn settled_and_missing(
        &self,
        task: &Task,
        view: &View,
        change: &Change,
        settled: Timestamp,
    ) -> Option<Command> {
        let shows = settled + task.work.shows_within;
        if view.at < shows {
            let pause = (task.work.shows_within / 12).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            return Some(self.look_at(task, view.at + pause));
        }
        if let Repeat::Every(interval) = change.repeat {
            let due = settled + interval;
            return match task.is_past_deadline(view.at) {
                true => self.fail(task, format!("it never showed: {}", change.says)),
                false if self.now < due => Some(Command::Wake(due)),
                false => Some(self.send(task, view, change)),
            };
        }
        let waited = show(task.work.shows_within);
        self.fail(
            task,
            format!("it was accepted, and {waited} later it still does not show: {}", change.says),
        )
    }

    /// The step wants this change: everything that must come before it.
    fn want(&self, task: &Task, view: &View, change: &Change) -> Option<Command> {
        if change.by == By::Person {
            return Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Attest { change: change.id.clone(), says: change.says.clone() },
                evidence: task.state.evidence.clone(),
            });
        }
        if self.needs_consent(task.step, task.state) {
            let says = self.confirm(task.step)?;
            return Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Consent { says },
                evidence: self.question_evidence(task.step, task.state),
            });
        }
        let staying_since = task.state.last_settled().max(task.state.since).unwrap_or(self.now);
        let due = staying_since + change.stay_before;
        if self.now < due {
            return Some(Command::Wake(due));
        }
        let is_weighty = is_weighty(change);
        // What is owed is looked at once more first: the old region may be back, and its writers should find the fence.
        if is_weighty && self.plan.steps.iter().any(|owed| self.is_look_due(owed)) {
            return None;
        }
        if !change.stay_before.is_zero() && view.at < due {
            return Some(task.observe());
        }
        Some(self.send(task, view, change))
    }

    fn send(&self, task: &Task, view: &View, change: &Change) -> Command {
        if view.at + FRESH < self.now {
            return task.observe();
        }
        Command::Apply { step: task.step.id.clone(), change: change.clone() }
    }

    fn look_failed(
        &self,
        task: &Task,
        view: &View,
        why: &str,
        kind: TroubleKind,
    ) -> Option<Command> {
        // An owed step is tried again all the time, so one look is enough each time.
        let gives_up = task.is_past_deadline(view.at)
            || is_retry(task.step, task.state)
            || kind == TroubleKind::NotRead;
        if gives_up {
            return self.fail(task, why.to_owned());
        }
        Some(self.look_at(task, view.at + self.pause(task)))
    }

    fn pause(&self, task: &Task) -> Duration {
        let troubles = self.hands.of(&task.step.id).map_or(0, |hand| hand.troubles.min(6));
        (FIRST_PAUSE * 2_u32.pow(troubles)).min(LONGEST_PAUSE)
    }

    fn look_at(&self, task: &Task, at: Timestamp) -> Command {
        if self.now < at { Command::Wake(at) } else { task.observe() }
    }

    fn fail(&self, task: &Task, why: String) -> Option<Command> {
        match task.step.on_failure {
            OnFailure::Stop => Some(task.finish(StepOutcome::Failed { why })),
            OnFailure::Owe => Some(task.finish(StepOutcome::Owed { why })),
            OnFailure::Ask if self.is_stopping => None,
            OnFailure::Ask => Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Without { why },
                evidence: task.state.evidence.clone(),
            }),
        }
    }

    fn is_open(&self, id: &StepId) -> bool {
        self.state_of(id).is_some_and(|state| state.outcome().is_none())
    }

    /// The last fact, when every step is finished.
    fn end(&self) -> Option<Command> {
        let outcomes =
            || self.plan.steps.iter().filter_map(|step| self.state_of(&step.id)?.outcome());
        let is_ended =
            |step: &Step| !self.is_open(&step.id) || self.state.aborted && !step.is_finally;
        if !self.plan.steps.iter().all(is_ended) || outcomes().any(|outcome| !outcome.lets_go_on())
        {
            return None;
        }
        let outcome = if self.state.aborted {
            RunOutcome::Aborted
        } else if outcomes().any(|outcome| matches!(outcome, StepOutcome::Owed { .. })) {
            RunOutcome::Owing
        } else {
            RunOutcome::Done
        };
        Some(Command::Record(Fact::Run(RunFact::Finished { outcome })))
    }
}

/// A step with its action and where it stands.
struct Task<'a> {
    step: &'a Step,
    state: &'a StepState,
    work: &'a ActionWork,
}

impl Task<'_> {
    fn observe(&self) -> Command {
        Command::Observe { step: self.step.id.clone() }
    }

    fn finish(&self, outcome: StepOutcome) -> Command {
        record(self.step, StepFact::Finished { outcome })
    }

    fn good_end(&self) -> StepOutcome {
        let has_changed = !self.state.settled.is_empty();
        match self.work.effect {
            Effect::Changes | Effect::CannotBeUndone if !has_changed => StepOutcome::AlreadyDone,
            Effect::Reads | Effect::Changes | Effect::CannotBeUndone => StepOutcome::Succeeded,
        }
    }

    /// Judged by the time of the look, not by now: a resume after a long gap looks once before it gives up.
    fn is_past_deadline(&self, look: Timestamp) -> bool {
        self.state.since.is_some_and(|since| since + self.work.timeout < look)
    }
}

fn record(step: &Step, what: StepFact) -> Command {
    Command::Record(Fact::step(&step.id, what))
}

fn is_settled(state: &StepState, change: &Change) -> bool {
    state.settled.iter().any(|done| done.change == change.id)
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

/// Whether an owed step is being tried again.
fn is_retry(step: &Step, state: &StepState) -> bool {
    step.on_failure == OnFailure::Owe && state.attempt > 1
}

/// Whether sending it matters enough to look once more at what is owed.
fn is_weighty(change: &Change) -> bool {
    change.is_harmful() || !change.stay_before.is_zero()
}
