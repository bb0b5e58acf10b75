//! Traffic Manager profiles and endpoints, as Resource Manager shows and changes them.
//!
//! Sources: Profiles and Endpoints (REST reference); the odd wire format was seen in recordings of az.

use super::{
    monitor::{Monitor, Probe, Seen},
    web::SITE,
};
use crate::model::Resource;
use crate::sim::{
    address::{Address, Addressed, find, find_mut, location},
    call::{Call, Refusal, Replied, Reply},
    cloud::{Cloud, Outage},
    seed::{Seed, address, region},
};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) const KIND: &str = "Microsoft.Network/trafficManagerProfiles";
pub(super) const SUFFIX: &str = ".trafficmanager.net";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Profile {
    pub at: Address,
    pub is_enabled: bool,
    /// `Priority`, `Weighted` …
    pub routing: String,
    pub relative_name: String,
    pub ttl: u32,
    pub monitor: Monitor,
    pub endpoints: Vec<Endpoint>,
    pub tags: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Endpoint {
    pub name: String,
    /// `azureEndpoints`, `externalEndpoints` or `nestedEndpoints`.
    pub kind: String,
    pub target_id: Option<String>,
    /// A host name.
    pub target: String,
    pub is_enabled: bool,
    pub weight: i64,
    pub priority: i64,
    pub location: Option<String>,
    pub is_always_served: bool,
    pub probe: Probe,
}

impl Addressed for Profile {
    fn address(&self) -> &Address {
        &self.at
    }
}

impl Profile {
    pub(in crate::sim) fn host(&self) -> String {
        format!("{}{SUFFIX}", self.relative_name.to_ascii_lowercase())
    }

    pub(super) fn show(&self, cloud: &Cloud, with_status: bool) -> Value {
        let id = self.at.id(KIND);
        let mut monitor = self.monitor.show();
        // Lists do not compute it.
        let status = with_status.then(|| self.status(cloud));
        monitor["profileMonitorStatus"] = json!(status);
        let endpoints: Vec<_> =
            self.endpoints.iter().map(|one| self.show_endpoint(cloud, one)).collect();
        json!({
            "id": id,
            "name": self.at.name,
            "type": KIND,
            "location": "global",
            "tags": self.tags,
            "properties": {
                "profileStatus": enabled(self.is_enabled),
                "trafficRoutingMethod": self.routing,
                "dnsConfig": { "relativeName": self.relative_name, "fqdn": self.host(), "ttl": self.ttl },
                "monitorConfig": monitor,
                "endpoints": endpoints,
                "trafficViewEnrollmentStatus": "Disabled",
                "maxReturn": null,
                "NestedProfile": null,
            },
        })
    }

    fn show_endpoint(&self, cloud: &Cloud, endpoint: &Endpoint) -> Value {
        json!({
            "id": format!("{}/{}/{}", self.at.id(KIND), endpoint.kind, endpoint.name),
            "name": endpoint.name,
            "type": format!("{KIND}/{}", endpoint.kind),
            "properties": {
                "endpointStatus": enabled(endpoint.is_enabled),
                "endpointMonitorStatus": self.endpoint_status(cloud, endpoint),
                "targetResourceId": endpoint.target_id,
                "target": endpoint.target,
                "weight": endpoint.weight,
                "priority": endpoint.priority,
                "endpointLocation": endpoint.location,
                "alwaysServe": enabled(endpoint.is_always_served),
            },
        })
    }

    /// Takes over the members that a body has. What is absent stays, or is the default of a new profile.
    fn take(&mut self, cloud: &Cloud, properties: &Value) -> Result<(), Refusal> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let dns = &properties["dnsConfig"];
        self.is_enabled = is_enabled(&properties["profileStatus"]).unwrap_or(self.is_enabled);
        self.relative_name =
            text(&dns["relativeName"]).unwrap_or(std::mem::take(&mut self.relative_name));
        if let Some(ttl) = dns["ttl"].as_u64() {
            self.ttl = u32::try_from(ttl).map_err(|_| invalid("The TTL is out of range."))?;
        }
        if let Some(routing) = text(&properties["trafficRoutingMethod"]) {
            let known =
                ["Performance", "Priority", "Weighted", "Geographic", "MultiValue", "Subnet"];
            let known = known.iter().find(|known| known.eq_ignore_ascii_case(&routing));
            let known = known.ok_or_else(|| invalid("The routing method is unknown."))?;
            (*known).clone_into(&mut self.routing);
        }
        self.monitor.take(&properties["monitorConfig"])?;
        if let Some(all) = properties["endpoints"].as_array() {
            let mut endpoints = Vec::new();
            for body in all {
                let name =
                    text(&body["name"]).ok_or_else(|| invalid("An endpoint has no name."))?;
                let kind = body["type"].as_str().unwrap_or("azureEndpoints");
                let kind = endpoint_kind(kind.rsplit('/').next().unwrap_or_default())?;
                let known =
                    self.endpoints.iter().find(|one| one.name.eq_ignore_ascii_case(&name)).cloned();
                let mut endpoint =
                    known.unwrap_or_else(|| Endpoint::new(&name, kind, endpoints.len()));
                endpoint.take(cloud, &body["properties"])?;
                endpoints.push(endpoint);
            }
            self.endpoints = endpoints;
        }
        Ok(())
    }

    /// The rules over all endpoints of a profile.
    fn check(&self, cloud: &Cloud) -> Result<(), Refusal> {
        let mut regions = Vec::new();
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            if self.endpoints[..place].iter().any(|other| other.priority == endpoint.priority) {
                return Err(invalid(
                    "The priority of each endpoint must be unique within the profile.",
                ));
            }
            let Some(site) = endpoint.site(cloud) else { continue };
            if regions.contains(&&site.location) {
                // Traffic Manager FAQ: "only one Web App endpoint per Azure region in a profile".
                return Err(invalid(
                    "Only one web app endpoint from each Azure region is allowed in a profile.",
                ));
            }
            regions.push(&site.location);
        }
        Ok(())
    }
}

