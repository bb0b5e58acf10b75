//! Storage accounts and their failovers.
//!
//! Sources: Storage Accounts - Get Properties, Failover and Update (REST reference), and "How customer-managed
//! failover works", Microsoft Learn.

use super::operation::{Progress, Work, instant, monitored};
use crate::plan::Side;
use crate::sim::{
    address::{Address, Addressed, find, find_mut},
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
    seed::{Seed, address},
};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const KIND: &str = "Microsoft.Storage/storageAccounts";
/// A copy to the other region that has only begun shows these, one after the other.
const UNAVAILABLE: Duration = Duration::from_secs(50);
const BOOTSTRAP: Duration = Duration::from_mins(20);
/// How far the other region is behind, and how often the instant is refreshed.
const BEHIND: Duration = Duration::from_mins(4);
const REFRESHED: i64 = 60;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Account {
    pub at: Address,
    /// Where it was made. It keeps saying so after a failover.
    pub location: String,
    pub sku: String,
    pub primary: String,
    /// The region of its copy, or where a copy would go.
    pub pair: String,
    /// Since when there is a copy, while it is geo-redundant.
    pub copied_since: Option<Timestamp>,
    pub created: Timestamp,
    pub failed_over: Option<Timestamp>,
    pub tags: Value,
}

impl Addressed for Account {
    fn address(&self) -> &Address {
        &self.at
    }
}

impl Account {
    pub(in crate::sim) fn is_moving(&self, cloud: &Cloud) -> bool {
        let moves = |work: &Work| matches!(work, Work::StorageFailover { account, .. } if *account == self.at);
        cloud.under_way().any(moves)
    }

    /// Whether its files can be read now.
    pub(in crate::sim) fn is_readable(&self, cloud: &Cloud) -> bool {
        !cloud.is_dark(&self.primary) && !self.is_moving(cloud)
    }

    fn replication(&self, cloud: &Cloud) -> Option<&'static str> {
        let since = self.copied_since?;
        Some(if cloud.is_dark(&self.pair) || cloud.now < since + UNAVAILABLE {
            "Unavailable"
        } else if cloud.now < since + BOOTSTRAP {
            "Bootstrap"
        } else {
            "Live"
        })
    }

    /// Every write before it is in the other region. It stands still while one of the two regions is out.
    fn last_sync(&self, cloud: &Cloud) -> Timestamp {
        let is_cut = cloud.is_dark(&self.primary) || cloud.is_dark(&self.pair);
        let reached = if is_cut { cloud.blackout.since } else { cloud.now } - BEHIND;
        let refreshed = reached.as_second() - reached.as_second().rem_euclid(REFRESHED);
        Timestamp::from_second(refreshed).unwrap_or(reached)
    }

    /// Whether it can be failed over, and whether without loss.
    fn can_failover(&self, cloud: &Cloud) -> (bool, bool) {
        let ready = self.replication(cloud) == Some("Live") && !self.is_moving(cloud);
        (ready, ready && !cloud.is_dark(&self.primary))
    }

    /// Between 3,300 and 3,900 s: "typically about an hour", the same each time for an account.
    fn failover_takes(&self) -> Duration {
        let sum: u64 = self.at.name.bytes().map(u64::from).sum();
        Duration::from_secs(3_300 + sum * 37 % 600)
    }

    fn endpoints(&self, suffix: &str) -> Value {
        let of = |service: &str| {
            json!(format!("https://{}{suffix}.{service}.core.windows.net/", self.at.name))
        };
        json!({ "blob": of("blob"), "file": of("file"), "queue": of("queue"), "table": of("table"), "dfs": of("dfs"), "web": of("web") })
    }

    fn show(&self, cloud: &Cloud, with_stats: bool) -> Value {
        let available =
            |region: &str| if cloud.is_dark(region) { "unavailable" } else { "available" };
        let mut properties = json!({
            "provisioningState": "Succeeded",
            "creationTime": instant(self.created),
            "primaryLocation": self.primary,
            "statusOfPrimary": available(&self.primary),
            "supportsHttpsTrafficOnly": true,
            "accessTier": "Hot",
            "primaryEndpoints": self.endpoints(""),
        });
        if let Some(replication) = self.replication(cloud) {
            properties["secondaryLocation"] = json!(self.pair);
            properties["statusOfSecondary"] = json!(available(&self.pair));
            if self.sku.contains("RAG") {
                properties["secondaryEndpoints"] = self.endpoints("-secondary");
            }
            if with_stats {
                let (can, can_planned) = self.can_failover(cloud);
                properties["geoReplicationStats"] = json!({
                    "status": replication,
                    "lastSyncTime": instant(self.last_sync(cloud)),
                    "canFailover": can,
                    "canPlannedFailover": can_planned,
                    "postFailoverRedundancy": "Standard_LRS",
                    "postPlannedFailoverRedundancy": self.sku,
                });
            }
        }
        // Absent, never false, while none runs.
        if self.is_moving(cloud) {
            properties["failoverInProgress"] = json!(true);
        }
        if let Some(at) = self.failed_over {
            properties["lastGeoFailoverTime"] = json!(instant(at));
        }
        json!({
            "sku": { "name": self.sku, "tier": "Standard" },
            "kind": "StorageV2",
            "id": self.at.id(KIND),
            "name": self.at.name,
            "type": KIND,
            "location": self.location,
            "tags": self.tags,
            "properties": properties,
        })
    }
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, at: &Address, rest: &[&str]) -> Replied {
    let Some(account) = find(&cloud.accounts, at) else {
        return Err(Refusal::not_found(KIND, at));
    };
    match (call.method(), rest) {
        (&Method::GET, []) => {
            let expand = call.parameter("$expand").unwrap_or_default();
            let with_stats = expand.to_ascii_lowercase().contains("georeplicationstats");
            Ok(Reply::json(200, &account.show(cloud, with_stats)))
        }
        (&Method::POST, ["failover"]) => failover(cloud, call, at),
        (&Method::PATCH, []) => update(cloud, call, at),
        (&Method::POST, ["listkeys"]) => {
            let key = |name: &str| json!({ "keyName": name, "value": "c2ltdWxhdGVk", "permissions": "FULL" });
            Ok(Reply::json(200, &json!({ "keys": [key("key1"), key("key2")] })))
        }
        _ => Err(Refusal::no_route(call)),
    }
}

