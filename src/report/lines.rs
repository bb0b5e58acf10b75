//! Plain lines, for pipes and logs: one for each fact, and one whenever a step says something else.

use super::{timeline::Timeline, words};
use crate::{
    model::{StepId, span::clock_time},
    run::{Event, Fact},
};
use jiff::Timestamp;
use std::collections::HashMap;

/// How much a step may say between two facts: a program may print without end.
const MOST: usize = 1000;

pub struct Lines {
    timeline: Timeline,
    /// What each step said last: repeated looks say it once. And how often it has said something since its last fact.
    said: HashMap<StepId, (String, usize)>,
    width: usize,
    /// A question ends the run: what that leaves under way is told after its answer.
    is_ending: bool,
}

impl Lines {
    /// Goes on from what has happened until now.
    pub fn new(timeline: Timeline) -> Self {
        let width = timeline.plan.steps.iter().map(|step| step.id.as_str().len()).max();
        Self { timeline, said: HashMap::new(), width: width.unwrap_or_default(), is_ending: false }
    }

    /// What tells of this event, if it is news: mostly one line.
    pub fn hear(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Fact { at, fact } => Some(self.fact(*at, fact)),
            Event::Progress { at, step, says, .. } => {
                let says = match self.say(step, says)? {
                    ..MOST => says.as_str(),
                    MOST => "says more than is told here",
                    _ => return None,
                };
                Some(self.line(*at, Some(step), says))
            }
            Event::Holding { at, step, why } => {
                self.say(step, why)?;
                let says = format!("holds, and goes on by itself once this is cured: {why}");
                Some(self.line(*at, Some(step), &says))
            }
            Event::Stopping { is_interrupted: false, .. } => {
                self.is_ending = true;
                None
            }
            Event::Stopping { at, is_interrupted: true, .. } => {
                Some(self.line(*at, None, &interrupted(&self.timeline)))
            }
        }
    }

    /// How often a step has said something else before, if it says something else now.
    fn say(&mut self, step: &StepId, says: &str) -> Option<usize> {
        let (last, times) = self.said.entry(step.clone()).or_default();
        if last == says {
            return None;
        }
        says.clone_into(last);
        *times += 1;
        Some(*times - 1)
    }

    fn fact(&mut self, at: Timestamp, fact: &Fact) -> String {
        // The engine has checked the fact; a display has no say in it.
        self.timeline.take_in(at, fact).ok();
        let (step, says) = match fact {
            Fact::Run(fact) => (None, words::run_fact(fact)),
            Fact::Step { step, what } => {
                self.said.remove(step);
                let story = self.timeline.story(step);
                (Some(step), words::step_fact(what, story, at))
            }
        };
        let line = self.line(at, step, &says);
        let settling = std::mem::take(&mut self.is_ending).then(|| settling(&self.timeline));
        match settling.flatten() {
            Some(settling) => format!("{line}\n{}", self.line(at, None, &settling)),
            None => line,
        }
    }

    fn line(&self, at: Timestamp, step: Option<&StepId>, says: &str) -> String {
        let step = step.map_or("", StepId::as_str);
        let says = says.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        format!("{}  {step:<width$}  {says}", clock_time(at), width = self.width)
    }
}

/// What is said to whoever interrupts the run.
pub(super) fn interrupted(timeline: &Timeline) -> String {
    let settle = "Ctrl-C again to stop at once";
    match under_way(timeline) {
        0 => format!("no new steps; waiting for what is being read ({settle})"),
        1 => format!(
            "no new steps; waiting for 1 change to settle ({settle}; it goes on in the cloud)"
        ),
        more => format!(
            "no new steps; waiting for {more} changes to settle ({settle}; they go on in the cloud)"
        ),
    }
}

/// What is said when an answer, or none, ends the run: nothing, unless something is under way.
pub(super) fn settling(timeline: &Timeline) -> Option<String> {
    match under_way(timeline) {
        0 => None,
        1 => Some("no new steps; waiting for 1 change to settle".to_owned()),
        more => Some(format!("no new steps; waiting for {more} changes to settle")),
    }
}

