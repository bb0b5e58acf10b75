//! The settings and connection strings of an app.
//!
//! Azure replaces the whole set at every write. So each write is made of what was read just before it, with our own
//! names changed, and nothing else may be lost. Values are secrets: only keyed hashes of them leave this file.

use super::{
    OnAzure, absent,
    arm::{Arm, before_sending},
    call::Call,
    examine::Need,
    id::Id,
    site::APP,
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params, Plane,
        Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource, Span},
};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) static SETTINGS: Kind = Kind {
    name: "azure.app_service.settings",
    summary: "Set some of an app's settings and connection strings",
    parameters: &[
        Parameter::required("app", APP, "The app"),
        Parameter::optional("settings", Shape::Map, "Names and values of settings"),
        Parameter::optional(
            "connection_strings",
            Shape::Maps(&[
                Parameter::required("value", Shape::Text, "The connection string itself"),
                Parameter::required("type", Shape::Choice(&TYPES), "What it connects to"),
            ]),
            "Names of connection strings, each with its `value` and `type`",
        ),
    ],
    observed: &[],
    planes: &[Plane::Control("app")],
    permissions: &NEEDS,
    // Answered in 1 to 5 s; the app restarts by itself.
    usual: Duration::from_secs(5),
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The `ConnectionStringType` of Microsoft.Web 2024-04-01.
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

const NEEDS: [&str; 3] = [
    "Microsoft.Web/sites/config/list/Action",
    "Microsoft.Web/sites/config/Read",
    "Microsoft.Web/sites/config/Write",
];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let settings = params.map("settings");
    let strings = params.maps("connection_strings");
    let span = params.span("connection_strings");
    if let Some(wrong) = strings.iter().find_map(|(name, entry)| mistake(span, name, entry)) {
        return Err(wrong);
    }
    let action = Settings {
        arm: Arm::new(clients),
        app: params.resource("app")?,
        sets: vec![
            Set {
                id: "settings",
                path: "config/appsettings",
                wanted: settings.into_iter().map(|(name, value)| (name, json!(value))).collect(),
            },
            Set {
                id: "connection strings",
                path: "config/connectionstrings",
                wanted: strings
                    .into_iter()
                    .map(|(name, entry)| (name, entry.into_iter().collect::<Value>()))
                    .collect(),
            },
        ],
    };
    Ok(action.into_action())
}

/// What is wrong with a connection string, of which a part may have been known only now.
fn mistake(span: Span, name: &str, entry: &[(String, String)]) -> Option<Diagnostic> {
    let of = |key: &str| entry.iter().find(|(known, _)| known == key).map(|(_, text)| text);
    let wrong =
        |what: String| Diagnostic::at(span, format!("the connection string `{name}` {what}"));
    let types = || format!("its `type` is one of {}", TYPES.join(", "));
    if of("value").is_none() {
        return Some(wrong("has no `value`".to_owned()));
    }
    match of("type") {
        None => Some(wrong("has no `type`".to_owned()).hint(types())),
        Some(kind) if TYPES.contains(&kind.as_str()) => None,
        Some(kind) => {
            let what = format!("cannot have the type `{kind}`");
            Some(wrong(what).did_you_mean(kind, TYPES).hint(types()))
        }
    }
}

/// One of the sets that Azure replaces as a whole, and what should be in it.
struct Set {
    id: &'static str,
    path: &'static str,
    wanted: Vec<(String, Value)>,
}

impl Set {
    /// The names whose values differ from what is wanted.
    fn differing(&self, found: &Map<String, Value>) -> Vec<&str> {
        let differs = |(name, wanted): &&(String, Value)| {
            entry(found, name).is_none_or(|(_, value)| !fits(value, wanted))
        };
        self.wanted.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
    }

