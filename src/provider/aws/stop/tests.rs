use super::*;
use crate::{
    model::{Node, Value},
    provider::{dns::testing::Servers, testing::*},
};
use hickory_proto::rr::RecordType;
use serde_json::json;

/// Long enough ago for a period to be over.
const BEFORE: &str = "2026-11-20T09:00:00Z";

/// What the clouds answer: everything as it must be, and nothing moved yet.
struct Scene {
    alarm: String,
    health_check: String,
    records: String,
    served_by: &'static str,
    answers: &'static str,
    to: &'static str,
}

const EAST: &str = "192.0.2.1";
const WEST: &str = "192.0.2.2";

impl std::default::Default for Scene {
    fn default() -> Self {
        Self {
            alarm: alarm("OK", BEFORE),
            health_check: HEALTH_CHECK.to_owned(),
            records: RECORDS.to_owned(),
            served_by: "us-east-1",
            answers: EAST,
            to: "us-west-2",
        }
    }
}

fn alarm(state: &str, since: &str) -> String {
    let since: jiff::Timestamp = since.parse().unwrap();
    let alarm = json!({
        "AlarmName": "stop",
        "StateValue": state,
        "StateTransitionedTimestamp": since.as_second(),
        "Namespace": "StopPattern",
        "MetricName": "FailoverToSecondary",
        "Dimensions": [{ "Name": "service", "Value": "stop-demo" }],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    });
    json!({ "MetricAlarms": [alarm] }).to_string()
}

const HEALTH_CHECK: &str = "<GetHealthCheckResponse><HealthCheck><Id>hc-1</Id><HealthCheckConfig>\
    <Type>CLOUDWATCH_METRIC</Type><Inverted>false</Inverted><Disabled>false</Disabled>\
    <AlarmIdentifier><Region>us-west-2</Region><Name>stop</Name></AlarmIdentifier>\
    </HealthCheckConfig></HealthCheck></GetHealthCheckResponse>";

const ZONE_ANSWER: &str = "<GetHostedZoneResponse><HostedZone><Id>/hostedzone/Z1</Id>\
    <Name>example.com.</Name></HostedZone></GetHostedZoneResponse>";

const RECORDS: &str = "<ListResourceRecordSetsResponse><ResourceRecordSets>\
    <ResourceRecordSet><Name>www.example.com.</Name><Type>A</Type><SetIdentifier>1</SetIdentifier>\
    <Failover>PRIMARY</Failover><AliasTarget><HostedZoneId>Z9</HostedZoneId><DNSName>east.example.net.</DNSName></AliasTarget>\
    <HealthCheckId>hc-1</HealthCheckId></ResourceRecordSet>\
    <ResourceRecordSet><Name>www.example.com.</Name><Type>A</Type><SetIdentifier>2</SetIdentifier>\
    <Failover>SECONDARY</Failover><AliasTarget><HostedZoneId>Z9</HostedZoneId><DNSName>west.example.net.</DNSName></AliasTarget>\
    </ResourceRecordSet></ResourceRecordSets></ListResourceRecordSetsResponse>";

