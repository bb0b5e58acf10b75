//! PostgreSQL servers: roles, parameters, and one operation at a time.

use super::*;

const EAST: &str = "Microsoft.DBforPostgreSQL/flexibleServers/pg-east";
const WEST: &str = "Microsoft.DBforPostgreSQL/flexibleServers/pg-west";
const VERSION: &str = "?api-version=2024-08-01";

fn role(client: &mut Client, server: &str) -> String {
    let shown = client.get(&format!("{server}{VERSION}"));
    assert_eq!(shown["properties"]["state"], "Ready");
    shown["properties"]["replica"]["role"].as_str().unwrap().to_owned()
}

fn promotion(mode: &str, option: &str) -> Value {
    json!({ "properties": { "replica": { "promoteMode": mode, "promoteOption": option } } })
}

#[test]
fn a_forced_switchover_swaps_the_roles_while_the_primary_is_out() {
    let mut client = Client::new(Outage::Data);
    let west = format!("{WEST}{VERSION}");
    let accepted = client.change(Method::PATCH, &west, &promotion("switchover", "forced"));
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert_eq!(json_of(&accepted)["operation"], "ReadReplicaSiteSwapManagementOperation");
    assert_eq!(header(&accepted, "retry-after"), "");
    let status = header(&accepted, "azure-asyncoperation").to_owned();
    assert!(status.contains("/locations/West%20US/azureAsyncOperation/"), "{status}");
    assert_eq!(json_of(&client.get_url(&status))["status"], "InProgress");

    let again = client.wait("1m").change(Method::PATCH, &west, &promotion("switchover", "forced"));
    assert_eq!((again.status().as_u16(), code_of(&again)), (409, "ServerIsBusy".into()));
    let other = format!("{EAST}/restart{VERSION}");
    assert_eq!(code_of(&client.arm(Method::POST, &other, "")), "ServerIsBusy");

    client.wait("6m");
    assert_eq!(json_of(&client.get_url(&status))["status"], "Succeeded");
    assert_eq!(role(&mut client, WEST), "Primary");
    assert_eq!(role(&mut client, EAST), "GeoAsyncReplica");
    let replicas = client.get(&format!("{WEST}/replicas{VERSION}"));
    assert_eq!(replicas["value"][0]["properties"]["replica"]["replicationState"], "Reconfiguring");
    let endpoints = client.get(&format!("{WEST}/virtualendpoints{VERSION}"));
    assert_eq!(endpoints["value"][0]["properties"]["members"], json!(["pg-east"]));
    let through = client.arm(Method::GET, &format!("{EAST}/virtualendpoints{VERSION}"), "");
    assert_eq!(through.status(), StatusCode::BAD_REQUEST);

    let now = client.now;
    client.world.set_outage(Outage::None, "eastus", now).unwrap();
    let replicas = client.wait("4m").get(&format!("{WEST}/replicas{VERSION}"));
    assert_eq!(replicas["value"][0]["properties"]["replica"]["replicationState"], "Active");
}

#[test]
fn a_planned_switchover_fails_when_the_primary_cannot_be_drained() {
    let mut client = Client::new(Outage::Data);
    let west = format!("{WEST}{VERSION}");
    let accepted = client.change(Method::PATCH, &west, &promotion("switchover", "planned"));
    let status = header(&accepted, "azure-asyncoperation").to_owned();
    let ended = json_of(&client.wait("7m").get_url(&status));
    assert_eq!(ended["status"], "Failed");
    assert!(ended["error"]["code"].is_string());
    assert_eq!(role(&mut client, WEST), "GeoAsyncReplica");
}

#[test]
fn a_switchover_needs_a_virtual_endpoint_and_equal_servers() {
    let mut client = Client::new(Outage::None);
    let west = format!("{WEST}{VERSION}");
    let parameter = format!("{EAST}/configurations/max_connections{VERSION}");
    let value = json!({ "properties": { "value": "500", "source": "user-override" } });
    assert_eq!(client.change(Method::PATCH, &parameter, &value).status(), StatusCode::ACCEPTED);
    client.wait("1m");
    let refused = client.change(Method::PATCH, &west, &promotion("switchover", "forced"));
    assert!(String::from_utf8_lossy(refused.body()).contains("max_connections"));

    let endpoint = format!("{EAST}/virtualendpoints/ve-pg-east{VERSION}");
    assert_eq!(client.arm(Method::DELETE, &endpoint, "").status(), StatusCode::ACCEPTED);
    client.wait("2m");
    let refused = client.change(Method::PATCH, &west, &promotion("switchover", "planned"));
    assert!(String::from_utf8_lossy(refused.body()).contains("virtual endpoint"));
}

