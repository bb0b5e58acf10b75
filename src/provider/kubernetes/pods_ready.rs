//! Whether enough pods are ready, whatever made them.

use super::{
    OnKubernetes,
    client::{Api, Call},
    place::Namespace,
    pods::{self, Pod},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params,
        Placed, Plane, Shape, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

const NAMESPACE: Shape =
    Shape::Resource { kind: "Kubernetes::Namespace", placed: Placed::InARegion, made: false };
const PODS: Shape = Shape::Int { least: 1, most: 150_000 };

pub(crate) static PODS_READY: Kind = Kind {
    name: "kubernetes.pods_ready",
    summary: "Wait until enough pods with these labels are ready",
    parameters: &[
        Parameter::required("namespace", NAMESPACE, "Where they are, as CONTEXT/NAMESPACE"),
        Parameter::required("labels", Shape::Map, "The labels that they have, all of them"),
        Parameter::required("ready", PODS, "How many must be ready, at least"),
    ],
    observed: &["ready", "pods"],
    planes: &[Plane::Data("namespace")],
    permissions: &PERMISSIONS,
    usual: Duration::from_mins(1),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    deadline: Duration::from_mins(15),
    effect: Effect::Reads,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const PERMISSIONS: [&str; 1] = ["list pods"];
const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let namespace = Namespace::of(params, "namespace")?;
    let labels = pods::labels(params, "labels")?;
    let ready = params.int("ready")?;
    let api = Api::new(clients, &namespace.context);
    Ok(PodsReady { api, namespace, selector: pods::query(&labels), ready }.into_action())
}

struct PodsReady {
    api: Api,
    namespace: Namespace,
    selector: String,
    ready: i64,
}

#[async_trait]
impl OnKubernetes for PodsReady {
    fn api(&self) -> &Api {
        &self.api
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn permissions(&self) -> Vec<&str> {
        PERMISSIONS.to_vec()
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let mut all = pods::selected(&self.api, &self.namespace, &self.selector).await?;
        all.retain(|pod| !pod.is_leaving());
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let ready = count(all.iter().filter(|pod| pod.is_ready()).count());
        let evidence = Evidence::new()
            .with("ready", Datum::Count(ready))
            .with("pods", Datum::Count(count(all.len())));
        let answer = if ready >= self.ready {
            Answer::AsDesired
        } else {
            let complaint = all.iter().find_map(Pod::complaint);
            let complaint = complaint.map_or_else(String::new, |says| format!("; {says}"));
            let Self { selector, namespace, ready: wanted, .. } = self;
            let why = format!(
                "{ready} of {wanted} pods with `{selector}` are ready in `{}`{complaint}",
                namespace.name
            );
            Answer::NotYet { why, look_again: LOOK_AGAIN }
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        Err(unknown_change(change))
    }
}
