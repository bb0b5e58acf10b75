//! Facts to what happened: who did what, when, how often, and how long it took.
//!
//! Folds the same facts as [`RunState`], which it holds, and keeps what a decision need not know and a reader wants.

use crate::{
    action::Change,
    journal::Entry,
    model::{Evidence, RunId, StepId, span::between},
    plan::{Plan, Step},
    run::{
        Answer, Fact, IllegalFact, Life, Question, RunFact, RunState, StepFact, StepOutcome,
        StepState,
    },
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// What happened in a run until now.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub run: RunId,
    pub plan: Arc<Plan>,
    pub state: RunState,
    /// Each process that worked on it.
    pub sessions: Vec<Session>,
    /// In the plan's order.
    pub steps: Vec<StepStory>,
    pub samples: Vec<Sample>,
    pub interrupted: bool,
}

/// The work of one process.
#[derive(Clone, Debug)]
pub struct Session {
    pub who: String,
    pub host: String,
    pub identity: String,
    pub tool: String,
    pub from: Timestamp,
    /// Its last record.
    pub to: Timestamp,
}

/// What users saw at a watched address, from then on.
#[derive(Clone, Debug)]
pub struct Sample {
    pub at: Timestamp,
    pub watch: String,
    pub good: bool,
    pub says: String,
}

#[derive(Clone, Debug)]
pub struct StepStory {
    pub id: StepId,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub outcome: Option<StepOutcome>,
    pub attempts: u32,
    pub changes: Vec<ChangeStory>,
    pub questions: Vec<Asked>,
    pub evidence: Evidence,
    /// Who said that it was done by hand, or left it out, and why.
    pub by_hand: Option<(String, String)>,
    /// Since when it is open, and somebody is at it.
    since: Option<Timestamp>,
    /// How long it was open before that.
    spent: Duration,
}

#[derive(Clone, Debug)]
pub struct ChangeStory {
    pub change: Change,
    pub begun: Timestamp,
    pub accepted: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub end: End,
    /// How often it was sent once more while nobody knew whether it had happened, or after it had.
    pub again: u32,
    pub request_ids: Vec<String>,
    /// What was lost by it, as far as was known when it was begun.
    pub data_loss: Option<Duration>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Sent, or about to be: nobody knows yet.
    Open,
    InDoubt(String),
    Deferred(String),
    Refused(String),
    Settled,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub question: Question,
    pub evidence: Evidence,
    pub at: Timestamp,
    pub answered: Option<Answered>,
    /// Until when somebody waited for the answer.
    until: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Answered {
    pub at: Timestamp,
    pub answer: Answer,
    pub who: String,
    pub note: Option<String>,
}

impl Timeline {
    pub fn new(run: RunId, plan: Arc<Plan>) -> Self {
        let steps = plan.steps.iter().map(|step| StepStory::new(&step.id)).collect();
        let state = RunState::new(plan.steps.iter().map(|step| &step.id));
        let (sessions, samples) = (Vec::new(), Vec::new());
        Self { run, plan, state, sessions, steps, samples, interrupted: false }
    }

    /// Reads a whole journal.
    pub fn replay(
        run: RunId,
        plan: Arc<Plan>,
        entries: &[Entry<Fact>],
    ) -> Result<Self, IllegalFact> {
        let mut timeline = Self::new(run, plan);
        for entry in entries {
            timeline.take_in(entry.at, &entry.fact)?;
        }
        Ok(timeline)
    }

    pub fn take_in(&mut self, at: Timestamp, fact: &Fact) -> Result<(), IllegalFact> {
        self.state.fold(at, fact)?;
        match fact {
            Fact::Run(fact) => self.take_in_run(at, fact),
            Fact::Step { step, what } => {
                if let Some(story) = self.steps.iter_mut().find(|story| story.id == *step) {
                    story.take_in(at, what);
                }
            }
        }
        if let Some(session) = self.sessions.last_mut() {
            session.to = at;
        }
        Ok(())
    }

    fn take_in_run(&mut self, at: Timestamp, fact: &RunFact) {
        match fact {
            RunFact::Started { who, host, tool, identity, .. }
            | RunFact::Resumed { who, host, tool, identity } => {
                if let Some(last) = self.last() {
                    self.steps.iter_mut().for_each(|story| story.left_alone(last, at));
                }
                self.interrupted = false;
                self.sessions.push(Session {
                    who: who.clone(),
                    host: host.clone(),
                    identity: identity.clone(),
                    tool: tool.clone(),
                    from: at,
                    to: at,
                });
            }
            RunFact::Saw { watch, good, says } => {
                // Each process looks anew; what it sees as before is still the same state.
                let last = self.last_seen(watch);
                if last.is_none_or(|last| last.good != *good || last.says != *says) {
                    let (watch, says) = (watch.clone(), says.clone());
                    self.samples.push(Sample { at, watch, good: *good, says });
                }
            }
            RunFact::Interrupted => self.interrupted = true,
            RunFact::Aborted { .. } | RunFact::Finished { .. } => {}
        }
    }

