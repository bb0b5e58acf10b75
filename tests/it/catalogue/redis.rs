//! A row for each action on Redis that changes something.

use super::rows::{Deed, Ground, Row};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// A master in the east, a replica in the west, three sentinels, and an app that writes all the time.
pub const REDIS: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
defaults:
  redis: { group: sessions, sentinels: [watch-1, watch-2, 'watch-3:26380'], tls: off }
regions:
  east: { cache: cache-east }
  west: { cache: 'cache-west:6380' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

fn back(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().restore_redis_master("cache-east"));
}

/// It was a master once and comes back as one, beside the one that has the role.
fn return_as_master(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().return_redis_master("cache-east"));
}

pub const ROWS: [Row; 2] = [
    Row {
        ground: &REDIS,
        kind: "redis.failover",
        scene: Deed::Nothing,
        step: r"
  - id: swap
    action: redis.failover
    confirm: Swap?
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
",
        back: Deed::ByHand(back),
    },
    Row {
        ground: &REDIS,
        kind: "redis.demote",
        scene: Deed::ByHand(|drill| {
            drill.cloud.with_world(|world| world.cloud_mut().restore_redis_master("cache-west"));
            return_as_master(drill);
        }),
        step: r"
  - id: demote
    action: redis.demote
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
",
        back: Deed::ByHand(return_as_master),
    },
];
