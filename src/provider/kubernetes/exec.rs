//! Running a program of the team's own in a container.
//!
//! Source: Kubernetes API, "Pod", operations "connect ... exec".

use super::{
    access,
    client::{Api, Call, before_sending},
    place::Place,
    pods::{self, Pod},
    there_is_no,
};
use crate::{
    action::{
        Action, Clients, Effect, Finding, Kind, Parameter, Params, Placed, Plane, Shape, Trouble,
        Unapplied,
    },
    journal::Permit,
    model::Diagnostic,
    provider::errand::{self, Errand},
    wire::{Ended, Program},
};
use async_trait::async_trait;
use futures_util::future::join;
use std::{sync::Arc, time::Duration};

const POD: Shape =
    Shape::Resource { kind: "Kubernetes::Pod", placed: Placed::InARegion, made: false };

pub(crate) static EXEC: Kind = Kind {
    name: "kubernetes.exec",
    summary: "Run a program in a container, where the runbook allows commands",
    parameters: &[
        Parameter::required("pod", POD, "The pod, as CONTEXT/NAMESPACE/NAME"),
        Parameter::required("container", Shape::Text, "Which of its containers"),
        errand::RUN,
        errand::OBSERVE,
        errand::HARMLESS,
        errand::within("How long each is waited for; nothing ends it in its container"),
        errand::SIMULATED_STATUS,
        errand::SIMULATED_OUTPUT,
    ],
    observed: errand::OBSERVED,
    planes: &[Plane::Data("pod")],
    permissions: &PERMISSIONS,
    // Nobody knows; what takes longer says so by its `within` and the step's `timeout`.
    usual: Duration::from_secs(10),
    // Its own look tells at once what it has done.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// A WebSocket begins with a GET, of which older servers ask for `get` and newer ones for `create`.
const PERMISSIONS: [&str; 3] = ["get pods", "create pods/exec", "get pods/exec"];
const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = Place::of(params, "pod")?;
    let name = params.text("container")?;
    if !is_label(&name) {
        let message = format!("`{name}` can be no container's name");
        let hint = "as `kubectl get pod NAME -o jsonpath='{.spec.containers[*].name}'` lists them";
        return Err(Diagnostic::at(params.span("container"), message).hint(hint));
    }
    let api = Api::new(clients, &place.namespace.context);
    Errand::bind(params, Container { api, place, name })
}

/// A DNS label (Kubernetes API, "Container").
fn is_label(name: &str) -> bool {
    super::place::is_name(name) && name.len() <= 63 && !name.contains('.')
}

struct Container {
    api: Api,
    place: Place,
    name: String,
}

impl Container {
    fn call(&self, program: &Program) -> Call {
        Call::exec(&self.place.path("api/v1", "pods"), &self.name, program)
    }

    async fn pod(&self) -> Result<Option<Pod>, Trouble> {
        pods::find(&self.api, &self.place).await
    }

    /// What stands in the way of a program there for good: another container than there are.
    fn mistaken(&self, pod: &Pod) -> Option<String> {
        let names: Vec<_> = pod.names().map(|name| format!("`{name}`")).collect();
        let is_there = pod.names().any(|name| name == self.name);
        (!is_there).then(|| {
            let (pod, has) = (self.place.short(), names.join(", "));
            format!("the pod `{pod}` has no container `{}`; it has {has}", self.name)
        })
    }
}

#[async_trait]
impl errand::Place for Container {
    fn whereabouts(&self) -> String {
        format!(" in `{}` of {}", self.name, self.place.short())
    }

    async fn look(&self, program: &Program) -> Result<Ended, Trouble> {
        self.api.look(&self.call(program)).await
    }

    /// A server that cannot start it may say so in a way that leaves open whether it was started, so what can be seen
    /// beforehand is looked at first.
    async fn run(&self, program: &Program, permit: &Permit) -> Result<Ended, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let pod = self.pod().await.map_err(before_sending)?;
        let pod = pod.ok_or_else(|| refused(there_is_no("pod", &self.place)))?;
        if let Some(why) = self.mistaken(&pod) {
            return Err(refused(why));
        }
        if !pod.is_running(&self.name) {
            let complaint = pod.complaint().map_or_else(String::new, |says| format!("; {says}"));
            let (name, pod) = (&self.name, self.place.short());
            let why = format!("`{name}` of {pod} does not run{complaint}");
            return Err(Unapplied::Deferred { why, wait: LOOK_AGAIN });
        }
        self.api.run(&self.call(program), permit).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let namespace = &self.place.namespace.name;
        let reviews = access::examine(&self.api, namespace, &PERMISSIONS);
        let (mut findings, pod) = join(reviews, self.pod()).await;
        match pod {
            // An earlier step may make it.
            Ok(None) => findings.push(Finding::warning(there_is_no("pod", &self.place))),
            Ok(Some(pod)) => findings.extend(self.mistaken(&pod).map(Finding::blocker)),
            // What cannot be read is told when the permissions are.
            Err(_) => {}
        }
        findings
    }
}
