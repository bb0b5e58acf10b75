//! Clouds that answer reads and no changes, runs that are ended for good, and what comes last: nothing may hold a run for
//! ever, and nothing may start before its time.

use super::{
    actions::CATALOGUE,
    cloud::Trouble,
    run::{World, in_order, in_virtual_time, plan, step},
};
use failover::{
    engine::{Ending, Stop},
    plan::{OnFailure, Plan, Step, Work},
    run::{Fact, Question, RunFact, RunOutcome, StepFact, StepOutcome},
};
use std::time::Duration;

fn with_timeout(mut step: Step, timeout: Duration) -> Step {
    if let Work::Action(work) = &mut step.work {
        work.timeout = timeout;
    }
    step
}

fn owed(thing: &str) -> Step {
    let mut step = with_timeout(step("put", thing), Duration::from_mins(2));
    step.on_failure = OnFailure::Owe;
    step
}

/// The steps, and one that comes last.
fn finally(mut steps: Vec<Step>) -> Plan {
    steps = in_order(steps).steps;
    let mut last = step("put", "tidy");
    last.is_finally = true;
    steps.push(last);
    plan(steps)
}

fn starts(world: &World, thing: &str) -> Option<usize> {
    world.facts().iter().position(|(_, fact)| {
        matches!(fact, Fact::Step { step, what: StepFact::Started } if step.as_str() == thing)
    })
}

#[test]
fn two_debts_whose_writes_are_lost_do_not_hold_what_is_harmful() {
    for trouble in [Trouble::Lost, Trouble::Busy] {
        in_virtual_time(async {
            let steps =
                vec![owed("a"), owed("b"), step("swap", "storage"), step("shift", "traffic")];
            let world = World::new(in_order(steps));
            world.cloud.trouble("a", Some(trouble));
            world.cloud.trouble("b", Some(trouble));
            let began = world.clock.now();
            assert_eq!(world.process().await, Some(Ending::Owing));
            assert!(world.clock.now() < began + Duration::from_hours(1));
            assert_eq!(world.cloud.count("POST /storage/swap"), 1);
            world.cloud.trouble("a", None);
            world.cloud.trouble("b", None);
            assert_eq!(world.process().await, Some(Ending::Done));
        });
    }
}

#[test]
fn what_is_put_off_for_ever_fails_at_its_deadline() {
    in_virtual_time(async {
        let world =
            World::new(in_order(vec![with_timeout(step("put", "page"), Duration::from_mins(9))]));
        world.cloud.trouble("page", Some(Trouble::Busy));
        assert_eq!(world.process().await, Some(Ending::Failed));
        let state = world.state();
        let outcome = state.step(&"page".into()).unwrap().outcome().cloned();
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(why, "put off again and again: cannot reach model: busy");
    });
}

#[test]
fn a_look_that_takes_long_is_fresh_when_it_comes_back() {
    in_virtual_time(async {
        let mut world = World::new(in_order(vec![step("put", "page"), step("swap", "storage")]));
        world.answers_within = Duration::from_mins(10);
        world.cloud.looks_take(Duration::from_secs(50));
        assert_eq!(world.process().await, Some(Ending::Done));
    });
}

#[test]
fn a_second_try_that_is_put_off_leaves_the_first_in_doubt() {
    in_virtual_time(async {
        let world = World::new(in_order(vec![step("swap", "storage")]));
        let cloud = &world.cloud;
        // No answer to the first try; the second, after a minute in which nothing showed, is put off.
        cloud.trouble("storage", Some(Trouble::Lost));
        let somebody = async {
            world.clock.sleep(Duration::from_secs(40)).await;
            cloud.trouble("storage", Some(Trouble::Busy));
            world.clock.sleep(Duration::from_mins(2)).await;
            // It shows at last, and a colleague moves it back.
            cloud.swap_by_hand("storage");
            cloud.swap_by_hand("storage");
            cloud.trouble("storage", None);
            std::future::pending::<()>().await;
        };
        let ending = tokio::select! {
            ending = world.process() => ending,
            () = somebody => None,
        };
        let asked = world.operator.asked.lock().unwrap().clone();
        assert!(matches!(asked.as_slice(), [Question::Happened { .. }]), "{asked:?}");
        assert_eq!(ending, Some(Ending::Stopped(Stop::Declined)));
        assert_eq!(cloud.count("POST /storage/swap"), 0);
        let put_off = |(_, fact): &(_, Fact)| {
            matches!(fact, Fact::Step { what: StepFact::ChangeDeferred { .. }, .. })
        };
        assert!(world.facts().iter().any(put_off), "the second try was not put off");
    });
}

