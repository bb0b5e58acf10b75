//! Deployments, and the controller that keeps as many pods as each asks for.
//!
//! A changed count begins no rollout: the condition `Progressing` says what it said before, and no deadline is kept for it
//! (Kubernetes, "Deployments", "Progress deadline seconds").

use super::{
    Key,
    pod::{self, Labels},
};
use crate::sim::{crew::Crew, id::digits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How long it takes until the controller has seen a change.
const SEEN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub key: Key,
    /// Of its pods.
    labels: Labels,
    pub replicas: u64,
    pub changed: Timestamp,
    /// Where the count was before: until the controller looks, the status is about that.
    before: u64,
    generation: u64,
    version: u64,
    created: Timestamp,
    crew: Crew,
    /// How many of its pods the nodes have room for, where they have not room for all.
    room: Option<u64>,
}

impl Deployment {
    /// One that has been there for long.
    pub(super) fn standing(key: Key, labels: Labels, replicas: u64, since: Timestamp) -> Self {
        let Key { context, namespace, name } = &key;
        let crew = Crew::standing(&format!("{context} {namespace}/{name}"), replicas, since);
        Self {
            key,
            labels,
            replicas,
            changed: since,
            before: replicas,
            generation: 1,
            version: 1,
            created: since,
            crew,
            room: None,
        }
    }

    pub(super) fn fill(&mut self, now: Timestamp) {
        self.room = Some(self.crew.running(now));
    }

    pub(super) fn scale(&mut self, replicas: u64, write: u64, now: Timestamp) {
        self.version = write;
        if replicas == self.replicas {
            return;
        }
        self.before = self.replicas;
        self.replicas = replicas;
        self.changed = now;
        self.generation += 1;
        let size = self.room.map_or(replicas, |room| replicas.min(room));
        self.crew.resize(size, now);
    }

    fn is_seen(&self, now: Timestamp) -> bool {
        self.changed + SEEN <= now
    }

    /// What the status counts.
    fn present(&self, now: Timestamp) -> u64 {
        if self.is_seen(now) { self.replicas } else { self.before }
    }

    fn ready(&self, now: Timestamp) -> u64 {
        let staying = self.crew.present(now).filter(|worker| !worker.is_leaving());
        let ready = staying.filter(|worker| worker.is_up(now)).count() as u64;
        ready.min(self.present(now))
    }

    /// It moves with every write, and with every change of the status.
    pub(super) fn version(&self, now: Timestamp) -> String {
        let seen = u64::from(self.is_seen(now));
        (self.version * 1_000_000 + self.ready(now) * 2 + seen).to_string()
    }

    fn uid(&self) -> String {
        let Key { context, namespace, name } = &self.key;
        let digits = digits(&format!("deployment {context} {namespace}/{name}"), 32);
        format!(
            "{}-{}-4{}-8{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[13..16],
            &digits[17..20],
            &digits[20..]
        )
    }

    fn metadata(&self, now: Timestamp) -> Value {
        json!({
            "name": self.key.name,
            "namespace": self.key.namespace,
            "uid": self.uid(),
            "resourceVersion": self.version(now),
            "generation": self.generation,
            "creationTimestamp": instant(self.created),
            "labels": self.labels,
        })
    }

    pub(super) fn show(&self, now: Timestamp) -> Value {
        let (replicas, ready) = (self.present(now), self.ready(now));
        let observed = if self.is_seen(now) { self.generation } else { self.generation - 1 };
        let is_available = ready * 4 >= replicas * 3;
        let condition = |name: &str, holds: bool, reason: &str, message: String| {
            json!({
                "type": name,
                "status": if holds { "True" } else { "False" },
                "lastUpdateTime": instant(self.changed),
                "lastTransitionTime": instant(self.changed),
                "reason": reason,
                "message": message,
            })
        };
        let mut status = json!({
            "observedGeneration": observed,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "conditions": [
                if is_available {
                    let says = "Deployment has minimum availability.".to_owned();
                    condition("Available", true, "MinimumReplicasAvailable", says)
                } else {
                    let says = "Deployment does not have minimum availability.".to_owned();
                    condition("Available", false, "MinimumReplicasUnavailable", says)
                },
                condition(
                    "Progressing",
                    true,
                    "NewReplicaSetAvailable",
                    format!("ReplicaSet \"{}\" has successfully progressed.", self.set()),
                ),
            ],
        });
        // What is none is left out.
        let rest = [
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("unavailableReplicas", replicas - ready),
        ];
        for (name, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
            status[name] = count.into();
        }
        json!({
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            "metadata": self.metadata(now),
            "spec": {
                "replicas": self.replicas,
                "selector": { "matchLabels": self.labels },
                "template": {
                    "metadata": { "labels": self.labels },
                    "spec": { "containers": [{ "name": self.key.name, "image": self.image() }] },
                },
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" },
                },
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            },
            "status": status,
        })
    }

    pub(super) fn show_scale(&self, now: Timestamp) -> Value {
        let mut metadata = self.metadata(now);
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.retain(|name, _| name != "labels" && name != "generation");
        }
        json!({
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": metadata,
            "spec": { "replicas": self.replicas },
            "status": {
                "replicas": self.present(now),
                "selector": self.selector(),
            },
        })
    }

    fn selector(&self) -> String {
        let all: Vec<_> =
            self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.join(",")
    }

    fn image(&self) -> String {
        format!("registry.example.com/{}:1", self.key.name)
    }

    /// The name of its one `ReplicaSet`.
    fn set(&self) -> String {
        format!("{}-{}", self.key.name, digits(&format!("set {}", self.uid()), 10))
    }

    /// Its pods: those that run or start, and those for which no node has room.
    pub(super) fn pods(&self, now: Timestamp) -> Vec<Value> {
        let of = |name: &str, phase| {
            let key = self.key.beside(&format!("{}-{name}", self.set()));
            pod::show(&key, &self.labels, &[pod::APP], ("1", phase))
        };
        let mut pods: Vec<_> = self
            .crew
            .present(now)
            .map(|worker| {
                let phase = match (worker.is_leaving(), worker.is_up(now)) {
                    (true, _) => pod::Phase::Leaving(now),
                    (false, true) => pod::Phase::Ready(worker.up_from),
                    (false, false) => pod::Phase::Starting,
                };
                of(&worker.id[..5], phase)
            })
            .collect();
        let missing = self.present(now).saturating_sub(self.crew.size());
        pods.extend((0..missing).map(|number| of(&format!("{number:05}"), pod::Phase::Homeless)));
        pods
    }
}

pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
