//! The report that people file: what happened when, how long users were hurt, what was lost, against what was promised.

use super::{
    brief::{Afterwards, afterwards, figures, sent, unfinished},
    drift::{Drift, drift},
    measure::Measures,
    status::{AtWork, stands},
    text::{self, Page},
    timeline::{ChangeStory, End, Timeline},
    words,
};
use crate::{
    model::span::{clock_time, show},
    plan::Waived,
    run::StepOutcome,
};
use jiff::Timestamp;

pub fn markdown(timeline: &Timeline, at_work: AtWork) -> String {
    let plan = &timeline.plan;
    let mark = if timeline.state.simulated { "SIMULATED: " } else { "" };
    let mut page = Page::default();
    page.line(format_args!("# {mark}{}: {} → {}\n", plan.runbook, plan.from, plan.to));
    if timeline.state.simulated {
        page.line("This run was simulated. No cloud was touched, and no user noticed.\n");
    }
    page.line(format_args!("{}\n", plan.summary));
    head(timeline, at_work, &mut page);
    measured(timeline, &mut page);
    steps(timeline, &mut page);
    waived(timeline, &mut page);
    questions(timeline, &mut page);
    changes(timeline, &mut page);
    changed_back(timeline, &mut page);
    users(timeline, &mut page);
    left(timeline, &mut page);
    page.finish()
}

fn head(timeline: &Timeline, at_work: AtWork, page: &mut Page) {
    let plan = &timeline.plan;
    let mut rows = vec![
        ["outcome".to_owned(), stands(timeline, at_work).to_owned()],
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
    table(page, ["", ""], &rows);
}

fn measured(timeline: &Timeline, page: &mut Page) {
    page.line("## Promised and measured\n");
    let rows: Vec<[String; 5]> = figures(timeline, &Measures::of(timeline))
        .into_iter()
        .filter_map(|row| row.try_into().ok())
        .collect();
    table(page, ["", "measured", "promised", "", "seen"], &rows);
}

fn steps(timeline: &Timeline, page: &mut Page) {
    page.line("## Steps\n");
    let rows: Vec<_> = timeline
        .work()
        .map(|(step, story)| {
            let outcome = match (&story.outcome, &story.by_hand) {
                (Some(StepOutcome::Succeeded), Some((who, note))) => {
                    format!("done by hand, says {who}: {note}")
                }
                (Some(outcome), _) => words::outcome_of_step(outcome),
                (None, _) => "not done".to_owned(),
            };
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
    table(page, ["", "step", "outcome", "started", "machine", "people", "attempts"], &rows);
}

/// What was begun although it needed the region that was presumed lost.
fn waived(timeline: &Timeline, page: &mut Page) {
    let plan = &timeline.plan;
    let rows: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| Some((step, plan.waived(step)?)))
        .map(|(step, Waived { lost, reason })| {
            [format!("`{}`", step.id), text::list(lost.planes), reason.to_owned()]
        })
        .collect();
    if !rows.is_empty() {
        page.line("## Waived\n");
        table(page, ["step", "needs, presumed lost", "why it was begun"], &rows);
    }
}

fn titled(title: Option<&str>) -> String {
    title.map_or_else(String::new, |title| format!(" {title}"))
}

fn questions(timeline: &Timeline, page: &mut Page) {
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
        page.line("## Questions\n");
        table(page, ["asked", "question", "evidence", "answer", "after"], &rows);
    }
}

fn changes(timeline: &Timeline, page: &mut Page) {
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
        page.line("## Changes\n");
        table(page, ["begun", "step", "change", "end", "request id"], &rows);
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

fn changed_back(timeline: &Timeline, page: &mut Page) {
    let Some(Drift { names, rows }) = drift(timeline) else { return };
    let (tool, plan) = (names.tool.name(), names.command("plan"));
    page.line(format_args!("## What {tool} will want to change back\n"));
    page.line(format_args!(
        "{tool} in `{}` names resources of this run, and was not asked about them. An apply there may undo what \
         follows, unless the configuration says by then what is so now; `{plan}` tells.\n",
        names.folder
    ));
    let rows: Vec<_> = rows
        .iter()
        .map(|(resources, changes)| {
            let resources: Vec<_> = resources.iter().map(|name| format!("`{name}`")).collect();
            [resources.join(", "), changes.join("; ")]
        })
        .collect();
    table(page, ["resources", "what was changed"], &rows);
}

fn users(timeline: &Timeline, page: &mut Page) {
    if timeline.samples.is_empty() {
        return;
    }
    page.line("## What users saw\n");
    let rows: Vec<_> = timeline
        .samples
        .iter()
        .map(|sample| {
            let verdict = if sample.good { "good" } else { "not good" };
            [clock_time(sample.at), sample.watch.clone(), verdict.to_owned(), sample.says.clone()]
        })
        .collect();
    table(page, ["from", "address", "", "answer"], &rows);
}

fn left(timeline: &Timeline, page: &mut Page) {
    let left: Vec<_> = unfinished(timeline)
        .map(|(step, why)| format!("- `{}`{}: {why}", step.id, titled(step.title.as_deref())))
        .collect();
    page.line("## Left to do\n");
    let afterwards = afterwards(timeline);
    if let Some(Afterwards { says, command, .. }) = &afterwards {
        page.line(format_args!("- {says}: `{command}`"));
    }
    if left.is_empty() && afterwards.is_none() {
        page.line("Nothing.");
    }
    for line in left {
        page.line(line);
    }
}

fn full(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn table<const N: usize>(page: &mut Page, heads: [&str; N], rows: &[[String; N]]) {
    page.line(format_args!("| {} |", heads.join(" | ")));
    page.line(format_args!("|{}", " --- |".repeat(N)));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| escape(cell)).collect();
        page.line(format_args!("| {} |", cells.join(" | ")));
    }
    page.line("");
}

/// A cell must not end its column or its row.
fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;
