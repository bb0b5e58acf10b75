//! Flags that `execute` and `resume` share: how the operator takes part, and how the run is told.

use super::kept::Kept;
use crate::{
    journal::{JournalError, write_whole},
    model::{Exit, Failure, span},
    plan::Plan,
};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::{Host, Url};

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

    /// Have at most this many changes under way at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: Option<u16>,

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
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct CloudFlags {
    /// Drive this address as if it were Azure Resource Manager
    #[arg(long, value_name = "URL", conflicts_with = "simulate", value_parser = address)]
    azure_endpoint: Option<String>,

    /// How to sign in to Azure; the runbook's own way without it
    #[arg(long, value_name = "cli|managed|workload|secret", conflicts_with = "simulate")]
    pub azure_credential: Option<String>,
}

impl CloudFlags {
    const FILE: &str = "cloud.json";

    pub(super) fn endpoint(&self) -> Option<Url> {
        // It was an address when it was typed.
        self.azure_endpoint.as_ref()?.parse().ok()
    }

    /// Whether both drive the same cloud, however its address is spelt.
    pub(super) fn is_same_cloud(&self, other: &Self) -> bool {
        let place = |flags: &Self| {
            let url = flags.endpoint().filter(|url| !is_public_azure(url))?;
            let host = if flags.loopback().is_some() { "loopback" } else { url.host_str()? };
            Some((host.to_owned(), url.port_or_known_default()))
        };
        place(self) == place(other)
    }

    /// The port of this machine that stands in for the clouds, if one does.
    pub(super) fn loopback(&self) -> Option<Url> {
        self.endpoint().filter(|url| match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        })
    }

    /// Keeps them beside the journal, so that a resume drives the same cloud.
    pub(super) fn keep(&self, kept: &Kept) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(self).map_err(JournalError::Unwritable)?;
        Ok(write_whole(&kept.folder.path().join(Self::FILE), &bytes)?)
    }

    pub(super) fn of(kept: &Kept) -> Result<Self, Failure> {
        let path = kept.folder.path().join(Self::FILE);
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Journal, format!("cannot read {}", path.display())).because(error)
        };
        let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(&error))
    }
}

fn is_public_azure(url: &Url) -> bool {
    url.host_str() == Some("management.azure.com")
}

fn address(text: &str) -> Result<String, String> {
    match text.parse::<Url>() {
        Ok(url) if url.has_host() => Ok(text.to_owned()),
        _ => Err("it must look like https://HOST or http://127.0.0.1:PORT".to_owned()),
    }
}

fn length(text: &str) -> Result<Duration, String> {
    span::parse(text).ok_or_else(|| "it must look like `90s`, `15m` or `1h 30m`".to_owned())
}

fn pace(text: &str) -> Result<f64, String> {
    let pace = text.parse().ok().filter(|pace: &f64| pace.is_finite() && *pace >= 0.0);
    pace.ok_or_else(|| "it must be a number, 0 or more".to_owned())
}