impl Endpoint {
    pub(super) fn new(name: &str, kind: &str, count: usize) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            target_id: None,
            target: String::new(),
            is_enabled: true,
            weight: 1,
            priority: i64::try_from(count).unwrap_or_default() + 1,
            location: None,
            is_always_served: false,
            probe: Probe::default(),
        }
    }

    /// The web app that it targets.
    pub(super) fn site<'a>(&self, cloud: &'a Cloud) -> Option<&'a super::Site> {
        let at = Address::in_id(self.target_id.as_deref()?, SITE)?;
        find(&cloud.sites, &at)
    }

    fn take(&mut self, cloud: &Cloud, properties: &Value) -> Result<(), Refusal> {
        let before = (self.target.clone(), self.is_enabled);
        for (name, value) in [("weight", &mut self.weight), ("priority", &mut self.priority)] {
            if let Some(number) = properties[name].as_i64() {
                if !(1..=1_000).contains(&number) {
                    return Err(invalid(&format!(
                        "The {name} '{number}' must be between 1 and 1000."
                    )));
                }
                *value = number;
            }
        }
        if let Some(id) = properties["targetResourceId"].as_str() {
            self.target_id = Some(id.to_owned());
            let Some(site) = self.site(cloud) else {
                return Err(invalid(&format!("The target resource '{id}' was not found.")));
            };
            if !site.is_standard(cloud) {
                return Err(invalid("The web app's plan must be Standard or above."));
            }
            let is_new = before.0 != site.host();
            if is_new && cloud.blackout.kind == Outage::Region && cloud.is_dark(&site.location) {
                // Targeting registers the profile's name with the app, in the app's region.
                let why = "The web app could not be reached to register the profile's host name.";
                return Err(Refusal::new(503, "ServiceUnavailable", why));
            }
            self.target = site.host();
        } else if let Some(target) = properties["target"].as_str()
            && self.kind == "externalEndpoints"
        {
            target.clone_into(&mut self.target);
        }
        if self.target.is_empty() {
            return Err(invalid("The endpoint has no target."));
        }
        if let Some(place) = properties["endpointLocation"].as_str() {
            self.location = Some(place.to_owned());
        }
        self.is_enabled = is_enabled(&properties["endpointStatus"]).unwrap_or(self.is_enabled);
        self.is_always_served =
            is_enabled(&properties["alwaysServe"]).unwrap_or(self.is_always_served);
        if before != (self.target.clone(), self.is_enabled) {
            self.probe = Probe { since: cloud.now, ..Probe::default() };
        }
        Ok(())
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "BadRequest", why)
}

