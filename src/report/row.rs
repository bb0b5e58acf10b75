//! One step in one line: its sign, how long, and what it says. Shared by the live view and the status.

use super::{
    status::AtWork,
    text,
    timeline::{StepStory, Timeline},
};
use crate::{
    model::{
        StepId,
        span::{between, clock_time, show},
    },
    plan::Step,
    run::{Life, StepOutcome},
};
use jiff::Timestamp;
use std::time::Duration;

/// Steps that usually take longer than this say how long.
const WORTH_SAYING: Duration = Duration::from_mins(1);

pub(super) struct Row {
    pub sign: char,
    pub name: String,
    pub time: String,
    pub says: String,
    /// What else there is to say where there is room, the most important first. None of it is ever cut.
    pub also: Vec<String>,
}

impl Row {
    pub(super) fn whole(&self) -> String {
        self.says.clone() + &self.also.concat()
    }

    /// What it says in at most `room` characters.
    pub(super) fn within(&self, room: usize) -> String {
        let says = self.says.lines().next().unwrap_or_default();
        let with = |kept: usize| format!("{says}{}", self.also[..kept].concat());
        let whole = (0..=self.also.len()).rev().map(with);
        whole
            .into_iter()
            .find(|text| text.chars().count() <= room)
            .unwrap_or_else(|| text::fit(says, room))
    }
}

/// What a step last said that it waits for.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub says: String,
    pub look_again: Option<Timestamp>,
}

pub(super) fn row(
    timeline: &Timeline,
    (step, story): (&Step, &StepStory),
    progress: Option<&Progress>,
    (at_work, now): (AtWork, Timestamp),
) -> Row {
    let time = story.elapsed(now).map(show).unwrap_or_default();
    let row = |sign, time: &str, says: String| Row {
        sign,
        name: step.id.to_string(),
        time: time.to_owned(),
        says,
        also: Vec::new(),
    };
    let state = timeline.state.step(&step.id).map(|state| &state.life);
    let life = state.unwrap_or(&Life::Waiting);
    if is_asked_for(timeline, step, life) {
        let is_heard = at_work == AtWork::Somebody;
        let says = if is_heard { "waits for an answer" } else { "not answered yet" };
        return row('?', &time, says.to_owned());
    }
    match life {
        Life::Waiting if timeline.state.finished.is_some() => row('○', "", "not done".to_owned()),
        Life::Waiting => row('○', "", waits_for(timeline, step)),
        Life::Open if at_work == AtWork::Nobody => row('○', &time, left(story)),
        Life::Open | Life::Asking { .. } | Life::Begun { .. } | Life::Accepted { .. } => {
            let says = match progress {
                Some(progress) => progress.says.clone(),
                None => stands(life, story, at_work),
            };
            let mut also = progress.map(|progress| next_look(progress, now)).unwrap_or_default();
            if matches!(life, Life::Accepted { .. }) {
                also.extend(usually(step));
            }
            Row { also, ..row('◐', &time, says) }
        }
        Life::Finished { outcome } => match outcome {
            StepOutcome::Succeeded => row('✓', &time, done(step, story)),
            StepOutcome::AlreadyDone => row('✓', "already so", String::new()),
            StepOutcome::Skipped { reason } => row('·', "left out", reason.clone()),
            StepOutcome::Owed { why } => row('!', "owed", why.clone()),
            StepOutcome::Failed { why } => row('✗', "failed", why.clone()),
        },
    }
}

/// Whether a question stands that is the step's own, or covers it.
fn is_asked_for(timeline: &Timeline, step: &Step, life: &Life) -> bool {
    let is_asking = |life: &Life| matches!(life, Life::Asking { .. });
    let asker = timeline.plan.asker(step).and_then(|asker| timeline.state.step(&asker.id));
    is_asking(life) || *life == Life::Open && asker.is_some_and(|asker| is_asking(&asker.life))
}

/// Where a step stands that says nothing itself.
fn stands(life: &Life, story: &StepStory, at_work: AtWork) -> String {
    match (life, at_work) {
        (Life::Begun { at, .. }, AtWork::Somebody) => {
            format!("sent at {}, no answer yet", clock_time(*at))
        }
        (Life::Begun { at, .. }, AtWork::Nobody) => {
            format!("in doubt: sent at {}, and no answer was recorded", clock_time(*at))
        }
        (Life::Accepted { at, .. }, AtWork::Somebody) => {
            format!("accepted, under way since {}", clock_time(*at))
        }
        (Life::Accepted { at, .. }, AtWork::Nobody) => {
            format!("accepted, goes on in the cloud since {}", clock_time(*at))
        }
        _ => match story.changes.last() {
            Some(change) => format!("after: {}", change.change.says),
            None => "looks".to_owned(),
        },
    }
}

/// Where a step was left that nobody is at.
fn left(story: &StepStory) -> String {
    match story.changes.last() {
        Some(change) => format!("stopped after: {}", change.change.says),
        None => "stopped before it changed anything".to_owned(),
    }
}

fn next_look(progress: &Progress, now: Timestamp) -> Vec<String> {
    let next = progress.look_again.filter(|at| *at > now);
    let whole = |length: Duration| Duration::from_secs_f64(length.as_secs_f64().ceil());
    let next = next.map(|at| show(whole(between(now, at))));
    next.map(|next| format!(", next look in {next}")).into_iter().collect()
}

fn usually(step: &Step) -> Option<String> {
    let usual = step.action().map(|work| work.usual).filter(|usual| *usual > WORTH_SAYING);
    usual.map(|usual| format!("; usually ~{}", show(usual)))
}

fn done(step: &Step, story: &StepStory) -> String {
    if let Some((who, note)) = &story.by_hand {
        return format!("done by hand, says {who}: {note}");
    }
    match story.changes.as_slice() {
        [] => step.title.clone().unwrap_or_default(),
        [only] => only.change.says.clone(),
        [.., last] => format!("{} changes, the last: {}", story.changes.len(), last.change.says),
    }
}

/// The steps that must be finished first. A group stands for those of its children.
fn waits_for(timeline: &Timeline, step: &Step) -> String {
    let is_open = |id: &&StepId| {
        timeline
            .state
            .step(id)
            .is_some_and(|state| !state.outcome().is_some_and(StepOutcome::lets_go_on))
    };
    let mut open: Vec<&StepId> = Vec::new();
    for need in step.needs.iter().filter(is_open) {
        let children = timeline.plan.step(need).map(Step::children).unwrap_or_default();
        let parts: Vec<_> = children.iter().filter(is_open).collect();
        let parts = if parts.is_empty() { vec![need] } else { parts };
        open.extend(parts.into_iter().filter(|part| !step.needs.contains(part) || *part == need));
    }
    open.dedup();
    if open.is_empty() { String::new() } else { format!("waits for {}", text::list(open)) }
}
