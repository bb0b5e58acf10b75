//! The clusters that a plan names: everything that it needs is there, and runs on little in the region on standby.

use super::{
    Autoscaler, Cluster, Deployment, Key, Kubernetes, Object,
    pod::{Labels, POD_NAME, Pod},
    service::Service,
};
use crate::{
    model::{Node, Resource, Value},
    plan::{ActionWork, Step},
    sim::{cloud::Cloud, seed::Seed},
};
use jiff::Timestamp;
use std::time::Duration;

const DEPLOYMENT: &str = "Kubernetes::Deployment";
const SERVICE: &str = "Kubernetes::Service";
const NAMESPACE: &str = "Kubernetes::Namespace";
const OBJECT: &str = "Kubernetes::Object";
const POD: &str = "Kubernetes::Pod";
const FAMILY: &str = "Kubernetes::";

/// Kinds of which there is more than what was written.
const MODELED: [&str; 4] =
    ["deployments.apps", "horizontalpodautoscalers.autoscaling", "pods", "services"];

impl Kubernetes {
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let long_ago = cloud.now - Duration::from_hours(24);
        for resource in seed.resources.iter().filter(|one| one.kind.starts_with(FAMILY)) {
            let Some(context) = context(resource) else { continue };
            if cloud.kubernetes.region(&context).is_none() {
                let region = seed.region_of(resource);
                cloud.kubernetes.clusters.push(Cluster { context, region });
            }
        }
        cloud.kubernetes.seed_deployments(seed, long_ago);
        let works = || seed.plan.steps.iter().filter_map(Step::action);
        for work in works() {
            for touched in &work.touches {
                match touched.kind.as_str() {
                    SERVICE => cloud.kubernetes.seed_service(work, touched, long_ago),
                    OBJECT => cloud.kubernetes.seed_object(work, touched),
                    NAMESPACE => cloud.kubernetes.seed_pods(work, touched, long_ago),
                    _ => {}
                }
            }
        }
        // Only now, for a pod of a set has the labels of it.
        for work in works() {
            for pod in work.touches.iter().filter(|touched| touched.kind == POD) {
                cloud.kubernetes.seed_container(work, pod, long_ago);
            }
        }
    }

    fn seed_deployments(&mut self, seed: &Seed<'_>, long_ago: Timestamp) {
        let wanted = seed.largest(DEPLOYMENT, "replicas").unwrap_or(2);
        let minimum = seed.largest(DEPLOYMENT, "minimum");
        for resource in seed.of_kind(DEPLOYMENT) {
            let Some(key) = Key::of(&resource.name) else { continue };
            if self.deployments.iter().any(|one| one.key == key) {
                continue;
            }
            let replicas = if seed.region_of(resource) == seed.standby { 1 } else { wanted };
            let labels = Labels::from([("app".to_owned(), key.name.clone())]);
            self.deployments.push(Deployment::standing(key.clone(), labels, replicas, long_ago));
            if let Some(minimum) = minimum {
                let most = (minimum * 2).max(10);
                self.autoscalers.push(Autoscaler::new(key, [replicas.max(1), most], long_ago));
            }
        }
    }

    /// A Service that leads to another pod of the same set than a step wants.
    fn seed_service(&mut self, work: &ActionWork, service: &Resource, long_ago: Timestamp) {
        let Some(key) = Key::of(&service.name) else { return };
        let Some(wanted) = work.with.get("pod").and_then(Node::as_text) else { return };
        if self.services.iter().any(|one| one.key == key) {
            return;
        }
        let selector = labels(work, "selector");
        let current = sibling(wanted);
        let mut of_current = named(&selector, &current);
        if !selector.contains_key("role") && !selector.contains_key(POD_NAME) {
            for value in of_current.values_mut() {
                value.push_str("-before");
            }
        }
        let mut of_wanted = named(&selector, wanted);
        of_wanted.entry("role".to_owned()).and_modify(|role| "replica".clone_into(role));
        let now: Labels = of_current
            .iter()
            .filter(|(name, _)| selector.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.services.push(Service::standing(key.clone(), now, long_ago));
        for (name, labels) in [(current.as_str(), of_current), (wanted, of_wanted)] {
            let key = key.beside(name);
            if self.pods.iter().all(|pod| pod.key != key) {
                self.pods.push(Pod::standing(key, labels, long_ago));
            }
        }
    }

    /// A pod with the container that a step names.
    fn seed_container(&mut self, work: &ActionWork, pod: &Resource, long_ago: Timestamp) {
        let Some(key) = Key::of(&pod.name) else { return };
        let Some(container) = work.with.get("container").and_then(Node::as_text) else { return };
        let at = self.pods.iter().position(|one| one.key == key).unwrap_or_else(|| {
            let labels = named(&Labels::new(), &key.name);
            self.pods.push(Pod::standing(key, labels, long_ago));
            self.pods.len() - 1
        });
        let containers = &mut self.pods[at].containers;
        if containers.iter().all(|one| one != container) {
            containers.push(container.to_owned());
        }
    }

    /// An object that says nothing of what a step wants, unless it is one that is modeled.
    fn seed_object(&mut self, work: &ActionWork, object: &Resource) {
        let text = |name: &str| work.with.get(name).and_then(Node::as_text).unwrap_or_default();
        let Some(key) = Key::of(&object.name) else { return };
        let (api, resource) = (text("api"), text("resource"));
        let kind = match api.split_once('/') {
            Some((group, _)) => format!("{resource}.{group}"),
            None => resource.to_owned(),
        };
        if MODELED.contains(&kind.as_str()) {
            return;
        }
        if self.objects.iter().all(|one| one.kind != kind || one.key != key) {
            self.objects.push(Object::blank(kind, api, key));
        }
    }

    /// As many pods as a step waits for, unless there are some with these labels.
    fn seed_pods(&mut self, work: &ActionWork, namespace: &Resource, long_ago: Timestamp) {
        let labels = labels(work, "labels");
        let name = labels.values().next().cloned().unwrap_or_default();
        let Some(key) = Key::of(&format!("{}/{name}", namespace.name)) else { return };
        let (context, namespace) = (key.context.clone(), key.namespace.clone());
        if self
            .all_pods((&context, &namespace), long_ago)
            .iter()
            .any(|pod| super::pod::has(pod, &labels))
        {
            return;
        }
        let ready = match work.with.get("ready").map(|node| &node.value) {
            Some(Value::Int(ready)) => u64::try_from(*ready).unwrap_or(1),
            _ => 1,
        };
        self.deployments.push(Deployment::standing(key, labels, ready, long_ago));
    }
}

/// The cluster that a resource is in: what stands before its namespace.
fn context(resource: &Resource) -> Option<String> {
    if resource.kind == NAMESPACE {
        return resource.name.rsplit_once('/').map(|(context, _)| context.to_owned());
    }
    Key::of(&resource.name).map(|key| key.context)
}

fn labels(work: &ActionWork, parameter: &str) -> Labels {
    let entries = work.with.get(parameter).map(Node::entries).unwrap_or_default();
    let label = |(name, value): &(crate::model::Key, Node)| {
        Some((name.text.clone(), value.as_text()?.to_owned()))
    };
    entries.iter().filter_map(label).collect()
}

/// What a pod of this name has of these labels, and what its set puts on it.
fn named(labels: &Labels, name: &str) -> Labels {
    let mut labels = labels.clone();
    labels.insert(POD_NAME.to_owned(), name.to_owned());
    labels
}

/// The first pod of the same set, or the second where that is the first.
fn sibling(pod: &str) -> String {
    let (set, number) = pod.rsplit_once('-').unwrap_or((pod, "1"));
    format!("{set}-{}", u8::from(number == "0"))
}
