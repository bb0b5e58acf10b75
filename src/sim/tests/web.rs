//! Sites, their settings, their deployments, and what people get from them.

use super::*;
use std::io::Write;

const VERSION: &str = "?api-version=2024-04-01";
const HEALTH_EAST: &str = "https://app-east.azurewebsites.net/health";
const HEALTH_WEST: &str = "https://app-west.azurewebsites.net/health";

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Makes the plan and the site of a maintenance page in a third region.
pub(super) fn create_page(client: &mut Client) {
    let plan = json!({ "location": "Central US", "sku": { "name": "S1" }, "tags": { "failover": "proseware" } });
    let path = format!("Microsoft.Web/serverfarms/plan-maintenance{VERSION}");
    assert_eq!(client.change(Method::PUT, &path, &plan).status(), StatusCode::OK);
    let site = json!({
        "location": "centralus",
        "tags": { "failover": "proseware" },
        "properties": {
            "serverFarmId": format!("{GROUP}/Microsoft.Web/serverfarms/plan-maintenance"),
            "httpsOnly": true,
        },
    });
    let path = format!("Microsoft.Web/sites/app-maintenance{VERSION}");
    let accepted = client.change(Method::PUT, &path, &site);
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert_eq!(client.arm(Method::GET, &path, "").status(), StatusCode::NOT_FOUND);
    let location = header(&accepted, "location").to_owned();
    assert_eq!(client.wait("20s").get_url(&location).status(), StatusCode::OK);
    assert_eq!(client.get(&path)["tags"]["failover"], "proseware");
}

pub(super) fn publish(client: &mut Client, files: &[(&str, &str)]) -> Response {
    let url = "https://app-maintenance.scm.azurewebsites.net/api/publish?type=zip&async=true";
    let request = client.request(Method::POST, url, zip(files));
    client.send(&request).unwrap()
}

#[test]
fn the_app_is_well_where_it_runs_and_says_stopped_where_it_does_not() {
    let mut client = Client::new(Outage::None);
    let east = client.get_url(HEALTH_EAST);
    assert_eq!((east.status().as_u16(), header(&east, "x-region")), (200, "eastus"));
    let body =
        json!({ "status": "ok", "region": "eastus", "database": "writable", "videos": "readable" });
    assert_eq!(json_of(&east), body);
    let west = client.get_url(HEALTH_WEST);
    assert_eq!(west.status(), StatusCode::FORBIDDEN);
    assert!(String::from_utf8_lossy(west.body()).contains("This web app is stopped"));
    let nowhere = client.request(Method::GET, "https://app-north.azurewebsites.net/", "");
    let answer = client.world.answer(&nowhere, client.now).unwrap();
    assert!(matches!(answer.outcome, Outcome::NoSuchHost));
}

#[test]
fn settings_that_are_left_out_are_gone() {
    let mut client = Client::new(Outage::None);
    let list = format!("Microsoft.Web/sites/app-west/config/appsettings/list{VERSION}");
    let put = format!("Microsoft.Web/sites/app-west/config/appsettings{VERSION}");
    let before = json_of(&client.arm(Method::POST, &list, ""))["properties"].clone();
    assert_eq!(before["DB_HOST"], "pg-east.postgres.database.azure.com");
    assert!(before["WEBSITE_TIME_ZONE"].is_string());
    let only = json!({ "properties": { "DB_HOST": "pg-west.postgres.database.azure.com" } });
    assert_eq!(client.change(Method::PUT, &put, &only).status(), StatusCode::OK);
    let after = json_of(&client.arm(Method::POST, &list, ""));
    assert_eq!(after["properties"], only["properties"]);
    let strings = format!("Microsoft.Web/sites/app-west/config/connectionstrings/list{VERSION}");
    let strings = json_of(&client.arm(Method::POST, &strings, ""));
    assert_eq!(strings["properties"]["Mail"]["type"], "Custom");
}

#[test]
fn a_connection_string_has_a_value_and_a_type_that_there_is() {
    let mut client = Client::new(Outage::None);
    let path = format!("Microsoft.Web/sites/app-west/config/connectionstrings{VERSION}");
    for (entry, status) in [
        (json!({ "value": "Host=w", "type": "PostgreSQL" }), 200),
        (json!({ "value": "Host=w", "type": "Postgres" }), 400),
        (json!({ "value": "Host=w" }), 400),
        (json!({ "type": "Custom" }), 400),
    ] {
        let body = json!({ "properties": { "Main": entry } });
        assert_eq!(client.change(Method::PUT, &path, &body).status(), status, "{body}");
    }
}

