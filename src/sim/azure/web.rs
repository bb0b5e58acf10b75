//! App Service: plans and sites, their power, their settings.
//!
//! Sources: Web Apps and App Service Plans (REST reference).

use super::operation::{Progress, Work, instant, signed};
use crate::plan::Side;
use crate::sim::{
    address::{Address, Addressed, displayed, find, find_mut, location},
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
    seed::{Seed, address, region},
};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(super) const SITE: &str = "Microsoft.Web/sites";
pub(super) const PLAN: &str = "Microsoft.Web/serverfarms";
pub(super) const SUFFIX: &str = ".azurewebsites.net";
/// How long a started site takes until it answers.
const BOOT: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct ServicePlan {
    pub at: Address,
    pub location: String,
    pub sku: String,
    pub tags: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Site {
    pub at: Address,
    pub location: String,
    /// The id of its plan.
    pub plan: String,
    pub tags: Value,
    pub is_running: bool,
    pub is_https_only: bool,
    /// From when on it answers, once it runs. It mounted its file shares then.
    pub up_from: Timestamp,
    pub settings: Map<String, Value>,
    pub connection_strings: Map<String, Value>,
    pub content: Content,
    pub deployment: Option<Deployment>,
}

/// What a site serves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Content {
    /// The landing page of an app that nothing was deployed to.
    Landing,
    /// Proseware. The setting says where its database is.
    App { database: Option<String> },
    /// Files that were deployed, by their path.
    Files(BTreeMap<String, String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Deployment {
    pub id: String,
    /// The id of the operation that carries it out.
    pub operation: String,
    pub started: Timestamp,
}

/// What an operation brings about at a site.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Task {
    Create(Box<Site>),
    Deploy { files: BTreeMap<String, String>, is_clean: bool },
}

impl Addressed for Site {
    fn address(&self) -> &Address {
        &self.at
    }
}

impl Addressed for ServicePlan {
    fn address(&self) -> &Address {
        &self.at
    }
}

impl ServicePlan {
    fn show(&self, cloud: &Cloud) -> Value {
        let id = self.at.id(PLAN);
        let sites = cloud.sites.iter().filter(|site| site.plan.eq_ignore_ascii_case(&id)).count();
        json!({
            "id": id,
            "name": self.at.name,
            "type": PLAN,
            "kind": "app",
            "location": displayed(&self.location),
            "tags": self.tags,
            "sku": { "name": self.sku, "tier": tier(&self.sku), "size": self.sku, "capacity": 1 },
            "properties": {
                "status": "Ready",
                "provisioningState": "Succeeded",
                "numberOfSites": sites,
                "numberOfWorkers": 1,
                "reserved": false,
            },
        })
    }
}

/// The tier of a sku: `S1` is Standard.
fn tier(sku: &str) -> &'static str {
    match sku.as_bytes().first() {
        Some(b'F') => "Free",
        Some(b'B') => "Basic",
        Some(b'S') => "Standard",
        _ => "PremiumV3",
    }
}

impl Site {
    pub(in crate::sim) fn new(at: Address, location: &str, plan: String, now: Timestamp) -> Self {
        Self {
            at,
            location: location.to_owned(),
            plan,
            tags: json!({}),
            is_running: true,
            is_https_only: true,
            up_from: now,
            settings: Map::new(),
            connection_strings: Map::new(),
            content: Content::Landing,
            deployment: None,
        }
    }

    pub(in crate::sim) fn host(&self) -> String {
        format!("{}{SUFFIX}", self.at.name.to_ascii_lowercase())
    }

    pub(super) fn scm_host(&self) -> String {
        format!("{}.scm{SUFFIX}", self.at.name.to_ascii_lowercase())
    }

