//! What happens and what happened, for programs. A reader that skips what it does not know reads every later version.

use super::{
    brief,
    drift::drift,
    listing::Listing,
    measure::{Loss, Measures, Recovery},
    timeline::{ChangeStory, End, StepStory, Timeline},
};
use crate::{
    action::{Answer, Change},
    engine::{Check, Checked, Preflight, Serving},
    model::{Exit, RunId, span::between},
    plan::{Plan, Step},
    run::{Event, RunOutcome},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// One event in one line.
pub fn line(run: RunId, is_simulated: bool, event: &Event) -> String {
    // An event is made of texts and numbers: it always has a JSON form.
    let mut event = serde_json::to_value(event).unwrap_or_default();
    forget_handles(&mut event);
    json!({ "run": run.short(), "simulated": is_simulated, "event": event }).to_string()
}

/// The last line of a run.
pub fn ended(timeline: &Timeline, exit: Exit) -> String {
    let run = timeline.run.short();
    let report = document(timeline);
    let event = json!({ "ended": { "exit_code": exit.code(), "report": report } });
    json!({ "run": run, "simulated": timeline.state.simulated, "event": event }).to_string()
}

/// Where to poll an operation is signed by some clouds, and so worth something to others.
fn forget_handles(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.shift_remove("handle");
            members.values_mut().for_each(forget_handles);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_handles),
        _ => {}
    }
}

/// What would happen, and what is known about it: a dry-run.
pub fn foreseen(
    plan: &Plan,
    digest: &str,
    (about, is_simulated): (&str, bool),
    seen: &Preflight,
) -> String {
    let serves = match &seen.serving {
        Serving::Agree(region) => json!({ "region": region, "agree": true }),
        Serving::Partly { region, but } => json!({ "region": region, "agree": false, "but": but }),
        Serving::Disagree(says) => json!({ "region": null, "agree": false, "says": says }),
        Serving::Nobody => json!({ "region": null, "agree": true }),
    };
    let steps: Vec<_> =
        plan.steps.iter().map(|step| foreseen_step(plan, step, seen.check(&step.id))).collect();
    let listing = Listing::new(plan, seen);
    let foreseen = json!({
        "version": 1,
        "plan": digest,
        "runbook": plan.runbook,
        "path": plan.path,
        "from": plan.from,
        "to": plan.to,
        "mode": plan.mode,
        "world": about,
        "serves_now": serves,
        "blocked": seen.has_blockers(),
        "expected_seconds": plan.expected().length.as_secs_f64(),
        "data_loss_seconds": seen.data_loss().map(|loss| loss.as_secs_f64()),
        "looks": seen.looks(),
        "changes": { "seen": listing.changes(), "cannot_be_undone": listing.final_changes(),
            "is_exact": listing.is_exact() },
        "steps": steps,
    });
    format!("{}\n", json!({ "simulated": is_simulated, "event": { "foreseen": foreseen } }))
}

/// The region that a run would move to serves already.
pub fn nothing_to_do(plan: &Plan, is_simulated: bool) -> String {
    let event = json!({ "nothing_to_do": { "serves_now": plan.to } });
    format!("{}\n", json!({ "simulated": is_simulated, "event": event }))
}

fn foreseen_step(plan: &Plan, step: &Step, check: Option<&Check>) -> Value {
    let (answer, changes, why, evidence) = match check.map(|check| &check.found) {
        None | Some(Checked::NothingToSee) => ("nothing_to_see", None, None, None),
        Some(Checked::Unknown(why)) => ("unknown", None, Some(why), None),
        Some(Checked::Seen(seen)) => {
            let (answer, changes, why) = match &seen.answer {
                Answer::AsDesired => ("as_desired", None, None),
                Answer::Missing(changes) | Answer::Unseen(changes) => {
                    ("changes", Some(changes), None)
                }
                Answer::NotYet { why, .. } => ("not_yet", None, Some(why)),
                Answer::Never { why } => ("never", None, Some(why)),
            };
            (answer, changes, why, Some(&seen.evidence))
        }
    };
    let changes: Vec<_> = changes.into_iter().flatten().map(foreseen_change).collect();
    let findings: Vec<_> = check.map_or(&[][..], |check| &check.findings).iter().collect();
    json!({
        "id": step.id,
        "number": step.number,
        "title": step.title,
        "action": step.action().map(|work| &work.action),
        "asks": step.confirm.is_some(),
        "on_failure": step.on_failure,
        "planes": step.action().map(|work| &work.planes),
        "waived": waived(plan, step),
        "answer": answer,
        "changes": changes,
        "why": why,
        "evidence": evidence,
        "predicted_by": check.and_then(|check| check.predicted_by.as_ref()),
        "findings": findings,
    })
}

