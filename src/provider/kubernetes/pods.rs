//! Pods: which there are, which take requests, and what keeps the others from it.

use super::{
    client::{Api, Call},
    place::{Namespace, Place},
};
use crate::{
    action::{Params, Trouble},
    model::Diagnostic,
};
use k8s_openapi::{
    List,
    api::core::v1::{
        ContainerState, ContainerStatus, Pod as Object, PodCondition, PodSpec, PodStatus,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta},
};
use std::collections::BTreeMap;

/// Names of labels, and their values.
pub(super) type Labels = BTreeMap<String, String>;

/// What a container that is on its way waits for; of these nobody need hear.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// The longest complaint that is shown.
const LONGEST: usize = 200;

/// One pod, as it is now.
pub(super) struct Pod {
    pub(super) metadata: ObjectMeta,
    spec: PodSpec,
    status: PodStatus,
}

impl Pod {
    fn read(object: Object) -> Self {
        let Object { metadata, spec, status } = object;
        Self { metadata, spec: spec.unwrap_or_default(), status: status.unwrap_or_default() }
    }

    pub(super) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn condition(&self, name: &str) -> Option<&PodCondition> {
        self.status.conditions.as_ref()?.iter().find(|condition| condition.type_ == name)
    }

    /// Whether it is on its way out.
    pub(super) fn is_leaving(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.is_leaving() && self.condition("Ready").is_some_and(|ready| ready.status == "True")
    }

    /// Why it is not ready, where it says so.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.is_leaving() || self.is_ready() {
            return None;
        }
        let unscheduled = self.condition("PodScheduled").filter(|one| one.status == "False");
        let (reason, message) = match unscheduled {
            Some(condition) => (condition.reason.clone(), condition.message.clone()),
            None => self.containers().find_map(held_up)?,
        };
        let parts = [reason, message].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let parts: String = parts.chars().take(LONGEST).collect();
        Some(format!("pod `{}`: {parts}", self.name()))
    }

    /// Whether this container of it can be asked to do something.
    pub(super) fn is_running(&self, container: &str) -> bool {
        let is_it = |one: &&ContainerStatus| one.name == container;
        let state = self.containers().find(is_it).and_then(|one| one.state.as_ref());
        !self.is_leaving() && state.is_some_and(|state| state.running.is_some())
    }

    /// Its containers, those that begin it too.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let PodSpec { init_containers, containers, .. } = &self.spec;
        let all = init_containers.iter().flatten().chain(containers);
        all.map(|container| container.name.as_str())
    }

    fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        let PodStatus { init_container_statuses, container_statuses, .. } = &self.status;
        [init_container_statuses, container_statuses].into_iter().flatten().flatten()
    }
}

type Said = (Option<String>, Option<String>);

fn held_up(container: &ContainerStatus) -> Option<Said> {
    let ContainerState { waiting, terminated, .. } = container.state.as_ref()?;
    if let Some(waiting) = waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let is_held = !reason.is_empty() && !ON_ITS_WAY.contains(&reason);
        return is_held.then(|| (waiting.reason.clone(), waiting.message.clone()));
    }
    let ended = terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    let status = format!("`{}` ended with status {}", container.name, ended.exit_code);
    Some((ended.reason.clone(), Some(ended.message.clone().unwrap_or(status))))
}

/// The pods of a namespace that these labels select.
pub(super) async fn selected(
    api: &Api,
    namespace: &Namespace,
    selector: &str,
) -> Result<Vec<Pod>, Trouble> {
    let call = Call::select(&namespace.list("api/v1", "pods"), selector);
    let list: List<Object> = api.get(&call).await?;
    Ok(list.items.into_iter().map(Pod::read).collect())
}

/// One pod, if it is there.
pub(super) async fn find(api: &Api, place: &Place) -> Result<Option<Pod>, Trouble> {
    let found: Option<Object> = api.find(&Call::get(place.path("api/v1", "pods"))).await?;
    Ok(found.map(Pod::read))
}

/// The labels that a parameter gives: at least one, and each as it may stand in a selector (Kubernetes, "Labels and
/// Selectors").
pub(super) fn labels(params: &Params<'_>, parameter: &str) -> Result<Labels, Diagnostic> {
    let labels: Labels = params.map(parameter).into_iter().collect();
    let wrong = |message| Err(Diagnostic::at(params.span(parameter), message));
    if labels.is_empty() {
        return wrong(format!("`{parameter}` names no label"));
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    for (name, value) in &labels {
        let is_name = !name.is_empty() && name.chars().all(|c| letter(c) || c == '/');
        if !is_name || value.len() > 63 || !value.chars().all(letter) {
            return wrong(format!("`{name}: {value}` can be no label"));
        }
    }
    Ok(labels)
}

/// What selects all that have these labels.
pub(super) fn query(labels: &Labels) -> String {
    let all: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    all.join(",")
}

/// A selector as a query holds it (Kubernetes, "Labels and Selectors"). None for one that selects nothing in particular.
pub(super) fn selector(of: &LabelSelector) -> Option<String> {
    let labels = of.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let expressions = of.match_expressions.iter().flatten().filter_map(expression);
    let all: Vec<_> = labels.chain(expressions).collect();
    (!all.is_empty()).then(|| all.join(","))
}

fn expression(of: &LabelSelectorRequirement) -> Option<String> {
    let LabelSelectorRequirement { key, operator, values } = of;
    let values = values.as_deref().unwrap_or_default().join(",");
    match operator.as_str() {
        "In" => Some(format!("{key} in ({values})")),
        "NotIn" => Some(format!("{key} notin ({values})")),
        "Exists" => Some(key.clone()),
        "DoesNotExist" => Some(format!("!{key}")),
        _ => None,
    }
}
