//! A no at each step of Proseware in turn: the run stops there and nowhere else, says why, and goes on from there.

use super::{
    calls::Call,
    faults::{MODES, proseware, undisturbed},
    run::Drill,
};
use crate::core::run::in_virtual_time;
use failover::{
    engine::Ending,
    model::{Mode, RunId, StepId},
    plan::{OnFailure, Plan},
    report::{self, Timeline},
    run::{Fact, Question, StepFact, StepOutcome},
    sim::{Fault, Mishap, Outage},
};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The steps that have failed.
fn failed(drill: &Drill) -> Vec<StepId> {
    let state = drill.state();
    let has_failed = |step: &&StepId| {
        matches!(state.step(step).unwrap().outcome(), Some(StepOutcome::Failed { .. }))
    };
    drill.plan.steps.iter().map(|step| &step.id).filter(has_failed).cloned().collect()
}

/// The steps that wait for this one, near or far.
fn behind(plan: &Plan, step: &StepId) -> Vec<StepId> {
    let group = plan.step(step).unwrap().group.clone();
    let mut held: Vec<_> = [step.clone()].into_iter().chain(group).collect();
    let known = held.len();
    for later in &plan.steps {
        if later.needs.iter().any(|need| held.contains(need)) {
            held.push(later.id.clone());
        }
    }
    held.split_off(known)
}

/// What the operator is told of a run that has failed.
pub fn told(drill: &Drill, ending: Ending) -> String {
    let id = RunId::starting_at(drill.clock.now());
    let mut timeline = Timeline::new(id, Arc::clone(&drill.plan));
    for (at, fact) in drill.facts() {
        timeline.take_in(at, &fact).unwrap();
    }
    let failure = report::failure(&timeline, ending, "").unwrap();
    [vec![failure.to_string()], failure.causes].concat().join("\n")
}

async fn stops_and_goes_on(drill: &Drill, call: &Call) {
    let story = || format!("{call:?}\n{}", drill.story());
    assert_eq!(drill.process().await, Some(Ending::Failed), "{}", story());
    assert_eq!(failed(drill), std::slice::from_ref(&call.step), "{}", story());
    let state = drill.state();
    for step in behind(&drill.plan, &call.step) {
        assert_eq!(state.step(&step).unwrap().since, None, "{step}: {}", story());
    }
    assert!(told(drill, Ending::Failed).contains(&format!("step `{}` failed", call.step)));
    assert_eq!(drill.process().await, Some(Ending::Done), "{}", story());
    assert_eq!(state_of(drill, &call.step), Some(StepOutcome::Succeeded), "{}", story());
    assert_eq!(drill.harm(), [1, 1], "{}", story());
}

fn state_of(drill: &Drill, step: &StepId) -> Option<StepOutcome> {
    drill.outcome(step.as_str())
}

/// What only the dead region prevents is left for later, and paid.
async fn is_owed_and_paid(drill: &Drill, call: &Call) {
    let story = || format!("{call:?}\n{}", drill.story());
    assert_eq!(drill.process().await, Some(Ending::Done), "{}", story());
    let owed = |(_, fact): &(jiff::Timestamp, Fact)| {
        let Fact::Step { step, what } = fact else { return false };
        let is_owed = matches!(what, StepFact::Finished { outcome: StepOutcome::Owed { why } } if why.contains("403"));
        is_owed && *step == call.step
    };
    assert!(drill.facts().iter().any(owed), "{}", story());
    // A primary that became a replica meanwhile needs no fence any more.
    let paid = [StepOutcome::Succeeded, StepOutcome::AlreadyDone];
    assert!(paid.contains(&state_of(drill, &call.step).unwrap()), "{}", story());
    assert_eq!(drill.harm(), [1, 1], "{}", story());
}

/// A person says whether to go on without it.
async fn is_left_out_when_somebody_says_so(drill: &Drill, call: &Call) {
    let story = || format!("{call:?}\n{}", drill.story());
    assert_eq!(drill.process().await, Some(Ending::Done), "{}", story());
    let asked = drill.asked.lock().unwrap().clone();
    let without = |ask: &&failover::engine::Ask| matches!(&ask.question, Question::Without { why } if why.contains("403"));
    let steps: Vec<_> = asked.iter().filter(without).map(|ask| &ask.step).collect();
    assert_eq!(steps, [&call.step], "{}", story());
    let outcome = state_of(drill, &call.step);
    assert!(matches!(outcome, Some(StepOutcome::Skipped { .. })), "{}", story());
    assert_eq!(drill.harm(), [1, 1], "{}", story());
}

