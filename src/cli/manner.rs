//! Flags that `execute` and `resume` share: how the operator takes part, and how the run is told.

use crate::{model::span, plan::Plan};
use clap::{Args, ValueEnum};
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub(super) struct Manner {
    /// Approve, and say yes to a loss up to the promised one
    #[arg(long)]
    pub yes: bool,

    /// With --yes, accept a loss of data up to this, such as 5m
    #[arg(long, value_name = "LENGTH", value_parser = length, requires = "yes")]
    pub accept_loss: Option<Duration>,

    /// Tell the run to people, or to programs as one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,

    /// Simulated seconds in each real second; 0 waits for nothing
    #[arg(long, value_name = "N", value_parser = pace)]
    pub pace: Option<f64>,
}

impl Manner {
    /// The largest loss that `--yes` says yes to.
    pub(super) fn accepted_loss(&self, plan: &Plan) -> Duration {
        self.accept_loss.or(plan.objectives.rpo).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutageFlag {
    /// Everything works
    None,
    /// Its services are dead; Azure Resource Manager still answers for them
    Data,
    /// Azure Resource Manager does not reach them either
    Region,
}

/// Which cloud is driven, and as whom.
#[derive(Args, Clone, Debug)]
pub(super) struct CloudFlags {
    /// Drive this address as if it were Azure Resource Manager
    #[arg(long, value_name = "URL", conflicts_with = "simulate")]
    pub azure_endpoint: Option<url::Url>,

    /// How to sign in to Azure; the runbook's own way without it
    #[arg(long, value_name = "cli|managed|workload|secret", conflicts_with = "simulate")]
    pub azure_credential: Option<String>,
}

fn length(text: &str) -> Result<Duration, String> {
    span::parse(text).ok_or_else(|| "it must look like `90s`, `15m` or `1h 30m`".to_owned())
}

fn pace(text: &str) -> Result<f64, String> {
    let pace = text.parse().ok().filter(|pace: &f64| pace.is_finite() && *pace >= 0.0);
    pace.ok_or_else(|| "it must be a number, 0 or more".to_owned())
}