    /// Whether Traffic Manager takes it: its plan must be Standard or above.
    pub(super) fn is_standard(&self, cloud: &Cloud) -> bool {
        let plan = Address::in_id(&self.plan, PLAN).and_then(|at| find(&cloud.plans, &at));
        plan.is_some_and(|plan| !matches!(tier(&plan.sku), "Free" | "Basic"))
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let host = self.host();
        let ssl = |name: &str, kind: &str| json!({ "name": name, "sslState": "Disabled", "hostType": kind });
        json!({
            "id": self.at.id(SITE),
            "name": self.at.name,
            "type": SITE,
            "kind": "app",
            "location": displayed(&self.location),
            "tags": self.tags,
            "properties": {
                "state": if self.is_running { "Running" } else { "Stopped" },
                "enabled": true,
                "availabilityState": "Normal",
                "usageState": "Normal",
                "defaultHostName": host,
                "hostNames": [host],
                "enabledHostNames": [host, self.scm_host()],
                "hostNameSslStates": [ssl(&host, "Standard"), ssl(&self.scm_host(), "Repository")],
                "trafficManagerHostNames": cloud.traffic_names(&self.at),
                "serverFarmId": self.plan,
                "httpsOnly": self.is_https_only,
                "siteConfig": { "alwaysOn": null, "appSettings": null, "connectionStrings": null },
                "lastModifiedTimeUtc": instant(self.up_from),
            },
        })
    }

    /// A named set of its configuration.
    fn set_of(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        match name {
            "appsettings" => Some(&mut self.settings),
            "connectionstrings" => Some(&mut self.connection_strings),
            _ => None,
        }
    }

    /// Starts its workers anew: what they mounted, they mount again.
    pub(super) fn boot(&mut self, now: Timestamp) {
        self.up_from = now + BOOT;
    }
}

pub(super) fn answer_plan(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let known = find(&cloud.plans, at);
    match *call.method() {
        Method::GET => {
            let plan = known.ok_or_else(|| Refusal::not_found(PLAN, at))?;
            Ok(Reply::json(200, &plan.show(cloud)))
        }
        Method::PUT => {
            let body = call.json()?;
            let place = body["location"].as_str().ok_or_else(|| required("location"))?;
            let plan = ServicePlan {
                at: at.clone(),
                location: location(place),
                sku: body["sku"]["name"].as_str().unwrap_or("B1").to_owned(),
                tags: object(&body["tags"]),
            };
            let shown = plan.show(cloud);
            cloud.plans.retain(|one| one.at != *at);
            cloud.plans.push(plan);
            Ok(Reply::json(200, &shown).taking(Duration::from_secs(6)))
        }
        Method::DELETE if known.is_none() => Ok(Reply::empty(204)),
        Method::DELETE => {
            let id = at.id(PLAN);
            if cloud.sites.iter().any(|site| site.plan.eq_ignore_ascii_case(&id)) {
                let why = format!(
                    "Server farm '{}' cannot be deleted because it has web app(s) assigned to it.",
                    at.name
                );
                return Err(Refusal::new(409, "Conflict", why));
            }
            cloud.plans.retain(|one| one.at != *at);
            Ok(Reply::empty(200))
        }
        _ => Err(Refusal::no_route(call)),
    }
}

fn required(name: &str) -> Refusal {
    Refusal::new(400, "MissingRequiredParameter", format!("The parameter '{name}' is required."))
}

fn object(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, at: &Address, rest: &[&str]) -> Replied {
    if let (&Method::PUT, []) = (call.method(), rest) {
        return put(cloud, call, at);
    }
    if let (&Method::DELETE, []) = (call.method(), rest) {
        return Ok(delete(cloud, call, at));
    }
    let now = cloud.now;
    let site = find(&cloud.sites, at).ok_or_else(|| Refusal::not_found(SITE, at))?;
    if let (&Method::GET, []) = (call.method(), rest) {
        return Ok(Reply::json(200, &site.show(cloud)));
    }
    let Some(site) = find_mut(&mut cloud.sites, at) else {
        return Err(Refusal::not_found(SITE, at));
    };
    match (call.method(), rest) {
        (&Method::POST, ["start"]) => {
            if !site.is_running {
                site.is_running = true;
                site.boot(now);
            }
            Ok(Reply::empty(200))
        }
        (&Method::POST, ["stop"]) => {
            site.is_running = false;
            Ok(Reply::empty(200))
        }
        (&Method::POST, ["restart"]) => {
            site.boot(now);
            Ok(Reply::empty(200))
        }
        (&Method::POST, ["config", set, "list"]) => configuration(call, site, set),
        (&Method::PUT, ["config", set]) => {
            let body = call.json()?;
            let entries = body["properties"].as_object().ok_or_else(|| required("properties"))?;
            if *set == "connectionstrings" {
                check_strings(entries)?;
            }
            let known = site.set_of(set).ok_or_else(|| Refusal::no_route(call))?;
            // The whole set: what is left out is gone. And every change of it restarts the app.
            known.clone_from(entries);
            site.boot(now);
            configuration(call, site, set)
        }
        _ => Err(Refusal::no_route(call)),
    }
}

