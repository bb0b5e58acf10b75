//! What ECS and Application Auto Scaling say of a service.

use crate::model::{Datum, Evidence};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Described {
    #[serde(default)]
    pub(super) services: Vec<Service>,
    #[serde(default)]
    pub(super) failures: Vec<Failure>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    arn: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    detail: String,
}

impl Failure {
    pub(super) fn says(&self) -> String {
        let parts = [&self.arn, &self.reason, &self.detail].map(String::as_str);
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    status: String,
    pub(super) desired_count: i64,
    running_count: i64,
    #[serde(default)]
    pending_count: i64,
    #[serde(default)]
    scheduling_strategy: String,
    /// Empty when another controller than ECS deploys.
    #[serde(default)]
    deployments: Vec<Deployment>,
    /// The newest first.
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    /// Only of a rolling update that is not behind a Classic Load Balancer.
    #[serde(default)]
    rollout_state: String,
    #[serde(default)]
    rollout_state_reason: String,
}

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    message: String,
}

impl Service {
    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new()
            .with("desired", Datum::Count(self.desired_count))
            .with("running", Datum::Count(self.running_count))
            .with("pending", Datum::Count(self.pending_count));
        if let Some(deployment) = self.deployments.first() {
            evidence.set("rollout", Datum::Text(deployment.rollout_state.clone()));
        }
        if let Some(event) = self.events.first() {
            evidence.set("event", Datum::Text(event.message.clone()));
        }
        evidence
    }

    /// What keeps it from ever running as many tasks.
    pub(super) fn hindrance(&self) -> Option<String> {
        if self.status != "ACTIVE" {
            return Some(format!("is {}, not ACTIVE", self.status));
        }
        if self.scheduling_strategy == "DAEMON" {
            return Some("is a DAEMON: it runs one task on each instance, and has no count".into());
        }
        // The circuit breaker has opened: nothing of that deployment is started any more.
        let failed = self.deployments.iter().find(|one| one.rollout_state == "FAILED")?;
        let reason = &failed.rollout_state_reason;
        Some(if reason.is_empty() {
            "was not rolled out: its deployment FAILED".to_owned()
        } else {
            format!("was not rolled out: {reason}")
        })
    }

    fn is_deploying(&self) -> bool {
        let is_under_way = |one: &Deployment| one.rollout_state == "IN_PROGRESS";
        self.deployments.len() > 1 || self.deployments.iter().any(is_under_way)
    }

    pub(super) fn is_steady(&self) -> bool {
        !self.is_deploying() && self.running_count == self.desired_count
    }

    pub(super) fn progress(&self) -> String {
        let mut says = format!("runs {} of {} tasks", self.running_count, self.desired_count);
        if self.is_deploying() {
            says.push_str(" while a deployment is under way");
        }
        let complaint = self.events.first().filter(|event| event.message.contains("unable"));
        if let Some(event) = complaint.filter(|_| self.running_count < self.desired_count) {
            says.push_str(": ");
            says.push_str(&event.message);
        }
        says
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Targets {
    #[serde(default)]
    pub(super) scalable_targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) min_capacity: i64,
    pub(super) max_capacity: i64,
    #[serde(rename = "SuspendedState")]
    suspended: Option<Suspended>,
}

impl Target {
    /// Whether it takes tasks away, too.
    pub(super) fn scales_in(&self) -> bool {
        !self.suspended.as_ref().is_some_and(|suspended| suspended.scale_in)
    }
}

#[derive(Deserialize)]
pub(super) struct Suspended {
    #[serde(default, rename = "DynamicScalingInSuspended")]
    scale_in: bool,
}
