//! What people see of a run without sitting at its terminal: dry-runs, stops, statuses and reports.

use super::{Called, Desk, short};

const RUN: &str = "execute eastus westus --simulate --yes";
const DRY_RUN: &str = "execute eastus westus --simulate --dry-run";

/// Calls it on a terminal of this width, or with no width at all.
fn call_within(desk: &Desk, columns: Option<usize>, arguments: &str) -> Called {
    let mut command = desk.command(arguments);
    match columns {
        Some(columns) => command.env("COLUMNS", columns.to_string()),
        None => command.env_remove("COLUMNS"),
    };
    Called::from(command.stdin(std::process::Stdio::null()).output().unwrap())
}

/// Without the marks and the breaks between its lines.
fn in_one_line(text: &str) -> String {
    text.replace("\nSIMULATED", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_plan_fits_and_leaves_nothing_out() {
    let desk = Desk::new();
    for columns in [Some(60), Some(80), Some(100), None] {
        let shown = call_within(&desk, columns, DRY_RUN).stdout;
        assert!(!shown.contains('…'), "{shown}");
        let is_too_wide = |line: &&str| {
            let is_command = line.contains("failover execute");
            line.chars().count() > columns.unwrap_or(usize::MAX) && !is_command
        };
        assert_eq!(shown.lines().find(is_too_wide), None, "{columns:?}");
        for name in ["stproseware", "app-proseware-maintenance", "plan-proseware-maintenance"] {
            assert!(shown.contains(name), "{name}: {shown}");
        }
    }
}

#[test]
fn a_plan_predicts_only_from_what_was_seen_to_change() {
    let desk = Desk::new();
    let shown = desk.call(DRY_RUN).stdout;
    assert!(!shown.contains("predicted: step 2"), "{shown}");
    assert!(shown.contains("(predicted: step 5 changes this)"), "{shown}");
    assert!(shown.contains("11 steps, at least 17 changes, 2 that cannot be undone"), "{shown}");
    assert!(
        shown.contains("serves now: eastus (ready, cut-off, storage, promote and shift agree)")
    );
    assert!(shown.contains("what was written after"), "{shown}");
    assert!(shown.contains("preflight: 11 looks, "), "{shown}");
    let planned = desk.call(&format!("{DRY_RUN} --mode planned")).stdout;
    assert!(planned.contains("~ Take the fence down from what is a replica now"), "{planned}");
    assert!(planned.contains("(so now; predicted: step 13 changes this)"), "{planned}");
}

#[test]
fn whoever_presumes_a_region_lost_that_serves_its_users_is_warned() {
    let desk = Desk::new();
    let warns = "eastus answers its users (storefront 200 from eastus): `--mode planned` would lose no data";
    let well = in_one_line(&desk.call(&format!("{DRY_RUN} --outage none")).stdout);
    assert!(well.contains(warns), "{well}");
    for outage in ["data", "region"] {
        let lost = desk.call(&format!("{DRY_RUN} --outage {outage}")).stdout;
        assert!(!lost.contains("answers its users"), "{lost}");
    }
}

#[test]
fn a_yes_beforehand_to_less_than_is_lost_says_how_much_and_what_to_type() {
    let desk = Desk::new();
    let stopped = desk.call(&format!("{RUN} --accept-loss 6m"));
    assert_eq!(stopped.code, Some(6), "{}", stopped.stderr);
    let said = &in_one_line(&stopped.stderr);
    assert!(said.contains("of data would be lost at "), "{said}");
    assert!(said.contains("--yes accepts no more than --accept-loss names"), "{said}");
    assert!(said.contains(" --yes --accept-loss 1"), "{said}");
    assert!(!stopped.stdout.contains("Ctrl-C"), "{}", stopped.stdout);
    let status = desk.call("status").stdout;
    assert!(status.contains("not answered yet\n"), "{status}");
    let status = in_one_line(&status);
    assert!(status.contains(" --yes --accept-loss 1"), "{status}");
    assert!(status.contains("of data would be lost at "), "{status}");
    let resumed = desk.call("resume --yes --accept-loss 9h");
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
}

#[test]
fn users_who_are_not_back_when_a_run_is_ended_have_no_verdict_yet() {
    let desk = Desk::new();
    desk.call(&format!("{RUN} --accept-loss 6m"));
    let aborted = desk.call("resume --abort --yes");
    assert_eq!(aborted.code, Some(0), "{}", aborted.stderr);
    assert!(aborted.stdout.contains("of 2 h     not yet "), "{}", aborted.stdout);
    let report: serde_json::Value =
        serde_json::from_str(&desk.call("report --format json").stdout).unwrap();
    assert_eq!(report["recovery"]["verdict"], "not yet");
    assert_eq!(report["recovery"]["first_good_sample"], serde_json::Value::Null);
}

#[test]
fn what_was_left_out_and_what_is_left_to_do_is_told_everywhere() {
    let desk = Desk::new();
    desk.call(&format!("{RUN} --accept-loss 6m"));
    let run = short(&desk.last_run());
    let done = desk.call("resume --yes --accept-loss 9h --skip page --reason hurry");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let done = desk.call("resume --yes --accept-loss 9h --skip verify --reason hurry");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("left out       verify: hurry (asha)"), "{}", done.stdout);
    let status = desk.call(&format!("status {run}")).stdout;
    assert!(status.contains(" · verify     left out    hurry"), "{status}");
    assert!(status.contains("10 of 11 steps done; verify is left out: hurry"), "{status}");
    assert!(status.contains("in simulated time"), "{status}");
    let runbook = "runbooks/proseware-reprotect.yaml";
    let left =
        format!("failover execute eastus westus --runbook {runbook} --simulate --after {run}");
    assert!(status.contains("then:   once eastus is back"), "{status}");
    assert!(status.contains(&left), "{status}");
    let report: serde_json::Value =
        serde_json::from_str(&desk.call("report --format json").stdout).unwrap();
    assert_eq!(report["skipped"][0]["step"], "verify");
    assert_eq!(report["skipped"][0]["reason"], "hurry");
    assert_eq!(report["left_to_do"]["steps"][0]["step"], "verify");
    assert_eq!(report["left_to_do"]["afterwards"]["command"], left);
}
