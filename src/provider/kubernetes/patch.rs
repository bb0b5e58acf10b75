//! Some members of an object have these values: a merge patch, seen to be there when all that it says is.
//!
//! Source: RFC 7396; Kubernetes, "API concepts", "JSON merge patch".

use super::{
    OnKubernetes, absent,
    client::{Api, Call, before_sending},
    owner,
    place::{Namespace, Place},
    there_is_no, unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Placed, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
};
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

const OBJECT: Shape =
    Shape::Resource { kind: "Kubernetes::Object", placed: Placed::InARegion, made: false };

pub(crate) static PATCH: Kind = Kind {
    name: "kubernetes.patch",
    summary: "Have some members of an object be as a merge patch says",
    parameters: &[
        Parameter::required("object", OBJECT, "The object, as CONTEXT/NAMESPACE/NAME"),
        Parameter::required("api", Shape::Text, "Its API, such as `v1` or `apps/v1`"),
        Parameter::required(
            "resource",
            Shape::Text,
            "Its kind as the API's paths name it, such as `configmaps`",
        ),
        Parameter::required("patch", Shape::Text, "What it must say, as a JSON merge patch"),
    ],
    observed: &["differs"],
    planes: &[Plane::Data("object")],
    permissions: &["get RESOURCE", "patch RESOURCE"],
    usual: Duration::from_secs(2),
    // What was written is read back at once.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const CHANGE: &str = "patch";
/// How many of the members that differ are named.
const NAMED: usize = 4;

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = Place::of(params, "object")?;
    let wrong = |name: &str, message: String| Diagnostic::at(params.span(name), message);
    let (api, resource) = (params.text("api")?, params.text("resource")?);
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c))
    };
    let (group, version) = api.rsplit_once('/').unwrap_or(("", &api));
    if !is_word(version) || !(group.is_empty() || is_word(group)) {
        let hint = "as `apiVersion` of the object says it: `v1`, `apps/v1`";
        return Err(wrong("api", format!("`{api}` is no API")).hint(hint));
    }
    if !is_word(&resource) {
        let hint = "as `kubectl api-resources` lists it: `configmaps`, `ingresses`";
        return Err(wrong("resource", format!("`{resource}` is no resource")).hint(hint));
    }
    if group.is_empty() && resource == "secrets" {
        let message = "a secret cannot be patched: its patch would stand in the plan".to_owned();
        return Err(wrong("resource", message));
    }
    let text = params.text("patch")?;
    let patch: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
        wrong("patch", format!("`patch` is no JSON object: {error}"))
            .hint(r#"such as '{ "spec": { "suspend": true } }'"#)
    })?;
    if let Some(own) = not_ours(&patch) {
        return Err(wrong("patch", format!("`patch` cannot change `{own}`")));
    }
    let root = if group.is_empty() { format!("api/{version}") } else { format!("apis/{api}") };
    let dot = if group.is_empty() { "" } else { "." };
    let named = format!("{resource}{dot}{group}");
    Ok(Patch {
        api: Api::new(clients, &place.namespace.context),
        path: place.path(&root, &resource),
        permissions: ["get", "patch"].map(|verb| format!("{verb} {named}")),
        place,
        named,
        wanted: Value::Object(patch),
    }
    .into_action())
}

/// A member that no patch may have: the server keeps it, or it says which object it is.
fn not_ours(patch: &Map<String, Value>) -> Option<String> {
    let of = |members: &Map<String, Value>, names: &[&str]| {
        names.iter().find(|name| members.contains_key(**name)).map(ToString::to_string)
    };
    of(patch, &["apiVersion", "kind", "status"]).or_else(|| match patch.get("metadata")? {
        Value::Object(metadata) => {
            let kept = ["name", "namespace", "uid", "resourceVersion", "generation"];
            Some(format!("metadata.{}", of(metadata, &kept)?))
        }
        _ => Some("metadata".to_owned()),
    })
}

struct Patch {
    api: Api,
    place: Place,
    path: String,
    /// `RESOURCE.GROUP`
    named: String,
    permissions: [String; 2],
    wanted: Value,
}

/// Any object, of which only this is known.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    metadata: ObjectMeta,
}

#[async_trait]
impl OnKubernetes for Patch {
    fn api(&self) -> &Api {
        &self.api
    }

    fn namespace(&self) -> &Namespace {
        &self.place.namespace
    }

    fn permissions(&self) -> Vec<&str> {
        self.permissions.iter().map(String::as_str).collect()
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(object) = self.find().await? else {
            return Ok(Observation::new(absent(&self.named, &self.place), Evidence::new()));
        };
        let mut differs = Vec::new();
        compare(&self.wanted, Some(&object), "", &mut differs);
        let evidence = Evidence::new().with("differs", Datum::Text(differs.join(", ")));
        let answer = if differs.is_empty() {
            Answer::AsDesired
        } else {
            let more = differs.len().saturating_sub(NAMED);
            differs.truncate(NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let says = format!("{}: patch {}{more}", self.place.short(), differs.join(", "));
            Answer::Missing(vec![Change::harmless(CHANGE, Sign::Changes, says)])
        };
        Ok(Observation::new(answer, evidence))
    }

    /// Says of which version it is: what somebody else has changed meanwhile is looked at again.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        if change.id.as_str() != CHANGE {
            return Err(unknown_change(change));
        }
        let gone =
            || Unapplied::Refused { why: there_is_no(&self.named, &self.place), request_id: None };
        let object = self.find().await.map_err(before_sending)?.ok_or_else(gone)?;
        let mut patch = self.wanted.clone();
        patch["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        Ok(Call::merge(self.path.clone(), &patch))
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the permissions are.
        let object = self.find().await.ok().flatten();
        let described = object.and_then(|object| Described::deserialize(object).ok());
        let owner = described.and_then(|one| owner(&one.metadata, &self.place.short()));
        owner.into_iter().collect()
    }
}

impl Patch {
    async fn find(&self) -> Result<Option<Value>, Trouble> {
        self.api.find(&Call::get(self.path.clone())).await
    }
}

/// The members that are not as a merge patch says: null means that there is none.
fn compare(patch: &Value, object: Option<&Value>, at: &str, differs: &mut Vec<String>) {
    match (patch, object) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(members), object) => {
            for (name, value) in members {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                compare(value, object.and_then(|object| object.get(name)), &at, differs);
            }
            // An object without members is wanted, and there is none.
            if members.is_empty() && !object.is_some_and(Value::is_object) {
                differs.push(at.to_owned());
            }
        }
        (patch, Some(object)) if patch == object => {}
        _ => differs.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests;
