//! The records that a plan's changes find: the same ones with other values.
//!
//! Source: the change batch of `ChangeResourceRecordSets`, as the vendor's command line takes it in JSON.

use super::{
    Parameters, load_balancer,
    records::{USUAL_TTL, alias},
};
use crate::{
    model::{Node, Value},
    sim::{
        aws::{
            endpoint::addresses,
            route53::{Answer, HealthCheck, Kind, RecordSet, Role, Routing, canonical, host},
        },
        cloud::Cloud,
        seed::Seed,
    },
};
use serde_json::Value as Json;

/// A change of a batch: its action, and the members of its record set.
struct Change {
    action: String,
    set: Json,
}

impl Change {
    /// A member of the set, by the vendor's name for it or by that in small letters.
    fn get(&self, name: &str) -> &Json {
        member(&self.set, name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    fn number<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        self.get(name).as_u64().and_then(|number| number.try_into().ok())
    }

    fn values(&self) -> Vec<String> {
        let texts = |list: &Json| -> Vec<String> {
            let text = |one: &Json| {
                one.as_str().or_else(|| member(one, "Value").as_str()).map(ToOwned::to_owned)
            };
            list.as_array().into_iter().flatten().filter_map(text).collect()
        };
        let all = ["ResourceRecords", "Records", "Values"].map(|name| texts(self.get(name)));
        let one = self.text("Value").map(ToOwned::to_owned);
        all.into_iter().flatten().chain(one).collect()
    }

    fn routing(&self) -> Routing {
        let role = match self.text("Failover") {
            Some("PRIMARY") => Some(Role::Primary),
            Some("SECONDARY") => Some(Role::Secondary),
            _ => None,
        };
        let weight = self.number("Weight").map(Routing::Weighted);
        weight.or(role.map(Routing::Failover)).unwrap_or(Routing::Simple)
    }
}

fn member<'a>(object: &'a Json, name: &str) -> &'a Json {
    let plain = |key: &str| key.replace(['_', '-'], "").to_ascii_lowercase();
    let mut members = object.as_object().into_iter().flatten();
    let found = members.find(|(key, _)| plain(key) == plain(name));
    found.map_or(&Json::Null, |(_, value)| value)
}

/// The changes of a step: of its file, or written in it.
fn changes(step: Parameters<'_>) -> Vec<Change> {
    let file = step.get("file").and_then(|file| file.get("text")?.as_text());
    let of_file: Option<Json> = file.and_then(|text| serde_json::from_str(text).ok());
    let written = || step.get("changes").map(json).unwrap_or_default();
    let batch = of_file.unwrap_or_else(written);
    let nested = member(&batch, "ChangeBatch");
    let batch = if nested.is_null() { &batch } else { nested };
    let listed = member(batch, "Changes");
    let listed = if listed.is_null() { batch } else { listed };
    let change = |name: Option<&str>, one: &Json| {
        let nested = member(one, "ResourceRecordSet");
        let mut set = if nested.is_null() { one.clone() } else { nested.clone() };
        if let (Some(name), true) = (name, member(&set, "Name").is_null()) {
            set["Name"] = Json::from(name);
        }
        let action = member(one, "Action").as_str().unwrap_or("UPSERT").to_ascii_uppercase();
        Change { action, set }
    };
    match listed {
        Json::Array(all) => all.iter().map(|one| change(None, one)).collect(),
        Json::Object(all) => all.iter().map(|(name, one)| change(Some(name), one)).collect(),
        _ => Vec::new(),
    }
}

/// The names that the changes of a step are about.
pub(super) fn names(step: Parameters<'_>) -> Vec<String> {
    changes(step).iter().filter_map(|change| change.text("Name").map(canonical)).collect()
}

/// The records that the changes of a step find. Where the new values serve is the region that is moved to.
pub(super) fn before(seed: &Seed<'_>, step: Parameters<'_>, cloud: &mut Cloud) -> Vec<RecordSet> {
    let mut sets = Vec::new();
    for change in changes(step) {
        let (Some(name), Some(kind)) = (change.text("Name").map(canonical), change.text("Type"))
        else {
            continue;
        };
        let check = change.text("HealthCheckId").map(ToOwned::to_owned);
        if let Some(id) = &check {
            add_check(cloud, seed, id);
        }
        let values = change.values();
        let (is_new, stays) = (change.action == "CREATE", change.action == "DELETE");
        if !stays {
            for value in &values {
                let place = cloud.aws.places.entry(host(value).to_ascii_lowercase());
                place.or_insert_with(|| seed.standby.clone());
            }
        }
        if is_new {
            continue;
        }
        let ttl = change.number("TTL").unwrap_or(USUAL_TTL);
        let answer = match (values.is_empty(), stays) {
            (true, _) => alias(&load_balancer(seed, &seed.active), false),
            (false, true) => Answer::Values { ttl, values },
            (false, false) => {
                Answer::Values { ttl, values: vec![other_value(cloud, seed, kind, &name)] }
            }
        };
        sets.push(RecordSet {
            name,
            kind: kind.to_owned(),
            set: change.text("SetIdentifier").map(ToOwned::to_owned),
            routing: change.routing(),
            answer,
            health_check: check,
        });
    }
    sets
}

/// What a record leads to while the other region serves.
fn other_value(cloud: &mut Cloud, seed: &Seed<'_>, kind: &str, name: &str) -> String {
    let old = load_balancer(seed, &seed.active);
    match kind {
        "A" => {
            let address = addresses(&old)[0].to_string();
            cloud.aws.places.insert(address.clone(), seed.active.clone());
            address
        }
        "AAAA" => "2001:db8::1".to_owned(),
        "MX" => format!("10 {old}."),
        "TXT" => format!("\"{}\"", host(name)),
        _ => old,
    }
}

fn add_check(cloud: &mut Cloud, seed: &Seed<'_>, id: &str) {
    if cloud.aws.names.checks.iter().all(|check| check.id != id) {
        let host = Some(load_balancer(seed, &seed.active));
        let check = HealthCheck { host, port: Some(80), ..HealthCheck::new(id, Kind::Http) };
        cloud.aws.names.checks.push(check);
    }
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) | Value::Late(text) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), json(node))).collect())
        }
    }
}