    pub fn story(&self, id: &StepId) -> Option<&StepStory> {
        self.steps.iter().find(|story| story.id == *id)
    }

    /// The steps that do something, each with its story: groups are only brackets around them.
    pub fn work(&self) -> impl Iterator<Item = (&Step, &StepStory)> {
        self.plan.steps.iter().zip(&self.steps).filter(|(step, _)| step.action().is_some())
    }

    /// The steps as people count them, each with its story: a group counts once.
    pub fn counted(&self) -> impl Iterator<Item = (&Step, &StepStory)> {
        self.plan.steps.iter().zip(&self.steps).filter(|(step, _)| step.group.is_none())
    }

    pub fn started(&self) -> Option<Timestamp> {
        self.sessions.first().map(|session| session.from)
    }

    /// When the last fact was written.
    pub fn last(&self) -> Option<Timestamp> {
        self.sessions.last().map(|session| session.to)
    }

    /// From the first fact to the last.
    pub fn total(&self) -> Duration {
        let ends = self.started().zip(self.last());
        ends.map_or(Duration::ZERO, |(from, to)| between(from, to))
    }

    /// How long somebody was waited for; questions that were open together count once.
    pub fn human(&self) -> Duration {
        let asked = |story: &StepStory| -> Vec<(Timestamp, Timestamp)> {
            story.questions.iter().map(|asked| (asked.at, asked.until)).collect()
        };
        let mut waits: Vec<_> = self.steps.iter().flat_map(asked).collect();
        waits.sort_unstable();
        let mut until = Timestamp::MIN;
        waits.into_iter().fold(Duration::ZERO, |sum, (from, to)| {
            let fresh = between(from.max(until), to);
            until = until.max(to);
            sum + fresh
        })
    }

    pub fn questions(&self) -> impl Iterator<Item = (&StepStory, &Asked)> {
        self.steps.iter().flat_map(|story| story.questions.iter().map(move |asked| (story, asked)))
    }

    pub fn changes(&self) -> impl Iterator<Item = (&StepStory, &ChangeStory)> {
        self.steps.iter().flat_map(|story| story.changes.iter().map(move |change| (story, change)))
    }

    pub fn owed(&self) -> Vec<&StepId> {
        let is_owed = |id| self.state.step(id).is_some_and(StepState::is_owed);
        self.work().map(|(step, _)| &step.id).filter(|id| is_owed(id)).collect()
    }

    /// What users of a watched address see now, since when.
    pub fn last_seen(&self, watch: &str) -> Option<&Sample> {
        self.samples.iter().rfind(|sample| sample.watch == watch)
    }

    /// The steps that were left out, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (&StepStory, &str)> {
        self.steps.iter().filter_map(|story| match &story.outcome {
            Some(StepOutcome::Skipped { reason }) => Some((story, reason.as_str())),
            _ => None,
        })
    }

    /// The question that stands now: the one that was asked first.
    pub fn open_question(&self) -> Option<(&StepStory, &Asked)> {
        let stands = |story: &&StepStory| {
            let state = self.state.step(&story.id);
            state.is_some_and(|state| matches!(state.life, Life::Asking { .. }))
        };
        let open = self.steps.iter().filter(stands);
        let asked = open.filter_map(|story| Some((story, story.questions.last()?)));
        asked.min_by_key(|(_, asked)| asked.at)
    }

    /// Whether the last thing that an operator said in this session is no.
    pub fn was_declined(&self) -> bool {
        let since = self.sessions.last().map(|session| session.from);
        let answers = self.questions().filter_map(|(_, asked)| asked.answered.as_ref());
        let last = answers.filter(|answered| Some(answered.at) >= since).max_by_key(|a| a.at);
        last.is_some_and(|answered| answered.answer == Answer::No)
    }

    /// The steps that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&StepStory, &str)> {
        self.steps.iter().filter_map(|story| match &story.outcome {
            Some(StepOutcome::Failed { why }) => Some((story, why.as_str())),
            _ => None,
        })
    }
}

impl StepStory {
    fn new(id: &StepId) -> Self {
        Self {
            id: id.clone(),
            started: None,
            finished: None,
            outcome: None,
            attempts: 0,
            changes: Vec::new(),
            questions: Vec::new(),
            evidence: Evidence::new(),
            by_hand: None,
            since: None,
            spent: Duration::ZERO,
        }
    }

