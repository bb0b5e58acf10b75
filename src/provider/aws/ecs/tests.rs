use super::*;
use crate::{
    action::{Applied, Weight},
    model::{Node, Value as Plain},
    provider::testing::*,
};

const ARN: &str = "arn:aws:ecs:us-west-2:123456789012:service/prod/checkout";

/// What `DescribeServices` answers of a service that runs so many of so many tasks, in these deployments.
fn service(running: i64, desired: i64, rollouts: &[&str]) -> Value {
    let deployment = |(place, rollout): (usize, &&str)| {
        json!({
            "id": format!("ecs-svc/{place}"),
            "status": if place == 0 { "PRIMARY" } else { "ACTIVE" },
            "desiredCount": desired,
            "pendingCount": desired - running,
            "runningCount": running,
            "failedTasks": 0,
            "createdAt": 1_763_632_944.12,
            "launchType": "FARGATE",
            "rolloutState": rollout,
            "rolloutStateReason": format!("ECS deployment ecs-svc/{place} is {rollout}."),
        })
    };
    json!({
        "serviceArn": ARN,
        "serviceName": "checkout",
        "clusterArn": "arn:aws:ecs:us-west-2:123456789012:cluster/prod",
        "status": "ACTIVE",
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": desired - running,
        "launchType": "FARGATE",
        "schedulingStrategy": "REPLICA",
        "deploymentController": { "type": "ECS" },
        "deployments": rollouts.iter().enumerate().map(deployment).collect::<Vec<_>>(),
        "events": [{
            "id": "e1",
            "createdAt": 1_763_632_944.12,
            "message": "(service checkout) was unable to place a task.",
        }],
    })
}

fn described(service: &Value) -> Outcome {
    ok(&json!({ "services": [service], "failures": [] }).to_string())
}

fn targets(range: &[(i64, i64)]) -> Outcome {
    let target = |(least, most): &(i64, i64)| {
        json!({
            "ServiceNamespace": "ecs",
            "ResourceId": "service/prod/checkout",
            "ScalableDimension": DIMENSION,
            "MinCapacity": least,
            "MaxCapacity": most,
            "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/ecs",
            "CreationTime": 1_763_632_944.12,
            "SuspendedState": {
                "DynamicScalingInSuspended": false,
                "DynamicScalingOutSuspended": false,
                "ScheduledScalingSuspended": false,
            },
        })
    };
    let targets: Vec<_> = range.iter().map(target).collect();
    ok(&json!({ "ScalableTargets": targets }).to_string())
}

