//! A person at a terminal: a real pty.

use super::{Desk, accepted};
use rexpect::{process::WaitStatus, session::spawn_command};

const PATIENCE: Option<u64> = Some(60_000);

fn wait(session: &mut rexpect::session::PtySession) -> i32 {
    session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_approved_asks_once_and_ends() {
    let desk = Desk::new();
    let command = desk.command("execute eastus westus --simulate --pace 2000");
    let mut person = spawn_command(command, PATIENCE).unwrap();
    person.exp_string("Type the region that will serve users").unwrap();
    person.send_line("westus").unwrap();
    person.exp_string("no way back but a failback").unwrap();
    person.exp_string("yes  go on").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("proseware runs in westus").unwrap();
    assert_eq!(wait(&mut person), 0);
    assert_eq!(accepted(&desk.last_run(), "/stproseware/failover"), 1);
}

#[test]
fn another_word_than_the_region_leaves_without_a_change() {
    let desk = Desk::new();
    let command = desk.command("execute eastus westus --simulate");
    let mut person = spawn_command(command, PATIENCE).unwrap();
    person.exp_string("Type the region that will serve users").unwrap();
    person.send_line("yes").unwrap();
    assert_eq!(wait(&mut person), 5);
    assert_eq!(desk.runs().len(), 0);
}

#[test]
fn a_no_at_the_question_ends_5_and_is_resumable() {
    let desk = Desk::new();
    let command = desk.command("execute eastus westus --simulate --pace 2000");
    let mut person = spawn_command(command, PATIENCE).unwrap();
    person.exp_string("Type the region that will serve users").unwrap();
    person.send_line("westus").unwrap();
    person.exp_string("yes  go on").unwrap();
    person.send_line("no").unwrap();
    person.exp_string("failover resume").unwrap();
    assert_eq!(wait(&mut person), 5);
    let run = desk.last_run();
    assert_eq!(accepted(&run, "/stproseware/failover"), 0);
    let resumed = desk.call("resume --yes --accept-loss 9h");
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(accepted(&run, "/stproseware/failover"), 1);
}
