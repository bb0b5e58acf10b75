//! A row for each action on Azure.

use super::rows::{Deed, Ground, Row, SWAPPED};
use crate::drill::{
    by_hand::{self, by_hand},
    run::{Drill, make},
};
use failover::{model::Mode, sim::Outage};

/// Every row stands in a world that holds all of Proseware.
pub(super) const AZURE: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
azure: { subscription: '${{ env.AZURE_SUBSCRIPTION_ID }}', resource_group: rg-proseware }
regions:
  eastus: { app: app-proseware-eastus, postgres: pg-proseware-eastus, endpoint: primary-region }
  westus: { app: app-proseware-westus, postgres: pg-proseware-westus, endpoint: secondary-region }
vars:
  page: { name: app-page, resource_group: rg-page, region: centralus }
  page_plan: { name: plan-page, resource_group: rg-page }
steps:
",
    way: ["eastus", "westus"],
    world: |_| Drill::new(make("proseware.yaml", "eastus", "westus", Mode::Planned), Outage::None),
};

fn delete_replica(drill: &Drill) {
    by_hand(&drill.cloud, &drill.plan, by_hand::Deed::Deletes, "pg-proseware-westus");
}

const PAGE: &str = r"
  - id: page
    action: azure.app_service.maintenance_page
    with: { app: '${{ vars.page }}', plan: '${{ vars.page_plan }}', region: centralus, page: pages/maintenance.html }
";
const REMOVE: &str = r"
  - id: remove
    action: azure.app_service.remove
    with: { app: '${{ vars.page }}', plan: '${{ vars.page_plan }}', region: centralus, profile: tm-proseware }
";
const START: &str = r"
  - { id: start, action: azure.app_service.start, with: { app: '${{ to.app }}' } }
";
const STOP: &str = r"
  - { id: stop, action: azure.app_service.stop, with: { app: '${{ to.app }}' } }
";
const UNPLANNED: &str = r"
  - id: storage
    confirm: Now?
    action: azure.storage.failover
    with: { account: stproseware, to: '${{ to.name }}', mode: unplanned }
";
const LIVE: &str = r"
  - id: redundancy
    action: azure.storage.redundancy
    with: { account: stproseware, sku: Standard_RAGRS, wait_until_live: true }
    timeout: 48h
";
const REPLICA: &str = r"
  - id: replica
    action: azure.postgres.replica
    with: { server: '${{ to.postgres }}', source: '${{ from.postgres }}' }
";

pub(super) const ROWS: [Row; 12] = [
    Row {
        ground: &AZURE,
        kind: "azure.app_service.maintenance_page",
        scene: Deed::Nothing,
        step: PAGE,
        back: Deed::Steps(REMOVE),
    },
    Row {
        ground: &AZURE,
        kind: "azure.app_service.remove",
        scene: Deed::Steps(PAGE),
        step: REMOVE,
        back: Deed::Steps(PAGE),
    },
    Row {
        ground: &AZURE,
        kind: "azure.app_service.start",
        scene: Deed::Nothing,
        step: START,
        back: Deed::Steps(STOP),
    },
    Row {
        ground: &AZURE,
        kind: "azure.app_service.stop",
        scene: Deed::Steps(START),
        step: STOP,
        back: Deed::Steps(START),
    },
    Row {
        ground: &AZURE,
        kind: "azure.app_service.settings",
        scene: Deed::Nothing,
        step: r"
  - id: settings
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings: { DB_HOST: '${{ to.postgres }}.postgres.database.azure.com' }
      connection_strings: { Main: { value: 'Host=${{ to.postgres }}', type: PostgreSQL } }
",
        back: Deed::Steps(
            r"
  - id: settings
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings: { DB_HOST: '${{ from.postgres }}.postgres.database.azure.com' }
",
        ),
    },
    Row {
        ground: &AZURE,
        kind: "azure.traffic_manager.endpoint",
        scene: Deed::Nothing,
        step: r"
  - id: endpoint
    action: azure.traffic_manager.endpoint
    with: { profile: tm-proseware, endpoint: '${{ to.endpoint }}', target: '${{ to.app }}', status: enabled }
",
        back: Deed::Steps(
            r"
  - id: endpoint
    action: azure.traffic_manager.endpoint
    with: { profile: tm-proseware, endpoint: '${{ to.endpoint }}', status: disabled }
",
        ),
    },
    Row {
        ground: &AZURE,
        kind: "azure.traffic_manager.shift",
        scene: Deed::Steps(START),
        step: r"
  - id: shift
    action: azure.traffic_manager.shift
    with: { profile: tm-proseware, endpoint: '${{ to.endpoint }}', from: '${{ from.endpoint }}' }
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AZURE,
        kind: "azure.storage.failover",
        scene: Deed::Nothing,
        step: r"
  - id: storage
    confirm: Now?
    action: azure.storage.failover
    with: { account: stproseware, to: '${{ to.name }}' }
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AZURE,
        kind: "azure.storage.redundancy",
        scene: Deed::Steps(UNPLANNED),
        step: LIVE,
        back: Deed::Steps(
            r"
  - id: storage
    confirm: Now?
    action: azure.storage.failover
    with: { account: stproseware, to: '${{ from.name }}', mode: unplanned }
",
        ),
    },
    Row {
        ground: &AZURE,
        kind: "azure.postgres.fence",
        scene: Deed::Nothing,
        step: r"
  - id: fence
    action: azure.postgres.fence
    with: { server: '${{ from.postgres }}', fenced: true, close_network: true }
",
        back: Deed::Instead(&[("fenced: true", "fenced: false")]),
    },
    Row {
        ground: &AZURE,
        kind: "azure.postgres.promote",
        scene: Deed::Nothing,
        step: r"
  - id: promote
    confirm: Now?
    action: azure.postgres.promote
    with: { server: '${{ to.postgres }}', from: '${{ from.postgres }}' }
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AZURE,
        kind: "azure.postgres.replica",
        scene: Deed::ByHand(delete_replica),
        step: REPLICA,
        back: Deed::ByHand(delete_replica),
    },
];