#[test]
fn a_no_stops_the_run_where_it_was_said_and_a_resume_goes_on_from_there() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage);
        let mut stopped = Vec::new();
        for call in &all {
            in_virtual_time(async {
                let drill = Drill::new(plan.clone(), outage);
                let code = StatusCode::FORBIDDEN;
                drill.cloud.fault(call.fault(Mishap::Status { code, retry_after: None }));
                match plan.step(&call.step).unwrap().on_failure {
                    OnFailure::Stop => {
                        stopped.push(call.step.to_string());
                        stops_and_goes_on(&drill, call).await;
                    }
                    OnFailure::Owe => is_owed_and_paid(&drill, call).await,
                    OnFailure::Ask => is_left_out_when_somebody_says_so(&drill, call).await,
                }
            });
        }
        stopped.dedup();
        let mut expected = vec!["page", "storage", "promote", "settings", "start", "shift"];
        if mode == Mode::Planned {
            expected.extend([
                "cut-off",
                "stop-from",
                "fence",
                "unfence",
                "point-back",
                "remove-page",
            ]);
        }
        stopped.sort_unstable();
        expected.sort_unstable();
        assert_eq!(stopped, expected);
    }
}

#[test]
fn a_check_that_fails_stops_the_run_before_any_user_is_moved() {
    for (mode, outage) in MODES {
        in_virtual_time(async {
            let drill = Drill::new(proseware(mode), outage);
            for _ in 0..300 {
                drill.cloud.fault(Fault {
                    method: Some(Method::GET),
                    path: "app-proseware-westus.azurewebsites.net/health".to_owned(),
                    nth: 1,
                    mishap: Mishap::Hang,
                });
            }
            assert_eq!(drill.process().await, Some(Ending::Failed), "{}", drill.story());
            assert_eq!(failed(&drill), ["verify".into()]);
            assert_eq!(drill.state().step(&"shift".into()).unwrap().since, None);
            assert!(told(&drill, Ending::Failed).contains("no answer"));
        });
    }
}

#[test]
fn the_operator_is_told_azures_own_words_and_where_to_find_them() {
    for (what, code) in [
        ("Microsoft.Storage/storageAccounts/failover/action", "403 AuthorizationFailed"),
        ("ReadOnly", "409 ScopeLocked"),
    ] {
        in_virtual_time(async {
            let mut drill = Drill::new(proseware(Mode::Unplanned), Outage::Data);
            // After preflight, which would have said so: while the one question stands.
            let scope = scope(&drill.plan);
            drill.meanwhile = Arc::new(move |_, cloud| {
                cloud.with_world(|world| match what {
                    "ReadOnly" => world.cloud_mut().lock(scope.clone(), what),
                    action => world.cloud_mut().deny(action),
                });
            });
            assert_eq!(drill.process().await, Some(Ending::Failed), "{}", drill.story());
            assert_eq!(failed(&drill), ["storage".into()]);
            let log = drill.cloud.log();
            let no = log.iter().find(|one| super::run::is_failover(one)).unwrap();
            let (_, answer) = no.bodies.as_ref().unwrap();
            let id = answer.headers()["x-ms-request-id"].to_str().unwrap();
            let told = told(&drill, Ending::Failed);
            for part in ["step `storage` failed", code, "POST …", id] {
                assert!(told.contains(part), "{part} is not in:\n{told}");
            }
            drill.cloud.with_world(|world| world.cloud_mut().allow_everything());
            drill.meanwhile = Arc::new(|_, _| {});
            assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            assert_eq!(drill.harm(), [1, 1]);
        });
    }
}

#[test]
fn a_deployment_that_fails_is_told_with_its_own_words_and_tried_anew_by_a_resume() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage);
        let publish = all.iter().find(|call| call.path.contains("/api/publish?")).unwrap();
        in_virtual_time(async {
            let drill = Drill::new(plan.clone(), outage);
            drill.cloud.fault(publish.fault(Mishap::FailsLater));
            assert_eq!(drill.process().await, Some(Ending::Failed), "{}", drill.story());
            assert_eq!(failed(&drill), ["page".into()]);
            let told = told(&drill, Ending::Failed);
            assert!(told.contains("could not be unpacked"), "{told}");
            assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            assert_eq!(drill.breaches(), [""; 0]);
            // Its own log is found by it.
            let accepted = drill.facts().into_iter().find_map(|(_, fact)| match fact {
                Fact::Step { what: StepFact::OperationAccepted { handle, request_id }, .. } => {
                    handle.0.get("deployment").is_some().then_some(request_id)
                }
                _ => None,
            });
            assert!(accepted.flatten().is_some(), "{}", drill.story());
        });
    }
}

/// The id of the storage account.
fn scope(plan: &Plan) -> String {
    let work = plan.step(&"storage".into()).unwrap().action().unwrap();
    let account = &work.touches[0];
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{}/{}",
        account.subscription(),
        account.resource_group(),
        account.kind,
        account.name
    )
}
