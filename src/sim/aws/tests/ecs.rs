//! ECS and Application Auto Scaling.

use super::*;
use crate::sim::Breaker;
use serde_json::json;

const SERVICE: &str = "AWS::ECS::Service";
const EDGE: (&str, &str) = (WEST, "shop/web");

/// A shop in both regions; the plan wants four tasks in the west.
fn client() -> Client {
    let with = Node::map([("count", number(4)), ("minimum", number(2))]);
    let step = step(with, &[(SERVICE, "shop/web", WEST), (SERVICE, "shop/web", EAST)]);
    Client::of(Cloud::seeded(&plan(vec![step]), Outage::None, start()))
}

fn ecs(client: &mut Client, operation: &str, body: &Value) -> (Response, Value) {
    client.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
}

fn service(client: &mut Client) -> Value {
    let asked = json!({ "cluster": "shop", "services": ["web"] });
    ecs(client, "DescribeServices", &asked).1["services"][0].clone()
}

fn counts(service: &Value) -> [u64; 3] {
    ["desiredCount", "runningCount", "pendingCount"].map(|name| service[name].as_u64().unwrap())
}

fn scale(client: &mut Client, count: i64) -> (Response, Value) {
    let asked = json!({ "cluster": "shop", "service": "web", "desiredCount": count });
    ecs(client, "UpdateService", &asked)
}

fn code(body: &Value) -> &str {
    body["__type"].as_str().unwrap_or_default()
}

#[test]
fn a_new_count_starts_tasks_one_after_the_other_in_the_same_deployment() {
    let mut client = client();
    let before = service(&mut client);
    assert_eq!(counts(&before), [1, 1, 0]);
    let (_, changed) = scale(&mut client, 4);
    assert_eq!(counts(&changed["service"]), [4, 1, 3]);
    let running = |client: &mut Client| {
        let shown = service(client.wait("15s"));
        // The count is no deployment: this one was completed long ago, and stays so.
        assert_eq!(shown["deployments"].as_array().unwrap().len(), 1);
        assert_eq!(shown["deployments"][0]["id"], before["deployments"][0]["id"]);
        assert_eq!(shown["deployments"][0]["rolloutState"], "COMPLETED");
        shown["runningCount"].as_u64().unwrap()
    };
    let steps: Vec<_> = (0..6).map(|_| running(&mut client)).collect();
    assert_eq!(steps, [1, 1, 2, 3, 4, 4]);
    scale(&mut client, 2);
    assert_eq!(counts(&service(&mut client)), [2, 4, 0]);
    assert_eq!(counts(&service(client.wait("30s"))), [2, 2, 0]);
}

