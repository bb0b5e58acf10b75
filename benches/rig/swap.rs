//! One run of the binary that moves a role between real servers.

use std::process::{Command, Stdio};

/// Carries a runbook out from east to west, with the password of the role that the tool has there.
pub fn execute(runbook: &str, password: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runbook.yaml");
    std::fs::write(&path, runbook).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_failover"))
        .args(["execute", "east", "west", "--yes", "--runbook"])
        .arg(&path)
        .env("OPS_PASSWORD", password)
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}
