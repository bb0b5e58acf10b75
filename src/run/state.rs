//! The fold: facts in, state out. Every fact that does not follow from what came before is an illegal journal, when
//! writing and when reading.

use super::fact::{Answer, Fact, Question, RunFact, RunOutcome, StepFact, StepOutcome};
use crate::{
    action::{Change, Handle},
    model::{ChangeId, Evidence, StepId},
};
use jiff::Timestamp;
use std::{collections::HashMap, time::Duration};

/// A fact that cannot follow from what came before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} cannot be {fact}: it is {life}")]
pub struct IllegalFact {
    pub subject: String,
    pub fact: String,
    pub life: String,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Life {
    Waiting,
    Open,
    Asking {
        question: Question,
        /// The change that is in doubt while this is asked, and when it was begun.
        doubted: Option<Box<(Change, Timestamp)>>,
    },
    /// A change was begun. With nobody at it, it is in doubt.
    Begun {
        change: Change,
        at: Timestamp,
        /// When it was begun before, if it could do harm and that one is in doubt: that the cloud says no to this one says
        /// nothing of it.
        before: Option<Timestamp>,
    },
    /// The cloud has accepted a change and works on it.
    Accepted {
        change: Change,
        handle: Handle,
        at: Timestamp,
    },
    Finished {
        outcome: StepOutcome,
    },
}

impl Life {
    fn in_doubt(change: Change, at: Timestamp) -> Self {
        Self::Begun { change, at, before: None }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Asking { .. } => "waiting for an answer",
            Self::Begun { .. } => "begun",
            Self::Accepted { .. } => "accepted",
            Self::Finished { .. } => "finished",
        }
    }
}

/// A change that was done, in whichever attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub change: ChangeId,
    pub at: Timestamp,
    /// How long the step had to stay as it was before this change.
    pub stayed: Duration,
    pub attempt: u32,
}

/// The cloud said "later".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    pub until: Timestamp,
    pub why: String,
}

/// A consent: when it was given, and to which loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    pub asked_at: Timestamp,
    pub at: Timestamp,
    pub data_loss: Option<Duration>,
    /// Whether the operator was told that nobody knows the loss.
    pub is_unknown: bool,
}

/// What an open question showed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    at: Timestamp,
    data_loss: Option<Duration>,
    is_unknown: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    pub life: Life,
    pub attempt: u32,
    /// When this attempt began, or the operator last answered: deadlines count from here.
    pub since: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// What was last read.
    pub evidence: Evidence,
    pub settled: Vec<Settled>,
    pub agreed: Option<Agreement>,
    /// Why the cloud said no, in this attempt.
    pub refused: Option<String>,
    /// The last time that a change of this attempt was put off.
    pub deferred: Option<Deferral>,
    /// The operator goes on without it, in spite of this.
    pub without: Option<String>,
    /// Why it is owed, also while it is tried again.
    pub debt: Option<String>,
    /// The last harmful change that was sent and may have happened, in whichever attempt, and when it was begun.
    pub harm: Option<(ChangeId, Timestamp)>,
    asked: Option<Asked>,
}

impl StepState {
    fn new() -> Self {
        Self {
            life: Life::Waiting,
            attempt: 1,
            since: None,
            finished_at: None,
            evidence: Evidence::new(),
            settled: Vec::new(),
            agreed: None,
            refused: None,
            deferred: None,
            without: None,
            debt: None,
            harm: None,
            asked: None,
        }
    }

    pub fn outcome(&self) -> Option<&StepOutcome> {
        match &self.life {
            Life::Finished { outcome } => Some(outcome),
            Life::Waiting
            | Life::Open
            | Life::Asking { .. }
            | Life::Begun { .. }
            | Life::Accepted { .. } => None,
        }
    }

    /// Whether it is owed, also while it is tried again.
    pub fn is_owed(&self) -> bool {
        self.debt.is_some()
    }

    /// The change that is under way, or in doubt.
    pub fn open_change(&self) -> Option<&Change> {
        match &self.life {
            Life::Begun { change, .. } | Life::Accepted { change, .. } => Some(change),
            Life::Asking { doubted, .. } => doubted.as_ref().map(|doubted| &doubted.0),
            Life::Waiting | Life::Open | Life::Finished { .. } => None,
        }
    }

    /// When this change last settled in this attempt.
    pub fn settled_at(&self, change: &ChangeId) -> Option<Timestamp> {
        let mine = |done: &&Settled| done.change == *change && done.attempt == self.attempt;
        self.settled.iter().rfind(mine).map(|done| done.at)
    }

    /// When the last change of any attempt settled.
    pub fn last_settled(&self) -> Option<Timestamp> {
        self.settled.iter().map(|done| done.at).max()
    }

    fn settle(&mut self, change: ChangeId, stayed: Duration, at: Timestamp) {
        self.settled.push(Settled { change, at, stayed, attempt: self.attempt });
        self.deferred = None;
        self.life = Life::Open;
    }