/// Each has a value, and a type that there is (`ConnStringValueTypePair`, both required).
fn check_strings(entries: &Map<String, Value>) -> Result<(), Refusal> {
    const TYPES: [&str; 11] = [
        "MySql",
        "SQLServer",
        "SQLAzure",
        "Custom",
        "NotificationHub",
        "ServiceBus",
        "EventHub",
        "ApiHub",
        "DocDb",
        "RedisCache",
        "PostgreSQL",
    ];
    let is_good = |entry: &Value| {
        let kind = entry["type"].as_str();
        entry["value"].is_string() && kind.is_some_and(|kind| TYPES.contains(&kind))
    };
    match entries.iter().find(|(_, entry)| !is_good(entry)) {
        None => Ok(()),
        Some((name, _)) => {
            let why = format!("The connection string '{name}' needs a value and a valid type.");
            Err(Refusal::new(400, "BadRequest", why))
        }
    }
}

fn configuration(call: &Call<'_>, site: &mut Site, set: &str) -> Replied {
    let id = site.at.id(SITE);
    let place = displayed(&site.location).to_owned();
    let entries = site.set_of(set).ok_or_else(|| Refusal::no_route(call))?;
    let body = json!({
        "id": format!("{id}/config/{set}"),
        "name": set,
        "type": "Microsoft.Web/sites/config",
        "location": place,
        "properties": entries,
    });
    Ok(Reply::json(200, &body))
}

/// Creates a site, which takes a while, or updates it in full, which does not.
fn put(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let body = call.json()?;
    let properties = &body["properties"];
    let place = body["location"].as_str().ok_or_else(|| required("location"))?;
    let plan = properties["serverFarmId"].as_str().ok_or_else(|| required("serverFarmId"))?;
    let Some(plan) = Address::in_id(plan, PLAN).and_then(|plan| find(&cloud.plans, &plan)) else {
        let why = format!("Cannot find serverFarm with name {plan}.");
        return Err(Refusal::new(404, "NotFound", why));
    };
    if plan.location != location(place) {
        let why = "The site and its plan must be in the same location.";
        return Err(Refusal::new(409, "Conflict", why));
    }
    if cloud.sites.iter().any(|one| one.at.name.eq_ignore_ascii_case(&at.name) && one.at != *at) {
        let why = format!("Website with given name {} already exists.", at.name);
        return Err(Refusal::new(409, "Conflict", why));
    }
    let known = find(&cloud.sites, at).cloned();
    let mut site = known
        .clone()
        .unwrap_or_else(|| Site::new(at.clone(), &plan.location, plan.at.id(PLAN), cloud.now));
    site.tags = object(&body["tags"]);
    site.plan = plan.at.id(PLAN);
    site.is_https_only = properties["httpsOnly"].as_bool().unwrap_or(false);
    let pairs = |name: &str| {
        let all = properties["siteConfig"][name].as_array()?;
        Some(
            all.iter()
                .filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["value"].clone())))
                .collect(),
        )
    };
    // The arrays that are sent replace the sets.
    site.settings = pairs("appSettings").unwrap_or(site.settings);
    let shown = site.show(cloud);
    if known.is_some() {
        cloud.sites.retain(|one| one.at != *at);
        cloud.sites.push(site);
        return Ok(Reply::json(200, &shown).taking(Duration::from_secs(4)));
    }
    let creates =
        |work: &Work| matches!(work, Work::Web { site, task: Task::Create(_) } if site == at);
    if cloud.under_way().any(creates) {
        let why = format!(
            "Cannot modify this site because another operation is in progress: {}.",
            at.name
        );
        return Err(Refusal::new(409, "Conflict", why));
    }
    let work = Work::Web { site: at.clone(), task: Task::Create(Box::new(site)) };
    let id = cloud.begin(&at.subscription, &location(place), work, Duration::from_secs(14));
    let query = signed(&id, &call.parameter("api-version").unwrap_or_default());
    let polled = format!("{}{}/operationresults/{id}?{query}", call.base, at.id(SITE));
    Ok(Reply::json(202, &shown).with("location", polled).with("retry-after", "5"))
}

