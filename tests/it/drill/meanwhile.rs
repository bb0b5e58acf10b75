//! Somebody else acts while a question stands, or while nobody is at the run: what they have done is never done again.

use super::{
    by_hand::{Deed, by_hand},
    faults::{MODES, proseware},
    run::Drill,
};
use crate::core::run::in_virtual_time;
use failover::{
    engine::{Ending, Stop},
    model::Mode,
    run::{Life, Question, StepOutcome},
    sim::{Outage, Simulated},
};
use std::{sync::Arc, time::Duration};

const ACCOUNT: &str = "stproseware";
const SERVER: &str = "pg-proseware-westus";

/// What somebody can do by hand, on what, and what is left to the run: failovers, promotions.
const DEEDS: [(Deed, &str, [usize; 2]); 2] =
    [(Deed::FailsOver, ACCOUNT, [0, 1]), (Deed::Promotes, SERVER, [1, 0])];

fn is_consent(question: &Question) -> bool {
    matches!(question, Question::Consent { .. })
}

#[test]
fn what_was_done_by_hand_while_the_question_stood_is_not_done_again() {
    for (mode, outage) in MODES {
        for (deed, what, left) in DEEDS {
            in_virtual_time(async {
                let mut drill = Drill::new(proseware(mode), outage);
                let plan = Arc::clone(&drill.plan);
                drill.meanwhile = Arc::new(move |ask, cloud: &Simulated| {
                    if is_consent(&ask.question) {
                        by_hand(cloud, &plan, deed, what);
                    }
                });
                let ending = drill.process().await;
                // A failover by hand that was not a planned one leaves no copy, and a planned run wants one in the end.
                assert_eq!(ending, Some(Ending::Done), "{deed:?}\n{}", drill.story());
                assert_eq!(drill.harm(), left, "{deed:?}\n{}", drill.story());
            });
        }
    }
}

/// How many points there are at which a run can die.
fn points(mode: Mode, outage: Outage) -> usize {
    in_virtual_time(async {
        let drill = Drill::new(proseware(mode), outage);
        assert_eq!(drill.process().await, Some(Ending::Done));
        drill.fuse.passed()
    })
}

#[test]
fn what_was_done_by_hand_while_nobody_was_at_the_run_is_not_done_again() {
    let (mode, outage) = (Mode::Unplanned, Outage::Data);
    let mut begun = [0; 2];
    for point in 0..points(mode, outage) {
        for (place, (deed, what, left)) in DEEDS.into_iter().enumerate() {
            in_virtual_time(async {
                let drill = Drill::new(proseware(mode), outage);
                drill.fuse.set(point);
                assert_eq!(drill.process().await, None, "point {point} was not reached");
                let step = ["storage", "promote"][place];
                let state = drill.state();
                let is_begun = matches!(state.step(&step.into()).unwrap().life, Life::Begun { .. });
                // Once it was sent there is nothing left to do by hand; and one early point stands for many.
                if drill.harm()[place] > 0 || !is_begun && point % 8 != 0 {
                    return;
                }
                begun[place] += usize::from(is_begun);
                by_hand(&drill.cloud, &drill.plan, deed, what);
                drill.clock.sleep(Duration::from_mins(2)).await;
                let ending = drill.until_done(4).await;
                let story = || format!("point {point}, {deed:?}\n{}", drill.story());
                assert_eq!(ending, Ending::Done, "{}", story());
                assert_eq!(drill.harm(), left, "{}", story());
            });
        }
    }
    assert!(begun.iter().all(|count| *count > 0), "{begun:?}: none was begun and not sent");
}

/// A planned run that dies at this point.
async fn died(point: usize) -> Drill {
    let drill = Drill::new(proseware(Mode::Planned), Outage::None);
    drill.fuse.set(point);
    assert_eq!(drill.process().await, None);
    drill
}

/// Where a planned run dies with its failover of storage begun, and sent or not.
fn death_at_the_failover(is_sent: bool) -> usize {
    let is_there = |point: &usize| {
        in_virtual_time(async {
            let drill = died(*point).await;
            let is_begun =
                matches!(drill.state().step(&"storage".into()).unwrap().life, Life::Begun { .. });
            is_begun && (drill.harm()[0] == 1) == is_sent
        })
    };
    (0..points(Mode::Planned, Outage::None)).find(is_there).unwrap()
}

/// Fails the account over without loss, and waits until the copy is whole again.
async fn failed_over_by_hand(drill: &Drill) {
    by_hand(&drill.cloud, &drill.plan, Deed::FailsOverAsPlanned, ACCOUNT);
    drill.clock.sleep(Duration::from_hours(3)).await;
}

fn doubts(drill: &Drill) -> usize {
    let asked = drill.asked.lock().unwrap();
    asked.iter().filter(|ask| matches!(ask.question, Question::Happened { .. })).count()
}

#[test]
fn a_failover_that_was_never_sent_is_asked_about_when_others_moved_there_and_back() {
    let point = death_at_the_failover(false);
    in_virtual_time(async {
        let drill = died(point).await;
        failed_over_by_hand(&drill).await;
        failed_over_by_hand(&drill).await;
        // The place is what it was; the mark says that it may have happened, and the operator knows that it has not.
        assert_eq!(drill.process().await, Some(Ending::Stopped(Stop::Declined)));
        assert_eq!((doubts(&drill), drill.harm()[0]), (1, 0));
        assert_eq!(drill.until_done(2).await, Ending::Done, "{}", drill.story());
        assert_eq!((doubts(&drill), drill.harm()), (1, [1, 1]));
    });
}

#[test]
fn a_failover_that_others_took_back_is_not_sent_a_second_time() {
    let point = death_at_the_failover(true);
    in_virtual_time(async {
        let drill = died(point).await;
        drill.clock.sleep(Duration::from_hours(3)).await;
        failed_over_by_hand(&drill).await;
        // It did happen, says the operator; and it does not show.
        assert_eq!(drill.process().await, Some(Ending::Failed), "{}", drill.story());
        assert_eq!((doubts(&drill), drill.harm()[0]), (1, 1));
        let outcome = drill.outcome("storage");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("it still does not show"), "{why}");
    });
}
