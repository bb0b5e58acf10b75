//! A run that came to its end, or stopped before it: what failed, what is true now, what to type.

use super::{
    text,
    timeline::{Asked, End, Timeline},
    words,
};
use crate::{
    engine::{Ending, Stop},
    model::{
        Exit, Failure, Hint, StepId,
        span::{clock_time, show},
    },
    plan::Step,
    run::{Life, Question, RunOutcome, StepOutcome},
};
use std::time::Duration;

/// A loss that is accepted beforehand must cover what it has grown to by then.
const MAY_GROW: Duration = Duration::from_mins(5);

/// How a run ended, or why it stands still, as far as its facts tell. `None` when its process only went away.
pub(super) fn ending(timeline: &Timeline) -> Option<Ending> {
    match timeline.state.finished {
        Some(RunOutcome::Done) => Some(Ending::Done),
        Some(RunOutcome::Owing) => Some(Ending::Owing),
        Some(RunOutcome::Aborted) => Some(Ending::Aborted),
        None if timeline.failures().next().is_some() => Some(Ending::Failed),
        None if timeline.interrupted => Some(Ending::Stopped(Stop::Interrupted)),
        None if timeline.was_declined() => Some(Ending::Stopped(Stop::Declined)),
        None => timeline.open_question().map(|_| Ending::Stopped(Stop::Unanswered)),
    }
}

/// Why the run is not done, when it is not.
pub fn failure(timeline: &Timeline, ending: Ending, flags: &str) -> Option<Failure> {
    let run = timeline.run.short();
    let resume = format!("failover resume {run}{flags}");
    let stopped = |exit, what: String| Failure::new(exit, what);
    let failure = match ending {
        Ending::Done | Ending::Owing | Ending::Aborted => return None,
        Ending::Failed => failed(timeline, &resume),
        Ending::Stopped(Stop::Interrupted) => {
            stopped(Exit::Interrupted, "interrupted; nothing is lost".to_owned())
                .hint(Hint::run("go on", resume))
        }
        Ending::Stopped(Stop::Declined) => {
            stopped(Exit::Declined, "declined; nothing more was started".to_owned())
                .hint(Hint::run(
                    "go on; it looks again, and asks before what cannot be undone",
                    resume.clone(),
                ))
                .hint(Hint::run("end the run for good", format!("{resume} --abort")))
        }
        Ending::Stopped(Stop::Unanswered) => unanswered(timeline, &resume),
    };
    Some(standing(timeline).into_iter().fold(failure, Failure::standing))
}

/// A question that nobody answered: which, and what it takes.
fn unanswered(timeline: &Timeline, resume: &str) -> Failure {
    let at_a_terminal =
        |failure: Failure| failure.hint(Hint::run("answer it at a terminal", resume.to_owned()));
    let Some((story, asked)) = timeline.open_question() else {
        return at_a_terminal(Failure::new(Exit::Failed, "a question was not answered"));
    };
    let what = format!("`{}` asks: {}, and got no answer", story.id, words::asked(&asked.question));
    let failure = Failure::new(Exit::Failed, what);
    if !matches!(asked.question, Question::Consent { .. }) {
        return at_a_terminal(failure.because("--yes answers no such question: a person must"));
    }
    if asked.evidence.unknown_loss().is_some() {
        let why = "how much data would be lost is not known: to that only a person at a terminal says yes";
        return at_a_terminal(failure.because(why));
    }
    match asked.evidence.data_loss().filter(|loss| !loss.is_zero()) {
        None => at_a_terminal(failure),
        Some(loss) => at_a_terminal(too_much(failure, timeline, (asked, loss), resume)),
    }
}

/// What would be lost, and to how much somebody can say yes beforehand.
fn too_much(
    failure: Failure,
    timeline: &Timeline,
    (asked, loss): (&Asked, Duration),
    resume: &str,
) -> Failure {
    let accepts = match timeline.plan.objectives.rpo {
        Some(promised) if loss > promised => {
            format!(
                "--yes accepts up to the promised {}, and more with --accept-loss",
                show(promised)
            )
        }
        Some(_) => "--yes accepts no more than --accept-loss names".to_owned(),
        None => "--yes accepts a loss only with --accept-loss".to_owned(),
    };
    let (loss_then, then) = (show(loss), clock_time(asked.at));
    let why = format!("{loss_then} of data would be lost at {then}, and more with time; {accepts}");
    let minutes = (loss + MAY_GROW).as_secs().div_ceil(60);
    failure.because(why).hint(Hint::run(
        format!("accept beforehand that up to {minutes} min are lost"),
        format!("{resume} --yes --accept-loss {minutes}m"),
    ))
}

