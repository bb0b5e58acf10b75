//! Simulated Kubernetes: the API servers of all clusters behind one gateway, and what their controllers make of what is
//! written there.
//!
//! Written from the Kubernetes API reference ("Deployment", "Scale", "`HorizontalPodAutoscaler`", "API concepts"). Of each
//! kind only what a failover reads or patches is modeled.

mod api;
mod autoscaler;
mod deployment;
mod object;
mod pod;
mod seed;
mod service;

pub(super) use api::{answer, refusal};

use super::cloud::Cloud;
use autoscaler::Autoscaler;
use deployment::Deployment;
use jiff::Timestamp;
use object::Object;
use pod::Pod;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Service;

/// Where all clusters are reached, each by its context at the beginning of the path.
pub const GATEWAY: &str = "https://clusters.simulated";
const HOST: &str = "clusters.simulated";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kubernetes {
    clusters: Vec<Cluster>,
    deployments: Vec<Deployment>,
    autoscalers: Vec<Autoscaler>,
    services: Vec<Service>,
    /// Those that have names of their own; the others are their deployments'.
    pods: Vec<Pod>,
    objects: Vec<Object>,
    /// What no role lets the caller do, as `VERB RESOURCE.GROUP/SUBRESOURCE`.
    forbidden: Vec<String>,
    /// How many writes there were; versions are made of it.
    writes: u64,
}

/// One cluster, by the context that leads to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cluster {
    context: String,
    region: String,
}

/// What tells one object of a kind from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    context: String,
    namespace: String,
    name: String,
}

impl Key {
    /// Of a `CONTEXT/NAMESPACE/NAME`.
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '/').map(ToOwned::to_owned);
        let (name, namespace, context) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { context, namespace, name })
    }

    /// Another object of its namespace.
    fn beside(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    fn is_in(&self, context: &str, namespace: &str) -> bool {
        self.context == context && self.namespace == namespace
    }
}

impl Kubernetes {
    fn region(&self, context: &str) -> Option<&str> {
        let cluster = self.clusters.iter().find(|cluster| cluster.context == context)?;
        Some(&cluster.region)
    }

    /// The pods of a context and a namespace, as the API shows them.
    fn all_pods(&self, (context, namespace): (&str, &str), now: Timestamp) -> Vec<Value> {
        let own = self.pods.iter().filter(|one| one.key.is_in(context, namespace)).map(Pod::show);
        let deployments = self.deployments.iter();
        let made = deployments.filter(|one| one.key.is_in(context, namespace));
        own.chain(made.flat_map(|one| one.pods(now))).collect()
    }
}

impl Cloud {
    /// Takes something that a role allowed from the caller.
    pub fn forbid_in_clusters(&mut self, permission: &str) {
        self.kubernetes.forbidden.push(permission.to_owned());
    }

    /// Lets no node have room for more pods of a Deployment than there are.
    pub fn fill_nodes(&mut self, name: &str) {
        let now = self.now;
        let all = self.kubernetes.deployments.iter_mut();
        all.filter(|one| one.key.name == name).for_each(|one| one.fill(now));
    }

    /// Gives a Deployment an autoscaler with these bounds.
    pub fn add_autoscaler(&mut self, name: &str, bounds: [u64; 2]) {
        let found = self.kubernetes.deployments.iter().find(|one| one.key.name == name);
        let Some(key) = found.map(|one| one.key.clone()) else { return };
        let autoscaler = Autoscaler::new(key, bounds, self.now);
        self.kubernetes.autoscalers.push(autoscaler);
    }
}

/// When something happens by itself next.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    let Kubernetes { deployments, autoscalers, .. } = &cloud.kubernetes;
    autoscalers.iter().filter_map(|one| one.due(deployments)).min()
}

/// Does what is due now.
pub(super) fn keep_time(cloud: &mut Cloud) {
    let now = cloud.now;
    let Kubernetes { deployments, autoscalers, writes, .. } = &mut cloud.kubernetes;
    for autoscaler in autoscalers {
        let is_due = autoscaler.due(deployments).is_some_and(|due| due <= now);
        let Some(kept) = autoscaler.kept(deployments).filter(|_| is_due) else { continue };
        let Some(deployment) = deployments.iter_mut().find(|one| one.key == autoscaler.target)
        else {
            continue;
        };
        *writes += 1;
        deployment.scale(kept, *writes, now);
    }
}