#[test]
fn what_is_not_there_is_a_failure_of_its_own_kind() {
    let mut client = client();
    let asked = json!({ "cluster": "shop", "services": ["web", "wbe"] });
    let (response, body) = ecs(&mut client, "DescribeServices", &asked);
    assert_eq!(response.status(), 200);
    assert_eq!(body["services"].as_array().unwrap().len(), 1);
    let arn = format!("arn:aws:ecs:{WEST}:{ACCOUNT}:service/shop/wbe");
    assert_eq!(body["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
    let clusters = ecs(&mut client, "DescribeClusters", &json!({ "clusters": ["shop", "shp"] })).1;
    assert_eq!(clusters["clusters"][0]["runningTasksCount"], 1);
    assert_eq!(clusters["failures"][0]["reason"], "MISSING");
    for (operation, asked, expected) in [
        ("DescribeServices", json!({ "services": ["web"] }), "ClusterNotFoundException"),
        ("DescribeServices", json!({ "cluster": "shop" }), "InvalidParameterException"),
        ("UpdateService", json!({ "cluster": "shop", "service": "w" }), "ServiceNotFoundException"),
        ("ListTasks", json!({}), "UnknownOperationException"),
    ] {
        let (response, body) = ecs(&mut client, operation, &asked);
        assert_eq!((response.status().as_u16(), code(&body)), (400, expected));
    }
    assert_eq!(code(&scale(&mut client, -1).1), "InvalidParameterException");
    client.cloud().delete_service(EDGE.0, EDGE.1);
    assert_eq!(code(&scale(&mut client, 4).1), "ServiceNotActiveException");
    assert_eq!(service(&mut client)["status"], "INACTIVE");
}

#[test]
fn a_deployment_whose_tasks_do_not_start_is_rolled_back() {
    let mut client = client();
    client.cloud().let_deployment_fail(EDGE.0, EDGE.1, Breaker::RollsBack);
    scale(&mut client, 4);
    let shown = service(client.wait("2m"));
    assert_eq!(counts(&shown), [4, 1, 0]);
    let failing = &shown["deployments"][0];
    assert_eq!(
        (&failing["status"], &failing["rolloutState"]),
        (&json!("PRIMARY"), &json!("IN_PROGRESS"))
    );
    assert_eq!((&failing["failedTasks"], &failing["runningCount"]), (&json!(2), &json!(0)));
    let shown = service(client.wait("1m"));
    let states: Vec<_> = shown["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rolloutState"].clone())
        .collect();
    assert_eq!(states, ["IN_PROGRESS", "FAILED"]);
    let reason = shown["deployments"][0]["rolloutStateReason"].as_str().unwrap();
    assert!(reason.contains("rolling back to deploymentId"), "{reason}");
    let shown = service(client.wait("2m"));
    assert_eq!(counts(&shown), [4, 4, 0]);
    assert_eq!(shown["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(shown["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn without_a_rollback_a_failed_deployment_starts_nothing() {
    let mut client = client();
    client.cloud().let_deployment_fail(EDGE.0, EDGE.1, Breaker::Stops);
    client.wait("3m");
    scale(&mut client, 4);
    let shown = service(client.wait("10m"));
    assert_eq!(counts(&shown), [4, 1, 0]);
    assert_eq!(shown["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(shown["deployments"][1]["runningCount"], 1);
    // A new one by somebody who mended it does.
    let asked = json!({ "cluster": "shop", "service": "web", "forceNewDeployment": true });
    ecs(&mut client, "UpdateService", &asked);
    let shown = service(client.wait("2m"));
    assert_eq!(counts(&shown), [4, 4, 0]);
    assert_eq!(shown["deployments"].as_array().unwrap().len(), 1);
}

fn scaling(client: &mut Client, operation: &str, more: &Value) -> (Response, Value) {
    let mut asked = json!({
        "ServiceNamespace": "ecs",
        "ResourceId": "service/shop/web",
        "ScalableDimension": "ecs:service:DesiredCount",
    });
    for (name, value) in more.as_object().unwrap() {
        asked[name] = value.clone();
    }
    client.json("application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), &asked)
}

#[test]
fn a_scalable_target_pulls_the_count_into_its_bounds() {
    let mut client = client();
    let bounds = |client: &mut Client| {
        let shown = scaling(client, "DescribeScalableTargets", &json!({})).1;
        let target = &shown["ScalableTargets"][0];
        ["MinCapacity", "MaxCapacity"].map(|name| target[name].as_u64().unwrap())
    };
    assert_eq!(bounds(&mut client), [1, 8]);
    let (response, body) =
        scaling(&mut client, "RegisterScalableTarget", &json!({ "MinCapacity": 3 }));
    assert_eq!(response.status(), 200);
    assert!(
        body["ScalableTargetARN"].as_str().unwrap().starts_with("arn:aws:application-autoscaling")
    );
    assert_eq!(bounds(&mut client), [3, 8]);
    assert_eq!(counts(&service(&mut client)), [3, 1, 2]);
    let over = scaling(&mut client, "RegisterScalableTarget", &json!({ "MinCapacity": 9 }));
    assert_eq!((over.0.status().as_u16(), code(&over.1)), (400, "ValidationException"));
    let nobody =
        scaling(&mut client, "RegisterScalableTarget", &json!({ "ResourceId": "service/shop/x" }));
    assert_eq!(code(&nobody.1), "ValidationException");
}

#[test]
fn an_idle_service_comes_down_to_its_minimum_after_a_quarter_of_an_hour() {
    let mut client = client();
    client.cloud().let_service_idle(EDGE.0, EDGE.1);
    scale(&mut client, 4);
    assert_eq!(counts(&service(client.wait("14m")))[0], 4);
    assert_eq!(counts(&service(client.wait("1m")))[0], 1);
    scaling(&mut client, "RegisterScalableTarget", &json!({ "MinCapacity": 4 }));
    assert_eq!(counts(&service(client.wait("1h"))), [4, 4, 0]);
}

#[test]
fn the_active_region_runs_what_the_plan_wants() {
    let mut client = client();
    let asked = json!({ "cluster": "shop", "services": ["web"] });
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
    let (_, body) = client.json_to((EAST, "ecs"), target, &asked);
    assert_eq!(counts(&body["services"][0]), [4, 4, 0]);
}
