//! Every point where a process can die, once and twice: what is resumed ends as if nothing had happened, and each
//! harmful change was sent once.

use super::run::{World, in_order, in_virtual_time, plan, step};
use failover::{
    engine::Ending,
    plan::{OnFailure, Plan, Work},
    run::{Life, Question, RunOutcome, StepOutcome},
};

/// Every kind of change, in order, with a question before the swap.
fn everything() -> Plan {
    let mut swap = step("swap", "storage");
    swap.confirm = Some("what was written since is lost".to_owned());
    in_order(vec![
        step("three", "page"),
        step("person", "call"),
        swap,
        step("script", "warmup"),
        step("datapoint", "alarm"),
        step("shift", "traffic"),
        step("put", "unfence"),
    ])
}

/// Two swaps and a put at the same time, behind one question.
fn at_once() -> Plan {
    let mut group = step("put", "go");
    group.work =
        Work::Group { children: vec!["storage".into(), "database".into(), "settings".into()] };
    group.confirm = Some("no way back".to_owned());
    let mut steps = vec![group];
    for (action, thing) in [("swap", "storage"), ("swap", "database"), ("put", "settings")] {
        let mut child = step(action, thing);
        child.group = Some("go".into());
        steps.push(child);
    }
    let mut last = step("put", "start");
    last.needs = vec!["go".into(), "storage".into(), "database".into(), "settings".into()];
    steps.push(last);
    plan(steps)
}

fn check(world: &World, ending: Ending) {
    assert_eq!(ending, Ending::Done);
    assert_eq!(world.state().finished, Some(RunOutcome::Done));
    for step in &world.plan.steps {
        let Some(work) = step.action() else { continue };
        let thing = step.id.as_str();
        match work.action.as_str() {
            "swap" => {
                assert_eq!(world.cloud.count(&format!("POST /{thing}/swap")), 1, "{thing}");
                assert_eq!(world.cloud.value(thing), "west");
            }
            "script" => assert_eq!(world.cloud.count(&format!("POST /{thing}/script")), 1),
            "put" => assert_eq!(world.cloud.value(thing), "on"),
            "three" => assert_eq!(world.cloud.value(thing), "page"),
            "shift" => assert_eq!(world.cloud.value(thing), "100"),
            _ => {}
        }
    }
}

fn points(plan: fn() -> Plan) -> usize {
    in_virtual_time(async {
        let world = World::new(plan());
        let ending = world.process().await;
        check(&world, ending.unwrap());
        world.fuse.passed()
    })
}

fn die_once(plan: fn() -> Plan, point: usize) -> &'static str {
    in_virtual_time(async {
        let world = World::new(plan());
        world.fuse.set(point);
        assert_eq!(world.process().await, None, "point {point} was not reached");
        let where_it_died = world.fuse.died().unwrap();
        let ending = world.until_done(3).await;
        check(&world, ending);
        where_it_died
    })
}

#[test]
fn a_run_that_dies_at_any_point_is_resumed_and_sends_nothing_harmful_twice() {
    for plan in [everything, at_once] {
        let points = points(plan);
        let mut places: Vec<_> = (0..points).map(|point| die_once(plan, point)).collect();
        assert!(points >= 20, "{points} points");
        places.sort_unstable();
        places.dedup();
        assert_eq!(
            places,
            ["after a write", "after the request", "before a write", "before the request"]
        );
    }
}

#[test]
fn a_run_that_dies_twice_is_resumed_and_sends_nothing_harmful_twice() {
    for plan in [everything, at_once] {
        let points = points(plan);
        for first in (0..points).step_by(3) {
            for second in (0..points - first).step_by(7) {
                in_virtual_time(async {
                    let world = World::new(plan());
                    world.fuse.set(first);
                    assert_eq!(world.process().await, None);
                    world.fuse.set(second);
                    let again = world.process().await;
                    world.fuse.set(usize::MAX);
                    let ending = match again {
                        Some(Ending::Done) => Ending::Done,
                        _ => world.until_done(4).await,
                    };
                    check(&world, ending);
                });
            }
        }
    }
}

#[test]
fn a_swap_that_somebody_did_by_hand_while_the_run_was_dead_is_not_sent() {
    let points = points(everything);
    for point in 0..points {
        in_virtual_time(async {
            let world = World::new(everything());
            world.fuse.set(point);
            assert_eq!(world.process().await, None);
            let before = world.cloud.count("POST /storage/swap");
            if before == 0 {
                world.cloud.swap_by_hand("storage");
                let ending = world.until_done(3).await;
                assert_eq!(ending, Ending::Done);
                assert_eq!(world.cloud.count("POST /storage/swap"), 0);
                assert_eq!(world.cloud.value("storage"), "west");
            }
        });
    }
}

