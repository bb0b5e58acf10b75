//! Where a run stands: a replay of its facts, and as much as was said when it stopped.

use super::{
    brief, ended, question, row,
    text::{self, Page},
    timeline::Timeline,
    words,
};
use crate::{
    engine::{Ending, Stop},
    model::{
        Hint,
        span::{between, clock_time, show},
    },
    run::RunOutcome,
};
use jiff::Timestamp;

/// How far the labels of the lower half reach.
const LABEL: usize = 8;

/// What is known of the process that carries the run out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtWork {
    Somebody,
    Nobody,
}

/// The whole status, with what to type next.
pub fn status(
    timeline: &Timeline,
    at_work: AtWork,
    now: Timestamp,
    (flags, width): (&str, usize),
) -> String {
    let mut page = Page::default();
    head(timeline, (at_work, now), width, &mut page);
    page.line("");
    // What nobody is at takes no time.
    let shown = if at_work == AtWork::Somebody { now } else { timeline.last().unwrap_or(now) };
    let rows: Vec<_> = timeline
        .work()
        .map(|work| {
            let row = row::row(timeline, work, None, (at_work, shown));
            let whole = row.whole();
            vec![format!(" {} {}", row.sign, row.name), row.time, whole]
        })
        .collect();
    page.lines(&text::table(&rows, width));
    page.line("");
    if at_work == AtWork::Somebody {
        asked(timeline, now, width, &mut page);
        said(&mut page, "now:", ended::standing(timeline), width);
        return page.finish();
    }
    let ending = ended::ending(timeline);
    let failure = ending.and_then(|ending| ended::failure(timeline, ending, flags));
    let is_interrupted = ending == Some(Ending::Stopped(Stop::Interrupted));
    if let Some(failure) = failure.as_ref().filter(|_| !is_interrupted) {
        said(&mut page, "error:", [failure.what.clone()], width);
        said(&mut page, "why:", failure.causes.clone(), width);
    }
    said(&mut page, "now:", ended::standing(timeline), width);
    let hints = failure.map_or_else(|| next(timeline, flags), |failure| failure.hints);
    let mut label = "next:";
    for Hint { says, command } in hints {
        said(&mut page, label, [says], width);
        if let Some(command) = command {
            page.command(LABEL, &command, width);
        }
        label = "or:";
    }
    if let Some(brief::Afterwards { says, command, .. }) = brief::afterwards(timeline) {
        said(&mut page, "then:", [says], width);
        page.command(LABEL, &format!("{command}{flags}"), width);
    }
    page.finish()
}

fn head(timeline: &Timeline, (at_work, now): (AtWork, Timestamp), width: usize, page: &mut Page) {
    let plan = &timeline.plan;
    let parts = [
        format!("{}  {} → {}  {}", plan.runbook, plan.from, plan.to, plan.mode),
        format!("run {}", timeline.run.short()),
        stands(timeline, at_work).to_owned(),
    ];
    page.flow(&parts, "   ", width);
    if let (Some(first), Some(last)) = (timeline.sessions.first(), timeline.last()) {
        let started =
            format!("started {} by {} on {}", clock_time(first.from), first.who, first.host);
        // A simulated run has a time of its own, which is no time ago.
        let age = if timeline.state.simulated {
            "in simulated time".to_owned()
        } else {
            format!("{} ago", show(between(last, now)))
        };
        let last = format!("last record {}, {age}", clock_time(last));
        page.flow(&[started, last], "; ", width);
    }
}

/// A label, and its lines beside it.
fn said(page: &mut Page, label: &str, lines: impl IntoIterator<Item = String>, width: usize) {
    let mut label = label;
    for line in lines {
        page.beside(&format!("{label:<LABEL$}"), &line, width);
        label = "";
    }
}

/// The question that stands at somebody's terminal.
fn asked(timeline: &Timeline, now: Timestamp, width: usize, page: &mut Page) {
    let Some((story, asked)) = timeline.open_question() else { return };
    let Some(session) = timeline.sessions.last() else { return };
    let says = format!("{}: {}", story.id, words::asked(&asked.question));
    said(page, "asks:", [says], width);
    let facts = question::evidence(&asked.evidence, asked.at);
    let names = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in facts {
        page.beside(&format!("{:LABEL$}{name:<names$}  ", ""), &value, width);
    }
    let waits = if timeline.state.simulated {
        String::new()
    } else {
        format!(" ({})", show(between(asked.at, now)))
    };
    let since = clock_time(asked.at);
    let who = format!("by {} on {}, since {since}{waits}", session.who, session.host);
    said(page, "", [format!("it is to be answered {who}")], width);
}

/// The run in a word or two.
pub fn stands(timeline: &Timeline, at_work: AtWork) -> &'static str {
    match (timeline.state.finished, at_work) {
        (Some(outcome), _) => words::outcome_of_run(outcome),
        (None, AtWork::Somebody) if timeline.open_question().is_some() => "waits for an answer",
        (None, AtWork::Somebody) => "running",
        (None, AtWork::Nobody) if timeline.started().is_none() => "never began",
        (None, AtWork::Nobody) if timeline.failures().next().is_some() => "failed, resumable",
        (None, AtWork::Nobody) if timeline.interrupted => "interrupted, resumable",
        (None, AtWork::Nobody) => "stopped, resumable",
    }
}

/// What to do next with a run that nobody is at, and that did not say so itself.
fn next(timeline: &Timeline, flags: &str) -> Vec<Hint> {
    let (says, verb) = match timeline.state.finished {
        Some(RunOutcome::Owing) => ("pay what is owed", "resume"),
        Some(RunOutcome::Done | RunOutcome::Aborted) => ("read the report", "report"),
        None if timeline.started().is_none() => return Vec::new(),
        None => ("go on", "resume"),
    };
    vec![Hint::run(says, format!("failover {verb} {}{flags}", timeline.run.short()))]
}

#[cfg(test)]
mod tests;