/// Why a step is begun that needs the region that is presumed lost.
fn waived<'a>(plan: &Plan, step: &'a Step) -> Option<&'a str> {
    plan.waived(step).map(|waived| waived.reason)
}

fn foreseen_change(change: &Change) -> Value {
    json!({ "id": change.id, "says": change.says, "sign": change.sign,
        "harmful": change.is_harmful() })
}

/// The whole report.
pub fn document(timeline: &Timeline) -> Value {
    let plan = &timeline.plan;
    let measures = Measures::of(timeline);
    let work = plan.steps.iter().zip(&timeline.steps).map(|(own, story)| step(plan, own, story));
    let sessions = timeline.sessions.iter().map(|session| {
        json!({ "who": session.who, "host": session.host, "identity": session.identity,
            "tool": session.tool, "from": session.from, "to": session.to })
    });
    let samples = timeline.samples.iter().map(|sample| {
        json!({ "at": sample.at, "watch": sample.watch, "good": sample.good, "says": sample.says })
    });
    let skipped = timeline.left_out().map(|(story, reason)| {
        json!({ "step": story.id, "reason": reason, "who": story.who_left_it_out() })
    });
    json!({
        "version": 1,
        "run": timeline.run,
        "simulated": timeline.state.simulated,
        "runbook": plan.runbook,
        "path": plan.path,
        "from": plan.from,
        "to": plan.to,
        "mode": plan.mode,
        "outcome": timeline.state.finished,
        "started": timeline.started(),
        "last": timeline.last(),
        "total_seconds": timeline.total().as_secs_f64(),
        "human_seconds": timeline.human().as_secs_f64(),
        "recovery": recovery(&measures, plan.objectives.rto, timeline.last()),
        "data_loss": loss(&measures, plan.objectives.rpo),
        "changes": { "begun": measures.changes, "sent_again": measures.sent_again,
            "harmful_sent_again": measures.harmful_sent_again },
        "owed": timeline.owed(),
        "skipped": skipped.collect::<Vec<_>>(),
        "left_to_do": left_to_do(timeline),
        "drift": changed_back(timeline),
        "sessions": sessions.collect::<Vec<_>>(),
        "steps": work.collect::<Vec<_>>(),
        "samples": samples.collect::<Vec<_>>(),
    })
}

/// What somebody must still see to, and what to type for it.
fn left_to_do(timeline: &Timeline) -> Value {
    let left = brief::unfinished(timeline);
    let steps = left.map(|(step, why)| json!({ "step": step.id, "why": why }));
    let can_go_on =
        !matches!(timeline.state.finished, Some(RunOutcome::Done | RunOutcome::Aborted));
    let resume = can_go_on.then(|| format!("failover resume {}", timeline.run.short()));
    let afterwards = brief::afterwards(timeline)
        .map(|after| json!({ "says": after.says, "command": after.command }));
    json!({ "steps": steps.collect::<Vec<_>>(), "resume": resume, "afterwards": afterwards })
}

/// What Terraform or OpenTofu will want to change back.
fn changed_back(timeline: &Timeline) -> Option<Value> {
    let drift = drift(timeline)?;
    let rows = drift.rows.iter();
    let rows = rows.map(|(resources, says)| json!({ "resources": resources, "changes": says }));
    let (tool, folder) = (drift.names.tool, &drift.names.folder);
    Some(json!({ "tool": tool, "folder": folder, "changed": rows.collect::<Vec<_>>() }))
}

fn recovery(measures: &Measures, promised: Option<Duration>, last: Option<Timestamp>) -> Value {
    let (lost, back) = match measures.recovery {
        Recovery::NotMeasured | Recovery::NeverLost => (None, None),
        Recovery::NotYet { since } => (Some(since), None),
        Recovery::Took { lost, back } => (Some(lost), Some(back)),
    };
    let took = measures.recovery.length(last.unwrap_or(Timestamp::MIN));
    json!({
        "seconds": took.map(|took| took.as_secs_f64()),
        "objective_seconds": promised.map(|promised| promised.as_secs_f64()),
        "verdict": measures.recovery_verdict.as_str(),
        "first_failed_sample": lost,
        "first_good_sample": back,
    })
}

fn loss(measures: &Measures, promised: Option<Duration>) -> Value {
    let parts: Vec<_> = match &measures.loss {
        Loss::NotMeasured | Loss::Nothing => Vec::new(),
        Loss::UpTo(parts) => parts
            .iter()
            .map(|(step, length)| json!({ "step": step, "seconds": length.as_secs_f64() }))
            .collect(),
    };
    json!({
        "seconds": measures.loss.length().map(|length| length.as_secs_f64()),
        "objective_seconds": promised.map(|promised| promised.as_secs_f64()),
        "verdict": measures.loss_verdict.as_str(),
        "parts": parts,
    })
}

