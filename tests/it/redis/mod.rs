//! Redis under Sentinel for real: a master is failed over by the binary, under an app that writes all the time.

mod planned;
mod server;
mod unplanned;
mod writer;

use crate::binary::Desk;
use server::{Flock, GROUP, PASSWORD, Server};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A desk with a runbook for these servers.
struct Room {
    desk: Desk,
    runbook: PathBuf,
    _folder: tempfile::TempDir,
}

const STEPS: &str = "
steps:
  - id: ready
    action: redis.check
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    when: mode.name == 'planned'
    timeout: 25s
  - id: swap
    action: redis.failover
    confirm: Swap?
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    timeout: 1m
  - id: demote
    action: redis.demote
    when: mode.name == 'unplanned'
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    timeout: 2s
    on_failure: owe
";

impl Room {
    fn of(flock: &Flock) -> Self {
        Self::with(flock, &flock.sentinels.each_ref().map(Server::address))
    }

    /// With other ways to the sentinels.
    fn with(flock: &Flock, sentinels: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runbook = folder.path().join("cache.yaml");
        let (east, west) = (flock.east.address(), flock.west.address());
        let sentinels = sentinels.join("', '");
        let head = format!(
            "failover: 1
runbook: cache
summary: A master and its replica
default_mode: planned
lock: cache
objectives: {{ rpo: 1m }}
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults:
  redis:
    group: {GROUP}
    sentinels: ['{sentinels}']
    user: ops
    password: '${{{{ secrets.OPS }}}}'
    sentinel_user: ops
    sentinel_password: '${{{{ secrets.OPS }}}}'
    tls: off
regions: {{ east: {{ cache: '{east}' }}, west: {{ cache: '{west}' }} }}"
        );
        fs::write(&runbook, head + STEPS).unwrap();
        Self { desk: Desk::new(), runbook, _folder: folder }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("OPS_PASSWORD", PASSWORD);
        command
    }

    fn execute(&self, way: &str, flags: &str) -> (Option<i32>, String) {
        self.call(&format!("execute {way} --runbook {} {flags}", self.runbook.display()))
    }

    fn call(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text =
            String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }
}
