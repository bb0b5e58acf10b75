//! `kill -9` of the real binary, and then `resume`.

use super::{Desk, accepted, short};
use rexpect::session::spawn_command;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Starts a paced run, and kills it once its journal holds as many lines.
fn killed_after(desk: &Desk, lines: usize) -> bool {
    let mut run = desk.start("execute eastus westus --simulate --yes --accept-loss 3h --pace 3000");
    let patience = Instant::now() + Duration::from_mins(1);
    loop {
        let written = desk
            .runs()
            .first()
            .and_then(|run| std::fs::read_to_string(run.join("journal.jsonl")).ok())
            .map_or(0, |text| text.lines().count());
        if written >= lines {
            run.kill().unwrap();
            return !run.wait().unwrap().success();
        }
        if run.try_wait().unwrap().is_some() || Instant::now() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Resumes it as a person would who is asked whether a promotion happened, and can look it up.
fn resume(desk: &Desk, run: &Path) {
    let command = format!("resume {} --yes --accept-loss 9h --pace 0", short(run));
    let called = desk.call(&command);
    if called.code != Some(6) || !called.stderr.contains("`promote` asks") {
        assert_eq!(called.code, Some(0), "{}", called.stderr);
        return;
    }
    // Ten minutes after it was begun, the roles of the servers prove nothing any more.
    let happened = accepted(run, "/flexibleServers/pg-proseware-westus") > 0;
    let asked = desk.command(&format!("resume {} --pace 2000", short(run)));
    let mut person = spawn_command(asked, Some(60_000)).unwrap();
    person.exp_string("promote").unwrap();
    person.exp_string("> ").unwrap();
    person.send_line(if happened { "yes" } else { "no" }).unwrap();
    person.exp_eof().unwrap();
    person.process().wait().unwrap();
    if !happened {
        let again = desk.call(&command);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
    }
}

#[test]
fn a_killed_run_is_resumed_and_sends_every_harmful_change_once() {
    for lines in [3, 20, 45, 60, 75, 90] {
        let desk = Desk::new();
        assert!(killed_after(&desk, lines), "it was not killed at line {lines}");
        let run = desk.last_run();
        resume(&desk, &run);
        assert_eq!(accepted(&run, "/stproseware/failover"), 1, "killed at line {lines}");
        let promotions = accepted(&run, "/flexibleServers/pg-proseware-westus");
        assert_eq!(promotions, 1, "killed at line {lines}");
    }
}
