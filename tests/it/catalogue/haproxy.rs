//! A row for each action on HAProxy.

use super::rows::{Deed, Ground, Row, SWAPPED};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// Two balancers before the servers of two regions.
pub const HAPROXY: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
defaults:
  haproxy: { balancers: ['lb-1.example.com:9999', 'lb-2.example.com:9999'], backend: web }
regions:
  east: { server: east-1 }
  west: { server: west-1 }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

pub const ROWS: [Row; 2] = [
    Row {
        ground: &HAPROXY,
        kind: "haproxy.server",
        scene: Deed::Nothing,
        step: r"
  - id: drain
    action: haproxy.server
    with: { server: '${{ from.server }}', state: drain, sessions: 0 }
",
        back: Deed::Instead(&[("state: drain", "state: ready")]),
    },
    Row {
        ground: &HAPROXY,
        kind: "haproxy.shift",
        scene: Deed::Nothing,
        step: r"
  - id: users
    action: haproxy.shift
    with: { from: ['${{ from.server }}'], to: ['${{ to.server }}'], stages: [25, 50] }
",
        back: Deed::Instead(SWAPPED),
    },
];
