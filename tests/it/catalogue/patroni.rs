//! A row for each action on a Patroni cluster.

use super::{
    done,
    rows::{Deed, Ground, Row},
};
use crate::{core::run::in_virtual_time, drill::run::Drill};
use failover::{
    engine::Ending,
    sim::{Fault, Mishap, Outage},
};
use http::{Method, StatusCode};
use jiff::SignedDuration;

/// A leader in the east and a replica in the west.
pub const PATRONI: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
secrets: { TOKEN: { env: TOKEN } }
defaults:
  patroni: { user: failover, password: '${{ secrets.TOKEN }}' }
regions:
  east: { node: pg-east, api: pg-east.example.com }
  west: { node: pg-west, api: 'pg-west.example.com:8010' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

fn back(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().restore_patroni_leader("pg-east"));
}

pub const ROWS: [Row; 2] = [
    Row {
        ground: &PATRONI,
        kind: "patroni.switchover",
        scene: Deed::Nothing,
        step: r"
  - id: swap
    action: patroni.switchover
    confirm: Swap?
    with: { server: '${{ to.api }}', candidate: '${{ to.node }}', from: '${{ from.api }}', leader: '${{ from.node }}' }
",
        back: Deed::ByHand(back),
    },
    Row {
        ground: &PATRONI,
        kind: "patroni.failover",
        scene: Deed::Nothing,
        step: r"
  - id: swap
    action: patroni.failover
    confirm: Fail over?
    with: { server: '${{ to.api }}', candidate: '${{ to.node }}', from: '${{ from.api }}', leader: '${{ from.node }}' }
",
        back: Deed::ByHand(back),
    },
];

/// How often the lead was asked to move.
fn asked(drill: &Drill) -> usize {
    drill.cloud.log().iter().filter(|one| one.method == Method::POST).count()
}

#[test]
fn a_switchover_is_done_when_the_old_leader_follows_and_not_before() {
    in_virtual_time(async {
        let drill = PATRONI.drill(ROWS[0].step);
        done(&drill).await;
        let log = drill.cloud.log();
        let told = log.iter().find(|one| one.method == Method::POST).unwrap().at;
        // It answers after four seconds; the old leader streams again six seconds after the third.
        let last = log.last().unwrap().at;
        assert!(last.duration_since(told) >= SignedDuration::from_secs(9), "{}", drill.story());
    });
}

#[test]
fn what_patroni_calls_unknown_is_waited_for_and_not_asked_again() {
    for row in &ROWS {
        in_virtual_time(async {
            let drill = PATRONI.drill(row.step);
            let path = if row.kind.ends_with("switchover") { "/switchover" } else { "/failover" };
            drill.cloud.fault(Fault {
                method: Some(Method::POST),
                path: path.to_owned(),
                nth: 1,
                mishap: Mishap::LateStatus(StatusCode::SERVICE_UNAVAILABLE),
            });
            done(&drill).await;
            assert_eq!(asked(&drill), 1, "{}", drill.story());
        });
    }
}

#[test]
fn a_leader_that_is_lost_is_not_switched() {
    in_virtual_time(async {
        let drill = Drill::new(PATRONI.plan(ROWS[0].step), Outage::Region);
        assert_ne!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        assert_eq!(asked(&drill), 0, "{}", drill.story());
    });
}

#[test]
fn a_leader_that_is_lost_is_failed_over_when_its_lock_ends() {
    in_virtual_time(async {
        let drill = Drill::new(PATRONI.plan(ROWS[1].step), Outage::Region);
        done(&drill).await;
        // Nobody heard it before, and then Patroni chose by itself.
        assert_eq!(asked(&drill), 1, "{}", drill.story());
    });
}
