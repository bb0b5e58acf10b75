//! A PostgreSQL flexible server, as Azure shows it: its role, its replicas, and how far they are behind.

use super::{arm::Arm, call::Call, id::Id};
use crate::{
    action::{Placed, Shape, Trouble},
    model::{Datum, Evidence, Resource},
};
use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) const SERVER: Shape = Shape::Resource {
    kind: "Microsoft.DBforPostgreSQL/flexibleServers",
    placed: Placed::InARegion,
    made: false,
};
/// What a server is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Also what a server may call itself that never had a replica.
    Primary,
    Replica,
    Alone,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Alone => "alone",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) name: Option<String>,
    pub(super) location: String,
    pub(super) sku: Option<Sku>,
    pub(super) properties: Properties,
}

#[derive(Deserialize)]
pub(super) struct Sku {
    pub(super) name: String,
    pub(super) tier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    pub(super) state: Option<String>,
    pub(super) source_server_resource_id: Option<String>,
    replication_role: Option<String>,
    replica: Option<Replica>,
    network: Option<Network>,
    high_availability: Option<HighAvailability>,
    pub(super) storage: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replica {
    role: Option<String>,
    /// How many replicas it may have.
    capacity: Option<usize>,
    replication_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    public_network_access: Option<String>,
    delegated_subnet_resource_id: Option<String>,
}

#[derive(Deserialize)]
struct HighAvailability {
    mode: Option<String>,
}

impl Server {
    pub(super) async fn find(arm: &Arm, server: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(server))).await
    }

    /// Reads a server of a region that may be lost.
    pub(super) async fn glimpse(arm: &Arm, server: &Resource) -> Option<Self> {
        arm.glimpse(Call::get(&Id::of(server))).await
    }

    pub(super) fn state(&self) -> &str {
        self.properties.state.as_deref().unwrap_or("Unknown")
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state().eq_ignore_ascii_case("Ready")
    }

    /// Whether no waiting will make it Ready: somebody must do something about it first.
    pub(super) fn is_out_of_service(&self) -> bool {
        ["Disabled", "Dropping", "Inaccessible", "Stopped", "Stopping"]
            .iter()
            .any(|state| self.state().eq_ignore_ascii_case(state))
    }

    pub(super) fn role(&self) -> Role {
        let replica = self.properties.replica.as_ref().and_then(|replica| replica.role.as_deref());
        let role = replica.or(self.properties.replication_role.as_deref()).unwrap_or("None");
        match role.to_ascii_lowercase().as_str() {
            "primary" => Role::Primary,
            // AsyncReplica in the same region, GeoAsyncReplica in another.
            "asyncreplica" | "geoasyncreplica" => Role::Replica,
            _ => Role::Alone,
        }
    }

    pub(super) fn replicates_from(&self, primary: &Resource) -> bool {
        let source = self.properties.source_server_resource_id.as_deref();
        self.role() == Role::Replica && source.is_some_and(|source| Id::of(primary).is(source))
    }

    pub(super) fn is_closed(&self) -> bool {
        let network = self.properties.network.as_ref();
        let access = network.and_then(|network| network.public_network_access.as_deref());
        access.is_some_and(|access| access.eq_ignore_ascii_case("Disabled"))
    }

    /// Whether it can be reached from inside a virtual network only.
    pub(super) fn is_private(&self) -> bool {
        let network = self.properties.network.as_ref();
        let subnet = network.and_then(|network| network.delegated_subnet_resource_id.as_deref());
        subnet.is_some_and(|subnet| !subnet.is_empty())
    }

    /// Whether another machine stands by in its own region.
    pub(super) fn is_highly_available(&self) -> bool {
        let mode = self.properties.high_availability.as_ref().and_then(|ha| ha.mode.as_deref());
        mode.is_some_and(|mode| !mode.eq_ignore_ascii_case("Disabled"))
    }

    /// How many replicas it may have.
    pub(super) fn replicas_allowed(&self) -> Option<usize> {
        self.properties.replica.as_ref()?.capacity
    }
}

