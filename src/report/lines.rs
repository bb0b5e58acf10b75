//! Plain lines, for pipes and logs: one for each fact, and one whenever a step says something else.

use super::{timeline::Timeline, words};
use crate::{
    model::{StepId, span::clock_time},
    run::{Event, Fact},
};
use jiff::Timestamp;
use std::collections::HashMap;

pub struct Lines {
    timeline: Timeline,
    /// What each step said last: repeated looks say it once.
    said: HashMap<StepId, String>,
    width: usize,
}

impl Lines {
    /// Goes on from what has happened until now.
    pub fn new(timeline: Timeline) -> Self {
        let width = timeline.plan.steps.iter().map(|step| step.id.as_str().len()).max();
        Self { timeline, said: HashMap::new(), width: width.unwrap_or_default() }
    }

    /// The line that tells of this event, if it is news.
    pub fn hear(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Fact { at, fact } => {
                // The engine has checked the fact; a display has no say in it.
                self.timeline.take_in(*at, fact).ok();
                let (step, says) = match fact {
                    Fact::Run(fact) => (None, words::run_fact(fact)),
                    Fact::Step { step, what } => {
                        self.said.remove(step);
                        let story = self.timeline.story(step);
                        (Some(step), words::step_fact(what, story, *at))
                    }
                };
                Some(self.line(*at, step, &says))
            }
            Event::Progress { at, step, says, .. } => {
                let before = self.said.insert(step.clone(), says.clone());
                (before.as_ref() != Some(says)).then(|| self.line(*at, Some(step), says))
            }
            Event::Holding { at, step, why } => {
                let before = self.said.insert(step.clone(), why.clone());
                let says = format!("holds, and goes on by itself once this is cured: {why}");
                (before.as_ref() != Some(why)).then(|| self.line(*at, Some(step), &says))
            }
            Event::Stopping { at, running } => Some(self.line(*at, None, &stopping(running))),
        }
    }

    fn line(&self, at: Timestamp, step: Option<&StepId>, says: &str) -> String {
        let step = step.map_or("", StepId::as_str);
        let says = says.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        format!("{}  {step:<width$}  {says}", clock_time(at), width = self.width)
    }
}

/// What is said when nothing new is started any more.
pub(super) fn stopping(running: &[StepId]) -> String {
    match running.len() {
        0 => "no new steps".to_owned(),
        1 => "no new steps; waiting for a running one to settle (Ctrl-C again to stop at once; it goes on \
              in the cloud)"
            .to_owned(),
        more => format!(
            "no new steps; waiting for {more} running ones to settle (Ctrl-C again to stop at once; they \
             go on in the cloud)"
        ),
    }
}
