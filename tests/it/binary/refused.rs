//! What is refused: with a reason, an exit code, and what to do next.

use super::{Called, Desk, accepted, short};
use failover::plan::Plan;
use std::time::Duration;

const RUN: &str = "execute eastus westus --simulate --yes";

#[test]
fn a_run_that_must_ask_refuses_to_start_where_nobody_can_answer() {
    let called = Desk::new().call("execute eastus westus --simulate");
    assert_eq!(called.code, Some(2));
    let expected = "\
SIMULATED error: this run may have to ask, and there is no terminal to ask at; nothing was changed
SIMULATED hint: approve beforehand with --yes, or run it at a terminal
";
    assert!(called.stderr.ends_with(expected), "{}", called.stderr);
}

#[test]
fn a_loss_that_was_not_accepted_stops_before_anything_harmful() {
    let desk = Desk::new();
    let called = desk.call("execute eastus westus --simulate --yes --accept-loss 1m");
    assert_eq!(called.code, Some(4), "{}", called.stderr);
    assert!(called.stderr.contains("of data would be lost, and --yes accepts 1 min"));
    assert_eq!(desk.runs().len(), 0);
}

#[test]
fn a_second_run_under_the_lock_is_told_who_holds_it() {
    let desk = Desk::new();
    let mut first = desk.start("execute eastus westus --simulate --yes --pace 60");
    let begun = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        !desk.runs().is_empty()
    });
    assert!(begun);
    std::thread::sleep(Duration::from_millis(300));
    let second = desk.call("execute eastus westus --simulate --yes");
    let run = short(&desk.runs()[0]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, Some(7), "{}", second.stderr);
    assert!(second.stderr.contains("error: another run holds the lock on `proseware`"));
    assert!(second.stderr.contains(&format!("run {run}, by asha on")), "{}", second.stderr);
}

#[test]
fn a_damaged_journal_is_refused_by_its_line_and_a_torn_end_is_not() {
    let desk = Desk::new();
    desk.call("execute eastus westus --simulate --yes --outage region");
    let journal = desk.last_run().join("journal.jsonl");
    let whole = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, whole.replacen("asha", "Asha", 1)).unwrap();
    let damaged = desk.call("resume --yes");
    assert_eq!(damaged.code, Some(8), "{}", damaged.stderr);
    assert!(damaged.stderr.contains("line 1 of the journal is damaged"), "{}", damaged.stderr);
    std::fs::write(&journal, &whole[..whole.len() - 9]).unwrap();
    let torn = desk.call("resume --yes --outage none");
    assert_eq!(torn.code, Some(0), "{}", torn.stderr);
}

#[test]
fn a_plan_that_was_edited_is_not_gone_on_with() {
    let desk = Desk::new();
    desk.call("execute eastus westus --simulate --yes --outage region");
    let path = desk.last_run().join("plan.json");
    let approved = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, approved.replacen("Put a maintenance page", "Put no page", 1)).unwrap();
    let edited = desk.call("resume --yes --outage none");
    assert_eq!(edited.code, Some(8), "{}", edited.stderr);
    assert!(edited.stderr.contains("not the one that was approved"), "{}", edited.stderr);
    let journal = std::fs::read_to_string(desk.last_run().join("journal.jsonl")).unwrap();
    let opening = journal.lines().next().unwrap();
    assert!(opening.contains(&Plan::digest(approved.as_bytes())), "{opening}");
    std::fs::write(&path, approved).unwrap();
    let resumed = desk.call("resume --yes --outage none");
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
}

#[test]
fn a_live_run_without_credentials_says_how_to_sign_in() {
    let desk = Desk::new();
    let called = desk.call("execute eastus westus --yes");
    assert_eq!(called.code, Some(3), "{}", called.stderr);
    assert!(called.stderr.contains("AZURE_SUBSCRIPTION_ID"), "{}", called.stderr);
}

#[test]
fn who_cannot_sign_in_is_told_before_anything_else() {
    let desk = Desk::new();
    for way in ["", "--azure-credential workload", "--azure-endpoint http://127.0.0.1:9"] {
        let mut command = desk.command(&format!("execute eastus westus --yes {way}"));
        let output = command.env("AZURE_SUBSCRIPTION_ID", "s").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{way}\n{stderr}");
        assert!(stderr.contains("error: cannot sign in as"), "{way}\n{stderr}");
        assert!(stderr.contains("nothing was changed"), "{stderr}");
    }
    let runs = std::fs::read_dir(desk.state().join("failover/live/runs"));
    assert_eq!(runs.map_or(0, Iterator::count), 0);
}

