//! What came back from the effects: into facts where it must last, into the hands where it may be forgotten.

use super::{
    Engine, EngineError, Parts, Reply, Seen, Stop, View,
    effect::{Done, Outcome},
    next,
};
use crate::{
    action::{Answer as Observed, Applied, Polled, Trouble, TroubleKind, Unapplied},
    model::{Evidence, StepId},
    plan::Step,
    run::{Answer, Event, Fact, StepFact},
};
use std::time::Duration;

/// Whatever a server asks for, it is asked again after this long.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

impl Engine {
    pub(super) async fn take_in(&mut self, done: Vec<Done>) -> Result<(), EngineError> {
        let mut facts = Vec::new();
        for Done { step, result } in done {
            self.hands.hand(&step).is_busy = false;
            match result {
                Outcome::Observed { view, evidence } => {
                    facts.extend(self.observed(&step, view, evidence));
                }
                Outcome::Applied(result) => facts.push(self.applied(&step, result)),
                Outcome::Polled(result) => facts.extend(self.polled(&step, result)),
                Outcome::Answered(reply) => facts.extend(self.answered(&step, reply)),
                Outcome::Lost { why } => self.lost(&step, why),
            }
        }
        self.record(facts).await?;
        Ok(())
    }

    fn observed(&mut self, step: &StepId, view: View, evidence: Option<Evidence>) -> Option<Fact> {
        let known = &self.parts.state.step(step)?.evidence;
        let is_news = |evidence: &Evidence| {
            let mut merged = known.clone();
            merged.take_in(evidence);
            merged != *known
        };
        let news = evidence.filter(is_news);
        let says = match &view.seen {
            Seen::Answer(Observed::NotYet { why, .. }) => Some(why.clone()),
            Seen::Answer(_) => None,
            Seen::Trouble(trouble) => Some(trouble.why.clone()),
        };
        if let Some(says) = says {
            self.progress(step, says, None);
        }
        self.hands.see(step, view);
        news.map(|evidence| Fact::step(step, StepFact::Observed { evidence }))
    }

    fn applied(&mut self, step: &StepId, result: Result<Applied, Unapplied>) -> Fact {
        self.hands.drop_view(step);
        let now = self.parts.clients.clock.now();
        let what = match result {
            Ok(Applied::Done { request_id }) => StepFact::ChangeSettled { request_id },
            Ok(Applied::Accepted { handle, request_id }) => {
                self.hands.hand(step).poll_at = None;
                StepFact::OperationAccepted { handle, request_id }
            }
            Err(Unapplied::Refused { why, request_id }) => {
                StepFact::ChangeRefused { why, request_id }
            }
            Err(Unapplied::Deferred { why, wait }) => {
                StepFact::ChangeDeferred { why, until: now + wait.min(LONGEST_WAIT) }
            }
            Err(Unapplied::InDoubt { why, wait }) => {
                let until = wait.map(|wait| now + wait.min(LONGEST_WAIT));
                StepFact::ChangeDoubted { why, until }
            }
        };
        Fact::step(step, what)
    }

    fn polled(&mut self, step: &StepId, result: Result<Polled, Trouble>) -> Option<Fact> {
        let now = self.parts.clients.clock.now();
        let what = match result {
            Ok(Polled::Done) => StepFact::ChangeSettled { request_id: None },
            Ok(Polled::Failed { why }) => StepFact::ChangeRefused { why, request_id: None },
            Ok(Polled::Pending { says, look_again }) => {
                let look_again = look_again.min(LONGEST_WAIT);
                let hand = self.hands.hand(step);
                hand.troubles = 0;
                hand.poll_at = Some(now + look_again);
                let Parts { plan, state, .. } = &self.parts;
                let both = plan.step(step).zip(state.step(step));
                let is_late = both.is_some_and(|(step, state)| next::is_late(step, state, now));
                let late = "; that is longer than its timeout, and only the cloud can end it";
                let says = format!("{says}{}", if is_late { late } else { "" });
                self.progress(step, says, Some(now + look_again));
                return None;
            }
            // The cloud goes on, whatever we can see of it: only the cloud says that an operation failed.
            Err(trouble) => {
                let hand = self.hands.hand(step);
                hand.troubles = (hand.troubles + 1).min(6);
                let pause = Duration::from_secs(1 << hand.troubles).min(Duration::from_secs(30));
                hand.poll_at = Some(now + pause);
                if trouble.kind == TroubleKind::Denied {
                    let hold = Event::Holding { at: now, step: step.clone(), why: trouble.why };
                    (self.parts.listener)(&hold);
                } else {
                    self.progress(step, trouble.why, Some(now + pause));
                }
                return None;
            }
        };
        self.hands.drop_view(step);
        Some(Fact::step(step, what))
    }

    fn answered(&mut self, step: &StepId, reply: Option<Reply>) -> Option<Fact> {
        let Some(reply) = reply else {
            self.stop(Stop::Unanswered);
            return None;
        };
        // Somebody may have acted while the question stood.
        self.hands.drop_view(step);
        let children = self.parts.plan.step(step).map(Step::children).unwrap_or_default().to_vec();
        for child in &children {
            self.hands.drop_view(child);
        }
        if reply.answer == Answer::No {
            self.stop(Stop::Declined);
        }
        let Reply { answer, who, note } = reply;
        Some(Fact::step(step, StepFact::Answered { answer, who, note }))
    }

    /// A task of ours panicked, and nothing is known of what it was at: looked at again, with growing pauses.
    fn lost(&mut self, step: &StepId, why: String) {
        let at = self.parts.clients.clock.now();
        let seen = Seen::Trouble(Trouble::odd(why));
        self.hands.see(step, View { at, until: at, seen });
        self.hands.hand(step).poll_at = Some(at + Duration::from_secs(30));
    }
}
