//! The operator's part: questions, interrupts, and what somebody else does meanwhile.

use super::run::{World, in_order, in_virtual_time, step};
use failover::{
    engine::{Ending, Stop},
    plan::{OnFailure, Plan},
    run::{Event, Fact, Life, Question, RunFact, StepFact, StepOutcome},
};
use std::{sync::Arc, time::Duration};

fn asking() -> Plan {
    let mut swap = step("swap", "storage");
    swap.confirm = Some("no way back".to_owned());
    in_order(vec![step("put", "page"), swap, step("put", "start")])
}

fn questions(world: &World) -> usize {
    world.operator.asked.lock().unwrap().len()
}

#[test]
fn a_question_is_asked_once_all_that_its_step_needs_is_done() {
    in_virtual_time(async {
        let world = World::new(asking());
        assert_eq!(world.process().await, Some(Ending::Done));
        let facts = world.facts();
        let place =
            |wanted: &dyn Fn(&Fact) -> bool| facts.iter().position(|(_, f)| wanted(f)).unwrap();
        let page_done = place(
            &|fact| matches!(fact, Fact::Step { step, what: StepFact::Finished { .. } } if step.as_str() == "page"),
        );
        let asked = place(&|fact| matches!(fact, Fact::Step { what: StepFact::Asked { .. }, .. }));
        assert!(page_done < asked);
        assert_eq!(questions(&world), 1);
    });
}

#[test]
fn a_colleague_who_acts_while_the_question_stands_is_noticed() {
    in_virtual_time(async {
        let mut world = World::new(asking());
        world.operator.meanwhile = Arc::new(|cloud| cloud.swap_by_hand("storage"));
        assert_eq!(world.process().await, Some(Ending::Done));
        assert_eq!(world.cloud.count("POST /storage/swap"), 0);
        assert_eq!(world.cloud.value("storage"), "west");
    });
}

#[test]
fn a_no_ends_the_run_resumable_and_a_resume_asks_again() {
    in_virtual_time(async {
        let world = World::new(asking());
        *world.operator.declines.lock().unwrap() = true;
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Declined)));
        assert_eq!(world.state().step(&"storage".into()).unwrap().life, Life::Open);
        assert_eq!(world.cloud.count("POST /storage/swap"), 0);
        assert_eq!(world.process().await, Some(Ending::Done));
        assert_eq!(questions(&world), 2);
    });
}

#[test]
fn a_yes_that_came_too_long_ago_is_void() {
    let yes = |fact: &Fact| matches!(fact, Fact::Step { what: StepFact::Answered { .. }, .. });
    let resumed = |point: usize| {
        in_virtual_time(async move {
            let world = World::new(asking());
            world.fuse.set(point);
            assert_eq!(world.process().await, None);
            if !world.facts().iter().any(|(_, fact)| yes(fact)) {
                return None;
            }
            assert_eq!(world.cloud.count("POST /storage/swap"), 0);
            world.fuse.set(usize::MAX);
            world.clock.sleep(Duration::from_mins(11)).await;
            assert_eq!(world.process().await, Some(Ending::Done));
            Some(questions(&world))
        })
    };
    // The first point at which the journal holds the yes: the swap is not begun.
    let asked = (0..40).find_map(resumed);
    assert_eq!(asked, Some(2));
}

