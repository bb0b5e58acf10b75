//! A Traffic Manager profile, as Azure shows it: who is sent where, and how soon resolvers notice.

use super::{
    arm::Arm,
    call::Call,
    id::{Id, place},
    site::{Site, Tags, is_page},
};
use crate::{
    action::{Placed, Plane, Serves, Shape, Trouble},
    model::{Datum, Evidence, Region, Resource},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

pub(super) const PROFILE: Shape = Shape::Resource {
    kind: "Microsoft.Network/trafficManagerProfiles",
    placed: Placed::Globally,
    made: false,
};
pub(super) const ENDPOINT: Shape = Shape::Part {
    of: "profile",
    kind: "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
    placed: Placed::InARegion,
};

/// A profile is in no region, and outlives the loss of any.
/// <https://learn.microsoft.com/azure/reliability/reliability-traffic-manager>
pub(super) const GLOBAL: Plane = Plane::Global("Traffic Manager");

#[derive(Deserialize)]
pub(super) struct Profile {
    pub(super) tags: Option<Tags>,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    traffic_routing_method: String,
    dns_config: Dns,
    monitor_config: Monitor,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
struct Dns {
    ttl: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Monitor {
    interval_in_seconds: Option<u64>,
    timeout_in_seconds: Option<u64>,
    tolerated_number_of_failures: Option<u64>,
}

/// One place that users may be sent to. Keeps what this program does not know, so that an update loses nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Endpoint {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) properties: Map<String, Value>,
}

impl Endpoint {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_str()
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    pub(super) fn target_id(&self) -> Option<&str> {
        self.text("targetResourceId")
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.says("endpointStatus", "Enabled")
    }

    /// What probing says of it.
    pub(super) fn monitor(&self) -> &str {
        self.text("endpointMonitorStatus").unwrap_or("unknown")
    }

    /// Whether it is well. One that is always served is not probed, and counts as well.
    pub(super) fn is_online(&self) -> bool {
        ["Online", "Unmonitored"].iter().any(|well| self.says("endpointMonitorStatus", well))
    }

    pub(super) fn weight(&self) -> u64 {
        self.properties.get("weight").and_then(Value::as_u64).unwrap_or(1)
    }

    fn priority(&self) -> u64 {
        self.properties.get("priority").and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    pub(super) fn is_external(&self) -> bool {
        super::id::name_of(&self.kind).eq_ignore_ascii_case("externalEndpoints")
    }

    /// The last part of its type, which stands in its path.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", super::id::name_of(&self.kind), self.name)
    }
}

/// The name of an endpoint, of a resource that is called `profile/endpoint`.
pub(super) fn endpoint_name(endpoint: &Resource) -> &str {
    endpoint.name.rsplit('/').next().unwrap_or_default()
}

impl Profile {
    pub(super) async fn find(arm: &Arm, profile: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(profile))).await
    }

    pub(super) fn endpoints(&self) -> &[Endpoint] {
        self.properties.endpoints.as_deref().unwrap_or_default()
    }

    pub(super) fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints().iter().find(|endpoint| endpoint.name.eq_ignore_ascii_case(name))
    }

    /// The endpoint that sends users to a site: by its id, or from outside by its host.
    pub(super) fn targeting(&self, id: &Id, host: Option<&str>) -> Option<&Endpoint> {
        let targets = |endpoint: &&Endpoint| {
            endpoint.target_id().is_some_and(|target| id.is(target))
                || host.is_some_and(|host| endpoint.says("target", host))
        };
        self.endpoints().iter().find(targets)
    }

    pub(super) fn method(&self) -> &str {
        &self.properties.traffic_routing_method
    }

    pub(super) fn routes_by(&self, method: &str) -> bool {
        self.method().eq_ignore_ascii_case(method)
    }

    /// How long resolvers keep an answer.
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_secs(self.properties.dns_config.ttl)
    }

    /// How long it takes until an endpoint that fails is no longer answered. Azure's defaults stand in for what a
    /// profile leaves out.
    pub(super) fn detection(&self) -> Duration {
        let monitor = &self.properties.monitor_config;
        let interval = monitor.interval_in_seconds.unwrap_or(30);
        let tolerated = monitor.tolerated_number_of_failures.unwrap_or(3);
        Duration::from_secs(interval * (tolerated + 1) + monitor.timeout_in_seconds.unwrap_or(10))
    }

    pub(super) fn evidence(&self, endpoint: Option<&Endpoint>) -> Evidence {
        let mut evidence = Evidence::new();
        if let Some(endpoint) = endpoint {
            let target = endpoint.target_id().map(super::id::name_of).or(endpoint.text("target"));
            evidence = evidence
                .text("target", target.unwrap_or("nothing"))
                .text("status", endpoint.text("endpointStatus").unwrap_or("unknown"))
                .text("monitor", endpoint.monitor())
                .with("weight", count(endpoint.weight()));
            if endpoint.priority() != u64::MAX {
                evidence.set("priority", count(endpoint.priority()));
            }
        }
        evidence.text("method", self.method()).with("ttl", Datum::Seconds(self.ttl().as_secs_f64()))
    }

    /// The endpoints that are meant to serve users: by what was configured, whether or not they are well. In an outage
    /// Traffic Manager may already answer with another one, but that is not a failover.
    fn serving(&self) -> Vec<&Endpoint> {
        let enabled = self.endpoints().iter().filter(|endpoint| endpoint.is_enabled());
        match self.method() {
            "Priority" => enabled.min_by_key(|endpoint| endpoint.priority()).into_iter().collect(),
            _ => enabled.collect(),
        }
    }

    /// The region whose apps users are sent to. Nobody while they see a maintenance page, or go to several regions.
    pub(super) async fn serves(&self, arm: &Arm) -> Serves {
        let places = self.serving().into_iter().map(|endpoint| Self::place_of(endpoint, arm));
        let mut places = join_all(places).await.into_iter();
        match places.next().flatten() {
            Some(first) if places.all(|other| other.as_ref() == Some(&first)) => {
                Serves::Region(first)
            }
            _ => Serves::Nobody,
        }
    }

    async fn place_of(endpoint: &Endpoint, arm: &Arm) -> Option<Region> {
        let target = endpoint.target_id()?;
        match arm.glimpse::<Site>(Call::get(&Id::from_azure(target))).await {
            Some(site) if is_page(site.tags.as_ref()) => None,
            Some(site) => Some(place(&site.location)),
            None => endpoint.text("endpointLocation").map(place),
        }
    }
}

