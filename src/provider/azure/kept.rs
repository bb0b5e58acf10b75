//! An endpoint that is made anew: Traffic Manager cannot change its type, which stands in its path.
//!
//! It is deleted first and created then, for whether two endpoints of different types may bear one name is nowhere said.
//! In between only the journal knows how it stood. It gives back the ids of changes that were done, so the deletion's id
//! says what the creation is to keep.

use super::profile::{Endpoint, Profile};
use serde_json::{Map, Value, json};

const DELETE: &str = "delete";
pub(super) const CREATE: &str = "create";
/// What is kept, in the order in which an id tells it.
const NAMES: [&str; 4] = ["endpointStatus", "weight", "priority", "alwaysServe"];
/// What an endpoint may have that would be lost.
const LOST: [&str; 5] =
    ["customHeaders", "geoMapping", "minChildEndpoints", "subnets", "endpointLocation"];
/// Where Azure tells nothing.
const NOTHING: &str = "-";

/// How an endpoint stood before it was deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept(Map<String, Value>);

impl Kept {
    /// What must be kept of an endpoint, or what of it cannot be.
    pub(super) fn of(endpoint: &Endpoint, profile: &Profile) -> Result<Self, &'static str> {
        let is_there = |name: &&&str| match endpoint.properties.get(**name) {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            // Azure fills it in for web apps. Only one method of routing goes by it.
            Some(_) if **name == "endpointLocation" => profile.routes_by("Performance"),
            Some(_) => true,
        };
        if let Some(name) = LOST.iter().find(is_there) {
            return Err(name);
        }
        let pair =
            |name: &&str| Some(((*name).to_owned(), endpoint.properties.get(*name)?.clone()));
        Ok(Self(NAMES.iter().filter_map(pair).filter(|(_, value)| !value.is_null()).collect()))
    }

    pub(super) fn deletion(&self) -> String {
        self.id(DELETE)
    }

    pub(super) fn creation(&self) -> String {
        self.id(CREATE)
    }

    fn id(&self, verb: &str) -> String {
        let word = |name: &&str| match self.0.get(*name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => NOTHING.to_owned(),
        };
        let words: Vec<_> = NAMES.iter().map(word).collect();
        format!("{verb} {}", words.join(" "))
    }

    /// Reads the id of a deletion.
    pub(super) fn deleted(id: &str) -> Option<Self> {
        Self::read(id, DELETE)
    }

    /// Reads the id of a creation.
    pub(super) fn to_create(id: &str) -> Option<Self> {
        Self::read(id, CREATE)
    }

    fn read(id: &str, verb: &str) -> Option<Self> {
        let words: Vec<_> = id.strip_prefix(verb)?.split_whitespace().collect();
        let value = |word: &str| word.parse::<u64>().map_or_else(|_| json!(word), Value::from);
        let pairs = NAMES.iter().zip(words).filter(|(_, word)| *word != NOTHING);
        Some(Self(pairs.map(|(name, word)| ((*name).to_owned(), value(word))).collect()))
    }

    /// What an endpoint made anew is sent with: what is wanted, and else what it had.
    pub(super) fn with(self, wanted: &Map<String, Value>) -> Map<String, Value> {
        let mut properties = self.0;
        properties.extend(wanted.clone());
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::profile::sample::{endpoint, profile},
        *,
    };

    fn kept(method: &str, change: impl Fn(&mut Value)) -> Result<Kept, &'static str> {
        let mut endpoint = endpoint("primary-region", "app-eastus", "Enabled");
        change(&mut endpoint);
        let profile = serde_json::from_value(profile(method, &[])).unwrap();
        Kept::of(&serde_json::from_value(endpoint).unwrap(), &profile)
    }

    #[test]
    fn how_an_endpoint_stood_is_read_from_the_id_of_its_deletion() {
        let before = kept("Priority", |one| one["properties"]["weight"] = json!(40)).unwrap();
        assert_eq!(before.deletion(), "delete Enabled 40 1 -");
        let after = Kept::deleted(&before.deletion()).unwrap();
        assert_eq!(after.creation(), "create Enabled 40 1 -");
        let wanted = json!({ "target": "page.example", "endpointStatus": "Disabled" });
        let sent = Kept::to_create(&after.creation()).unwrap().with(wanted.as_object().unwrap());
        let expected = json!({ "endpointStatus": "Disabled", "weight": 40, "priority": 1, "target": "page.example" });
        assert_eq!(json!(sent), expected);
        assert_eq!(Kept::to_create(CREATE).unwrap().0, Map::new());
        assert_eq!(Kept::deleted("endpoint"), None);
    }

    #[test]
    fn what_cannot_be_kept_is_not_lost_in_silence() {
        let headers = json!([{ "name": "host", "value": "www.proseware.example" }]);
        assert_eq!(
            kept("Priority", |one| one["properties"]["customHeaders"] = headers.clone()),
            Err("customHeaders")
        );
        let place = |one: &mut Value| one["properties"]["endpointLocation"] = json!("East US");
        assert!(kept("Priority", place).is_ok());
        assert_eq!(kept("Performance", place), Err("endpointLocation"));
        assert!(kept("Priority", |one| one["properties"]["subnets"] = json!([])).is_ok());
    }
}
