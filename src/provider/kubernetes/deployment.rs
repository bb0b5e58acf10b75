//! What a Deployment says of itself, and when it is done: as `kubectl rollout status` has it (Kubernetes, "Deployments",
//! "Deployment status").

use super::{
    client::{Api, Call},
    owner,
    place::Place,
    pods,
};
use crate::{
    action::{Answer, Finding, Parameter, Placed, Shape, Trouble},
    model::{Datum, Evidence},
};
use k8s_openapi::{
    api::apps::v1::{Deployment as Object, DeploymentCondition, DeploymentSpec, DeploymentStatus},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use std::time::Duration;

pub(super) const API: &str = "apis/apps/v1";
pub(super) const PLURAL: &str = "deployments";

const DEPLOYMENT: Shape =
    Shape::Resource { kind: "Kubernetes::Deployment", placed: Placed::InARegion, made: false };
pub(super) const PARAMETER: Parameter =
    Parameter::required("deployment", DEPLOYMENT, "The Deployment, as CONTEXT/NAMESPACE/NAME");

const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// One Deployment, as it is now.
pub(super) struct Deployment {
    name: String,
    metadata: ObjectMeta,
    spec: DeploymentSpec,
    status: DeploymentStatus,
}

impl Deployment {
    pub(super) async fn find(api: &Api, place: &Place) -> Result<Option<Self>, Trouble> {
        let found: Option<Object> = api.find(&Call::get(place.path(API, PLURAL))).await?;
        Ok(found.map(|object| Self {
            name: place.short(),
            metadata: object.metadata,
            spec: object.spec,
            status: object.status.unwrap_or_default(),
        }))
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.metadata.resource_version.as_deref()
    }

    /// How many pods it should run: one, where it does not say.
    pub(super) fn desired(&self) -> i64 {
        self.spec.replicas.unwrap_or(1).into()
    }

    fn count(number: Option<i32>) -> i64 {
        number.unwrap_or(0).into()
    }

    fn available(&self) -> i64 {
        Self::count(self.status.available_replicas)
    }

    fn updated(&self) -> i64 {
        Self::count(self.status.updated_replicas)
    }

    fn present(&self) -> i64 {
        Self::count(self.status.replicas)
    }

    /// Whether what the status says is about what the object asks for now.
    fn is_observed(&self) -> bool {
        self.status.observed_generation >= self.metadata.generation
    }

    /// A condition that holds, or one that does not.
    fn condition(&self, name: &str, status: &str) -> Option<&DeploymentCondition> {
        let is_it = |one: &&DeploymentCondition| {
            one.type_.as_deref() == Some(name) && one.status.as_deref() == Some(status)
        };
        self.status.conditions.as_ref()?.iter().find(is_it)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_observed()
            && self.updated() == self.desired()
            && self.present() == self.updated()
            && self.available() == self.updated()
    }

    /// What keeps it from ever getting there by itself.
    pub(super) fn hindrance(&self) -> Option<String> {
        if !self.is_observed() {
            return None;
        }
        if self.spec.paused == Some(true) && self.updated() < self.desired() {
            return Some("is paused: its rollout does not go on".to_owned());
        }
        let late = self
            .condition("Progressing", "False")
            .filter(|one| one.reason.as_deref() == Some("ProgressDeadlineExceeded"));
        let condition = self.condition("ReplicaFailure", "True").or(late)?;
        let reason = condition.reason.as_deref().unwrap_or("it failed");
        let message = condition.message.as_deref().unwrap_or("it says no more");
        Some(format!("cannot get on: {reason}: {message}"))
    }

    fn progress(&self) -> String {
        let desired = self.desired();
        if !self.is_observed() {
            return "was changed, and its controller has not seen it yet".to_owned();
        }
        if self.updated() < desired {
            return format!("has {} of {desired} pods of its newest kind", self.updated());
        }
        if self.present() > self.updated() {
            return format!("still has {} pods too many", self.present() - self.updated());
        }
        format!("has {} of {desired} pods available", self.available())
    }

    /// Whether it is done; where it is not, why.
    pub(super) async fn answer(&self, api: &Api, place: &Place) -> Answer {
        if self.is_complete() {
            return Answer::AsDesired;
        }
        let name = &self.name;
        if let Some(hindrance) = self.hindrance() {
            let why = format!("`{name}` {hindrance}{}", self.complaint(api, place).await);
            return Answer::Never { why };
        }
        let why = format!("`{name}` {}{}", self.progress(), self.complaint(api, place).await);
        Answer::NotYet { why, look_again: LOOK_AGAIN }
    }

    /// What the first of its pods that is not ready is waiting for.
    async fn complaint(&self, api: &Api, place: &Place) -> String {
        let complaint = match pods::selector(&self.spec.selector) {
            // A text beside the answer: who cannot read it has the answer all the same.
            Some(selector) => pods::selected(api, &place.namespace, &selector)
                .await
                .ok()
                .and_then(|pods| pods.iter().find_map(pods::Pod::complaint)),
            None => None,
        };
        complaint.map_or_else(String::new, |complaint| format!("; {complaint}"))
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence::new()
            .with("desired", Datum::Count(self.desired()))
            .with("updated", Datum::Count(self.updated()))
            .with("available", Datum::Count(self.available()))
    }

    /// What would take a change of it back.
    pub(super) fn owner(&self) -> Option<Finding> {
        owner(&self.metadata, &self.name)
    }
}
