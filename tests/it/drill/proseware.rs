//! Proseware: there and back, in both modes, with every outage.

use super::run::{Drill, make};
use crate::core::run::in_virtual_time;
use failover::{
    action::{Answer, Weight},
    engine::{Checked, Ending, Preflight, Serving},
    model::Mode,
    plan::Work,
    run::StepOutcome,
    sim::Outage,
};

const THERE: [&str; 2] = ["eastus", "westus"];
const BACK: [&str; 2] = ["westus", "eastus"];

fn proseware([from, to]: [&str; 2], mode: Mode) -> failover::plan::Plan {
    make("proseware.yaml", from, to, mode)
}

fn reprotect() -> failover::plan::Plan {
    make("proseware-reprotect.yaml", "eastus", "westus", Mode::Planned)
}

async fn carried_out(drill: &Drill, ending: Ending) {
    let blockers: Vec<_> = drill
        .preflight()
        .await
        .findings()
        .filter(|(_, finding)| finding.weight == failover::action::Weight::Blocker)
        .map(|(step, finding)| format!("{step}: {}", finding.says))
        .collect();
    assert_eq!(blockers, [""; 0]);
    assert_eq!(drill.process().await, Some(ending), "{}", drill.story());
    assert_eq!(drill.breaches(), [""; 0]);
}

#[test]
fn an_unplanned_failover_ends_with_users_in_the_other_region() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Unplanned), Outage::Data);
        assert_eq!(drill.preflight().await.serving, Serving::Agree("eastus".into()));
        assert_eq!(drill.changes(), [""; 0], "preflight sends no change");
        carried_out(&drill, Ending::Done).await;
        assert_eq!(drill.harm(), [1; 2], "{}", drill.story());
        let now = drill.preflight().await;
        assert!(now.serves_already(&drill.plan));
    });
}

#[test]
fn a_dead_region_leaves_debts_that_a_resume_pays() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Unplanned), Outage::Region);
        carried_out(&drill, Ending::Owing).await;
        for step in ["stop-from", "fence"] {
            assert!(matches!(drill.outcome(step), Some(StepOutcome::Owed { .. })), "{step}");
        }
        drill.set_outage(Outage::None);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        assert_eq!(drill.harm(), [1; 2], "{}", drill.story());
    });
}

#[test]
fn a_planned_round_trip_ends_where_it_began() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Planned), Outage::None);
        carried_out(&drill, Ending::Done).await;
        assert_eq!(drill.harm(), [1; 2], "{}", drill.story());
        let drill = drill.then(proseware(BACK, Mode::Planned));
        carried_out(&drill, Ending::Done).await;
        assert_eq!(drill.harm(), [2; 2], "{}", drill.story());
        let drill = drill.then(proseware(THERE, Mode::Planned));
        assert_eq!(drill.preflight().await.serving, Serving::Agree("eastus".into()));
    });
}

#[test]
fn an_unplanned_run_is_refused_its_failback_until_it_is_protected_again() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Unplanned), Outage::Data);
        carried_out(&drill, Ending::Done).await;
        drill.set_outage(Outage::None);
        let drill = drill.then(proseware(BACK, Mode::Planned));
        let refused = drill.preflight().await;
        assert!(refused.has_blockers());
        let sent = drill.changes();
        let drill = drill.then(reprotect());
        assert_eq!(drill.changes(), sent);
        carried_out(&drill, Ending::Done).await;
        let drill = drill.then(proseware(BACK, Mode::Planned));
        carried_out(&drill, Ending::Done).await;
        assert_eq!(drill.harm(), [2; 2], "{}", drill.story());
    });
}

#[test]
fn the_web_app_alone_goes_there_and_back_in_both_modes() {
    for (mode, outage, ending) in [
        (Mode::Planned, Outage::None, Ending::Done),
        (Mode::Unplanned, Outage::Data, Ending::Done),
        (Mode::Unplanned, Outage::Region, Ending::Owing),
    ] {
        in_virtual_time(async move {
            let drill = Drill::new(make("proseware-web.yaml", "eastus", "westus", mode), outage);
            carried_out(&drill, ending).await;
            drill.set_outage(Outage::None);
            if ending == Ending::Owing {
                assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            }
            let drill = drill.then(make("proseware-web.yaml", "westus", "eastus", Mode::Planned));
            carried_out(&drill, Ending::Done).await;
        });
    }
}

