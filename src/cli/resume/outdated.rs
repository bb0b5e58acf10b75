//! A run that the world has left behind: what it still wants to do, or owes, was for a world that is gone.

use crate::{
    action::Serves,
    cli::{
        Desk,
        kept::{self, Kept, Realm},
        manner::CloudFlags,
        world::World,
    },
    engine::{Checked, preflight_of},
    model::{Exit, Failure, Hint},
    plan::{Effect, Plan, Step},
    provider,
    report::Timeline,
    run::StepOutcome,
};

/// Refuses to go on beside a later run that moved the same system somewhere else: what this one still wants to do, or
/// owes, was for a world that is gone.
pub(super) fn refuse_superseded(desk: &Desk, kept: &Kept, plan: &Plan) -> Result<(), Failure> {
    // Each simulated run has a world of its own.
    if kept.realm == Realm::Simulated {
        return Ok(());
    }
    let cloud = CloudFlags::of(kept)?;
    for later in kept::all(&desk.settings)?.iter().rev() {
        let is_later = later.realm == kept.realm && later.id > kept.id;
        if !is_later || CloudFlags::of(later).is_ok_and(|other| !other.is_same_cloud(&cloud)) {
            continue;
        }
        let Ok(timeline) = later.read() else { continue };
        let (lock, to) = (&timeline.plan.lock, &timeline.plan.to);
        if timeline.started().is_some() && *lock == plan.lock && *to != plan.to {
            let (run, later) = (kept.id.short(), later.id.short());
            let what = format!("run {run} is out of date: run {later} moved to {to} after it");
            return Err(out_of_date(desk, kept, what));
        }
    }
    Ok(())
}

/// Refuses to go on when what this run moved for good serves from where it was: somebody moved it back.
pub(super) async fn refuse_moved_back(
    desk: &Desk,
    world: &World,
    timeline: &Timeline,
) -> Result<(), Failure> {
    let plan = &timeline.plan;
    let has_moved = |step: &Step| {
        let is_final = step.action().is_some_and(|work| work.effect == Effect::CannotBeUndone);
        let state = timeline.state.step(&step.id);
        let is_done = state.is_some_and(|s| s.outcome().is_some_and(StepOutcome::lets_go_on));
        is_final && is_done && state.is_some_and(|state| !state.settled.is_empty())
    };
    if !plan.steps.iter().any(has_moved) {
        return Ok(());
    }
    let (catalogue, clients) = (provider::catalogue(), world.read_only());
    let seen = preflight_of(plan, catalogue, &clients, has_moved).await;
    let back: Vec<_> = seen
        .checks
        .iter()
        .filter(|check| match &check.found {
            Checked::Seen(seen) => seen.serves == Serves::Region(plan.from.clone()),
            Checked::NothingToSee | Checked::Unknown(_) => false,
        })
        .map(|check| format!("`{}`", check.step))
        .collect();
    if back.is_empty() {
        return Ok(());
    }
    let kept = kept::named(desk, &timeline.run.to_string())?;
    let (run, from) = (timeline.run.short(), &plan.from);
    let what = format!("run {run} is out of date: {} serves from {from} again", back.join(", "));
    Err(out_of_date(desk, &kept, what))
}

fn out_of_date(desk: &Desk, kept: &Kept, what: String) -> Failure {
    let abort = format!("failover resume {} --abort", kept.id.short());
    Failure::new(Exit::Preflight, what)
        .standing("nothing was changed: what this run still wants could harm what serves now")
        .hint(Hint::run("end it for good", desk.settings.command(&abort)))
        .hint(Hint::says("then begin a new run, which looks at everything anew"))
}
