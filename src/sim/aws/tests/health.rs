//! Health checks: what they find out, and what follows from it.

use super::*;
use crate::sim::aws::cloudwatch::Alarm;

fn answered(client: &mut Client) -> String {
    let server = client.server(0);
    let heard = client.ask(NameServer::Named(&server), "www.example.com.", RecordType::A);
    let east = client.ask(NameServer::Machine, &format!("{EAST_HOST}."), RecordType::A);
    let value = |record: &String| record.rsplit(' ').next().unwrap().to_owned();
    let is_east = heard.records.iter().map(value).eq(east.records.iter().map(value));
    if is_east { "east" } else { "west" }.to_owned()
}

fn update(client: &mut Client, fields: &str) -> (u16, Element) {
    let body = format!(
        "<UpdateHealthCheckRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">{fields}</UpdateHealthCheckRequest>"
    );
    client.rest(Method::POST, "healthcheck/check-1", &body)
}

fn successes(client: &mut Client) -> (usize, usize) {
    let answer = client.read("healthcheck/check-1/status");
    let all = answer.members("HealthCheckObservations");
    let well = all.iter().filter(|one| text(one, "Status").starts_with("Success")).count();
    (well, all.len())
}

fn dark(client: &mut Client, outage: Outage) {
    let now = client.now;
    client.cloud().set_outage(outage, EAST, now);
}

#[test]
fn checkers_are_convinced_one_after_the_other() {
    let mut client = Client::with_pair(probing());
    assert_eq!((successes(&mut client), answered(&mut client).as_str()), ((16, 16), "east"));
    dark(&mut client, Outage::Data);
    // Twice in a row may be chance; the third time convinces.
    assert_eq!(successes(client.wait("20s")), (16, 16));
    assert_eq!(successes(client.wait("5s")), (8, 16));
    assert_eq!(answered(&mut client), "east");
    // Three of sixteen are more than 18 %, two are not.
    assert_eq!(
        (successes(client.wait("3125ms")), answered(&mut client).as_str()),
        ((3, 16), "east")
    );
    assert_eq!(
        (successes(client.wait("625ms")), answered(&mut client).as_str()),
        ((2, 16), "west")
    );
    dark(client.wait("1m"), Outage::None);
    assert_eq!(answered(client.wait("20s")), "west");
    assert_eq!(answered(client.wait("10s")), "east");
}

#[test]
fn a_check_that_follows_an_alarm_goes_by_its_data_and_not_by_its_state() {
    let mut alarm = Alarm::named("stop", WEST, start());
    alarm.metric.namespace = "StopPattern".to_owned();
    alarm.metric.metric = "Over".to_owned();
    let check = HealthCheck {
        alarm: Some((WEST.to_owned(), "stop".to_owned())),
        ..HealthCheck::new("check-1", Kind::CloudwatchMetric)
    };
    let mut client = Client::with_pair(check);
    client.cloud().aws.watch.set(alarm);
    let state = "Action=SetAlarmState&AlarmName=stop&StateValue=ALARM&StateReason=because";
    assert_eq!(client.query((WEST, "monitoring"), state).0, 200);
    assert_eq!(answered(client.wait("45s")), "east");
    let put = "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=Over&MetricData.member.1.Value=1";
    assert_eq!(client.query((WEST, "monitoring"), put).0, 200);
    assert_eq!(answered(client.until("10:01:09")), "east");
    assert_eq!(answered(client.until("10:01:10")), "west");
    assert_eq!(successes(&mut client).0, 0);
    let shown = client.read("healthcheck/check-1");
    assert_eq!(text(&shown, "Type"), "CLOUDWATCH_METRIC");
    assert_eq!(shown.find("AlarmIdentifier").unwrap().text_of("Name"), Some("stop"));
    assert_eq!(text(&shown, "MetricName"), "Over");
    // Long after the last datapoint it says what it said last.
    assert_eq!(answered(client.until("11:00:00")), "west");
}

