//! The simulated cloud against the vendors' contracts.

mod aws;
mod capacity;

use crate::contract::check;
use bytes::Bytes;
use failover::{
    model::{Clock, Mode, Node, Owner, Resource},
    plan::{ActionWork, Objectives, OnFailure, Plan, Side, Step, Work},
    sim::{Cloud, Exchange, Outage, Simulated, World},
    wire::Response,
};
use http::Method;
use serde_json::{Value, json};
use std::{io::Write, time::Duration};

const GROUP: &str = "/subscriptions/sub-1/resourceGroups/rg-1/providers";
const EAST: &str = "Microsoft.DBforPostgreSQL/flexibleServers/pg-east";
const WEST: &str = "Microsoft.DBforPostgreSQL/flexibleServers/pg-west";
const SITE: &str = "Microsoft.Web/sites/app-east";
const PROFILE: &str = "Microsoft.Network/trafficmanagerprofiles/tm-1";
const ACCOUNT: &str = "Microsoft.Storage/storageAccounts/st1";

fn plan() -> Plan {
    let resource = |kind: &str, name: &str, region: Option<&str>| Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: Owner::Azure { subscription: "sub-1".to_owned(), resource_group: "rg-1".to_owned() },
        region: region.map(Into::into),
        made_by_the_run: false,
    };
    let profile = "Microsoft.Network/trafficManagerProfiles";
    let endpoint = "Microsoft.Network/trafficManagerProfiles/azureEndpoints";
    let postgres = "Microsoft.DBforPostgreSQL/flexibleServers";
    let work = ActionWork {
        effect: failover::plan::Effect::Changes,
        proves_service: false,
        mark_valid_for: None,
        action: "everything".into(),
        with: Node::map([]),
        touches: vec![
            resource("Microsoft.Web/sites", "app-east", Some("eastus")),
            resource("Microsoft.Web/sites", "app-west", Some("westus")),
            resource(profile, "tm-1", None),
            resource(endpoint, "tm-1/east", Some("eastus")),
            resource(endpoint, "tm-1/west", Some("westus")),
            resource("Microsoft.Storage/storageAccounts", "st1", None),
            resource(postgres, "pg-east", Some("eastus")),
            resource(postgres, "pg-west", Some("westus")),
        ],
        planes: Vec::new(),
        usual: Duration::ZERO,
        shows_within: Duration::ZERO,
        timeout: Duration::ZERO,
    };
    let step = Step {
        id: "everything".into(),
        number: "1".to_owned(),
        title: None,
        work: Work::Action(Box::new(work)),
        needs: Vec::new(),
        group: None,
        confirm: None,
        on_failure: OnFailure::Stop,
        waive: None,
        is_finally: false,
    };
    Plan {
        version: failover::plan::VERSION,
        runbook: "contracts".to_owned(),
        summary: String::new(),
        path: String::new(),
        from: "eastus".into(),
        to: "westus".into(),
        mode: Mode::Unplanned,
        lock: "contracts".to_owned(),
        afterwards: None,
        serving: Side::From,
        objectives: Objectives::default(),
        azure_credential: None,
        secrets: std::collections::BTreeMap::new(),
        watch: Vec::new(),
        steps: vec![step],
        made_up: Vec::new(),
        names_from: None,
    }
}

struct Client {
    simulated: Simulated,
    clock: Clock,
}

impl Client {
    fn new() -> Self {
        let clock = Clock::virtual_from("2026-11-20T10:00:00Z".parse().unwrap());
        let cloud = Cloud::seeded(&plan(), Outage::None, clock.now());
        let simulated = Simulated::new(World::in_memory(cloud), clock.clone());
        simulated.keep_bodies();
        Self { simulated, clock }
    }

