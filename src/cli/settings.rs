//! What the environment says. Nothing else reads it.

use crate::report::NO_WIDTH;
use rustix::{fd::AsFd, termios::tcgetwinsize};
use std::{io::IsTerminal, path::PathBuf};

/// Where state is kept, who is asking and what the terminal can show.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The folder that holds a folder for live runs and one for simulated runs.
    pub state: PathBuf,
    /// Whether the folder was typed: then the commands that we suggest name it as well.
    is_state_typed: bool,
    pub home: Option<PathBuf>,
    pub who: String,
    pub host: String,
    /// The width of what is talked, and of the data on stdout. What no terminal shows has none.
    pub columns: usize,
    pub data_columns: usize,
    pub has_color: bool,
    /// Whether somebody sits at a terminal: sees the talk, and can answer.
    pub has_terminal: bool,
}

/// Lines are never made wider than this, nor narrower than that.
const WIDEST: usize = 120;
const NARROWEST: usize = 40;

impl Settings {
    pub(super) fn read(state: Option<PathBuf>) -> Self {
        let home = variable("HOME").map(PathBuf::from);
        let mut device = std::fs::File::options();
        let has_terminal = std::io::stderr().is_terminal()
            && device.read(true).write(true).open(super::ask::TERMINAL).is_ok();
        Self {
            is_state_typed: state.is_some(),
            state: state.unwrap_or_else(|| state_folder(home.as_deref())),
            who: first_of(&["USER", "LOGNAME"]).unwrap_or_else(uid),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            columns: columns(std::io::stderr()),
            data_columns: columns(std::io::stdout()),
            has_color: variable("NO_COLOR").is_none() && !is_dumb(),
            has_terminal,
            home,
        }
    }

    /// Whether there is a terminal that a view can be drawn on.
    pub(super) fn can_draw(&self) -> bool {
        self.has_terminal && !is_dumb()
    }

    /// What to add to a command that we suggest, so that it finds the same runs.
    pub(super) fn flags(&self) -> String {
        if self.is_state_typed {
            format!(" --state {}", self.state.display())
        } else {
            String::new()
        }
    }

    /// A command that we suggest.
    pub(super) fn command(&self, text: &str) -> String {
        format!("{text}{}", self.flags())
    }

    /// A path as people write it, with `~` for their home.
    pub(super) fn shorten(&self, path: &std::path::Path) -> String {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }
}

/// An environment variable that is set, to something.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_dumb() -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

fn uid() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

fn first_of(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| variable(name))
}

/// <https://specifications.freedesktop.org/basedir-spec/latest/>: a relative path there counts as none.
fn state_folder(home: Option<&std::path::Path>) -> PathBuf {
    let given = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = given.or_else(|| home.map(|home| home.join(".local/state")));
    folder.map_or_else(|| PathBuf::from(".failover"), |folder| folder.join("failover"))
}

/// The columns and lines of the terminal that the talk is on, which may change at any time.
pub(super) fn size() -> (usize, usize) {
    let lines = tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_row));
    (columns(std::io::stderr()), if lines == 0 { 24 } else { lines })
}

fn columns(stream: impl AsFd) -> usize {
    let said = variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let shown = || tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    let columns = said.or_else(shown).filter(|columns| *columns > 0);
    columns.map_or(NO_WIDTH, |columns| columns.clamp(NARROWEST, WIDEST))
}
