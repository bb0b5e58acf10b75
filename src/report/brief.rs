//! The screen at the end of a run that came to its end: what was promised and what was measured.

use super::{
    ended::standing,
    measure::{Loss, Measures, Recovery},
    text::{self, Page},
    timeline::Timeline,
    words,
};
use crate::{
    model::{
        Mode, quoted,
        span::{clock_time, show},
    },
    plan::Plan,
};
use jiff::Timestamp;
use std::time::Duration;

/// The last words of a run.
pub fn summary(timeline: &Timeline, report: &str, flags: &str) -> String {
    let plan = &timeline.plan;
    let outcome = timeline.state.finished.map_or("stopped", words::outcome_of_run);
    let measures = Measures::of(timeline);
    let head = format!(
        "{outcome}  {} {} {}   run {}, {}, {}",
        plan.runbook,
        if outcome == "aborted" { "was moving to" } else { "runs in" },
        plan.to,
        timeline.run.short(),
        show(timeline.total()),
        sent(&measures)
    );
    let mut page = Page::default();
    page.line(head);
    let figures = text::rows(&figures(timeline, &measures));
    figures.lines().for_each(|row| page.line(format_args!("  {row}")));
    if outcome == "aborted" {
        for line in standing(timeline) {
            page.line(format_args!("  now            {line}"));
        }
    }
    let owed = timeline.owed();
    if !owed.is_empty() {
        let run = timeline.run.short();
        page.line(format_args!(
            "  owed           {}. Nothing is retrying now; when the old region is back",
            text::list(owed)
        ));
        page.line(format_args!("                 failover resume {run}{flags}"));
    }
    if outcome == "aborted" {
        page.line(format_args!(
            "  way back       {} may be half moved; to bring users back",
            plan.runbook
        ));
        page.line(format_args!("                 {}{flags}", way_back(timeline)));
    } else if let Some(command) = left_to_do(plan) {
        page.line(format_args!("  left to do     once {} is back", plan.from));
        page.line(format_args!("                 {command}{}{flags}", in_the_same_world(timeline)));
    }
    page.line(format_args!("  report         {report}"));
    page.finish()
}

/// The command that brings users back after a run that was ended for good.
fn way_back(timeline: &Timeline) -> String {
    let plan = &timeline.plan;
    let [from, to] = [&plan.from, &plan.to].map(|region| quoted(region.as_str()));
    let path = quoted(&plan.path);
    let world = in_the_same_world(timeline);
    format!("failover execute {to} {from} --runbook {path} --mode planned{world}")
}

/// What a command needs to go on in the world of a simulated run: without it, it would be for the live one.
pub(super) fn in_the_same_world(timeline: &Timeline) -> String {
    if timeline.state.simulated {
        format!(" --simulate --after {}", timeline.run.short())
    } else {
        String::new()
    }
}

/// What the run itself cannot do, because it needs the region that was lost.
pub(super) fn left_to_do(plan: &Plan) -> Option<String> {
    let is_lost = plan.mode == Mode::Unplanned;
    is_lost.then(|| plan.afterwards(&plan.from, &plan.to)).flatten()
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
    use crate::report::sample::{told, whole};

    #[test]
    fn the_last_words_compare_what_was_measured_with_what_was_promised() {
        assert_eq!(
            summary(&told(&whole()), "~/runs/7f3c/report.md", ""),
            "\
done, owing  web runs in westus   run 7f3c, 1 h 10 min, 1 change, none sent twice
  recovery time  1 h 10 min  of 2 h     met  first failed sample 02:00:01Z, first good one 03:10:01Z
  data loss      4 min 12 s  of 15 min  met  storage 4 min 12 s
  people         31 s                        waiting for an answer (1 question)
  owed           fence. Nothing is retrying now; when the old region is back
                 failover resume 7f3c
  report         ~/runs/7f3c/report.md
"
        );
    }
}