/// The parameter by which new transactions are read-only unless they ask otherwise. Each server has its own.
pub(super) const READ_ONLY: &str = "default_transaction_read_only";

/// A server parameter, and what it is set to.
#[derive(Deserialize)]
pub(super) struct Setting {
    #[serde(default)]
    pub(super) name: String,
    properties: SettingProperties,
}

#[derive(Deserialize)]
struct SettingProperties {
    value: Option<String>,
    source: Option<String>,
}

impl Setting {
    pub(super) async fn read(arm: &Arm, server: &Resource, name: &str) -> Result<Self, Trouble> {
        arm.get(Call::get(&Self::id(server, name))).await
    }

    /// All parameters of a server of a region that may be lost.
    pub(super) async fn glimpse_all(arm: &Arm, server: &Resource) -> Option<Vec<Self>> {
        arm.glimpse_list(Call::get(&Id::of(server).then("configurations"))).await
    }

    /// The request that sets it.
    pub(super) fn set(server: &Resource, name: &str, value: &str) -> Call {
        let body = json!({ "properties": { "value": value, "source": "user-override" } });
        Call::patch(&Self::id(server, name), &body)
    }

    fn id(server: &Resource, name: &str) -> Id {
        Id::of(server).then(&format!("configurations/{name}"))
    }

    pub(super) fn value(&self) -> &str {
        self.properties.value.as_deref().unwrap_or_default()
    }

    pub(super) fn is_on(&self) -> bool {
        self.value().eq_ignore_ascii_case("on")
    }

    /// Whether somebody set it.
    pub(super) fn is_set(&self) -> bool {
        let source = self.properties.source.as_deref();
        source.is_some_and(|source| source.eq_ignore_ascii_case("user-override"))
    }
}

pub(super) async fn replicas(arm: &Arm, primary: &Resource) -> Option<Vec<Server>> {
    arm.glimpse_list(Call::get(&Id::of(primary).then("replicas"))).await
}

/// How a replica stands. Only the primary's list says so.
pub(super) async fn replication(
    arm: &Arm,
    primary: &Resource,
    replica: &Resource,
) -> Option<String> {
    let list: Vec<Server> = arm.glimpse_list(Call::get(&Id::of(primary).then("replicas"))).await?;
    let is_it = |server: &Server| {
        server.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&replica.name))
    };
    let found = list.into_iter().find(is_it)?;
    Some(found.properties.replica?.replication_state.unwrap_or_else(|| "Unknown".to_owned()))
}

/// How far a replica was behind, and when that was measured: metrics are minutes old.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lag {
    pub(super) seconds: Option<f64>,
    pub(super) bytes: Option<f64>,
    as_of: Option<Timestamp>,
    /// Whether the bytes were measured no earlier than the seconds.
    bytes_are_newest: bool,
}

impl Lag {
    /// Asks the replica, and the primary unless that one is lost.
    pub(super) async fn read(
        arm: &Arm,
        primary: Option<&Resource>,
        replica: &Resource,
        now: Timestamp,
    ) -> Self {
        let seconds = metric(arm, replica, "physical_replication_delay_in_seconds", now);
        // The largest of all replicas' delays: the primary does not tell them apart.
        let bytes =
            async { metric(arm, primary?, "physical_replication_delay_in_bytes", now).await };
        let (seconds, bytes) = join(seconds, bytes).await;
        Self {
            seconds: seconds.map(|point| point.1),
            bytes: bytes.map(|point| point.1),
            as_of: seconds.or(bytes).map(|point| point.0),
            bytes_are_newest: bytes
                .zip(seconds)
                .is_some_and(|(bytes, seconds)| bytes.0 >= seconds.0),
        }
    }

