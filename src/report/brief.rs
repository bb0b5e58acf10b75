//! The screen at the end of a run that came to its end: what was promised and what was measured.

use super::{
    drift::drift,
    ended::standing,
    measure::{Loss, Measures, Recovery},
    text::{self, Page},
    timeline::Timeline,
    words,
};
use crate::{
    model::{
        Mode, StepId, quoted,
        span::{clock_time, show},
    },
    plan::{Plan, Step},
    run::RunOutcome,
};
use jiff::Timestamp;
use std::time::Duration;

/// How far the labels reach.
const LABEL: usize = 17;

/// The last words of a run.
pub fn summary(timeline: &Timeline, report: &str, (flags, width): (&str, usize)) -> String {
    let plan = &timeline.plan;
    let outcome = timeline.state.finished.map_or("stopped", words::outcome_of_run);
    let measures = Measures::of(timeline);
    let runs = if outcome == "aborted" { "was moving to" } else { "runs in" };
    let head = [
        format!("{outcome}  {} {runs} {}", plan.runbook, plan.to),
        format!("run {}, {}, {}", timeline.run.short(), show(timeline.total()), sent(&measures)),
    ];
    let mut page = Page::default();
    page.flow(&head, "   ", width);
    let figures = text::table(&figures(timeline, &measures), width.saturating_sub(2));
    figures.lines().for_each(|row| page.line(format_args!("  {row}")));
    let mut said = |label: &str, says: &str, command: Option<String>| {
        page.beside(&format!("  {label:<width$}", width = LABEL - 2), says, width);
        if let Some(command) = command {
            page.command(LABEL, &command, width);
        }
    };
    if outcome == "aborted" {
        for line in standing(timeline) {
            said("now", &line, None);
        }
    }
    for (story, why) in timeline.left_out() {
        let who = story.who_left_it_out().map_or_else(String::new, |who| format!(" ({who})"));
        said("left out", &format!("{}: {why}{who}", story.id), None);
    }
    if !timeline.owed().is_empty() {
        let says =
            format!("{}. Nothing is retrying now; when the old region is back", owed(timeline));
        said("owed", &says, Some(format!("failover resume {}{flags}", timeline.run.short())));
    }
    if let Some(Afterwards { label, says, command }) = afterwards(timeline) {
        said(label, &says, Some(format!("{command}{flags}")));
    }
    if let Some(drift) = drift(timeline) {
        let tool = drift.names.tool;
        let says = format!("an apply of {} may undo this run: see the report", tool.name());
        said(tool.program(), &says, None);
    }
    said("report", report, None);
    page.finish()
}

/// What comes after a run that has ended, and what to type for it.
pub(super) struct Afterwards {
    pub label: &'static str,
    pub says: String,
    pub command: String,
}

/// The way back after a run that was ended for good, or what an unplanned one leaves to be done.
pub(super) fn afterwards(timeline: &Timeline) -> Option<Afterwards> {
    let plan = &timeline.plan;
    let world = in_the_same_world(timeline);
    match timeline.state.finished? {
        RunOutcome::Aborted => {
            let [from, to] = [&plan.from, &plan.to].map(|region| quoted(region.as_str()));
            let path = quoted(&plan.path);
            Some(Afterwards {
                label: "way back",
                says: format!("{} may be half moved; to bring users back", plan.runbook),
                command: format!(
                    "failover execute {to} {from} --runbook {path} --mode planned{world}"
                ),
            })
        }
        RunOutcome::Done | RunOutcome::Owing => Some(Afterwards {
            label: "left to do",
            says: format!("once {} is back", plan.from),
            command: format!("{}{world}", left_to_do(plan)?),
        }),
    }
}

/// What a command needs to go on in the world of a simulated run: without it, it would be for the live one.
fn in_the_same_world(timeline: &Timeline) -> String {
    if timeline.state.simulated {
        format!(" --simulate --after {}", timeline.run.short())
    } else {
        String::new()
    }
}

/// What is owed, and why.
fn owed(timeline: &Timeline) -> String {
    let why = |id: &StepId| {
        timeline.state.step(id).and_then(|state| state.debt.clone()).unwrap_or_default()
    };
    let owed: Vec<_> = timeline.owed().into_iter().map(|id| (id, why(id))).collect();
    match owed.as_slice() {
        [(_, first), rest @ ..] if rest.iter().all(|(_, why)| why == first) => {
            format!("{}: {first}", text::list(owed.iter().map(|(id, _)| id)))
        }
        _ => text::list(owed.iter().map(|(id, why)| format!("{id} ({why})"))),
    }
}

/// What the run itself cannot do, because it needs the region that was lost.
pub(super) fn left_to_do(plan: &Plan) -> Option<String> {
    let is_lost = plan.mode == Mode::Unplanned;
    is_lost.then(|| plan.afterwards(&plan.from, &plan.to)).flatten()
}

/// The steps that somebody must still see to, and why.
pub(super) fn unfinished(timeline: &Timeline) -> impl Iterator<Item = (&Step, String)> {
    timeline.work().filter_map(|(step, story)| match &story.outcome {
        None => Some((step, "not done".to_owned())),
        Some(outcome) if story.is_left() => Some((step, words::outcome_of_step(outcome))),
        Some(_) => None,
    })
}

