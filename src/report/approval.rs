//! What somebody approves before a run begins, and what will have been lost by the time they are asked again.

use crate::{
    action::Answer,
    engine::{Checked, Preflight, ancestors},
    model::{Mode, span::show},
    plan::{Effect, Plan, Step, Work},
};
use std::time::Duration;

/// What the run does, in words that nobody approves by accident.
pub fn approval(plan: &Plan, seen: &Preflight) -> String {
    let Plan { runbook, from, to, .. } = plan;
    match plan.mode {
        Mode::Planned => {
            format!("This moves {runbook} to {to} and drains {from}. No data may be lost.")
        }
        Mode::Unplanned => {
            let loss = loss(plan, seen);
            format!("This moves {runbook} to {to} and presumes {from} lost.{loss}")
        }
    }
}

fn loss(plan: &Plan, seen: &Preflight) -> String {
    if seen.is_loss_unknown() {
        return " How much data will be gone is not known.".to_owned();
    }
    let Some(loss) = seen.data_loss().filter(|loss| !loss.is_zero()) else { return String::new() };
    let so_far = format!("So far the data of the last {} will be gone", show(loss));
    match until_asked(plan, seen) {
        Some(until) => {
            let (until, then) = (show(roughly(until)), show(roughly(loss + until)));
            format!(" {so_far}; when you are asked once more, in ~{until}, of the last ~{then}.")
        }
        None => format!(" {so_far}, and more with time."),
    }
}

/// How much is lost by the time that somebody is asked, if it grows until then as it mostly does.
pub(super) fn loss_when_asked(plan: &Plan, seen: &Preflight) -> Option<Duration> {
    let loss = seen.data_loss().filter(|loss| plan.mode == Mode::Unplanned && !loss.is_zero())?;
    Some(roughly(loss + until_asked(plan, seen)?))
}

/// How long it usually takes until the question before what cannot be undone.
fn until_asked(plan: &Plan, seen: &Preflight) -> Option<Duration> {
    let is_final =
        |step: &&Step| step.action().is_some_and(|work| work.effect == Effect::CannotBeUndone);
    let asker = plan.asker(plan.steps.iter().find(is_final)?)?;
    let before = ancestors(plan, &asker.id);
    let steps = plan.steps.iter().filter(|step| before.contains(&&step.id)).cloned();
    let steps = steps.map(|mut step| {
        let is_so = is_so(seen, &step);
        if let Work::Action(work) = &mut step.work
            && is_so
        {
            work.usual = Duration::ZERO;
        }
        step
    });
    Some(Plan { steps: steps.collect(), ..plan.clone() }.expected().length)
}

/// Whether nothing is to be done for a step.
fn is_so(seen: &Preflight, step: &Step) -> bool {
    let check = seen.check(&step.id).filter(|check| check.predicted_by.is_none());
    check.is_some_and(
        |check| matches!(&check.found, Checked::Seen(seen) if seen.answer == Answer::AsDesired),
    )
}

/// What is only expected is told in whole minutes.
fn roughly(length: Duration) -> Duration {
    Duration::from_mins(length.as_secs().div_ceil(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::Observation,
        engine::{Check, Serving},
        model::{DATA_LOSS, Datum, Evidence},
        report::sample::{lag, plan},
    };

    fn seen(fence: Answer, evidence: Evidence) -> Preflight {
        let check = |step: &str, seen: Observation| Check {
            step: step.into(),
            found: Checked::Seen(seen),
            findings: Vec::new(),
            predicted_by: None,
        };
        let checks = vec![
            check("fence", Observation::new(fence, Evidence::new())),
            check("storage", Observation::new(Answer::Missing(Vec::new()), evidence)),
        ];
        Preflight { checks, serving: Serving::Nobody }
    }

    #[test]
    fn the_loss_at_the_approval_is_what_it_is_so_far() {
        let missing = seen(Answer::Missing(Vec::new()), lag(252.0));
        assert_eq!(
            approval(&plan(), &missing),
            "This moves web to westus and presumes eastus lost. So far the data of the last 4 min 12 s will be \
             gone; when you are asked once more, in ~2 min, of the last ~7 min."
        );
        // What is so already takes no time.
        let so = seen(Answer::AsDesired, lag(252.0));
        assert_eq!(loss_when_asked(&plan(), &so), Some(Duration::from_mins(5)));
    }

    #[test]
    fn a_loss_that_is_not_known_is_said_to_be() {
        let unknown = Evidence::new().with(DATA_LOSS, Datum::Text("not known".to_owned()));
        let text = approval(&plan(), &seen(Answer::AsDesired, unknown));
        assert!(text.ends_with("How much data will be gone is not known."), "{text}");
    }

    #[test]
    fn a_planned_run_may_lose_nothing() {
        let planned = Plan { mode: Mode::Planned, ..plan() };
        let text = approval(&planned, &seen(Answer::AsDesired, lag(0.0)));
        assert_eq!(text, "This moves web to westus and drains eastus. No data may be lost.");
        assert_eq!(loss_when_asked(&planned, &seen(Answer::AsDesired, lag(9.0))), None);
    }
}