    /// How much would be lost. Without writes the delay in seconds grows although nothing is missing, so no missing
    /// bytes are no loss, unless that was before the delay was measured.
    pub(super) fn loss(&self) -> Option<f64> {
        let misses_nothing = self.bytes == Some(0.0) && self.bytes_are_newest;
        if misses_nothing { Some(0.0) } else { self.seconds }
    }

    pub(super) fn add_to(self, evidence: &mut Evidence) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a size for people; `as` saturates"
        )]
        if let Some(bytes) = self.bytes {
            evidence.set("lag_bytes", Datum::Bytes(bytes as u64));
        }
        if let Some(seconds) = self.seconds {
            evidence.set("lag_seconds", Datum::Seconds(seconds));
        }
        if let Some(at) = self.as_of {
            evidence.set("lag_as_of", Datum::Instant(at));
        }
    }
}

#[derive(Deserialize)]
struct Metrics {
    value: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    timeseries: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    data: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    time_stamp: Timestamp,
    maximum: Option<f64>,
}

/// The newest point of the last quarter of an hour.
async fn metric(
    arm: &Arm,
    server: &Resource,
    name: &str,
    now: Timestamp,
) -> Option<(Timestamp, f64)> {
    let second = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let timespan = format!("{}/{}", second(now - SignedDuration::from_mins(15)), second(now));
    let call = Call::get(&Id::of(server).then("providers/Microsoft.Insights/metrics"))
        .query("metricnames", name)
        .query("timespan", &timespan)
        .query("interval", "PT1M")
        .query("aggregation", "Maximum");
    let metrics: Metrics = arm.glimpse(call).await?;
    let points = metrics.value.into_iter().flat_map(|metric| metric.timeseries);
    let points = points.flat_map(|series| series.data);
    points.filter_map(|point| Some((point.time_stamp, point.maximum?))).max_by_key(|point| point.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_were_counted_before_the_delay_prove_nothing() {
        let lag = |bytes, bytes_are_newest| Lag {
            seconds: Some(240.0),
            bytes: Some(bytes),
            as_of: None,
            bytes_are_newest,
        };
        assert_eq!(lag(0.0, true).loss(), Some(0.0));
        assert_eq!(lag(0.0, false).loss(), Some(240.0));
        assert_eq!(lag(9.0, true).loss(), Some(240.0));
        assert_eq!(Lag { bytes: Some(0.0), ..Lag::default() }.loss(), None);
    }
}

#[cfg(test)]
pub(super) mod sample {
    use serde_json::{Value, json};

    pub(in crate::provider::azure) const SERVERS: &str =
        "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers";

    pub(in crate::provider::azure) fn server(
        name: &str,
        role: &str,
        source: Option<&str>,
    ) -> Value {
        json!({
            "name": name,
            "location": "East US",
            "sku": { "name": "Standard_D4ds_v5", "tier": "GeneralPurpose" },
            "properties": {
                "state": "Ready",
                "replica": { "role": role, "capacity": 5 },
                "sourceServerResourceId": source.map(|source| format!("{SERVERS}/{source}")),
                "network": { "publicNetworkAccess": "Enabled" },
                "storage": { "storageSizeGB": 128, "autoGrow": "Enabled" },
            },
        })
    }

    /// A parameter that somebody set.
    pub(in crate::provider::azure) fn setting(name: &str, value: &str) -> String {
        let properties = json!({ "value": value, "source": "user-override" });
        json!({ "name": name, "properties": properties }).to_string()
    }

    /// The primary's list of its replicas.
    pub(in crate::provider::azure) fn replicas(mut replica: Value, state: &str) -> String {
        replica["properties"]["replica"]["replicationState"] = json!(state);
        json!({ "value": [replica] }).to_string()
    }

    pub(in crate::provider::azure) fn metric(at: &str, maximum: f64) -> String {
        let data = json!([{ "timeStamp": at, "maximum": maximum }, { "timeStamp": "2026-11-20T10:02:00Z" }]);
        json!({ "value": [{ "timeseries": [{ "data": data }] }] }).to_string()
    }
}
