use super::*;
use crate::{
    model::{Node, Value},
    provider::testing::{
        Script, apply_first, aws_no, aws_resource, bound, look, missing, node, ok,
    },
};

const HTTP: &str =
    "<Type>HTTP</Type><FullyQualifiedDomainName>east.example.com</FullyQualifiedDomainName>";
const METRIC: &str = "<Type>CLOUDWATCH_METRIC</Type><AlarmIdentifier><Region>us-west-2</Region>\
    <Name>stop</Name></AlarmIdentifier><InsufficientDataHealthStatus>LastKnownStatus</InsufficientDataHealthStatus>";

fn check(id: &str, config: &str) -> String {
    format!(
        "<GetHealthCheckResponse><HealthCheck><Id>{id}</Id><CallerReference>c</CallerReference>\
         <HealthCheckConfig>{config}</HealthCheckConfig><HealthCheckVersion>7</HealthCheckVersion>\
         </HealthCheck></GetHealthCheckResponse>"
    )
}

fn checkers(good: usize, bad: usize) -> String {
    let observation = |status: &str| {
        format!(
            "<HealthCheckObservation><Region>us-east-1</Region><IPAddress>192.0.2.9</IPAddress><StatusReport>\
             <Status>{status}</Status><CheckedTime>2026-11-20T10:02:00Z</CheckedTime></StatusReport>\
             </HealthCheckObservation>"
        )
    };
    let good = observation("Success: HTTP Status Code 200, OK").repeat(good);
    let bad = observation("Failure: Connection timed out.").repeat(bad);
    format!(
        "<GetHealthCheckStatusResponse><HealthCheckObservations>{good}{bad}</HealthCheckObservations>\
         </GetHealthCheckStatusResponse>"
    )
}

