//! The simulated AWS against AWS's API models, over each of its protocols.

use super::plan;
use crate::contract::check;
use bytes::Bytes;
use failover::{
    model::{Clock, Node, Owner, Resource},
    plan::{Plan, Step, Work},
    sim::{Cloud, Outage, Simulated, World},
    wire::{Element, Response},
};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "111122223333";
pub(super) const EAST: &str = "us-east-1";
pub(super) const WEST: &str = "us-west-2";
/// One of the endpoints of a cluster of routing controls.
pub(super) const ENDPOINT: &str =
    "https://host-1.us-west-2.cluster.routing-control.amazonaws.com/v1";
const OPERATOR: &str = "arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Foperator";

/// A step that touches these resources: their kinds, names and regions.
pub(super) fn step(with: Node, touches: &[(&str, &str, &str)]) -> Step {
    let mut step = plan().steps.remove(0);
    let Work::Action(work) = &mut step.work else { panic!("an action") };
    let resource = |(kind, name, region): &(&str, &str, &str)| Resource {
        kind: (*kind).to_owned(),
        name: (*name).to_owned(),
        owner: Owner::Aws { account: ACCOUNT.to_owned() },
        region: Some((*region).into()),
        made_by_the_run: false,
    };
    (work.with, work.touches) = (with, touches.iter().map(resource).collect());
    step
}

/// A step that publishes a metric in the west, whose alarm turns a health check, which moves a record.
fn stop() -> Step {
    let with = Node::map([
        ("alarm", Node::text("stop-alarm")),
        ("namespace", Node::text("StopPattern")),
        ("metric", Node::text("Failover")),
        ("dimensions", Node::map([("service", Node::text("demo"))])),
        ("health_check", Node::text("check-1")),
        ("zone", Node::text("Z0EXAMPLE")),
        ("record", Node::text("stop.example.com")),
        ("standby", Node::text(WEST)),
    ]);
    step(with, &[("AWS::CloudWatch::Alarm", "stop-alarm", WEST)])
}

pub(super) struct Client {
    pub simulated: Simulated,
    pub clock: Clock,
}

impl Client {
    /// A client of the world that this step expects, on the way from the east to the west.
    pub(super) fn new(step: Step) -> Self {
        let plan = Plan { from: EAST.into(), to: WEST.into(), steps: vec![step], ..plan() };
        let clock = Clock::virtual_from("2026-11-20T10:00:00Z".parse().unwrap());
        let cloud = Cloud::seeded(&plan, Outage::None, clock.now());
        let simulated = Simulated::new(World::in_memory(cloud), clock.clone());
        simulated.keep_bodies();
        Self { simulated, clock }
    }

