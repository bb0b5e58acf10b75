//! Routing controls: five endpoints, and rules about what may be set.

use super::*;
use crate::sim::EndpointFault;
use serde_json::json;

const PANEL: &str = "arn:aws:route53-recovery-control::111122223333:controlpanel/abc";
const REGIONS: [&str; 5] =
    ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2"];

fn host(region: &str) -> String {
    format!("host-1.{region}.cluster.routing-control.amazonaws.com")
}

fn control(name: &str) -> String {
    format!("{PANEL}/routingcontrol/{name}")
}

/// Two controls, of which the east's is on.
fn client(outage: Outage) -> Client {
    let urls = REGIONS.map(|region| (region, Node::text(format!("https://{}/v1", host(region)))));
    let with = Node::map([
        ("on", Node::text(control("west"))),
        ("off", Node::text(control("east"))),
        ("endpoints", Node::map(urls)),
    ]);
    Client::of(Cloud::seeded(&plan(vec![step(with, &[])]), outage, start()))
}

/// Asks an endpoint, signed for a region.
fn ask(
    client: &mut Client,
    (to, region): (&str, &str),
    operation: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let request = client.signed(region, "route53-recovery-cluster").method(Method::POST);
    let request = request.uri(format!("https://{}/v1", host(to)));
    let request = request.header("x-amz-target", format!("ToggleCustomerAPI.{operation}"));
    let response = client.send(&request.body(body.to_string().into()).unwrap())?;
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "application/x-amz-json-1.0");
    Some((response.status().as_u16(), serde_json::from_slice(response.body()).unwrap()))
}

fn states(client: &mut Client, region: &str) -> Vec<(String, String)> {
    let (status, body) = ask(client, (region, region), "ListRoutingControls", &json!({})).unwrap();
    assert_eq!(status, 200, "{body}");
    let of = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let all = body["RoutingControls"].as_array().unwrap().iter();
    all.map(|one| {
        let arn = of(one, "RoutingControlArn");
        (arn.rsplit('/').next().unwrap().to_owned(), of(one, "RoutingControlState"))
    })
    .collect()
}

fn pairs(east: &str, west: &str) -> Vec<(String, String)> {
    [("east", east), ("west", west)]
        .map(|(name, state)| (name.to_owned(), state.to_owned()))
        .to_vec()
}

fn set(client: &mut Client, entries: &[(&str, &str)], overridden: &[&str]) -> Option<(u16, Value)> {
    let entry = |(name, state): &(&str, &str)| json!({ "RoutingControlArn": control(name), "RoutingControlState": state });
    let entries: Vec<_> = entries.iter().map(entry).collect();
    let body =
        json!({ "UpdateRoutingControlStateEntries": entries, "SafetyRulesToOverride": overridden });
    ask(client, (WEST, WEST), "UpdateRoutingControlStates", &body)
}

#[test]
fn one_call_turns_one_off_and_the_other_on_and_all_endpoints_see_it_soon() {
    let mut client = client(Outage::None);
    assert_eq!(states(&mut client, "eu-west-1"), pairs("On", "Off"));
    assert_eq!(set(&mut client, &[("east", "Off"), ("west", "On")], &[]), Some((200, json!({}))));
    assert_eq!(states(&mut client, WEST), pairs("Off", "On"));
    assert_eq!(states(&mut client, "eu-west-1"), pairs("On", "Off"));
    assert_eq!(states(client.wait("1s"), "eu-west-1"), pairs("Off", "On"));
    let asked = json!({ "RoutingControlArn": control("west") });
    let (_, one) = ask(&mut client, (EAST, EAST), "GetRoutingControlState", &asked).unwrap();
    assert_eq!(one["RoutingControlState"], "On");
}

#[test]
fn a_rule_refuses_that_none_is_on_unless_it_is_overridden() {
    let mut client = client(Outage::None);
    let off = json!({ "RoutingControlArn": control("east"), "RoutingControlState": "Off" });
    let (status, body) = ask(&mut client, (EAST, EAST), "UpdateRoutingControlState", &off).unwrap();
    assert_eq!((status, &body["__type"]), (409, &json!("ConflictException")));
    let why = body["message"].as_str().unwrap();
    let rule = why.split(' ').find(|word| word.contains("/safetyrule/")).unwrap().to_owned();
    assert_eq!(states(&mut client, EAST), pairs("On", "Off"));
    assert_eq!(set(&mut client, &[("east", "Off")], &[&rule]).unwrap().0, 200);
    assert_eq!(states(&mut client, WEST), pairs("Off", "Off"));
}

#[test]
fn a_gate_that_is_off_holds_its_controls() {
    let mut client = client(Outage::None);
    let (east, west) = (control("east"), control("west"));
    client.cloud().gate_routing_controls(&control("gate"), &[&east, &west]);
    let flip = [("east", "Off"), ("west", "On")];
    assert_eq!(set(&mut client, &flip, &[]).unwrap().0, 409);
    assert_eq!(set(&mut client, &[("gate", "On")], &[]).unwrap().0, 200);
    assert_eq!(set(&mut client, &flip, &[]).unwrap().0, 200);
}

#[test]
fn each_endpoint_is_signed_for_its_own_region_and_can_fail_alone() {
    let mut client = client(Outage::None);
    let list = "ListRoutingControls";
    assert_eq!(ask(&mut client, (EAST, WEST), list, &json!({})).unwrap().0, 403);
    client.cloud().let_endpoint_fail(&host(EAST), EndpointFault::Hangs);
    client.cloud().let_endpoint_fail(&host("eu-west-1"), EndpointFault::Unavailable);
    assert_eq!(ask(&mut client, (EAST, EAST), list, &json!({})), None);
    let (status, body) = ask(&mut client, ("eu-west-1", "eu-west-1"), list, &json!({})).unwrap();
    assert_eq!((status, &body["__type"]), (503, &json!("EndpointTemporarilyUnavailableException")));
    assert_eq!(states(&mut client, "ap-southeast-2"), pairs("On", "Off"));
    assert_eq!(ask(&mut client, ("sa-east-1", "sa-east-1"), list, &json!({})), None);
}

#[test]
fn what_is_unknown_or_misspelt_is_refused_as_a_whole() {
    let mut client = client(Outage::None);
    assert_eq!(set(&mut client, &[("west", "On"), ("north", "On")], &[]).unwrap().0, 404);
    assert_eq!(set(&mut client, &[("west", "ON")], &[]).unwrap().0, 400);
    assert_eq!(set(&mut client, &[], &[]).unwrap().0, 400);
    assert_eq!(states(&mut client, WEST), pairs("On", "Off"));
}

#[test]
fn the_endpoint_of_a_dead_region_is_silent() {
    let mut client = client(Outage::Data);
    assert_eq!(ask(&mut client, (EAST, EAST), "ListRoutingControls", &json!({})), None);
    assert_eq!(set(&mut client, &[("east", "Off"), ("west", "On")], &[]).unwrap().0, 200);
}