/// The same while scaling in is suspended.
fn suspended(range: &[(i64, i64)]) -> Outcome {
    let answer = targets(range).unwrap();
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let on = r#""DynamicScalingInSuspended":true"#;
    ok(&text.replace(r#""DynamicScalingInSuspended":false"#, on))
}

fn scale(script: &Arc<Script>, minimum: Option<i64>, exactly: bool) -> Arc<dyn Action> {
    let resource = aws_resource("AWS::ECS::Service", "prod/checkout", Some("us-west-2"));
    let mut with = Node::map([
        ("service", node(&resource)),
        ("count", Node::made(Plain::Int(4))),
        ("exactly", Node::made(Plain::Bool(exactly))),
    ]);
    if let Some(minimum) = minimum {
        with.set("minimum", Node::made(Plain::Int(minimum)));
    }
    (SCALE.bind)(&Params::new(&with), &script.clients()).unwrap()
}

async fn observed(service: &Value, exactly: bool) -> Answer {
    let script = Script::new().on("POST DescribeServices", described(service));
    scale(&script, None, exactly).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn the_count_is_set_and_then_the_minimum() {
    let done = ["COMPLETED"];
    let script = Script::new()
        .on("POST .DescribeServices", described(&service(1, 1, &done)))
        .on("POST .DescribeServices", described(&service(1, 4, &done)))
        .on("POST .DescribeScalableTargets", targets(&[(1, 10)]))
        .on("POST .UpdateService", described(&service(1, 4, &done)))
        .on("POST .RegisterScalableTarget", ok(r#"{"ScalableTargetARN":"arn"}"#));
    let action = scale(&script, Some(4), false);
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let says: Vec<_> = changes.iter().map(|change| change.says.as_str()).collect();
    assert_eq!(
        says,
        ["prod/checkout: 1 → 4 tasks", "prod/checkout: autoscaling keeps 1 → 4 tasks or more"]
    );
    let applied = action.apply(&changes[0], &permit().await).await;
    assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");
    assert_eq!(missing(&action.observe(&look()).await.unwrap().answer), ["minimum"]);
    action.apply(&changes[1], &permit().await).await.unwrap();

    let sent = script.sent();
    let of = |piece: &str| sent.iter().find(|line| line.contains(piece)).unwrap().as_str();
    let update = r#"POST / {"cluster":"prod","service":"checkout","desiredCount":4}"#;
    assert_eq!(of("desiredCount"), update);
    let register = r#"POST / {"ServiceNamespace":"ecs","ResourceId":"service/prod/checkout","ScalableDimension":"ecs:service:DesiredCount","MinCapacity":4}"#;
    assert_eq!(of("MinCapacity"), register);
    let target = script.request(0).headers()["x-amz-target"].clone();
    assert_eq!(target, "AmazonEC2ContainerServiceV20141113.DescribeServices");
    let host = script.request(0).uri().host().unwrap().to_owned();
    assert_eq!(host, "ecs.us-west-2.amazonaws.com");
}

#[tokio::test]
async fn more_than_was_asked_for_is_taken_away_only_when_exactly_that_is_meant() {
    let more = service(9, 9, &["COMPLETED"]);
    assert_eq!(observed(&more, false).await, Answer::AsDesired);
    assert_eq!(missing(&observed(&more, true).await), ["count"]);
}

#[tokio::test]
async fn tasks_are_waited_for_until_the_service_is_steady() {
    let table = [
        (service(4, 4, &["COMPLETED"]), None),
        // The controller is another one, or a Classic Load Balancer stands before it.
        (service(4, 4, &[]), None),
        (service(4, 4, &[""]), None),
        (
            service(2, 4, &["COMPLETED"]),
            Some(
                "`prod/checkout` runs 2 of 4 tasks: (service checkout) was unable to place a task.",
            ),
        ),
        (
            service(4, 4, &["IN_PROGRESS"]),
            Some("`prod/checkout` runs 4 of 4 tasks while a deployment is under way"),
        ),
        (
            service(4, 4, &["COMPLETED", "COMPLETED"]),
            Some("`prod/checkout` runs 4 of 4 tasks while a deployment is under way"),
        ),
    ];
    for (service, why) in table {
        let expected = match why {
            None => Answer::AsDesired,
            Some(why) => Answer::NotYet { why: why.to_owned(), look_again: LOOK_AGAIN },
        };
        assert_eq!(observed(&service, false).await, expected);
    }
}

#[tokio::test]
async fn what_will_never_run_says_why() {
    let of = |name: &str, value: &str| {
        let mut service = service(4, 4, &["COMPLETED"]);
        service[name] = json!(value);
        described(&service)
    };
    let failure = |reason: &str| {
        let failure = json!({ "arn": ARN, "reason": reason });
        ok(&json!({ "services": [], "failures": [failure] }).to_string())
    };
    let no_cluster = r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#;
    let table = [
        (
            failure("MISSING"),
            "there is no service `prod/checkout` in us-west-2 in the account 123456789012",
        ),
        (
            failure("THROTTLED"),
            "arn:aws:ecs:us-west-2:123456789012:service/prod/checkout: THROTTLED",
        ),
        (
            answer(400, &[], no_cluster),
            "there is no cluster of the service `prod/checkout` in us-west-2 in the account 123456789012",
        ),
        (of("status", "DRAINING"), "`prod/checkout` is DRAINING, not ACTIVE"),
        (
            of("schedulingStrategy", "DAEMON"),
            "`prod/checkout` is a DAEMON: it runs one task on each instance, and has no count",
        ),
        (
            described(&service(4, 4, &["IN_PROGRESS", "FAILED"])),
            "`prod/checkout` was not rolled out: ECS deployment ecs-svc/1 is FAILED.",
        ),
    ];
    for (outcome, why) in table {
        let script = Script::new().on("POST DescribeServices", outcome);
        let seen = scale(&script, None, false).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::Never { why: why.to_owned() });
    }
}

#[tokio::test]
async fn a_minimum_above_the_maximum_is_refused_beforehand() {
    let script = Script::new()
        .on("POST DescribeServices", described(&service(4, 4, &["COMPLETED"])))
        .on("POST DescribeScalableTargets", targets(&[(1, 3)]));
    let seen = scale(&script, Some(4), false).observe(&look()).await.unwrap();
    let why = "autoscaling lets `prod/checkout` run 3 tasks at most, so 4 cannot be its minimum: raise its maximum first";
    assert_eq!(seen.answer, Answer::Never { why: why.to_owned() });
    assert_eq!(seen.evidence.get("minimum"), Some(&Datum::Count(1)));
}

#[tokio::test]
async fn what_autoscaling_would_undo_is_told_beforehand() {
    let (note, warning) = (Weight::Note, Weight::Warning);
    let table = [
        (None, false, vec![], vec![]),
        (None, false, vec![(4, 10)], vec![]),
        (
            None,
            false,
            vec![(1, 10)],
            vec![(warning, "down to 1 tasks again: `minimum: 4` prevents it")],
        ),
        (
            Some(4),
            false,
            vec![(1, 3)],
            vec![(warning, "3 tasks at most, and may take 4 down to that")],
        ),
        (Some(4), false, vec![], vec![(note, "nothing scales `prod/checkout` by itself")]),
        (None, true, vec![(6, 10)], vec![(warning, "6 tasks or more, and 4 are wanted")]),
    ];
    for (minimum, exactly, range, expected) in table {
        let script = Script::new()
            .on("POST DescribeScalableTargets", targets(&range))
            .on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
        // The first one tells that the permissions are not known.
        let findings = scale(&script, minimum, exactly).examine().await.split_off(1);
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, (weight, piece)) in findings.iter().zip(&expected) {
            assert!(finding.weight == *weight && finding.says.contains(piece), "{finding:?}");
        }
    }
}

#[test]
fn a_service_is_named_with_its_cluster() {
    let table = [
        ("prod/checkout", Some(("prod", "checkout"))),
        (ARN, Some(("prod", "checkout"))),
        ("checkout", None),
        ("arn:aws:ecs:us-west-2:123456789012:service/checkout", None),
        ("/checkout", None),
        ("a/b/c", None),
    ];
    for (name, expected) in table {
        assert_eq!(cluster_and_service(name), expected, "{name}");
    }
}

#[tokio::test]
async fn an_autoscaling_that_takes_nothing_away_is_no_danger() {
    let script = Script::new()
        .on("POST DescribeScalableTargets", suspended(&[(1, 10)]))
        .on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
    assert_eq!(scale(&script, None, false).examine().await.len(), 1, "the permissions alone");
}
