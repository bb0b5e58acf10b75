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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::{Change, Mark, Sign},
        cli::{
            choice::{Chosen, Unset},
            kept::tests::{desk, keep_plan},
            manner::Manner,
            world::Scene,
        },
        model::{Datum, Evidence, RunId},
        report::sample::{on, started},
        run::{Fact, StepFact},
    };
    use clap::Parser;
    use jiff::Timestamp;
    use std::sync::Arc;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        manner: Manner,
    }

    fn typed(from: &str, to: &str) -> Typed {
        let runbook = ["--runbook", "runbooks/proseware.yaml"];
        Typed::parse_from(["failover", from, to].into_iter().chain(runbook))
    }

    fn plan(desk: &Desk, from: &str, to: &str) -> Plan {
        typed(from, to).chosen.plan(desk, Unset::IsMadeUp).unwrap()
    }

    #[tokio::test]
    async fn a_later_run_that_moved_elsewhere_leaves_a_run_behind() {
        let (_folder, desk) = desk();
        let there = plan(&desk, "eastus", "westus");
        let old = keep_plan(&desk, Realm::Live, 100, (&there, &[started()])).await;
        refuse_superseded(&desk, &old, &there).unwrap();
        keep_plan(&desk, Realm::Live, 200, (&there, &[started()])).await;
        refuse_superseded(&desk, &old, &there).unwrap();
        let back = plan(&desk, "westus", "eastus");
        let later = keep_plan(&desk, Realm::Live, 300, (&back, &[started()])).await;
        let failure = refuse_superseded(&desk, &old, &there).unwrap_err();
        let (run, later) = (old.id.short(), later.id.short());
        let what = format!("run {run} is out of date: run {later} moved to eastus after it");
        assert_eq!(failure.what, what);
        let abort = failure.hints[0].command.as_deref().unwrap();
        assert!(abort.starts_with(&format!("failover resume {run} --abort")), "{abort}");
    }

    #[tokio::test]
    async fn what_was_moved_back_by_somebody_leaves_a_run_behind() {
        let (_folder, desk) = desk();
        let plan = plan(&desk, "eastus", "westus");
        let mark = Mark(Evidence::new().with("mark", Datum::Count(1)));
        let change = Change::harmless("failover", Sign::CannotBeUndone, "move it").only_from(mark);
        let settled = [
            started(),
            on("storage", StepFact::Started),
            on("storage", StepFact::ChangeBegun { change }),
            on("storage", StepFact::ChangeSettled { request_id: None }),
        ];
        let finished = on("storage", StepFact::Finished { outcome: StepOutcome::Succeeded });
        let kept = keep_plan(&desk, Realm::Simulated, 100, (&plan, &settled)).await;
        let mut timeline = Timeline::new(kept.id, Arc::new(plan.clone()));
        let take_in = |timeline: &mut Timeline, fact: &Fact| {
            timeline.take_in(Timestamp::UNIX_EPOCH, fact).unwrap();
        };
        for fact in &settled {
            take_in(&mut timeline, fact);
        }
        let manner = typed("eastus", "westus").manner;
        let run = RunId::starting_at(Timestamp::UNIX_EPOCH);
        let scene = Scene { plan: &plan, run, outage: None, manner: &manner, faults: &[] };
        // A world in which nothing was moved, or was moved back.
        let world = World::rehearsed_once(&desk, &scene);
        refuse_moved_back(&desk, &world, &timeline).await.unwrap();
        take_in(&mut timeline, &finished);
        let failure = refuse_moved_back(&desk, &world, &timeline).await.unwrap_err();
        let run = kept.id.short();
        let what = format!("run {run} is out of date: `storage` serves from eastus again");
        assert_eq!(failure.what, what);
        assert_eq!(failure.exit, Exit::Preflight);
    }
}
