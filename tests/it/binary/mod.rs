//! The real binary, as people and scripts meet it.

mod execute;
mod killed;
mod refused;
mod screens;
mod stopped;
mod terminal;
mod terraform;
mod whole;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A state folder of its own, and a cleared environment.
pub struct Desk {
    state: tempfile::TempDir,
}

/// What came of one call.
pub struct Called {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let Output { status, stdout, stderr } = output;
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl Desk {
    pub fn new() -> Self {
        Self { state: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_failover"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("XDG_STATE_HOME", self.state.path())
            .env("COLUMNS", "120")
            .env("USER", "asha");
        command
    }

    pub fn call(&self, arguments: &str) -> Called {
        Called::from(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// A call whose arguments may hold spaces.
    pub fn call_with(&self, arguments: &[&str]) -> Called {
        let mut command = self.command("");
        Called::from(command.args(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// A simulated run in which a request goes wrong.
    pub fn with_fault(&self, arguments: &str, fault: &str) -> Called {
        let mut command = self.command(arguments);
        Called::from(command.args(["--fault", fault]).stdin(Stdio::null()).output().unwrap())
    }

    /// Starts it and leaves it running.
    pub fn start(&self, arguments: &str) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// The folders of the simulated runs, the oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let folder = self.state.path().join("failover/simulated/runs");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut runs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }

    pub fn last_run(&self) -> PathBuf {
        self.runs().pop().unwrap()
    }
}

impl Desk {
    pub fn state(&self) -> &Path {
        self.state.path()
    }
}

/// How people call a run: the last four characters of its id.
pub fn short(run: &Path) -> String {
    let name = run.file_name().unwrap().to_str().unwrap();
    name[name.len() - 4..].to_owned()
}

/// How often the simulated cloud of a run accepted a change whose address ends so, in all its processes.
pub fn accepted(run: &Path, what: &str) -> usize {
    let ledger = std::fs::read_to_string(run.join("world/ledger.jsonl")).unwrap_or_default();
    let is_it = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line.to_string();
        text.split('"').any(|part| part.split('?').next().unwrap_or_default().ends_with(what))
    };
    ledger.lines().filter(is_it).count()
}
