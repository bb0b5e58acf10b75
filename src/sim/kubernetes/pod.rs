//! Pods (Kubernetes, "Pod Lifecycle"): as the API shows any of them, and those that a `StatefulSet` keeps by name.

use super::{Key, deployment::instant};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a `StatefulSet` puts on each of its pods (Kubernetes, "`StatefulSets`", "Pod Name Label").
pub(super) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// The container that every pod has.
pub(super) const APP: &str = "app";

pub(super) type Labels = BTreeMap<String, String>;

/// A pod that has a name of its own, and has been ready for long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pod {
    pub key: Key,
    pub labels: Labels,
    pub containers: Vec<String>,
    pub version: u64,
    pub since: Timestamp,
}

impl Pod {
    /// One that was ready long ago, and of which nothing is changed yet.
    pub(super) fn standing(key: Key, labels: Labels, long_ago: Timestamp) -> Self {
        Self { key, labels, containers: vec![APP.to_owned()], version: 1, since: long_ago }
    }

    pub(super) fn show(&self) -> Value {
        let made = (&*self.version.to_string(), Phase::Ready(self.since));
        show(&self.key, &self.labels, &self.containers, made)
    }
}

/// How far a pod is.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    /// No node has room for it.
    Homeless,
    Starting,
    Ready(Timestamp),
    Leaving(Timestamp),
}

pub(super) fn show(
    key: &Key,
    labels: &Labels,
    containers: &[impl AsRef<str>],
    (version, phase): (&str, Phase),
) -> Value {
    let condition = |name: &str, holds: bool| json!({ "type": name, "status": if holds { "True" } else { "False" } });
    let statuses = |is_ready: bool, state: Value| {
        let each = containers.iter().map(|name| {
            json!({
                "name": name.as_ref(),
                "image": "",
                "imageID": "",
                "ready": is_ready,
                "restartCount": 0,
                "state": state,
            })
        });
        Value::Array(each.collect())
    };
    let status = match phase {
        Phase::Homeless => json!({
            "phase": "Pending",
            "conditions": [{
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient cpu.",
            }],
        }),
        Phase::Starting => json!({
            "phase": "Pending",
            "conditions": [condition("PodScheduled", true), condition("Ready", false)],
            "containerStatuses":
                statuses(false, json!({ "waiting": { "reason": "ContainerCreating" } })),
        }),
        Phase::Ready(since) | Phase::Leaving(since) => json!({
            "phase": "Running",
            "conditions": [condition("PodScheduled", true), condition("Ready", true)],
            "containerStatuses":
                statuses(true, json!({ "running": { "startedAt": instant(since) } })),
        }),
    };
    let names: Vec<_> = containers.iter().map(|name| json!({ "name": name.as_ref() })).collect();
    let mut metadata = json!({
        "name": key.name,
        "namespace": key.namespace,
        "labels": labels,
        "resourceVersion": version,
    });
    if let Phase::Leaving(since) = phase {
        metadata["deletionTimestamp"] = instant(since).into();
        metadata["deletionGracePeriodSeconds"] = 30.into();
    }
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": { "containers": names },
        "status": status,
    })
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    pod["metadata"]["deletionTimestamp"].is_null() && conditions.into_iter().any(is_ready)
}

/// The names of its containers.
pub(super) fn containers(pod: &Value) -> impl Iterator<Item = &str> {
    let all = pod["spec"]["containers"].as_array().into_iter().flatten();
    all.filter_map(|container| container["name"].as_str())
}

pub(super) fn has(pod: &Value, labels: &Labels) -> bool {
    let given = &pod["metadata"]["labels"];
    labels.iter().all(|(name, value)| given[name].as_str() == Some(value))
}

/// Labels after a merge patch: null takes one away.
pub(super) fn merge(labels: &mut Labels, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value.as_str() {
            Some(value) => labels.insert(name.clone(), value.to_owned()),
            None => labels.remove(name),
        };
    }
}
