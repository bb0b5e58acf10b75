//! The Python that `tests/run` installs, with other people's tools in it.

use std::{path::Path, process::Command};

/// A fixed place, whatever the target folder of this build is.
const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/python");
const WANTED: &str = include_str!("../../tools/requirements.txt");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/emulator");
/// For what looks into a home or a file of settings: nothing of this machine may get into a test.
pub const NOWHERE: &str = "/dev/null";

/// The interpreter, with an environment as good as empty.
fn python() -> Command {
    let installed = std::fs::read_to_string(Path::new(PLACE).join("requirements.txt"));
    assert!(
        installed.is_ok_and(|installed| installed == WANTED),
        "what tests/tools/requirements.txt names is not in {PLACE}: tests/run installs it"
    );
    let mut command = Command::new(Path::new(PLACE).join("bin/python"));
    command.env_clear().env("HOME", NOWHERE);
    command
}

/// A module as a program.
pub fn module(name: &str) -> Command {
    let mut command = python();
    command.args(["-m", name]);
    command
}

/// A script that stands beside this file.
pub fn script(name: &str) -> Command {
    let mut command = python();
    command.arg(Path::new(SCRIPTS).join(name));
    command
}
