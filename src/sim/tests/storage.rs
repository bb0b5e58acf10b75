//! Storage failovers, and the front door that all services share.

use super::*;

const READ: &str = "Microsoft.Storage/storageAccounts/stproseware?api-version=2023-05-01&$expand=geoReplicationStats";
const FAILOVER: &str =
    "Microsoft.Storage/storageAccounts/stproseware/failover?api-version=2023-05-01";

#[test]
fn an_unplanned_failover_swaps_regions_and_leaves_one_copy() {
    let mut client = Client::new(Outage::Data);
    let before = &client.get(READ)["properties"];
    assert_eq!(before["primaryLocation"], "eastus");
    assert_eq!(before["geoReplicationStats"]["lastSyncTime"], "2026-11-20T09:56:00Z");
    assert_eq!(before["geoReplicationStats"]["canFailover"], true);
    assert_eq!(before["geoReplicationStats"]["canPlannedFailover"], false);

    let accepted = client.arm(Method::POST, FAILOVER, "");
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert!(accepted.body().is_empty());
    let location = header(&accepted, "location").to_owned();
    assert!(location.len() > 4_000, "{}", location.len());

    let during = &client.wait("50m").get(READ)["properties"];
    assert_eq!(during["failoverInProgress"], true);
    assert_eq!(client.get_url(&location).status(), StatusCode::ACCEPTED);
    assert_eq!(
        code_of(&client.arm(Method::POST, FAILOVER, "")),
        "StorageAccountOperationInProgress"
    );

    let after = client.wait("20m").get(READ);
    assert_eq!(client.get_url(&location).status(), StatusCode::OK);
    assert_eq!(after["sku"]["name"], "Standard_LRS");
    assert_eq!(after["location"], "eastus");
    assert_eq!(after["properties"]["primaryLocation"], "westus");
    assert_eq!(after["properties"]["secondaryLocation"], Value::Null);
    assert_eq!(after["properties"]["failoverInProgress"], Value::Null);

    assert_eq!(client.wait("25h").get_url(&location).status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_planned_failover_keeps_its_redundancy() {
    let mut client = Client::new(Outage::None);
    let planned = format!("{FAILOVER}&failoverType=Planned");
    assert_eq!(client.arm(Method::POST, &planned, "").status(), StatusCode::ACCEPTED);
    let after = client.wait("70m").get(READ);
    assert_eq!(after["sku"]["name"], "Standard_RAGRS");
    assert_eq!(after["properties"]["primaryLocation"], "westus");
    assert_eq!(after["properties"]["geoReplicationStats"]["canPlannedFailover"], true);
}

#[test]
fn redundancy_comes_back_slowly_after_it_is_asked_for() {
    let mut client = Client::new(Outage::None);
    client.arm(Method::POST, FAILOVER, "");
    let account = format!("{STORAGE}?api-version=2023-05-01");
    let body = json!({ "sku": { "name": "Standard_RAGRS" } });
    assert_eq!(client.change(Method::PATCH, &account, &body).status(), StatusCode::CONFLICT);
    client.wait("70m");
    assert_eq!(client.change(Method::PATCH, &account, &body).status(), StatusCode::OK);
    let mut seen = |length| {
        let stats = client.wait(length).get(READ)["properties"]["geoReplicationStats"].clone();
        (stats["status"].as_str().unwrap().to_owned(), stats["canFailover"] == true)
    };
    assert_eq!(seen("1s"), ("Unavailable".to_owned(), false));
    assert_eq!(seen("1m"), ("Bootstrap".to_owned(), false));
    assert_eq!(seen("20m"), ("Live".to_owned(), true));
}

#[test]
fn what_is_looked_for_where_nothing_is_says_so() {
    let mut client = Client::new(Outage::None);
    let mut code = |path: &str| {
        let url = format!("https://management.azure.com{path}?api-version=2023-05-01");
        let answer = client.get_url(&url);
        (answer.status().as_u16(), code_of(&answer))
    };
    let account = |group: &str, name: &str| {
        format!(
            "/subscriptions/sub-1/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}"
        )
    };
    assert_eq!(code("/subscriptions/sub-1/resourceGroups/RG-Proseware").0, 200);
    assert_eq!(code(&account("rg-proseware", "stother")), (404, "ResourceNotFound".into()));
    assert_eq!(code(&account("rg-other", "stproseware")), (404, "ResourceGroupNotFound".into()));
    let elsewhere = account("rg-proseware", "stproseware").replace("sub-1", "sub-2");
    assert_eq!(code(&elsewhere), (404, "SubscriptionNotFound".into()));
}

#[test]
fn who_may_not_ask_about_operations_is_told_so() {
    let mut client = Client::new(Outage::None);
    let accepted = client.arm(Method::POST, FAILOVER, "");
    let location = header(&accepted, "location").to_owned();
    client.world.cloud_mut().deny("Microsoft.Storage/locations/*/read");
    assert_eq!(code_of(&client.get_url(&location)), "AuthorizationFailed");
}

#[test]
fn between_one_zone_and_several_leads_no_change_of_sku() {
    let mut client = Client::new(Outage::None);
    let account = format!("{STORAGE}?api-version=2023-05-01");
    for (sku, status) in [("Standard_GRS", 200), ("Standard_GZRS", 409), ("Standard_ZRS", 400)] {
        let body = json!({ "sku": { "name": sku } });
        assert_eq!(client.change(Method::PATCH, &account, &body).status(), status, "{sku}");
    }
}

#[test]
fn an_altered_address_of_an_operation_is_refused() {
    let mut client = Client::new(Outage::None);
    let accepted = client.arm(Method::POST, FAILOVER, "");
    let location = header(&accepted, "location");
    let altered = location.replace("&h=", "&h=A");
    assert_eq!(client.get_url(&altered).status(), StatusCode::FORBIDDEN);
}

#[test]
fn requests_without_a_version_or_a_token_are_refused() {
    let mut client = Client::new(Outage::None);
    let bare = client.arm(Method::GET, STORAGE, "");
    assert_eq!(
        (bare.status().as_u16(), code_of(&bare)),
        (400, "MissingApiVersionParameter".into())
    );
    let old = client.arm(Method::GET, &format!("{STORAGE}?api-version=2010-01-01"), "");
    assert_eq!(code_of(&old), "InvalidApiVersionParameter");
    client.token = client.world.cloud().issue_token(start());
    let late = client.wait("2h").arm(Method::GET, READ, "");
    assert_eq!(
        (late.status().as_u16(), code_of(&late)),
        (401, "ExpiredAuthenticationToken".into())
    );
    assert!(header(&late, "www-authenticate").contains("invalid_token"));
    client.token = "no.such.token".to_owned();
    assert_eq!(code_of(&client.arm(Method::GET, READ, "")), "InvalidAuthenticationToken");
}

#[test]
fn paths_are_read_without_case_and_ids_come_in_the_services_own() {
    let mut client = Client::new(Outage::None);
    let url = format!("https://management.azure.com{GROUP}/{STORAGE}").to_ascii_lowercase();
    let response = client.get_url(&format!("{url}?api-version=2026-09-01"));
    assert_eq!(json_of(&response)["id"], format!("{GROUP}/{STORAGE}"));
    assert_eq!(header(&response, "x-ms-ratelimit-remaining-subscription-reads"), "249");
}

#[test]
fn a_burst_of_reads_is_throttled_and_recovers() {
    let mut client = Client::new(Outage::None);
    let statuses: Vec<_> = (0..251).map(|_| client.arm(Method::GET, READ, "")).collect();
    let last = statuses.last().unwrap();
    assert_eq!((last.status().as_u16(), header(last, "retry-after")), (429, "1"));
    client.wait("1s").get(READ);
}

#[test]
fn what_is_denied_or_locked_is_refused_and_shown() {
    let mut client = Client::new(Outage::None);
    client.world.cloud_mut().deny("Microsoft.Storage/*/failover/action");
    assert_eq!(code_of(&client.arm(Method::POST, FAILOVER, "")), "AuthorizationFailed");
    let permissions = client.get(&format!(
        "{STORAGE}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    ));
    let denied = &permissions["value"][0]["notActions"][0];
    assert_eq!(denied, "Microsoft.Storage/*/failover/action");

    let mut client = Client::new(Outage::None);
    client.world.cloud_mut().lock("/subscriptions/sub-1/resourceGroups/RG-PROSEWARE", "ReadOnly");
    assert_eq!(code_of(&client.arm(Method::POST, FAILOVER, "")), "ScopeLocked");
    let locks = "https://management.azure.com/subscriptions/sub-1/providers/Microsoft.Authorization/locks?api-version=2020-05-01";
    assert_eq!(json_of(&client.get_url(locks))["value"][0]["properties"]["level"], "ReadOnly");
}

#[test]
fn a_world_that_is_opened_again_is_the_one_that_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::seeded(&plan(), Outage::Data, start());
    let mut client = Client::of(World::create(folder.path(), cloud).unwrap());
    client.wait("3s").arm(Method::POST, FAILOVER, "");
    client.wait("10m").get(READ);
    let now = client.now;
    client.world.set_outage(Outage::None, "eastus", now).unwrap();
    client.wait("60m").get(READ);
    let left = serde_json::to_value(client.world.cloud()).unwrap();

    // The process died while it wrote a line: that change was never answered.
    let ledger = folder.path().join("ledger.jsonl");
    let whole = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, format!("{whole}{{\"kind\":\"cha")).unwrap();
    let mut opened = World::open(folder.path()).unwrap();
    assert_eq!(std::fs::read_to_string(&ledger).unwrap(), whole);
    opened.cloud_mut().advance(client.now);
    assert_eq!(serde_json::to_value(opened.cloud()).unwrap(), left);
}