fn under_way(timeline: &Timeline) -> usize {
    let is_open = |id| timeline.state.step(id).is_some_and(|state| state.open_change().is_some());
    timeline.plan.steps.iter().filter(|step| is_open(&step.id)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample::{at, empty, on, saw, told, whole},
        run::{Answer, StepFact},
    };

    #[test]
    fn each_fact_is_one_line() {
        let mut lines = Lines::new(empty());
        let told: Vec<_> = whole()
            .into_iter()
            .filter_map(|(seconds, fact)| lines.hear(&Event::Fact { at: at(seconds), fact }))
            .collect();
        assert_eq!(
            told.join("\n"),
            "\
02:00:00Z           started by asha on bastion-2, plan 7c41-09be
02:00:01Z           shop: not good, no answer
02:00:02Z  fence    started
02:02:02Z  fence    owed: eastus does not answer
02:02:02Z  go       started
02:02:02Z  storage  started
02:02:03Z  storage  sees primary eastus, data loss 4 min 12 s
02:02:04Z  go       asks: move the storage to westus
02:02:35Z  go       asha says yes
02:02:36Z  storage  ! fail stweb over to westus
02:02:37Z  storage  accepted, request id 8f2c
03:06:40Z  storage  settled
03:06:41Z  storage  done in 1 h 4 min
03:06:41Z  go       done in 1 h 4 min
03:06:41Z  served   started
03:10:01Z           shop: good, 200 from westus
03:10:10Z  served   done in 3 min 29 s
03:10:11Z           done, owing"
        );
    }

    #[test]
    fn what_a_step_says_again_is_not_told_again() {
        let mut lines = Lines::new(empty());
        let progress = |seconds| Event::Progress {
            at: at(seconds),
            step: "storage".into(),
            says: "InProgress".to_owned(),
            look_again: None,
        };
        assert_eq!(lines.hear(&progress(1)).unwrap(), "02:00:01Z  storage  InProgress");
        assert_eq!(lines.hear(&progress(2)), None);
    }

    #[test]
    fn a_program_that_prints_without_end_is_not_told_without_end() {
        let mut lines = Lines::new(empty());
        let printed = (0..3 * MOST).filter_map(|number| {
            let says = format!("prints: {number}");
            let step = "storage".into();
            lines.hear(&Event::Progress { at: at(1), step, says, look_again: None })
        });
        let told: Vec<_> = printed.collect();
        assert_eq!(told.len(), MOST + 1);
        assert!(told[MOST].ends_with("says more than is told here"));
    }

    #[test]
    fn what_is_under_way_is_told_after_the_answer_that_ends_the_run() {
        let mut lines = Lines::new(told(&whole()[..11]));
        let stopping =
            |is_interrupted| Event::Stopping { at: at(200), running: Vec::new(), is_interrupted };
        assert_eq!(lines.hear(&stopping(false)), None);
        let next = Event::Fact { at: at(201), fact: saw(true, "200") };
        assert_eq!(
            lines.hear(&next).unwrap(),
            "02:03:21Z           shop: good, 200\n\
             02:03:21Z           no new steps; waiting for 1 change to settle"
        );
        let told = lines.hear(&stopping(true)).unwrap();
        assert!(told.contains("Ctrl-C again to stop at once"), "{told}");
    }

    #[test]
    fn a_no_with_nothing_under_way_is_told_alone() {
        let mut lines = Lines::new(told(&whole()[..8]));
        let event = Event::Stopping { at: at(125), running: Vec::new(), is_interrupted: false };
        assert_eq!(lines.hear(&event), None);
        let (who, note) = ("asha".to_owned(), None);
        let fact = on("go", StepFact::Answered { answer: Answer::No, who, note });
        let said = lines.hear(&Event::Fact { at: at(126), fact }).unwrap();
        assert_eq!(said, "02:02:06Z  go       asha says no");
    }
}
