//! Traffic Manager: its rules, its probes, and what users see.

use super::*;
use crate::sim::Sees;

const PROFILE: &str = "Microsoft.Network/trafficmanagerprofiles/tm-proseware";
const VERSION: &str = "?api-version=2022-04-01";
const PUBLIC: &str = "https://proseware.trafficmanager.net/health";

fn endpoint(client: &mut Client, name: &str, properties: &Value) -> Response {
    let path = format!("{PROFILE}/AzureEndpoints/{name}{VERSION}");
    client.change(Method::PATCH, &path, &json!({ "properties": properties }))
}

fn monitor(client: &mut Client, name: &str) -> String {
    let shown = client.get(&format!("{PROFILE}/AzureEndpoints/{name}{VERSION}"));
    shown["properties"]["endpointMonitorStatus"].as_str().unwrap().to_owned()
}

#[test]
fn a_profile_is_shown_with_escaped_slashes_and_its_computed_status() {
    let mut client = Client::new(Outage::None);
    let answer = client.arm(Method::GET, &format!("{PROFILE}{VERSION}"), "");
    assert!(String::from_utf8_lossy(answer.body()).contains("\\/subscriptions\\/sub-1"));
    let shown = json_of(&answer);
    assert_eq!(shown["properties"]["dnsConfig"]["fqdn"], "proseware.trafficmanager.net");
    assert_eq!(shown["properties"]["monitorConfig"]["profileMonitorStatus"], "Online");
    let endpoints = &shown["properties"]["endpoints"];
    assert_eq!(endpoints[0]["properties"]["target"], "app-east.azurewebsites.net");
    assert_eq!(endpoints[1]["properties"]["endpointStatus"], "Disabled");
}

#[test]
fn weights_and_priorities_out_of_range_or_taken_are_refused() {
    let mut client = Client::new(Outage::None);
    for refused in [json!({ "weight": 0 }), json!({ "weight": 1_001 }), json!({ "priority": 1 })] {
        let answer = endpoint(&mut client, "secondary-region", &refused);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{refused}");
    }
    let same_region =
        json!({ "targetResourceId": format!("{GROUP}/Microsoft.Web/sites/app-east") });
    let answer = endpoint(&mut client, "secondary-region", &same_region);
    assert!(String::from_utf8_lossy(answer.body()).contains("each Azure region"));
}

#[test]
fn probes_notice_an_ill_app_after_the_tolerated_failures() {
    let mut client = Client::new(Outage::None);
    assert_eq!(monitor(&mut client, "primary-region"), "Online");
    let now = client.now;
    client.world.set_outage(Outage::Data, "eastus", now).unwrap();
    client.wait("34s");
    assert_eq!(monitor(&mut client, "primary-region"), "Online");
    client.wait("1s");
    assert_eq!(monitor(&mut client, "primary-region"), "Degraded");
    let profile = client.get(&format!("{PROFILE}{VERSION}"));
    assert_eq!(profile["properties"]["monitorConfig"]["profileMonitorStatus"], "Degraded");
    client.world.set_outage(Outage::None, "eastus", now).unwrap();
    client.wait("10s");
    assert_eq!(monitor(&mut client, "primary-region"), "Online");
}

#[test]
fn a_stopped_app_is_shown_as_stopped_and_gets_nobody() {
    let mut client = Client::new(Outage::None);
    client.arm(Method::POST, "Microsoft.Web/sites/app-east/stop?api-version=2024-04-01", "");
    assert_eq!(monitor(&mut client, "primary-region"), "Stopped");
    let request = client.request(Method::GET, PUBLIC, "");
    let answer = client.world.answer(&request, client.now).unwrap();
    assert!(matches!(answer.outcome, Outcome::NoSuchHost));
}

#[test]
fn resolvers_keep_an_answer_for_its_ttl() {
    let mut client = Client::new(Outage::None);
    assert_eq!(header(&client.get_url(PUBLIC), "x-region"), "eastus");
    client.arm(Method::POST, "Microsoft.Web/sites/app-west/start?api-version=2024-04-01", "");
    let settings =
        json!({ "properties": { "DB_HOST": "ve-pg-east.writer.postgres.database.azure.com" } });
    let path = "Microsoft.Web/sites/app-west/config/appsettings?api-version=2024-04-01";
    client.change(Method::PUT, path, &settings);
    client.wait("20s");
    endpoint(&mut client, "secondary-region", &json!({ "endpointStatus": "Enabled" }));
    endpoint(&mut client, "primary-region", &json!({ "endpointStatus": "Disabled" }));
    assert_eq!(header(&client.get_url(PUBLIC), "x-region"), "eastus");
    assert_eq!(header(&client.wait("60s").get_url(PUBLIC), "x-region"), "westus");
}

#[test]
fn users_move_in_quarters_and_by_weight() {
    let mut client = Client::new(Outage::None);
    let path = "Microsoft.Web/sites/app-west/config/appsettings?api-version=2024-04-01";
    let settings = json!({ "properties": { "DB_HOST": "pg-east.postgres.database.azure.com" } });
    client.change(Method::PUT, path, &settings);
    client.arm(Method::POST, "Microsoft.Web/sites/app-west/start?api-version=2024-04-01", "");
    client.wait("1m");
    let profile = format!("{PROFILE}{VERSION}");
    let shown = client.get(&profile);
    let mut endpoints = shown["properties"]["endpoints"].clone();
    endpoints[0]["properties"]["weight"] = json!(80);
    endpoints[1]["properties"]["weight"] = json!(20);
    endpoints[1]["properties"]["endpointStatus"] = json!("Enabled");
    let body =
        json!({ "properties": { "trafficRoutingMethod": "Weighted", "endpoints": endpoints } });
    assert_eq!(client.change(Method::PATCH, &profile, &body).status(), StatusCode::OK);
    client.wait("2m").get(&profile);
    let of = |sample: &crate::sim::Sample, place: &str| {
        let share = sample.shares.iter().find(|(sees, _)| *sees == Sees::Region(place.to_owned()));
        share.map_or(0.0, |(_, share)| (share * 100.0).round())
    };
    let users = client.world.cloud().users();
    let west: Vec<_> = users.iter().map(|sample| of(sample, "westus")).collect();
    assert_eq!(west, [0.0, 5.0, 10.0, 15.0, 20.0]);
}

#[test]
fn users_of_a_dead_region_see_failures_until_the_page_is_there() {
    let client = Client::new(Outage::Data);
    let users = client.world.cloud().users();
    assert_eq!(users[0].shares, [(Sees::Failure, 1.0)]);
}

#[test]
fn an_endpoint_whose_app_is_gone_turns_degraded() {
    let mut client = Client::new(Outage::None);
    let site = "Microsoft.Web/sites/app-east?api-version=2024-04-01";
    assert_eq!(client.arm(Method::DELETE, site, "").status(), StatusCode::OK);
    client.wait("1m");
    assert_eq!(monitor(&mut client, "primary-region"), "Degraded");
}

#[test]
fn a_profile_that_is_deleted_has_no_users_left() {
    let mut client = Client::new(Outage::None);
    endpoint(
        &mut client,
        "secondary-region",
        &json!({ "endpointStatus": "Enabled", "priority": 3 }),
    );
    endpoint(&mut client, "primary-region", &json!({ "endpointStatus": "Disabled" }));
    client.arm(Method::DELETE, &format!("{PROFILE}{VERSION}"), "");
    let gone = client.wait("5m").arm(Method::GET, &format!("{PROFILE}{VERSION}"), "");
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}