#[test]
fn newer_versions_want_the_primary_named() {
    let mut client = Client::new(Outage::None);
    let west = format!("{WEST}?api-version=2026-10-01");
    let refused = client.change(Method::PATCH, &west, &promotion("Switchover", "Planned"));
    assert_eq!(code_of(&refused), "MissingRequiredParameter");
    let mut body = promotion("Switchover", "Planned");
    body["properties"]["sourceServerResourceId"] = json!(format!("{GROUP}/{EAST}"));
    assert_eq!(client.change(Method::PATCH, &west, &body).status(), StatusCode::ACCEPTED);
}

#[test]
fn a_standalone_promotion_leaves_two_servers_and_a_new_replica_takes_a_while() {
    let mut client = Client::new(Outage::None);
    let west = format!("{WEST}{VERSION}");
    client.change(Method::PATCH, &west, &promotion("standalone", "forced"));
    client.wait("6m");
    assert_eq!(role(&mut client, WEST), "None");
    assert_eq!(role(&mut client, EAST), "Primary");

    let replica = json!({
        "location": "East US",
        "properties": { "createMode": "Replica", "sourceServerResourceId": format!("{GROUP}/{WEST}") },
    });
    let east = format!("{EAST}{VERSION}");
    assert_eq!(client.change(Method::PUT, &east, &replica).status(), StatusCode::CONFLICT);
    client.arm(Method::DELETE, &east, "");
    client.wait("2m");
    assert_eq!(client.change(Method::PUT, &east, &replica).status(), StatusCode::ACCEPTED);
    let state = |client: &mut Client| {
        let all = client.get(&format!("{WEST}/replicas{VERSION}"));
        all["value"][0]["properties"]["replica"]["replicationState"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&mut client), "Provisioning");
    client.wait("29m");
    assert_eq!(state(&mut client), "Active");
}

#[test]
fn the_lag_of_a_replica_is_two_minutes_old() {
    let mut client = Client::new(Outage::Data);
    client.wait("10m");
    let metric = "physical_replication_delay_in_seconds";
    let span = "2026-11-20T10:00:00Z/2026-11-20T10:10:00Z";
    let path = format!(
        "{WEST}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&metricnames={metric}&timespan={span}&interval=PT1M&aggregation=Maximum"
    );
    let answer = client.get(&path);
    let points = answer["value"][0]["timeseries"][0]["data"].as_array().unwrap();
    let known: Vec<_> = points.iter().filter_map(|point| point["maximum"].as_f64()).collect();
    assert_eq!((points.len(), known.len()), (10, 9));
    assert!(known[8] > 400.0, "{known:?}");
}

fn high_availability(client: &mut Client, server: &str) -> Value {
    client.get(&format!("{server}{VERSION}"))["properties"]["highAvailability"]["mode"].clone()
}

#[test]
fn high_availability_is_a_primarys_and_ends_with_its_role() {
    let mut client = Client::new(Outage::None);
    let (east, west) = (format!("{EAST}{VERSION}"), format!("{WEST}{VERSION}"));
    let on = json!({ "properties": { "highAvailability": { "mode": "ZoneRedundant" } } });
    let refused = client.change(Method::PATCH, &west, &on);
    assert_eq!(code_of(&refused), "OperationNotAllowed", "a replica has none");
    assert_eq!(client.change(Method::PATCH, &east, &on).status(), StatusCode::ACCEPTED);
    client.wait("11m");
    assert_eq!(high_availability(&mut client, EAST), "ZoneRedundant");
    client.change(Method::PATCH, &west, &promotion("switchover", "planned"));
    client.wait("10m");
    assert_eq!(role(&mut client, WEST), "Primary");
    assert_eq!(high_availability(&mut client, EAST), "Disabled");
    assert_eq!(high_availability(&mut client, WEST), "Disabled");
}

#[test]
fn a_server_has_five_replicas_at_most() {
    let mut client = Client::new(Outage::None);
    let replica = json!({
        "location": "eastus",
        "properties": {
            "createMode": "Replica",
            "sourceServerResourceId": format!("{GROUP}/{EAST}"),
            "network": { "publicNetworkAccess": "Disabled" },
        },
    });
    let path = |number: u32| format!("{EAST}-{number}{VERSION}");
    for number in 2..=5 {
        let made = client.change(Method::PUT, &path(number), &replica);
        assert_eq!(made.status(), StatusCode::ACCEPTED, "{number}");
        client.wait("26m");
    }
    let refused = client.change(Method::PUT, &path(6), &replica);
    assert_eq!(code_of(&refused), "OperationNotAllowed");
    let made = client.get(&path(2));
    assert_eq!(made["properties"]["network"]["publicNetworkAccess"], "Disabled");
}
