//! The world that a plan expects, in either direction.

use super::*;
use crate::{
    model::{Key, Node, Owner, Region, Resource, Span, Value as Datum},
    plan::{Plan, Work},
    sim::tests,
};

fn resource(kind: &str, name: &str, region: Option<&str>) -> Resource {
    Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: Owner::Aws { account: ACCOUNT.to_owned() },
        region: region.map(Into::into),
        made_by_the_run: false,
    }
}

/// A resource as a plan holds it.
fn named(name: &str) -> Node {
    Node::map([("name", Node::text(name)), ("account", Node::text(ACCOUNT))])
}

/// A plan of one step.
fn plan(from: &str, to: &str, with: &[(&str, Node)]) -> Plan {
    let mut plan = tests::plan();
    (plan.from, plan.to) = (from.into(), to.into());
    "stop".clone_into(&mut plan.runbook);
    let Work::Action(work) = &mut plan.steps[0].work else { panic!("an action") };
    work.with = Node::map(with.iter().cloned());
    work.touches = vec![resource("AWS::Route53::HostedZone", ZONE, None)];
    plan
}

fn stop(from: &str, to: &str) -> Client {
    let own = if to == WEST { "standby" } else { "primary" };
    let with = [
        ("alarm", named("stop-alarm")),
        ("namespace", Node::text("StopPattern")),
        ("metric", Node::text("FailoverToSecondary")),
        ("dimensions", Node::map([("service", Node::text("stop-demo"))])),
        ("health_check", named("check-1")),
        ("zone", named(ZONE)),
        ("record", Node::text("stop.example.com")),
        ("standby", Node::text(WEST)),
        ("from", Node::text(from)),
        ("to", Node::text(to)),
        ("probe", Node::text(format!("https://{own}.stop.example.com/"))),
        ("url", Node::text("https://stop.example.com/")),
    ];
    let mut plan = plan(from, to, &with);
    let Work::Action(work) = &mut plan.steps[0].work else { panic!("an action") };
    work.touches.push(resource("AWS::CloudWatch::Alarm", "stop-alarm", Some(WEST)));
    Client::of(Cloud::seeded(&plan, Outage::None, start()))
}

fn alarm(client: &mut Client) -> String {
    let (_, answer) = client.query((WEST, "monitoring"), "Action=DescribeAlarms");
    text(&answer, "StateValue").to_owned()
}

fn service(client: &mut Client, url: &str) -> Value {
    let request = http::Request::builder().uri(url).body(Bytes::new()).unwrap();
    serde_json::from_slice(client.send(&request).expect("an answer").body()).unwrap()
}

/// Publishes for so many minutes.
fn publish(client: &mut Client, value: &str, minutes: u32) {
    for _ in 0..4 * minutes {
        let form = format!(
            "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=FailoverToSecondary&MetricData.member.1.Dimensions.member.1.Name=service&MetricData.member.1.Dimensions.member.1.Value=stop-demo&MetricData.member.1.Value={value}"
        );
        assert_eq!(client.query((WEST, "monitoring"), &form).0, 200);
        client.wait("15s");
    }
}