#[test]
fn a_swap_that_was_swapped_back_by_hand_is_asked_about() {
    let points = points(everything);
    let (mut asked, mut failed) = (0, 0);
    for point in 0..points {
        in_virtual_time(async {
            let world = World::new(everything());
            world.fuse.set(point);
            assert_eq!(world.process().await, None);
            let life = world.state().step(&"storage".into()).unwrap().life.clone();
            let is_accepted = matches!(life, Life::Accepted { .. });
            let is_open = is_accepted || matches!(life, Life::Begun { .. });
            if is_open && world.cloud.count("POST /storage/swap") == 1 {
                world.clock.sleep(std::time::Duration::from_hours(1)).await;
                // Done, and undone by somebody else's failback: the place is the old one, the mark is not.
                assert_eq!(world.cloud.value("storage"), "west");
                world.cloud.swap_by_hand("storage");
                let ending = world.process().await;
                assert_eq!(world.cloud.count("POST /storage/swap"), 1);
                let questions = world.operator.asked.lock().unwrap();
                let is_asked = questions.iter().any(|q| matches!(q, Question::Happened { .. }));
                if is_accepted {
                    // The cloud says that it was done, and it does not show.
                    assert_eq!((ending, is_asked), (Some(Ending::Failed), false), "point {point}");
                    failed += 1;
                } else {
                    assert!(is_asked, "point {point}: {ending:?}");
                    asked += 1;
                }
            }
        });
    }
    assert!(asked > 0 && failed > 0, "{asked} asked, {failed} failed");
}

#[test]
fn a_yes_before_a_harmless_change_is_no_yes_to_what_could_do_harm_an_hour_later() {
    let plan = || {
        let mut storage = step("prepared", "storage");
        storage.confirm = Some("no way back".to_owned());
        in_order(vec![storage])
    };
    let consents = |world: &World| {
        let asked = world.operator.asked.lock().unwrap();
        asked.iter().filter(|q| matches!(q, Question::Consent { .. })).count()
    };
    let points = in_virtual_time(async {
        let world = World::new(plan());
        assert_eq!(world.process().await, Some(Ending::Done));
        assert_eq!(world.cloud.accepted(), ["PUT /storage", "POST /storage/swap"]);
        assert_eq!(consents(&world), 1, "one yes covers both while it holds");
        world.fuse.passed()
    });
    let mut prepared = 0;
    for point in 0..points {
        in_virtual_time(async {
            let world = World::new(plan());
            world.fuse.set(point);
            assert_eq!(world.process().await, None);
            let state = world.state();
            let storage = state.step(&"storage".into()).unwrap();
            let is_begun = storage.harm.is_some() || storage.outcome().is_some();
            prepared += usize::from(world.cloud.count("PUT /storage") > 0 && !is_begun);
            world.operator.asked.lock().unwrap().clear();
            world.clock.sleep(std::time::Duration::from_hours(1)).await;
            assert_eq!(world.until_done(3).await, Ending::Done);
            assert_eq!(world.cloud.count("POST /storage/swap"), 1, "point {point}");
            assert!(is_begun || consents(&world) >= 1, "point {point}: it was not asked again");
        });
    }
    assert!(prepared > 0, "it never died between the two changes");
}

#[test]
fn what_the_dead_region_prevents_is_owed_and_paid_when_it_is_back() {
    in_virtual_time(async {
        let mut fence = step("put", "dead-fence");
        fence.on_failure = OnFailure::Owe;
        if let Work::Action(work) = &mut fence.work {
            work.timeout = std::time::Duration::from_mins(2);
        }
        let world =
            World::new(in_order(vec![fence, step("swap", "storage"), step("put", "start")]));
        world.cloud.dead_until(world.clock.now() + std::time::Duration::from_hours(2));
        assert_eq!(world.process().await, Some(Ending::Owing));
        let owed = world.state();
        assert!(owed.step(&"dead-fence".into()).unwrap().is_owed());
        assert!(owed.step(&"dead-fence".into()).unwrap().attempt > 3, "it is tried all the time");
        world.clock.sleep(std::time::Duration::from_hours(2)).await;
        assert_eq!(world.process().await, Some(Ending::Done));
        let paid = world.state();
        let outcome = paid.step(&"dead-fence".into()).unwrap().outcome().cloned();
        assert_eq!(outcome, Some(StepOutcome::Succeeded));
        assert_eq!(world.cloud.count("POST /storage/swap"), 1);
    });
}

#[test]
fn a_finished_plan_that_is_run_again_changes_nothing() {
    in_virtual_time(async {
        let steps = || in_order(vec![step("three", "page"), step("swap", "storage")]);
        let world = World::new(steps());
        assert_eq!(world.process().await, Some(Ending::Done));
        let accepted = world.cloud.accepted();
        let again = World { fuse: super::crash::Fuse::new(), plan: steps().into(), ..world };
        assert_eq!(again.process().await, Some(Ending::Done));
        assert_eq!(again.cloud.accepted(), accepted);
        for step in &again.plan.steps {
            let outcome = again.state().step(&step.id).unwrap().outcome().cloned();
            assert_eq!(outcome, Some(StepOutcome::AlreadyDone));
        }
    });
}