#[test]
fn the_first_interrupt_lets_what_runs_settle_and_the_second_stops_at_once() {
    in_virtual_time(async {
        let mut world = World::new(in_order(vec![step("swap", "storage"), step("put", "start")]));
        world.interrupt_after = vec![Duration::from_secs(30)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        let settled = world.state();
        assert_eq!(
            settled.step(&"storage".into()).unwrap().outcome(),
            Some(&StepOutcome::Succeeded)
        );
        assert_eq!(settled.step(&"start".into()).unwrap().life, Life::Waiting);
        world.interrupt_after = Vec::new();
        assert_eq!(world.process().await, Some(Ending::Done));

        let mut world = World {
            fuse: super::crash::Fuse::new(),
            plan: in_order(vec![step("swap", "database")]).into(),
            ..world
        };
        world.interrupt_after = vec![Duration::from_secs(30), Duration::from_secs(5)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        let state = world.state();
        assert!(matches!(state.step(&"database".into()).unwrap().life, Life::Accepted { .. }));
        world.interrupt_after = Vec::new();
        assert_eq!(world.process().await, Some(Ending::Done));
        assert_eq!(world.cloud.count("POST /database/swap"), 1);
    });
}

#[test]
fn no_more_changes_are_under_way_than_the_operator_wants() {
    let most_at_once = |at_most| {
        in_virtual_time(async move {
            let steps = ["a", "b", "c", "d"].map(|thing| step("swap", thing)).into();
            let world = World { at_most, ..World::new(crate::core::run::plan(steps)) };
            assert_eq!(world.process().await, Some(Ending::Done));
            let mut under_way = 0_i32;
            let steps = world.facts().into_iter().map(|(_, fact)| match fact {
                Fact::Step { what: StepFact::ChangeBegun { .. }, .. } => 1,
                Fact::Step { what: StepFact::ChangeSettled { .. }, .. } => -1,
                _ => 0,
            });
            let counts = steps.map(|step| {
                under_way += step;
                under_way
            });
            counts.max()
        })
    };
    assert_eq!(most_at_once(None), Some(4));
    assert_eq!(most_at_once(Some(2)), Some(2));
    assert_eq!(most_at_once(Some(1)), Some(1));
}

#[test]
fn an_interrupt_while_a_question_stands_leaves_it_to_the_resume() {
    in_virtual_time(async {
        let mut world = World::new(asking());
        world.operator.thinks = Duration::from_hours(1);
        world.interrupt_after = vec![Duration::from_mins(5)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        let life = world.state().step(&"storage".into()).unwrap().life.clone();
        assert!(matches!(life, Life::Asking { question: Question::Consent { .. } }));
        let interrupted = |(_, fact): &(_, Fact)| *fact == Fact::Run(RunFact::Interrupted);
        assert!(world.facts().iter().any(interrupted));
        world.interrupt_after = Vec::new();
        world.operator.thinks = Duration::from_secs(9);
        assert_eq!(world.process().await, Some(Ending::Done));
    });
}

#[test]
fn a_failure_that_the_runbook_asks_about_can_be_left_out() {
    in_virtual_time(async {
        let mut cut_off = step("put", "dead-endpoint");
        cut_off.on_failure = OnFailure::Ask;
        let world = World::new(in_order(vec![cut_off, step("put", "start")]));
        world.cloud.dead_until(world.clock.now() + Duration::from_hours(9));
        assert_eq!(world.process().await, Some(Ending::Done));
        let state = world.state();
        let outcome = state.step(&"dead-endpoint".into()).unwrap().outcome();
        assert!(matches!(outcome, Some(StepOutcome::Skipped { .. })));
        assert_eq!(world.cloud.value("start"), "on");
    });
}

#[test]
fn a_step_that_fails_stops_new_starts_and_lets_the_others_settle() {
    in_virtual_time(async {
        let mut plan = in_order(vec![step("put", "dead-page"), step("put", "start")]);
        plan.steps.push(step("swap", "storage"));
        let world = World::new(plan);
        world.cloud.dead_until(world.clock.now() + Duration::from_mins(70));
        assert_eq!(world.process().await, Some(Ending::Failed));
        let state = world.state();
        let outcome = |id: &str| state.step(&id.into()).unwrap().outcome().cloned();
        assert!(matches!(outcome("dead-page"), Some(StepOutcome::Failed { .. })));
        assert_eq!(outcome("storage"), Some(StepOutcome::Succeeded));
        assert_eq!(outcome("start"), None);
        let stops = world
            .events
            .lock()
            .unwrap()
            .iter()
            .filter(|e| matches!(e, Event::Stopping { .. }))
            .count();
        assert_eq!(stops, 0, "nobody said stop");
    });
}
