//! The simulated Azure, driven as a client drives the real one.

mod journey;
mod postgres;
mod reach;
mod storage;
mod traffic;
mod web;

use super::{Cloud, Outage, Outcome, World};
use crate::{
    model::{Mode, Node, Owner, Resource, StepId, span},
    plan::{ActionWork, Objectives, OnFailure, Plan, Side, Step, Watch, Work},
    wire::{Request, Response},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const GROUP: &str = "/subscriptions/sub-1/resourceGroups/rg-proseware/providers";
const STORAGE: &str = "Microsoft.Storage/storageAccounts/stproseware";

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn resource(kind: &str, name: &str, region: Option<&str>) -> Resource {
    Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: Owner::Azure {
            subscription: "sub-1".to_owned(),
            resource_group: "rg-proseware".to_owned(),
        },
        region: region.map(Into::into),
        made_by_the_run: false,
    }
}

/// A plan of one step that names everything that Proseware has.
pub(super) fn plan() -> Plan {
    let site = "Microsoft.Web/sites";
    let endpoint = "Microsoft.Network/trafficManagerProfiles/azureEndpoints";
    let postgres = "Microsoft.DBforPostgreSQL/flexibleServers";
    let made = |resource: Resource| Resource { made_by_the_run: true, ..resource };
    let touches = vec![
        made(resource(site, "app-maintenance", Some("centralus"))),
        made(resource("Microsoft.Web/serverfarms", "plan-maintenance", Some("centralus"))),
        resource(site, "app-east", Some("eastus")),
        resource(site, "app-west", Some("westus")),
        resource("Microsoft.Network/trafficManagerProfiles", "tm-proseware", None),
        resource(endpoint, "tm-proseware/primary-region", Some("eastus")),
        resource(endpoint, "tm-proseware/secondary-region", Some("westus")),
        resource("Microsoft.Storage/storageAccounts", "stproseware", None),
        resource(postgres, "pg-west", Some("westus")),
        resource(postgres, "pg-east", Some("eastus")),
    ];
    let host = Node::text("pg-west.postgres.database.azure.com");
    let work = ActionWork {
        effect: crate::plan::Effect::Changes,
        proves_service: false,
        mark_valid_for: None,
        action: "azure.app_service.settings".into(),
        with: Node::map([("settings", Node::map([("DB_HOST", host)]))]),
        touches,
        planes: Vec::new(),
        usual: Duration::ZERO,
        shows_within: Duration::ZERO,
        timeout: Duration::ZERO,
    };
    let step = Step {
        id: StepId::new("everything"),
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
    let url = "https://proseware.trafficmanager.net/health".to_owned();
    Plan {
        version: crate::plan::VERSION,
        runbook: "proseware".to_owned(),
        summary: String::new(),
        path: String::new(),
        from: "eastus".into(),
        to: "westus".into(),
        mode: Mode::Unplanned,
        lock: "proseware".to_owned(),
        afterwards: None,
        serving: Side::From,
        objectives: Objectives::default(),
        azure_credential: None,
        secrets: std::collections::BTreeMap::new(),
        watch: vec![Watch {
            name: "storefront".to_owned(),
            url,
            every: Duration::from_secs(1),
            contains: None,
        }],
        steps: vec![step],
        made_up: Vec::new(),
        names_from: None,
    }
}

/// A client with a clock of its own, which it moves by hand.
struct Client {
    world: World,
    now: Timestamp,
    token: String,
}

impl Client {
    fn new(outage: Outage) -> Self {
        Self::of(World::in_memory(Cloud::seeded(&plan(), outage, start())))
    }

    fn of(world: World) -> Self {
        let now = world.cloud().now();
        let token = world.cloud().issue_token(now + Duration::from_hours(1_000));
        Self { world, now, token }
    }

    fn wait(&mut self, length: &str) -> &mut Self {
        self.now += span::parse(length).unwrap();
        self
    }

    fn request(&self, method: Method, url: &str, body: impl Into<Bytes>) -> Request {
        let request = http::Request::builder().method(method).uri(url);
        request.header("authorization", format!("Bearer {}", self.token)).body(body.into()).unwrap()
    }

    fn send(&mut self, request: &Request) -> Option<Response> {
        match self.world.answer(request, self.now).unwrap().outcome {
            Outcome::Response(response) => Some(response),
            Outcome::NoAnswer | Outcome::NoSuchHost => None,
        }
    }

    /// Sends to a resource of the group; what comes back must be an answer.
    fn arm(&mut self, method: Method, rest: &str, body: impl Into<Bytes>) -> Response {
        let url = format!("https://management.azure.com{GROUP}/{rest}");
        let request = self.request(method, &url, body);
        self.send(&request).expect("an answer")
    }

    fn get(&mut self, rest: &str) -> Value {
        let response = self.arm(Method::GET, rest, "");
        assert_eq!(response.status(), StatusCode::OK, "{rest}: {response:?}");
        json_of(&response)
    }

    fn change(&mut self, method: Method, rest: &str, body: &Value) -> Response {
        self.arm(method, rest, body.to_string())
    }

    fn get_url(&mut self, url: &str) -> Response {
        let request = self.request(Method::GET, url, "");
        self.send(&request).expect("an answer")
    }
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(response.body()).expect("JSON")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn code_of(response: &Response) -> String {
    json_of(response)["error"]["code"].as_str().unwrap_or_default().to_owned()
}