    fn begin(&mut self, change: &Change, before: Option<Timestamp>, at: Timestamp) {
        let before = before.filter(|_| change.is_harmful());
        if change.is_harmful() {
            self.harm = Some((change.id.clone(), at));
        }
        self.life = Life::Begun { change: change.clone(), at, before };
    }

    /// Nothing came of what was begun last. That says nothing of the same change, begun before it and in doubt.
    fn came_to_nothing(&mut self, change: Change, before: Option<Timestamp>) {
        self.harm = before.map(|at| (change.id.clone(), at));
        self.life = before.map_or(Life::Open, |at| Life::in_doubt(change, at));
    }

    fn finish(&mut self, outcome: StepOutcome, at: Timestamp) {
        self.finished_at = Some(at);
        self.debt = match &outcome {
            StepOutcome::Owed { why } => Some(why.clone()),
            _ => None,
        };
        self.life = Life::Finished { outcome };
    }

    /// Every pair that is not in this table is illegal.
    fn fold(&mut self, fact: &StepFact, at: Timestamp) -> bool {
        match (std::mem::replace(&mut self.life, Life::Waiting), fact) {
            (Life::Waiting, StepFact::Started) => {
                self.since = Some(at);
                self.life = Life::Open;
            }
            (life @ (Life::Open | Life::Begun { .. }), StepFact::Observed { evidence }) => {
                self.evidence.take_in(evidence);
                self.life = life;
            }
            (life, StepFact::Asked { question, evidence }) => {
                return self.ask(life, question, evidence, at);
            }
            (Life::Asking { question, .. }, StepFact::Answered { answer, .. }) => {
                self.answer(question, *answer, at);
            }
            (Life::Open, StepFact::ChangeBegun { change }) => self.begin(change, None, at),
            (Life::Begun { change: open, at: before, .. }, StepFact::ChangeBegun { change })
                if open.id == change.id =>
            {
                self.begin(change, Some(before), at);
            }
            (Life::Begun { change, .. }, StepFact::OperationAccepted { handle, .. }) => {
                self.life = Life::Accepted { change, handle: handle.clone(), at };
            }
            (
                Life::Begun { change, .. } | Life::Accepted { change, .. },
                StepFact::ChangeSettled { .. },
            ) => self.settle(change.id, change.stay_before, at),
            (Life::Begun { change, before, .. }, StepFact::ChangeRefused { why, .. }) => {
                self.refused = Some(why.clone());
                self.came_to_nothing(change, before);
            }
            (Life::Accepted { .. }, StepFact::ChangeRefused { why, .. }) => {
                self.refused = Some(why.clone());
                self.harm = None;
                self.life = Life::Open;
            }
            (Life::Begun { change, before, .. }, StepFact::ChangeDeferred { why, until }) => {
                self.deferred = Some(Deferral { until: *until, why: why.clone() });
                self.came_to_nothing(change, before);
            }
            // Whatever shows of a second try, or does not, tells of both.
            (
                Life::Begun { change, at: begun, .. } | Life::Accepted { change, at: begun, .. },
                StepFact::ChangeDoubted { why, until },
            ) => {
                self.deferred = until.map(|until| Deferral { until, why: why.clone() });
                self.life = Life::in_doubt(change, begun);
            }
            (Life::Open, StepFact::Finished { outcome }) => self.finish(outcome.clone(), at),
            (
                Life::Finished { outcome: StepOutcome::Failed { .. } | StepOutcome::Owed { .. } },
                StepFact::Reopened,
            ) => self.reopen(at),
            (Life::Finished { outcome }, _) => {
                self.life = Life::Finished { outcome };
                return false;
            }
            (_, StepFact::Skipped { reason, .. }) => {
                self.finish(StepOutcome::Skipped { reason: reason.clone() }, at);
            }
            (_, StepFact::DoneByHand { .. }) => self.finish(StepOutcome::Succeeded, at),
            (life, _) => {
                self.life = life;
                return false;
            }
        }
        true
    }

    /// Takes a question in, and keeps the doubt that it is about.
    fn ask(&mut self, life: Life, question: &Question, evidence: &Evidence, at: Timestamp) -> bool {
        let doubted = match life {
            Life::Open => None,
            Life::Asking { doubted, .. } => doubted,
            Life::Begun { change, at, .. } if matches!(question, Question::Happened { .. }) => {
                Some(Box::new((change, at)))
            }
            life => {
                self.life = life;
                return false;
            }
        };
        let (data_loss, is_unknown) = (evidence.data_loss(), evidence.unknown_loss().is_some());
        self.asked = Some(Asked { at, data_loss, is_unknown });
        self.life = Life::Asking { question: question.clone(), doubted };
        true
    }

    /// Somebody is at it again. The time without anybody counts against no deadline, and a question that stood is asked
    /// anew, once the world has been looked at.
    fn resume(&mut self, at: Timestamp) {
        if self.outcome().is_some() {
            return;
        }
        self.since = self.since.map(|_| at);
        self.life = match std::mem::replace(&mut self.life, Life::Waiting) {
            Life::Asking { doubted: None, .. } => Life::Open,
            Life::Asking { doubted: Some(doubted), .. } => Life::in_doubt(doubted.0, doubted.1),
            Life::Begun { change, at, .. } => Life::in_doubt(change, at),
            life => life,
        };
    }

