//! As many pods as a Deployment needs, and an autoscaler that does not take them away again.
//!
//! Sources: Kubernetes API reference, `apps/v1` Deployment, `autoscaling/v1` Scale, `autoscaling/v2`
//! `HorizontalPodAutoscaler`.

use super::{
    OnKubernetes, absent,
    autoscaler::Autoscaler,
    client::{Api, Call, before_sending},
    deployment::{self, API, Deployment, PLURAL},
    place::{Namespace, Place},
    there_is_no, unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
    provider::capacity::{EXACTLY, Meant},
};
use async_trait::async_trait;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// A cluster has 150,000 pods at most (Kubernetes, "Considerations for large clusters").
const PODS: Shape = Shape::Int { least: 0, most: 150_000 };
/// An autoscaler that scales to none needs a metric of another kind, so one is the least.
const LEAST: Shape = Shape::Int { least: 1, most: 150_000 };

pub(crate) static SCALE: Kind = Kind {
    name: "kubernetes.scale",
    summary: "Have so many pods of a Deployment available",
    parameters: &[
        deployment::PARAMETER,
        Parameter::required("replicas", PODS, "How many pods it should run, at least"),
        Parameter::optional("minimum", LEAST, "What its autoscaler may not go below"),
        EXACTLY,
    ],
    observed: &["desired", "updated", "available", "minimum"],
    planes: &[Plane::Data("deployment")],
    permissions: &PERMISSIONS,
    // An image is pulled and probes are passed; a node may have to be started for it.
    usual: Duration::from_mins(2),
    // What was written is read back at once; a cache of the API server is never asked.
    shows_within: Duration::from_secs(5),
    // The default of `progressDeadlineSeconds`, which counts for a rollout, and some nodes more.
    deadline: Duration::from_mins(15),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The last one is needed only for a `minimum`.
const PERMISSIONS: [&str; 5] = [
    "get deployments.apps",
    "list pods",
    "list horizontalpodautoscalers.autoscaling",
    "patch deployments.apps/scale",
    "patch horizontalpodautoscalers.autoscaling",
];
const REPLICAS: &str = "replicas";
const MINIMUM: &str = "minimum";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = Place::of(params, "deployment")?;
    Ok(Scale {
        api: Api::new(clients, &place.namespace.context),
        place,
        replicas: params.int(REPLICAS)?,
        minimum: params.optional_int(MINIMUM),
        meant: Meant::by(params)?,
    }
    .into_action())
}

struct Scale {
    api: Api,
    place: Place,
    replicas: i64,
    minimum: Option<i64>,
    meant: Meant,
}

#[async_trait]
impl OnKubernetes for Scale {
    fn api(&self) -> &Api {
        &self.api
    }

    fn namespace(&self) -> &Namespace {
        &self.place.namespace
    }

    fn permissions(&self) -> Vec<&str> {
        let needed = if self.minimum.is_some() { &PERMISSIONS[..] } else { &PERMISSIONS[..4] };
        needed.to_vec()
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(deployment) = Deployment::find(&self.api, &self.place).await? else {
            return Ok(Observation::new(absent("Deployment", &self.place), Evidence::new()));
        };
        let autoscaler = match self.minimum {
            Some(_) => Autoscaler::of(&self.api, &self.place).await?,
            None => None,
        };
        let mut evidence = deployment.evidence();
        if let Some(autoscaler) = &autoscaler {
            evidence.set(MINIMUM, Datum::Count(autoscaler.least));
        }
        let answer = match self.missing(&deployment, autoscaler.as_ref()) {
            Err(why) => Answer::Never { why },
            // Both are sent before anything is waited for: pods start while the minimum is set.
            Ok(changes) if !changes.is_empty() => Answer::Missing(changes),
            Ok(_) => deployment.answer(&self.api, &self.place).await,
        };
        Ok(Observation::new(answer, evidence))
    }

