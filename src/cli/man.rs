//! `failover man`: the manual pages.

use super::{Desk, Root};
use crate::model::{Exit, Failure};
use clap::{Args, CommandFactory};

/// Print a manual page, in roff
#[derive(Args)]
pub(super) struct Man {
    /// The verb that it is about; the whole program without one
    verb: Option<String>,
}

impl Man {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let root = Root::command();
        let command = match &self.verb {
            None => root,
            Some(name) => {
                let verb = root.get_subcommands().find(|verb| verb.get_name() == name).cloned();
                let unknown =
                    || Failure::new(Exit::CommandLine, format!("there is no verb `{name}`"));
                verb.ok_or_else(unknown)?
                    .display_name(format!("failover-{name}"))
                    .bin_name(format!("failover {name}"))
            }
        };
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::new(Exit::Bug, "cannot make the page").because(error))?;
        desk.say.document(&String::from_utf8_lossy(&page));
        Ok(Exit::Done)
    }
}