    fn answer(&mut self, question: Question, answer: Answer, at: Timestamp) {
        self.since = Some(at);
        self.life = Life::Open;
        match (answer, question) {
            // Whoever does not go on without it may mend the cause: it will be tried again.
            (Answer::No, Question::Without { .. }) => self.refused = None,
            (Answer::No, Question::Happened { .. }) => self.harm = None,
            (Answer::No, _) => {}
            (Answer::Yes, question @ (Question::Consent { .. } | Question::Again { .. })) => {
                if matches!(question, Question::Again { .. }) {
                    self.harm = None;
                }
                let asked = self.asked.unwrap_or(Asked { at, data_loss: None, is_unknown: false });
                let Asked { at: asked_at, data_loss, is_unknown } = asked;
                self.agreed = Some(Agreement { asked_at, at, data_loss, is_unknown });
            }
            (Answer::Yes, Question::Attest { change, .. } | Question::Happened { change, .. }) => {
                self.settle(change, Duration::ZERO, at);
            }
            (Answer::Yes, Question::Without { why }) => self.without = Some(why),
        }
    }

    fn reopen(&mut self, at: Timestamp) {
        self.attempt += 1;
        self.since = Some(at);
        self.finished_at = None;
        self.agreed = None;
        self.refused = None;
        self.deferred = None;
        self.without = None;
        self.life = Life::Open;
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    steps: Vec<StepState>,
    places: HashMap<StepId, usize>,
    pub started: Option<Timestamp>,
    pub simulated: bool,
    pub aborted: bool,
    pub finished: Option<RunOutcome>,
}

impl RunState {
    pub fn new<'a>(steps: impl IntoIterator<Item = &'a StepId>) -> Self {
        let places: HashMap<_, _> =
            steps.into_iter().cloned().enumerate().map(|(place, id)| (id, place)).collect();
        Self {
            steps: vec![StepState::new(); places.len()],
            places,
            started: None,
            simulated: false,
            aborted: false,
            finished: None,
        }
    }

    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.places.get(id).map(|place| &self.steps[*place])
    }

    /// Where every step stands, in the order of the plan.
    pub fn steps(&self) -> impl Iterator<Item = &StepState> {
        self.steps.iter()
    }

    /// Takes a fact in.
    ///
    /// # Errors
    /// When the fact cannot follow from what came before; the state is then as it was.
    pub fn fold(&mut self, at: Timestamp, fact: &Fact) -> Result<(), IllegalFact> {
        match fact {
            Fact::Run(fact) => self.fold_run(at, fact),
            Fact::Step { step, what } => {
                let illegal = |life: &str| IllegalFact {
                    subject: format!("step `{step}`"),
                    fact: variant(what),
                    life: life.to_owned(),
                };
                let place = *self.places.get(step).ok_or_else(|| illegal("not in the plan"))?;
                if self.finished.is_some() {
                    return Err(illegal("in a run that has ended"));
                }
                let state = &mut self.steps[place];
                if state.fold(what, at) { Ok(()) } else { Err(illegal(state.life.name())) }
            }
        }
    }

    fn fold_run(&mut self, at: Timestamp, fact: &RunFact) -> Result<(), IllegalFact> {
        let legal = match fact {
            RunFact::Started { .. } => self.started.is_none(),
            RunFact::Resumed { .. } => self.started.is_some() && !self.aborted_and_done(),
            RunFact::Interrupted
            | RunFact::Aborted { .. }
            | RunFact::Saw { .. }
            | RunFact::Finished { .. } => self.started.is_some() && self.finished.is_none(),
        };
        if !legal {
            let life = match (self.started, self.finished) {
                (None, _) => "not started",
                (_, Some(_)) => "finished",
                _ => "started",
            };
            return Err(IllegalFact {
                subject: "the run".to_owned(),
                fact: variant(fact),
                life: life.to_owned(),
            });
        }
        match fact {
            RunFact::Started { simulated, .. } => {
                self.started = Some(at);
                self.simulated = *simulated;
            }
            RunFact::Resumed { .. } => {
                self.finished = None;
                self.steps.iter_mut().for_each(|step| step.resume(at));
            }
            RunFact::Aborted { .. } => self.aborted = true,
            RunFact::Finished { outcome } => self.finished = Some(*outcome),
            RunFact::Interrupted | RunFact::Saw { .. } => {}
        }
        Ok(())
    }

    fn aborted_and_done(&self) -> bool {
        self.finished == Some(RunOutcome::Aborted)
    }
}

/// The name of a fact, for messages: `ChangeBegun { … }` says `ChangeBegun`.
fn variant(fact: &impl std::fmt::Debug) -> String {
    let text = format!("{fact:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
