//! Elastic Load Balancing: what it shows, what it refuses, and what visitors get.

use super::*;
use crate::sim::TargetHealth;
use serde_json::json;

const HOST: &str = "web-west-1234567890.us-west-2.elb.amazonaws.com";
const LISTENER: &str = "arn:aws:elasticloadbalancing:us-west-2:111122223333:listener/app/web-west/50dc6c495c0c9188/f2f7dc8efc522ab2";
const GROUP: &str =
    "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/blue/73e2d6bc24d8a067";
const OTHER: &str =
    "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/green/943f017f100becff";
const ELB: (&str, &str) = (WEST, "elasticloadbalancing");

/// A load balancer in the west whose listener sends to the tasks of a service.
fn client() -> Client {
    let service = "AWS::ECS::Service";
    let kind = |name: &str| format!("AWS::ElasticLoadBalancingV2::{name}");
    let (listener, group) = (kind("Listener"), kind("TargetGroup"));
    let with = Node::map([("url", Node::text(format!("https://{HOST}/health")))]);
    let touches = [
        (service, "shop/web", WEST),
        (&group, GROUP, WEST),
        (&group, OTHER, WEST),
        (&listener, LISTENER, WEST),
    ];
    Client::of(Cloud::seeded(&plan(vec![step(with, &touches)]), Outage::None, start()))
}

