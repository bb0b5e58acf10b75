//! Running a program of the team's own on this machine.

use crate::{
    action::{Action, Clients, Effect, Kind, Parameter, Params, Shape, Trouble, Unapplied},
    journal::Permit,
    model::{Diagnostic, Secret},
    provider::{
        errand::{self, Errand, Place},
        program::Runner,
    },
    wire::{Ended, Program},
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) static COMMAND: Kind = Kind {
    name: "command",
    summary: "Run a program, where the runbook allows commands",
    parameters: &[
        errand::RUN,
        errand::OBSERVE,
        errand::HARMLESS,
        errand::within("How long each may take, before it is killed"),
        Parameter::optional("env", Shape::Map, "Variables that they get, and their values"),
        Parameter::optional(
            "secrets",
            Shape::Secrets,
            "Variables that they get, and the secrets in them",
        ),
        errand::SIMULATED_STATUS,
        errand::SIMULATED_OUTPUT,
    ],
    observed: errand::OBSERVED,
    planes: &[],
    permissions: &[],
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

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let (set, secrets) = (params.map("env"), params.map("secrets"));
    Errand::bind(params, Here { clients: clients.clone(), set, secrets })
}

/// This machine.
struct Here {
    clients: Clients,
    /// Variables and their values.
    set: Vec<(String, String)>,
    /// Variables and the names of secrets.
    secrets: Vec<(String, String)>,
}

impl Here {
    async fn runner(&self) -> Result<Runner<'_>, Trouble> {
        let mut given: BTreeMap<_, _> = BTreeMap::new();
        for (variable, value) in &self.set {
            given.insert(variable.clone(), Secret::new(value));
        }
        for (variable, name) in &self.secrets {
            given.insert(variable.clone(), self.clients.secrets.secret(name).await?);
        }
        Ok(Runner { clients: &self.clients, place: "here", given })
    }
}

#[async_trait]
impl Place for Here {
    async fn look(&self, program: &Program) -> Result<Ended, Trouble> {
        self.runner().await?.look(program).await
    }

    async fn run(&self, program: &Program, permit: &Permit) -> Result<Ended, Unapplied> {
        let runner = self.runner().await;
        let refused = |trouble: Trouble| Unapplied::Refused { why: trouble.why, request_id: None };
        runner.map_err(refused)?.run(program, permit).await
    }
}
