//! `failover report`: what happened in a run.

use super::{Desk, kept};
use crate::{
    model::{Exit, Failure},
    report,
};
use clap::{Args, ValueEnum};

/// Print the report of a run
#[derive(Args)]
pub(super) struct ReportVerb {
    /// The run; the last one without it
    run: Option<String>,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Markdown,
    Json,
}

impl ReportVerb {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let kept = match &self.run {
            Some(typed) => kept::named(desk, typed)?,
            None => kept::last(desk, |_| true)?,
        };
        let timeline = kept.read()?;
        let at_work = kept.at_work(&timeline.plan, &desk.settings)?;
        desk.say.document(&match self.format {
            Format::Markdown => report::markdown(&timeline, at_work),
            Format::Json => format!("{:#}\n", report::document(&timeline)),
        });
        Ok(Exit::Done)
    }
}
