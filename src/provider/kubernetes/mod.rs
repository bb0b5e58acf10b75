//! Actions on Kubernetes.
//!
//! The context and the namespace are always said, never taken from what a kubeconfig calls current. `OnKubernetes` is the
//! shape that the actions share.

mod access;
mod autoscaler;
mod client;
mod credential;
mod deployment;
mod error;
pub(super) mod exec;
pub(super) mod patch;
mod place;
mod pods;
pub(super) mod pods_ready;
pub(super) mod rollout;
pub(super) mod scale;
pub(super) mod service;

use super::unknown_change;
use crate::{
    action::{Action, Answer, Applied, Change, Finding, Look, Observation, Trouble, Unapplied},
    journal::Permit,
    model::Resource,
};
pub use access::sign_in;
use async_trait::async_trait;
use client::{Api, Call};
pub use credential::Kubeconfig;
use futures_util::future::join;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use place::{Namespace, Place};
use std::sync::Arc;

/// What one action adds to the shape that all of them share.
#[async_trait]
trait OnKubernetes: Send + Sync + Sized + 'static {
    fn api(&self) -> &Api;

    /// Where it works.
    fn namespace(&self) -> &Namespace;

    /// What it asks and changes, each a `VERB RESOURCE.GROUP/SUBRESOURCE` as in a role.
    fn permissions(&self) -> Vec<&str>;

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble>;

    /// The request that carries out one of the changes that `observe` named. It may read, but sends nothing.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied>;

    /// What else would stop the step later.
    async fn examine(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn into_action(self) -> Arc<dyn Action> {
        Arc::new(Shared(self))
    }
}

struct Shared<A>(A);

#[async_trait]
impl<A: OnKubernetes> Action for Shared<A> {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        self.0.observe(look).await
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let call = self.0.request(change).await?;
        self.0.api().change(&call, permit).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let namespace = &self.0.namespace().name;
        let permissions = self.0.permissions();
        let reviews = access::examine(self.0.api(), namespace, &permissions);
        let (reviews, own) = join(reviews, self.0.examine()).await;
        [reviews, own].concat()
    }
}

/// The context that leads to the cluster of what a runbook names.
pub fn context(resource: &Resource) -> Option<&str> {
    let (context, _) = match resource.kind.strip_prefix("Kubernetes::")? {
        "Namespace" => resource.name.rsplit_once('/')?,
        _ => resource.name.rsplit_once('/')?.0.rsplit_once('/')?,
    };
    Some(context)
}

/// The answer about an object that is not there and that the action cannot make.
fn absent(what: &str, place: &Place) -> Answer {
    Answer::Never { why: there_is_no(what, place) }
}

fn there_is_no(what: &str, place: &Place) -> String {
    let Place { namespace: Namespace { context, name: namespace }, name } = place;
    format!("there is no {what} `{name}` in the namespace `{namespace}` of `{context}`")
}

/// What puts an object back as it is written elsewhere: a label or an annotation that it leaves there, and its name.
/// (Argo CD, "Resource Tracking"; Flux, "Kustomization" and "`HelmRelease`", "Labels".)
const OWNERS: [(&str, &str); 4] = [
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// What would take a change of an object back.
fn owner(metadata: &ObjectMeta, name: &str) -> Option<Finding> {
    let marks = [&metadata.labels, &metadata.annotations];
    let has =
        |key: &str| marks.iter().any(|all| all.as_ref().is_some_and(|all| all.contains_key(key)));
    let (_, owner) = OWNERS.iter().find(|(key, _)| has(key))?;
    Some(Finding::warning(format!(
        "{owner} keeps `{name}` as it is written elsewhere, and may put it back: pause it, or change it there too"
    )))
}
