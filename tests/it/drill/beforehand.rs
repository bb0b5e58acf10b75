//! What preflight finds in Azure before anything is done, so that no run begins that could not end.

use super::{
    by_hand::ask,
    faults::{MODES, proseware},
    run::Drill,
};
use crate::core::run::in_virtual_time;
use failover::{
    action::Weight,
    engine::{Ending, Preflight},
    model::Mode,
    plan::Step,
    sim::Outage,
};
use serde_json::{Value, json};
use std::time::Duration;

/// What is found of this weight, with the step that it was found for.
fn found(preflight: &Preflight, weight: Weight) -> Vec<String> {
    let is_meant = |finding: &failover::action::Finding| finding.weight == weight;
    let all = preflight.findings().filter(|(_, finding)| is_meant(finding));
    all.map(|(step, finding)| format!("{step}: {}", finding.says)).collect()
}

#[test]
fn a_resource_group_that_is_not_there_is_told_from_what_would_be_in_it() {
    for (group, steps) in [
        ("rg-proseware-maintenance", &["page", "remove-page"][..]),
        ("rg-proseware", &["storage", "promote", "fence", "shift"][..]),
    ] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(Mode::Planned), Outage::None);
            drill.cloud.with_world(|world| world.cloud_mut().lose_group(group));
            let blockers = found(&drill.preflight().await, Weight::Blocker);
            for step in steps {
                let says =
                    format!("{step}: there is no resource group `{group}` in the subscription");
                assert!(blockers.iter().any(|one| one.starts_with(&says)), "{says}: {blockers:#?}");
            }
            assert_eq!(drill.breaches(), [""; 0]);
        });
    }
}

const VERSION: &str = "?api-version=2024-08-01";

/// Sets a parameter of a server, as somebody at a portal does.
async fn set(drill: &Drill, server: &str, parameter: &str, value: &str) {
    let what = format!("PATCH /configurations/{parameter}{VERSION}");
    let body = json!({ "properties": { "value": value, "source": "user-override" } });
    ask(&drill.cloud, &drill.plan, server, &what, &body);
    drill.clock.sleep(Duration::from_mins(1)).await;
}

fn says(all: &[String], step: &str, part: &str) -> bool {
    all.iter().any(|one| one.starts_with(&format!("{step}: ")) && one.contains(part))
}

const EAST: &str = "pg-proseware-eastus";
const WEST: &str = "pg-proseware-westus";

#[test]
fn servers_that_azure_would_not_swap_are_found_unequal_beforehand() {
    for (mode, outage, weight) in [
        (Mode::Planned, Outage::None, Weight::Blocker),
        (Mode::Unplanned, Outage::None, Weight::Blocker),
        (Mode::Unplanned, Outage::Data, Weight::Warning),
    ] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(mode), outage);
            set(&drill, WEST, "max_connections", "500").await;
            set(&drill, EAST, "work_mem", "8192").await;
            let now = drill.preflight().await;
            assert_eq!(drill.breaches(), [""; 0]);
            let unequal = found(&now, weight);
            assert!(says(&unequal, "promote", "differ in max_connections"), "{mode}: {unequal:#?}");
            let warnings = found(&now, Weight::Warning);
            assert!(says(&warnings, "promote", "work_mem of"), "{mode}: {warnings:#?}");
            if !now.has_blockers() {
                assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            }
        });
    }
}

#[test]
fn a_server_that_is_stopped_becomes_no_primary() {
    for (mode, outage, server, is_forbidden) in [
        (Mode::Planned, Outage::None, WEST, true),
        (Mode::Unplanned, Outage::Data, WEST, true),
        (Mode::Planned, Outage::None, EAST, true),
        (Mode::Unplanned, Outage::Data, EAST, false),
    ] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(mode), outage);
            ask(&drill.cloud, &drill.plan, server, &format!("POST /stop{VERSION}"), &Value::Null);
            drill.clock.sleep(Duration::from_mins(2)).await;
            let now = drill.preflight().await;
            let weight = if is_forbidden { Weight::Blocker } else { Weight::Warning };
            let all = found(&now, weight);
            assert!(says(&all, "promote", &format!("`{server}` is Stopped")), "{mode}: {all:#?}");
            assert_eq!(now.has_blockers(), is_forbidden, "{mode} {server}: {now:?}");
        });
    }
}

