//! Where a run stands: a replay of its facts.

use super::{row, text, timeline::Timeline, words};
use crate::model::span::{between, clock_time, show};
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
    let mut out = format!(
        "{}  {} → {}  {}   run {}   {}\n",
        plan.runbook,
        plan.from,
        plan.to,
        plan.mode,
        timeline.run.short(),
        stands(timeline, at_work)
    );
    if let (Some(first), Some(last)) = (timeline.sessions.first(), timeline.last()) {
        let ago = show(between(last, now));
        out.push_str(&format!(
            "started {} by {} on {}; last record {}, {ago} ago\n\n",
            clock_time(first.from),
            first.who,
            first.host,
            clock_time(last)
        ));
    }
    let shown = if at_work == AtWork::Somebody { now } else { timeline.last().unwrap_or(now) };
    let rows: Vec<_> = timeline
        .work()
        .map(|work| {
            let row = row::row(timeline, work, None, shown);
            vec![format!(" {} {}", row.sign, row.name), row.time, row.says]
        })
        .collect();
    out.push_str(&text::rows(&rows));
    out.push_str(&true_now(timeline));
    out.push_str(&next(timeline, at_work, flags));
    out
}

/// The run in a word or two.
pub fn stands(timeline: &Timeline, at_work: AtWork) -> &'static str {
    match (timeline.state.finished, at_work) {
        (Some(outcome), _) => words::outcome_of_run(outcome),
        (None, AtWork::Somebody) => "running",
        (None, AtWork::Nobody) if timeline.failed().is_some() => "failed, resumable",
        (None, AtWork::Nobody) if timeline.interrupted => "interrupted, resumable",
        (None, AtWork::Nobody) => "stopped, resumable",
    }
}

fn true_now(timeline: &Timeline) -> String {
    let lines = super::ended::standing(timeline);
    let mut out = String::from("\n");
    let mut label = "now:  ";
    for line in lines {
        out.push_str(&format!("{label}{line}\n"));
        label = "      ";
    }
    out
}

fn next(timeline: &Timeline, at_work: AtWork, flags: &str) -> String {
    let run = timeline.run.short();
    match (timeline.state.finished, at_work) {
        (Some(crate::run::RunOutcome::Owing), _) => {
            format!("next: pay what is owed\n      failover resume {run}{flags}\n")
        }
        (Some(_), _) => format!("next: read the report\n      failover report {run}{flags}\n"),
        (None, AtWork::Somebody) => String::new(),
        (None, AtWork::Nobody) => format!("next: go on\n      failover resume {run}{flags}\n"),
    }
}