fn delete(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Reply {
    let Some(place) = cloud.sites.iter().position(|site| site.at == *at) else {
        return Reply::empty(204);
    };
    let site = cloud.sites.remove(place);
    // A plan that is left empty goes too, unless the client says otherwise (Web Apps - Delete).
    let keeps_plan = call
        .parameter("deleteEmptyServerFarm")
        .is_some_and(|said| said.eq_ignore_ascii_case("false"));
    let is_used = cloud.sites.iter().any(|other| other.plan.eq_ignore_ascii_case(&site.plan));
    if !keeps_plan && !is_used {
        cloud.plans.retain(|plan| !plan.at.id(PLAN).eq_ignore_ascii_case(&site.plan));
    }
    Reply::empty(200)
}

/// Brings about what an operation was for.
pub(super) fn finish(cloud: &mut Cloud, at: &Address, task: Task) -> Progress {
    match task {
        Task::Create(mut site) => {
            site.up_from = cloud.now;
            cloud.sites.push(*site);
        }
        Task::Deploy { files, is_clean } => {
            let Some(site) = find_mut(&mut cloud.sites, at) else { return Progress::Failed };
            match &mut site.content {
                Content::Files(known) if !is_clean => known.extend(files),
                content => *content = Content::Files(files),
            }
        }
    }
    Progress::Succeeded
}

impl Site {
    /// Running in the active region and stopped elsewhere, each on a plan of its own. The standby's settings are
    /// those of the active one, with what differs by region stale.
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let key = seed.database_setting();
        let database = |place: &str| {
            let here = cloud.servers.iter().filter(|server| server.location == place);
            here.map(super::Server::host).next()
        };
        let active = database(&seed.active);
        // Nobody has looked after the standby's settings: it still says the other region, unless it served before.
        let stale =
            if seed.plan.serving == Side::To { database(&seed.standby) } else { active.clone() };
        for resource in seed.of_kind(SITE) {
            let at = address(resource);
            if find(&cloud.sites, &at).is_some() {
                continue;
            }
            let place = region(resource).unwrap_or_else(|| seed.active.clone());
            let is_active = place == seed.active;
            let plan = at.beside(&format!("plan-{}", at.name));
            let mut site =
                Self::new(at, &place, plan.id(PLAN), cloud.now - Duration::from_hours(24));
            site.is_running = is_active;
            let host = if is_active { &active } else { &stale };
            site.content = Content::App { database: host.as_ref().map(|_| key.clone()) };
            let mut set =
                |name: &str, value: &str| site.settings.insert(name.to_owned(), json!(value));
            set("WEBSITE_TIME_ZONE", "Eastern Standard Time");
            set("ApplicationInsightsAgent_EXTENSION_VERSION", "~3");
            set("COURSE_CATALOG_PAGE_SIZE", "50");
            if let Some(host) = host {
                set(&key, host);
            }
            let mail = json!({ "value": "Endpoint=sb://proseware.servicebus.windows.net/", "type": "Custom" });
            site.connection_strings.insert("Mail".to_owned(), mail);
            if find(&cloud.plans, &plan).is_none() {
                let tags = json!({});
                cloud.plans.push(ServicePlan {
                    at: plan,
                    location: place,
                    sku: "S1".to_owned(),
                    tags,
                });
            }
            cloud.sites.push(site);
        }
    }
}