#[test]
fn a_server_that_would_come_up_read_only_is_made_writable_before_it_is_promoted() {
    for (mode, outage) in MODES {
        in_virtual_time(async {
            let drill = Drill::new(proseware(mode), outage);
            set(&drill, WEST, "default_transaction_read_only", "on").await;
            assert!(!drill.preflight().await.has_blockers());
            let right = "Microsoft.DBforPostgreSQL/flexibleServers/configurations/write";
            drill.cloud.with_world(|world| world.cloud_mut().deny(right));
            let blockers = found(&drill.preflight().await, Weight::Blocker);
            assert!(says(&blockers, "promote", right), "{blockers:#?}");
            drill.cloud.with_world(|world| world.cloud_mut().allow_everything());

            // Its own health page writes a row.
            assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
            assert_eq!(drill.harm(), [1, 1], "{}", drill.story());
            assert_eq!(drill.breaches(), [""; 0]);
            let sent = drill.changes();
            let place = |end: &str| sent.iter().position(|one| one.ends_with(end)).unwrap();
            let writable = place(&format!("{WEST}/configurations/default_transaction_read_only"));
            assert!(writable < place(&format!("PATCH {}", server(&drill, WEST))), "{sent:#?}");
        });
    }
}

/// The path of a server.
fn server(drill: &Drill, name: &str) -> String {
    let mut touched = drill.plan.steps.iter().filter_map(Step::action).flat_map(|w| &w.touches);
    let it = touched.find(|resource| resource.name == name).unwrap();
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{}/{name}",
        it.subscription(),
        it.resource_group(),
        it.kind
    )
}

#[test]
fn what_a_promotion_ends_is_told_before_it_is_done() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(Mode::Planned), Outage::None);
        let on = json!({ "properties": { "highAvailability": { "mode": "ZoneRedundant" } } });
        ask(&drill.cloud, &drill.plan, EAST, &format!("PATCH {VERSION}"), &on);
        drill.clock.sleep(Duration::from_mins(11)).await;
        let warnings = found(&drill.preflight().await, Weight::Warning);
        assert!(says(&warnings, "promote", "has high availability"), "{warnings:#?}");
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        let after = found(&drill.preflight().await, Weight::Warning);
        assert!(!says(&after, "promote", "high availability"), "{after:#?}");
    });
}

#[test]
fn rights_that_only_polls_and_looks_need_are_looked_for_too() {
    for (right, step) in [
        ("Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read", "promote"),
        ("Microsoft.DBforPostgreSQL/flexibleServers/replicas/read", "promote"),
        ("Microsoft.DBforPostgreSQL/flexibleServers/virtualendpoints/read", "promote"),
        ("Microsoft.DBforPostgreSQL/flexibleServers/configurations/read", "fence"),
        ("Microsoft.Network/trafficManagerProfiles/read", "shift"),
        ("Microsoft.Network/trafficManagerProfiles/azureEndpoints/write", "cut-off"),
        ("Microsoft.Storage/storageAccounts/read", "storage"),
        ("Microsoft.Web/sites/start/action", "page"),
    ] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(Mode::Planned), Outage::None);
            drill.cloud.with_world(|world| world.cloud_mut().deny(right));
            let blockers = found(&drill.preflight().await, Weight::Blocker);
            let lacks = |one: &String| one.to_lowercase().contains(&right.to_lowercase());
            let blocked = blockers.iter().filter(|one| lacks(one));
            let prefix = format!("{step}: a rehearsal lacks ");
            assert!(blocked.clone().any(|one| one.starts_with(&prefix)), "{right}: {blockers:#?}");
        });
    }
}

#[test]
fn a_preflight_does_not_use_up_what_azure_allows() {
    in_virtual_time(async {
        let drill = Drill::new(proseware(Mode::Planned), Outage::None);
        drill.preflight().await;
        let log = drill.cloud.log();
        assert!(log.iter().all(|one| one.status.is_none_or(|status| status != 429)));
        assert!(log.len() < 250, "{} reads", log.len());
    });
}
