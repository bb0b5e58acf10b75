//! A storage account, as Azure shows it.

use super::{
    arm::Arm,
    call::Call,
    id::{Id, place},
};
use crate::{
    action::{Mark, Placed, Shape, Trouble},
    model::{Datum, Evidence, Mode, Resource},
};
use jiff::Timestamp;
use serde::Deserialize;

pub(super) const ACCOUNT: Shape = Shape::Resource {
    kind: "Microsoft.Storage/storageAccounts",
    placed: Placed::Globally,
    made: false,
};

#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) sku: Sku,
    pub(super) properties: Properties,
}

#[derive(Deserialize)]
pub(super) struct Sku {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    pub(super) provisioning_state: Option<String>,
    pub(super) primary_location: String,
    pub(super) secondary_location: Option<String>,
    pub(super) geo_replication_stats: Option<Replication>,
    /// Present only while one runs.
    pub(super) failover_in_progress: Option<bool>,
    pub(super) last_geo_failover_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replication {
    pub(super) status: Option<String>,
    pub(super) last_sync_time: Option<Timestamp>,
    pub(super) can_failover: Option<bool>,
    pub(super) can_planned_failover: Option<bool>,
    pub(super) post_failover_redundancy: Option<String>,
    pub(super) post_planned_failover_redundancy: Option<String>,
}

impl Replication {
    pub(super) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("Unavailable")
    }

    pub(super) fn is_live(&self) -> bool {
        self.status().eq_ignore_ascii_case("Live")
    }

    /// Azure writes the year 1 when it does not know.
    pub(super) fn last_sync(&self) -> Option<Timestamp> {
        self.last_sync_time.filter(|at| *at > Timestamp::UNIX_EPOCH)
    }

    pub(super) fn can(&self, mode: Mode) -> bool {
        let can = match mode {
            Mode::Planned => self.can_planned_failover,
            Mode::Unplanned => self.can_failover,
        };
        can.unwrap_or(false)
    }

    pub(super) fn sku_after(&self, mode: Mode) -> Option<&str> {
        match mode {
            Mode::Planned => self.post_planned_failover_redundancy.as_deref(),
            Mode::Unplanned => self.post_failover_redundancy.as_deref(),
        }
    }
}

impl Account {
    pub(super) async fn read(arm: &Arm, account: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(account)).query("$expand", "geoReplicationStats")).await
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new()
            .text("primary", place(&self.properties.primary_location).as_str())
            .text("sku", &self.sku.name);
        if let Some(secondary) = &self.properties.secondary_location {
            evidence.set("secondary", Datum::Text(place(secondary).to_string()));
        }
        if let Some(stats) = &self.properties.geo_replication_stats {
            evidence.set("replication", Datum::Text(stats.status().to_owned()));
            if let Some(at) = stats.last_sync() {
                evidence.set("last_sync_time", Datum::Instant(at));
            }
        }
        evidence
    }

    /// Changes when a failover happens, and while one runs.
    pub(super) fn mark(&self) -> Mark {
        let properties = &self.properties;
        let last = properties.last_geo_failover_time.as_deref().unwrap_or("never");
        Mark(
            Evidence::new()
                .text("primaryLocation", place(&properties.primary_location).as_str())
                .text("sku", &self.sku.name)
                .text("lastGeoFailoverTime", last)
                .with("failoverInProgress", Datum::Flag(self.is_failing_over())),
        )
    }

    pub(super) fn is_failing_over(&self) -> bool {
        self.properties.failover_in_progress.unwrap_or(false)
    }
}

#[cfg(test)]
pub(super) mod sample {
    use serde_json::{Value, json};

    /// An account in both regions, changed as the test needs.
    pub(in crate::provider::azure) fn account(change: impl Fn(&mut Value)) -> String {
        let mut account = json!({
            "location": "eastus",
            "sku": { "name": "Standard_RAGRS", "tier": "Standard" },
            "properties": {
                "provisioningState": "Succeeded",
                "primaryLocation": "East US",
                "secondaryLocation": "westus",
                "geoReplicationStats": {
                    "status": "Live",
                    "lastSyncTime": "2026-11-20T09:58:12Z",
                    "canFailover": true,
                    "canPlannedFailover": true,
                    "postFailoverRedundancy": "Standard_LRS",
                    "postPlannedFailoverRedundancy": "Standard_RAGRS",
                },
            },
        });
        change(&mut account);
        account.to_string()
    }
}