    /// Each says of which version it is: what somebody else has changed meanwhile is looked at again.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let Self { api, place, meant, .. } = self;
        let gone = |what| Unapplied::Refused { why: there_is_no(what, place), request_id: None };
        match (change.id.as_str(), self.minimum) {
            (REPLICAS, _) => {
                let found = Deployment::find(api, place).await.map_err(before_sending)?;
                let found = found.ok_or_else(|| gone("Deployment"))?;
                let body = json!({
                    "metadata": { "resourceVersion": found.version() },
                    "spec": { "replicas": meant.of(found.desired(), self.replicas) },
                });
                Ok(Call::merge(format!("{}/scale", place.path(API, PLURAL)), &body))
            }
            (MINIMUM, Some(minimum)) => {
                let found = Autoscaler::of(api, place).await.map_err(before_sending)?;
                let found = found.ok_or_else(|| gone("autoscaler of the Deployment"))?;
                let body = json!({
                    "metadata": { "resourceVersion": found.version },
                    "spec": { "minReplicas": meant.of(found.least, minimum) },
                });
                Ok(Call::merge(found.path(place), &body))
            }
            _ => Err(unknown_change(change)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the permissions are.
        let deployment = Deployment::find(&self.api, &self.place).await.ok().flatten();
        let autoscaler = Autoscaler::of(&self.api, &self.place).await;
        let owner = deployment.as_ref().and_then(Deployment::owner);
        let stuck = deployment.as_ref().and_then(Deployment::hindrance);
        let stuck = stuck.map(|why| Finding::warning(format!("`{}` {why}", self.place.short())));
        let bounds = autoscaler.ok().map(|autoscaler| self.bounds(autoscaler.as_ref()));
        owner.into_iter().chain(stuck).chain(bounds.into_iter().flatten()).collect()
    }
}

impl Scale {
    fn missing(
        &self,
        deployment: &Deployment,
        autoscaler: Option<&Autoscaler>,
    ) -> Result<Vec<Change>, String> {
        let (name, desired) = (self.place.short(), deployment.desired());
        let mut changes = Vec::new();
        let wanted = self.meant.of(desired, self.replicas);
        if wanted != desired {
            let says = format!("{name}: {desired} → {wanted} pods");
            changes.push(Change::harmless(REPLICAS, Sign::Changes, says));
        }
        let Some((minimum, autoscaler)) = self.minimum.zip(autoscaler) else { return Ok(changes) };
        let Autoscaler { least, most, .. } = *autoscaler;
        if minimum > most {
            return Err(format!(
                "the autoscaler of `{name}` lets it run {most} pods at most, so {minimum} cannot be its minimum: raise its maximum first"
            ));
        }
        let wanted = self.meant.of(least, minimum);
        if wanted != least {
            let says = format!("{name}: its autoscaler keeps {least} → {wanted} pods or more");
            changes.push(Change::harmless(MINIMUM, Sign::Changes, says));
        }
        Ok(changes)
    }

    /// What its autoscaler would do to the count later.
    fn bounds(&self, autoscaler: Option<&Autoscaler>) -> Vec<Finding> {
        let (name, count) = (self.place.short(), self.replicas);
        let Some(Autoscaler { least, most, .. }) = autoscaler else {
            let says = format!("nothing scales `{name}` by itself, so `minimum` sets nothing");
            return self.minimum.map(|_| Finding::note(says)).into_iter().collect();
        };
        // An autoscaler leaves alone what was scaled to none.
        if count == 0 {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if *most < count {
            findings.push(Finding::warning(format!(
                "its autoscaler lets `{name}` run {most} pods at most, and takes {count} down to that"
            )));
        }
        if self.minimum.is_none() && *least < count {
            findings.push(Finding::warning(format!(
                "its autoscaler may take `{name}` from {count} down to {least} pods again: `minimum: {count}` prevents it"
            )));
        }
        let kept = self.minimum.unwrap_or(*least);
        if self.meant == Meant::Exactly && kept > count {
            findings.push(Finding::warning(format!(
                "its autoscaler keeps `{name}` at {kept} pods or more, and {count} are wanted: `minimum: {count}` lets it"
            )));
        }
        findings
    }
}

#[cfg(test)]
mod tests;