fn enabled(is_enabled: bool) -> &'static str {
    if is_enabled { "Enabled" } else { "Disabled" }
}

fn is_enabled(value: &Value) -> Option<bool> {
    value.as_str().map(|said| said.eq_ignore_ascii_case("enabled"))
}

fn endpoint_kind(said: &str) -> Result<&'static str, Refusal> {
    let known = ["azureEndpoints", "externalEndpoints", "nestedEndpoints"];
    let kind = known.into_iter().find(|known| known.eq_ignore_ascii_case(said));
    kind.filter(|kind| *kind != "nestedEndpoints")
        .ok_or_else(|| invalid("Endpoints of this type are not simulated."))
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, at: &Address, rest: &[&str]) -> Replied {
    let replied = match rest {
        [] => profile(cloud, call, at),
        [kind, _] => endpoint(cloud, call, at, endpoint_kind(kind)?),
        _ => Err(Refusal::no_route(call)),
    };
    replied
        .map(|reply| reply.with("x-ms-ratelimit-remaining-subscription-resource-requests", "10799"))
}

pub(super) fn list(cloud: &Cloud) -> Reply {
    let all: Vec<_> = cloud.profiles.iter().map(|profile| profile.show(cloud, false)).collect();
    Reply::slash_escaped(200, &json!({ "value": all }))
}

fn profile(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let known = find(&cloud.profiles, at);
    let missing = || Refusal::not_found(KIND, at);
    let (mut changed, status) = match *call.method() {
        Method::GET => {
            let shown = known.ok_or_else(missing)?.show(cloud, true);
            return Ok(Reply::slash_escaped(200, &shown));
        }
        Method::DELETE => {
            cloud.profiles.retain(|one| one.at != *at);
            return Ok(Reply::json(200, &json!({ "boolean": true })));
        }
        Method::PATCH => (known.ok_or_else(missing)?.clone(), 200),
        Method::PUT => {
            let mut new = Profile::new(at.clone(), "");
            // What the client does not say of a known endpoint's probing goes on; endpoints that it leaves out go.
            new.endpoints = known.map(|known| known.endpoints.clone()).unwrap_or_default();
            (new, if known.is_some() { 200 } else { 201 })
        }
        _ => return Err(Refusal::no_route(call)),
    };
    let body = call.json()?;
    if call.method() == Method::PUT && body["properties"]["endpoints"].is_null() {
        changed.endpoints.clear();
    }
    changed.take(cloud, &body["properties"])?;
    if body["tags"].is_object() {
        changed.tags = body["tags"].clone();
    }
    keep(cloud, changed)?;
    let shown = find(&cloud.profiles, at).map(|profile| profile.show(cloud, true));
    Ok(Reply::slash_escaped(status, &shown.unwrap_or_default()))
}