    /// Sends a request as a client signs it.
    async fn send(
        &self,
        (region, service): (&str, &str),
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Response {
        let date = self.clock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let (day, signature) = (&date[..8], "0".repeat(64));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let request = request.header("authorization", authorization).header("x-amz-date", &date);
        self.simulated.reach(&request.body(body.into()).unwrap()).await.unwrap()
    }

    /// Asks by form, and gives the status.
    pub(super) async fn form(&self, service: &str, form: &str) -> u16 {
        let (version, region) = match service {
            "autoscaling" => ("2011-01-01", WEST),
            "elasticloadbalancing" => ("2015-12-01", WEST),
            "iam" => ("2010-05-08", EAST),
            "rds" => ("2014-10-31", WEST),
            "sts" => ("2011-06-15", WEST),
            _ => ("2010-08-01", WEST),
        };
        let host = match service {
            "iam" => "iam.amazonaws.com".to_owned(),
            _ => format!("{service}.{region}.amazonaws.com"),
        };
        let request = http::Request::post(format!("https://{host}/"))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = format!("{form}&Version={version}");
        self.send((region, service), request, body).await.status().as_u16()
    }

    /// Asks in JSON, and gives the status.
    pub(super) async fn json(&self, service: &str, operation: &str, body: Value) -> u16 {
        let (prefix, version) = match service {
            "application-autoscaling" => ("AnyScaleFrontendService", "1.1"),
            "ecs" => ("AmazonEC2ContainerServiceV20141113", "1.1"),
            "monitoring" => ("GraniteServiceVersion20100801", "1.0"),
            _ => ("ToggleCustomerAPI", "1.0"),
        };
        let url = match service {
            "route53-recovery-cluster" => ENDPOINT.to_owned(),
            _ => format!("https://{service}.{WEST}.amazonaws.com/"),
        };
        let request = http::Request::post(url)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", format!("{prefix}.{operation}"));
        self.send((WEST, service), request, body.to_string()).await.status().as_u16()
    }

    async fn rest(&self, method: Method, path: &str, body: &str) -> Response {
        let url = format!("https://route53.amazonaws.com/2013-04-01/{path}");
        let request = http::Request::builder().method(method).uri(url);
        self.send((EAST, "route53"), request, Bytes::copy_from_slice(body.as_bytes())).await
    }

    async fn read(&self, path: &str) -> u16 {
        self.rest(Method::GET, path, "").await.status().as_u16()
    }

    /// Reads all that a run reads of an alarm and of what follows it.
    async fn look(&self) {
        for form in ["Action=DescribeAlarms", "Action=DescribeAlarmHistory"] {
            assert_eq!(self.form("monitoring", form).await, 200, "{form}");
        }
        let now = self.clock.now().as_second();
        for (operation, body) in [
            (
                "GetMetricStatistics",
                json!({
                    "Namespace": "StopPattern", "MetricName": "Failover", "Period": 60, "Statistics": ["Maximum"],
                    "Dimensions": [{ "Name": "service", "Value": "demo" }], "StartTime": now - 600, "EndTime": now,
                }),
            ),
            ("DescribeAlarms", json!({ "AlarmNames": ["stop-alarm"] })),
            ("DescribeAlarmHistory", json!({ "AlarmName": "stop-alarm" })),
        ] {
            assert_eq!(self.json("monitoring", operation, body).await, 200, "{operation}");
        }
        for path in [
            "hostedzone/Z0EXAMPLE",
            "hostedzone/Z0EXAMPLE/rrset",
            "hostedzone/Z0EXAMPLE/rrset?name=stop.example.com&type=A&maxitems=1",
            "healthcheck/check-1",
            "healthcheck/check-1/status",
        ] {
            assert_eq!(self.read(path).await, 200, "{path}");
        }
    }

    pub(super) fn assert_kept(&self) {
        let log = self.simulated.log();
        let wrong: Vec<_> = log.iter().filter_map(|exchange| check(exchange).err()).collect();
        assert_eq!(wrong, [""; 0]);
    }
}

fn batch(change: &str) -> String {
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>{change}</Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn record(action: &str, address: &str) -> String {
    batch(&format!(
        "<Action>{action}</Action><ResourceRecordSet><Name>www.example.com</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>{address}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    ))
}

fn health_check(members: &str) -> String {
    format!(
        "<UpdateHealthCheckRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">{members}</UpdateHealthCheckRequest>"
    )
}

#[tokio::test]
async fn the_simulated_callers_keep_the_contract() {
    let client = Client::new(stop());
    assert_eq!(client.form("sts", "Action=GetCallerIdentity").await, 200);
    let ask = |who: &str| {
        format!(
            "Action=SimulatePrincipalPolicy&PolicySourceArn={who}&ActionNames.member.1=rds%3APromoteReadReplica"
        )
    };
    assert_eq!(client.form("iam", &ask(OPERATOR)).await, 200);
    assert_eq!(client.form("iam", &ask(&OPERATOR.replace("operator", "nobody"))).await, 404);
    client.assert_kept();
}

#[tokio::test]
async fn the_simulated_metrics_and_records_keep_the_contract() {
    let client = Client::new(stop());
    client.look().await;
    let datum = json!({
        "Namespace": "StopPattern",
        "MetricData": [{
            "MetricName": "Failover", "Value": 1.0, "Unit": "None",
            "Dimensions": [{ "Name": "service", "Value": "demo" }],
        }],
    });
    for _ in 0..3 {
        assert_eq!(client.json("monitoring", "PutMetricData", datum.clone()).await, 200);
        client.clock.sleep(Duration::from_mins(1)).await;
        client.look().await;
    }
    let form = "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=Failover&MetricData.member.1.Value=0";
    assert_eq!(client.form("monitoring", form).await, 200);

    let (rrset, check) = ("hostedzone/Z0EXAMPLE/rrset", "healthcheck/check-1");
    let answer = client.rest(Method::POST, rrset, &record("UPSERT", "192.0.2.1")).await;
    let answer = Element::read(std::str::from_utf8(answer.body()).unwrap()).unwrap();
    let change = answer.find("Id").unwrap().text.trim_start_matches('/').to_owned();
    assert_eq!(client.read(&change).await, 200);
    client.clock.sleep(Duration::from_mins(5)).await;
    assert_eq!(client.read(&change).await, 200);
    let inverted = health_check("<Inverted>true</Inverted>");
    assert_eq!(client.rest(Method::POST, check, &inverted).await.status(), 200);
    client.look().await;
    client.assert_kept();
}

#[tokio::test]
async fn what_the_simulated_aws_refuses_keeps_the_contract() {
    let client = Client::new(stop());
    let (rrset, check) = ("hostedzone/Z0EXAMPLE/rrset", "healthcheck/check-1");
    for path in ["hostedzone/Z0NOBODY", "change/C0NOBODY", "healthcheck/nobody"] {
        assert_eq!(client.read(path).await, 404, "{path}");
    }
    let post = |path: &'static str, body: String| {
        let client = &client;
        async move { client.rest(Method::POST, path, &body).await.status().as_u16() }
    };
    assert_eq!(post(rrset, record("DELETE", "192.0.2.1")).await, 400);
    let stale = health_check("<HealthCheckVersion>7</HealthCheckVersion>");
    assert_eq!(post(check, stale).await, 409);
    client.simulated.with_world(|world| {
        world.cloud_mut().keep_zone_busy("Z0EXAMPLE", Duration::from_mins(1));
    });
    assert_eq!(post(rrset, record("UPSERT", "192.0.2.1")).await, 400);

    let now = client.clock.now().as_second();
    let too_many = json!({
        "Namespace": "StopPattern", "MetricName": "Failover", "Period": 60, "Statistics": ["Maximum"],
        "StartTime": now - 200_000, "EndTime": now,
    });
    assert_eq!(client.json("monitoring", "GetMetricStatistics", too_many).await, 400);
    client.simulated.with_world(|world| {
        for permission in
            ["cloudwatch:PutMetricData", "sts:GetCallerIdentity", "route53:GetHostedZone"]
        {
            world.cloud_mut().forbid(permission);
        }
    });
    let datum = json!({ "Namespace": "StopPattern", "MetricData": [] });
    assert_eq!(client.json("monitoring", "PutMetricData", datum).await, 403);
    assert_eq!(client.form("sts", "Action=GetCallerIdentity").await, 403);
    assert_eq!(client.read("hostedzone/Z0EXAMPLE").await, 403);
    client.assert_kept();
}
