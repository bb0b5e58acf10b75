//! What is shown and what is sent, whole and in order.

use super::Desk;
use snapbox::{assert_data_eq, file};

/// What the simulated cloud was asked to change, in order: the method, where, and the answer's status.
fn changes(desk: &Desk) -> Vec<String> {
    let log = std::fs::read_to_string(desk.last_run().join("world/requests.log")).unwrap();
    let change = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (method, place, status) = (words.next()?, words.next()?, words.next()?);
        let is_read = method == "GET" || place.ends_with("/list") || place.ends_with("/token");
        let place = place.rsplit_once("/providers/Microsoft.").map_or(place, |(_, place)| place);
        (!is_read).then(|| format!("{method} {place} {status}"))
    };
    log.lines().filter_map(change).collect()
}

#[test]
fn a_plan_is_shown_whole_without_asking_any_cloud() {
    let desk = Desk::new();
    let mut command = desk.command("plan eastus westus");
    let output = command.env("COLUMNS", "100").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_data_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_data_eq!(String::from_utf8(output.stdout).unwrap(), file!["plan.txt"]);
}

#[test]
fn a_failover_sends_these_changes_in_this_order() {
    let desk = Desk::new();
    let called = desk.call("execute eastus westus --simulate --yes");
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let (profile, server) =
        ("trafficManagerProfiles/tm-proseware", "DBforPostgreSQL/flexibleServers");
    let endpoint = format!("PATCH Network/{profile}/azureEndpoints/primary-region 200");
    let stage = format!("PATCH Network/{profile} 200");
    let read_only = "configurations/default_transaction_read_only";
    let expected = [
        "PUT Web/serverfarms/plan-proseware-maintenance 200",
        "PUT Web/sites/app-proseware-maintenance 202",
        "POST app-proseware-maintenance.scm.azurewebsites.net/api/publish 202",
        &endpoint,
        "POST Web/sites/app-proseware-eastus/stop 200",
        &format!("PATCH {server}/pg-proseware-eastus/{read_only} 202"),
        &format!("POST {server}/pg-proseware-eastus/restart 202"),
        "POST Storage/storageAccounts/stproseware/failover 202",
        "PUT Web/sites/app-proseware-westus/config/appsettings 200",
        &format!("PATCH {server}/pg-proseware-westus 202"),
        "POST Web/sites/app-proseware-westus/start 200",
        &stage,
        &stage,
        &stage,
        &stage,
        &stage,
        &stage,
    ];
    assert_eq!(changes(&desk), expected);
}

#[test]
fn a_dry_run_against_a_served_cloud_sends_reads_only() {
    use std::io::{BufRead, BufReader};
    let desk = Desk::new();
    let mut simulate = desk.command("simulate eastus westus");
    simulate.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut served = simulate.spawn().unwrap();
    let mut address = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let dry = desk.call(&format!("execute eastus westus --dry-run --azure-endpoint {address}"));
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.trim_end().ends_with("nothing was changed"), "{}", dry.stdout);
    let told: Vec<_> =
        BufReader::new(served.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    let requests = |sign: &str| told.iter().filter(|line| line.contains(sign)).count();
    assert!(requests("Z · ") > 20, "{told:#?}");
    assert_eq!(requests("Z ~ "), 0, "{told:#?}");
}
