//! A desk with a runbook for servers that the tests have started.

use crate::binary::Desk;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

/// Of the user that the tool is on all of those servers.
const PASSWORD: &str = "correct horse";

pub struct Room {
    pub desk: Desk,
    pub runbook: PathBuf,
    _folder: tempfile::TempDir,
}

impl Room {
    pub fn holding(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runbook = folder.path().join("runbook.yaml");
        fs::write(&runbook, text).unwrap();
        Self { desk: Desk::new(), runbook, _folder: folder }
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("OPS_PASSWORD", PASSWORD).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// Other words in the runbook.
    pub fn change(&self, old: &str, new: &str) {
        let text = fs::read_to_string(&self.runbook).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(&self.runbook, text.replace(old, new)).unwrap();
    }

    /// All that the last run has kept.
    pub fn journal(&self) -> String {
        let runs = fs::read_dir(self.desk.state().join("failover/live/runs")).unwrap();
        let run = runs.map(|run| run.unwrap().path()).max().unwrap();
        let files = fs::read_dir(run).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|file| file.is_file())
            .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
            .collect()
    }

    pub fn execute(&self, way: &str, flags: &str) -> (Option<i32>, String) {
        let runbook = self.runbook.display();
        self.call(&format!("execute {way} --runbook {runbook} {flags}"))
    }

    /// Two people at once, at machines that know nothing of each other: how each of them ended, and what it said.
    pub fn together(
        rooms: [&Self; 2],
        way: &str,
        flags: &str,
        apart: Duration,
    ) -> [(Option<i32>, String); 2] {
        let running = rooms.map(|room| {
            let arguments = format!("execute {way} --runbook {} {flags}", room.runbook.display());
            let mut command = room.command(&arguments);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            std::thread::sleep(apart);
            child
        });
        running.map(|child| {
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        })
    }

    pub fn call(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text =
            String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }
}
