//! The ways to the simulated cloud: the transport with its faults, a folder, a port.

use super::*;
use crate::{
    model::Clock,
    sim::{Fault, Mishap, Port, Simulated, serve},
    wire::{Dns, NameServer, NameServers, SendError},
};
use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RecordType},
};

const FAILOVER: &str = "https://management.azure.com/subscriptions/sub-1/resourceGroups/rg-proseware/providers/Microsoft.Storage/storageAccounts/stproseware/failover?api-version=2023-05-01";
const ACCOUNT: &str = "https://management.azure.com/subscriptions/sub-1/resourceGroups/rg-proseware/providers/Microsoft.Storage/storageAccounts/stproseware?api-version=2023-05-01";

fn simulated(clock: &Clock) -> Simulated {
    let cloud = Cloud::seeded(&plan(), Outage::None, start());
    Simulated::new(World::in_memory(cloud), clock.clone())
}

/// Sends as a client; the simulated cloud decides by itself what is a change.
async fn send(simulated: &Simulated, method: Method, url: &str) -> Result<Response, SendError> {
    let request = http::Request::builder().method(method).uri(url);
    let request = request.header("authorization", format!("Bearer {}", simulated.token()));
    simulated.reach(&request.body(Bytes::new()).unwrap()).await
}

fn is_moving(simulated: &Simulated) -> bool {
    simulated.with_world(|world| {
        let cloud = world.cloud();
        cloud.accounts[0].is_moving(cloud)
    })
}

#[tokio::test]
async fn a_request_takes_its_time_and_stands_in_the_log() {
    let clock = Clock::virtual_from(start());
    let simulated = simulated(&clock);
    assert_eq!(send(&simulated, Method::GET, ACCOUNT).await.unwrap().status(), 200);
    assert!(clock.now() > start());
    let log = simulated.log();
    assert_eq!((log.len(), log[0].status, log[0].is_read), (1, Some(StatusCode::OK), true));
    assert!(log[0].bodies.is_none());
}

#[tokio::test]
async fn faults_hit_the_request_that_they_were_put_at() {
    let clock = Clock::virtual_from(start());
    let simulated = simulated(&clock);
    let put = |path: &str, nth, mishap| {
        let path = path.to_owned();
        simulated.fault(Fault { method: None, path, nth, mishap });
    };
    put(
        "/failover",
        1,
        Mishap::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(7) },
    );
    put("/failover", 2, Mishap::NotSent);
    put("/failover", 3, Mishap::Hang);
    put("/failover", 4, Mishap::LostAnswer);
    let throttled = send(&simulated, Method::POST, FAILOVER).await.unwrap();
    assert_eq!((throttled.status().as_u16(), header(&throttled, "retry-after")), (429, "7"));
    let not_sent = send(&simulated, Method::POST, FAILOVER).await.unwrap_err();
    assert!(matches!(not_sent, SendError::NotSent { .. }));
    let hung = send(&simulated, Method::POST, FAILOVER).await.unwrap_err();
    assert!(matches!(hung, SendError::Unanswered { .. }));
    assert!(!is_moving(&simulated));
    let lost = send(&simulated, Method::POST, FAILOVER).await.unwrap_err();
    assert!(matches!(lost, SendError::Unanswered { .. }));
    assert!(is_moving(&simulated));
    assert_eq!(send(&simulated, Method::POST, FAILOVER).await.unwrap().status(), 409);
}

#[tokio::test]
async fn a_gateway_that_lost_patience_has_passed_the_request_on() {
    let clock = Clock::virtual_from(start());
    let simulated = simulated(&clock);
    let mishap = Mishap::LateStatus(StatusCode::GATEWAY_TIMEOUT);
    simulated.fault(Fault {
        method: Some(Method::POST),
        path: "/failover".to_owned(),
        nth: 1,
        mishap,
    });
    assert_eq!(send(&simulated, Method::POST, FAILOVER).await.unwrap().status(), 504);
    assert!(is_moving(&simulated));
}

