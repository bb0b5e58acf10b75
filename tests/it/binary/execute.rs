//! The main job, from the command line.

use super::{Desk, accepted, short};
use crate::room::Room;

const RUN: &str = "execute eastus westus --simulate --yes";

#[test]
fn a_whole_failover_ends_with_a_report_and_0() {
    let desk = Desk::new();
    let called = desk.call(RUN);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert!(called.stdout.contains("SIMULATED done  proseware runs in westus"));
    let run = desk.last_run();
    assert_eq!(accepted(&run, "/stproseware/failover"), 1);
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.starts_with("# SIMULATED: proseware: eastus → westus"), "{report}");
    serde_json::from_slice::<serde_json::Value>(&std::fs::read(run.join("report.json")).unwrap())
        .unwrap();
}

#[test]
fn nobody_else_can_look_into_the_folder_of_a_run() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.call(RUN);
    let mode = |path: std::path::PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(desk.last_run()), 0o700);
    assert_eq!(mode(desk.last_run().join("seal")), 0o600);
}

#[test]
fn every_line_of_a_simulated_run_says_so() {
    let desk = Desk::new();
    for arguments in [RUN, "execute eastus westus --simulate --dry-run", "status", "runs"] {
        let called = desk.call(arguments);
        let lines = called.stdout.lines().chain(called.stderr.lines());
        let silent: Vec<_> =
            lines.filter(|line| !line.to_lowercase().contains("simulated")).collect();
        assert_eq!(silent, [""; 0], "{arguments}");
    }
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let desk = Desk::new();
    let called = desk.call("execute eastus westus --simulate --dry-run");
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let said = called.stdout + &called.stderr;
    assert!(said.contains("17 changes, 2 that cannot be undone, 1 question"), "{said}");
    assert!(said.trim_end().ends_with("nothing was changed"), "{said}");
    assert_eq!(desk.runs().len(), 0);
}

#[test]
fn a_dry_run_for_programs_is_one_object() {
    let desk = Desk::new();
    let called = desk.call("execute eastus westus --simulate --dry-run --format json");
    assert_eq!((called.code, called.stderr.as_str()), (Some(0), ""));
    let event: serde_json::Value = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!(event["simulated"], true);
    let foreseen = &event["event"]["foreseen"];
    assert_eq!(foreseen["serves_now"]["region"], "eastus");
    assert_eq!(foreseen["blocked"], false);
    let steps = foreseen["steps"].as_array().unwrap();
    let changes: usize = steps.iter().map(|s| s["changes"].as_array().unwrap().len()).sum();
    assert_eq!(changes, 17);
    let storage = steps.iter().find(|step| step["id"] == "storage").unwrap();
    assert_eq!(storage["changes"][0]["harmful"], true);
    assert!(storage["evidence"].as_array().is_some_and(|seen| !seen.is_empty()), "{storage}");
}

#[test]
fn the_same_command_after_a_run_has_nothing_to_do() {
    let desk = Desk::new();
    desk.call(RUN);
    let first = desk.last_run();
    let again = desk.call(&format!("{RUN} --after {}", short(&first)));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let said = again.stdout + &again.stderr;
    assert!(said.contains("westus serves already; nothing to do"), "{said}");
    let told = desk.call(&format!("{RUN} --format json --after {}", short(&first)));
    let event: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(event["event"]["nothing_to_do"]["serves_now"], "westus");
}

#[test]
fn a_dead_region_ends_10_and_a_resume_pays() {
    let desk = Desk::new();
    let owing = desk.call(&format!("{RUN} --outage region"));
    assert_eq!(owing.code, Some(10), "{}", owing.stderr);
    let run = desk.last_run();
    let said = owing.stdout + &owing.stderr;
    assert!(said.contains("stop-from") && said.contains("fence"), "{said}");
    let paid = desk.call(&format!("resume {} --outage none --yes", short(&run)));
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    assert_eq!(accepted(&run, "/stproseware/failover"), 1);
}