#[test]
fn what_was_sent_in_an_earlier_attempt_and_does_not_show_is_asked_about() {
    in_virtual_time(async {
        let mut world = World::new(in_order(vec![step("swap", "storage")]));
        world.cloud.trouble("storage", Some(Trouble::Pretended));
        assert_eq!(world.process().await, Some(Ending::Failed));
        world.cloud.trouble("storage", None);
        world.then = vec![Fact::step(&"storage".into(), StepFact::Reopened)];
        assert_eq!(world.process().await, Some(Ending::Done));
        let asked = world.operator.asked.lock().unwrap().clone();
        assert!(matches!(asked.as_slice(), [Question::Again { .. }]), "{asked:?}");
        assert_eq!(world.cloud.count("POST /storage/swap"), 1);
    });
}

#[test]
fn a_run_that_is_ended_for_good_first_knows_of_what_could_do_harm() {
    in_virtual_time(async {
        let mut world = World::new(finally(vec![step("swap", "storage"), step("put", "start")]));
        world.cloud.trouble("storage", Some(Trouble::Lost));
        world.interrupt_after = vec![Duration::from_secs(10), Duration::from_secs(1)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        assert!(world.state().step(&"storage".into()).unwrap().open_change().is_some());
        world.interrupt_after = Vec::new();
        world.then = vec![Fact::Run(RunFact::Aborted { who: "asha".to_owned() })];
        let began = world.clock.now();
        assert_eq!(world.process().await, Some(Ending::Aborted));
        let shows = CATALOGUE.get("swap").unwrap().shows_within;
        assert!(
            world.clock.now() + Duration::from_secs(15) > began + shows,
            "it did not wait until it would have shown"
        );
        let state = world.state();
        assert_eq!(state.step(&"storage".into()).unwrap().open_change(), None);
        assert_eq!(world.cloud.accepted(), ["PUT /tidy"]);
        let known = world.facts().iter().position(|(_, fact)| {
            matches!(fact, Fact::Step { what: StepFact::ChangeRefused { .. }, .. })
        });
        assert!(known.is_some() && starts(&world, "tidy") > known, "{:?}", world.facts());
    });
}

#[test]
fn an_end_for_good_while_the_cloud_wants_to_be_left_alone_is_no_mistake() {
    in_virtual_time(async {
        let mut world = World::new(finally(vec![step("swap", "storage")]));
        world.cloud.trouble("storage", Some(Trouble::Lost));
        world.interrupt_after = vec![Duration::from_secs(62)];
        let busy = async {
            world.clock.sleep(Duration::from_secs(40)).await;
            world.cloud.trouble("storage", Some(Trouble::Busy));
            std::future::pending::<()>().await;
        };
        let ending = tokio::select! {
            ending = world.process() => ending,
            () = busy => None,
        };
        assert_eq!(ending, Some(Ending::Stopped(Stop::Interrupted)));
        world.interrupt_after = Vec::new();
        let put_off = |(_, fact): &(_, Fact)| {
            matches!(fact, Fact::Step { what: StepFact::ChangeDeferred { .. }, .. })
        };
        assert!(world.facts().iter().any(put_off), "{:?}", world.facts());
        world.then = vec![Fact::Run(RunFact::Aborted { who: "asha".to_owned() })];
        assert_eq!(world.process().await, Some(Ending::Aborted));
        assert_eq!(world.cloud.count("POST /storage/swap"), 0);
    });
}

#[test]
fn a_failure_is_told_also_to_whoever_interrupts() {
    in_virtual_time(async {
        let mut slow = step("swap", "storage");
        slow.needs = Vec::new();
        let mut bad = with_timeout(step("put", "page"), Duration::from_secs(30));
        bad.needs = Vec::new();
        let mut world = World::new(plan(vec![slow, bad]));
        world.cloud.trouble("page", Some(Trouble::Lost));
        world.interrupt_after = vec![Duration::from_mins(2)];
        assert_eq!(world.process().await, Some(Ending::Failed));
    });
}

#[test]
fn what_comes_last_starts_when_all_else_is_done() {
    in_virtual_time(async {
        let world = World::new(finally(vec![step("put", "page"), step("swap", "storage")]));
        assert_eq!(world.process().await, Some(Ending::Done));
        let finished = world.facts().iter().position(|(_, fact)| {
            matches!(fact, Fact::Step { step, what: StepFact::Finished { .. } } if step.as_str() == "storage")
        });
        assert!(starts(&world, "tidy") > finished);
    });
}

#[test]
fn what_comes_last_does_not_start_at_a_stop_from_which_the_run_can_be_resumed() {
    in_virtual_time(async {
        let mut swap = step("swap", "storage");
        swap.confirm = Some("no way back".to_owned());
        let world = World::new(finally(vec![swap]));
        *world.operator.declines.lock().unwrap() = true;
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Declined)));
        assert_eq!(starts(&world, "tidy"), None);
    });
}

