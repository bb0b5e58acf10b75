//! The whole catalogue: what every action on a cloud must do, shown for each of them on the simulated one.

mod anew;
pub mod aws;
mod azure;
mod haproxy;
mod kubernetes;
mod looks;
mod names;
mod patroni;
mod plain;
mod postgres;
mod redis;
mod requests;
pub mod rows;

use crate::{
    core::run::in_virtual_time,
    drill::{
        calls::{Call, calls},
        run::Drill,
    },
};
use failover::{
    action::Answer,
    engine::{Checked, Ending},
    provider,
    run::StepOutcome,
    sim::{Exchange, Mishap, Simulated, World},
};
use rows::{Deed, Row};
use std::time::Duration;

fn rows() -> impl Iterator<Item = &'static Row> {
    let clouds = azure::ROWS.iter().chain(&aws::ROWS).chain(&kubernetes::ROWS);
    let clouds = clouds.chain(&haproxy::ROWS).chain(&names::ROWS).chain(&requests::ROWS);
    clouds.chain(&postgres::ROWS).chain(&redis::ROWS).chain(&patroni::ROWS)
}

async fn done(drill: &Drill) {
    assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
}

/// Does what a row needs done around its step, and hands back a drill of the step.
async fn after(drill: Drill, deed: Deed, row: &Row) -> Drill {
    let steps = match deed {
        Deed::Nothing | Deed::ByHand(_) => None,
        Deed::Steps(steps) => Some(steps.to_owned()),
        Deed::Instead(words) => {
            let instead = |step: String, (old, new): &(&str, &str)| step.replace(old, new);
            Some(words.iter().fold(row.step.to_owned(), instead))
        }
    };
    if let Deed::ByHand(does) = deed {
        does(&drill);
    }
    let drill = match steps {
        None => drill,
        Some(steps) => {
            let drill = row.ground.carry_on(drill, &steps);
            done(&drill).await;
            drill
        }
    };
    // A replication that was turned about takes its time.
    drill.clock.sleep(Duration::from_hours(1)).await;
    row.ground.carry_on(drill, row.step)
}

async fn ready(row: &Row) -> Drill {
    after(row.ground.drill(row.step), row.scene, row).await
}

/// What the step's own preflight sees.
async fn seen(drill: &Drill) -> Answer {
    let preflight = drill.preflight().await;
    assert!(!preflight.has_blockers(), "{preflight:?}");
    match &preflight.checks[0].found {
        Checked::Seen(seen) => seen.answer.clone(),
        other => panic!("{other:?}"),
    }
}

async fn misses_something(drill: &Drill) {
    let answer = seen(drill).await;
    assert!(matches!(&answer, Answer::Missing(changes) if !changes.is_empty()), "{answer:?}");
}

/// The simulated world, as it is kept.
fn state(cloud: &Simulated) -> serde_json::Value {
    cloud.with_world(|world| serde_json::to_value(world.cloud()).unwrap())
}

fn changes(drill: &Drill) -> Vec<Exchange> {
    drill.cloud.log().into_iter().filter(|exchange| !exchange.is_read).collect()
}

#[test]
fn every_action_has_its_row() {
    let rows =
        rows().map(|row| row.kind).chain(plain::KINDS).chain(looks::LOOKS.map(|look| look.kind));
    let mut rows: Vec<_> = rows.collect();
    let mut kinds: Vec<_> = provider::catalogue().iter().map(|kind| kind.name).collect();
    rows.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(rows, kinds);
    for row in self::rows() {
        assert!(row.step.contains(row.kind), "the step of {} is another's", row.kind);
    }
}

#[test]
fn what_is_missing_is_named_and_carried_out_once() {
    for row in rows() {
        in_virtual_time(async {
            let drill = ready(row).await;
            misses_something(&drill).await;
            done(&drill).await;
            assert_eq!(seen(&drill).await, Answer::AsDesired, "{}", row.kind);
            let sent = changes(&drill).len();
            assert_eq!(drill.breaches(), [""; 0], "{}", row.kind);

            let drill = row.ground.carry_on(drill, row.step);
            done(&drill).await;
            let step = &drill.plan.steps[0].id;
            assert_eq!(drill.outcome(step.as_str()), Some(StepOutcome::AlreadyDone));
            assert_eq!(changes(&drill).len(), sent, "{}: {:?}", row.kind, drill.changes());
        });
    }
}

#[test]
fn a_look_leaves_the_world_as_it_was() {
    for row in rows() {
        in_virtual_time(async {
            let drill = ready(row).await;
            let left_alone = drill.cloud.with_world(|world| world.cloud().clone());
            let left_alone = Simulated::new(World::in_memory(left_alone), drill.clock.clone());
            drill.preflight().await;
            assert_eq!(state(&drill.cloud), state(&left_alone), "{}", row.kind);
            done(&drill).await;
            assert_ne!(state(&drill.cloud), state(&left_alone), "{}", row.kind);
        });
    }
}

/// What leaves no trace that Azure would show: of these only the journal knows.
const UNSEEN: [&str; 1] = ["/restart?"];

/// What sends several requests as one change, and sees each of them take.
const WATCHED: [&str; 4] =
    ["postgres.fence", "postgres.rejoin", "postgres.switchover", "redis.failover"];