#[test]
fn a_planned_round_trip_ends_where_it_began() {
    let desk = Desk::new();
    let there = desk.call(&format!("{RUN} --mode planned"));
    assert_eq!(there.code, Some(0), "{}", there.stderr);
    let run = short(&desk.last_run());
    let back =
        desk.call(&format!("execute westus eastus --simulate --yes --mode planned --after {run}"));
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    let run = short(&desk.last_run());
    let planned = "execute westus eastus --simulate --yes --mode planned";
    let again = desk.call(&format!("{planned} --after {run}"));
    assert!((again.stdout + &again.stderr).contains("eastus serves already"));
}

#[test]
fn a_failback_is_refused_until_the_data_is_protected_again() {
    let desk = Desk::new();
    desk.call(RUN);
    let run = short(&desk.last_run());
    let back = "execute westus eastus --simulate --yes --mode planned --outage none";
    let refused = desk.call(&format!("{back} --after {run}"));
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("storage"), "{}", refused.stderr);
    let reprotect = "execute eastus westus --runbook runbooks/proseware-reprotect.yaml";
    let protected = desk.call(&format!("{reprotect} --simulate --yes --outage none --after {run}"));
    assert_eq!(protected.code, Some(0), "{}", protected.stderr);
    let run = short(&desk.last_run());
    let there = desk.call(&format!("{back} --after {run}"));
    assert_eq!(there.code, Some(0), "{}", there.stderr);
}

#[test]
fn events_are_one_object_a_line() {
    let desk = Desk::new();
    let called = desk.call(&format!("{RUN} --format json"));
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let events: Vec<serde_json::Value> =
        called.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.len() > 100, "{} events", events.len());
    assert!(events.iter().all(|event| event["simulated"] == true));
}

#[test]
fn what_a_program_prints_is_shown_without_its_secrets() {
    let room = Room::holding(
        r#"
failover: 1
runbook: hook
summary: A program of the team's own
default_mode: planned
lock: hook
allow_commands: true
secrets:
  KEY: { file: key.pem }
  LONGER: { file: longer }
regions: { east: {}, west: {} }
steps:
  - id: hook
    action: command
    with:
      run: [./print.sh]
      secrets: { KEY: "${{ secrets.KEY }}", LONGER: "${{ secrets.LONGER }}" }
"#,
    );
    let beside = |name: &str| room.runbook.with_file_name(name);
    std::fs::write(beside("key.pem"), "hush-the-first\nhush-the-second\n").unwrap();
    std::fs::write(beside("longer"), "hush-the-first-of-all").unwrap();
    // Line by line, as a part of another, behind what is just short enough to be shown, and at last as the reason.
    let script = "#!/bin/sh\necho one\necho \"$KEY\"\necho \"is $LONGER\"\n\
        printf '%0195d%s\\n' 0 \"$LONGER\"\nprintf '\\033[2Jtwo'\n\
        printf '%0195d%s\\n' 0 \"$LONGER\" >&2\nexit 3\n";
    std::fs::write(beside("print.sh"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(beside("print.sh"), mode).unwrap();
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(6), "{said}");
    for expected in ["prints: one", "prints: is (the secret LONGER)", "prints: [2Jtwo"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(at("prints: [2Jtwo") < at("refused: "), "{said}");
    let all = said.clone() + &room.journal();
    // A part that is cut off is a part all the same.
    for part in ["hush", "the-first", "the-second", "-of-all", "0h"] {
        assert!(!all.contains(part), "{part}: {all}");
    }
}

#[test]
fn a_rehearsal_says_that_no_command_is_run() {
    let room = Room::holding(
        "
failover: 1
runbook: hook
summary: A program of the team's own
default_mode: planned
lock: hook
allow_commands: true
regions: { east: {}, west: {} }
steps:
  - id: hook
    action: command
    with: { run: ['false'], harmless: true }
",
    );
    let says = |flags: &str| {
        let (code, said) = room.execute("east west", flags);
        assert_eq!(code, Some(0), "{said}");
        said.contains("no command is run: each ends as its step says")
    };
    assert!(says("--simulate --dry-run") && says("--simulate --yes"));
    assert!(!says("--dry-run"));
}
