//! A run that stopped in the middle: what is said of it, and how it goes on.

use super::{Called, Desk, accepted, short};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

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
    assert!(unnamed.stderr.contains("there is no run to go on with"), "{}", unnamed.stderr);
    assert!(desk.call("runs").stdout.contains("never began"));
}

/// Starts a paced run, and waits until its journal tells this.
fn started_until(desk: &Desk, told: &str) -> Child {
    let run = desk.start(&format!("{RUN} --accept-loss 3h --pace 600"));
    let patience = Instant::now() + Duration::from_mins(1);
    let journal = || {
        let path = desk.runs().first()?.join("journal.jsonl");
        std::fs::read_to_string(path).ok()
    };
    while !journal().is_some_and(|text| text.contains(told)) {
        assert!(Instant::now() < patience, "the journal never tells {told}");
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

/// What Ctrl-C sends.
fn interrupt(run: &Child) {
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

#[test]
fn one_ctrl_c_lets_what_runs_settle_and_a_resume_ends_it() {
    let desk = Desk::new();
    let mut run = started_until(&desk, "operation_accepted");
    interrupt(&run);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let folder = desk.last_run();
    assert!(desk.call("runs").stdout.contains("interrupted, resumable"));
    let resumed = desk.call("resume --yes --accept-loss 9h");
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(accepted(&folder, "/stproseware/failover"), 1);
}

#[test]
fn an_aborted_run_is_ended_for_good() {
    let desk = Desk::new();
    let mut run = started_until(&desk, "operation_accepted");
    interrupt(&run);
    run.wait().unwrap();
    let folder = desk.last_run();
    let aborted = desk.call(&format!("resume {} --abort --yes", short(&folder)));
    assert_eq!(aborted.code, Some(0), "{}", aborted.stderr);
    assert_eq!(accepted(&folder, "/stproseware/failover"), 0);
    assert!(desk.call("runs").stdout.contains("aborted"));
    let again = desk.call(&format!("resume {} --yes", short(&folder)));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("is ended for good; nothing to do"), "{}", again.stdout);
}

#[test]
fn a_change_under_way_keeps_a_second_run_out_of_its_world() {
    let desk = Desk::new();
    let mut first = started_until(&desk, r#""storage","what":{"operation_accepted""#);
    first.kill().unwrap();
    first.wait().unwrap();
    let run = short(&desk.last_run());
    let second = desk.call(&format!("{RUN} --accept-loss 9h --after {run}"));
    assert_eq!(second.code, Some(4), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("run {run} has a change under way")));
    assert!(second.stderr.contains(&format!("failover resume {run} --abort")));
    assert_eq!(desk.runs().len(), 1);
}

/// Nobody serves these pages, so each of its steps fails in turn.
const PAGES: &str = r"
failover: 1
runbook: pages
summary: See two pages
lock: pages
regions: { eastus: {}, westus: {} }
steps:
  - id: news
    action: http.check
    with: { url: 'https://news.example/health' }
    timeout: 1m
  - id: shop
    action: http.check
    with: { url: 'https://shop.example/health' }
    timeout: 1m
";

#[test]
fn a_failed_step_is_left_out_and_the_run_goes_on() {
    let desk = Desk::new();
    let runbook = desk.state.path().join("pages.yaml");
    std::fs::write(&runbook, PAGES).unwrap();
    let failed = desk.call(&format!("{RUN} --runbook {}", runbook.display()));
    assert_eq!(failed.code, Some(6), "{}", failed.stderr);
    assert!(failed.stderr.contains("step `news` failed"), "{}", failed.stderr);
    let next = desk.call("resume --yes --skip news --reason late");
    assert_eq!(next.code, Some(6), "{}", next.stderr);
    assert!(next.stderr.contains("step `shop` failed"), "{}", next.stderr);
    let twice = desk.call("resume --yes --skip news --reason late");
    assert_eq!(twice.code, Some(2), "{}", twice.stderr);
    assert!(twice.stderr.contains("step `news` is left out already: late"), "{}", twice.stderr);
    let done = desk.call("resume --yes --skip shop --reason closed");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = std::fs::read_to_string(desk.last_run().join("report.md")).unwrap();
    assert!(report.contains("late") && report.contains("closed"), "{report}");
}

#[test]
fn a_closed_pipe_ends_the_printing_and_not_the_run() {
    let desk = Desk::new();
    let mut command = desk.command(RUN);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(run.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("SIMULATED "), "{line}");
    let called = Called::from(run.wait_with_output().unwrap());
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert!(!called.stderr.contains("panicked"), "{}", called.stderr);
    assert!(desk.last_run().join("report.md").exists());
}

#[test]
fn a_run_that_was_ended_for_good_says_how_users_get_back_and_they_do() {
    let desk = Desk::new();
    let fence = "PATCH /pg-proseware-eastus/=409";
    let failed = desk.with_fault(&format!("{RUN} --mode planned"), fence);
    assert_eq!(failed.code, Some(6), "{}", failed.stderr);
    assert!(failed.stderr.contains("users of storefront: 200, another page"), "{}", failed.stderr);
    let run = short(&desk.last_run());
    let aborted = desk.call(&format!("resume {run} --abort"));
    assert_eq!(aborted.code, Some(0), "{}", aborted.stderr);
    let back = format!(
        "execute westus eastus --runbook runbooks/proseware.yaml --mode planned --simulate --after {run}"
    );
    assert!(aborted.stdout.contains(&format!("failover {back}")), "{}", aborted.stdout);
    assert!(!aborted.stdout.contains("reprotect"), "{}", aborted.stdout);
    let home = desk.call(&format!("{back} --yes"));
    assert_eq!(home.code, Some(0), "{}", home.stderr);
    assert!(home.stdout.contains("proseware runs in eastus"), "{}", home.stdout);
    assert_eq!(accepted(&desk.last_run(), "/stproseware/failover"), 0);
}