fn failed(timeline: &Timeline, resume: &str) -> Failure {
    let Some((story, why)) = timeline.failures().next() else {
        return Failure::new(Exit::Bug, "the run failed, and no step says why");
    };
    let step = &story.id;
    let refused = story.changes.last().filter(|last| matches!(last.end, End::Refused(_)));
    let failure = match refused {
        Some(change) => {
            let id = change.request_ids.last().filter(|id| !why.contains(id.as_str()));
            let id = id.map_or_else(String::new, |id| format!(", request id {id}"));
            Failure::new(Exit::Failed, format!("step `{step}` failed: {}", change.change.says))
                .because(format!("{why}{id}"))
        }
        None => Failure::new(Exit::Failed, format!("step `{step}` failed: {why}")),
    };
    let after = after(timeline, step);
    let leave_out = match after.as_slice() {
        [] => "leave it out".to_owned(),
        [only] => format!("leave it out ({only} comes after it)"),
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!(
                "leave it out ({first}, {second}, {third} and {} more come after it)",
                rest.len()
            )
        }
        some => format!("leave it out ({} come after it)", text::list(some)),
    };
    failure
        .hint(Hint::run("try it again", resume))
        .hint(Hint::run(
            "it was done by hand: have that looked at, and go on",
            format!("{resume} --done {step} --note \"…\""),
        ))
        .hint(Hint::run(leave_out, format!("{resume} --skip {step} --reason \"…\"")))
}

/// The steps that wait for this one, near or far, as long as they have not been done.
fn after<'a>(timeline: &'a Timeline, step: &StepId) -> Vec<&'a str> {
    let plan = &timeline.plan;
    let mut held = vec![step];
    held.extend(plan.step(step).and_then(|step| step.group.as_ref()));
    let mut after = Vec::new();
    for later in &plan.steps {
        if later.needs.iter().any(|need| held.contains(&need)) {
            held.push(&later.id);
            after.extend(later.action().map(|_| later.id.as_str()));
        }
    }
    after
}

/// How many steps are done, of how many, as people count them.
fn progress(timeline: &Timeline) -> (usize, usize) {
    let is_done = |outcome: &StepOutcome| match outcome {
        StepOutcome::Succeeded | StepOutcome::AlreadyDone => true,
        StepOutcome::Skipped { .. } | StepOutcome::Owed { .. } | StepOutcome::Failed { .. } => {
            false
        }
    };
    let done = timeline.counted().filter(|(_, story)| story.outcome.as_ref().is_some_and(is_done));
    (done.count(), timeline.counted().count())
}

/// What is true now, in lines: of the steps, then of the users.
pub fn standing(timeline: &Timeline) -> Vec<String> {
    let (done, all) = progress(timeline);
    let mut parts = vec![format!("{done} of {all} steps done")];
    let under_way = |step: &Step| match timeline.state.step(&step.id).map(|state| &state.life) {
        Some(Life::Accepted { at, .. }) => {
            Some(format!("{} goes on in the cloud (since {})", step.id, clock_time(*at)))
        }
        Some(Life::Begun { at, .. }) => {
            Some(format!("{} is in doubt (sent at {})", step.id, clock_time(*at)))
        }
        Some(Life::Asking { doubted: Some(doubted), .. }) => {
            Some(format!("{} is in doubt (sent at {})", step.id, clock_time(doubted.1)))
        }
        _ => None,
    };
    parts.extend(timeline.plan.steps.iter().filter_map(under_way));
    parts.extend(timeline.failures().map(|(story, _)| format!("{} failed", story.id)));
    parts
        .extend(timeline.left_out().map(|(story, why)| format!("{} is left out: {why}", story.id)));
    let owed = timeline.owed();
    if !owed.is_empty() {
        let verb = if owed.len() == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} owed", text::list(owed)));
    }
    let mut lines = vec![parts.join("; ")];
    for watch in &timeline.plan.watch {
        if let Some(last) = timeline.last_seen(&watch.name) {
            let since = clock_time(last.at);
            lines.push(format!("users of {}: {} since {since}", watch.name, last.says));
        }
    }
    lines
}

#[cfg(test)]
mod tests;