/// How many changes there were, and whether any was sent more than once.
pub(super) fn sent(measures: &Measures) -> String {
    let changes = text::count(measures.changes, "change");
    match (measures.changes, measures.sent_again, measures.harmful_sent_again) {
        (0, ..) => "nothing had to be changed".to_owned(),
        (_, 0, _) => format!("{changes}, none sent twice"),
        (_, again, 0) => format!("{changes}, {again} sent again without harm"),
        (_, again, harmful) => format!("{changes}, {again} sent again, {harmful} of them harmful"),
    }
}

/// Recovery time, data loss and people, each against what was promised.
pub(super) fn figures(timeline: &Timeline, measures: &Measures) -> Vec<Vec<String>> {
    let objectives = &timeline.plan.objectives;
    let of = |promised: Option<Duration>| {
        promised.map_or_else(String::new, |promised| format!("of {}", show(promised)))
    };
    let last = timeline.last().unwrap_or(Timestamp::MIN);
    let (recovery, seen) = match measures.recovery {
        Recovery::NotMeasured => ("not measured".to_owned(), "nothing was watched".to_owned()),
        Recovery::NeverLost => ("0 s".to_owned(), "no sample failed".to_owned()),
        Recovery::NotYet { since } => {
            let gone = measures.recovery.length(last).unwrap_or_default();
            (format!("over {}", show(gone)), format!("failing since {}", clock_time(since)))
        }
        Recovery::Took { lost, back } => {
            let (lost, back) = (clock_time(lost), clock_time(back));
            let took = measures.recovery.length(last).unwrap_or_default();
            (show(took), format!("first failed sample {lost}, first good one {back}"))
        }
    };
    let (loss, parts) = match &measures.loss {
        Loss::NotMeasured => ("not measured".to_owned(), String::new()),
        Loss::Nothing => ("none".to_owned(), "nothing was done that could lose any".to_owned()),
        Loss::UpTo(parts) => {
            let longest = measures.loss.length().unwrap_or_default();
            let each = parts.iter().map(|(step, length)| format!("{step} {}", length_of(*length)));
            (length_of(longest), each.collect::<Vec<_>>().join(", "))
        }
    };
    let (recovery_verdict, loss_verdict) =
        (measures.recovery_verdict.as_str(), measures.loss_verdict.as_str());
    let questions = timeline.questions().count();
    vec![
        vec!["recovery time".into(), recovery, of(objectives.rto), recovery_verdict.into(), seen],
        vec!["data loss".into(), loss, of(objectives.rpo), loss_verdict.into(), parts],
        vec![
            "people".into(),
            show(timeline.human()),
            String::new(),
            String::new(),
            format!("waiting for an answer ({})", text::count(questions, "question")),
        ],
    ]
}

fn length_of(loss: Duration) -> String {
    if loss.is_zero() { "none".to_owned() } else { show(loss) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{
            sample::{on, started, told, whole},
            text::NO_WIDTH,
        },
        run::{Fact, RunFact, RunOutcome, StepFact},
    };

    #[test]
    fn the_last_words_compare_what_was_measured_with_what_was_promised() {
        assert_eq!(
            summary(&told(&whole()), "~/runs/7f3c/report.md", ("", NO_WIDTH)),
            "\
done, owing  web runs in westus   run 7f3c, 1 h 10 min, 1 change, none sent twice
  recovery time  1 h 10 min  of 2 h     met  first failed sample 02:00:01Z, first good one 03:10:01Z
  data loss      4 min 12 s  of 15 min  met  storage 4 min 12 s
  people         31 s                        waiting for an answer (1 question)
  owed           fence: eastus does not answer. Nothing is retrying now; when the old region is back
                 failover resume 7f3c
  report         ~/runs/7f3c/report.md
"
        );
    }

    #[test]
    fn a_narrow_terminal_breaks_lines_between_words_and_commands_nowhere() {
        let flags = " --state /a/folder/with/a/long/name";
        assert_eq!(
            summary(&told(&whole()), "~/runs/7f3c/report.md", (flags, 70)),
            "\
done, owing  web runs in westus
run 7f3c, 1 h 10 min, 1 change, none sent twice
  recovery time  1 h 10 min  of 2 h     met  first failed sample
                                             02:00:01Z, first good one
                                             03:10:01Z
  data loss      4 min 12 s  of 15 min  met  storage 4 min 12 s
  people         31 s                        waiting for an answer (1
                                             question)
  owed           fence: eastus does not answer. Nothing is retrying
                 now; when the old region is back
      failover resume 7f3c --state /a/folder/with/a/long/name
  report         ~/runs/7f3c/report.md
"
        );
    }

    #[test]
    fn what_was_left_out_is_told_with_its_reason() {
        let (reason, who) = ("no time".to_owned(), "asha".to_owned());
        let facts = [
            (0, started()),
            (1, on("fence", StepFact::Skipped { reason, who })),
            (2, Fact::Run(RunFact::Finished { outcome: RunOutcome::Done })),
        ];
        let text = summary(&told(&facts), "report.md", ("", NO_WIDTH));
        assert!(text.contains("\n  left out       fence: no time (asha)\n"), "{text}");
    }
}
