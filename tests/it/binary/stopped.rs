//! A run that stopped in the middle: what is said of it, and how it goes on.

use super::{Called, Desk, short};
use std::process::{Command, Stdio};

const RUN: &str = "execute eastus westus --simulate --yes";

/// Calls it where no file can grow beyond so many blocks of 512 bytes, as on a disk that is almost full.
fn call_cramped(desk: &Desk, blocks: usize, arguments: &str) -> Called {
    let called = desk.command(arguments);
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(called.get_program()).args(called.get_args()).env_clear();
    let variables = called.get_envs().filter_map(|(name, value)| Some((name, value?)));
    Called::from(shell.envs(variables).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_journal_that_is_full_ends_8_and_says_where_the_run_stands() {
    let desk = Desk::new();
    // The plan fits in, and the journal does not.
    let full = call_cramped(&desk, 80, RUN);
    let run = short(&desk.last_run());
    assert_eq!(full.code, Some(8), "{}", full.stderr);
    assert!(full.stderr.contains("of 11 steps done"), "{}", full.stderr);
    assert!(full.stderr.contains(&format!("failover resume {run}")), "{}", full.stderr);
    let resumed = desk.call("resume --yes");
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
}

#[test]
fn a_run_that_never_began_is_not_gone_on_with() {
    let desk = Desk::new();
    desk.call(RUN);
    let run = desk.last_run();
    // As a crash between the making of the folder and the first record leaves it.
    std::fs::write(run.join("journal.jsonl"), "").unwrap();
    let named = desk.call(&format!("resume {} --yes", short(&run)));
    assert_eq!(named.code, Some(2), "{}", named.stderr);
    assert!(named.stderr.contains("never began; nothing was done"), "{}", named.stderr);
    assert!(named.stderr.contains("failover execute eastus westus"), "{}", named.stderr);
    let unnamed = desk.call("resume --yes");
    assert!(unnamed.stderr.contains("there is no such run"), "{}", unnamed.stderr);
    assert!(desk.call("runs").stdout.contains("never began"));
}