fn busy() -> Refusal {
    let why = "An operation is currently performing on this storage account that requires exclusive access.";
    Refusal::new(409, "StorageAccountOperationInProgress", why)
}

fn failover(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let account = find(&cloud.accounts, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    // "Planned" is the only documented value; without the parameter the failover is unplanned.
    let planned = match call.parameter("failoverType").as_deref() {
        None => false,
        Some(kind) if kind.eq_ignore_ascii_case("planned") => true,
        Some(kind) => {
            let why = format!("The value '{kind}' of the parameter 'failoverType' is not valid.");
            return Err(Refusal::new(400, "InvalidParameter", why));
        }
    };
    if account.is_moving(cloud) {
        return Err(busy());
    }
    let (can, can_planned) = account.can_failover(cloud);
    if !(if planned { can_planned } else { can }) {
        let why = "The storage account is not eligible for this failover now: see canFailover and canPlannedFailover.";
        return Err(Refusal::new(409, "OperationNotAllowed", why));
    }
    let (region, takes) = (account.primary.clone(), account.failover_takes());
    let work = Work::StorageFailover { account: account.at.clone(), planned };
    let id = cloud.begin(&at.subscription, &region, work, takes);
    let version = call.parameter("api-version").unwrap_or_default();
    let location = format!(
        "{}/subscriptions/{}/providers/Microsoft.Storage/locations/{region}/asyncoperations/{id}?{}",
        call.base,
        at.subscription,
        monitored(&id, &version)
    );
    Ok(Reply::empty(202).with("location", location).with("retry-after", "17"))
}

/// Ends a failover: regions swapped, and after an unplanned one the old primary's copy is gone.
pub(super) fn finish_failover(cloud: &mut Cloud, at: &Address, planned: bool) -> Progress {
    let now = cloud.now;
    let Some(account) = find_mut(&mut cloud.accounts, at) else { return Progress::Failed };
    std::mem::swap(&mut account.primary, &mut account.pair);
    account.failed_over = Some(now);
    if !planned {
        account.copied_since = None;
        "Standard_LRS".clone_into(&mut account.sku);
    }
    Progress::Succeeded
}

fn update(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let body = call.json()?;
    let now = cloud.now;
    let moving = find(&cloud.accounts, at).is_some_and(|account| account.is_moving(cloud));
    if moving {
        return Err(busy());
    }
    let account = find_mut(&mut cloud.accounts, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    if body["tags"].is_object() {
        account.tags = body["tags"].clone();
    }
    if let Some(sku) = body["sku"]["name"].as_str() {
        let known =
            ["Standard_LRS", "Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"];
        let Some(sku) = known.iter().find(|known| known.eq_ignore_ascii_case(sku)) else {
            let why = format!("The storage account's sku cannot be changed to '{sku}'.");
            return Err(Refusal::new(400, "InvalidParameter", why));
        };
        // Between one zone and several leads only a conversion, which is another call.
        if account.sku.contains("ZRS") != sku.contains("ZRS") {
            let why = format!("Changing from {} to {sku} needs a conversion.", account.sku);
            return Err(Refusal::new(409, "OperationNotAllowed", why));
        }
        let is_geo = sku.contains("GRS") || sku.contains("GZRS");
        account.copied_since = is_geo.then(|| account.copied_since.unwrap_or(now));
        (*sku).clone_into(&mut account.sku);
    }
    let shown = find(&cloud.accounts, at).map(|account| account.show(cloud, false));
    Ok(Reply::json(200, &shown.unwrap_or_default()))
}

impl Account {
    /// Geo-redundant, unless the plan starts from a failover that is over: then only one region is left.
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let now = cloud.now;
        let long_ago = now - Duration::from_hours(24 * 400);
        let is_after = seed.plan.serving == Side::To;
        for resource in seed.of_kind(KIND) {
            let at = address(resource);
            if find(&cloud.accounts, &at).is_some() {
                continue;
            }
            cloud.accounts.push(Self {
                at,
                location: if is_after { &seed.standby } else { &seed.active }.clone(),
                sku: if is_after { "Standard_LRS" } else { "Standard_RAGRS" }.to_owned(),
                primary: seed.active.clone(),
                pair: seed.standby.clone(),
                copied_since: (!is_after).then_some(long_ago),
                created: long_ago,
                failed_over: is_after.then(|| now - Duration::from_hours(6)),
                tags: json!({}),
            });
        }
    }
}