impl Scene {
    fn script(&self) -> Arc<Script> {
        let page = format!(r#"{{"region":"{}"}}"#, self.served_by);
        Script::new()
            .on("POST DescribeAlarms", ok(&self.alarm))
            .on("POST PutMetricData", ok("{}"))
            .on("GET healthcheck/hc-1", ok(&self.health_check))
            .on("GET hostedzone/Z1/rrset", ok(&self.records))
            .on("GET hostedzone/Z1", ok(ZONE_ANSWER))
            .on("GET www.example.com", ok(&page))
            .on("GET us-west-2.example.net", ok(r#"{"region":"us-west-2"}"#))
            .on("GET us-east-1.example.net", ok(r#"{"region":"us-east-1"}"#))
    }

    fn action(&self, script: &Arc<Script>) -> Arc<dyn Action> {
        let dns = Servers::default()
            .on("example.com.", RecordType::NS, &["ns-1.", "ns-2."])
            .on("east.example.net.", RecordType::A, &[EAST])
            .on("west.example.net.", RecordType::A, &[WEST])
            .on("www.example.com.", RecordType::A, &[self.answers]);
        let clients = Clients { dns: Arc::new(dns), ..script.clients() };
        let global = |kind: &str, name: &str| node(&aws_resource(kind, name, None));
        let from = if self.to == "us-west-2" { "us-east-1" } else { "us-west-2" };
        let with = Node::map([
            ("alarm", node(&aws_resource("AWS::CloudWatch::Alarm", "stop", Some("us-west-2")))),
            ("namespace", Node::text("StopPattern")),
            ("metric", Node::text("FailoverToSecondary")),
            ("dimensions", Node::map([("service", Node::text("stop-demo"))])),
            ("health_check", global("AWS::Route53::HealthCheck", "hc-1")),
            ("zone", global("AWS::Route53::HostedZone", "Z1")),
            ("record", Node::text("www.example.com")),
            ("standby", Node::text("us-west-2")),
            ("from", Node::text(from)),
            ("to", Node::text(self.to)),
            ("probe", Node::text(format!("https://{}.example.net/", self.to))),
            ("url", Node::text("https://www.example.com/")),
            ("answers", Node::made(Value::Int(1))),
        ]);
        (TRIGGER.bind)(&Params::new(&with), &clients).unwrap()
    }

    async fn observe(&self) -> Observation {
        self.action(&self.script()).observe(&look()).await.unwrap()
    }

    async fn never(&self) -> String {
        match self.observe().await.answer {
            Answer::Never { why } => why,
            other => panic!("not Never but {other:?}"),
        }
    }

    async fn not_yet(&self) -> String {
        match self.observe().await.answer {
            Answer::NotYet { why, .. } => why,
            other => panic!("not NotYet but {other:?}"),
        }
    }
}

#[tokio::test]
async fn one_is_published_to_take_over_and_zero_to_give_back() {
    let over = Scene::default();
    let script = over.script();
    apply_first(&over.action(&script)).await.unwrap();
    assert!(script.sent().pop().unwrap().contains("\"Value\":1,"));

    let back = Scene {
        alarm: alarm("ALARM", BEFORE),
        served_by: "us-west-2",
        answers: WEST,
        to: "us-east-1",
        ..Scene::default()
    };
    let script = back.script();
    apply_first(&back.action(&script)).await.unwrap();
    assert!(script.sent().pop().unwrap().contains("\"Value\":0,"));
}

#[tokio::test]
async fn it_goes_on_for_one_more_period_after_the_alarm_has_flipped() {
    let flipped = Scene { alarm: alarm("ALARM", "2026-11-20T10:02:00Z"), ..Scene::default() };
    assert_eq!(missing(&flipped.observe().await.answer), ["publish"]);
    let moved = Scene {
        alarm: alarm("ALARM", "2026-11-20T10:01:00Z"),
        served_by: "us-west-2",
        answers: WEST,
        ..Scene::default()
    };
    let seen = moved.observe().await;
    assert_eq!(seen.answer, Answer::AsDesired);
    assert_eq!(seen.serves, crate::action::Serves::Region("us-west-2".into()));
    assert_eq!(seen.evidence.get("servers"), Some(&Datum::Text("2 of 2".to_owned())));
}

#[tokio::test]
async fn an_alarm_that_has_flipped_is_not_yet_traffic_that_has_moved() {
    let alarm = || alarm("ALARM", BEFORE);
    let no_dns = Scene { alarm: alarm(), served_by: "us-west-2", ..Scene::default() };
    assert_eq!(no_dns.not_yet().await, "ns-2. still answers 192.0.2.1 for www.example.com");
    let no_traffic = Scene { alarm: alarm(), answers: WEST, ..Scene::default() };
    let why = "https://www.example.com/: answered from us-east-1, not from us-west-2";
    assert_eq!(no_traffic.not_yet().await, why);
}

#[tokio::test]
async fn nothing_is_published_while_nobody_would_answer_over_there() {
    let scene = Scene::default();
    let script =
        Script::new().on("GET us-west-2.example.net", answer(503, &[], "")).and(&scene.script());
    let seen = scene.action(&script).observe(&look()).await.unwrap();
    let Answer::NotYet { why, .. } = seen.answer else { panic!("{:?}", seen.answer) };
    let expected = "us-west-2 is not ready to serve: https://us-west-2.example.net/: answered 503";
    assert_eq!(why, expected);
}

#[tokio::test]
async fn whatever_is_not_tied_together_is_told_before_anything_is_published() {
    let replaced = |whole: &str, old: &str, new: &str| {
        assert!(whole.contains(old), "{old}");
        whole.replace(old, new)
    };
    let of_alarm = |old: &str, new: &str| Scene {
        alarm: replaced(&alarm("OK", BEFORE), old, new),
        ..Scene::default()
    };
    let of_check = |old: &str, new: &str| Scene {
        health_check: replaced(HEALTH_CHECK, old, new),
        ..Scene::default()
    };
    let of_records =
        |old: &str, new: &str| Scene { records: replaced(RECORDS, old, new), ..Scene::default() };
    let published = "StopPattern FailoverToSecondary {service=stop-demo}";
    let table = [
        (
            of_alarm(r#""Namespace":"StopPattern"#, r#""Namespace":"StopPatten"#),
            format!("stop watches StopPatten FailoverToSecondary {{service=stop-demo}}, and {published} would be published"),
        ),
        (
            of_alarm(r#""Value":"stop-demo"#, r#""Value":"stop"#),
            format!("stop watches StopPattern FailoverToSecondary {{service=stop}}, and {published} would be published"),
        ),
        (
            of_alarm("Maximum", "Average"),
            "stop takes the Average of a period, not the Maximum".to_owned(),
        ),
        (
            of_alarm(r#""Period":60"#, r#""Period":300"#),
            "stop looks at 1 of 1 periods of 300 s, not at one of 60 s".to_owned(),
        ),
        (
            of_alarm(r#""Threshold":1.0"#, r#""Threshold":2.0"#),
            "stop tells 0 from 1 by no threshold: GreaterThanOrEqualToThreshold 2".to_owned(),
        ),
        (
            of_check("<Name>stop<", "<Name>other<"),
            "the health check hc-1 watches the alarm other in us-west-2, not stop in us-west-2".to_owned(),
        ),
        (
            of_check("<Disabled>false", "<Disabled>true"),
            "the health check hc-1 is disabled".to_owned(),
        ),
        (
            of_check("<Inverted>false", "<Inverted>true"),
            "the health check hc-1 is inverted".to_owned(),
        ),
        (
            of_check("CLOUDWATCH_METRIC", "HTTPS"),
            "the health check hc-1 is of type HTTPS, and watches no alarm".to_owned(),
        ),
        (
            of_records("<HealthCheckId>hc-1</HealthCheckId>", ""),
            "the PRIMARY record of www.example.com does not carry the health check hc-1".to_owned(),
        ),
        (
            of_records("SECONDARY", "PRIMARY"),
            "www.example.com has 2 PRIMARY records, not one; www.example.com has 0 SECONDARY records, not one".to_owned(),
        ),
    ];
    for (scene, why) in table {
        assert_eq!(scene.never().await, why);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let empty = r#"{"MetricAlarms":[]}"#;
    let scene = Scene { alarm: empty.to_owned(), ..Scene::default() };
    let why = "there is no alarm `stop` in us-west-2 in the account 123456789012";
    assert_eq!(scene.never().await, why);

    let scene = Scene::default();
    let script = Script::new()
        .on("GET healthcheck/hc-1", aws_no(404, "NoSuchHealthCheck"))
        .and(&scene.script());
    let seen = scene.action(&script).observe(&look()).await.unwrap();
    let why = "there is no health check `hc-1`".to_owned();
    assert_eq!(seen.answer, Answer::Never { why });
}

#[tokio::test]
async fn a_control_plane_that_is_down_does_not_keep_traffic_where_it_is() {
    let scene = Scene::default();
    let script = Script::new()
        .on("GET healthcheck/hc-1", unanswered())
        .on("GET hostedzone/Z1", unanswered())
        .and(&scene.script());
    let action = scene.action(&script);
    let seen = action.observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["publish"]);
    assert_eq!(seen.evidence.get("health_check"), Some(&Datum::Text("not known".to_owned())));
}
