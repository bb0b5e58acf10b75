//! What goes wrong at real calls of Proseware, and what becomes of it.

use super::{
    calls::{Call, calls},
    run::{Drill, is_promotion, make},
};
use crate::core::run::in_virtual_time;
use failover::{
    engine::Ending,
    model::{Mode, StepId},
    plan::Plan,
    run::{Fact, Question, StepFact},
    sim::{Exchange, Fault, Mishap, Outage},
};
use http::{Method, StatusCode};

pub const MODES: [(Mode, Outage); 2] =
    [(Mode::Planned, Outage::None), (Mode::Unplanned, Outage::Data)];

pub fn proseware(mode: Mode) -> Plan {
    make("proseware.yaml", "eastus", "westus", mode)
}

/// What a run that nothing disturbs sends.
pub fn undisturbed(plan: &Plan, outage: Outage) -> Vec<Call> {
    in_virtual_time(async {
        let drill = Drill::new(plan.clone(), outage);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        calls(&drill)
    })
}

fn busy() -> Mishap {
    Mishap::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(47) }
}

fn unavailable() -> Mishap {
    Mishap::Status { code: StatusCode::SERVICE_UNAVAILABLE, retry_after: None }
}

fn is_at(call: &Call, exchange: &Exchange) -> bool {
    let address = format!("{}{}", exchange.host, exchange.path_and_query);
    exchange.method == call.method && address.starts_with(&call.path)
}

/// When requests like this one were sent.
fn sent_at(drill: &Drill, call: &Call) -> Vec<jiff::Timestamp> {
    let log = drill.cloud.log();
    log.iter().filter(|exchange| is_at(call, exchange)).map(|exchange| exchange.at).collect()
}

#[test]
fn what_azure_puts_off_is_sent_when_it_asks_and_carried_out_once() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage);
        for call in &all {
            in_virtual_time(async {
                let drill = Drill::new(plan.clone(), outage);
                drill.cloud.fault(call.fault(busy()));
                let story = || format!("{call:?}\n{}", drill.story());
                assert_eq!(drill.process().await, Some(Ending::Done), "{}", story());
                assert_eq!(drill.changes().len(), all.len() + 1, "{}", story());
                let sent = sent_at(&drill, call);
                let nth = usize::try_from(call.nth).unwrap();
                let waited = sent[nth].duration_since(sent[nth - 1]).as_secs();
                assert!((47..60).contains(&waited), "{waited} s\n{}", story());
                assert_eq!(drill.harm(), [1, 1], "{}", story());
            });
        }
    }
}

/// Both for what could do harm; for the rest one of two that come to the same.
fn of_this_weight(call: &Call, [one, other]: [Mishap; 2]) -> Vec<Mishap> {
    let is_harmful = ["storage", "promote"].contains(&call.step.as_str());
    if is_harmful { vec![one, other] } else { vec![one] }
}

/// The first step of which a change was in doubt.
fn doubted(drill: &Drill) -> Option<StepId> {
    drill.facts().into_iter().find_map(|(_, fact)| match fact {
        Fact::Step { step, what: StepFact::ChangeDoubted { .. } } => Some(step),
        _ => None,
    })
}

#[test]
fn what_was_carried_out_without_an_answer_is_found_and_no_harm_is_repeated() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage);
        for call in &all {
            let late = Mishap::LateStatus(StatusCode::GATEWAY_TIMEOUT);
            for mishap in of_this_weight(call, [Mishap::LostAnswer, late]) {
                in_virtual_time(async {
                    let drill = Drill::new(plan.clone(), outage);
                    drill.cloud.fault(call.fault(mishap.clone()));
                    let ending = drill.until_done(2).await;
                    let story = || format!("{mishap:?} {call:?}\n{}", drill.story());
                    assert_eq!(ending, Ending::Done, "{}", story());
                    assert_eq!(drill.harm(), [1, 1], "{}", story());
                    assert_eq!(doubted(&drill), Some(call.step.clone()), "{}", story());
                    // A doubt that is resolved must hide nothing that comes after it.
                    let sent = calls(&drill);
                    let is_left_out = |wanted: &&Call| !sent.contains(wanted);
                    assert_eq!(all.iter().find(is_left_out), None, "{}", story());
                });
            }
        }
    }
}