#[test]
fn words_that_mean_nothing_are_refused_with_what_was_meant() {
    let desk = Desk::new();
    for (arguments, code, says) in [
        ("execute eastus westsu --simulate --yes", 2, "did you mean `westus`?"),
        ("execute eastus eastus --simulate --yes", 3, "cannot fail over to itself"),
        ("execute eastus westus --runbook nowhere.yaml", 2, "nowhere.yaml"),
        ("execute eastus westus --runbook runbooks", 2, "runbooks"),
        ("status beef", 2, "beef"),
        ("frobnicate", 2, "frobnicate"),
    ] {
        let called = desk.call(arguments);
        assert!(called.stderr.contains(says), "{arguments}\n{}", called.stderr);
        assert_eq!(called.code, Some(code), "{arguments}\n{}", called.stderr);
    }
}

#[test]
fn a_step_that_is_said_to_be_done_is_looked_at() {
    let desk = Desk::new();
    let failed = desk.with_fault(RUN, "POST /failover?=409");
    assert_eq!(failed.code, Some(6), "{}", failed.stderr);
    let run = short(&desk.last_run());
    let done = ["resume", &run, "--done", "storage", "--note", "by hand", "--yes"];
    let refused = desk.call_with(&done);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let what = "step `storage` is not done; nothing was changed";
    assert!(refused.stderr.contains(what), "{}", refused.stderr);
    let cause = "the cloud shows that this is missing: fail stproseware over to westus";
    assert!(refused.stderr.contains(cause), "{}", refused.stderr);
    let resumed = desk.call(&format!("resume {run} --yes"));
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(accepted(&desk.last_run(), "/stproseware/failover"), 1);
}

#[test]
fn of_several_runs_none_is_meant_more_than_another() {
    let desk = Desk::new();
    for _ in 0..2 {
        let failed = desk.with_fault(RUN, "POST /failover?=409");
        assert_eq!(failed.code, Some(6), "{}", failed.stderr);
    }
    let unnamed = desk.call("resume --yes");
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    let what = "several runs can be gone on with: say which is meant";
    assert!(unnamed.stderr.contains(what), "{}", unnamed.stderr);
    for run in desk.runs() {
        assert!(unnamed.stderr.contains(&short(&run)), "{}", unnamed.stderr);
    }
}

#[test]
fn a_planned_run_whose_region_is_gone_names_the_mode_for_that() {
    let desk = Desk::new();
    let refused = desk.call(&format!("{RUN} --mode planned --outage region"));
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let command = "failover execute eastus westus --runbook runbooks/proseware.yaml --mode unplanned \
                   --simulate";
    assert!(refused.stderr.contains(command), "{}", refused.stderr);
    assert!(!refused.stderr.contains("reprotect"), "{}", refused.stderr);
}

const LOST: &str = "tests/it/binary/lost.yaml";

#[test]
fn a_run_that_needs_the_region_that_it_presumes_lost_is_not_begun() {
    let desk = Desk::new();
    let way = format!("eastus westus --runbook {LOST}");
    let refusal = |mark: &str, world: &str| {
        format!(
            "\
{mark}error: this run presumes eastus lost, and cannot do without it; nothing was changed
{mark}caused by: step `look` (http.check) needs eastus data, presumed lost
{mark}caused by: step `stop` (azure.app_service.stop) needs eastus control, presumed lost
{mark}hint: if eastus still answers, drain it
{mark}      failover execute eastus westus --runbook {LOST} --mode planned{world}
{mark}hint: if a step can wait until eastus is back, give it `on_failure: owe` in {LOST}
{mark}hint: if it can be done without, say why there: `waive: …`
"
        )
    };
    // Nobody could sign in here: no cloud is asked before this is known.
    for (arguments, mark, world) in [
        (format!("execute {way} --yes"), "", ""),
        (format!("execute {way} --dry-run --format json"), "", ""),
        (format!("execute {way} --simulate --yes"), "SIMULATED ", " --simulate"),
        (format!("execute {way} --simulate"), "SIMULATED ", " --simulate"),
        (format!("plan {way}"), "", ""),
    ] {
        let refused = desk.call(&arguments);
        assert_eq!(refused.code, Some(4), "{arguments}\n{}", refused.stderr);
        assert_eq!(refused.stderr, refusal(mark, world), "{arguments}");
        let is_shown = refused.stdout.contains("eastus is presumed lost: the run will not begin");
        assert_eq!(is_shown, arguments.starts_with("plan"), "{}", refused.stdout);
    }
    let invalid = desk.call(&format!("validate {LOST}"));
    assert_eq!(invalid.code, Some(3), "{}", invalid.stderr);
    for step in ["look", "stop"] {
        let says =
            format!("error: an unplanned run presumes lost what step `{step}` needs: eastus");
        assert!(invalid.stderr.contains(&says), "{}", invalid.stderr);
    }
    assert_eq!(desk.runs().len(), 0);
    let planned = desk.call(&format!("execute {way} --simulate --yes --mode planned"));
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
}

