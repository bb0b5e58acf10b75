//! Which pod a Service leads to: the pod is labelled first, then it is selected, and it is the only one.
//!
//! A selector that nothing fits leaves a Service without an endpoint, and one that two databases fit splits writes between
//! them; neither is ever sent. Connections that stand are not cut: what they lead to must be fenced.
//!
//! Sources: Kubernetes API reference, `v1` Service and Pod, `discovery.k8s.io/v1` `EndpointSlice`.

use super::{
    OnKubernetes, absent,
    client::{Api, Call, before_sending},
    owner,
    place::{Namespace, Place, is_name},
    pods::{self, Labels, Pod},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Placed, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
};
use async_trait::async_trait;
use k8s_openapi::{
    List,
    api::{core::v1::Service as Object, discovery::v1::EndpointSlice},
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

const SERVICE: Shape =
    Shape::Resource { kind: "Kubernetes::Service", placed: Placed::InARegion, made: false };

pub(crate) static SELECTOR: Kind = Kind {
    name: "kubernetes.service_selector",
    summary: "Have a Service lead to one pod, and to no other",
    parameters: &[
        Parameter::required("service", SERVICE, "The Service, as CONTEXT/NAMESPACE/NAME"),
        Parameter::required("pod", Shape::Text, "The pod of the same namespace that it leads to"),
        Parameter::required(
            "selector",
            Shape::Map,
            "The whole selector; the pod is given the labels that it lacks",
        ),
    ],
    observed: &["selector", "endpoints"],
    planes: &[Plane::Data("service")],
    permissions: &PERMISSIONS,
    usual: Duration::from_secs(5),
    // What was written is read back at once; the endpoints follow within seconds, and are waited for.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const PERMISSIONS: [&str; 6] = [
    "get services",
    "get pods",
    "list pods",
    "list endpointslices.discovery.k8s.io",
    "patch pods",
    "patch services",
];
const LABELS: &str = "labels";
const SELECT: &str = "selector";
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const API: &str = "api/v1";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = Place::of(params, "service")?;
    let pod = params.text("pod")?;
    if !is_name(&pod) {
        let message = format!("`pod` must be the name of a pod, not `{pod}`");
        return Err(Diagnostic::at(params.span("pod"), message));
    }
    let wanted = pods::labels(params, "selector")?;
    let api = Api::new(clients, &place.namespace.context);
    let pod = Place { name: pod, ..place.clone() };
    Ok(Selector { api, place, pod, wanted }.into_action())
}

struct Selector {
    api: Api,
    place: Place,
    pod: Place,
    wanted: Labels,
}

/// What is there before anything is sent.
struct Found {
    version: Option<String>,
    /// What it selects now.
    selector: Labels,
    pod: Pod,
}

#[async_trait]
impl OnKubernetes for Selector {
    fn api(&self) -> &Api {
        &self.api
    }

    fn namespace(&self) -> &Namespace {
        &self.place.namespace
    }

    fn permissions(&self) -> Vec<&str> {
        PERMISSIONS.to_vec()
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let found = match self.find().await? {
            Ok(found) => found,
            Err(answer) => return Ok(Observation::new(answer, Evidence::new())),
        };
        let endpoints = self.endpoints().await?;
        let evidence = Evidence::new()
            .with("selector", Datum::Text(pods::query(&found.selector)))
            .with("endpoints", Datum::Text(endpoints.join(", ")));
        let changes = self.missing(&found);
        let answer = if !changes.is_empty() {
            Answer::Missing(changes)
        } else if endpoints == [self.pod.name.as_str()] {
            Answer::AsDesired
        } else {
            let now = if endpoints.is_empty() { "no pod".into() } else { endpoints.join(", ") };
            let why = format!("`{}` still leads to {now}", self.place.short());
            Answer::NotYet { why, look_again: LOOK_AGAIN }
        };
        Ok(Observation::new(answer, evidence))
    }