fn ask(client: &mut Client, operation: &str, form: &str) -> Element {
    let (status, answer) =
        client.query(ELB, &format!("Action={operation}&Version=2015-12-01&{form}"));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn refused(client: &mut Client, operation: &str, form: &str) -> String {
    let (status, answer) =
        client.query(ELB, &format!("Action={operation}&Version=2015-12-01&{form}"));
    assert_eq!(status, 400, "{answer}");
    text(&answer, "Code").to_owned()
}

/// The states of a group's targets, and why they are so.
fn health(client: &mut Client, group: &str) -> Vec<String> {
    let answer = ask(client, "DescribeTargetHealth", &format!("TargetGroupArn={group}"));
    let all = answer.find("TargetHealthDescriptions").unwrap();
    let state = |target: &Element| {
        let why = text(target, "Reason");
        format!("{} {why}", text(target, "State")).trim().to_owned()
    };
    all.children.iter().map(state).collect()
}

/// What a visitor gets: the status, the region that answered, and the text.
fn visit(client: &mut Client, path: &str) -> Option<(u16, String, String)> {
    let request = http::Request::get(format!("https://{HOST}{path}")).body(Bytes::new()).unwrap();
    let response = client.send(&request)?;
    let region = response.headers().get("x-region").map_or("", |region| region.to_str().unwrap());
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    Some((response.status().as_u16(), region.to_owned(), body))
}

fn modify(action: &str) -> String {
    format!("ListenerArn={LISTENER}&DefaultActions.member.1.{action}")
}

const PAGE: &str = "Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode=503&DefaultActions.member.1.FixedResponseConfig.ContentType=text%2Fhtml&DefaultActions.member.1.FixedResponseConfig.MessageBody=%3Ch1%3EBack+soon%3C%2Fh1%3E";

#[test]
fn a_load_balancer_bears_the_address_that_the_plan_names() {
    let mut client = client();
    let answer = ask(&mut client, "DescribeLoadBalancers", "Names.member.1=web-west");
    assert_eq!(text(&answer, "DNSName"), HOST);
    assert_eq!(text(&answer, "Code"), "active");
    let arn = text(&answer, "LoadBalancerArn").to_owned();
    let answer = ask(&mut client, "DescribeListeners", &format!("LoadBalancerArn={arn}"));
    assert_eq!((text(&answer, "ListenerArn"), text(&answer, "Protocol")), (LISTENER, "HTTPS"));
    let groups = ask(&mut client, "DescribeTargetGroups", &format!("LoadBalancerArn={arn}"));
    assert_eq!(groups.find("TargetGroups").unwrap().children.len(), 2);
    assert_eq!(text(&groups, "TargetType"), "ip");
}

#[test]
fn targets_are_initial_and_then_healthy_after_their_tasks_started() {
    let mut client = client();
    assert_eq!(health(&mut client, GROUP), ["healthy"]);
    let asked = json!({ "cluster": "shop", "service": "web", "desiredCount": 2 });
    client.json("ecs", "AmazonEC2ContainerServiceV20141113.UpdateService", &asked);
    assert_eq!(health(client.wait("39s"), GROUP), ["healthy"]);
    assert_eq!(health(client.wait("1s"), GROUP), ["healthy", "initial Elb.InitialHealthChecking"]);
    assert_eq!(health(client.wait("30s"), GROUP), ["healthy", "healthy"]);
    client.cloud().let_targets_be(GROUP, TargetHealth::Ill);
    assert_eq!(health(&mut client, GROUP), ["unhealthy Target.ResponseCodeMismatch"; 2]);
    assert_eq!(visit(&mut client, "/").unwrap().0, 503);
    client.cloud().let_targets_be(GROUP, TargetHealth::Well);
    let asked = json!({ "cluster": "shop", "service": "web", "desiredCount": 1 });
    client.json("ecs", "AmazonEC2ContainerServiceV20141113.UpdateService", &asked);
    let leaving = ["healthy", "draining Target.DeregistrationInProgress"];
    assert_eq!(health(&mut client, GROUP), leaving);
    assert_eq!(health(client.wait("30s"), GROUP), ["healthy"]);
}

#[test]
fn a_fixed_response_is_the_page_that_visitors_get_and_leaves_the_group_unused() {
    let mut client = client();
    let (status, region, body) = visit(&mut client, "/health").unwrap();
    assert_eq!((status, region.as_str()), (200, WEST));
    assert!(body.contains("\"ok\""), "{body}");
    let before =
        ask(&mut client, "DescribeListeners", &format!("ListenerArns.member.1={LISTENER}"));
    let changed = ask(&mut client, "ModifyListener", &modify(PAGE));
    assert_eq!(text(&changed, "MessageBody"), "<h1>Back soon</h1>");
    let page = (503, String::new(), "<h1>Back soon</h1>".to_owned());
    assert_eq!(visit(&mut client, "/health"), Some(page));
    assert_eq!(health(&mut client, GROUP), ["unused Target.NotInUse"]);
    // Back as it was: its targets are looked at anew.
    let back =
        "Type=forward&DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn="
            .to_owned()
            + GROUP
            + "&DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1&DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn="
            + OTHER
            + "&DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.Weight=0";
    let after = ask(&mut client, "ModifyListener", &modify(&back));
    assert_eq!(after.find("DefaultActions"), before.find("DefaultActions"));
    assert_eq!(visit(&mut client, "/").unwrap().0, 503);
    assert_eq!(visit(client.wait("30s"), "/").unwrap().0, 200);
}

#[test]
fn the_share_of_a_group_without_healthy_targets_is_lost() {
    let mut client = client();
    client.cloud().let_targets_be(OTHER, TargetHealth::Ill);
    let list = "DefaultActions.member.1.ForwardConfig.TargetGroups.member";
    let form = format!(
        "Type=forward&{list}.1.TargetGroupArn={GROUP}&{list}.1.Weight=80&{list}.2.TargetGroupArn={OTHER}&{list}.2.Weight=20"
    );
    ask(&mut client, "ModifyListener", &modify(&form));
    let visit = super::super::elb::front::Visit { host: HOST, path: "/" };
    let shares = client.cloud().app_answers(&format!("dualstack.{HOST}"), &visit).unwrap();
    let shares: Vec<_> =
        shares.into_iter().map(|(shown, share)| (shown, (share * 100.0).round())).collect();
    let shown = [
        super::super::elb::front::Shown::App(WEST.to_owned()),
        super::super::elb::front::Shown::Unavailable,
    ];
    assert_eq!(shares, shown.into_iter().zip([80.0, 20.0]).collect::<Vec<_>>());
}

#[test]
fn rules_come_before_the_default_in_the_order_of_their_priority() {
    let mut client = client();
    let rule = |priority: u64, path: &str, text: &str| {
        format!(
            "ListenerArn={LISTENER}&Priority={priority}&Conditions.member.1.Field=path-pattern&Conditions.member.1.PathPatternConfig.Values.member.1={path}&Actions.member.1.Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode=200&Actions.member.1.FixedResponseConfig.MessageBody={text}"
        )
    };
    ask(&mut client, "CreateRule", &rule(20, "/*", "all"));
    let made = ask(&mut client, "CreateRule", &rule(10, "/img/*", "images"));
    let arn = text(&made, "RuleArn").to_owned();
    assert_eq!(refused(&mut client, "CreateRule", &rule(10, "/x", "x")), "PriorityInUse");
    assert_eq!(refused(&mut client, "CreateRule", &rule(0, "/x", "x")), "ValidationError");
    let body = |client: &mut Client, path: &str| visit(client, path).unwrap().2;
    assert_eq!(body(&mut client, "/img/a.png"), "images");
    assert_eq!(body(&mut client, "/a"), "all");
    let shown = ask(&mut client, "DescribeRules", &format!("ListenerArn={LISTENER}"));
    let rules = &shown.find("Rules").unwrap().children;
    let priorities: Vec<_> = rules.iter().map(|rule| text(rule, "Priority")).collect();
    assert_eq!(priorities, ["10", "20", "default"]);
    let change = "Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn=";
    ask(&mut client, "ModifyRule", &format!("RuleArn={arn}&{change}{GROUP}"));
    assert_eq!(visit(&mut client, "/img/a.png").unwrap().1, WEST);
    ask(&mut client, "DeleteRule", &format!("RuleArn={arn}"));
    assert_eq!(body(&mut client, "/img/a.png"), "all");
    let default = text(&rules[2], "RuleArn");
    for operation in ["ModifyRule", "DeleteRule"] {
        assert_eq!(refused(&mut client, operation, &format!("RuleArn={arn}")), "RuleNotFound");
        let code = refused(&mut client, operation, &format!("RuleArn={default}"));
        assert_eq!(code, "OperationNotPermitted");
    }
}

#[test]
fn what_the_reference_does_not_allow_is_refused() {
    let mut client = client();
    let list = "DefaultActions.member.1.ForwardConfig.TargetGroups.member";
    let six = [1, 2, 3, 4, 5, 6].map(|n| format!("&{list}.{n}.TargetGroupArn={GROUP}")).concat();
    let fixed = "Type=fixed-response&DefaultActions.member.1.FixedResponseConfig";
    let long = "x".repeat(1_025);
    for (action, code) in [
        ("Type=forward".to_owned(), "InvalidLoadBalancerAction"),
        ("Type=sing".to_owned(), "InvalidLoadBalancerAction"),
        (format!("Type=forward&{list}.1.TargetGroupArn={GROUP}x"), "TargetGroupNotFound"),
        (
            format!("Type=forward&{list}.1.TargetGroupArn={GROUP}&{list}.1.Weight=1000"),
            "ValidationError",
        ),
        (format!("Type=forward{six}"), "InvalidConfigurationRequest"),
        (format!("{fixed}.StatusCode=302"), "ValidationError"),
        (
            format!(
                "{fixed}.StatusCode=503&DefaultActions.member.1.FixedResponseConfig.ContentType=image%2Fpng"
            ),
            "ValidationError",
        ),
        (
            format!(
                "{fixed}.StatusCode=503&DefaultActions.member.1.FixedResponseConfig.MessageBody={long}"
            ),
            "ValidationError",
        ),
        (
            format!(
                "{PAGE}&DefaultActions.member.2.Type=forward&DefaultActions.member.2.TargetGroupArn={GROUP}"
            ),
            "InvalidLoadBalancerAction",
        ),
    ] {
        assert_eq!(refused(&mut client, "ModifyListener", &modify(&action)), code, "{action}");
    }
    for (operation, form, code) in [
        ("ModifyListener", format!("ListenerArn={LISTENER}x"), "ListenerNotFound"),
        ("DescribeListeners", "ListenerArns.member.1=x".to_owned(), "ListenerNotFound"),
        ("DescribeLoadBalancers", "Names.member.1=x".to_owned(), "LoadBalancerNotFound"),
        ("DescribeTargetGroups", "Names.member.1=x".to_owned(), "TargetGroupNotFound"),
        ("DescribeTargetHealth", format!("TargetGroupArn={GROUP}x"), "TargetGroupNotFound"),
        ("DescribeRules", "RuleArns.member.1=x".to_owned(), "RuleNotFound"),
        ("DescribeRules", String::new(), "ValidationError"),
    ] {
        assert_eq!(refused(&mut client, operation, &form), code, "{operation} {form}");
    }
    // Nothing of it was taken over.
    assert_eq!(visit(&mut client, "/").unwrap().0, 200);
}

#[test]
fn a_dead_region_answers_no_visitor_and_finds_its_targets_silent() {
    let mut client = client();
    let now = client.now;
    client.world.set_outage(Outage::Data, WEST, now).unwrap();
    assert_eq!(visit(&mut client, "/"), None);
    assert_eq!(health(&mut client, GROUP), ["unhealthy Target.Timeout"]);
}

#[test]
fn the_group_that_users_leave_has_them_all_before_the_run() {
    let kind = |name: &str| format!("AWS::ElasticLoadBalancingV2::{name}");
    let (listener, group) = (kind("Listener"), kind("TargetGroup"));
    let name = |arn: &str| Node::map([("name", Node::text(arn))]);
    let with = Node::map([("to", name(GROUP)), ("from", name(OTHER))]);
    let touches =
        [(listener.as_str(), LISTENER, WEST), (&group, GROUP, WEST), (&group, OTHER, WEST)];
    let mut client =
        Client::of(Cloud::seeded(&plan(vec![step(with, &touches)]), Outage::None, start()));
    let shown = ask(&mut client, "DescribeListeners", &format!("ListenerArns.member.1={LISTENER}"));
    let groups = &shown.find("TargetGroups").unwrap().children;
    let weights = groups.iter().map(|one| (text(one, "TargetGroupArn"), text(one, "Weight")));
    assert_eq!(weights.collect::<Vec<_>>(), [(OTHER, "100"), (GROUP, "0")]);
}

#[test]
fn a_group_without_a_listener_in_the_plan_is_one_that_somebody_sends_to() {
    let kind = "AWS::ElasticLoadBalancingV2::TargetGroup";
    let step = step(Node::map([("healthy", number(3))]), &[(kind, GROUP, WEST)]);
    let mut client = Client::of(Cloud::seeded(&plan(vec![step]), Outage::None, start()));
    // Nothing else of the plan says what is in it: as many as the plan waits for.
    assert_eq!(health(&mut client, GROUP), ["healthy"; 3]);
}
