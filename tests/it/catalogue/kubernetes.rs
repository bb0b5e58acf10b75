//! A row for each action on Kubernetes that changes something.

use super::rows::{Deed, Ground, Row};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// A cluster in each region, and an app that runs on little in the west.
pub const KUBERNETES: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
allow_commands: true
default_mode: planned
lock: row
regions:
  east: { cluster: prod-east }
  west: { cluster: 'arn:aws:eks:us-west-2:111122223333:cluster/prod' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

fn forget_the_script(drill: &Drill) {
    let cluster = "arn:aws:eks:us-west-2:111122223333:cluster/prod";
    let run = [cluster, "shop", "cache-0", "redis", "./warm.sh", "all"];
    drill.cloud.with_world(|world| world.cloud_mut().undo(&run));
}

pub const ROWS: [Row; 4] = [
    Row {
        ground: &KUBERNETES,
        kind: "kubernetes.scale",
        scene: Deed::Nothing,
        step: r"
  - id: pods
    action: kubernetes.scale
    with: { deployment: '${{ to.cluster }}/shop/web', replicas: 4, minimum: 4, exactly: false }
",
        back: Deed::Instead(&[("4", "1"), ("exactly: false", "exactly: true")]),
    },
    Row {
        ground: &KUBERNETES,
        kind: "kubernetes.service_selector",
        scene: Deed::Nothing,
        step: r"
  - id: service
    action: kubernetes.service_selector
    with:
      service: ${{ to.cluster }}/database/postgres
      pod: postgres-1
      selector: { app: postgres, role: primary, statefulset.kubernetes.io/pod-name: postgres-1 }
",
        back: Deed::Instead(&[("postgres-1", "postgres-0")]),
    },
    Row {
        ground: &KUBERNETES,
        kind: "kubernetes.exec",
        scene: Deed::Nothing,
        step: r"
  - id: warm
    action: kubernetes.exec
    with:
      pod: ${{ to.cluster }}/shop/cache-0
      container: redis
      run: [./warm.sh, all]
      observe: [./warm.sh, status]
      harmless: true
",
        back: Deed::ByHand(forget_the_script),
    },
    Row {
        ground: &KUBERNETES,
        kind: "kubernetes.patch",
        scene: Deed::Nothing,
        step: r#"
  - id: flag
    action: kubernetes.patch
    with:
      object: ${{ to.cluster }}/shop/flags
      api: v1
      resource: configmaps
      patch: '{ "data": { "writes": "on" } }'
"#,
        back: Deed::Instead(&[(r#""on""#, r#""off""#)]),
    },
];
