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
use std::{cell::Cell, time::Duration};

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
    let is_stopping = is_stopping(plan, state, hands);
    let free = Cell::new(free_places(plan, state, hands));
    let turn = Turn { plan, state, hands, now, is_stopping, free };
    // Side by side, and not by id: every turn comes past every step.
    let steps = plan.steps.iter().zip(state.steps());
    let mut commands: Vec<_> = steps.filter_map(|(step, state)| turn.decide(step, state)).collect();
    if commands.is_empty() && state.finished.is_none() && !hands.are_busy() {
        commands.extend(turn.end());
    }
    commands
}

/// Whether nothing new may be started.
pub fn is_stopping(plan: &Plan, state: &RunState, hands: &Hands) -> bool {
    hands.stopping.is_some() || has_failed(plan, state)
}

/// Whether a step failed, and nobody has opened it again. What failed in a run that was ended for good holds up nothing.
pub(super) fn has_failed(plan: &Plan, state: &RunState) -> bool {
    plan.steps.iter().zip(state.steps()).any(|(step, of_step)| {
        let counts = step.is_finally || !state.aborted;
        counts && matches!(of_step.outcome(), Some(StepOutcome::Failed { .. }))
    })
}

struct Turn<'a> {
    plan: &'a Plan,
    state: &'a RunState,
    hands: &'a Hands,
    now: Timestamp,
    is_stopping: bool,
    /// How many more changes may be sent. Looks and questions are never held up.
    free: Cell<usize>,
}

