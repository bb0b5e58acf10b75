//! The command line: one file per verb, with its help text and what it does.
//!
//! Wires the rooms below together and holds nothing that a library would want: [`settings`] alone reads the
//! environment, [`say`] alone prints, [`ask`] is the operator at a terminal, and whatever goes wrong ends as one
//! [`Failure`].

mod actions;
mod ask;
mod bound;
mod carry;
mod choice;
mod completions;
mod error;
mod execute;
mod faults;
mod kept;
mod man;
mod manner;
mod plan;
mod refusal;
mod report;
mod resume;
mod runs;
mod say;
mod schema;
mod secrets;
mod settings;
mod signals;
mod simulate;
mod status;
mod terraform;
mod unfinished;
mod validate;
mod world;

use crate::model::{Exit, Failure};
use clap::{Parser, Subcommand, error::ErrorKind};
use say::Say;
use settings::Settings;
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// Carry reviewed failover runbooks out, and prove them first
///
/// Exit codes: 0 done; 1 a bug; 2 command line; 3 runbook; 4 preflight found a blocker; 5 declined; 6 failed,
/// resumable; 7 locked; 8 journal unusable; 9 objective missed; 10 done, something is owed; 130 interrupted, resumable.
#[derive(Parser)]
#[command(
    name = "failover",
    bin_name = "failover",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Root {
    /// Keep runs, their journals and their locks in this folder
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Validate(validate::Validate),
    Plan(plan::PlanVerb),
    Execute(execute::Execute),
    Resume(resume::Resume),
    Status(status::Status),
    Report(report::ReportVerb),
    /// List the runs, the oldest first
    Runs,
    Simulate(simulate::Simulate),
    Actions(actions::Actions),
    /// Print the JSON Schema of the runbook language, for editors
    Schema,
    Completions(completions::Completions),
    Man(man::Man),
}

/// What every verb is given.
struct Desk {
    settings: Settings,
    say: Say,
}

/// Does what the command line asks for, and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let say = Say::new();
    let root = match Root::try_parse_from(arguments) {
        Ok(root) => root,
        Err(answer) => return usage(&answer, &say).code().into(),
    };
    let told = |failure: &Failure, say: &Say| {
        say.failure(failure);
        failure.exit
    };
    let exit = match Settings::read(root.state) {
        Ok(settings) => {
            let desk = Desk { say: say.within(&settings), settings };
            root.verb.carry_out(&desk).unwrap_or_else(|failure| told(&failure, &desk.say))
        }
        Err(failure) => told(&failure, &say),
    };
    exit.code().into()
}

impl Verb {
    fn carry_out(self, desk: &Desk) -> Result<Exit, Failure> {
        match self {
            Self::Validate(verb) => verb.carry_out(desk),
            Self::Plan(verb) => verb.carry_out(desk),
            Self::Execute(verb) => verb.carry_out(desk),
            Self::Resume(verb) => verb.carry_out(desk),
            Self::Status(verb) => verb.carry_out(desk),
            Self::Report(verb) => verb.carry_out(desk),
            Self::Runs => runs::carry_out(desk),
            Self::Simulate(verb) => verb.carry_out(desk),
            Self::Actions(verb) => verb.carry_out(desk),
            Self::Schema => Ok(schema::carry_out(desk)),
            Self::Completions(verb) => Ok(verb.carry_out(desk)),
            Self::Man(verb) => verb.carry_out(desk),
        }
    }
}

/// Help and versions are data, mistakes are talk.
fn usage(answer: &clap::Error, say: &Say) -> Exit {
    let text = answer.render().ansi().to_string();
    match answer.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            say.data(text.trim_end());
            Exit::Done
        }
        _ => {
            say.talk(text.trim_end());
            Exit::CommandLine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Root::command().debug_assert();
    }

    #[test]
    fn every_help_text_begins_with_a_short_line_without_a_period() {
        let root = Root::command();
        for verb in root.get_subcommands() {
            let arguments = verb.get_arguments().filter_map(clap::Arg::get_help);
            for help in verb.get_about().into_iter().chain(arguments) {
                let text = help.to_string();
                let first = text.lines().next().unwrap_or_default();
                assert!(first.len() < 70 && !first.ends_with('.'), "{}: {first}", verb.get_name());
            }
        }
    }
}
