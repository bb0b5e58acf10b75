//! Whether a Deployment has rolled out: what `kubectl rollout status` waits for.

use super::{
    OnKubernetes, absent,
    client::{Api, Call},
    deployment::{self, Deployment},
    place::{Namespace, Place},
    unknown_change,
};
use crate::{
    action::{
        Action, Change, Clients, Effect, Kind, Look, Observation, Params, Plane, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static ROLLOUT: Kind = Kind {
    name: "kubernetes.rollout",
    summary: "Wait until a Deployment has rolled out: all its pods are of the newest kind, and available",
    parameters: &[deployment::PARAMETER],
    observed: &["desired", "updated", "available"],
    planes: &[Plane::Data("deployment")],
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

const PERMISSIONS: [&str; 2] = ["get deployments.apps", "list pods"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = Place::of(params, "deployment")?;
    Ok(Rollout { api: Api::new(clients, &place.namespace.context), place }.into_action())
}

struct Rollout {
    api: Api,
    place: Place,
}

#[async_trait]
impl OnKubernetes for Rollout {
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
        let Some(deployment) = Deployment::find(&self.api, &self.place).await? else {
            return Ok(Observation::new(absent("Deployment", &self.place), Evidence::new()));
        };
        let answer = deployment.answer(&self.api, &self.place).await;
        Ok(Observation::new(answer, deployment.evidence()))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        Err(unknown_change(change))
    }
}
