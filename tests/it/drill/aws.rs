//! The runbooks of AWS, over and back.

use super::run::{Drill, make};
use crate::{
    catalogue::aws::{AWS, ROWS},
    core::run::in_virtual_time,
};
use failover::{
    action::Finding,
    engine::Ending,
    model::{Mode, StepId, span},
    run::StepOutcome,
    sim::{Outage, Sees},
};
use jiff::Timestamp;
use std::time::Duration;

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";
const STOP: &str = "stop-pattern.yaml";
const PAIR: &str = "route53-active-passive.yaml";
const RECORDS: &str = "route53-records.yaml";

async fn done(drill: &Drill) {
    assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
    assert_eq!(drill.breaches(), [""; 0]);
}

/// When every user saw this region, and never again another one.
fn all_in(drill: &Drill, region: &str) -> Timestamp {
    let all = [(Sees::Region(region.to_owned()), 1.0)];
    drill.cloud.with_world(|world| {
        let samples = world.cloud().users();
        let last = samples.last().unwrap();
        assert_eq!(last.shares, all, "{samples:#?}");
        last.at
    })
}

/// When the first request of this kind was sent.
fn first(drill: &Drill, piece: &[u8]) -> Timestamp {
    let log = drill.cloud.log();
    let sent = log.iter().find(|exchange| {
        let sent = exchange.bodies.as_ref().map(|(sent, _)| sent.as_ref()).unwrap_or_default();
        !exchange.is_read && sent.windows(piece.len()).any(|window| window == piece)
    });
    sent.unwrap().at
}

/// The standby's alarm looks once a minute, its health check follows within half of one, resolvers keep an answer for one.
const SOON: Duration = Duration::from_secs(60 + 30 + 60);

#[test]
fn the_standby_takes_over_whatever_is_left_of_the_primary_and_gives_back() {
    for outage in [Outage::Data, Outage::Region] {
        in_virtual_time(async {
            let drill = Drill::new(make(STOP, EAST, WEST, Mode::Unplanned), outage);
            done(&drill).await;
            let published = first(&drill, br#""Value":1"#);
            let took = span::between(published, all_in(&drill, WEST));
            assert!(took <= SOON, "{outage:?}: {}", span::show(took));

            drill.set_outage(Outage::None);
            drill.clock.sleep(Duration::from_hours(1)).await;
            let drill = drill.then(make(STOP, WEST, EAST, Mode::Planned));
            done(&drill).await;
            all_in(&drill, EAST);
        });
    }
}

#[test]
fn what_was_moved_already_is_left_alone() {
    in_virtual_time(async {
        let plan = || make(STOP, EAST, WEST, Mode::Planned);
        let drill = Drill::new(plan(), Outage::None);
        done(&drill).await;
        drill.clock.sleep(Duration::from_hours(1)).await;
        let sent = drill.changes().len();
        let drill = drill.then(plan());
        done(&drill).await;
        assert_eq!(drill.outcome("switch"), Some(StepOutcome::AlreadyDone));
        assert_eq!(drill.changes().len(), sent);
    });
}

/// The way back begins in the very minute in which a last 1 is published: it hides the first zeros.
#[test]
fn a_zero_behind_a_one_is_repeated_until_it_counts() {
    in_virtual_time(async {
        let drill = Drill::new(make(STOP, EAST, WEST, Mode::Planned), Outage::None);
        done(&drill).await;
        let drill = drill.then(make(STOP, WEST, EAST, Mode::Planned));
        done(&drill).await;
        all_in(&drill, EAST);
    });
}

#[test]
fn a_pair_moves_to_any_region_and_back() {
    for to in ["us-west-1", "us-west-2"] {
        in_virtual_time(async {
            let drill = Drill::new(make(PAIR, EAST, to, Mode::Planned), Outage::None);
            done(&drill).await;
            drill.clock.sleep(Duration::from_mins(5)).await;
            all_in(&drill, to);
            let drill = drill.then(make(PAIR, to, EAST, Mode::Planned));
            done(&drill).await;
            drill.clock.sleep(Duration::from_mins(5)).await;
            all_in(&drill, EAST);
        });
    }
}

#[test]
fn a_pair_follows_its_health_check_when_the_primary_and_route_53s_control_plane_are_lost() {
    for outage in [Outage::Data, Outage::Region] {
        in_virtual_time(async {
            let drill = Drill::new(make(PAIR, EAST, "us-west-1", Mode::Unplanned), outage);
            done(&drill).await;
            drill.clock.sleep(Duration::from_mins(5)).await;
            all_in(&drill, "us-west-1");
        });
    }
}

/// Route 53 has sent everybody to a standby that is not ready for them; the run is for the rest.
#[test]
fn a_pair_that_has_moved_by_itself_still_gets_its_capacity() {
    in_virtual_time(async {
        let drill = Drill::new(make(PAIR, EAST, WEST, Mode::Unplanned), Outage::Data);
        drill.clock.sleep(Duration::from_hours(1)).await;
        all_in(&drill, WEST);
        assert!(!drill.preflight().await.serves_already(&drill.plan));
        done(&drill).await;
        assert_eq!(drill.outcome("capacity"), Some(StepOutcome::Succeeded));
    });
}

/// Inverted, the check of a primary that is down would count as healthy, and send everybody back to it.
#[test]
fn a_primary_that_is_down_is_not_said_to_be_well() {
    in_virtual_time(async {
        let drill = Drill::new(make(PAIR, EAST, WEST, Mode::Planned), Outage::Data);
        drill.clock.sleep(Duration::from_hours(1)).await;
        all_in(&drill, WEST);
        let seen = drill.preflight().await;
        assert!(!seen.serves_already(&drill.plan));
        let why = |(_, finding): (&StepId, &Finding)| finding.says.contains("is unhealthy already");
        assert!(seen.has_blockers() && seen.findings().any(why), "{seen:?}");
        assert_eq!(drill.process().await, Some(Ending::Failed));
        assert_eq!(drill.outcome("capacity"), Some(StepOutcome::Succeeded));
        all_in(&drill, WEST);
    });
}

#[test]
fn a_batch_moves_a_name_and_another_one_moves_it_back() {
    in_virtual_time(async {
        let drill = Drill::new(make(RECORDS, EAST, WEST, Mode::Planned), Outage::None);
        done(&drill).await;
        drill.clock.sleep(Duration::from_mins(5)).await;
        all_in(&drill, WEST);
        let drill = drill.then(make(RECORDS, WEST, EAST, Mode::Planned));
        done(&drill).await;
        drill.clock.sleep(Duration::from_mins(5)).await;
        all_in(&drill, EAST);
    });
}

/// What the region that is lost could say is worth seconds, not the minutes that it takes to give up on it.
#[test]
fn a_promotion_does_not_wait_for_the_region_that_is_lost() {
    let row = ROWS.iter().find(|row| row.kind == "aws.rds.promote").unwrap();
    let step = row.step.replace("backups: 7", "backups: 7, mode: unplanned");
    in_virtual_time(async {
        let drill = AWS.drill(&step);
        drill.set_outage(Outage::Region);
        let began = drill.clock.now();
        done(&drill).await;
        let sent = first(&drill, b"Action=PromoteReadReplica");
        let took = span::between(began, sent);
        assert!(took < Duration::from_secs(30), "{}", span::show(took));
    });
}