#[test]
fn a_run_that_is_ended_for_good_sends_nothing_more_but_what_comes_last() {
    in_virtual_time(async {
        let mut swap = step("swap", "storage");
        swap.confirm = Some("no way back".to_owned());
        let mut world = World::new(finally(vec![step("put", "page"), swap]));
        *world.operator.declines.lock().unwrap() = true;
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Declined)));
        world.then = vec![Fact::Run(RunFact::Aborted { who: "asha".to_owned() })];
        assert_eq!(world.process().await, Some(Ending::Aborted));
        assert_eq!(world.state().finished, Some(RunOutcome::Aborted));
        assert_eq!(world.cloud.count("POST /storage/swap"), 0);
        assert_eq!(world.cloud.value("tidy"), "on");
        assert_eq!(world.operator.asked.lock().unwrap().len(), 1, "nothing more is asked");
    });
}

#[test]
fn a_run_that_is_ended_for_good_lets_what_the_cloud_has_accepted_settle() {
    in_virtual_time(async {
        let mut world = World::new(finally(vec![step("swap", "storage"), step("put", "start")]));
        world.interrupt_after = vec![Duration::from_secs(30), Duration::from_secs(5)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        world.interrupt_after = Vec::new();
        world.then = vec![Fact::Run(RunFact::Aborted { who: "asha".to_owned() })];
        assert_eq!(world.process().await, Some(Ending::Aborted));
        assert_eq!(world.cloud.count("POST /storage/swap"), 1);
        assert_eq!(starts(&world, "start"), None);
        assert!(starts(&world, "tidy").is_some());
    });
}

#[test]
fn a_refusal_that_the_operator_does_not_go_on_without_is_tried_again() {
    in_virtual_time(async {
        let mut cut_off = with_timeout(step("put", "endpoint"), Duration::from_mins(2));
        cut_off.on_failure = OnFailure::Ask;
        let mut world = World::new(in_order(vec![cut_off]));
        world.cloud.trouble("endpoint", Some(Trouble::Lost));
        world.operator.goes_on_without = false;
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Declined)));
        world.cloud.trouble("endpoint", None);
        assert_eq!(world.process().await, Some(Ending::Done));
        assert_eq!(world.cloud.value("endpoint"), "on");
    });
}

#[test]
fn a_step_that_is_left_out_before_it_was_reached_lets_nothing_overtake() {
    in_virtual_time(async {
        let steps = vec![step("shift", "cut-off"), step("put", "fence"), step("swap", "storage")];
        let mut world = World::new(in_order(steps));
        world.interrupt_after = vec![Duration::from_secs(30)];
        assert_eq!(world.process().await, Some(Ending::Stopped(Stop::Interrupted)));
        world.interrupt_after = Vec::new();
        let (reason, who) = ("by hand".to_owned(), "asha".to_owned());
        world.then = vec![Fact::step(&"fence".into(), StepFact::Skipped { reason, who })];
        assert_eq!(world.process().await, Some(Ending::Done));
        let cut_off = world.facts().iter().position(|(_, fact)| {
            matches!(fact, Fact::Step { step, what: StepFact::Finished { .. } } if step.as_str() == "cut-off")
        });
        assert!(starts(&world, "storage") > cut_off);
    });
}
