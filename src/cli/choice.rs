//! What the operator chose: a runbook, two regions, a mode, and values.

use super::{Desk, bound, settings, terraform};
use crate::{
    action::Catalogue,
    model::{Exit, Failure, Hint, Mode, nearest},
    plan::{self, Choice, Plan},
    provider,
    runbook::{self, Files, Mistakes, Runbook},
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Where runbooks are when none is named.
const FOLDER: &str = "runbooks";

#[derive(Args)]
pub(super) struct Chosen {
    /// The region to leave
    pub from: String,

    /// The region to move to
    pub to: String,

    /// The runbook; the one in ./runbooks that knows both regions without it
    #[arg(long, value_name = "FILE")]
    runbook: Option<PathBuf>,

    /// Drain `from` first (planned), or presume it lost (unplanned)
    #[arg(long, value_parser = mode, value_name = "planned|unplanned")]
    mode: Option<Mode>,

    /// Set a variable of the runbook
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    var: Vec<(String, String)>,

    /// Read variables from a file of lines NAME=VALUE
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "it is `planned` or `unplanned`".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("it must look like NAME=VALUE".to_owned()),
    }
}

/// Whether values may be made up for environment variables that are not set, and for outputs that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    IsMadeUp,
    IsAMistake,
}

impl Chosen {
    /// The plan, or every mistake that is in the way of one.
    pub(super) fn plan(&self, desk: &Desk, unset: Unset) -> Result<Plan, Failure> {
        let catalogue = provider::catalogue();
        let path = match &self.runbook {
            Some(path) => path.clone(),
            None => self.pick(desk, catalogue)?,
        };
        let runbook =
            load(&path, catalogue, runbook::load)?.map_err(|mistakes| told(desk, &mistakes))?;
        let choice = Choice {
            from: &self.from,
            to: &self.to,
            mode: self.mode,
            vars: self.variables()?,
            env: &settings::variable,
            outputs: &|tool, name| terraform::outputs(tool, &folder(&path).join(name)),
            made_up_env: unset == Unset::IsMadeUp,
            files: &beside(&path),
            catalogue,
        };
        let plan = plan::build(&runbook, &choice).map_err(|mistakes| told(desk, &mistakes))?;
        let found = bound::mistakes(&plan, catalogue);
        if found.is_empty() {
            return Ok(plan);
        }
        Err(told(desk, &Mistakes { source: runbook.source, found }))
    }

    /// What is typed wins over what stands in files, and a later file over an earlier one.
    fn variables(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut all: Vec<(String, String)> = Vec::new();
        let mut set = |(name, value): (String, String)| {
            all.retain(|(known, _)| *known != name);
            all.push((name, value));
        };
        for path in &self.var_file {
            for (place, line) in read(path)?.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                set(variable(line).map_err(|why| {
                    let place = format!("{}:{}: {why}", path.display(), place + 1);
                    Failure::new(Exit::CommandLine, place)
                })?);
            }
        }
        self.var.iter().cloned().for_each(set);
        Ok(all)
    }

    /// The runbook of the folder that knows both regions.
    fn pick(&self, desk: &Desk, catalogue: Catalogue) -> Result<PathBuf, Failure> {
        let mut knowing = Vec::new();
        let mut broken = Vec::new();
        let mut regions: Vec<String> = Vec::new();
        for path in in_folder()? {
            match load(&path, catalogue, runbook::load)? {
                Ok(runbook) if self.is_known_to(&runbook) => knowing.push((path, runbook)),
                Ok(runbook) => regions.extend(runbook.regions().map(ToOwned::to_owned)),
                Err(mistakes) => broken.push(mistakes),
            }
        }
        let defaults: Vec<_> = knowing.iter().filter(|(_, runbook)| runbook.is_default).collect();
        match (knowing.as_slice(), defaults.as_slice()) {
            ([(path, _)], _) | (_, [(path, _)]) => Ok(path.clone()),
            ([], _) if !broken.is_empty() => {
                for mistakes in &broken {
                    show(desk, mistakes);
                }
                Err(Failure::new(Exit::Runbook, "no runbook without mistakes knows both regions"))
            }
            ([], _) => Err(self.nothing_known(&regions)),
            (several, _) => {
                let what = format!("several runbooks know {} and {}", self.from, self.to);
                let failure = several.iter().fold(
                    Failure::new(Exit::CommandLine, what),
                    |failure, (path, runbook)| {
                        failure.standing(format!("{}  {}", path.display(), runbook.summary))
                    },
                );
                Err(failure.hint(Hint::says(
                    "name one with --runbook, or write `default: true` into one of them",
                )))
            }
        }
    }

    fn is_known_to(&self, runbook: &Runbook) -> bool {
        [&self.from, &self.to].iter().all(|region| runbook.regions().any(|known| known == *region))
    }

    fn nothing_known(&self, regions: &[String]) -> Failure {
        let what = format!("no runbook in ./{FOLDER} knows {} and {}", self.from, self.to);
        let unknown = [&self.from, &self.to].into_iter().find(|region| !regions.contains(region));
        let meant = unknown.and_then(|typed| nearest(typed, regions.iter().map(String::as_str)));
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name one with --runbook".to_owned(),
        };
        Failure::new(Exit::CommandLine, what).hint(Hint::says(hint))
    }
}

/// The runbooks of the folder, by name: one at least.
pub(super) fn in_folder() -> Result<Vec<PathBuf>, Failure> {
    let entries = match std::fs::read_dir(FOLDER) {
        Ok(entries) => entries,
        Err(error) => {
            return Err(Failure::new(
                Exit::CommandLine,
                format!("there is no folder ./{FOLDER} here"),
            )
            .because(error)
            .hint(Hint::says("name a runbook, or go to the folder that holds `runbooks`")));
        }
    };
    let is_runbook = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let mut paths: Vec<_> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_runbook).collect();
    paths.sort();
    if paths.is_empty() {
        let what = format!("there is no runbook in ./{FOLDER}");
        let hint = "a runbook is a file there whose name ends in `.yaml` or `.yml`";
        return Err(Failure::new(Exit::CommandLine, what).hint(Hint::says(hint)));
    }
    Ok(paths)
}

/// What reads and checks a runbook: [`runbook::load`], or [`runbook::validate`].
type Reader = fn(&str, &[u8], Catalogue, Files<'_>) -> Result<Runbook, Mistakes>;

/// Reads and checks one.
pub(super) fn load(
    path: &Path,
    catalogue: Catalogue,
    reader: Reader,
) -> Result<Result<Runbook, Mistakes>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    Ok(reader(&name, &bytes, catalogue, &beside(path)))
}

/// Reads files by their path beside the runbook.
fn beside(path: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder = folder(path).to_owned();
    move |name| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
}

/// The folder that a runbook stands in.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::CommandLine, format!("cannot read {}", path.display())).because(error)
}

/// Shows the mistakes of a file, as a compiler does.
pub(super) fn show(desk: &Desk, mistakes: &Mistakes) {
    desk.say.talk(mistakes.render(desk.settings.has_color).trim_end());
    desk.say.talk("");
}

/// Shows the mistakes, and says in one line that they are in the way.
fn told(desk: &Desk, mistakes: &Mistakes) -> Failure {
    show(desk, mistakes);
    let what = match mistakes.found.len() {
        1 => "a mistake".to_owned(),
        several => format!("{several} mistakes"),
    };
    Failure::new(Exit::Runbook, format!("{what} in {}: nothing was done", mistakes.source.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_name_and_whatever_follows_the_first_sign() {
        assert_eq!(variable("a = b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(variable("a").is_err());
        assert!(variable("=b").is_err());
    }
}
