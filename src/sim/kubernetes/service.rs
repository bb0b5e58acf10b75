//! Services, and the endpoints that a controller finds for them (Kubernetes, "Service" and "`EndpointSlices`").

use super::{
    Key,
    pod::{self, Labels},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long it takes until the controller has seen a change.
const SEEN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Service {
    pub key: Key,
    pub selector: Labels,
    /// What it selected until the last change.
    before: Labels,
    changed: Timestamp,
    pub version: u64,
}

impl Service {
    pub(super) fn standing(key: Key, selector: Labels, since: Timestamp) -> Self {
        Self { key, before: selector.clone(), selector, changed: since, version: 1 }
    }

    pub(super) fn select(&mut self, patch: &Map<String, Value>, now: Timestamp) {
        self.before = self.selector.clone();
        pod::merge(&mut self.selector, patch);
        self.changed = now;
    }

    pub(super) fn show(&self) -> Value {
        json!({
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "resourceVersion": self.version.to_string(),
            },
            "spec": {
                "type": "ClusterIP",
                "selector": self.selector,
                "ports": [{ "port": 5432, "targetPort": 5432, "protocol": "TCP" }],
                "sessionAffinity": "None",
            },
            "status": { "loadBalancer": {} },
        })
    }

    /// Its slice, of the pods of its namespace.
    pub(super) fn slice(&self, pods: &[Value], now: Timestamp) -> Value {
        let selector = if self.changed + SEEN <= now { &self.selector } else { &self.before };
        let endpoint = |pod: &Value| {
            let is_ready = pod::is_ready(pod);
            json!({
                "addresses": ["10.0.0.1"],
                "conditions": { "ready": is_ready, "serving": is_ready, "terminating": false },
                "targetRef": {
                    "kind": "Pod",
                    "namespace": self.key.namespace,
                    "name": pod["metadata"]["name"],
                },
            })
        };
        let chosen = pods.iter().filter(|pod| pod::has(pod, selector));
        json!({
            "metadata": {
                "name": format!("{}-x7k2p", self.key.name),
                "namespace": self.key.namespace,
                "labels": { "kubernetes.io/service-name": self.key.name },
            },
            "addressType": "IPv4",
            "endpoints": chosen.map(endpoint).collect::<Vec<_>>(),
            "ports": [{ "name": "", "port": 5432, "protocol": "TCP" }],
        })
    }
}