#[test]
fn a_world_depends_on_its_changes_and_never_on_its_reads() {
    let stop = "Microsoft.Web/sites/app-east/stop?api-version=2024-04-01";
    let account = format!("{STORAGE}?api-version=2023-05-01");
    let left = |reads: u32| {
        let mut client = Client::new(Outage::None);
        client.arm(Method::POST, &format!("{STORAGE}/failover?api-version=2023-05-01"), "");
        for minute in 0..70 {
            for _ in 0..reads {
                client.now += Duration::from_secs(17);
                client.get(&account);
            }
            client.now = start() + Duration::from_mins(minute + 1);
            if minute == 30 {
                client.arm(Method::POST, stop, "");
            }
        }
        client.get(&account);
        serde_json::to_value(client.world.cloud()).unwrap()
    };
    assert_eq!(left(0), left(3));
}

#[test]
fn a_world_goes_on_where_another_ended_with_what_a_plan_adds() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cloud = Cloud::seeded(&plan(), Outage::None, start());
    let mut client = Client::of(World::create(old.path(), cloud).unwrap());
    client.arm(Method::POST, &format!("{STORAGE}/failover?api-version=2023-05-01"), "");
    client.wait("70m").get(&format!("{STORAGE}?api-version=2023-05-01"));

    let mut back = plan();
    (back.from, back.to) = (back.to, back.from);
    let Work::Action(work) = &mut back.steps[0].work else { panic!("an action") };
    work.touches.push(resource("Microsoft.Storage/storageAccounts", "stlibrary", None));
    let mut client = Client::of(World::after(old.path(), new.path(), &back, client.now).unwrap());
    let moved = client.get(&format!("{STORAGE}?api-version=2023-05-01"));
    assert_eq!(moved["properties"]["primaryLocation"], "westus");
    client.get("Microsoft.Storage/storageAccounts/stlibrary?api-version=2023-05-01");
    let requests = std::fs::read_to_string(old.path().join("requests.log")).unwrap();
    assert!(requests.is_empty(), "a world alone notes nothing: {requests}");
}

#[tokio::test]
async fn any_client_can_use_it_on_a_port() {
    let simulated = simulated(&Clock::real());
    simulated.keep_bodies();
    let port = Port::bind(0).await.unwrap();
    let number = port.number().unwrap();
    let base = format!("http://127.0.0.1:{number}");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve(simulated.clone(), port));

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = "client_id=probe&client_secret=s&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
    let signed_in = client.post(format!("{base}/tenant/oauth2/v2.0/token")).body(form).send().await;
    let signed_in: Value =
        serde_json::from_slice(&signed_in.unwrap().bytes().await.unwrap()).unwrap();
    let token = signed_in["access_token"].as_str().unwrap();
    let rest = "subscriptions/sub-1/resourceGroups/rg-proseware/providers/Microsoft.Storage/storageAccounts/stproseware";
    let failover = format!("{base}/{rest}/failover?api-version=2023-05-01");
    let accepted = client.post(failover).bearer_auth(token).send().await.unwrap();
    assert_eq!(accepted.status(), 202);
    let location = accepted.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&base));
    let polled = client.get(location).bearer_auth(token).send().await.unwrap();
    assert_eq!(polled.status(), 202);
    let health = client.get(format!("{base}/health")).header("host", "app-east.azurewebsites.net");
    assert_eq!(health.send().await.unwrap().headers()["x-region"], "eastus");
    assert_eq!(simulated.log().len(), 4);
    // Name servers answer at the same number; nothing of example.com is in this world.
    let mut servers = NameServers::new(Clock::real(), Vec::new());
    servers.stand_in = Some(([127, 0, 0, 1], number).into());
    let mut question = Message::query();
    let name = Name::from_ascii("www.example.com.").unwrap();
    question.add_query(Query::query(name, RecordType::A));
    question.metadata.recursion_desired = true;
    let asked = servers.ask(NameServer::Machine, &question.to_vec().unwrap()).await.unwrap();
    let answer = Message::from_vec(&asked).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    tasks.abort_all();
}

#[test]
fn a_runbook_that_tidies_up_finds_the_world_after_a_failover() {
    let mut after = plan();
    after.serving = Side::To;
    let mut client = Client::of(World::in_memory(Cloud::seeded(&after, Outage::None, start())));
    let account = client.get(&format!("{STORAGE}?api-version=2023-05-01"));
    assert_eq!(account["sku"]["name"], "Standard_LRS");
    assert_eq!(account["properties"]["primaryLocation"], "westus");
    let west = client.get_url("https://app-west.azurewebsites.net/health");
    assert_eq!(json_of(&west)["database"], "writable");
    let public = client.get_url("https://proseware.trafficmanager.net/health");
    assert_eq!(header(&public, "x-region"), "westus");
}
