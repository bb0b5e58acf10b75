//! Auto Scaling groups.

use super::*;
use std::time::Duration;

const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const TARGETS: &str =
    "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/web/73e2d6bc24d8a067";

/// A group in both regions; the plan wants three instances in the west.
fn client() -> Client {
    let with = Node::map([("min", number(2)), ("max", number(6)), ("desired", number(3))]);
    let touches = [
        (GROUP, "web", WEST),
        (GROUP, "web", EAST),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", TARGETS, WEST),
    ];
    Client::of(Cloud::seeded(&plan(vec![step(with, &touches)]), Outage::None, start()))
}

fn ask(client: &mut Client, region: &str, operation: &str, form: &str) -> (u16, Element) {
    client.query((region, "autoscaling"), &format!("Action={operation}&Version=2011-01-01&{form}"))
}

fn update(client: &mut Client, form: &str) -> (u16, String) {
    let form = format!("AutoScalingGroupName=web&{form}");
    let (status, answer) = ask(client, WEST, "UpdateAutoScalingGroup", &form);
    (status, text(&answer, "Message").to_owned())
}

/// The bounds and the size of a group, and the states of its instances.
fn group(client: &mut Client, region: &str) -> ([String; 3], Vec<String>) {
    let asked = "AutoScalingGroupNames.member.1=web";
    let (status, answer) = ask(client, region, "DescribeAutoScalingGroups", asked);
    assert_eq!(status, 200, "{answer}");
    let sizes = ["MinSize", "MaxSize", "DesiredCapacity"];
    let sizes = sizes.map(|name| text(&answer, name).to_owned());
    let instances = &answer.find("Instances").unwrap().children;
    (sizes, instances.iter().map(|one| text(one, "LifecycleState").to_owned()).collect())
}

#[test]
fn instances_are_pending_and_then_in_service() {
    let mut client = client();
    assert_eq!(
        group(&mut client, EAST),
        (["2", "6", "3"].map(Into::into), vec!["InService".into(); 3])
    );
    let (sizes, states) = group(&mut client, WEST);
    assert_eq!((sizes, states), (["1", "1", "1"].map(Into::into), vec!["InService".into()]));
    assert_eq!(update(&mut client, "MinSize=3&DesiredCapacity=3&MaxSize=6").0, 200);
    let states = |client: &mut Client, length| group(client.wait(length), WEST).1;
    assert_eq!(states(&mut client, "0s"), ["InService", "Pending", "Pending"]);
    assert_eq!(states(&mut client, "40s"), ["InService", "InService", "Pending"]);
    assert_eq!(states(&mut client, "15s"), ["InService"; 3]);
    update(&mut client, "MinSize=1&DesiredCapacity=2");
    assert_eq!(states(&mut client, "0s"), ["InService", "InService", "Terminating"]);
    assert_eq!(states(&mut client, "30s"), ["InService"; 2]);
}

#[test]
fn a_size_outside_the_bounds_is_refused_and_bounds_alone_move_it() {
    let mut client = client();
    assert_eq!(update(&mut client, "MaxSize=6").0, 200);
    let (status, why) = update(&mut client, "DesiredCapacity=7");
    assert_eq!(status, 400);
    assert_eq!(why, "Desired capacity:7 must be between the specified min size:1 and max size:6");
    assert_eq!(update(&mut client, "MinSize=7").0, 400);
    assert_eq!(update(&mut client, "MinSize=few").0, 400);
    assert_eq!(update(&mut client, "MinSize=4").0, 200);
    assert_eq!(group(&mut client, WEST).0, ["4", "6", "4"]);
    let (status, answer) =
        ask(&mut client, WEST, "SetDesiredCapacity", "AutoScalingGroupName=web&DesiredCapacity=9");
    assert_eq!((status, text(&answer, "Code")), (400, "ValidationError"));
}

#[test]
fn a_group_that_is_not_there_is_an_error_only_to_a_change() {
    let mut client = client();
    let (status, answer) =
        ask(&mut client, WEST, "DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=wbe");
    assert_eq!((status, answer.find("AutoScalingGroups").unwrap().children.len()), (200, 0));
    let (status, answer) =
        ask(&mut client, WEST, "UpdateAutoScalingGroup", "AutoScalingGroupName=wbe&MinSize=1");
    assert_eq!((status, text(&answer, "Code")), (400, "ValidationError"));
}

#[test]
fn what_is_in_progress_or_suspended_holds_a_change_up() {
    let mut client = client();
    client.cloud().let_group_be_busy(WEST, "web", Duration::from_mins(1));
    let (status, answer) = ask(
        &mut client,
        WEST,
        "UpdateAutoScalingGroup",
        "AutoScalingGroupName=web&DesiredCapacity=2",
    );
    assert_eq!((status, text(&answer, "Code")), (400, "ScalingActivityInProgress"));
    client.wait("1m").cloud().suspend_process(WEST, "web", "Launch");
    assert_eq!(update(&mut client, "MaxSize=2&DesiredCapacity=2").0, 200);
    assert_eq!(group(client.wait("5m"), WEST).1, ["InService"]);
    let (_, answer) = ask(&mut client, WEST, "DescribeAutoScalingGroups", "");
    assert_eq!(text(answer.find("SuspendedProcesses").unwrap(), "ProcessName"), "Launch");
    let resume = "AutoScalingGroupName=web&ScalingProcesses.member.1=Launch";
    assert_eq!(ask(&mut client, WEST, "ResumeProcesses", resume).0, 200);
    assert_eq!(group(client.wait("40s"), WEST).1, ["InService"; 2]);
}

#[test]
fn its_instances_are_the_targets_of_a_group() {
    let mut client = client();
    let health = format!("Action=DescribeTargetHealth&TargetGroupArn={TARGETS}");
    let (_, answer) = client.query((WEST, "elasticloadbalancing"), &health);
    assert!(text(&answer, "Id").starts_with("i-"), "{answer}");
    let (_, answer) = ask(&mut client, WEST, "DescribeAutoScalingGroups", "");
    assert_eq!(answer.find("TargetGroupARNs").unwrap().children[0].text, TARGETS);
}
