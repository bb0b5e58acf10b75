//! What dies with the process: what was seen, what is running, whether somebody said stop.

use crate::{
    action::{Answer, Trouble},
    model::StepId,
};
use jiff::Timestamp;
use std::collections::HashMap;

/// Why nothing new is started any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Interrupted,
    Declined,
    /// A question is open, and nobody is there to answer it.
    Unanswered,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Answer(Answer),
    Trouble(Trouble),
}

/// What was seen, and when the look began.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub at: Timestamp,
    pub seen: Seen,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hand {
    pub is_busy: bool,
    pub view: Option<View>,
    pub poll_at: Option<Timestamp>,
    /// Whether this process has opened it again.
    pub is_reopened: bool,
    /// Looks that failed in a row.
    pub troubles: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hands {
    of_steps: HashMap<StepId, Hand>,
    /// When this process began its work.
    pub since: Timestamp,
    pub stopping: Option<Stop>,
    /// How many changes may be under way at the same time; `None` for as many as can be.
    pub at_most: Option<usize>,
    /// Whether it goes on trying what is owed when all else is done.
    pub stays: bool,
}

impl Hands {
    pub fn empty(since: Timestamp) -> Self {
        Self { of_steps: HashMap::new(), since, stopping: None, at_most: None, stays: false }
    }

    pub fn of(&self, step: &StepId) -> Option<&Hand> {
        self.of_steps.get(step)
    }

    pub fn is_busy(&self, step: &StepId) -> bool {
        self.of(step).is_some_and(|hand| hand.is_busy)
    }

    pub fn are_busy(&self) -> bool {
        self.of_steps.values().any(|hand| hand.is_busy)
    }

    /// The steps that somebody is busy with.
    pub fn busy(&self) -> impl Iterator<Item = &StepId> {
        self.of_steps.iter().filter(|(_, hand)| hand.is_busy).map(|(step, _)| step)
    }

    pub fn view(&self, step: &StepId) -> Option<&View> {
        self.of(step)?.view.as_ref()
    }

    pub fn hand(&mut self, step: &StepId) -> &mut Hand {
        self.of_steps.entry(step.clone()).or_default()
    }

    /// Forgets what was seen: somebody may have acted since.
    pub fn drop_view(&mut self, step: &StepId) {
        self.hand(step).view = None;
    }

    pub fn see(&mut self, step: &StepId, view: View) {
        let hand = self.hand(step);
        hand.troubles = match view.seen {
            Seen::Trouble(_) => hand.troubles + 1,
            Seen::Answer(_) => 0,
        };
        hand.view = Some(view);
    }
}
