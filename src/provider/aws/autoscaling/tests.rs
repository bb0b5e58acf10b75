use super::*;
use crate::{
    model::{Node, Value},
    provider::testing::*,
};

const IN: (&str, &str) = ("InService", "Healthy");

/// A group with these numbers and instances, and with whatever else AWS shows.
fn group(size: [i64; 3], instances: &[(&str, &str)], more: &str) -> String {
    let member = |(state, health): &(&str, &str)| {
        format!(
            "<member><ProtectedFromScaleIn>false</ProtectedFromScaleIn>\
             <AvailabilityZone>us-west-2a</AvailabilityZone><InstanceId>i-1</InstanceId>\
             <HealthStatus>{health}</HealthStatus><LifecycleState>{state}</LifecycleState></member>"
        )
    };
    let instances: String = instances.iter().map(member).collect();
    let [min, desired, max] = size;
    format!(
        "<member><HealthCheckType>ELB</HealthCheckType><AutoScalingGroupName>web</AutoScalingGroupName>\
         <MinSize>{min}</MinSize><MaxSize>{max}</MaxSize><DesiredCapacity>{desired}</DesiredCapacity>\
         <Instances>{instances}</Instances>{more}</member>"
    )
}

fn groups(groups: &str) -> Outcome {
    ok(&format!(
        "<DescribeAutoScalingGroupsResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
         <DescribeAutoScalingGroupsResult><AutoScalingGroups>{groups}</AutoScalingGroups>\
         </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
    ))
}

fn suspended(process: &str) -> String {
    format!(
        "<SuspendedProcesses><member><ProcessName>{process}</ProcessName><SuspensionReason>User \
         suspended at 2026-11-20T09:00:00Z</SuspensionReason></member></SuspendedProcesses>"
    )
}

fn activity(status: &str, at: &str) -> Outcome {
    ok(&format!(
        "<R><DescribeScalingActivitiesResult><Activities><member><ActivityId>a1</ActivityId>\
         <StartTime>{at}</StartTime><StatusCode>{status}</StatusCode><StatusMessage>We currently do \
         not have sufficient t3.large capacity.</StatusMessage></member></Activities>\
         </DescribeScalingActivitiesResult></R>"
    ))
}

fn with(numbers: &[(&str, i64)], exactly: bool) -> Node {
    let web = aws_resource("AWS::AutoScaling::AutoScalingGroup", "web", Some("us-west-2"));
    let mut with =
        Node::map([("group", node(&web)), ("exactly", Node::made(Value::Bool(exactly)))]);
    for (name, number) in numbers {
        with.set(name, Node::made(Value::Int(*number)));
    }
    with
}

fn capacity(script: &Arc<Script>, numbers: &[(&str, i64)], exactly: bool) -> Arc<dyn Action> {
    (CAPACITY.bind)(&Params::new(&with(numbers, exactly)), &script.clients()).unwrap()
}

