//! One step in one line: its sign, how long, and what it says. Shared by the live view and the status.

use super::{
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
    now: Timestamp,
) -> Row {
    let time = story.elapsed(now).map(show).unwrap_or_default();
    let row = |sign, time: &str, says: String| Row {
        sign,
        name: step.id.to_string(),
        time: time.to_owned(),
        says,
    };
    let life = timeline.state.step(&step.id).map(|state| &state.life);
    match life {
        None | Some(Life::Waiting) => row('○', "", waits_for(timeline, step)),
        Some(Life::Asking { .. }) => row('?', &time, "waits for an answer".to_owned()),
        Some(Life::Open) => {
            row('◐', &time, progress.map_or_else(|| stay(story), |progress| told(progress, now)))
        }
        Some(Life::Begun { at, .. }) => {
            let says = format!("sent at {}, no answer yet", clock_time(*at));
            row('◐', &time, progress.map_or(says, |progress| told(progress, now)))
        }
        Some(Life::Accepted { at, .. }) => {
            let says = format!("accepted, under way since {}", clock_time(*at));
            let says = progress.map_or(says, |progress| told(progress, now));
            row('◐', &time, format!("{says}{}", usually(step)))
        }
        Some(Life::Finished { outcome }) => match outcome {
            StepOutcome::Succeeded => row('✓', &time, done(step, story)),
            StepOutcome::AlreadyDone => row('✓', "already so", String::new()),
            StepOutcome::Skipped { reason } => row('·', "skipped", reason.clone()),
            StepOutcome::Owed { why } => row('!', "owed", why.clone()),
            StepOutcome::Failed { why } => row('✗', "failed", why.clone()),
        },
    }
}

fn told(progress: &Progress, now: Timestamp) -> String {
    match progress.look_again.filter(|at| *at > now) {
        Some(at) => format!("{}, next look in {}", progress.says, show(between(now, at))),
        None => progress.says.clone(),
    }
}

fn stay(story: &StepStory) -> String {
    match story.changes.last() {
        Some(change) => format!("after: {}", change.change.says),
        None => "looks".to_owned(),
    }
}

fn usually(step: &Step) -> String {
    let usual = step.action().map(|work| work.usual).filter(|usual| *usual > WORTH_SAYING);
    usual.map_or_else(String::new, |usual| format!("; usually ~{}", show(usual)))
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