/// What is meant to be sent again until it shows.
const REPEATED: [&str; 2] = ["aws.cloudwatch.metric", "aws.stop.trigger"];
/// More often than any of them is sent.
const ALWAYS: usize = 200;

/// Each change that a row's step sends.
fn sent(row: &Row) -> Vec<Call> {
    in_virtual_time(async {
        let drill = ready(row).await;
        done(&drill).await;
        calls(&drill)
    })
}

#[test]
fn success_without_an_effect_is_not_taken_for_one() {
    for row in rows() {
        let mut calls = sent(row);
        let all = calls.len();
        calls.retain(|call| !UNSEEN.iter().any(|unseen| call.path.ends_with(unseen)));
        let unseen = usize::from(row.kind == "azure.postgres.fence");
        assert_eq!(calls.len(), all - unseen, "{}", row.kind);
        assert!(!calls.is_empty(), "{}", row.kind);
        let is_repeated = REPEATED.contains(&row.kind);
        // Whatever comes after the first says the same.
        calls.truncate(if is_repeated { 1 } else { all });
        for call in calls {
            let story = format!("{}: {call:?}", row.kind);
            let (times, complaint) = if is_repeated {
                (ALWAYS, "it never showed")
            } else {
                (1, "it still does not show")
            };
            in_virtual_time(async {
                let drill = ready(row).await;
                for _ in 0..times {
                    drill.cloud.fault(call.fault(Mishap::Pretend));
                }
                let ending = drill.process().await;
                // What belongs together is watched as it is done, and may be done again at once.
                let is_watched = WATCHED.contains(&row.kind);
                if !is_watched || ending != Some(Ending::Done) {
                    assert_eq!(ending, Some(Ending::Failed), "{story}");
                    let outcome = drill.outcome(drill.plan.steps[0].id.as_str());
                    let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
                    assert!(is_watched || why.contains(complaint), "{story}: {why}");
                    drill.cloud.end_faults();
                    // Nothing was wrong but that: a new attempt gets there.
                    done(&drill).await;
                }
                assert_eq!(seen(&drill).await, Answer::AsDesired, "{story}");
            });
        }
    }
}

#[test]
fn what_was_undone_is_missing_again() {
    for row in rows() {
        in_virtual_time(async {
            let drill = ready(row).await;
            done(&drill).await;
            let drill = after(drill, row.back, row).await;
            misses_something(&drill).await;
            done(&drill).await;
            assert_eq!(seen(&drill).await, Answer::AsDesired, "{}", row.kind);
        });
    }
}

const HARMFUL: [&str; 5] = [
    "aws.rds.promote",
    "azure.postgres.promote",
    "azure.storage.failover",
    "postgres.promote",
    "postgres.switchover",
];

/// At how many points a row's run can die, and what it does that could do harm.
fn undisturbed(row: &Row) -> (usize, [usize; 2]) {
    in_virtual_time(async {
        let drill = ready(row).await;
        let before = drill.harm();
        done(&drill).await;
        (drill.fuse.passed(), since(before, &drill))
    })
}

#[test]
fn a_run_that_dies_anywhere_gets_there_and_repeats_no_harm() {
    for row in rows() {
        let (points, once) = undisturbed(row);
        if HARMFUL.contains(&row.kind) {
            assert_eq!(once.iter().sum::<usize>(), 1, "{}", row.kind);
        }
        for point in 0..points {
            in_virtual_time(async {
                let drill = ready(row).await;
                let before = drill.harm();
                drill.fuse.set(point);
                let story = format!("{} at point {point}", row.kind);
                assert_eq!(drill.process().await, None, "{story} was not reached");
                assert_eq!(drill.until_done(4).await, Ending::Done, "{story}\n{}", drill.story());
                assert_eq!(seen(&drill).await, Answer::AsDesired, "{story}");
                assert_eq!(since(before, &drill), once, "{story}");
            });
        }
    }
}

#[test]
fn an_answer_that_is_lost_is_found_out_and_no_harm_is_repeated() {
    for row in rows() {
        let (_, once) = undisturbed(row);
        for call in sent(row) {
            for mishap in [Mishap::LostAnswer, Mishap::CutOff, Mishap::Hang] {
                in_virtual_time(async {
                    let drill = ready(row).await;
                    let before = drill.harm();
                    drill.cloud.fault(call.fault(mishap.clone()));
                    let mut ending = drill.until_done(3).await;
                    if WATCHED.contains(&row.kind) && ending == Ending::Failed {
                        // It was taken back as a whole.
                        ending = drill.until_done(3).await;
                    }
                    let story = format!("{} {mishap:?} {call:?}\n{}", row.kind, drill.story());
                    assert_eq!(ending, Ending::Done, "{story}");
                    assert_eq!(seen(&drill).await, Answer::AsDesired, "{story}");
                    assert_eq!(since(before, &drill), once, "{story}");
                });
            }
        }
    }
}

/// What was done that could do harm, since there had been so much of it.
fn since(before: [usize; 2], drill: &Drill) -> [usize; 2] {
    let [failovers, promotions] = drill.harm();
    [failovers - before[0], promotions - before[1]]
}