#[test]
fn what_may_not_have_arrived_is_sent_again_once_the_world_proves_it() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        for call in &undisturbed(&plan, outage) {
            for mishap in of_this_weight(call, [Mishap::Hang, unavailable()]) {
                in_virtual_time(async {
                    let drill = Drill::new(plan.clone(), outage);
                    drill.cloud.fault(call.fault(mishap.clone()));
                    let ending = drill.until_done(3).await;
                    let story = || format!("{mishap:?} {call:?}\n{}", drill.story());
                    assert_eq!(ending, Ending::Done, "{}", story());
                    assert_eq!(doubted(&drill), Some(call.step.clone()), "{}", story());
                    assert_eq!(drill.harm(), [1, 1], "{}", story());
                });
            }
        }
    }
}

/// The one call of a run that fits.
fn the(all: &[Call], fits: impl Fn(&Call) -> bool) -> Call {
    let found: Vec<_> = all.iter().filter(|call| fits(call)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn a_failover_that_met_a_503_is_sent_again_only_when_it_would_have_shown() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let failover = the(&undisturbed(&plan, outage), |call| call.path.contains("/failover?"));
        in_virtual_time(async {
            let drill = Drill::new(plan, outage);
            drill.cloud.fault(failover.fault(unavailable()));
            assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            let sent = sent_at(&drill, &failover);
            assert_eq!(sent.len(), 2);
            let waited = sent[1].duration_since(sent[0]);
            assert!(waited.as_secs() >= 600, "{waited}");
            let looks = drill.cloud.log().into_iter().filter(|exchange| {
                (sent[0]..sent[1]).contains(&exchange.at)
                    && exchange.method == Method::GET
                    && exchange.path_and_query.contains("storageAccounts/stproseware?")
            });
            assert!(looks.count() > 10, "it looks all the while");
            assert_eq!(drill.harm(), [1, 1]);
        });
    }
}

#[test]
fn a_failover_whose_answer_is_lost_twice_is_carried_out_once() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let failover = the(&undisturbed(&plan, outage), |call| call.path.contains("/failover?"));
        in_virtual_time(async {
            let drill = Drill::new(plan, outage);
            drill.cloud.fault(failover.fault(Mishap::Hang));
            drill.cloud.fault(Fault { nth: 2, ..failover.fault(Mishap::LostAnswer) });
            assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            assert_eq!(sent_at(&drill, &failover).len(), 2);
            assert_eq!(drill.harm(), [1, 1]);
        });
    }
}

#[test]
fn a_promotion_that_left_no_trace_for_ten_minutes_is_asked_about() {
    for (mode, outage) in MODES {
        in_virtual_time(async {
            let drill = Drill::new(proseware(mode), outage);
            let (method, path) = (Some(Method::PATCH), "flexibleServers/pg-proseware-westus?");
            drill.cloud.fault(Fault { method, path: path.into(), nth: 1, mishap: Mishap::Hang });
            assert_eq!(drill.until_done(2).await, Ending::Done, "{}", drill.story());
            let asked = drill.asked.lock().unwrap().clone();
            let doubts: Vec<_> = asked
                .iter()
                .filter(|ask| matches!(ask.question, Question::Happened { .. }))
                .map(|ask| ask.step.as_str())
                .collect();
            assert_eq!(doubts, ["promote"]);
            let log = drill.cloud.log();
            let sent: Vec<_> = log.iter().filter(|one| is_promotion(one)).collect();
            assert_eq!(sent.len(), 2);
            assert!(sent[1].at.duration_since(sent[0].at) >= jiff::SignedDuration::from_mins(10));
            assert_eq!(drill.harm(), [1, 1]);
        });
    }
}

