//! Where a run stands: a replay of its facts.

use super::{
    ended, row,
    text::{self, Page},
    timeline::Timeline,
    words,
};
use crate::{
    model::span::{between, clock_time, show},
    run::RunOutcome,
};
use jiff::Timestamp;

/// What is known of the process that carries the run out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtWork {
    Somebody,
    Nobody,
}

/// The whole status, with what to type next.
pub fn status(timeline: &Timeline, at_work: AtWork, now: Timestamp, flags: &str) -> String {
    let plan = &timeline.plan;
    let mut page = Page::default();
    page.line(format_args!(
        "{}  {} → {}  {}   run {}   {}",
        plan.runbook,
        plan.from,
        plan.to,
        plan.mode,
        timeline.run.short(),
        stands(timeline, at_work)
    ));
    if let (Some(first), Some(last)) = (timeline.sessions.first(), timeline.last()) {
        page.line(format_args!(
            "started {} by {} on {}; last record {}, {} ago",
            clock_time(first.from),
            first.who,
            first.host,
            clock_time(last),
            show(between(last, now))
        ));
    }
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
    page.lines(&text::rows(&rows));
    page.line("");
    let mut label = "now:";
    for line in ended::standing(timeline) {
        page.line(format_args!("{label:<5} {line}"));
        label = "";
    }
    if let Some((says, command)) = next(timeline, at_work) {
        page.line(format_args!("next: {says}"));
        page.line(format_args!("      failover {command} {}{flags}", timeline.run.short()));
    }
    page.finish()
}

/// The run in a word or two.
pub fn stands(timeline: &Timeline, at_work: AtWork) -> &'static str {
    match (timeline.state.finished, at_work) {
        (Some(outcome), _) => words::outcome_of_run(outcome),
        (None, AtWork::Somebody) => "running",
        (None, AtWork::Nobody) if timeline.started().is_none() => "never began",
        (None, AtWork::Nobody) if timeline.failures().next().is_some() => "failed, resumable",
        (None, AtWork::Nobody) if timeline.interrupted => "interrupted, resumable",
        (None, AtWork::Nobody) => "stopped, resumable",
    }
}

/// What to do next, and the verb that does it.
fn next(timeline: &Timeline, at_work: AtWork) -> Option<(&'static str, &'static str)> {
    match (timeline.state.finished, at_work) {
        (Some(RunOutcome::Owing), _) => Some(("pay what is owed", "resume")),
        (Some(RunOutcome::Done | RunOutcome::Aborted), _) => Some(("read the report", "report")),
        (None, AtWork::Somebody) => None,
        (None, AtWork::Nobody) if timeline.started().is_none() => None,
        (None, AtWork::Nobody) => Some(("go on", "resume")),
    }
}

#[cfg(test)]
mod tests;
