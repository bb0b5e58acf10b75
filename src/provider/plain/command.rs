//! Running a program of the team's own.
//!
//! What it does cannot be known, so it is never run twice by itself, unless the runbook says that this is harmless; with
//! `observe`, another program says whether it is still needed. In a rehearsal no program is run: it ends as the runbook
//! says that it would.

use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Repeat, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, Secret},
    provider::program::{Runner, failed, last_words, shown},
    wire::{Ended, Program, Rehearsal},
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) static COMMAND: Kind = Kind {
    name: "command",
    summary: "Run a program, where the runbook allows commands",
    parameters: &[
        Parameter::required(
            "run",
            Shape::Program,
            "The program and its arguments; no shell reads them",
        ),
        Parameter::optional(
            "observe",
            Shape::Program,
            "A program that only looks: 0 says that nothing is to be done, 1 that `run` is needed",
        ),
        Parameter::optional(
            "harmless",
            Shape::Flag,
            "Whether `run` may be run again when in doubt",
        )
        .or(Default::Flag(false)),
        Parameter::optional(
            "within",
            Shape::Duration,
            "How long each may take, before it is killed",
        )
        .or(Default::Text("5m")),
        Parameter::optional("env", Shape::Map, "Variables that they get, and their values"),
        Parameter::optional(
            "secrets",
            Shape::Secrets,
            "Variables that they get, and the secrets in them",
        ),
        Parameter::optional(
            "simulated_status",
            Shape::Int { least: 0, most: 255 },
            "How `run` ends in a rehearsal",
        )
        .or(Default::Int(0)),
        Parameter::optional("simulated_output", Shape::Text, "What it prints in a rehearsal"),
    ],
    observed: &["status", "output"],
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

const RUN: &str = "run";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let status = i32::try_from(params.int("simulated_status")?).unwrap_or_default();
    let output = params.optional_text("simulated_output").unwrap_or_default();
    Ok(Arc::new(Command {
        clients: clients.clone(),
        run: params.texts("run")?,
        observe: params.optional_texts("observe"),
        harmless: params.flag("harmless")?,
        within: params.duration("within")?,
        set: params.map("env"),
        secrets: params.map("secrets"),
        rehearsal: Rehearsal { status, output, looks_for: Vec::new() },
    }))
}

struct Command {
    clients: Clients,
    run: Vec<String>,
    observe: Option<Vec<String>>,
    harmless: bool,
    within: Duration,
    /// Variables and their values.
    set: Vec<(String, String)>,
    /// Variables and the names of secrets.
    secrets: Vec<(String, String)>,
    rehearsal: Rehearsal,
}

#[async_trait]
impl Action for Command {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(observe) = &self.observe else {
            return Ok(Observation::new(Answer::Unseen(vec![self.change()]), Evidence::new()));
        };
        let rehearsal = Rehearsal { looks_for: self.run.clone(), ..Rehearsal::default() };
        let ended = self.runner().await?.look(&self.program(observe, rehearsal)).await?;
        let evidence = self.evidence(&ended);
        match ended.status {
            Some(0) => Ok(Observation::new(Answer::AsDesired, evidence)),
            Some(1) => Ok(Observation::new(Answer::Missing(vec![self.change()]), evidence)),
            _ => Err(Trouble::odd(self.clients.secrets.wipe(failed(observe, &ended)))),
        }
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let runner = self.runner().await.map_err(|trouble| refused(trouble.why))?;
        let program = self.program(&self.run, self.rehearsal.clone());
        let ended = runner.run(&program, permit).await?;
        if ended.status == Some(0) {
            return Ok(Applied::Done { request_id: None });
        }
        Err(refused(self.clients.secrets.wipe(failed(&self.run, &ended))))
    }

    async fn examine(&self) -> Vec<Finding> {
        if self.harmless || self.observe.is_some() {
            return Vec::new();
        }
        let run = shown(&self.run);
        vec![Finding::note(format!(
            "nobody can see what `{run}` has done: when in doubt, only the operator can say"
        ))]
    }
}

impl Command {
    fn change(&self) -> Change {
        let change = Change::harmless(RUN, Sign::Changes, format!("run {}", shown(&self.run)));
        let repeat = if self.harmless { Repeat::Harmless } else { Repeat::Never };
        Change { repeat, ..change }
    }

    fn program(&self, argv: &[String], rehearsal: Rehearsal) -> Program {
        Program { argv: argv.to_vec(), input: String::new(), within: self.within, rehearsal }
    }

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

    fn evidence(&self, ended: &Ended) -> Evidence {
        let status =
            ended.status.map_or_else(|| "a signal".to_owned(), |status| status.to_string());
        let mut evidence = Evidence::new().text("status", status);
        let output = self.clients.secrets.wipe(last_words(&ended.stdout));
        if !output.is_empty() {
            evidence.set("output", Datum::Text(output));
        }
        evidence
    }
}
