//! A row for each action on PostgreSQL that changes something.

use super::rows::{Deed, Ground, Row};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// A primary in the east, a standby in the west, and an app that writes all the time.
pub const POSTGRES: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
allow_commands: true
defaults:
  postgres: { user: ops, tls: off }
regions:
  east: { db: db-east }
  west: { db: 'db-west:5433' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

const FENCE: &str = r"
  - id: fence
    action: postgres.fence
    with: { server: '${{ from.db }}', fenced: true }
";

/// The old primary goes on as if nothing had been, and the other one is made anew from it.
fn start_again(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().copy_database("db-west", "db-east"));
}

/// Both are primaries, and the one in the west is ahead.
const PROMOTED: &str = r"
  - id: fence
    action: postgres.fence
    with: { server: '${{ from.db }}', fenced: true }
  - id: promote
    action: postgres.promote
    confirm: Promote?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
";

fn promote_by_hand(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().promote_database("db-east"));
}

fn forget_the_script(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().undo(&["./page.sh", "up"]));
}

pub const ROWS: [Row; 5] = [
    Row {
        ground: &POSTGRES,
        kind: "postgres.rejoin",
        scene: Deed::Steps(PROMOTED),
        step: r"
  - id: rejoin
    action: postgres.rejoin
    confirm: Rejoin?
    with:
      server: ${{ from.db }}
      primary: ${{ to.db }}
      shell: [ssh, postgres@db-east]
      data: /var/lib/postgresql/15/main
      replicates_as: repl
      slot: east
",
        back: Deed::ByHand(promote_by_hand),
    },
    Row {
        ground: &POSTGRES,
        kind: "command",
        scene: Deed::Nothing,
        step: r"
  - id: page
    action: command
    with: { run: [./page.sh, up], observe: [./page.sh, status], harmless: true }
",
        back: Deed::ByHand(forget_the_script),
    },
    Row {
        ground: &POSTGRES,
        kind: "postgres.fence",
        scene: Deed::Nothing,
        step: FENCE,
        back: Deed::Instead(&[("fenced: true", "fenced: false")]),
    },
    Row {
        ground: &POSTGRES,
        kind: "postgres.promote",
        scene: Deed::Steps(FENCE),
        step: r"
  - id: promote
    action: postgres.promote
    confirm: Promote?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
",
        back: Deed::ByHand(start_again),
    },
    Row {
        ground: &POSTGRES,
        kind: "postgres.switchover",
        scene: Deed::Nothing,
        step: r"
  - id: swap
    action: postgres.switchover
    confirm: Swap?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
",
        back: Deed::ByHand(start_again),
    },
];
