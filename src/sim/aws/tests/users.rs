//! What users see: the app of the region that their resolver was told of.

use super::*;
use crate::sim::{Sees, aws::cloudwatch::Alarm};

const PUBLIC: &str = "https://www.example.com/";

fn get(client: &mut Client, url: &str) -> Option<Response> {
    let request = http::Request::builder().uri(url).body(Bytes::new()).unwrap();
    client.send(&request)
}

fn region(client: &mut Client, url: &str) -> String {
    let response = get(client, url).expect("an answer");
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let region = response.headers()["x-region"].to_str().unwrap();
    assert_eq!(body["region"], region);
    region.to_owned()
}

/// The share of users that the west serves, as it changed.
fn in_the_west(client: &mut Client) -> Vec<(String, f64)> {
    let share = |shares: &[(Sees, f64)]| {
        let west = shares.iter().find(|(sees, _)| *sees == Sees::Region(WEST.to_owned()));
        west.map_or(0.0, |(_, share)| (share * 100.0).round())
    };
    let users = client.cloud().users().iter().filter(|sample| sample.host == "www.example.com");
    users
        .map(|sample| (sample.at.strftime("%H:%M:%S").to_string(), share(&sample.shares)))
        .collect()
}

#[test]
fn a_host_serves_for_the_region_in_its_name() {
    let mut client = Client::with_zone();
    assert_eq!(region(&mut client, &format!("https://{WEST_HOST}/any")), WEST);
    let gateway = "https://d-1.execute-api.us-east-1.amazonaws.com/";
    assert_eq!(region(&mut client, gateway), EAST);
    let now = client.now;
    client.cloud().set_outage(Outage::Data, EAST, now);
    assert!(get(&mut client, gateway).is_none());
    assert!(get(&mut client, "https://nobody.example.com/").is_none());
}

#[test]
fn a_resolver_keeps_what_it_was_told_for_the_ttl() {
    let mut client = Client::with_pair(probing());
    assert_eq!(region(&mut client, PUBLIC), EAST);
    let check = &mut client.cloud().aws.names.checks[0];
    check.is_inverted = true;
    assert_eq!(region(client.wait("59s"), PUBLIC), EAST);
    assert_eq!(region(client.wait("1s"), PUBLIC), WEST);
}

#[test]
fn traffic_moves_within_a_period_a_detection_and_a_ttl() {
    let mut alarm = Alarm::named("stop", WEST, start());
    alarm.metric.namespace = "StopPattern".to_owned();
    alarm.metric.metric = "Over".to_owned();
    let check = HealthCheck {
        alarm: Some((WEST.to_owned(), "stop".to_owned())),
        ..HealthCheck::new("check-1", Kind::CloudwatchMetric)
    };
    let mut client = Client::with_pair(check);
    client.cloud().aws.watch.set(alarm);
    client.until("10:00:20");
    let put = "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=Over&MetricData.member.1.Value=1";
    assert_eq!(client.query((WEST, "monitoring"), put).0, 200);
    client.until("10:10:00");
    let expected = [
        ("10:00:00", 0.0),
        ("10:01:25", 25.0),
        ("10:01:40", 50.0),
        ("10:01:55", 75.0),
        ("10:02:10", 100.0),
    ];
    assert_eq!(in_the_west(&mut client), expected.map(|(at, share)| (at.to_owned(), share)));
}

#[test]
fn users_follow_weights_as_the_servers_learn_of_them() {
    let mut client = Client::with_zone();
    let set = |set: &str, weight: u8, host: &str| {
        format!(
            "<Name>www.example.com</Name><Type>CNAME</Type><SetIdentifier>{set}</SetIdentifier><Weight>{weight}</Weight><TTL>20</TTL><ResourceRecords><ResourceRecord><Value>{host}</Value></ResourceRecord></ResourceRecords>"
        )
    };
    let both = |east: u8, west: u8| [set("e", east, EAST_HOST), set("w", west, WEST_HOST)];
    let [east, west] = both(100, 0);
    assert_eq!(client.change(&[("CREATE", &east), ("CREATE", &west)]).0, 200);
    client.wait("2m");
    let [east, west] = both(80, 20);
    assert_eq!(client.change(&[("UPSERT", &east), ("UPSERT", &west)]).0, 200);
    client.wait("2m");
    let shares = in_the_west(&mut client);
    assert!(shares.is_sorted_by(|a, b| a.1 <= b.1), "{shares:?}");
    // The slowest server knows after 26 s, and the last of its old answers is gone one TTL later.
    assert_eq!(shares.last(), Some(&("10:02:46".to_owned(), 20.0)));
}

#[test]
fn what_was_accepted_makes_the_same_world_again() {
    let mut client = Client::with_pair(probing());
    let copy = serde_json::to_string(client.cloud()).unwrap();
    let mut copy = Client::of(serde_json::from_str(&copy).unwrap());
    let set = address("a.example.com", "", "192.0.2.1");
    for client in [&mut client, &mut copy] {
        client.until("10:00:07");
        assert_eq!(client.change(&[("CREATE", &set)]).0, 200);
    }
    // Only one of them is looked at in between.
    for _ in 0..100 {
        client.wait("1s").read(&format!("hostedzone/{ZONE}/rrset"));
        region(&mut client, PUBLIC);
    }
    copy.now = client.now;
    let [one, other] =
        [&mut client, &mut copy].map(|client| serde_json::to_value(client.cloud()).unwrap());
    assert_eq!(one, other);
}