#[test]
fn an_update_must_know_the_version_and_leaves_the_rest_alone() {
    let mut client = Client::with_pair(probing());
    let fields = "<HealthCheckVersion>7</HealthCheckVersion><Inverted>true</Inverted>";
    let (status, answer) = update(&mut client, fields);
    assert_eq!((status, text(&answer, "Code")), (409, "HealthCheckVersionMismatch"));
    let fields = "<HealthCheckVersion>1</HealthCheckVersion><Inverted>true</Inverted>";
    let (status, answer) = update(&mut client, fields);
    assert_eq!(status, 200);
    assert_eq!(text(&answer, "HealthCheckVersion"), "2");
    assert_eq!(text(&answer, "Inverted"), "true");
    assert_eq!(text(&answer, "FullyQualifiedDomainName"), EAST_HOST);
    assert_eq!(answered(&mut client), "west");
    let (status, answer) = client.rest(Method::GET, "healthcheck/nobody", "");
    assert_eq!((status, text(&answer, "Code")), (404, "NoSuchHealthCheck"));
    assert_eq!(text(&client.read("healthcheck"), "Id"), "check-1");
}

#[test]
fn a_disabled_check_is_healthy_for_ever_unless_it_is_inverted() {
    let mut client = Client::with_pair(probing());
    dark(&mut client, Outage::Data);
    assert_eq!(answered(client.wait("1m")), "west");
    assert_eq!(update(&mut client, "<Disabled>true</Disabled>").0, 200);
    assert_eq!(answered(&mut client), "east");
    assert_eq!(update(&mut client, "<Inverted>true</Inverted>").0, 200);
    assert_eq!(answered(&mut client), "west");
}

#[test]
fn when_nothing_is_well_the_primary_is_answered() {
    let mut client = Client::with_pair(probing());
    let check = HealthCheck { is_inverted: true, ..HealthCheck::new("check-2", Kind::Tcp) };
    let names = &mut client.cloud().aws.names;
    names.checks.push(HealthCheck { host: Some(WEST_HOST.to_owned()), ..check });
    let secondary = "<Name>www.example.com</Name><Type>A</Type><SetIdentifier>2</SetIdentifier><Failover>SECONDARY</Failover><AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>app-2.us-west-2.elb.amazonaws.com</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget><HealthCheckId>check-2</HealthCheckId>";
    assert_eq!(client.change(&[("UPSERT", secondary)]).0, 200);
    dark(&mut client, Outage::Data);
    assert_eq!(answered(client.wait("1m")), "east");
}

#[test]
fn an_alias_that_evaluates_its_target_needs_no_check() {
    let mut client = Client::with_zone();
    for (set, role, host) in [("1", "PRIMARY", EAST_HOST), ("2", "SECONDARY", WEST_HOST)] {
        let set = format!(
            "<Name>www.example.com</Name><Type>A</Type><SetIdentifier>{set}</SetIdentifier><Failover>{role}</Failover><AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>{host}</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
        );
        assert_eq!(client.change(&[("CREATE", &set)]).0, 200);
    }
    dark(client.wait("1m"), Outage::Data);
    assert_eq!(answered(client.wait("59s")), "east");
    assert_eq!(answered(client.wait("1s")), "west");
}

#[test]
fn a_routing_control_and_checks_of_checks_decide_as_well() {
    let control = HealthCheck {
        routing_control: Some("arn:control".to_owned()),
        ..HealthCheck::new("check-1", Kind::RecoveryControl)
    };
    let mut client = Client::with_pair(control);
    assert_eq!(answered(&mut client), "west");
    client.cloud().add_open_routing_control("arn:control");
    assert_eq!(answered(&mut client), "east");
    let parent = HealthCheck {
        children: vec!["check-1".to_owned(), "check-3".to_owned()],
        health_threshold: 2,
        ..HealthCheck::new("check-1", Kind::Calculated)
    };
    let mut client = Client::with_pair(parent);
    // A check that counts itself comes to an end.
    assert_eq!(answered(&mut client), "west");
    assert_eq!(update(&mut client, "<HealthThreshold>1</HealthThreshold>").0, 200);
    assert_eq!(answered(&mut client), "east");
}
