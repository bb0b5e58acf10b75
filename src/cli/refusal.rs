//! What preflight saw that forbids a run to begin, and what to type instead.

use crate::{
    action::Weight,
    engine::{Checked, Preflight, Serving},
    model::{Exit, Failure, Hint, Mode, RunId, quoted, span::show},
    plan::{Effect, Plan, Side, Step},
};
use std::time::Duration;

/// A run that wants to begin, and all that may forbid it.
pub(super) struct Case<'a> {
    pub plan: &'a Plan,
    pub seen: &'a Preflight,
    /// The largest loss that was said yes to beforehand; none when a person will be asked.
    pub accepts: Option<Duration>,
    /// What a command needs to find the same runs in the same world.
    pub flags: String,
    /// The run before this one, if it can be gone on with.
    pub half_done: Option<RunId>,
}

pub(super) fn refuse(case: &Case<'_>) -> Result<(), Failure> {
    serving(case)?;
    blockers(case)?;
    loss(case)
}

/// Refuses a run that needs the region that it presumes lost. The plan alone tells that: no cloud is asked.
pub(super) fn stranded(plan: &Plan, flags: &str) -> Result<(), Failure> {
    let stranded: Vec<_> = plan.stranded().collect();
    if stranded.is_empty() {
        return Ok(());
    }
    let Plan { from, path, .. } = plan;
    let what =
        format!("this run presumes {from} lost, and cannot do without it; nothing was changed");
    let failure = stranded.iter().fold(stop(what), |failure, lost| {
        let action = lost.step.action().map(|work| &work.action);
        let action = action.map_or_else(String::new, |action| format!(" ({action})"));
        failure.because(format!("step `{}`{action} {lost}", lost.step.id))
    });
    let planned = in_mode(plan, Mode::Planned, flags);
    let mut failure =
        failure.hint(Hint::run(format!("if {from} still answers, drain it"), planned));
    // What cannot be undone is never owed.
    if stranded.iter().any(|lost| !is_final(lost.step)) {
        failure = failure.hint(Hint::says(format!(
            "if a step can wait until {from} is back, give it `on_failure: owe` in {path}"
        )));
    }
    Err(failure.hint(Hint::says("if it can be done without, say why there: `waive: …`")))
}

fn stop(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Preflight, what)
}

fn serving(case: &Case<'_>) -> Result<(), Failure> {
    let Case { plan, seen, .. } = case;
    let to = &plan.to;
    match (&seen.serving, plan.serving) {
        (Serving::Disagree(says), _) => {
            let failure = stop("it cannot be told which region serves now; nothing was changed");
            let failure = says.iter().fold(failure, |failure, (step, region)| {
                failure.standing(format!("{step} says {region}"))
            });
            Err(match case.half_done {
                Some(run) => failure.hint(go_on(case, run)),
                None => failure.hint(Hint::says(
                    "move by hand what stands in the wrong region, or what this runbook names wrongly, and begin again",
                )),
            })
        }
        (Serving::Partly { region, but }, _) => {
            // Without a run that could be gone on with, this one is what finishes the move.
            let Some(run) = case.half_done else { return Ok(()) };
            let failure = stop(format!(
                "{region} holds the data, but users may not be served by it; nothing was changed"
            ));
            let failure = but.iter().fold(failure, |failure, (step, says)| {
                failure.standing(format!("{step} {says}"))
            });
            Err(failure.hint(go_on(case, run)))
        }
        (Serving::Agree(region), Side::To) if region != to => Err(stop(format!(
            "{region} serves now, and this runbook is for when {to} does; nothing was changed"
        ))),
        (Serving::Nobody, Side::To) => Err(stop(format!(
            "it is not known which region serves now, and this runbook is for when {to} does; nothing was changed"
        ))
        .hint(Hint::says(format!("move users to {to} first, or sign in as somebody who may look")))),
        (Serving::Nobody, Side::From) | (Serving::Agree(_), Side::From | Side::To) => Ok(()),
    }
}

fn go_on(case: &Case<'_>, run: RunId) -> Hint {
    // A run that is resumed knows its world.
    let state = case.flags.find(" --state").map_or("", |at| &case.flags[at..]);
    Hint::run(
        "a run is half done; go on with it",
        format!("failover resume {}{state}", run.short()),
    )
}

fn blockers(case: &Case<'_>) -> Result<(), Failure> {
    let Case { plan, seen, .. } = case;
    if !seen.has_blockers() {
        return Ok(());
    }
    let blockers = || seen.findings().filter(|(_, finding)| finding.weight == Weight::Blocker);
    let failure = stop("this cannot succeed now; nothing was changed");
    let failure = blockers().fold(failure, |failure, (step, finding)| {
        failure.because(format!("{step}: {}", finding.says))
    });
    if plan.mode == Mode::Unplanned {
        return Err(failure);
    }
    if !is_from_there(case) {
        let command = in_mode(plan, Mode::Unplanned, &case.flags);
        let says = format!("{} does not answer everywhere; if it is lost", plan.from);
        return Err(failure.hint(Hint::run(says, command)));
    }
    // The commonest reason to refuse a failback: the failover before it was unplanned.
    let is_about_data = blockers().any(|(step, _)| plan.step(step).is_some_and(is_final));
    Err(match plan.afterwards(&plan.to, &plan.from).filter(|_| is_about_data) {
        Some(command) => failure.hint(Hint::run(
            format!("if {} was lost and is back, protect it again first", plan.to),
            format!("{command}{}", case.flags),
        )),
        None => failure,
    })
}

fn is_final(step: &Step) -> bool {
    step.action().is_some_and(|work| work.effect == Effect::CannotBeUndone)
}

/// The command for the same move in this mode.
fn in_mode(plan: &Plan, mode: Mode, flags: &str) -> String {
    let [from, to] = [&plan.from, &plan.to].map(|region| quoted(region.as_str()));
    format!("failover execute {from} {to} --runbook {} --mode {mode}{flags}", quoted(&plan.path))
}

/// Whether everything that is in `from` could be looked at.
fn is_from_there(case: &Case<'_>) -> bool {
    let Case { plan, seen, .. } = case;
    let is_in_from = |step: &Step| {
        let touches = step.action().map(|work| work.touches.as_slice()).unwrap_or_default();
        touches.iter().any(|resource| resource.region.as_ref() == Some(&plan.from))
    };
    let is_dark = |step: &&Step| {
        let found = seen.check(&step.id).map(|check| &check.found);
        is_in_from(step) && matches!(found, Some(Checked::Unknown(_)))
    };
    !plan.steps.iter().any(|step| is_dark(&step))
}

fn loss(case: &Case<'_>) -> Result<(), Failure> {
    let Some(most) = case.accepts else { return Ok(()) };
    if case.seen.is_loss_unknown() {
        let what = "it is not known how much data would be lost, and --yes does not cover that; \
                    nothing was changed";
        return Err(stop(what).hint(Hint::says("approve at a terminal")));
    }
    match case.seen.data_loss().filter(|loss| *loss > most) {
        Some(loss) => {
            let what = format!(
                "{} of data would be lost, and --yes accepts {}; nothing was changed",
                show(loss),
                show(most)
            );
            let hint = "accept more with --accept-loss, or approve at a terminal";
            Err(stop(what).hint(Hint::says(hint)))
        }
        None => Ok(()),
    }
}
