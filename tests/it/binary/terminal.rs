//! A person at a terminal: a real pty.

use super::{Desk, accepted};
use rexpect::{
    process::WaitStatus,
    session::{PtySession, spawn_command},
};

const PATIENCE: Option<u64> = Some(60_000);

fn wait(session: &mut PtySession) -> i32 {
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

/// At the one question of a run whose old region is in this state.
fn asked(desk: &Desk, outage: &str) -> (PtySession, String) {
    let command = format!("execute eastus westus --simulate --pace 2000 --outage {outage}");
    let mut person = spawn_command(desk.command(&command), PATIENCE).unwrap();
    person.exp_string("Type the region that will serve users").unwrap();
    person.send_line("westus").unwrap();
    let shown = person.exp_string("yes  go on").unwrap();
    (person, shown)
}

/// The last view that was drawn above the question.
fn last_view(shown: &str) -> &str {
    let above = shown.split("? go: ").next().unwrap();
    above.rsplit("proseware  eastus ").next().unwrap()
}

#[test]
fn a_question_says_whether_the_old_primary_is_fenced_and_stands_below_a_fresh_view() {
    let desk = Desk::new();
    let (mut person, shown) = asked(&desk, "data");
    assert!(shown.contains("old primary   fenced: new transactions are read-only"), "{shown}");
    let view = last_view(&shown);
    assert!(view.contains("2 changes, the last: pg-proseware-eastus: restart"), "{view}");
    assert!(view.contains("waits for an answer"), "{view}");
    person.send_line("no").unwrap();
    let after = person.exp_string("declined").unwrap();
    assert!(!after.contains("Ctrl-C"), "{after}");
    assert!(after.contains("stopped before it changed anything"), "{after}");
    assert_eq!(wait(&mut person), 5);
}

#[test]
fn an_old_primary_that_cannot_be_fenced_may_still_take_writes() {
    let desk = Desk::new();
    let (mut person, shown) = asked(&desk, "region");
    assert!(shown.contains("old primary   not fenced, and may still take writes"), "{shown}");
    assert!(shown.contains("tried again while this runs"), "{shown}");
    let status = desk.call("status").stdout;
    assert!(status.contains("waits for an answer"), "{status}");
    assert!(status.contains("asks:   go: Fail the videos over"), "{status}");
    assert!(status.contains("it is to be answered by asha on "), "{status}");
    // The end of input is no answer.
    person.send_control('d').unwrap();
    let after = person.exp_string("and got no answer").unwrap();
    assert!(!after.contains("Ctrl-C"), "{after}");
    assert_eq!(wait(&mut person), 6);
}
