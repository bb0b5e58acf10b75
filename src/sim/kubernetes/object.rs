//! What is kept of an object as it was written: all of one of which nothing else is modeled, and of the others what their
//! patches said beside what is.

use super::Key;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Object {
    /// `RESOURCE.GROUP`
    pub kind: String,
    pub key: Key,
    value: Value,
    version: u64,
}

/// Kinds whose names are no plain plurals.
const KINDS: [(&str, &str); 6] = [
    ("configmaps", "ConfigMap"),
    ("cronjobs", "CronJob"),
    ("ingresses", "Ingress"),
    ("statefulsets", "StatefulSet"),
    ("daemonsets", "DaemonSet"),
    ("networkpolicies", "NetworkPolicy"),
];

impl Object {
    /// One that says nothing yet.
    pub(super) fn blank(kind: String, api: &str, key: Key) -> Self {
        let plural = kind.split('.').next().unwrap_or_default();
        let known = KINDS.iter().find(|(name, _)| *name == plural).map(|(_, kind)| *kind);
        let name = known.map_or_else(|| capital(plural.trim_end_matches('s')), ToOwned::to_owned);
        let value = json!({
            "kind": name,
            "apiVersion": api,
            "metadata": { "name": key.name, "namespace": key.namespace },
        });
        Self { kind, key, value, version: 1 }
    }

    /// What patches said of one that is modeled.
    pub(super) fn beside(kind: &str, key: &Key) -> Self {
        let value = Value::Object(Map::new());
        Self { kind: kind.to_owned(), key: key.clone(), value, version: 1 }
    }

    pub(super) fn version(&self) -> String {
        self.version.to_string()
    }

    pub(super) fn merge(&mut self, patch: &Value, write: u64) {
        merge(&mut self.value, patch);
        self.version = write;
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = self.value.clone();
        shown["metadata"]["resourceVersion"] = self.version().into();
        shown
    }

    /// An object with what is kept beside it.
    pub(super) fn lay_over(&self, shown: &mut Value) {
        merge(shown, &self.value);
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some of the examples of RFC 7396, appendix A.
    #[test]
    fn a_merge_patch_joins_objects_and_takes_away_what_is_null() {
        for (before, patch, after) in [
            (json!({ "a": "b" }), json!({ "a": "c" }), json!({ "a": "c" })),
            (json!({ "a": "b" }), json!({ "b": "c" }), json!({ "a": "b", "b": "c" })),
            (json!({ "a": "b" }), json!({ "a": null }), json!({})),
            (json!({ "a": ["b"] }), json!({ "a": "c" }), json!({ "a": "c" })),
            (
                json!({ "a": { "b": "c" } }),
                json!({ "a": { "b": "d", "c": null } }),
                json!({ "a": { "b": "d" } }),
            ),
            (json!({}), json!({ "a": { "bb": { "ccc": null } } }), json!({ "a": { "bb": {} } })),
        ] {
            let mut target = before;
            merge(&mut target, &patch);
            assert_eq!(target, after);
        }
    }
}
