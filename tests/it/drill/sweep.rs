//! Every point where a real run can die: what is resumed ends well, and nothing harmful is sent twice.

use super::run::{Drill, make, night};
use crate::core::run::in_virtual_time;
use failover::{
    engine::Ending,
    model::Mode,
    plan::Plan,
    sim::{Cloud, Outage},
};
use std::time::Duration;

/// A way through a runbook.
#[derive(Clone, Copy)]
struct Move {
    file: &'static str,
    way: [&'static str; 2],
    mode: Mode,
}

impl Move {
    fn plan(self) -> Plan {
        let [from, to] = self.way;
        make(self.file, from, to, self.mode)
    }

    const fn back(self) -> Self {
        let [from, to] = self.way;
        Self { way: [to, from], mode: Mode::Planned, ..self }
    }
}

const fn proseware(mode: Mode) -> Move {
    Move { file: "proseware.yaml", way: ["eastus", "westus"], mode }
}

const fn of_aws(file: &'static str, mode: Mode) -> Move {
    Move { file, way: ["us-east-1", "us-west-2"], mode }
}

const fn own(file: &'static str, mode: Mode) -> Move {
    Move { file, way: ["east", "west"], mode }
}

struct Case {
    /// The move that had been made before, if one had.
    after: Option<Move>,
    now: Move,
    outage: Outage,
    /// How it ends while the outage lasts.
    ending: Ending,
}

impl Case {
    const fn new(now: Move, outage: Outage) -> Self {
        Self { after: None, now, outage, ending: Ending::Done }
    }

    const fn after(before: Move, now: Move) -> Self {
        Self { after: Some(before), ..Self::new(now, Outage::None) }
    }

    /// The world that the run meets.
    async fn world(&self, plan: &Plan) -> Cloud {
        let Some(before) = self.after else { return Cloud::seeded(plan, self.outage, night()) };
        let outage = if before.mode == Mode::Planned { Outage::None } else { Outage::Data };
        let before = Drill::new(before.plan(), outage);
        assert_eq!(before.process().await, Some(Ending::Done), "{}", before.story());
        before.set_outage(self.outage);
        // Metrics and users follow what has moved.
        before.clock.sleep(Duration::from_hours(1)).await;
        let now = before.then(plan.clone());
        now.cloud.with_world(|world| world.cloud().clone())
    }
}

fn sweep(case: &Case) {
    let plan = case.now.plan();
    let world = in_virtual_time(case.world(&plan));
    let (points, once) = in_virtual_time(async {
        let drill = Drill::within(world.clone(), plan.clone());
        assert_eq!(drill.process().await, Some(case.ending), "{}", drill.story());
        (drill.fuse.passed(), drill.harm())
    });
    let mut places = Vec::new();
    for point in 0..points {
        in_virtual_time(async {
            let drill = Drill::within(world.clone(), plan.clone());
            drill.fuse.set(point);
            assert_eq!(drill.process().await, None, "point {point} was not reached");
            places.push(drill.fuse.died().unwrap());
            let ending = drill.until_done(4).await;
            let story = || format!("point {point} of {}\n{}", case.now.file, drill.story());
            assert_eq!(ending, case.ending, "{}", story());
            if ending == Ending::Owing {
                drill.set_outage(Outage::None);
                assert_eq!(drill.until_done(2).await, Ending::Done, "{}", story());
            }
            assert_eq!(drill.harm(), once, "{}", story());
        });
    }
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 4, "{places:?}");
}

#[test]
fn an_unplanned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(proseware(Mode::Unplanned), Outage::Data));
}

#[test]
fn a_planned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(proseware(Mode::Planned), Outage::None));
}

#[test]
fn a_proseware_with_debts_that_dies_anywhere_is_resumed_and_pays() {
    let lost = Case::new(proseware(Mode::Unplanned), Outage::Region);
    sweep(&Case { ending: Ending::Owing, ..lost });
}

#[test]
fn a_failback_that_dies_anywhere_is_resumed() {
    let there = proseware(Mode::Planned);
    sweep(&Case::after(there, there.back()));
}

#[test]
fn a_protection_that_dies_anywhere_is_resumed() {
    let protection = Move { file: "proseware-reprotect.yaml", ..proseware(Mode::Planned) };
    sweep(&Case::after(proseware(Mode::Unplanned), protection));
}

#[test]
fn the_web_app_alone_that_dies_anywhere_is_resumed() {
    for (mode, outage) in [(Mode::Unplanned, Outage::Data), (Mode::Planned, Outage::None)] {
        sweep(&Case::new(Move { file: "proseware-web.yaml", ..proseware(mode) }, outage));
    }
}

#[test]
fn a_standby_that_takes_over_or_gives_back_is_resumed_wherever_it_dies() {
    let there = of_aws("stop-pattern.yaml", Mode::Unplanned);
    sweep(&Case::new(there, Outage::Data));
    sweep(&Case::new(there, Outage::Region));
    sweep(&Case::after(there, there.back()));
}

#[test]
fn a_pair_that_moves_or_moves_back_is_resumed_wherever_it_dies() {
    let there = of_aws("route53-active-passive.yaml", Mode::Planned);
    sweep(&Case::new(there, Outage::None));
    sweep(&Case::after(there, there.back()));
}

#[test]
fn a_batch_of_records_is_resumed_wherever_it_dies() {
    let there = of_aws("route53-records.yaml", Mode::Planned);
    sweep(&Case::new(there, Outage::None));
}

#[test]
fn a_switchover_of_postgres_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("postgres.yaml", Mode::Planned), Outage::None));
}

#[test]
fn a_promotion_of_postgres_with_a_debt_that_dies_anywhere_is_resumed_and_pays() {
    let lost = Case::new(own("postgres.yaml", Mode::Unplanned), Outage::Region);
    sweep(&Case { ending: Ending::Owing, ..lost });
}

#[test]
fn a_failover_of_redis_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("redis.yaml", Mode::Planned), Outage::None));
}

#[test]
fn an_unplanned_failover_of_redis_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("redis.yaml", Mode::Unplanned), Outage::None));
}

#[test]
fn a_switchover_of_patroni_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("patroni.yaml", Mode::Planned), Outage::None));
}

#[test]
fn an_unplanned_failover_of_patroni_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("patroni.yaml", Mode::Unplanned), Outage::Region));
}

#[test]
fn a_failover_of_patroni_from_a_leader_that_is_well_and_that_dies_anywhere_is_resumed() {
    sweep(&Case::new(own("patroni.yaml", Mode::Unplanned), Outage::None));
}

#[test]
fn a_rejoin_of_postgres_that_dies_anywhere_is_resumed() {
    let there = own("postgres.yaml", Mode::Planned);
    let rejoin = own("postgres-rejoin.yaml", Mode::Planned);
    sweep(&Case::after(there, rejoin));
}