    async fn send(&self, method: Method, url: &str, body: impl Into<Bytes>) -> Response {
        let request = http::Request::builder().method(method).uri(url);
        let request = request.header("authorization", format!("Bearer {}", self.simulated.token()));
        self.simulated.reach(&request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn arm(&self, method: Method, rest: &str, body: Value) -> Response {
        let url = format!("https://management.azure.com{GROUP}/{rest}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &url, body).await
    }

    /// Sends, polls each address that comes back until its operation is over, and checks all of it.
    async fn all(&self, calls: Vec<(Method, String, Value)>) {
        for (method, rest, body) in calls {
            let answer = self.arm(method, &rest, body).await;
            assert!(answer.status().is_success(), "{rest}: {answer:?}");
            for name in ["azure-asyncoperation", "location"] {
                let Some(address) = answer.headers().get(name) else { continue };
                let address = address.to_str().unwrap();
                self.send(Method::GET, address, "").await;
                self.clock.sleep(Duration::from_mins(70)).await;
                self.send(Method::GET, address, "").await;
            }
        }
        let wrong: Vec<_> =
            self.simulated.log().iter().filter_map(|exchange| check(exchange).err()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

fn get(rest: &str, version: &str) -> (Method, String, Value) {
    (Method::GET, format!("{rest}?api-version={version}"), Value::Null)
}

fn post(rest: &str, version: &str) -> (Method, String, Value) {
    (Method::POST, format!("{rest}?api-version={version}"), Value::Null)
}

#[tokio::test]
async fn the_simulated_storage_and_front_door_keep_the_contract() {
    let client = Client::new();
    let version = "2023-05-01";
    let sku = json!({ "sku": { "name": "Standard_RAGRS" } });
    client
        .all(vec![
            get(&format!("{ACCOUNT}/providers/Microsoft.Authorization/permissions"), "2022-04-01"),
            get("Microsoft.Authorization/locks", "2020-05-01"),
            get(&format!("{ACCOUNT}/providers/Microsoft.Authorization/locks"), "2020-05-01"),
            (
                Method::GET,
                format!("{ACCOUNT}?api-version={version}&$expand=geoReplicationStats"),
                Value::Null,
            ),
            post(&format!("{ACCOUNT}/failover"), version),
            (Method::PATCH, format!("{ACCOUNT}?api-version={version}"), sku),
        ])
        .await;
}

#[tokio::test]
async fn the_simulated_postgres_keeps_the_contract() {
    let client = Client::new();
    let version = "2024-08-01";
    let at = |rest: &str| format!("{rest}?api-version={version}");
    let parameter = json!({ "properties": { "value": "on", "source": "user-override" } });
    let network = json!({ "properties": { "network": { "publicNetworkAccess": "Disabled" } } });
    let promotion = json!({ "properties": { "replica": {
        "role": "Primary", "promoteMode": "switchover", "promoteOption": "planned",
    } } });
    let endpoint = json!({ "properties": { "endpointType": "ReadWrite", "members": ["pg-east"] } });
    let replica = json!({ "location": "eastus", "properties": {
        "createMode": "Replica", "sourceServerResourceId": format!("{GROUP}/{WEST}"),
    } });
    let metrics = format!(
        "{WEST}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&metricnames=physical_replication_delay_in_seconds&timespan=2026-11-20T09:00:00Z/2026-11-20T10:00:00Z&interval=PT1M&aggregation=Maximum"
    );
    client
        .all(vec![
            get(EAST, version),
            get(&format!("{EAST}/replicas"), version),
            get(&format!("{EAST}/virtualendpoints"), version),
            get(&format!("{EAST}/virtualendpoints/ve-pg-east"), version),
            get(&format!("{EAST}/configurations/default_transaction_read_only"), version),
            (Method::GET, metrics, Value::Null),
            (
                Method::PATCH,
                at(&format!("{EAST}/configurations/default_transaction_read_only")),
                parameter,
            ),
            post(&format!("{EAST}/restart"), version),
            (Method::PATCH, at(EAST), network),
            (Method::PATCH, at(WEST), promotion),
            (Method::PUT, at(&format!("{WEST}/virtualendpoints/ve-pg-east")), endpoint),
            (Method::DELETE, at(EAST), Value::Null),
            (Method::PUT, at(EAST), replica),
        ])
        .await;
}

#[tokio::test]
async fn the_simulated_traffic_manager_keeps_the_contract() {
    let client = Client::new();
    let version = "2022-04-01";
    let at = |rest: &str| format!("{rest}?api-version={version}");
    let weighted = json!({ "properties": { "trafficRoutingMethod": "Weighted", "endpoints": [
        { "name": "east", "type": "Microsoft.Network/trafficManagerProfiles/azureEndpoints", "properties": { "weight": 80 } },
        { "name": "west", "type": "Microsoft.Network/trafficManagerProfiles/azureEndpoints", "properties": { "weight": 20 } },
    ] } });
    let disabled = json!({ "properties": { "endpointStatus": "Disabled" } });
    client
        .all(vec![
            get(PROFILE, version),
            get(&format!("{PROFILE}/AzureEndpoints/east"), version),
            (Method::PATCH, at(PROFILE), weighted),
            (Method::PATCH, at(&format!("{PROFILE}/AzureEndpoints/east")), disabled.clone()),
            (Method::PUT, at(&format!("{PROFILE}/AzureEndpoints/west")), disabled),
        ])
        .await;
}

#[tokio::test]
async fn the_simulated_app_service_keeps_the_contract() {
    let client = Client::new();
    let version = "2024-04-01";
    let at = |rest: &str| format!("{rest}?api-version={version}");
    let plan = json!({ "location": "centralus", "sku": { "name": "S1", "tier": "Standard", "capacity": 1 } });
    let site = json!({ "location": "centralus", "properties": {
        "serverFarmId": format!("{GROUP}/Microsoft.Web/serverfarms/plan-1"), "httpsOnly": true,
    } });
    let settings = json!({ "properties": { "DB_HOST": "pg-west.postgres.database.azure.com" } });
    let strings =
        json!({ "properties": { "Main": { "value": "Host=pg-west", "type": "PostgreSQL" } } });
    client
        .all(vec![
            get(SITE, version),
            post(&format!("{SITE}/config/appsettings/list"), version),
            (Method::PUT, at(&format!("{SITE}/config/appsettings")), settings),
            post(&format!("{SITE}/config/connectionstrings/list"), version),
            (Method::PUT, at(&format!("{SITE}/config/connectionstrings")), strings),
            post(&format!("{SITE}/stop"), version),
            post(&format!("{SITE}/start"), version),
            (Method::PUT, at("Microsoft.Web/serverfarms/plan-1"), plan),
            get("Microsoft.Web/serverfarms/plan-1", version),
            (Method::PUT, at("Microsoft.Web/sites/app-page"), site),
        ])
        .await;
    let mut package = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    package.start_file("index.html", zip::write::SimpleFileOptions::default()).unwrap();
    package.write_all(b"<h1>Back soon</h1>").unwrap();
    let package = package.finish().unwrap().into_inner();
    let scm = "https://app-page.scm.azurewebsites.net/api";
    client.send(Method::POST, &format!("{scm}/publish?type=zip&async=true"), package).await;
    client.send(Method::GET, &format!("{scm}/deployments/latest"), "").await;
    client.clock.sleep(Duration::from_secs(20)).await;
    client.send(Method::GET, &format!("{scm}/deployments/latest"), "").await;
    client
        .all(vec![
            (Method::DELETE, at("Microsoft.Web/sites/app-page"), Value::Null),
            (Method::DELETE, at("Microsoft.Web/serverfarms/plan-1"), Value::Null),
        ])
        .await;
}

fn refused(exchange: &Exchange) -> String {
    check(exchange).unwrap_err()
}

#[tokio::test]
async fn what_breaks_a_contract_is_named() {
    let client = Client::new();
    client.arm(Method::GET, &format!("{ACCOUNT}?api-version=2023-05-01"), Value::Null).await;
    client.arm(Method::GET, &format!("{ACCOUNT}?api-version=2022-05-01"), Value::Null).await;
    client
        .arm(
            Method::GET,
            "Microsoft.Compute/virtualMachines/vm?api-version=2024-07-01",
            Value::Null,
        )
        .await;
    let misspelt = json!({ "properties": { "endpointState": "Disabled" } });
    client
        .arm(
            Method::PATCH,
            &format!("{PROFILE}/AzureEndpoints/east?api-version=2022-04-01"),
            misspelt,
        )
        .await;
    client
        .arm(
            Method::POST,
            &format!("{ACCOUNT}/failover?api-version=2023-05-01&kind=x"),
            Value::Null,
        )
        .await;
    let log = client.simulated.log();
    assert_eq!(check(&log[0]), Ok(()));
    assert!(refused(&log[1]).contains("instead of 2023-05-01"));
    assert!(refused(&log[2]).ends_with("no excerpt"));
    assert!(refused(&log[3]).ends_with("sent.properties.endpointState is not in the schema"));
    assert!(refused(&log[4]).contains("the parameter `kind`"));
    let mut lost = log[0].clone();
    lost.bodies = None;
    assert!(refused(&lost).contains("bodies were not kept"));
}
