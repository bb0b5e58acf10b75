//! Exchanges with the API servers of clusters. Their contract is the `OpenAPI` description that Kubernetes publishes with each
//! release, as the types of `k8s-openapi` that others have generated from it: what is no member there does not survive
//! being read and written again.

use failover::sim::{Exchange, GATEWAY};
use k8s_openapi::{
    List,
    api::{
        apps::v1::Deployment,
        authorization::v1::SelfSubjectAccessReview,
        autoscaling::{v1::Scale, v2::HorizontalPodAutoscaler},
        core::v1::{ConfigMap, Pod, Service},
        discovery::v1::EndpointSlice,
    },
    apimachinery::pkg::apis::meta::v1::Status,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) fn is_meant(exchange: &Exchange) -> bool {
    GATEWAY.ends_with(&exchange.host)
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let path = exchange.path_and_query.split('?').next().unwrap();
    // The first segment leads to the cluster.
    let path: Vec<_> = path.split('/').skip(2).collect();
    let call = format!("{} {}", exchange.method, path.join("/"));
    let check: fn(&Exchange) -> Result<(), String> = match (exchange.method.as_str(), &path[..]) {
        ("GET", ["apis", "apps", "v1", "namespaces", _, "deployments", _]) => read::<Deployment>,
        ("PATCH", ["apis", "apps", "v1", "namespaces", _, "deployments", _, "scale"]) => {
            patched::<Scale>
        }
        ("GET", ["api", "v1", "namespaces", _, "pods"]) => read::<List<Pod>>,
        ("GET", ["api", "v1", "namespaces", _, "pods", _]) => read::<Pod>,
        ("PATCH", ["api", "v1", "namespaces", _, "pods", _]) => patched::<Pod>,
        ("GET" | "POST", ["api", "v1", "namespaces", _, "pods", _, "exec"]) => ran,
        ("GET", ["api", "v1", "namespaces", _, "configmaps", _]) => read::<ConfigMap>,
        ("PATCH", ["api", "v1", "namespaces", _, "configmaps", _]) => patched::<ConfigMap>,
        ("GET", ["api", "v1", "namespaces", _, "services", _]) => read::<Service>,
        ("PATCH", ["api", "v1", "namespaces", _, "services", _]) => patched::<Service>,
        ("GET", ["apis", "discovery.k8s.io", "v1", "namespaces", _, "endpointslices"]) => {
            read::<List<EndpointSlice>>
        }
        ("GET", ["apis", "autoscaling", "v2", "namespaces", _, "horizontalpodautoscalers"]) => {
            read::<List<HorizontalPodAutoscaler>>
        }
        (
            "PATCH",
            ["apis", "autoscaling", "v2", "namespaces", _, "horizontalpodautoscalers", _],
        ) => patched::<HorizontalPodAutoscaler>,
        ("POST", ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]) => {
            made::<SelfSubjectAccessReview>
        }
        _ => return Err(format!("{call}: no such operation is known")),
    };
    check(exchange).map_err(|why| format!("{call}: {why}"))
}

fn read<T: Serialize + DeserializeOwned>(exchange: &Exchange) -> Result<(), String> {
    if exchange.bodies.as_ref().is_some_and(|(sent, _)| !sent.is_empty()) {
        return Err("a body was sent where none is taken".to_owned());
    }
    answered::<T>(exchange, 200)
}

/// What `connectGetNamespacedPodExec` takes. On the way it is a WebSocket: its body, and the answer, stay in the process.
fn ran(exchange: &Exchange) -> Result<(), String> {
    let known = ["command", "container", "stderr", "stdin", "stdout", "tty"];
    let query = exchange.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let names: Vec<_> =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_ref())) {
        return Err(format!("`{name}` is no parameter of it"));
    }
    if !names.iter().any(|name| name == "command") {
        return Err("no command is given".to_owned());
    }
    match exchange.status {
        Some(status) if status.as_u16() >= 400 => answered::<Status>(exchange, 101),
        _ => Ok(()),
    }
}

fn made<T: Serialize + DeserializeOwned>(exchange: &Exchange) -> Result<(), String> {
    sent::<T>(exchange, "application/json")?;
    answered::<T>(exchange, 201)
}

fn patched<T: Serialize + DeserializeOwned>(exchange: &Exchange) -> Result<(), String> {
    sent::<T>(exchange, "application/merge-patch+json")?;
    answered::<T>(exchange, 200)
}

fn sent<T: Serialize + DeserializeOwned>(exchange: &Exchange, kind: &str) -> Result<(), String> {
    let Some((sent, _)) = &exchange.bodies else { return Ok(()) };
    let given = exchange.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    if given != Some(kind) {
        return Err(format!("it was sent as {given:?}, not as {kind}"));
    }
    let mut sent: Value = serde_json::from_slice(sent).map_err(|error| format!("sent: {error}"))?;
    strip(&mut sent);
    survives::<T>(&sent).map_err(|why| format!("sent: {why}"))
}

fn answered<T: Serialize + DeserializeOwned>(exchange: &Exchange, good: u16) -> Result<(), String> {
    let Some((status, (_, response))) = exchange.status.zip(exchange.bodies.as_ref()) else {
        return Ok(());
    };
    let body: Value =
        serde_json::from_slice(response.body()).map_err(|error| format!("{status}: {error}"))?;
    let what = |why| format!("answered {status}: {why}");
    match status.as_u16() {
        code if code == good => survives::<T>(&body).map_err(what),
        400.. => survives::<Status>(&body).map_err(what),
        _ => Err(format!("answered {status}, not {good}")),
    }
}

/// Takes away what a merge patch takes away: no object holds a null.
fn strip(patch: &mut Value) {
    if let Value::Object(members) = patch {
        members.retain(|_, value| !value.is_null());
        members.values_mut().for_each(strip);
    }
}

/// Whether all of it is still there after it was read as what it should be.
fn survives<T: Serialize + DeserializeOwned>(value: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let back = serde_json::to_value(read).map_err(|error| error.to_string())?;
    lost(value, &back, "it").map_or(Ok(()), Err)
}

fn lost(before: &Value, after: &Value, at: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().find_map(|(name, value)| {
            let at = format!("{at}.{name}");
            let is_none = value.as_object().is_some_and(serde_json::Map::is_empty);
            match after.get(name) {
                Some(after) => lost(value, after, &at),
                None if is_none => None,
                None => Some(format!("{at} is no member")),
            }
        }),
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).find_map(|(before, after)| lost(before, after, at))
        }
        (before, after) => (before != after).then(|| format!("{at} is {before}, and {after} then")),
    }
}

#[test]
fn what_is_no_member_does_not_survive() {
    let scale =
        |spec: &str| serde_json::from_str::<Value>(&format!(r#"{{"spec":{spec}}}"#)).unwrap();
    assert_eq!(survives::<Scale>(&scale(r#"{"replicas":4}"#)), Ok(()));
    let wrong = survives::<Scale>(&scale(r#"{"replica":4}"#));
    assert_eq!(wrong, Err("it.spec.replica is no member".to_owned()));
    assert!(survives::<Scale>(&scale(r#"{"replicas":"4"}"#)).is_err());
}