fn count(number: u64) -> Datum {
    Datum::Count(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(super) mod sample {
    use crate::provider::testing::{Script, answer, ok};
    use serde_json::{Value, json};
    use std::sync::Arc;

    pub(in crate::provider::azure) const SITES: &str =
        "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.Web/sites";

    pub(in crate::provider::azure) fn endpoint(name: &str, app: &str, status: &str) -> Value {
        json!({
            "id": "…",
            "name": name,
            "type": "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
            "properties": {
                "targetResourceId": format!("{SITES}/{app}"),
                "endpointStatus": status,
                "endpointMonitorStatus": if status == "Enabled" { "Online" } else { "Disabled" },
                "weight": 1,
                "priority": if name == "primary-region" { 1 } else { 2 },
                "endpointLocation": null,
            },
        })
    }

    pub(in crate::provider::azure) fn profile(method: &str, endpoints: &[Value]) -> Value {
        json!({
            "location": "global",
            "tags": { "team": "media" },
            "properties": {
                "trafficRoutingMethod": method,
                "dnsConfig": { "ttl": 60 },
                "monitorConfig": {
                    "intervalInSeconds": 10,
                    "timeoutInSeconds": 5,
                    "toleratedNumberOfFailures": 2,
                },
                "endpoints": endpoints,
            },
        })
    }

    /// Answers with this profile, and with the sites that it may target.
    pub(in crate::provider::azure) fn script(profile: &Value) -> Arc<Script> {
        let site = |region: &str, tags: &str| {
            ok(&format!(r#"{{"location":"{region}","tags":{tags},"properties":{{}}}}"#))
        };
        Script::new()
            .on("GET /tm?", ok(&profile.to_string()))
            .on("GET /app-eastus", site("East US", "{}"))
            .on("GET /app-westus", site("West US", "{}"))
            .on("GET /page", site("Central US", r#"{"failover":"proseware"}"#))
            .on("PATCH /tm", answer(201, &[], "{}"))
            .on("PUT /tm", answer(201, &[], "{}"))
    }
}