fn step(plan: &Plan, step: &Step, story: &StepStory) -> Value {
    let questions: Vec<_> = story
        .questions
        .iter()
        .map(|asked| {
            let answer = asked.answered.as_ref().map(|answered| {
                json!({ "at": answered.at, "answer": answered.answer, "who": answered.who,
                    "note": answered.note })
            });
            json!({ "at": asked.at, "question": asked.question, "evidence": asked.evidence,
                "answered": answer })
        })
        .collect();
    let took = story.finished.and_then(|end| story.elapsed(end)).unwrap_or_default();
    json!({
        "id": step.id,
        "number": step.number,
        "title": step.title,
        "action": step.action().map(|work| &work.action),
        "planes": step.action().map(|work| &work.planes),
        "waived": waived(plan, step),
        "outcome": story.outcome,
        "attempts": story.attempts,
        "started": story.started,
        "finished": story.finished,
        "machine_seconds": took.saturating_sub(story.human()).as_secs_f64(),
        "human_seconds": story.human().as_secs_f64(),
        "by_hand": story.by_hand.as_ref().map(|(who, note)| json!({ "who": who, "note": note })),
        "evidence": story.evidence,
        "changes": story.changes.iter().map(change).collect::<Vec<_>>(),
        "questions": questions,
    })
}

fn change(story: &ChangeStory) -> Value {
    let (end, why) = match &story.end {
        End::Open => ("open", None),
        End::Settled => ("settled", None),
        End::InDoubt(why) => ("in_doubt", Some(why)),
        End::Deferred(why) => ("deferred", Some(why)),
        End::Refused(why) => ("refused", Some(why)),
    };
    json!({
        "id": story.change.id,
        "says": story.change.says,
        "sign": story.change.sign,
        "harmful": story.change.is_harmful(),
        "begun": story.begun,
        "accepted": story.accepted,
        "ended": story.ended,
        "seconds": story.ended.map(|ended| between(story.begun, ended).as_secs_f64()),
        "end": end,
        "why": why,
        "sent_again": story.again,
        "request_ids": story.request_ids,
        "data_loss_seconds": story.data_loss.map(|loss| loss.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample::{at, on, saw, started, told, whole},
        run::StepFact,
    };

    #[test]
    fn where_an_operation_is_polled_is_told_to_nobody() {
        let facts = whole();
        let run = told(&facts).run;
        let (seconds, fact) = facts[10].clone();
        assert_eq!(
            line(run, true, &Event::Fact { at: at(seconds), fact }),
            r#"{"run":"7f3c","simulated":true,"event":{"fact":{"at":"2026-08-21T02:02:37Z","fact":{"step":{"step":"storage","what":{"operation_accepted":{"request_id":"8f2c"}}}}}}}"#
        );
    }

    #[test]
    fn the_report_holds_the_figures() {
        let report = document(&told(&whole()));
        assert_eq!(report["recovery"]["seconds"], 4_200.0);
        assert_eq!(report["recovery"]["verdict"], "met");
        assert_eq!(report["data_loss"]["seconds"], 252.0);
        assert_eq!(report["human_seconds"], 31.0);
        assert_eq!(report["outcome"], "owing");
        assert_eq!(report["owed"], json!(["fence"]));
        assert_eq!(report["steps"][2]["changes"][0]["request_ids"], serde_json::json!(["8f2c"]));
    }

    #[test]
    fn the_report_tells_what_is_left_to_do_and_what_to_type() {
        let report = document(&told(&whole()));
        let why = "owed: eastus does not answer";
        assert_eq!(
            report["left_to_do"],
            json!({
                "steps": [{ "step": "fence", "why": why }],
                "resume": "failover resume 7f3c",
                "afterwards": null,
            })
        );
    }

    #[test]
    fn a_step_that_was_left_out_is_listed_with_who_and_why() {
        let (reason, who) = ("no time".to_owned(), "asha".to_owned());
        let facts = [(0, started()), (1, on("fence", StepFact::Skipped { reason, who }))];
        let skipped = json!([{ "step": "fence", "reason": "no time", "who": "asha" }]);
        assert_eq!(document(&told(&facts))["skipped"], skipped);
    }

    #[test]
    fn users_who_are_not_back_have_no_verdict_yet_while_there_is_time() {
        let facts = [(0, started()), (1, saw(false, "no answer"))];
        let verdict = |seconds| {
            let mut facts = facts.to_vec();
            facts.push((seconds, on("fence", StepFact::Started)));
            document(&told(&facts))["recovery"]["verdict"].clone()
        };
        assert_eq!(verdict(7_200), "not yet");
        assert_eq!(verdict(7_202), "missed");
    }
}