/// The changes of a group that should have from two to eight instances, and four now.
async fn observed(group: &str, exactly: bool) -> Answer {
    let script = Script::new()
        .on("POST DescribeAutoScalingGroups", groups(group))
        .on("POST DescribeScalingActivities", activity("Successful", "2026-11-20T10:03:00.000Z"));
    let numbers = [("min", 2), ("desired", 4), ("max", 8)];
    capacity(&script, &numbers, exactly).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn all_three_numbers_go_in_one_call_and_none_becomes_smaller() {
    let table = [
        ([1, 1, 1], false, "web: 1 (1 to 1) → 4 (2 to 8) instances", ["2", "8", "4"]),
        ([3, 3, 20], false, "web: 3 (3 to 20) → 4 (3 to 20) instances", ["3", "20", "4"]),
        ([3, 9, 20], true, "web: 9 (3 to 20) → 4 (2 to 8) instances", ["2", "8", "4"]),
    ];
    for (size, exactly, says, [min, max, desired]) in table {
        let script = Script::new()
            .on("POST DescribeAutoScalingGroups", groups(&group(size, &[IN], "")))
            .on("POST UpdateAutoScalingGroup", ok("<UpdateAutoScalingGroupResponse/>"));
        let numbers = [("min", 2), ("desired", 4), ("max", 8)];
        let action = capacity(&script, &numbers, exactly);
        let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else {
            panic!("nothing is missing");
        };
        assert_eq!(changes[0].says, says);
        action.apply(&changes[0], &permit().await).await.unwrap();
        let sent = format!(
            "POST / Action=UpdateAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=web\
             &MinSize={min}&MaxSize={max}&DesiredCapacity={desired}"
        );
        assert_eq!(script.sent().pop().unwrap(), sent);
    }
}

#[tokio::test]
async fn only_instances_that_serve_and_are_healthy_count() {
    let not_yet = |count| {
        let why = format!("`web` has {count} of 4 instances in service and healthy");
        Answer::NotYet { why, look_again: LOOK_AGAIN }
    };
    let size = [2, 4, 8];
    let weighted = "<Instances><member><HealthStatus>Healthy</HealthStatus>\
                    <LifecycleState>InService</LifecycleState><WeightedCapacity>4</WeightedCapacity>\
                    </member></Instances>";
    let heavy = group(size, &[], "").replace("<Instances></Instances>", weighted);
    let table = [
        (group(size, &[IN; 4], ""), Answer::AsDesired),
        (group([2, 6, 8], &[IN; 4], ""), Answer::AsDesired),
        (heavy, Answer::AsDesired),
        (group(size, &[IN; 4], &suspended("Launch")), Answer::AsDesired),
        (
            group(size, &[IN, IN, ("Pending", "Healthy"), ("InService", "Unhealthy")], ""),
            not_yet(2),
        ),
        (group(size, &[IN, IN, IN, ("Terminating:Wait", "Healthy")], ""), not_yet(3)),
    ];
    for (group, expected) in table {
        assert_eq!(observed(&group, false).await, expected, "{group}");
    }
}

#[tokio::test]
async fn what_can_never_grow_says_why() {
    let table = [
        (
            String::new(),
            "there is no Auto Scaling group `web` in us-west-2 in the account 123456789012",
        ),
        (
            group([1, 1, 8], &[IN], &suspended("Launch")),
            "`web` starts no instances: its process `Launch` is suspended",
        ),
        (
            group([1, 1, 8], &[IN], "<Status>Delete in progress</Status>"),
            "`web` is going away: Delete in progress",
        ),
    ];
    for (group, why) in table {
        assert_eq!(observed(&group, false).await, Answer::Never { why: why.to_owned() });
    }
}

#[tokio::test]
async fn a_number_outside_the_others_is_told_from_what_the_group_has() {
    let table = [
        ([1, 1, 3], 4, false, "`web` would have 4 (1 to 3): the step must set its `max`, too"),
        ([2, 2, 3], 1, true, "`web` would have 1 (2 to 3): the step must set its `min`, too"),
    ];
    for (size, desired, exactly, why) in table {
        let script =
            Script::new().on("POST DescribeAutoScalingGroups", groups(&group(size, &[IN], "")));
        let action = capacity(&script, &[("desired", desired)], exactly);
        let seen = action.observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::Never { why: why.to_owned() });
    }
}

#[tokio::test]
async fn an_activity_that_failed_since_then_says_why_nothing_comes() {
    let table = [
        ("Failed", "2026-11-20T10:02:30.123Z", ": We currently do not have sufficient t3.large"),
        ("Failed", "2026-11-20T09:00:00.000Z", "in service and healthy"),
        ("InProgress", "2026-11-20T10:02:30.123Z", "in service and healthy"),
    ];
    for (status, at, piece) in table {
        let script = Script::new()
            .on("POST DescribeAutoScalingGroups", groups(&group([2, 4, 8], &[IN], "")))
            .on("POST DescribeScalingActivities", activity(status, at));
        let seen = capacity(&script, &[("desired", 4)], false).observe(&look()).await.unwrap();
        let Answer::NotYet { why, .. } = seen.answer else { panic!("{seen:?}") };
        assert_eq!(why.contains("sufficient"), piece.contains("sufficient"), "{why}");
        assert!(why.contains(piece), "{why}");
    }
}

#[tokio::test]
async fn a_group_that_is_scaling_is_left_alone_for_a_while() {
    let script = Script::new()
        .on("POST DescribeAutoScalingGroups", groups(&group([1, 1, 8], &[IN], "")))
        .on("POST UpdateAutoScalingGroup", aws_no(400, "ScalingActivityInProgress"));
    let applied = apply_first(&capacity(&script, &[("desired", 4)], false)).await;
    assert!(matches!(applied, Err(Unapplied::Deferred { .. })), "{applied:?}");
}

#[tokio::test]
async fn instances_that_no_load_balancer_would_know_are_told_of_beforehand() {
    let held = group([1, 1, 8], &[IN], &suspended("AddToLoadBalancer"));
    let script = Script::new()
        .on("POST DescribeAutoScalingGroups", groups(&held))
        .on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
    let findings = capacity(&script, &[("desired", 4)], false).examine().await.split_off(1);
    let says = "`AddToLoadBalancer` is suspended for `web`: new instances will get no users";
    assert_eq!(findings, [Finding::warning(says)]);
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let table = [
        (vec![("min", 5), ("desired", 4)], Some("`min` is above `desired`, which is 4")),
        (vec![("max", 3), ("desired", 4)], Some("`max` is below `desired`, which is 4")),
        (vec![("min", 4), ("desired", 4), ("max", 4)], None),
    ];
    for (numbers, expected) in table {
        let bound = bind(&Params::new(&with(&numbers, false)), &Script::new().clients());
        let message = bound.err().map(|mistake| mistake.message);
        assert_eq!(message.as_deref(), expected);
    }
}
