//! A program of the team's own, wherever it is run.
//!
//! What it does cannot be known, so it is never run twice by itself, unless the runbook says that this is harmless; with
//! `observe`, another program says whether it is still needed. In a rehearsal no program is run: it ends as the runbook
//! says that it would.

use super::program::{failed, last_words, shown};
use crate::{
    action::{
        Action, Answer, Applied, Change, Default, Finding, Look, Observation, Parameter, Params,
        Repeat, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
    wire::{Ended, Program, Rehearsal},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(super) const RUN: Parameter = Parameter::required(
    "run",
    Shape::Program,
    "The program and its arguments; no shell reads them",
);
pub(super) const OBSERVE: Parameter = Parameter::optional(
    "observe",
    Shape::Program,
    "A program that only looks: 0 says that nothing is to be done, 1 that `run` is needed",
);
pub(super) const HARMLESS: Parameter =
    Parameter::optional("harmless", Shape::Flag, "Whether `run` may be run again when in doubt")
        .or(Default::Flag(false));
pub(super) const SIMULATED_STATUS: Parameter = Parameter::optional(
    "simulated_status",
    Shape::Int { least: 0, most: 255 },
    "How `run` ends in a rehearsal",
)
.or(Default::Int(0));
pub(super) const SIMULATED_OUTPUT: Parameter =
    Parameter::optional("simulated_output", Shape::Text, "What it prints in a rehearsal");

/// What becomes of each that takes longer is the place's to say.
pub(super) const fn within(says: &'static str) -> Parameter {
    Parameter::optional("within", Shape::Duration, says).or(Default::Text("5m"))
}

pub(super) const OBSERVED: &[&str] = &["status", "output"];
const CHANGE: &str = "run";

/// Where programs are run.
#[async_trait]
pub(super) trait Place: Send + Sync + 'static {
    /// What stands behind a program's name where people read what is run.
    fn whereabouts(&self) -> String {
        String::new()
    }

    /// Runs what is known to change nothing.
    async fn look(&self, program: &Program) -> Result<Ended, Trouble>;

    /// Runs what may change something.
    async fn run(&self, program: &Program, permit: &Permit) -> Result<Ended, Unapplied>;

    /// What else would stop the step later.
    async fn examine(&self) -> Vec<Finding> {
        Vec::new()
    }
}

pub(super) struct Errand<P> {
    place: P,
    run: Vec<String>,
    observe: Option<Vec<String>>,
    harmless: bool,
    within: Duration,
    rehearsal: Rehearsal,
}

impl<P: Place> Errand<P> {
    /// The action that runs there what the parameters say.
    pub(super) fn bind(params: &Params<'_>, place: P) -> Result<Arc<dyn Action>, Diagnostic> {
        let status = i32::try_from(params.int("simulated_status")?).unwrap_or_default();
        let output = params.optional_text("simulated_output").unwrap_or_default();
        Ok(Arc::new(Self {
            place,
            run: params.texts("run")?,
            observe: params.optional_texts("observe"),
            harmless: params.flag("harmless")?,
            within: params.duration("within")?,
            rehearsal: Rehearsal { status, output, looks_for: Vec::new() },
        }))
    }

    fn change(&self) -> Change {
        let says = format!("run {}{}", shown(&self.run), self.place.whereabouts());
        let repeat = if self.harmless { Repeat::Harmless } else { Repeat::Never };
        Change { repeat, ..Change::harmless(CHANGE, Sign::Changes, says) }
    }

    fn program(&self, argv: &[String], rehearsal: Rehearsal) -> Program {
        Program { argv: argv.to_vec(), input: String::new(), within: self.within, rehearsal }
    }

    fn evidence(ended: &Ended) -> Evidence {
        let status =
            ended.status.map_or_else(|| "a signal".to_owned(), |status| status.to_string());
        let mut evidence = Evidence::new().text("status", status);
        let output = last_words(&ended.stdout);
        if !output.is_empty() {
            evidence.set("output", Datum::Text(output));
        }
        evidence
    }
}

#[async_trait]
impl<P: Place> Action for Errand<P> {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(observe) = &self.observe else {
            return Ok(Observation::new(Answer::Unseen(vec![self.change()]), Evidence::new()));
        };
        let rehearsal = Rehearsal { looks_for: self.run.clone(), ..Rehearsal::default() };
        let ended = self.place.look(&self.program(observe, rehearsal)).await?;
        let evidence = Self::evidence(&ended);
        match ended.status {
            Some(0) => Ok(Observation::new(Answer::AsDesired, evidence)),
            Some(1) => Ok(Observation::new(Answer::Missing(vec![self.change()]), evidence)),
            _ => Err(Trouble::odd(failed(observe, &ended))),
        }
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let program = self.program(&self.run, self.rehearsal.clone());
        let ended = self.place.run(&program, permit).await?;
        if ended.status == Some(0) {
            return Ok(Applied::Done { request_id: None });
        }
        Err(Unapplied::Refused { why: failed(&self.run, &ended), request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = self.place.examine().await;
        if !self.harmless && self.observe.is_none() {
            let run = shown(&self.run);
            findings.push(Finding::note(format!(
                "nobody can see what `{run}` has done: when in doubt, only the operator can say"
            )));
        }
        findings
    }
}