    fn merged(&self, mut found: Map<String, Value>) -> Map<String, Value> {
        for (name, value) in &self.wanted {
            let known = entry(&found, name).map(|(known, _)| known.clone());
            found.insert(known.unwrap_or_else(|| name.clone()), value.clone());
        }
        found
    }
}

/// Azure takes `db_host` and `DB_HOST` for the same name.
fn entry<'a>(found: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    found.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Whether a value is as wanted, whatever else Azure adds to it.
fn fits(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| entry(found, name).is_some_and(|(_, found)| fits(found, value))),
        _ => found == wanted,
    }
}

#[derive(Deserialize)]
struct Listed {
    properties: Option<Map<String, Value>>,
}

struct Settings {
    arm: Arm,
    app: Resource,
    sets: Vec<Set>,
}

#[async_trait]
impl OnAzure for Settings {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.app, &NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let mut evidence = Evidence::new();
        let mut missing = Vec::new();
        for set in self.sets.iter().filter(|set| !set.wanted.is_empty()) {
            let Some(found) = self.list(set).await? else {
                return Ok(Observation::new(absent("app", &self.app), evidence));
            };
            for (name, _) in &set.wanted {
                if let Some((_, value)) = entry(&found, name) {
                    evidence.set(name, Datum::Hash(self.hash(name, value)));
                }
            }
            let names = set.differing(&found);
            if !names.is_empty() {
                let says = format!("{}: {}", self.app.name, names.join(", "));
                missing.push(Change::harmless(set.id, Sign::Changes, says));
            }
        }
        let answer = if missing.is_empty() { Answer::AsDesired } else { Answer::Missing(missing) };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let set = self.sets.iter().find(|set| set.id == change.id.as_str());
        let set = set.ok_or_else(|| unknown_change(change))?;
        // Once more, just before the write: there is no precondition that would notice another writer.
        let found = self.list(set).await.map_err(before_sending)?;
        let found = found.ok_or_else(|| Unapplied::Refused {
            why: format!("the app `{}` is gone", self.app.name),
            request_id: None,
        })?;
        let body = json!({ "properties": set.merged(found) });
        Ok(Call::put(&Id::of(&self.app).then(set.path), &body))
    }
}

impl Settings {
    /// A POST, because the answer holds secrets; it changes nothing. `None` when there is no such app.
    async fn list(&self, set: &Set) -> Result<Option<Map<String, Value>>, Trouble> {
        let id = Id::of(&self.app).then(set.path).then("list");
        let Some(listed) = self.arm.find::<Listed>(Call::post(&id)).await? else { return Ok(None) };
        // Taken for an empty set it would be written back as one, and wipe what is there.
        listed.properties.map(Some).ok_or_else(|| {
            let name = &self.app.name;
            Trouble::odd(format!(
                "Azure listed the {} of `{name}` without any `properties`",
                set.id
            ))
        })
    }