fn alarm(state: &str) -> String {
    format!(r#"{{ "MetricAlarms": [{{ "AlarmName": "stop", "StateValue": "{state}" }}] }}"#)
}

fn script(config: &str) -> Arc<Script> {
    Script::new().on("GET /healthcheck/hc ", ok(&check("hc", config)))
}

fn turn(script: &Arc<Script>, name: &str, value: Value) -> Arc<dyn Action> {
    let check = node(&aws_resource("AWS::Route53::HealthCheck", "hc", None));
    bound(&HEALTH_CHECK, script, [("health_check", check), (name, Node::made(value))])
}

fn wait(script: &Arc<Script>, want: &str) -> Arc<dyn Action> {
    turn(script, "want", Value::Text(want.to_owned()))
}

#[tokio::test]
async fn more_than_eighteen_percent_are_enough() {
    let table = [
        (HTTP, 16, 0, "healthy"),
        (HTTP, 10, 40, "healthy"),
        (HTTP, 9, 41, "unhealthy"),
        (HTTP, 0, 16, "unhealthy"),
        ("<Type>HTTP</Type><Inverted>true</Inverted>", 16, 0, "unhealthy"),
        ("<Type>TCP</Type><Inverted>true</Inverted>", 0, 16, "healthy"),
    ];
    for (config, good, bad, expected) in table {
        let script = script(config).on("GET /healthcheck/hc/status", ok(&checkers(good, bad)));
        for want in ["healthy", "unhealthy"] {
            let seen = wait(&script, want).observe(&look()).await.unwrap();
            let status = seen.evidence.get("status").unwrap().to_string();
            assert_eq!(status, expected, "{config} {good}:{bad}");
            let is_so = matches!(seen.answer, Answer::AsDesired);
            assert_eq!(is_so, want == expected, "{:?}", seen.answer);
        }
    }
}

#[tokio::test]
async fn an_alarm_decides_where_no_checker_says_anything() {
    let table = [
        ("OK", "AsDesired"),
        ("ALARM", "its alarm stop in us-west-2 is ALARM"),
        ("INSUFFICIENT_DATA", "hc is not known: its alarm stop in us-west-2 is INSUFFICIENT_DATA"),
    ];
    for (state, expected) in table {
        for refusal in [ok(&checkers(0, 0)), aws_no(400, "InvalidInput")] {
            let script = script(METRIC)
                .on("GET /healthcheck/hc/status", refusal)
                .on("POST DescribeAlarms", ok(&alarm(state)));
            let answer = wait(&script, "healthy").observe(&look()).await.unwrap().answer;
            assert!(format!("{answer:?}").contains(expected), "{answer:?}");
            assert_eq!(script.request(2).uri().host(), Some("monitoring.us-west-2.amazonaws.com"));
        }
    }
}

#[tokio::test]
async fn a_calculated_check_is_counted_out() {
    let config = |enough: usize| {
        format!(
            "<Type>CALCULATED</Type><HealthThreshold>{enough}</HealthThreshold><ChildHealthChecks>\
             <ChildHealthCheck>one</ChildHealthCheck><ChildHealthCheck>two</ChildHealthCheck>\
             <ChildHealthCheck>sum</ChildHealthCheck></ChildHealthChecks>"
        )
    };
    for (enough, expected) in [(1, "healthy"), (2, "not known"), (3, "unhealthy")] {
        let script = script(&config(enough))
            .on("GET /healthcheck/one ", ok(&check("one", HTTP)))
            .on("GET /healthcheck/one/status", ok(&checkers(16, 0)))
            .on("GET /healthcheck/two ", ok(&check("two", HTTP)))
            .on("GET /healthcheck/two/status", ok(&checkers(0, 16)))
            .on("GET /healthcheck/sum ", ok(&check("sum", "<Type>CALCULATED</Type>")));
        let seen = wait(&script, "healthy").observe(&look()).await.unwrap();
        assert_eq!(seen.evidence.get("status").unwrap().to_string(), expected, "{enough}");
    }
}

#[tokio::test]
async fn what_no_waiting_will_bring_is_told() {
    let table = [
        ("<Type>HTTP</Type><Disabled>true</Disabled>", "takes it for healthy whatever happens"),
        ("<Type>RECOVERY_CONTROL</Type>", "`aws.arc.routing_control` does"),
    ];
    for (config, expected) in table {
        let script = script(config).on("GET /healthcheck/hc/status", aws_no(400, "InvalidInput"));
        let answer = wait(&script, "healthy").observe(&look()).await.unwrap().answer;
        let Answer::Never { why } = answer else { panic!("{answer:?}") };
        assert!(why.contains(expected), "{why}");
    }
    let none = Script::new().on("GET /healthcheck/hc ", aws_no(404, "NoSuchHealthCheck"));
    let why = "there is no health check `hc` in the account 123456789012".to_owned();
    let answer = wait(&none, "healthy").observe(&look()).await.unwrap().answer;
    assert_eq!(answer, Answer::Never { why });
}

#[tokio::test]
async fn a_check_is_inverted_and_put_back() {
    let table = [("", true, "invert"), ("<Inverted>true</Inverted>", false, "put back")];
    for (now, wanted, id) in table {
        let script = script(&format!("{HTTP}{now}"))
            .on("GET /healthcheck/hc/status", ok(&checkers(16, 0)))
            .on("POST /healthcheck/hc", ok("<UpdateHealthCheckResponse/>"));
        let action = turn(&script, "inverted", Value::Bool(wanted));
        assert_eq!(missing(&action.observe(&look()).await.unwrap().answer), [id]);
        apply_first(&action).await.unwrap();
        let sent = format!(
            "POST /2013-04-01/healthcheck/hc <?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <UpdateHealthCheckRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <HealthCheckVersion>7</HealthCheckVersion><Inverted>{wanted}</Inverted></UpdateHealthCheckRequest>"
        );
        assert_eq!(script.changes(), [sent]);
        let other = turn(&script, "inverted", Value::Bool(!wanted));
        assert_eq!(other.observe(&look()).await.unwrap().answer, Answer::AsDesired);
    }
}

#[tokio::test]
async fn what_is_unwell_is_not_inverted() {
    let script = script(HTTP).on("GET /healthcheck/hc/status", ok(&checkers(0, 16)));
    let seen = turn(&script, "inverted", Value::Bool(true)).observe(&look()).await.unwrap();
    let Answer::Never { why } = &seen.answer else { panic!("{seen:?}") };
    assert!(why.contains("hc is unhealthy already"), "{why}");
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_read_again() {
    let script = script(HTTP)
        .on("GET /healthcheck/hc/status", ok(&checkers(16, 0)))
        .on("POST /healthcheck/hc", aws_no(409, "HealthCheckVersionMismatch"));
    let action = turn(&script, "inverted", Value::Bool(true));
    let later = apply_first(&action).await;
    assert!(matches!(later, Err(Unapplied::Deferred { .. })), "{later:?}");
}

#[test]
fn a_step_says_what_it_waits_for() {
    let check = node(&aws_resource("AWS::Route53::HealthCheck", "hc", None));
    let with = Node::map([("health_check", check)]);
    let made = (HEALTH_CHECK.bind)(&Params::new(&with), &Script::new().clients());
    assert!(made.err().unwrap().message.contains("needs `want`, `inverted` or both"));
}
