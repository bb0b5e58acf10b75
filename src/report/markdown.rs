//! The report that people file: what happened when, how long users were hurt, what was lost, against what was promised.

use super::{
    brief::{figures, sent},
    measure::Measures,
    text,
    timeline::{ChangeStory, End, Timeline},
    words,
};
use crate::model::span::{clock_time, show};
use jiff::Timestamp;

pub fn markdown(timeline: &Timeline) -> String {
    let plan = &timeline.plan;
    let mark = if timeline.state.simulated { "SIMULATED: " } else { "" };
    let mut out = format!("# {mark}{}: {} → {}\n\n", plan.runbook, plan.from, plan.to);
    if timeline.state.simulated {
        out.push_str("This run was simulated. No cloud was touched, and no user noticed.\n\n");
    }
    out.push_str(&format!("{}\n\n", plan.summary));
    head(timeline, &mut out);
    measured(timeline, &mut out);
    steps(timeline, &mut out);
    questions(timeline, &mut out);
    changes(timeline, &mut out);
    users(timeline, &mut out);
    left(timeline, &mut out);
    out
}

fn head(timeline: &Timeline, out: &mut String) {
    let plan = &timeline.plan;
    let outcome = timeline.state.finished.map_or("stopped, resumable", words::outcome_of_run);
    let mut rows = vec![
        ["outcome".to_owned(), outcome.to_owned()],
        ["run".to_owned(), format!("`{}` ({})", timeline.run.short(), timeline.run)],
        ["mode".to_owned(), plan.mode.to_string()],
        ["runbook".to_owned(), format!("`{}`", plan.path)],
        ["total time".to_owned(), show(timeline.total())],
        ["changes".to_owned(), sent(&Measures::of(timeline))],
    ];
    for session in &timeline.sessions {
        let (from, to) = (full(session.from), clock_time(session.to));
        let who = format!("{} on {}, as {}", session.who, session.host, session.identity);
        rows.push(["by".to_owned(), format!("{who}, {from} to {to}, failover {}", session.tool)]);
    }
    table(out, ["", ""], &rows);
}

fn measured(timeline: &Timeline, out: &mut String) {
    out.push_str("## Promised and measured\n\n");
    let rows: Vec<[String; 5]> = figures(timeline, &Measures::of(timeline))
        .into_iter()
        .filter_map(|row| row.try_into().ok())
        .collect();
    table(out, ["", "measured", "promised", "", "seen"], &rows);
}

fn steps(timeline: &Timeline, out: &mut String) {
    out.push_str("## Steps\n\n");
    let rows: Vec<_> = timeline
        .work()
        .map(|(step, story)| {
            let outcome =
                story.outcome.as_ref().map_or("not done".to_owned(), words::outcome_of_step);
            let end = story.finished.or(timeline.last()).unwrap_or(Timestamp::MIN);
            let took = story.elapsed(end);
            let machine = took.map(|took| show(took.saturating_sub(story.human())));
            let human = Some(story.human()).filter(|human| !human.is_zero()).map(show);
            [
                step.number.clone(),
                format!("`{}`{}", step.id, titled(step.title.as_deref())),
                outcome,
                story.started.map(clock_time).unwrap_or_default(),
                machine.unwrap_or_default(),
                human.unwrap_or_default(),
                if story.attempts > 1 { story.attempts.to_string() } else { String::new() },
            ]
        })
        .collect();
    table(out, ["", "step", "outcome", "started", "machine", "people", "attempts"], &rows);
}

fn titled(title: Option<&str>) -> String {
    title.map_or_else(String::new, |title| format!(" {title}"))
}

fn questions(timeline: &Timeline, out: &mut String) {
    let rows: Vec<_> = timeline
        .questions()
        .map(|(story, asked)| {
            let answered = asked.answered.as_ref();
            let answer = answered.map_or("not answered".to_owned(), |a| {
                let note = a.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
                format!("{} says {}{note}", a.who, words::answered(a.answer))
            });
            let seen: Vec<_> = words::read(&asked.evidence)
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            [
                clock_time(asked.at),
                format!("`{}` {}", story.id, words::asked(&asked.question)),
                seen.join(", "),
                answer,
                show(asked.waited()),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("## Questions\n\n");
        table(out, ["asked", "question", "evidence", "answer", "after"], &rows);
    }
}

fn changes(timeline: &Timeline, out: &mut String) {
    let rows: Vec<_> = timeline
        .changes()
        .map(|(story, change)| {
            [
                clock_time(change.begun),
                format!("`{}`", story.id),
                format!("{} {}", change.change.sign.as_str(), change.change.says),
                ended(change),
                change.request_ids.join(", "),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("## Changes\n\n");
        table(out, ["begun", "step", "change", "end", "request id"], &rows);
    }
}

fn ended(change: &ChangeStory) -> String {
    let end = match &change.end {
        End::Open => "not known".to_owned(),
        End::Settled => {
            change.ended.map_or_else(String::new, |at| format!("settled {}", clock_time(at)))
        }
        End::InDoubt(why) => format!("in doubt: {why}"),
        End::Deferred(why) => format!("not begun: {why}"),
        End::Refused(why) => format!("refused: {why}"),
    };
    match change.again {
        0 => end,
        again => format!("{end}; sent again {}", text::count(again as usize, "time")),
    }
}

fn users(timeline: &Timeline, out: &mut String) {
    if timeline.samples.is_empty() {
        return;
    }
    out.push_str("## What users saw\n\n");
    let rows: Vec<_> = timeline
        .samples
        .iter()
        .map(|sample| {
            let verdict = if sample.good { "good" } else { "not good" };
            [clock_time(sample.at), sample.watch.clone(), verdict.to_owned(), sample.says.clone()]
        })
        .collect();
    table(out, ["from", "address", "", "answer"], &rows);
}

fn left(timeline: &Timeline, out: &mut String) {
    let left: Vec<_> = timeline
        .work()
        .filter_map(|(step, story)| {
            let why = match &story.outcome {
                None => "not done".to_owned(),
                Some(outcome) if story.is_left() => words::outcome_of_step(outcome),
                Some(_) => return None,
            };
            Some(format!("- `{}`{}: {why}\n", step.id, titled(step.title.as_deref())))
        })
        .collect();
    out.push_str("## Left to do\n\n");
    out.push_str(&if left.is_empty() { "Nothing.\n".to_owned() } else { left.concat() });
}

fn full(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn table<const N: usize>(out: &mut String, heads: [&str; N], rows: &[[String; N]]) {
    out.push_str(&format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(N)));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| escape(cell)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out.push('\n');
}

/// A cell must not end its column or its row.
fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}