#[test]
fn a_plan_on_which_azure_still_counts_a_site_is_tried_until_it_does_not() {
    let plan = proseware(Mode::Planned);
    let all = undisturbed(&plan, Outage::None);
    let deletion =
        the(&all, |call| call.method == Method::DELETE && call.path.contains("/serverfarms/"));
    in_virtual_time(async {
        let drill = Drill::new(plan, Outage::None);
        let code = StatusCode::CONFLICT;
        again_and_again(
            &drill,
            &Method::DELETE,
            &deletion.path,
            3,
            &Mishap::Status { code, retry_after: None },
        );
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        let sent = sent_at(&drill, &deletion);
        assert_eq!(sent.len(), 4);
        assert!(sent[3].duration_since(sent[0]).as_secs() >= 45, "{sent:?}");
    });
}

/// Puts the same mishap at so many requests in a row.
fn again_and_again(drill: &Drill, method: &Method, path: &str, times: usize, mishap: &Mishap) {
    for _ in 0..times {
        let (method, mishap) = (Some(method.clone()), mishap.clone());
        drill.cloud.fault(Fault { method, path: path.to_owned(), nth: 1, mishap });
    }
}

#[test]
fn reads_that_fail_are_tried_again_and_nothing_comes_of_it() {
    let broken = Mishap::Status { code: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None };
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage).len();
        for path in [
            "storageAccounts/stproseware?",
            "trafficManagerProfiles/tm-proseware?",
            "sites/app-proseware-westus?",
            "flexibleServers/pg-proseware-westus?",
            "config/appsettings/list?",
        ] {
            in_virtual_time(async {
                let drill = Drill::new(plan.clone(), outage);
                let method = if path.ends_with("list?") { Method::POST } else { Method::GET };
                again_and_again(&drill, &method, path, 9, &broken);
                assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
                assert_eq!(drill.changes().len(), all, "{path}: {}", drill.story());
                let log = drill.cloud.log();
                let failed = log.iter().filter(|one| one.status.is_some_and(|s| s == 500));
                assert_eq!(failed.count(), 9, "{path}");
            });
        }
    }
}

#[test]
fn an_operation_whose_status_cannot_be_read_for_minutes_goes_on() {
    for mishap in [Mishap::Hang, unavailable()] {
        for (mode, outage) in MODES {
            for path in ["/asyncoperations/", "/azureAsyncOperation/"] {
                in_virtual_time(async {
                    let drill = Drill::new(proseware(mode), outage);
                    again_and_again(&drill, &Method::GET, path, 60, &mishap);
                    assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
                    let log = drill.cloud.log();
                    let polls = log.iter().filter(|one| one.path_and_query.contains(path));
                    let unread: Vec<_> =
                        polls.filter(|one| one.status != Some(StatusCode::OK)).collect();
                    let dark = unread[59].at.duration_since(unread[0].at);
                    assert!(dark >= jiff::SignedDuration::from_mins(3), "{path}: {dark}");
                    assert_eq!(drill.harm(), [1, 1], "{path}");
                });
            }
        }
    }
}

#[test]
fn a_network_that_is_gone_defers_every_change_and_repeats_none() {
    for (mode, outage) in MODES {
        let plan = proseware(mode);
        let all = undisturbed(&plan, outage);
        in_virtual_time(async {
            let drill = Drill::new(plan, outage);
            for call in &all {
                drill.cloud.fault(Fault { nth: 1, ..call.fault(Mishap::NotSent) });
            }
            assert_eq!(drill.until_done(2).await, Ending::Done, "{}", drill.story());
            let carried_out = drill.cloud.log().iter().filter(|one| one.has_changed).count();
            assert_eq!(carried_out, all.len(), "{}", drill.story());
        });
    }
}
