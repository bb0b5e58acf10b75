//! PostgreSQL flexible servers: what they say of themselves, their parameters and their network.
//!
//! Sources: Azure Database for PostgreSQL, REST reference; what it does beyond that was seen in recordings of az.

use super::{
    operation::{Progress, Work, instant, signed},
    replication::{self, VirtualEndpoint},
};
use crate::sim::{
    address::{Address, Addressed, displayed, find, find_mut},
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(super) const KIND: &str = "Microsoft.DBforPostgreSQL/flexibleServers";
pub(super) const SUFFIX: &str = ".postgres.database.azure.com";
const READ_ONLY: &str = "default_transaction_read_only";
/// How a server says that it has no standby.
pub(super) const DISABLED: &str = "Disabled";

/// Name, default, type, what is allowed, and whether it needs no restart.
const PARAMETERS: [(&str, &str, &str, &str, bool); 7] = [
    (READ_ONLY, "off", "Boolean", "on,off", true),
    ("max_connections", "859", "Integer", "25-5000", false),
    ("max_locks_per_transaction", "64", "Integer", "10-8388608", false),
    ("max_prepared_transactions", "0", "Integer", "0-262143", false),
    ("max_wal_senders", "10", "Integer", "5-100", false),
    ("max_worker_processes", "8", "Integer", "0-262143", false),
    ("work_mem", "4096", "Integer", "4096-2097151", true),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Server {
    pub at: Address,
    pub location: String,
    pub sku: String,
    pub storage_gb: u32,
    /// `Disabled`, `ZoneRedundant` or `SameZone`.
    pub high_availability: String,
    pub role: Role,
    /// Its primary, when it is a replica.
    pub source: Option<Address>,
    pub role_since: Timestamp,
    pub is_stopped: bool,
    pub is_public: bool,
    /// Parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    pub tags: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim) enum Role {
    None,
    Primary,
    AsyncReplica,
    GeoAsyncReplica,
}

/// What an operation brings about at a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Duty {
    Parameter { name: String, value: String },
    Network { is_public: bool },
    HighAvailability { mode: String },
    Restart,
    Start,
    Stop,
    Create,
    Delete,
    Promote { is_switchover: bool, is_forced: bool },
    PutEndpoint(VirtualEndpoint),
    DeleteEndpoint { name: String },
}

impl Addressed for Server {
    fn address(&self) -> &Address {
        &self.at
    }
}

impl Server {
    pub(in crate::sim) fn host(&self) -> String {
        format!("{}{SUFFIX}", self.at.name.to_ascii_lowercase())
    }

    /// The tier of its size: `Standard_B1ms` is Burstable.
    pub(super) fn tier(&self) -> &'static str {
        match self.sku.strip_prefix("Standard_").and_then(|size| size.chars().next()) {
            Some('B') => "Burstable",
            Some('E') => "MemoryOptimized",
            _ => "GeneralPurpose",
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let default = PARAMETERS.iter().find(|parameter| parameter.0 == name)?.1;
        Some(self.parameters.get(name).map_or(default, String::as_str))
    }

    /// The primary of its replica set.
    pub(super) fn root(&self) -> &Address {
        self.source.as_ref().unwrap_or(&self.at)
    }

    /// What is being done to it now. An operation on one server of a replica set holds all of them.
    pub(super) fn duty<'a>(&self, cloud: &'a Cloud) -> Option<&'a Duty> {
        cloud.under_way().find_map(|work| match work {
            Work::Postgres { server, duty } => {
                let other = find(&cloud.servers, server)?;
                (other.root() == self.root()).then_some(duty)
            }
            _ => None,
        })
    }

    /// Whether it accepts writes now.
    pub(in crate::sim) fn is_writable(&self, cloud: &Cloud) -> bool {
        let restarts = |work: &Work| matches!(work, Work::Postgres { server, duty: Duty::Restart | Duty::Stop } if *server == self.at);
        matches!(self.role, Role::Primary | Role::None)
            && self.is_public
            && !self.is_stopped
            && self.parameter(READ_ONLY) == Some("off")
            && !cloud.is_dark(&self.location)
            && !cloud.under_way().any(restarts)
    }

    pub(super) fn state(&self, cloud: &Cloud) -> &'static str {
        match self.duty(cloud) {
            Some(Duty::Start) => "Starting",
            Some(Duty::Stop) => "Stopping",
            Some(Duty::Delete) => "Dropping",
            Some(_) => "Updating",
            None if self.is_stopped => "Stopped",
            None => "Ready",
        }
    }

    pub(super) fn show(&self, cloud: &Cloud, replication: Option<&str>) -> Value {
        let role = format!("{:?}", self.role);
        let mut replica =
            json!({ "role": role, "capacity": if self.source.is_some() { 0 } else { 5 } });
        if let Some(state) = replication {
            replica["replicationState"] = json!(state);
        }
        let mut properties = json!({
            "state": self.state(cloud),
            "fullyQualifiedDomainName": self.host(),
            "version": "16",
            "minorVersion": "4",
            "availabilityZone": "1",
            "administratorLogin": "proseware",
            "replicationRole": role,
            "replicaCapacity": replica["capacity"],
            "replica": replica,
            "storage": { "storageSizeGB": self.storage_gb, "autoGrow": "Disabled", "tier": "P10", "iops": 500, "type": "" },
            "network": { "publicNetworkAccess": if self.is_public { "Enabled" } else { "Disabled" } },
            "highAvailability": {
                "mode": self.high_availability,
                "state": if self.high_availability == DISABLED { "NotEnabled" } else { "Healthy" },
            },
            "backup": { "backupRetentionDays": 7, "geoRedundantBackup": "Disabled", "earliestRestoreDate": instant(self.role_since) },
        });
        if let Some(source) = &self.source {
            properties["sourceServerResourceId"] = json!(source.id(KIND));
        }
        json!({
            "id": self.at.id(KIND),
            "name": self.at.name,
            "type": KIND,
            // The display name, whatever the client sent.
            "location": displayed(&self.location),
            "sku": { "name": self.sku, "tier": self.tier() },
            "tags": self.tags,
            "properties": properties,
        })
    }

    fn show_parameter(&self, name: &str) -> Option<Value> {
        let (name, default, kind, allowed, is_dynamic) =
            *PARAMETERS.iter().find(|parameter| parameter.0.eq_ignore_ascii_case(name))?;
        let is_set = self.parameters.contains_key(name);
        Some(json!({
            "id": format!("{}/configurations/{name}", self.at.id(KIND)),
            "name": name,
            "type": format!("{KIND}/configurations"),
            "properties": {
                "value": self.parameter(name),
                "defaultValue": default,
                "dataType": kind,
                "allowedValues": allowed,
                "source": if is_set { "user-override" } else { "system-default" },
                "isDynamicConfig": is_dynamic,
                "isReadOnly": false,
                "isConfigPendingRestart": false,
            },
        }))
    }
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, at: &Address, rest: &[&str]) -> Replied {
    if let (&Method::PUT, []) = (call.method(), rest) {
        return replication::create(cloud, call, at);
    }
    let server = find(&cloud.servers, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    match (call.method(), rest) {
        (&Method::GET, []) => Ok(Reply::json(200, &server.show(cloud, None))),
        (&Method::PATCH, []) => update(cloud, call, at),
        (&Method::DELETE, []) => begin(cloud, call, at, Duty::Delete),
        (&Method::POST, ["restart"]) => restart(cloud, call, at),
        (&Method::POST, ["start"]) => begin(cloud, call, at, Duty::Start),
        (&Method::POST, ["stop"]) => begin(cloud, call, at, Duty::Stop),
        (&Method::GET, ["configurations"]) => {
            let all = PARAMETERS.iter().filter_map(|parameter| server.show_parameter(parameter.0));
            Ok(Reply::json(200, &json!({ "value": all.collect::<Vec<_>>() })))
        }
        (method, ["configurations", name]) => match *method {
            Method::GET => {
                let shown = server.show_parameter(name).ok_or_else(|| unknown_parameter(name))?;
                Ok(Reply::json(200, &shown))
            }
            Method::PATCH | Method::PUT => set_parameter(cloud, call, at, name),
            _ => Err(Refusal::no_route(call)),
        },
        (&Method::GET, ["replicas"]) => Ok(replication::replicas(cloud, at)),
        (_, ["virtualendpoints", name @ ..]) => replication::endpoint(cloud, call, at, name),
        _ => Err(Refusal::no_route(call)),
    }
}

fn unknown_parameter(name: &str) -> Refusal {
    let why = format!("The configuration '{name}' does not exist.");
    Refusal::new(404, "ConfigurationNotExists", why)
}

/// One operation at a time, over the whole replica set.
pub(super) fn begin(cloud: &mut Cloud, call: &Call<'_>, at: &Address, duty: Duty) -> Replied {
    let server = find(&cloud.servers, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    if !matches!(duty, Duty::Create) && server.duty(cloud).is_some() {
        let why = format!(
            "Cannot complete operation while server '{}' is busy processing another operation. Try again later.",
            server.at.name
        );
        return Err(Refusal::new(409, "ServerIsBusy", why));
    }
    let (name, takes) = match &duty {
        Duty::Parameter { .. } => ("UpdateConfigurationManagementOperation", 20),
        Duty::Network { .. } => ("UpdateServerManagementOperation", 45),
        Duty::HighAvailability { .. } => ("UpdateServerManagementOperation", 10 * 60),
        Duty::Restart => ("RestartServerManagementOperation", 60),
        Duty::Start => ("StartServerManagementOperation", 90),
        Duty::Stop => ("StopServerManagementOperation", 60),
        Duty::Create => ("CreateReadReplicaManagementOperation", 25 * 60),
        Duty::Delete => ("DropServerManagementOperation", 90),
        Duty::Promote { is_switchover: true, .. } => {
            ("ReadReplicaSiteSwapManagementOperation", 6 * 60)
        }
        Duty::Promote { .. } => ("PromoteReadReplicaManagementOperation", 5 * 60),
        Duty::PutEndpoint(_) | Duty::DeleteEndpoint { .. } => {
            ("VirtualEndpointManagementOperation", 60)
        }
    };
    let location = server.location.clone();
    let work = Work::Postgres { server: server.at.clone(), duty };
    let id = cloud.begin(&at.subscription, &location, work, Duration::from_secs(takes));
    let query = signed(&id, &call.parameter("api-version").unwrap_or_default());
    let region = displayed(&location).replace(' ', "%20");
    let address = |kind: &str| {
        format!(
            "{}/subscriptions/{}/providers/Microsoft.DBforPostgreSQL/locations/{region}/{kind}/{id}?{query}",
            call.base, at.subscription
        )
    };
    let body = json!({ "operation": name, "startTime": call.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string() });
    // No Retry-After: seen in recordings.
    Ok(Reply::json(202, &body)
        .with("azure-asyncoperation", address("azureAsyncOperation"))
        .with("location", address("operationResults")))
}

fn restart(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let server = find(&cloud.servers, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    if server.is_stopped {
        let why = format!("Server '{}' is not in the Ready state.", at.name);
        return Err(Refusal::new(400, "ServerIsNotReady", why));
    }
    begin(cloud, call, at, Duty::Restart)
}

fn update(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let body = call.json()?;
    if body["properties"]["replica"].is_object() {
        return replication::promote(cloud, call, at, &body["properties"]);
    }
    if let Some(mode) = body["properties"]["highAvailability"]["mode"].as_str() {
        return set_high_availability(cloud, call, at, mode);
    }
    match body["properties"]["network"]["publicNetworkAccess"].as_str() {
        Some(access) => {
            let is_public = access.eq_ignore_ascii_case("enabled");
            begin(cloud, call, at, Duty::Network { is_public })
        }
        None => {
            Err(Refusal::new(400, "InvalidParameterValue", "Nothing of this update is simulated."))
        }
    }
}

/// Only a primary can have a standby in its own region.
fn set_high_availability(cloud: &mut Cloud, call: &Call<'_>, at: &Address, mode: &str) -> Replied {
    let known = [DISABLED, "ZoneRedundant", "SameZone"];
    let mode = known.iter().find(|known| known.eq_ignore_ascii_case(mode));
    let is_replica = find(&cloud.servers, at).is_some_and(|server| server.source.is_some());
    match mode {
        Some(mode) if !is_replica => {
            begin(cloud, call, at, Duty::HighAvailability { mode: (*mode).to_owned() })
        }
        Some(_) => {
            let why = "High availability is not supported on a read replica.";
            Err(Refusal::new(400, "OperationNotAllowed", why))
        }
        None => {
            let why = "The mode of high availability is unknown.";
            Err(Refusal::new(400, "InvalidParameterValue", why))
        }
    }
}

fn set_parameter(cloud: &mut Cloud, call: &Call<'_>, at: &Address, name: &str) -> Replied {
    let body = call.json()?;
    let known = PARAMETERS.iter().find(|parameter| parameter.0.eq_ignore_ascii_case(name));
    let (name, _, _, allowed, _) = known.ok_or_else(|| unknown_parameter(name))?;
    let Some(value) = body["properties"]["value"].as_str() else {
        return Err(Refusal::new(
            400,
            "MissingRequiredParameter",
            "'properties.value' must be specified.",
        ));
    };
    let is_allowed = match allowed.split_once('-') {
        Some((least, most)) => value.parse().is_ok_and(|value: u64| {
            least.parse().is_ok_and(|least| value >= least)
                && most.parse().is_ok_and(|most| value <= most)
        }),
        None => allowed.split(',').any(|one| one == value),
    };
    if !is_allowed {
        let why =
            format!("The value '{value}' of the configuration '{name}' is not allowed: {allowed}.");
        return Err(Refusal::new(400, "InvalidParameterValue", why));
    }
    begin(cloud, call, at, Duty::Parameter { name: (*name).to_owned(), value: value.to_owned() })
}

/// Brings about what an operation was for.
pub(super) fn finish(cloud: &mut Cloud, at: &Address, duty: Duty) -> Progress {
    let now = cloud.now;
    let Some(server) = find_mut(&mut cloud.servers, at) else { return Progress::Failed };
    match duty {
        Duty::Parameter { name, value } => {
            server.parameters.insert(name, value);
        }
        Duty::Network { is_public } => server.is_public = is_public,
        Duty::HighAvailability { mode } => server.high_availability = mode,
        Duty::Start => server.is_stopped = false,
        Duty::Stop => server.is_stopped = true,
        Duty::Restart => {}
        Duty::Create => server.role_since = now,
        Duty::Delete => {
            cloud.virtual_endpoints.retain(|one| one.owner != *at);
            cloud.servers.retain(|one| one.at != *at);
        }
        Duty::Promote { is_switchover, is_forced } => {
            return replication::finish_promotion(cloud, at, is_switchover, is_forced);
        }
        Duty::PutEndpoint(endpoint) => {
            cloud.virtual_endpoints.retain(|one| !one.name.eq_ignore_ascii_case(&endpoint.name));
            cloud.virtual_endpoints.push(endpoint);
        }
        Duty::DeleteEndpoint { name } => {
            cloud.virtual_endpoints.retain(|one| !one.name.eq_ignore_ascii_case(&name));
        }
    }
    Progress::Succeeded
}
