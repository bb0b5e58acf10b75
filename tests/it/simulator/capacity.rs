//! The simulated capacity of AWS against AWS's API models: what is scaled, served, promoted and switched.

use super::aws::{Client, EAST, ENDPOINT, WEST, step};
use failover::{
    model::{Node, Value as Given},
    plan::Work,
};
use serde_json::json;
use std::time::Duration;

fn number(number: i64) -> Node {
    Node::made(Given::Int(number))
}

#[tokio::test]
async fn the_simulated_services_keep_the_contract() {
    let with = Node::map([("count", number(4)), ("minimum", number(2))]);
    let service = "AWS::ECS::Service";
    let client =
        Client::new(step(with, &[(service, "shop/web", WEST), (service, "shop/web", EAST)]));
    let (ecs, web) = ("ecs", json!({ "cluster": "shop", "services": ["web", "nobody"] }));
    assert_eq!(client.json(ecs, "DescribeServices", web.clone()).await, 200);
    let four = json!({ "cluster": "shop", "service": "web", "desiredCount": 4 });
    assert_eq!(client.json(ecs, "UpdateService", four).await, 200);
    for _ in 0..4 {
        assert_eq!(client.json(ecs, "DescribeServices", web.clone()).await, 200);
        client.clock.sleep(Duration::from_secs(20)).await;
    }
    let nobody = json!({ "cluster": "shop", "service": "nobody", "desiredCount": 1 });
    assert_eq!(client.json(ecs, "UpdateService", nobody).await, 400);
    let nowhere = json!({ "cluster": "nowhere", "services": ["web"] });
    assert_eq!(client.json(ecs, "DescribeServices", nowhere).await, 400);

    let (scaling, id) = ("application-autoscaling", "service/shop/web");
    let asked = json!({ "ServiceNamespace": "ecs", "ResourceIds": [id] });
    assert_eq!(client.json(scaling, "DescribeScalableTargets", asked.clone()).await, 200);
    let register = |minimum: u32| {
        json!({
            "ServiceNamespace": "ecs", "ResourceId": id, "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": minimum,
        })
    };
    assert_eq!(client.json(scaling, "RegisterScalableTarget", register(3)).await, 200);
    assert_eq!(client.json(scaling, "DescribeScalableTargets", asked).await, 200);
    assert_eq!(client.json(scaling, "RegisterScalableTarget", register(9_999)).await, 400);
    client.assert_kept();
}

#[tokio::test]
async fn the_simulated_groups_of_instances_keep_the_contract() {
    let with = Node::map([("min", number(2)), ("max", number(6)), ("desired", number(3))]);
    let group = "AWS::AutoScaling::AutoScalingGroup";
    let client = Client::new(step(with, &[(group, "web", WEST), (group, "web", EAST)]));
    let ask = |form: &'static str| client.form("autoscaling", form);
    let show = "Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=web";
    let grow = "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web&MinSize=3&MaxSize=6&DesiredCapacity=3";
    assert_eq!(ask(show).await, 200);
    assert_eq!(ask(grow).await, 200);
    for _ in 0..3 {
        assert_eq!(ask(show).await, 200);
        client.clock.sleep(Duration::from_secs(30)).await;
    }
    let shrink =
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web&MinSize=1&DesiredCapacity=1";
    assert_eq!(ask(shrink).await, 200);
    assert_eq!(ask(show).await, 200);
    let beyond = "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web&DesiredCapacity=9";
    assert_eq!(ask(beyond).await, 400);
    client.simulated.with_world(|world| {
        world.cloud_mut().let_group_be_busy(WEST, "web", Duration::from_mins(1));
    });
    assert_eq!(ask(grow).await, 400);
    client.assert_kept();
}

const LISTENER: &str = "arn:aws:elasticloadbalancing:us-west-2:111122223333:listener/app/web-west/50dc6c495c0c9188/f2f7dc8efc522ab2";
const TARGETS: &str =
    "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/blue/73e2d6bc24d8a067";

