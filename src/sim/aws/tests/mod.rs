//! The simulated AWS, driven as a client drives the real one.

mod autoscaling;
mod balancer;
mod cloudwatch;
mod ecs;
mod kept;
mod rds;
mod routing_control;

use crate::{
    model::{Node, Owner, Resource, StepId, Value as Given, span},
    plan::{ActionWork, Plan, Side, Step, Work},
    sim::{Cloud, Outage, Outcome, World},
    wire::{Element, Request, Response},
};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

const ACCOUNT: &str = "111122223333";
const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// A client with a clock of its own, which it moves by hand.
struct Client {
    world: World,
    now: Timestamp,
}

impl Client {
    fn new() -> Self {
        let mut cloud = Cloud::empty(start(), Outage::None, EAST);
        cloud.aws.settle(ACCOUNT);
        Self::of(cloud)
    }

    fn of(cloud: Cloud) -> Self {
        let now = cloud.now();
        Self { world: World::in_memory(cloud), now }
    }

    fn cloud(&mut self) -> &mut Cloud {
        let cloud = self.world.cloud_mut();
        cloud.advance(self.now);
        cloud
    }

    fn wait(&mut self, length: &str) -> &mut Self {
        self.now += span::parse(length).unwrap();
        self.cloud();
        self
    }

    /// Moves on to a time of the day.
    fn until(&mut self, time: &str) -> &mut Self {
        let then: Timestamp = format!("2026-11-20T{time}Z").parse().unwrap();
        assert!(then >= self.now, "{time} is over");
        self.now = then;
        self.cloud();
        self
    }

    fn send(&mut self, request: &Request) -> Option<Response> {
        match self.world.answer(request, self.now).unwrap().outcome {
            Outcome::Response(response) => Some(response),
            Outcome::NoAnswer | Outcome::NoSuchHost => None,
        }
    }

    /// A request as a client signs it.
    fn signed(&self, region: &str, service: &str) -> http::request::Builder {
        let date = self.now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (day, _) = date.split_once('T').unwrap();
        let signature = "0".repeat(64);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        http::Request::builder().header("authorization", authorization).header("x-amz-date", date)
    }

    /// Asks by form, and gives the status and the tree of the answer.
    fn query(&mut self, (region, service): (&str, &str), form: &str) -> (u16, Element) {
        let request = self.signed(region, service).method(Method::POST);
        let url = format!("https://{service}.{region}.amazonaws.com/");
        let request = request.uri(url).body(Bytes::copy_from_slice(form.as_bytes())).unwrap();
        xml(&self.send(&request).expect("an answer"))
    }

    fn json(&mut self, service: &str, target: &str, body: &Value) -> (Response, Value) {
        self.json_to((WEST, service), target, body)
    }

    fn json_to(
        &mut self,
        (region, service): (&str, &str),
        target: &str,
        body: &Value,
    ) -> (Response, Value) {
        let request = self.signed(region, service).method(Method::POST);
        let request = request.uri(format!("https://{service}.{region}.amazonaws.com/"));
        let request = request.header("x-amz-target", target).body(body.to_string().into());
        let response = self.send(&request.unwrap()).expect("an answer");
        let body = serde_json::from_slice(response.body()).expect("JSON");
        (response, body)
    }
}

fn xml(response: &Response) -> (u16, Element) {
    let text = std::str::from_utf8(response.body()).unwrap();
    (response.status().as_u16(), Element::read(text).unwrap_or_else(|| panic!("no XML: {text}")))
}

/// The text of the first element of a name, wherever it stands.
fn text<'a>(root: &'a Element, name: &str) -> &'a str {
    root.find(name).map_or("", |found| found.text.as_str())
}

/// A step that touches these resources.
fn step(with: Node, touches: &[(&str, &str, &str)]) -> Step {
    let resource = |(kind, name, region): &(&str, &str, &str)| Resource {
        kind: (*kind).to_owned(),
        name: (*name).to_owned(),
        owner: Owner::Aws { account: ACCOUNT.to_owned() },
        region: Some((*region).into()),
        made_by_the_run: false,
    };
    let example = crate::sim::tests::plan().steps.remove(0);
    let Work::Action(work) = example.work else { panic!("an action") };
    let touches = touches.iter().map(resource).collect();
    let work = ActionWork { action: "aws.example".into(), with, touches, ..*work };
    Step { id: StepId::new("example"), work: Work::Action(Box::new(work)), ..example }
}

/// A plan of these steps, from east to west.
fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        from: EAST.into(),
        to: WEST.into(),
        serving: Side::From,
        watch: Vec::new(),
        steps,
        ..crate::sim::tests::plan()
    }
}

fn number(number: i64) -> Node {
    Node::made(Given::Int(number))
}
