//! What the operator chose: a runbook, two regions, a mode, and values.

use crate::model::Mode;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Chosen {
    /// The region to leave
    pub from: String,

    /// The region to move to
    pub to: String,

    /// The runbook; the one in ./runbooks that knows both regions without it
    #[arg(long, value_name = "FILE")]
    pub runbook: Option<PathBuf>,

    /// Drain `from` first (planned), or presume it lost (unplanned)
    #[arg(long, value_parser = mode, value_name = "planned|unplanned")]
    pub mode: Option<Mode>,

    /// Set a variable of the runbook
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub var: Vec<(String, String)>,

    /// Read variables from a file of lines NAME=VALUE
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "it is `planned` or `unplanned`".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("it must look like NAME=VALUE".to_owned()),
    }
}
