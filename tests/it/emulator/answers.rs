//! What the emulators do with what the real `aws` sends, as far as tests build on it.

use super::{Account, CapacityStack, Ministack, Moto, StopStack};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Where Route 53 is called too.
pub const EAST: &str = "us-east-1";
pub const WEST: &str = "us-west-2";

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Asks until the answer is as wanted.
pub fn until(wanted: &str, mut ask: impl FnMut() -> String) {
    let give_up = Instant::now() + Duration::from_mins(2);
    loop {
        let answer = ask();
        if answer == wanted {
            return;
        }
        assert!(Instant::now() < give_up, "it is {answer}, not {wanted}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn both_keep_records_and_tell_when_a_change_is_in_sync() {
    for account in [Ministack::shared().account(), Moto::shared().account()] {
        let zone = "route53 create-hosted-zone --name orders.example --caller-reference 1";
        let zone = text(&account.aws_json(EAST, zone)["HostedZone"]["Id"]);
        let record = json!({
            "Name": "www.orders.example.", "Type": "A", "TTL": 5,
            "ResourceRecords": [{ "Value": "192.0.2.1" }],
        });
        let batch = json!({ "Changes": [{ "Action": "UPSERT", "ResourceRecordSet": record }] });
        let change = format!(
            "route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch {batch}"
        );
        let change = text(&account.aws_json(EAST, &change)["ChangeInfo"]["Id"]);
        let status = format!("route53 get-change --id {change}");
        until("INSYNC", || text(&account.aws_json(EAST, &status)["ChangeInfo"]["Status"]));
        let listed = format!("route53 list-resource-record-sets --hosted-zone-id {zone}");
        let listed = account.aws_json(EAST, &listed);
        assert!(listed["ResourceRecordSets"].as_array().unwrap().contains(&record), "{listed}");
    }
}

#[test]
fn accounts_share_nothing() {
    let ministack = [Ministack::shared().account(), Ministack::shared().account()];
    let moto = [Moto::shared().account(), Moto::shared().account()];
    for [one, other] in [ministack, moto] {
        one.aws_json(EAST, "route53 create-hosted-zone --name orders.example --caller-reference 1");
        let zones = |account: &Account| {
            let zones = account.aws_json(EAST, "route53 list-hosted-zones");
            zones["HostedZones"].as_array().unwrap().len()
        };
        assert_eq!((zones(&one), zones(&other)), (1, 0));
    }
}

#[test]
fn what_aws_refuses_is_told_as_aws_tells_it() {
    let called = Ministack::shared().account().aws(EAST, "route53 get-change --id C0");
    assert!(called.code.is_some_and(|code| code != 0));
    assert_eq!(called.stdout, "");
    assert!(called.stderr.contains("(NoSuchChange)"), "{}", called.stderr);
}

#[test]
fn ministack_evaluates_the_alarm_of_a_stop_stack() {
    let account = Ministack::shared().account();
    let stack = StopStack::in_account(&account);
    assert_eq!(stack.alarm_state(&account), "OK");
    stack.publish(&account, 1.0, SignedDuration::ZERO);
    assert_eq!(stack.alarm_state(&account), "ALARM");
    // The maximum of its minute is still 1.
    stack.publish(&account, 0.0, SignedDuration::ZERO);
    assert_eq!(stack.alarm_state(&account), "ALARM");
}

#[test]
fn ministack_ends_the_alarm_once_its_minute_has_only_zeros() {
    let account = Ministack::shared().account();
    let stack = StopStack::in_account(&account);
    // Old enough for a short wait, and young enough to be seen on a slow machine.
    stack.publish(&account, 1.0, SignedDuration::from_secs(50));
    assert_eq!(stack.alarm_state(&account), "ALARM");
    until("OK", || {
        stack.publish(&account, 0.0, SignedDuration::ZERO);
        stack.alarm_state(&account)
    });
}

#[test]
fn the_records_of_a_stop_stack_follow_its_alarm() {
    let account = Ministack::shared().account();
    let StopStack { zone, record, health_check, alarm, .. } = StopStack::in_account(&account);
    let check = format!("route53 get-health-check --health-check-id {health_check}");
    let check = account.aws_json(EAST, &check)["HealthCheck"]["HealthCheckConfig"].clone();
    assert_eq!(check["Type"], "CLOUDWATCH_METRIC");
    assert_eq!(check["AlarmIdentifier"], json!({ "Region": "us-west-2", "Name": alarm }));
    let listed = format!("route53 list-resource-record-sets --hosted-zone-id {zone}");
    let listed = account.aws_json(EAST, &listed);
    let mut pair = listed["ResourceRecordSets"].as_array().unwrap().clone();
    pair.retain(|one| one["Name"] == record);
    let pair: Vec<_> = pair.iter().map(|one| (&one["Failover"], &one["HealthCheckId"])).collect();
    let expected = [(&json!("PRIMARY"), &json!(health_check)), (&json!("SECONDARY"), &Value::Null)];
    assert_eq!(pair, expected);
}

#[test]
fn a_capacity_stack_stands_by_in_the_other_region() {
    let account = Moto::shared().account();
    let stack = CapacityStack::in_account(&account);
    let CapacityStack { cluster, service, auto_scaling_group, .. } = &stack;
    let services = format!("ecs describe-services --cluster {cluster} --services {service}");
    let tasks = account.aws_json(WEST, &services)["services"][0].clone();
    assert_eq!((&tasks["desiredCount"], &tasks["runningCount"]), (&json!(1), &json!(1)));
    let groups = "autoscaling describe-auto-scaling-groups --auto-scaling-group-names";
    let groups = format!("{groups} {auto_scaling_group}");
    let group = account.aws_json(WEST, &groups)["AutoScalingGroups"][0].clone();
    let sizes = [&group["MinSize"], &group["DesiredCapacity"], &group["MaxSize"]];
    assert_eq!(sizes, [1, 1, 4]);
    assert_eq!(group["Instances"][0]["LifecycleState"], "InService");
}

#[test]
fn a_capacity_stack_forwards_to_the_first_of_two_healthy_groups() {
    let account = Moto::shared().account();
    let CapacityStack { load_balancer, listener, target_groups, .. } =
        CapacityStack::in_account(&account);
    let listeners = format!("elbv2 describe-listeners --load-balancer-arn {load_balancer}");
    let found = account.aws_json(WEST, &listeners)["Listeners"][0].clone();
    assert_eq!(found["ListenerArn"], listener);
    let [first, second] = &target_groups;
    let forward = json!([
        { "TargetGroupArn": first, "Weight": 1 }, { "TargetGroupArn": second, "Weight": 0 },
    ]);
    assert_eq!(found["DefaultActions"][0]["ForwardConfig"]["TargetGroups"], forward);
    for group in &target_groups {
        let health = format!("elbv2 describe-target-health --target-group-arn {group}");
        let health = account.aws_json(WEST, &health);
        let targets = health["TargetHealthDescriptions"].as_array().unwrap();
        let states: Vec<_> = targets.iter().map(|one| &one["TargetHealth"]["State"]).collect();
        assert_eq!(states, ["healthy"]);
    }
}

#[test]
fn a_capacity_stack_replicates_its_database_across_regions() {
    let account = Moto::shared().account();
    let CapacityStack { database, replica, .. } = CapacityStack::in_account(&account);
    let find = |region: &str, name: &str| {
        let find = format!("rds describe-db-instances --db-instance-identifier {name}");
        account.aws_json(region, &find)["DBInstances"][0].clone()
    };
    let source = find(EAST, &database);
    let replica = find(WEST, &replica);
    assert_eq!([&source["DBInstanceStatus"], &replica["DBInstanceStatus"]], ["available"; 2]);
    assert_eq!(replica["ReadReplicaSourceDBInstanceIdentifier"], source["DBInstanceArn"]);
}