#[test]
fn a_new_run_beside_one_that_died_is_never_told_that_all_is_done() {
    let plan = || proseware(THERE, Mode::Unplanned);
    let points = in_virtual_time(async {
        let drill = Drill::new(plan(), Outage::Data);
        carried_out(&drill, Ending::Done).await;
        drill.fuse.passed()
    });
    let mut half_done = 0;
    for point in (0..points).step_by(5) {
        in_virtual_time(async {
            let drill = Drill::new(plan(), Outage::Data);
            drill.fuse.set(point);
            assert_eq!(drill.process().await, None, "point {point} was not reached");
            let now = drill.preflight().await;
            let shift = now.check(&"shift".into()).unwrap();
            let Checked::Seen(seen) = &shift.found else { panic!("{shift:?}") };
            let is_all_there = seen.answer == Answer::AsDesired;
            assert_eq!(now.serves_already(&drill.plan), is_all_there, "point {point}: {now:?}");
            half_done += usize::from(matches!(now.serving, Serving::Partly { .. }));
        });
    }
    assert!(half_done > 3, "{half_done}");
}

#[test]
fn what_a_run_can_do_without_does_not_forbid_it() {
    for (mode, is_forbidden) in [(Mode::Planned, true), (Mode::Unplanned, false)] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(THERE, mode), Outage::None);
            let stop = drill.plan.step(&"stop-from".into()).unwrap().action().unwrap();
            let app = &stop.touches[0];
            let scope = format!(
                "/subscriptions/{}/resourceGroups/{}/providers/{}/{}",
                app.subscription(),
                app.resource_group(),
                app.kind,
                app.name
            );
            drill.cloud.with_world(|world| world.cloud_mut().lock(scope, "ReadOnly"));
            let now = drill.preflight().await;
            assert_eq!(now.has_blockers(), is_forbidden, "{mode}");
            assert!(now.findings().any(|(step, finding)| {
                step.as_str() == "stop-from" && finding.weight >= Weight::Warning
            }));
        });
    }
}

#[test]
fn only_what_touches_the_same_resource_cures_it() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Unplanned), Outage::Data);
        carried_out(&drill, Ending::Done).await;
        drill.set_outage(Outage::None);
        let mut back = proseware(BACK, Mode::Planned);
        let mut cure = back.steps.iter().find(|step| step.id.as_str() == "redundancy").cloned();
        let cure = cure.as_mut().unwrap();
        cure.id = "cure".into();
        back.steps.insert(0, cure.clone());
        let drill = drill.then(back.clone());
        let blocks = |now: &Preflight| {
            now.findings().any(|(step, finding)| {
                step.as_str() == "storage" && finding.weight == Weight::Blocker
            })
        };
        assert!(!blocks(&drill.preflight().await));
        let Work::Action(work) = &mut back.steps[0].work else { panic!() };
        work.touches[0].name = "stother".to_owned();
        assert!(blocks(&drill.then(back).preflight().await));
    });
}

#[test]
fn a_run_that_is_repeated_has_nothing_left_to_do() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(THERE, Mode::Unplanned), Outage::Data);
        carried_out(&drill, Ending::Done).await;
        let sent = drill.changes();
        let drill = drill.then(proseware(THERE, Mode::Unplanned));
        assert!(drill.preflight().await.serves_already(&drill.plan));
        assert_eq!(drill.changes(), sent, "a look sends no change");
        // Begun all the same, it finds what it moved for good where it is to be.
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        for step in ["storage", "promote"] {
            assert_eq!(drill.outcome(step), Some(StepOutcome::AlreadyDone), "{step}");
        }
        assert_eq!(drill.harm(), [1; 2], "{}", drill.story());
    });
}