#[tokio::test]
async fn the_simulated_load_balancers_keep_the_contract() {
    let kind = |name: &str| format!("AWS::ElasticLoadBalancingV2::{name}");
    let touches = [
        ("AWS::ECS::Service", "shop/web", WEST),
        (&kind("TargetGroup"), TARGETS, WEST),
        (&kind("Listener"), LISTENER, WEST),
    ];
    let client = Client::new(step(Node::map([]), &touches));
    let page = |list: &str| {
        format!(
            "{list}.member.1.Type=fixed-response&{list}.member.1.FixedResponseConfig.StatusCode=503&{list}.member.1.FixedResponseConfig.ContentType=text%2Fplain&{list}.member.1.FixedResponseConfig.MessageBody=no"
        )
    };
    let rule = format!(
        "Action=CreateRule&ListenerArn={LISTENER}&Priority=10&Conditions.member.1.Field=path-pattern&Conditions.member.1.PathPatternConfig.Values.member.1=%2Fx&{}",
        page("Actions")
    );
    for (form, status) in [
        (format!("Action=DescribeTargetHealth&TargetGroupArn={TARGETS}"), 200),
        (format!("Action=DescribeListeners&ListenerArns.member.1={LISTENER}"), 200),
        (format!("Action=DescribeRules&ListenerArn={LISTENER}"), 200),
        (rule.clone(), 200),
        (rule, 400),
        (format!("Action=DescribeRules&ListenerArn={LISTENER}"), 200),
        (format!("Action=ModifyListener&ListenerArn={LISTENER}&{}", page("DefaultActions")), 200),
        (format!("Action=DescribeListeners&ListenerArns.member.1={LISTENER}"), 200),
        (format!("Action=DescribeTargetHealth&TargetGroupArn={TARGETS}x"), 400),
        (format!("Action=DescribeListeners&ListenerArns.member.1={LISTENER}x"), 400),
        ("Action=DescribeRules&RuleArns.member.1=nobody".to_owned(), 400),
        (format!("Action=ModifyRule&RuleArn=nobody&{}", page("Actions")), 400),
        ("Action=DeleteRule&RuleArn=nobody".to_owned(), 400),
    ] {
        assert_eq!(client.form("elasticloadbalancing", &form).await, status, "{form}");
    }
    client.assert_kept();
}

#[tokio::test]
async fn the_simulated_databases_keep_the_contract() {
    let with = Node::map([("instance", Node::map([("name", Node::text("shop-west"))]))]);
    let kind = "AWS::RDS::DBInstance";
    let mut step = step(with, &[(kind, "shop-west", WEST), (kind, "shop-east", EAST)]);
    let Work::Action(work) = &mut step.work else { panic!("an action") };
    work.action = "aws.rds.promote".into();
    let client = Client::new(step);
    let ask = |form: &'static str| client.form("rds", form);
    let show = "Action=DescribeDBInstances&DBInstanceIdentifier=shop-west";
    let promote = "Action=PromoteReadReplica&DBInstanceIdentifier=shop-west";
    let modify = "Action=ModifyDBInstance&DBInstanceIdentifier=shop-west&BackupRetentionPeriod=7&ApplyImmediately=true";
    for form in [show, promote, show] {
        assert_eq!(ask(form).await, 200, "{form}");
    }
    assert_eq!(ask(promote).await, 400);
    for form in [show, modify, show] {
        client.clock.sleep(Duration::from_mins(30)).await;
        assert_eq!(ask(form).await, 200, "{form}");
    }
    let nobody = "Action=DescribeDBInstances&DBInstanceIdentifier=nobody";
    assert_eq!(ask(nobody).await, 404);
    client.assert_kept();
}

#[tokio::test]
async fn the_simulated_routing_controls_keep_the_contract() {
    const PANEL: &str = "arn:aws:route53-recovery-control::111122223333:controlpanel/abc";
    let control = |name: &str| format!("{PANEL}/routingcontrol/{name}");
    let with = Node::map([
        ("on", Node::text(control("west"))),
        ("off", Node::text(control("east"))),
        ("endpoints", Node::map([(WEST, Node::text(ENDPOINT))])),
    ]);
    let kind = "AWS::Route53RecoveryControl::RoutingControl";
    let client = Client::new(step(with, &[(kind, &control("west"), WEST)]));
    let state = |name: &str, state: &str| json!({ "RoutingControlArn": control(name), "RoutingControlState": state });
    let both = [state("east", "Off"), state("west", "On")];
    for (operation, body, status) in [
        ("ListRoutingControls", json!({ "ControlPanelArn": PANEL }), 200),
        ("GetRoutingControlState", json!({ "RoutingControlArn": control("west") }), 200),
        ("UpdateRoutingControlState", state("east", "Off"), 409),
        ("UpdateRoutingControlStates", json!({ "UpdateRoutingControlStateEntries": both }), 200),
        ("UpdateRoutingControlState", state("east", "On"), 200),
        ("GetRoutingControlState", json!({ "RoutingControlArn": control("nobody") }), 404),
    ] {
        let told = format!("{operation} {body}");
        let answered = client.json("route53-recovery-cluster", operation, body).await;
        assert_eq!(answered, status, "{told}");
    }
    client.assert_kept();
}