#[test]
fn a_deployment_has_an_id_and_tells_how_it_ended() {
    let mut client = Client::new(Outage::None);
    create_page(&mut client);
    let url = "https://app-maintenance.scm.azurewebsites.net/api/publish?type=zip&async=true&trackDeploymentProgress=true";
    let request = client.request(Method::POST, url, zip(&[("index.html", "<h1>Back soon</h1>")]));
    let accepted = client.send(&request).unwrap();
    let (id, location) = (header(&accepted, "scm-deployment-id"), header(&accepted, "location"));
    client.world.cloud_mut().doom_the_last();
    let ended = json_of(&client.wait("16s").get_url(location));
    assert_eq!((ended["id"].as_str(), ended["status"].as_i64()), (Some(id), Some(3)));
    assert_eq!(ended["complete"], true);
    let page = client.get_url("https://app-maintenance.azurewebsites.net/index.html");
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_page_answers_every_path_only_where_its_package_says_so() {
    let mut client = Client::new(Outage::None);
    create_page(&mut client);
    let health = "https://app-maintenance.azurewebsites.net/health";
    let page = ("index.html", "<h1>Back soon</h1>");
    let accepted = publish(&mut client, &[page]);
    assert_eq!((accepted.status().as_u16(), header(&accepted, "retry-after")), (202, "30"));
    assert_eq!(publish(&mut client, &[page]).status(), StatusCode::CONFLICT);
    let location = header(&accepted, "location").to_owned();
    assert_eq!(client.get_url(&location).status(), StatusCode::ACCEPTED);
    let ended = client.wait("16s").get_url(&location);
    assert_eq!((ended.status().as_u16(), json_of(&ended)["status"].as_i64()), (200, Some(4)));
    assert_eq!(client.get_url("https://app-maintenance.azurewebsites.net/").status(), 200);
    assert_eq!(client.get_url(health).status(), StatusCode::NOT_FOUND);

    publish(&mut client, &[page, ("web.config", "<action type=\"Rewrite\" url=\"index.html\"/>")]);
    let answer = client.wait("16s").get_url(health);
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, page.1.as_bytes()));
}

#[test]
fn deleting_a_site_takes_its_empty_plan_along_unless_told_not_to() {
    let mut client = Client::new(Outage::None);
    create_page(&mut client);
    let plan = format!("Microsoft.Web/serverfarms/plan-maintenance{VERSION}");
    assert_eq!(client.arm(Method::DELETE, &plan, "").status(), StatusCode::CONFLICT);
    let site = format!("Microsoft.Web/sites/app-maintenance{VERSION}");
    let kept = format!("{site}&deleteEmptyServerFarm=false");
    assert_eq!(client.arm(Method::DELETE, &kept, "").status(), StatusCode::OK);
    client.get(&plan);
    assert_eq!(client.arm(Method::DELETE, &site, "").status(), StatusCode::NO_CONTENT);
    assert_eq!(client.arm(Method::DELETE, &plan, "").status(), StatusCode::OK);
}

#[test]
fn an_app_reads_videos_again_only_after_it_was_started_anew() {
    let mut client = Client::new(Outage::None);
    client.arm(Method::POST, &format!("{STORAGE}/failover?api-version=2023-05-01"), "");
    client.wait("70m");
    assert_eq!(json_of(&client.get_url(HEALTH_EAST))["videos"], "not readable");
    client.arm(Method::POST, &format!("Microsoft.Web/sites/app-east/restart{VERSION}"), "");
    assert_eq!(client.wait("1s").get_url(HEALTH_EAST).status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(&client.wait("15s").get_url(HEALTH_EAST))["status"], "ok");
}

#[test]
fn an_outage_takes_the_data_planes_and_then_resource_manager() {
    let mut client = Client::new(Outage::Data);
    let east = client.request(Method::GET, HEALTH_EAST, "");
    assert!(client.send(&east).is_none());
    client.get(&format!("Microsoft.Web/sites/app-east{VERSION}"));
    let now = client.now;
    client.world.set_outage(Outage::Region, "eastus", now).unwrap();
    let url = format!("https://management.azure.com{GROUP}/Microsoft.Web/sites/app-east{VERSION}");
    let request = client.request(Method::GET, &url, "");
    assert!(client.send(&request).is_none());
    client.get(&format!("Microsoft.Web/sites/app-west{VERSION}"));
    client.get(&format!("{STORAGE}?api-version=2023-05-01"));
}