fn free_places(plan: &Plan, state: &RunState, hands: &Hands) -> usize {
    let Some(at_most) = hands.at_most else { return usize::MAX };
    let is_under_way =
        |step: &&Step| state.step(&step.id).is_some_and(|state| state.open_change().is_some());
    at_most.saturating_sub(plan.steps.iter().filter(is_under_way).count())
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
        if let Some(until) = put_off(state, self.now).filter(|_| !self.stops(step)) {
            return Some(Command::Wake(until));
        }
        match (&state.life, &step.work) {
            (Life::Finished { outcome: StepOutcome::Owed { .. } }, Work::Action(_)) => {
                self.retry_owed(step, state)
            }
            (Life::Waiting, _) => self.may_start(step).then(|| record(step, StepFact::Started)),
            (Life::Accepted { change, handle, .. }, Work::Action(work)) => {
                let task = Task { step, state, work };
                Some(self.give_up_polling(&task, change).unwrap_or_else(|| self.poll(step, handle)))
            }
            (Life::Open, Work::Group { children }) => self.group(step, state, children),
            (Life::Open, Work::Action(work)) => self.open(&Task { step, state, work }),
            (Life::Begun { change, at, .. }, Work::Action(work)) => {
                self.begun(&Task { step, state, work }, change, *at)
            }
            // Somebody waits for the answer; a resume opens the step again, and looks before it asks. A group sends nothing,
            // so it has nothing begun.
            (Life::Asking { .. } | Life::Finished { .. }, _)
            | (Life::Begun { .. } | Life::Accepted { .. }, Work::Group { .. }) => None,
        }
    }

    fn may_start(&self, step: &Step) -> bool {
        if self.stops(step) {
            return false;
        }
        let finished_well = |id: &StepId| self.is_behind_us(id);
        let mut others = self.plan.steps.iter().filter(|other| !other.is_finally);
        if step.is_finally && !self.state.aborted && !others.all(|other| finished_well(&other.id)) {
            return false;
        }
        if step.is_finally && self.state.aborted {
            let idle = |other: &Step| other.is_finally || self.is_left_alone(other);
            let earlier_done = |id: &StepId| {
                finished_well(id) || self.plan.step(id).is_some_and(|other| !other.is_finally)
            };
            return self.plan.steps.iter().all(idle) && step.needs.iter().all(earlier_done);
        }
        step.needs.iter().all(finished_well)
    }

    /// Whether what needs this step may start. A step that was left out before it was reached stands for all that it
    /// would have waited for itself.
    fn is_behind_us(&self, id: &StepId) -> bool {
        let Some(state) = self.state_of(id) else { return false };
        if !state.outcome().is_some_and(StepOutcome::lets_go_on) {
            return false;
        }
        let was_reached = state.since.is_some();
        was_reached
            || self
                .plan
                .step(id)
                .is_some_and(|s| s.needs.iter().all(|need| self.is_behind_us(need)))
    }

    /// Whether this step may start nothing new: the run is stopping, or was ended for good.
    fn stops(&self, step: &Step) -> bool {
        self.is_stopping || self.state.aborted && !step.is_finally
    }

    /// Whether nothing more will come of a step in a run that was ended for good.
    fn is_left_alone(&self, step: &Step) -> bool {
        let is_under_way = self.state_of(&step.id).is_some_and(|state| match &state.life {
            Life::Accepted { .. } => true,
            // What could do harm must be known; the rest is looked at once more, in case it happened.
            Life::Begun { change, .. } => {
                change.is_harmful() || self.hands.view(&step.id).is_none()
            }
            Life::Asking { .. } => state.open_change().is_some_and(Change::is_harmful),
            Life::Waiting | Life::Open | Life::Finished { .. } => false,
        });
        !is_under_way && !self.hands.is_busy(&step.id)
    }

    /// The dead region cannot hold us: where a harmless operation can no longer be asked about, it is in doubt.
    fn give_up_polling(&self, task: &Task, change: &Change) -> Option<Command> {
        let is_mute = self.hands.of(&task.step.id).is_some_and(|hand| hand.troubles > 0);
        let may_be_owed = task.step.on_failure == OnFailure::Owe && !change.is_harmful();
        (is_mute && may_be_owed && task.is_past_deadline(self.now)).then(|| {
            let why = "its operation cannot be asked about".to_owned();
            record(task.step, StepFact::ChangeDoubted { why, until: None })
        })
    }

    fn poll(&self, step: &Step, handle: &Handle) -> Command {
        let hand = self.hands.of(&step.id);
        match hand.and_then(|hand| hand.poll_at).filter(|at| *at > self.now) {
            Some(at) => Command::Wake(at),
            None => Command::Poll { step: step.id.clone(), handle: handle.clone() },
        }
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
            return (!self.stops(task.step) || has_settled).then(|| task.observe());
        };
        match &view.seen {
            Seen::Answer(Answer::AsDesired) => Some(task.finish(task.good_end())),
            _ if self.stops(task.step) => None,
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
                false => self.send(task, view, change),
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
        if let Some(deferral) =
            task.state.deferred.as_ref().filter(|_| task.is_past_deadline(view.at))
        {
            return self.fail(task, format!("put off again and again: {}", deferral.why));
        }
        if change.by == By::Person {
            return Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Attest { change: change.id.clone(), says: change.says.clone() },
                evidence: task.state.evidence.clone(),
            });
        }
        // An attempt before this one sent it, and nobody knows what became of it.
        let before = task.state.harm.as_ref().filter(|(id, _)| *id == change.id);
        if let Some((id, sent)) = before {
            return Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Again {
                    change: id.clone(),
                    says: change.says.clone(),
                    sent: *sent,
                },
                evidence: task.state.evidence.clone(),
            });
        }
        if self.needs_consent(task.step, task.state, change) {
            return self.ask_itself(task);
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
        self.send(task, view, change)
    }

    fn send(&self, task: &Task, view: &View, change: &Change) -> Option<Command> {
        let is_new = task.state.open_change().is_none();
        if is_new && self.free.get() == 0 {
            return None;
        }
        if view.until + FRESH < self.now {
            return Some(task.observe());
        }
        if is_new {
            self.free.set(self.free.get() - 1);
        }
        Some(Command::Apply { step: task.step.id.clone(), change: change.clone() })
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
            OnFailure::Ask if self.stops(task.step) => None,
            OnFailure::Ask => Some(Command::Ask {
                step: task.step.id.clone(),
                question: Question::Without { why },
                evidence: task.state.evidence.clone(),
            }),
        }
    }

    /// The last fact, when every step is finished.
    fn end(&self) -> Option<Command> {
        let outcomes =
            || self.plan.steps.iter().filter_map(|step| self.state_of(&step.id)?.outcome());
        let lets_go_on = |step: &Step| {
            self.state_of(&step.id)
                .is_some_and(|state| state.outcome().is_some_and(StepOutcome::lets_go_on))
        };
        let is_ended = |step: &Step| {
            let is_abandoned = self.state.aborted && !step.is_finally;
            if is_abandoned { self.is_left_alone(step) } else { lets_go_on(step) }
        };
        if !self.plan.steps.iter().all(is_ended) {
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

    /// Judged by the time of the look, not by now: a resume after a long gap looks once before it gives up. Each stage of
    /// a shift has the whole time for itself.
    fn is_past_deadline(&self, look: Timestamp) -> bool {
        let attempt = self.state.attempt;
        let stages =
            self.state.settled.iter().filter(|s| s.attempt == attempt && !s.stayed.is_zero());
        let since = self.state.since.max(stages.map(|stage| stage.at).max());
        since.is_some_and(|since| since + self.work.timeout < look)
    }
}

/// Whether a step has taken longer than its timeout.
pub(super) fn is_late(step: &Step, state: &StepState, now: Timestamp) -> bool {
    step.action().is_some_and(|work| Task { step, state, work }.is_past_deadline(now))
}

fn record(step: &Step, what: StepFact) -> Command {
    Command::Record(Fact::step(&step.id, what))
}

fn is_settled(state: &StepState, change: &Change) -> bool {
    state.settled.iter().any(|done| done.change == change.id)
}

/// Until when the cloud wants to be left alone, if it does.
fn put_off(state: &StepState, now: Timestamp) -> Option<Timestamp> {
    let can_send = matches!(state.life, Life::Open | Life::Begun { .. });
    let until = state.deferred.as_ref()?.until;
    (can_send && until > now).then_some(until)
}

/// Whether an owed step is being tried again.
fn is_retry(step: &Step, state: &StepState) -> bool {
    step.on_failure == OnFailure::Owe && state.attempt > 1
}

/// Whether sending it matters enough to look once more at what is owed.
fn is_weighty(change: &Change) -> bool {
    change.is_harmful() || !change.stay_before.is_zero()
}
