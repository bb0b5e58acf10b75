//! PostgreSQL for real: a primary and its standby are failed over by the binary, under an app that writes all the time.

mod planned;
mod proxy;
mod server;
mod unplanned;
mod writer;

use crate::binary::Desk;
use server::{PASSWORD, Pair};
use std::{fs, path::PathBuf, process::Command};

/// A desk with a runbook for these servers.
struct Room {
    desk: Desk,
    runbook: PathBuf,
    _folder: tempfile::TempDir,
}

const STEPS: &str = "
steps:
  - id: ready
    action: postgres.check
    with: { primary: '${{ from.db }}', standby: '${{ to.db }}' }
  - id: swap
    when: mode.name == 'planned'
    action: postgres.switchover
    confirm: Swap?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
  - id: fence
    when: mode.name == 'unplanned'
    action: postgres.fence
    with: { server: '${{ from.db }}', fenced: true }
    timeout: 2s
    on_failure: owe
  - id: promote
    when: mode.name == 'unplanned'
    action: postgres.promote
    confirm: Promote?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
    timeout: 1m
";

impl Room {
    fn new(east: &str, west: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runbook = folder.path().join("db.yaml");
        let head = format!(
            "failover: 1
runbook: db
summary: A primary and its standby
default_mode: planned
lock: db
objectives: {{ rpo: 1m }}
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults: {{ postgres: {{ user: ops, password: '${{{{ secrets.OPS }}}}', tls: off }} }}
regions: {{ east: {{ db: '{east}' }}, west: {{ db: '{west}' }} }}"
        );
        fs::write(&runbook, head + STEPS).unwrap();
        Self { desk: Desk::new(), runbook, _folder: folder }
    }

    fn of(pair: &Pair) -> Self {
        Self::new(&pair.east.address(), &pair.west.address())
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("OPS_PASSWORD", PASSWORD).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// Lets what was the primary follow the new one at the end.
    fn rejoin(&self, pair: &Pair, steps: &str) {
        let shell = server::shell(&pair.east).join("', '");
        let steps =
            steps.replace("SHELL", &format!("'{shell}'")).replace("PROGRAMS", &server::programs());
        let text = fs::read_to_string(&self.runbook).unwrap();
        let data = |server: &server::Server| server.data.display().to_string();
        let text = text
            .replace("regions:", "allow_commands: true\nregions:")
            .replace("{ east: { ", &format!("{{ east: {{ data: {}, ", data(&pair.east)))
            .replace("west: { ", &format!("west: {{ data: {}, ", data(&pair.west)));
        fs::write(&self.runbook, text + &steps).unwrap();
    }

    /// Nothing but that.
    fn only_rejoin(&self, pair: &Pair) {
        let text = fs::read_to_string(&self.runbook).unwrap();
        let head = text.split("\nsteps:").next().unwrap().to_owned();
        fs::write(&self.runbook, head + "\nserving: to\nsteps:").unwrap();
        self.rejoin(pair, planned::REJOIN);
    }

    /// Other words in the runbook.
    fn change(&self, old: &str, new: &str) {
        let text = fs::read_to_string(&self.runbook).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(&self.runbook, text.replace(old, new)).unwrap();
    }

    /// All that the last run has kept.
    fn journal(&self) -> String {
        let runs = fs::read_dir(self.desk.state().join("failover/live/runs")).unwrap();
        let run = runs.map(|run| run.unwrap().path()).max().unwrap();
        let files = fs::read_dir(run).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|file| file.is_file())
            .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
            .collect()
    }

    fn execute(&self, way: &str, flags: &str) -> (Option<i32>, String) {
        let runbook = self.runbook.display();
        self.call(&format!("execute {way} --runbook {runbook} {flags}"))
    }

    fn call(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.command(arguments).stdin(std::process::Stdio::null()).output().unwrap();
        let text =
            String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }
}