    fn take_in(&mut self, at: Timestamp, what: &StepFact) {
        match what {
            StepFact::Started => {
                (self.started, self.since) = (Some(at), Some(at));
                self.attempts = 1;
            }
            StepFact::Reopened => {
                self.attempts += 1;
                self.since = Some(at);
                (self.finished, self.outcome) = (None, None);
            }
            StepFact::Observed { evidence } => self.evidence.take_in(evidence),
            StepFact::Asked { question, evidence } => {
                let (question, evidence) = (question.clone(), evidence.clone());
                self.questions.push(Asked { question, evidence, at, answered: None, until: at });
            }
            StepFact::Answered { answer, who, note } => {
                let (who, note) = (who.clone(), note.clone());
                self.answered(Answered { at, answer: *answer, who, note });
            }
            StepFact::ChangeBegun { change } => self.begun(at, change),
            StepFact::OperationAccepted { request_id, .. } => {
                self.change(request_id.as_ref(), |change| change.accepted = Some(at));
            }
            StepFact::ChangeSettled { request_id } => {
                self.change(request_id.as_ref(), |change| change.close(at, End::Settled));
            }
            StepFact::ChangeRefused { why, request_id } => {
                let end = End::Refused(why.clone());
                self.change(request_id.as_ref(), |change| change.close(at, end));
            }
            StepFact::ChangeDeferred { why, .. } => {
                self.change(None, |change| change.end = End::Deferred(why.clone()));
            }
            StepFact::ChangeDoubted { why, .. } => {
                self.change(None, |change| change.end = End::InDoubt(why.clone()));
            }
            StepFact::Finished { outcome } => self.finish(at, outcome.clone()),
            StepFact::Skipped { reason, who } => {
                self.by_hand = Some((who.clone(), reason.clone()));
                self.finish(at, StepOutcome::Skipped { reason: reason.clone() });
            }
            StepFact::DoneByHand { note, who } => {
                self.by_hand = Some((who.clone(), note.clone()));
                self.finish(at, StepOutcome::Succeeded);
            }
        }
    }

    fn finish(&mut self, at: Timestamp, outcome: StepOutcome) {
        self.spent += self.since.take().map_or(Duration::ZERO, |since| between(since, at));
        self.finished = Some(at);
        self.outcome = Some(outcome);
    }

    fn begun(&mut self, at: Timestamp, change: &Change) {
        let last = self.changes.last_mut().filter(|last| last.change.id == change.id);
        match last {
            Some(last) if matches!(last.end, End::Deferred(_)) => last.end = End::Open,
            Some(last) if !matches!(last.end, End::Refused(_)) => {
                last.again += 1;
                last.end = End::Open;
            }
            _ => {
                let data_loss = self.evidence.data_loss().filter(|_| change.is_harmful());
                self.changes.push(ChangeStory {
                    change: change.clone(),
                    begun: at,
                    accepted: None,
                    ended: None,
                    end: End::Open,
                    again: 0,
                    request_ids: Vec::new(),
                    data_loss,
                });
            }
        }
    }

    fn change(&mut self, request_id: Option<&String>, now: impl FnOnce(&mut ChangeStory)) {
        if let Some(last) = self.changes.last_mut() {
            now(last);
            last.request_ids.extend(request_id.cloned());
        }
    }

    fn answered(&mut self, answered: Answered) {
        let Some(asked) = self.questions.last_mut() else { return };
        let at = answered.at;
        if let Question::Happened { .. } = &asked.question {
            let end = match answered.answer {
                Answer::Yes => End::Settled,
                Answer::No => End::Refused("the operator says that it did not happen".to_owned()),
            };
            if let Some(last) = self.changes.last_mut() {
                last.close(at, end);
            }
        }
        asked.until = at;
        asked.answered = Some(answered);
    }

    /// Nobody was at the run from `last` until now.
    fn left_alone(&mut self, last: Timestamp, now: Timestamp) {
        if let Some(since) = self.since {
            self.spent += between(since, last);
            self.since = Some(now);
        }
        if let Some(asked) = self.questions.last_mut().filter(|asked| asked.answered.is_none()) {
            asked.until = asked.until.max(last);
        }
    }

    /// How long it was worked on in all its attempts, until now.
    pub fn elapsed(&self, now: Timestamp) -> Option<Duration> {
        self.started.map(|_| self.spent + self.since.map_or(Duration::ZERO, |at| between(at, now)))
    }

    /// Who said that it is left out: on the command line, or in answer to a question.
    pub fn who_left_it_out(&self) -> Option<&str> {
        let answered = || self.questions.last()?.answered.as_ref().map(|answered| &answered.who);
        self.by_hand.as_ref().map(|(who, _)| who).or_else(answered).map(String::as_str)
    }

    /// Whether somebody must still see to it.
    pub fn is_left(&self) -> bool {
        !matches!(self.outcome, Some(StepOutcome::Succeeded | StepOutcome::AlreadyDone))
    }

    /// How long it waited for a person.
    pub fn human(&self) -> Duration {
        self.questions.iter().map(|asked| between(asked.at, asked.until)).sum()
    }
}

impl ChangeStory {
    fn close(&mut self, at: Timestamp, end: End) {
        self.ended = Some(at);
        self.end = end;
    }
}

impl Asked {
    /// How long it was open.
    pub fn waited(&self) -> Duration {
        between(self.at, self.until)
    }
}

#[cfg(test)]
mod tests;