    /// Looks once more at all that must hold, and says of which version it is.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let later = |why: String| Unapplied::Deferred { why, wait: LOOK_AGAIN };
        let found = match self.find().await.map_err(before_sending)? {
            Ok(found) => found,
            Err(Answer::Never { why }) => return Err(Unapplied::Refused { why, request_id: None }),
            Err(Answer::NotYet { why, .. }) => return Err(later(why)),
            Err(_) => return Err(later("what it leads to has changed".to_owned())),
        };
        let missing = self.lacks(&found.pod);
        match change.id.as_str() {
            LABELS => {
                let version = &found.pod.metadata.resource_version;
                let body = json!({ "metadata": { "resourceVersion": version, "labels": missing } });
                Ok(Call::merge(self.pod.path(API, "pods"), &body))
            }
            SELECT if missing.is_empty() => {
                let body = json!({
                    "metadata": { "resourceVersion": found.version },
                    "spec": { "selector": self.turned(&found.selector) },
                });
                Ok(Call::merge(self.place.path(API, "services"), &body))
            }
            SELECT => Err(later(format!("`{}` has lost a label", self.pod.short()))),
            _ => Err(unknown_change(change)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the permissions are.
        let call = Call::get(self.place.path(API, "services"));
        let service: Option<Object> = self.api.find(&call).await.ok().flatten();
        let pod = pods::find(&self.api, &self.pod).await.ok().flatten();
        let owned = service.as_ref().and_then(|one| owner(&one.metadata, &self.place.short()));
        let mut findings: Vec<_> = owned.into_iter().collect();
        let lacks = pod.as_ref().map(|pod| self.lacks(pod)).unwrap_or_default();
        if lacks.is_empty() {
            return findings;
        }
        let (name, service_name) = (self.pod.short(), self.place.short());
        findings.push(Finding::warning(format!(
            "the labels that `{name}` is given are lost when it is made anew, and the Service leads nowhere then: its controller must set them too"
        )));
        let now = service.and_then(|one| one.spec?.selector).unwrap_or_default();
        let has = pod.and_then(|pod| pod.metadata.labels).unwrap_or_default();
        let joins =
            now.iter().all(|(key, value)| lacks.get(key).or_else(|| has.get(key)) == Some(value));
        if joins && now.keys().any(|key| lacks.contains_key(key)) {
            findings.push(Finding::warning(format!(
                "once `{name}` is labelled, `{service_name}` leads to it beside the pods that it leads to now, until its selector follows: fence those before, or select by a label that one pod alone has"
            )));
        }
        findings
    }
}

impl Selector {
    /// The Service and the pod as they are, or why nothing may be sent.
    async fn find(&self) -> Result<Result<Found, Answer>, Trouble> {
        let Self { api, place, pod, .. } = self;
        let call = Call::get(place.path(API, "services"));
        let Some(service) = api.find::<Object>(&call).await? else {
            return Ok(Err(absent("Service", place)));
        };
        let spec = service.spec.unwrap_or_default();
        let Some(selector) = spec.selector.filter(|selector| !selector.is_empty()) else {
            let why = format!(
                "`{}` selects no pods: somebody else keeps its endpoints, or it has none",
                place.short()
            );
            return Ok(Err(Answer::Never { why }));
        };
        let not_yet = |why: String| Ok(Err(Answer::NotYet { why, look_again: LOOK_AGAIN }));
        let Some(found) = pods::find(api, pod).await? else {
            return not_yet(format!("there is no pod `{}`", pod.short()));
        };
        if !found.is_ready() {
            let complaint = found.complaint().map_or_else(String::new, |says| format!("; {says}"));
            return not_yet(format!("`{}` is not ready{complaint}", pod.short()));
        }
        let fitting = pods::selected(api, &place.namespace, &pods::query(&self.wanted)).await?;
        let others: Vec<_> =
            fitting.iter().map(Pod::name).filter(|name| *name != pod.name).collect();
        if !others.is_empty() {
            let why = format!(
                "the selector fits {} too, and users would be sent to both: add a label that `{}` alone has, such as statefulset.kubernetes.io/pod-name",
                others.join(", "),
                pod.name
            );
            return Ok(Err(Answer::Never { why }));
        }
        Ok(Ok(Found { version: service.metadata.resource_version, selector, pod: found }))
    }

    /// The labels that the pod must be given.
    fn lacks(&self, pod: &Pod) -> Labels {
        let has = pod.metadata.labels.as_ref();
        let lacks = |(name, value): &(&String, &String)| {
            has.and_then(|labels| labels.get(*name)) != Some(*value)
        };
        let missing = self.wanted.iter().filter(lacks);
        missing.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn missing(&self, found: &Found) -> Vec<Change> {
        let mut changes = Vec::new();
        let lacks = self.lacks(&found.pod);
        if !lacks.is_empty() {
            let says = format!("{}: label {}", self.pod.short(), pods::query(&lacks));
            changes.push(Change::harmless(LABELS, Sign::Changes, says));
        }
        if found.selector != self.wanted {
            let (before, after) = (pods::query(&found.selector), pods::query(&self.wanted));
            let says = format!("{}: select {before} → {after}", self.place.short());
            changes.push(Change::harmless(SELECT, Sign::Changes, says));
        }
        changes
    }

    /// A merge patch joins selectors, so what must go is named, too.
    fn turned(&self, now: &Labels) -> Map<String, Value> {
        let gone = now.keys().filter(|name| !self.wanted.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), Value::Null));
        let wanted = self.wanted.iter().map(|(name, value)| (name.clone(), json!(value)));
        wanted.chain(gone).collect()
    }

    /// The pods that it leads to, by name.
    async fn endpoints(&self) -> Result<Vec<String>, Trouble> {
        let path = self.place.namespace.list("apis/discovery.k8s.io/v1", "endpointslices");
        let of = format!("kubernetes.io/service-name={}", self.place.name);
        let slices: List<EndpointSlice> = self.api.get(&Call::select(&path, &of)).await?;
        let all = slices.items.into_iter().filter_map(|slice| slice.endpoints).flatten();
        // One that does not say whether it is ready is taken to be (EndpointConditions, "ready").
        let ready = all.filter(|one| {
            one.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
        });
        let name = |one: k8s_openapi::api::discovery::v1::Endpoint| {
            let named = one.target_ref.and_then(|target| target.name);
            named.or_else(|| one.addresses.into_iter().next()).unwrap_or_default()
        };
        let mut names: Vec<_> = ready.map(name).collect();
        names.sort_unstable();
        // One for each family of addresses.
        names.dedup();
        Ok(names)
    }
}

#[cfg(test)]
mod tests;
