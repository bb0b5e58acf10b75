//! The simulated AWS, driven as a client drives the real one.

mod autoscaling;
mod balancer;
mod cloudwatch;
mod dns;
mod ecs;
mod health;
mod kept;
mod rds;
mod records;
mod routing_control;
mod seed;
mod users;

use super::route53::{Answer, HealthCheck, Kind, RecordSet, Role, Routing, Zone, canonical};
use crate::{
    model::{Node, Owner, Resource, StepId, Value as Given, span},
    plan::{ActionWork, Plan, Side, Step, Work},
    sim::{Cloud, Outage, Outcome, World},
    wire::{Element, NameServer, Request, Response},
};
use bytes::Bytes;
use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RecordType},
};
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

const ACCOUNT: &str = "111122223333";
const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";
const ZONE: &str = "Z0EXAMPLE";
const EAST_HOST: &str = "app-1.us-east-1.elb.amazonaws.com";
const WEST_HOST: &str = "app-2.us-west-2.elb.amazonaws.com";

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

    /// One with the zone `example.com`.
    fn with_zone() -> Self {
        let mut client = Self::new();
        client.cloud().aws.names.zones.push(Zone::new(ZONE, "example.com"));
        client
    }

    /// One whose `www.example.com` leads to a primary in the east, as long as a check is healthy, and else to the west.
    fn with_pair(check: HealthCheck) -> Self {
        let mut client = Self::with_zone();
        let id = Some(check.id.clone());
        let names = &mut client.cloud().aws.names;
        names.checks.push(check);
        let failover = |role| Routing::Failover(role);
        let sets = [
            alias("www", "1", failover(Role::Primary), EAST_HOST, id),
            alias("www", "2", failover(Role::Secondary), WEST_HOST, None),
        ];
        for set in &sets {
            names.zones[0].plant(set);
        }
        client.cloud().refresh();
        client
    }

    fn rest(&mut self, method: Method, path: &str, body: &str) -> (u16, Element) {
        let request = self.signed(EAST, "route53").method(method);
        let request = request.uri(format!("https://route53.amazonaws.com/2013-04-01/{path}"));
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        xml(&self.send(&request).expect("an answer"))
    }

    fn read(&mut self, path: &str) -> Element {
        let (status, answer) = self.rest(Method::GET, path, "");
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Sends a batch: actions, and record sets in XML.
    fn change(&mut self, changes: &[(&str, &str)]) -> (u16, Element) {
        let change = |(action, set): &(&str, &str)| {
            format!(
                "<Change><Action>{action}</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change>"
            )
        };
        let changes: String = changes.iter().map(change).collect();
        let body = format!(
            "<?xml version=\"1.0\"?><ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Comment>why</Comment><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        self.rest(Method::POST, &format!("hostedzone/{ZONE}/rrset/"), &body)
    }

    /// What a name server says: the code, whether that is final, and the records.
    fn ask(&mut self, server: NameServer<'_>, name: &str, kind: RecordType) -> Heard {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        question.metadata.recursion_desired = server == NameServer::Machine;
        let answer = self.cloud().ask_name_server(server, &question.to_vec().unwrap());
        let answer = Message::from_vec(&answer.expect("such a server")).unwrap();
        assert_eq!(answer.metadata.id, question.metadata.id);
        let mut records: Vec<_> = answer.answers.iter().map(ToString::to_string).collect();
        records.sort();
        Heard {
            code: answer.metadata.response_code,
            is_final: answer.metadata.authoritative,
            records,
            authorities: answer.authorities.iter().map(ToString::to_string).collect(),
        }
    }

    fn server(&mut self, number: usize) -> String {
        self.cloud().zones()[0].servers[number].clone()
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

/// What was heard from a name server.
#[derive(Debug, PartialEq)]
struct Heard {
    code: ResponseCode,
    is_final: bool,
    records: Vec<String>,
    authorities: Vec<String>,
}

fn alias(
    name: &str,
    set: &str,
    routing: Routing,
    target: &str,
    health_check: Option<String>,
) -> RecordSet {
    RecordSet {
        name: canonical(&format!("{name}.example.com")),
        kind: "A".to_owned(),
        set: Some(set.to_owned()),
        routing,
        answer: Answer::Alias {
            zone: "Z1H1FL5HABSF5".to_owned(),
            target: canonical(target),
            evaluates_health: false,
        },
        health_check,
    }
}

/// A check of the load balancer in the east: it notices within 30 s.
fn probing() -> HealthCheck {
    HealthCheck {
        host: Some(EAST_HOST.to_owned()),
        port: Some(80),
        path: Some("/".to_owned()),
        interval: 10,
        ..HealthCheck::new("check-1", Kind::Http)
    }
}

/// A set of one address in XML.
fn address(name: &str, extra: &str, value: &str) -> String {
    format!(
        "<Name>{name}</Name><Type>A</Type>{extra}<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords>"
    )
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
