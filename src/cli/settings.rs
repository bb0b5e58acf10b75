//! What the environment says. Nothing else reads it.

use crate::{
    action::Endpoints,
    model::{Exit, Failure, Hint, quoted},
    report::NO_WIDTH,
};
use rustix::{fd::AsFd, termios::tcgetwinsize};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};
use url::Url;

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
    pub(super) fn read(state: Option<PathBuf>) -> Result<Self, Failure> {
        let home = variable("HOME").map(PathBuf::from);
        let mut device = std::fs::File::options();
        let has_terminal = std::io::stderr().is_terminal()
            && device.read(true).write(true).open(super::ask::TERMINAL).is_ok();
        let is_state_typed = state.is_some();
        // The commands that we suggest must find it from every folder.
        let state = match state {
            Some(typed) => std::path::absolute(&typed).unwrap_or(typed),
            None => state_folder(home.as_deref())?,
        };
        Ok(Self {
            is_state_typed,
            state,
            who: first_of(&["USER", "LOGNAME"]).unwrap_or_else(uid),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            columns: columns(std::io::stderr()),
            data_columns: columns(std::io::stdout()),
            has_color: variable("NO_COLOR").is_none() && !is_dumb(),
            has_terminal,
            home,
        })
    }

    /// Whether there is a terminal that a view can be drawn on.
    pub(super) fn can_draw(&self) -> bool {
        self.has_terminal && !is_dumb()
    }

    /// What to add to a command that we suggest, so that it finds the same runs.
    pub(super) fn flags(&self) -> String {
        if self.is_state_typed {
            format!(" --state {}", quoted(&self.state.display().to_string()))
        } else {
            String::new()
        }
    }

    /// A command that we suggest.
    pub(super) fn command(&self, text: &str) -> String {
        format!("{text}{}", self.flags())
    }

    /// A path as people write it, with `~` for their home.
    pub(super) fn shorten(&self, path: &Path) -> String {
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

/// All of the environment that is text: programs are given a part of it.
pub(super) fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
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
fn state_folder(home: Option<&Path>) -> Result<PathBuf, Failure> {
    let given = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = given.or_else(|| home.map(|home| home.join(".local/state")));
    // A folder that depends on where one stands would give each place a lock of its own.
    let nowhere = || {
        let what = "it is not known where runs and their locks are kept";
        Failure::new(Exit::CommandLine, what)
            .because("neither HOME nor XDG_STATE_HOME is set")
            .hint(Hint::says("name a folder with --state DIR, the same one each time"))
    };
    folder.map(|folder| folder.join("failover")).ok_or_else(nowhere)
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

/// Where AWS's services are asked instead: `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_SERVICE`, as AWS's own tools read them
/// (AWS SDKs and Tools reference, "Service-specific endpoints").
pub(super) fn endpoints() -> Result<Endpoints, Failure> {
    const ALL: &str = "AWS_ENDPOINT_URL";
    let mut endpoints = Endpoints::default();
    if variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|flag| flag == "true") {
        return Ok(endpoints);
    }
    for (name, value) in std::env::vars().filter(|(_, value)| !value.is_empty()) {
        let Some(rest) = name.strip_prefix(ALL) else { continue };
        let url = value.parse::<Url>().ok().filter(Url::has_host).ok_or_else(|| {
            let what = format!("{name} is `{value}`, which is no address");
            let hint = "it must look like https://HOST or http://127.0.0.1:PORT";
            Failure::new(Exit::CommandLine, what).hint(Hint::says(hint))
        })?;
        match rest.strip_prefix('_') {
            Some(service) => drop(endpoints.of.insert(service.to_owned(), url)),
            None if rest.is_empty() => endpoints.all = Some(url),
            None => {}
        }
    }
    Ok(endpoints)
}

/// Who answers every question about names, instead of the servers that it is for: `FAILOVER_NAME_SERVER`, for emulators.
pub(super) fn name_server() -> Result<Option<SocketAddr>, Failure> {
    let Some(value) = variable("FAILOVER_NAME_SERVER") else { return Ok(None) };
    value.parse().map(Some).map_err(|_| {
        let what = format!("FAILOVER_NAME_SERVER is `{value}`, which is no address with a port");
        Failure::new(Exit::CommandLine, what).hint(Hint::says("it must look like 127.0.0.1:5353"))
    })
}

/// The files of the kubeconfig: those that `KUBECONFIG` lists, else the one of this user (Kubernetes, "Organizing Cluster
/// Access Using kubeconfig Files").
pub(super) fn kubeconfig() -> Vec<PathBuf> {
    if let Some(list) = variable("KUBECONFIG") {
        return std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    variable("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect()
}

/// The resolvers of this machine (resolv.conf(5)).
pub(super) fn resolvers() -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    named.filter_map(|address| address.trim().parse().ok()).collect()
}
