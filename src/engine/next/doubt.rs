//! A change was begun, and nobody knows whether it happened: resolved by looking, never by guessing.

use super::{Command, FIRST_PAUSE, LONGEST_PAUSE, Task, Turn, record};
use crate::{
    action::{Answer, Change, Repeat},
    engine::hand::{Seen, View},
    model::span::show,
    plan::Step,
    run::{Question, StepFact},
};
use jiff::Timestamp;
use std::time::Duration;

/// The shortest pause before an ambiguous, harmless change is sent again.
const SEND_AGAIN: Duration = Duration::from_secs(5);

impl Turn<'_> {
    /// A change was begun and nobody is at it: in doubt.
    pub(super) fn begun(&self, task: &Task, change: &Change, at: Timestamp) -> Option<Command> {
        let Some(view) = self.hands.view(&task.step.id) else { return Some(task.observe()) };
        let ask = || Command::Ask {
            step: task.step.id.clone(),
            question: Question::Happened { change: change.id.clone(), says: change.says.clone() },
            evidence: task.state.evidence.clone(),
        };
        let settled = || record(task.step, StepFact::ChangeSettled { request_id: None });
        let given_up = |why: &str| {
            if change.is_harmful() {
                return ask();
            }
            let why = format!("{why}; whether it happened is not known: {}", change.says);
            record(task.step, StepFact::ChangeRefused { why, request_id: None })
        };
        let command = match &view.seen {
            Seen::Answer(Answer::AsDesired) => settled(),
            Seen::Answer(Answer::Missing(changes)) => {
                match changes.iter().find(|missing| missing.id == change.id) {
                    None => settled(),
                    Some(_) if self.rests(task.step, change) => return None,
                    // A second try was refused: that tells nothing of the first, and a third would be refused too.
                    Some(_) if task.state.refused.is_some() => ask(),
                    Some(missing) => return self.still_missing(task, view, (change, missing), at),
                }
            }
            _ if self.rests(task.step, change) => return None,
            Seen::Answer(Answer::NotYet { why, .. }) if task.is_past_deadline(view.at) => {
                given_up(why)
            }
            Seen::Trouble(trouble) if task.is_past_deadline(view.at) => given_up(&trouble.why),
            Seen::Answer(Answer::NotYet { look_again, .. }) => {
                self.look_at(task, view.at + *look_again)
            }
            Seen::Trouble(_) => self.look_at(task, view.at + self.pause(task)),
            Seen::Answer(Answer::Never { .. } | Answer::Unseen(_)) => ask(),
        };
        Some(command)
    }

    /// Whether a doubt is left as it is: the run stops. A run that is ended for good must know of what could do harm.
    fn rests(&self, step: &Step, change: &Change) -> bool {
        self.is_stopping || self.stops(step) && !change.is_harmful()
    }

    /// In doubt, and the world still asks for it.
    pub(super) fn still_missing(
        &self,
        task: &Task,
        view: &View,
        (begun, missing): (&Change, &Change),
        at: Timestamp,
    ) -> Option<Command> {
        let ask = Command::Ask {
            step: task.step.id.clone(),
            question: Question::Happened { change: begun.id.clone(), says: begun.says.clone() },
            evidence: task.state.evidence.clone(),
        };
        match (&begun.repeat, &missing.repeat) {
            (Repeat::Harmless | Repeat::Every(_), _) => {
                let again = at + SEND_AGAIN;
                if task.is_past_deadline(view.at) {
                    let why =
                        format!("no answer came in {}: {}", show(task.work.timeout), begun.says);
                    return Some(record(
                        task.step,
                        StepFact::ChangeRefused { why, request_id: None },
                    ));
                }
                if self.now < again {
                    return Some(Command::Wake(again));
                }
                self.send(task, view, missing)
            }
            (Repeat::OnlyFrom(before), Repeat::OnlyFrom(now)) => {
                let proves = task.work.mark_valid_for.is_none_or(|valid| view.at < at + valid);
                if before != now || !proves || task.is_past_deadline(view.at) {
                    return Some(ask);
                }
                if view.at < at + task.work.shows_within {
                    let pause = (task.work.shows_within / 20).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                    return Some(self.look_at(task, view.at + pause));
                }
                if self.stops(task.step) {
                    let why = format!("it never showed: {}", begun.says);
                    let refused = StepFact::ChangeRefused { why, request_id: None };
                    return Some(record(task.step, refused));
                }
                self.send(task, view, missing)
            }
            (Repeat::OnlyFrom(_) | Repeat::Never, _) => Some(ask),
        }
    }
}