#[test]
fn the_pattern_is_found_as_it_was_defined_and_can_be_used() {
    let mut client = stop(EAST, WEST);
    assert_eq!(alarm(&mut client), "OK");
    let zone = client.read(&format!("hostedzone/{ZONE}"));
    assert_eq!(text(&zone, "Name"), "example.com.");
    let check = client.read("healthcheck/check-1");
    assert_eq!(text(&check, "Type"), "CLOUDWATCH_METRIC");
    assert_eq!(check.find("AlarmIdentifier").unwrap().text_of("Region"), Some(WEST));
    assert_eq!(text(&check, "MetricName"), "FailoverToSecondary");
    let records = client.read(&format!("hostedzone/{ZONE}/rrset?name=stop.example.com&type=A"));
    let of = |name: &str| {
        let sets = records.members("ResourceRecordSets").iter().take(2);
        sets.map(|set| text(set, name).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("Failover"), ["PRIMARY", "SECONDARY"]);
    assert_eq!(of("HealthCheckId"), ["check-1", ""]);
    let url = "https://stop.example.com/";
    assert_eq!(service(&mut client, url)["service"], "stop-demo");
    assert_eq!(service(&mut client, url)["region"], EAST);
    assert_eq!(service(&mut client, "https://standby.stop.example.com/")["region"], WEST);
    publish(&mut client, "1.0", 2);
    assert_eq!(service(client.wait("1m"), url)["region"], WEST);
}

#[test]
fn on_the_way_back_the_alarm_has_been_on_for_long() {
    let mut client = stop(WEST, EAST);
    assert_eq!(alarm(&mut client), "ALARM");
    let url = "https://stop.example.com/";
    assert_eq!(service(&mut client, url)["region"], WEST);
    assert_eq!(service(&mut client, "https://primary.stop.example.com/")["region"], EAST);
    // Nothing changes by itself.
    assert_eq!(alarm(client.wait("1h")), "ALARM");
    publish(&mut client, "0.0", 2);
    assert_eq!(alarm(&mut client), "OK");
    assert_eq!(service(client.wait("1m"), url)["region"], EAST);
}

#[test]
fn a_pair_leads_to_the_load_balancers_that_are_named() {
    let with = [
        ("zone", named(ZONE)),
        ("record", Node::text("www.example.com")),
        ("primary", Node::text(EAST_HOST)),
        ("secondary", Node::text(WEST_HOST)),
        ("health_check", named("check-1")),
    ];
    let mut client = Client::of(Cloud::seeded(&plan(EAST, WEST, &with), Outage::Data, start()));
    let check = client.read("healthcheck/check-1");
    assert_eq!(text(&check, "FullyQualifiedDomainName"), EAST_HOST);
    let users = |client: &mut Client| client.cloud().users().last().unwrap().shares.clone();
    assert_eq!(users(&mut client), [(crate::sim::Sees::Failure, 1.0)]);
    // Route 53 helps itself: its own checks notice.
    client.wait("5m");
    assert_eq!(users(&mut client), [(crate::sim::Sees::Region(WEST.to_owned()), 1.0)]);
}

#[test]
fn a_shift_finds_all_weight_on_the_region_that_serves() {
    let with = [
        ("zone", named(ZONE)),
        ("record", Node::text("www.example.com")),
        ("from", Node::text("blue")),
        ("to", Node::text("green")),
    ];
    let mut client = Client::of(Cloud::seeded(&plan(EAST, WEST, &with), Outage::None, start()));
    let records = client.read(&format!("hostedzone/{ZONE}/rrset?name=www.example.com&type=A"));
    let of = |set: &Element| {
        [text(set, "SetIdentifier"), text(set, "Weight"), text(set, "HostedZoneId")].join(" ")
    };
    let shown: Vec<_> = records.members("ResourceRecordSets").iter().map(of).collect();
    assert_eq!(shown, ["blue 100 Z35SXDOTRQ7X7K", "green 0 Z1H1FL5HABSF5"]);
    assert_eq!(service(&mut client, "https://www.example.com/")["region"], EAST);
}

#[test]
fn a_batch_from_a_file_finds_its_records_with_other_values() {
    let batch = r#"{ "Comment": "to the backup", "Changes": [{ "Action": "UPSERT", "ResourceRecordSet": {
        "Name": "www.example.com", "Type": "A", "TTL": 30, "ResourceRecords": [{ "Value": "192.0.2.44" }] } }] }"#;
    let file = Node::map([("path", Node::text("failover-dns.json")), ("text", Node::text(batch))]);
    let plan = plan(EAST, WEST, &[("zone", named(ZONE)), ("file", file)]);
    let mut client = Client::of(Cloud::seeded(&plan, Outage::None, start()));
    let records = client.read(&format!("hostedzone/{ZONE}/rrset?name=www.example.com&type=A"));
    assert_eq!(text(&records, "TTL"), "30");
    assert_ne!(text(&records, "Value"), "192.0.2.44");
    assert_eq!(service(&mut client, "https://www.example.com/")["region"], EAST);
    assert_eq!(client.change(&[("UPSERT", &address("www.example.com", "", "192.0.2.44"))]).0, 200);
    assert_eq!(service(client.wait("2m"), "https://www.example.com/")["region"], WEST);
}

#[test]
fn changes_that_are_written_in_the_runbook_are_read_as_well() {
    let change = Node::map([
        ("type", Node::text("CNAME")),
        ("ttl", Node::made(Datum::Int(20))),
        ("value", Node::text(WEST_HOST)),
    ]);
    let key = |text: &str| Key { text: text.to_owned(), span: Span::default() };
    let changes = Node::made(Datum::Map(vec![(key("www.example.com"), change)]));
    let plan = plan(EAST, WEST, &[("zone", named(ZONE)), ("changes", changes)]);
    let mut client = Client::of(Cloud::seeded(&plan, Outage::None, start()));
    assert_eq!(service(&mut client, "https://www.example.com/")["region"], EAST);
    let records = client.read(&format!("hostedzone/{ZONE}/rrset?name=www.example.com"));
    assert_eq!(text(&records, "TTL"), "20");
}

#[test]
fn an_address_from_a_regions_row_is_of_that_region() {
    let mut probe = Node::text("https://east.proseware.example/health");
    probe.region = Some(Region::new(EAST));
    let plan = plan(EAST, WEST, &[("zone", named(ZONE)), ("url", probe)]);
    let mut client = Client::of(Cloud::seeded(&plan, Outage::None, start()));
    assert_eq!(service(&mut client, "https://east.proseware.example/health")["region"], EAST);
}

#[test]
fn a_name_that_no_step_changes_is_moved_by_route_53_alone() {
    let mut plan = plan(WEST, EAST, &[("url", Node::text("https://stop.example.com/"))]);
    let Work::Action(work) = &mut plan.steps[0].work else { panic!("an action") };
    work.touches.clear();
    plan.watch[0].url = "https://stop.example.com/".to_owned();
    plan.watch[0].contains = Some("\"service\":\"stop-demo\"".to_owned());
    let mut client = Client::of(Cloud::seeded(&plan, Outage::Data, start()));
    let url = "https://stop.example.com/";
    let request = http::Request::builder().uri(url).body(Bytes::new()).unwrap();
    assert!(client.send(&request).is_none(), "the region that serves is lost");
    let body = service(client.wait("2m"), url);
    assert_eq!((&body["service"], &body["region"]), (&"stop-demo".into(), &EAST.into()));
}

#[test]
fn who_inverts_a_check_finds_it_the_other_way_round() {
    for inverted in [true, false] {
        let flag = Node::made(Datum::Bool(inverted));
        let plan = plan(EAST, WEST, &[("health_check", named("check-1")), ("inverted", flag)]);
        let mut client = Client::of(Cloud::seeded(&plan, Outage::None, start()));
        let check = client.read("healthcheck/check-1");
        assert_eq!(text(&check, "Inverted"), (!inverted).to_string());
    }
}