fn endpoint(cloud: &mut Cloud, call: &Call<'_>, at: &Address, kind: &str) -> Replied {
    let name = call.path.last().copied().unwrap_or_default();
    let profile = find(&cloud.profiles, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    let is_it = |one: &Endpoint| one.kind == kind && one.name.eq_ignore_ascii_case(name);
    let known = profile.endpoints.iter().find(|one| is_it(one));
    let missing = || Refusal::not_found(KIND, &at.beside(&format!("{}/{kind}/{name}", at.name)));
    let mut changed = profile.clone();
    let (endpoint, status) = match *call.method() {
        Method::GET => {
            let shown = profile.show_endpoint(cloud, known.ok_or_else(missing)?);
            return Ok(Reply::slash_escaped(200, &shown));
        }
        Method::DELETE if known.is_none() => return Ok(Reply::empty(204)),
        Method::DELETE => {
            changed.endpoints.retain(|one| !is_it(one));
            keep(cloud, changed)?;
            return Ok(Reply::json(200, &json!({ "boolean": true })));
        }
        Method::PATCH => (known.ok_or_else(missing)?.clone(), 200),
        // 201 even when it was there (seen in recordings of az).
        Method::PUT => {
            let new = || Endpoint::new(name, kind, profile.endpoints.len());
            (known.cloned().unwrap_or_else(new), 201)
        }
        _ => return Err(Refusal::no_route(call)),
    };
    let mut endpoint = endpoint;
    endpoint.take(cloud, &call.json()?["properties"])?;
    match changed.endpoints.iter_mut().find(|one| is_it(one)) {
        Some(place) => *place = endpoint,
        None => changed.endpoints.push(endpoint),
    }
    keep(cloud, changed)?;
    let profile = find(&cloud.profiles, at).ok_or_else(missing)?;
    let endpoint = profile.endpoints.iter().find(|one| is_it(one)).ok_or_else(missing)?;
    Ok(Reply::slash_escaped(status, &profile.show_endpoint(cloud, endpoint)))
}

/// Puts a changed profile in its place, if it obeys the rules.
fn keep(cloud: &mut Cloud, changed: Profile) -> Result<(), Refusal> {
    changed.check(cloud)?;
    match find_mut(&mut cloud.profiles, &changed.at) {
        Some(place) => *place = changed,
        None => cloud.profiles.push(changed),
    }
    Ok(())
}

impl Profile {
    /// Priority routing, the active region's endpoint first and the standby's disabled.
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let found: Vec<_> = seed.names_before(SUFFIX).collect();
        let own: Vec<_> = seed.of_kind(KIND).map(|one| one.name.clone()).collect();
        for (number, resource) in seed.of_kind(KIND).enumerate() {
            let at = address(resource);
            let is_others = |name: &&&str| !own.iter().any(|own| own.eq_ignore_ascii_case(name));
            let name = found.iter().find(|name| name.eq_ignore_ascii_case(&at.name));
            let name = name
                .or_else(|| found.iter().find(is_others))
                .map_or(at.name.clone(), |name| (*name).to_owned());
            if find(&cloud.profiles, &at).is_none() {
                cloud.profiles.push(Self::new(at.clone(), &name));
            }
            for (count, (name, place)) in endpoints(seed, &at).into_iter().enumerate() {
                let is_active = place == seed.active;
                // The first profile leads to the first app of a region, the second to the second.
                let here = || cloud.sites.iter().filter(|site| site.location == place);
                let site = here().nth(number).or_else(|| here().next());
                let target = site.map(|site| (site.at.id(SITE), site.host()));
                let kind = if target.is_some() { "azureEndpoints" } else { "externalEndpoints" };
                let (id, host) = target.unzip();
                let endpoint = Endpoint {
                    target_id: id,
                    target: host.unwrap_or_else(|| format!("{place}.proseware.example")),
                    is_enabled: is_active,
                    location: Some(place.clone()),
                    probe: Probe { seen: Seen::Well, is_well: true, since: cloud.now },
                    ..Endpoint::new(&name, kind, count)
                };
                let Some(profile) = cloud.profiles.iter_mut().find(|one| one.at == at) else {
                    continue;
                };
                if profile.endpoints.iter().all(|one| !one.name.eq_ignore_ascii_case(&name)) {
                    profile.endpoints.push(endpoint);
                }
            }
        }
    }
}

/// The endpoints that a plan names in a profile, and their regions.
fn endpoints(seed: &Seed<'_>, profile: &Address) -> Vec<(String, String)> {
    let mine = |resource: &&Resource| {
        let kind = resource.kind.to_ascii_lowercase();
        kind.starts_with(&format!("{}/", KIND.to_ascii_lowercase()))
    };
    let named = seed.resources.iter().filter(mine).filter_map(|resource| {
        let (parent, name) = resource.name.split_once('/')?;
        let place = region(resource).unwrap_or_else(|| seed.active.clone());
        (address(resource).beside(parent) == *profile).then(|| (name.to_owned(), place))
    });
    let mut all: Vec<_> = named.collect();
    all.sort_by_key(|(_, place)| *place != location(seed.plan.from.as_str()));
    all
}