    fn hash(&self, name: &str, value: &Value) -> String {
        let app = Id::of(&self.app);
        self.arm.clients.seal.hash(&[app.as_str(), name, &value.to_string()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Node;
    use crate::provider::testing::*;

    const LIST: &str = r#"{"properties":{"db_host":"pg-eastus","FEATURE_X":"1"}}"#;

    fn settings(script: &Arc<Script>) -> Arc<dyn Action> {
        let app = resource("Microsoft.Web/sites", "app", Some("westus"));
        let with = [
            ("app", node(&app)),
            ("settings", Node::map([("DB_HOST", Node::text("pg-westus"))])),
            (
                "connection_strings",
                Node::map([(
                    "Main",
                    Node::map([
                        ("value", Node::text("Host=w")),
                        ("type", Node::text("PostgreSQL")),
                    ]),
                )]),
            ),
        ];
        bound(&SETTINGS, script, with)
    }

    #[tokio::test]
    async fn what_is_not_ours_is_kept() {
        let script = Script::new()
            .on("POST /appsettings/list", ok(LIST))
            .on("POST /connectionstrings/list", ok(r#"{"properties":{}}"#))
            .on("PUT /appsettings", ok("{}"));
        let action = settings(&script);
        let seen = action.observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["settings", "connection strings"]);
        assert!(!format!("{seen:?}").contains("pg-"), "no value leaves the action");
        apply_first(&action).await.unwrap();
        let sent = script.changes();
        let put = sent.last().unwrap();
        assert!(
            put.ends_with(r#"{"properties":{"db_host":"pg-westus","FEATURE_X":"1"}}"#),
            "{put}"
        );
    }

    #[tokio::test]
    async fn a_list_without_properties_is_no_empty_set() {
        let script = Script::new()
            .on("POST /appsettings/list", ok(LIST))
            .on("POST /appsettings/list", ok(r#"{"id":"x"}"#))
            .on("POST /connectionstrings/list", ok(r#"{"properties":{}}"#));
        let action = settings(&script);
        let unapplied = apply_first(&action).await;
        assert!(matches!(unapplied, Err(Unapplied::Deferred { .. })), "{unapplied:?}");
        assert!(script.changes().iter().all(|line| !line.starts_with("PUT")));
        let trouble = action.observe(&look()).await.unwrap_err();
        assert_eq!(trouble.kind, crate::action::TroubleKind::Odd);
    }

    #[tokio::test]
    async fn a_value_is_told_apart_by_a_hash_and_by_nothing_else() {
        let seen = |list: &str| {
            let script = Script::new()
                .on("POST /appsettings/list", ok(list))
                .on("POST /connectionstrings/list", ok(r#"{"properties":{}}"#));
            async move {
                let seen = settings(&script).observe(&look()).await.unwrap();
                seen.evidence.get("DB_HOST").cloned()
            }
        };
        let Some(Datum::Hash(hash)) = seen(LIST).await else { panic!() };
        assert_eq!(hash.len(), 16);
        assert_eq!(seen(LIST).await, Some(Datum::Hash(hash.clone())));
        assert_ne!(seen(r#"{"properties":{"DB_HOST":"x"}}"#).await, Some(Datum::Hash(hash)));
    }

    #[tokio::test]
    async fn what_is_so_already_is_left_alone() {
        let script = Script::new()
            .on("POST /appsettings/list", ok(r#"{"properties":{"DB_HOST":"pg-westus"}}"#))
            .on(
                "POST /connectionstrings/list",
                ok(r#"{"properties":{"Main":{"type":"PostgreSQL","value":"Host=w"}}}"#),
            );
        let seen = settings(&script).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn an_app_that_is_not_there_never_has_its_settings() {
        let script = Script::new().on("POST /list", answer(404, &[], ""));
        let why = "there is no app `app` in the resource group `rg`".to_owned();
        let seen = settings(&script).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::Never { why });
    }

    #[test]
    fn a_connection_string_that_azure_would_refuse_is_a_mistake() {
        let entry = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
        };
        let value = ("value", "Host=w");
        let table = [
            (entry(&[value, ("type", "PostgreSQL")]), None),
            (entry(&[value, ("type", "postgres")]), Some("cannot have the type `postgres`")),
            (entry(&[value, ("type", "postgresql")]), Some("cannot have the type `postgresql`")),
            (entry(&[value]), Some("has no `type`")),
            (entry(&[("type", "Custom")]), Some("has no `value`")),
        ];
        for (entry, expected) in table {
            let found = mistake(Span::default(), "Main", &entry).map(|wrong| wrong.message);
            match (found, expected) {
                (found, None) => assert_eq!(found, None),
                (Some(found), Some(part)) if found.ends_with(part) => {}
                other => panic!("{other:?}"),
            }
        }
        let wrong = mistake(Span::default(), "Main", &entry(&[value, ("type", "postgresql")]));
        assert_eq!(wrong.unwrap().hints[0], "did you mean `PostgreSQL`?");
    }
}