#[test]
fn a_run_that_waives_what_is_presumed_lost_is_begun_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waived.yaml");
    let text = std::fs::read_to_string(LOST).unwrap();
    let text = text
        .replace("on_failure: ask", "waive: the page is a copy")
        .replace("from.app }}\" }\n", "from.app }}\" }\n    waive: its plan is in two regions\n");
    std::fs::write(&path, text).unwrap();
    let desk = Desk::new();
    let path = path.to_str().unwrap();
    let way = format!("eastus westus --runbook {path} --simulate --outage none");
    assert_eq!(desk.call(&format!("validate {path}")).code, Some(0));
    let dry = desk.call(&format!("execute {way} --dry-run"));
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    let says = "needs eastus control, presumed lost; waived: its plan is in two regions";
    assert!(dry.stdout.contains(says), "{}", dry.stdout);
    let done = desk.call(&format!("execute {way} --yes"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = std::fs::read_to_string(desk.last_run().join("report.md")).unwrap();
    for row in [
        "| `look` | eastus data | the page is a copy |",
        "| `stop` | eastus control | its plan is in two regions |",
    ] {
        assert!(report.contains(row), "{report}");
    }
}

#[test]
fn without_a_home_no_folder_is_guessed() {
    let desk = Desk::new();
    let mut command = desk.command("runs");
    let called = Called::from(command.env_remove("XDG_STATE_HOME").output().unwrap());
    assert_eq!(called.code, Some(2), "{}", called.stdout);
    let hint = "name a folder with --state DIR, the same one each time";
    assert!(called.stderr.contains(hint), "{}", called.stderr);
}

#[test]
fn a_folder_without_runbooks_passes_nothing() {
    let desk = Desk::new();
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("runbooks")).unwrap();
    for arguments in ["validate", "plan eastus westus"] {
        let output = desk.command(arguments).current_dir(empty.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let expected = "\
error: there is no runbook in ./runbooks
hint: a runbook is a file there whose name ends in `.yaml` or `.yml`
";
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected, "{arguments}");
    }
}

#[test]
fn what_only_an_action_knows_of_its_parameters_is_told_by_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let runbook = folder.path().join("runbook.yaml");
    let text = "failover: 1
runbook: wrong
summary: Names that cannot be
default_mode: planned
lock: wrong
regions: { east: { db: db-east, web: web }, west: { db: 'db-west.example.com', web: shop/web } }
steps:
  - { id: port, action: tcp.check, with: { server: '${{ to.db }}' } }
  - { id: pods, action: kubernetes.scale, with: { deployment: '${{ to.web }}', replicas: 2 } }
";
    std::fs::write(&runbook, text).unwrap();
    let desk = Desk::new();
    for call in ["plan", "execute --simulate --yes"] {
        let (verb, flags) = call.split_once(' ').unwrap_or((call, ""));
        let runbook = runbook.display();
        let called = desk.call(&format!("{verb} east west --runbook {runbook} {flags}"));
        assert_eq!(called.code, Some(3), "{}", called.stderr);
        for expected in [
            "`db-west.example.com` names no port",
            "`deployment` must be CONTEXT/NAMESPACE/NAME, not `shop/web`",
            ":8:",
            ":9:",
        ] {
            assert!(called.stderr.contains(expected), "{expected}\n{}", called.stderr);
        }
    }
    assert_eq!(desk.runs().len(), 0);
}
