//! Pods (Kubernetes, "Pod Lifecycle"): as the API shows any of them, and those that a `StatefulSet` keeps by name.

use super::{Key, deployment::instant};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a `StatefulSet` puts on each of its pods (Kubernetes, "`StatefulSets`", "Pod Name Label").
pub(super) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

pub(super) type Labels = BTreeMap<String, String>;

/// A pod that has a name of its own, and has been ready for long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pod {
    pub key: Key,
    pub labels: Labels,
    pub version: u64,
    pub since: Timestamp,
}

impl Pod {
    pub(super) fn show(&self) -> Value {
        show(&self.key, &self.labels, &self.version.to_string(), Phase::Ready(self.since))
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

pub(super) fn show(key: &Key, labels: &Labels, version: &str, phase: Phase) -> Value {
    let condition = |name: &str, holds: bool| json!({ "type": name, "status": if holds { "True" } else { "False" } });
    let container = |is_ready: bool, state: Value| {
        json!([{
            "name": "app",
            "image": "",
            "imageID": "",
            "ready": is_ready,
            "restartCount": 0,
            "state": state,
        }])
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
                container(false, json!({ "waiting": { "reason": "ContainerCreating" } })),
        }),
        Phase::Ready(since) | Phase::Leaving(since) => json!({
            "phase": "Running",
            "conditions": [condition("PodScheduled", true), condition("Ready", true)],
            "containerStatuses":
                container(true, json!({ "running": { "startedAt": instant(since) } })),
        }),
    };
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
        "spec": { "containers": [{ "name": "app" }] },
        "status": status,
    })
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    pod["metadata"]["deletionTimestamp"].is_null() && conditions.into_iter().any(is_ready)
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
