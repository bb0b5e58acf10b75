//! `HorizontalPodAutoscaler`s: they keep a count within bounds, and look every 15 s (Kubernetes, "Horizontal Pod
//! Autoscaling"). Their metrics are such that within the bounds any count is right.

use super::{Key, deployment::Deployment};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

const LOOKS: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Autoscaler {
    pub target: Key,
    pub min: u64,
    pub max: u64,
    version: u64,
    changed: Timestamp,
}

impl Autoscaler {
    pub(super) fn new(target: Key, [min, max]: [u64; 2], now: Timestamp) -> Self {
        Self { target, min, max, version: 1, changed: now }
    }

    pub(super) fn set_min(&mut self, min: u64, write: u64, now: Timestamp) {
        self.min = min;
        self.version = write;
        self.changed = now;
    }

    pub(super) fn version(&self) -> String {
        self.version.to_string()
    }

    fn deployment<'a>(&self, all: &'a [Deployment]) -> Option<&'a Deployment> {
        all.iter().find(|one| one.key == self.target)
    }

    /// The count that it would set. It leaves alone what was scaled to none.
    pub(super) fn kept(&self, all: &[Deployment]) -> Option<u64> {
        let now = self.deployment(all)?.replicas;
        let kept = now.clamp(self.min, self.max.max(self.min));
        (now > 0 && kept != now).then_some(kept)
    }

    pub(super) fn due(&self, all: &[Deployment]) -> Option<Timestamp> {
        self.kept(all)?;
        Some(self.deployment(all)?.changed.max(self.changed) + LOOKS)
    }

    pub(super) fn show(&self, all: &[Deployment]) -> Value {
        let count = self.deployment(all).map_or(0, |one| one.replicas);
        json!({
            "metadata": {
                "name": self.target.name,
                "namespace": self.target.namespace,
                "resourceVersion": self.version(),
            },
            "spec": {
                "scaleTargetRef": {
                    "kind": "Deployment",
                    "name": self.target.name,
                    "apiVersion": "apps/v1",
                },
                "minReplicas": self.min,
                "maxReplicas": self.max,
                "metrics": [{
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": { "type": "Utilization", "averageUtilization": 70 },
                    },
                }],
            },
            "status": { "currentReplicas": count, "desiredReplicas": count },
        })
    }
}
