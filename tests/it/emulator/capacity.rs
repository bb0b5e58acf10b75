//! What is scaled, served and promoted, through the real binary and on moto, which each service reaches at an endpoint of
//! its own setting.

use super::{Account, CapacityStack, Moto};
use crate::binary::{Called, Desk};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

const WEST: &str = "us-west-2";
const SERVICES: [&str; 8] = [
    "APPLICATION_AUTO_SCALING",
    "AUTO_SCALING",
    "CLOUDWATCH",
    "ECS",
    "ELASTIC_LOAD_BALANCING_V2",
    "IAM",
    "RDS",
    "STS",
];

struct Stage {
    account: Account,
    stack: CapacityStack,
    folder: tempfile::TempDir,
    desk: Desk,
}

impl Stage {
    fn new() -> Self {
        let account = Moto::shared().account();
        let stack = CapacityStack::in_account(&account);
        Self { account, stack, folder: tempfile::tempdir().unwrap(), desk: Desk::new() }
    }

    fn execute(&self, steps: &str) -> Called {
        Called::from(self.command(steps, "").stdin(Stdio::null()).output().unwrap())
    }

    fn command(&self, steps: &str, more: &str) -> Command {
        let number = self.account.aws_json(WEST, "sts get-caller-identity")["Account"].clone();
        let text = format!(
            "failover: 1\nrunbook: orders\naws: {{ account: {number} }}\nregions: {{ us-east-1: {{}}, us-west-2: {{}} }}\nsteps:\n{steps}"
        );
        let runbook = self.folder.path().join("runbook.yaml");
        std::fs::write(&runbook, text).unwrap();
        let mut command =
            self.desk.command(&format!("execute us-east-1 us-west-2 --mode planned --yes {more}"));
        let set = self.account.environment().into_iter();
        command.envs(set.filter(|(name, _)| *name != "AWS_ENDPOINT_URL"));
        command.envs(
            SERVICES.map(|name| (format!("AWS_ENDPOINT_URL_{name}"), &self.account.endpoint)),
        );
        command.arg("--runbook").arg(runbook);
        command
    }

    /// Carries the steps out, and then finds nothing left to do.
    fn carry_out(&self, steps: &str) {
        for again in [false, true] {
            let called = self.execute(steps);
            assert_eq!(called.code, Some(0), "{}\n{}", called.stdout, called.stderr);
            assert_eq!(
                called.stdout.contains("nothing had to be changed"),
                again,
                "{}",
                called.stdout
            );
        }
    }

    fn ask(&self, command: &str, part: &str) -> Value {
        self.account.aws_json(WEST, command).pointer(part).unwrap().clone()
    }
}

#[test]
fn instances_are_brought_up() {
    let stage = Stage::new();
    let group = &stage.stack.auto_scaling_group;
    stage.carry_out(&format!(
        "  - id: instances
    action: aws.autoscaling.capacity
    with: {{ group: {{ name: {group}, region: us-west-2 }}, min: 2, desired: 3, max: 5 }}
"
    ));
    let group = stage.ask(
        &format!("autoscaling describe-auto-scaling-groups --auto-scaling-group-names {group}"),
        "/AutoScalingGroups/0",
    );
    assert_eq!([&group["MinSize"], &group["DesiredCapacity"], &group["MaxSize"]], [2, 3, 5]);
}

#[test]
fn users_go_to_the_other_group_once_it_is_healthy_and_read_a_page_meanwhile() {
    let stage = Stage::new();
    let CapacityStack { listener, target_groups: [first, second], .. } = &stage.stack;
    let page = |on: bool| {
        let text = if on { ", text: Back soon" } else { "" };
        format!(
            "  - id: page
    action: aws.elb.fixed_response
    with: {{ listener: '{listener}', on: {on}{text} }}
"
        )
    };
    let rules = format!("elbv2 describe-rules --listener-arn {listener}");
    stage.carry_out(&page(true));
    let answer = stage.ask(&rules, "/Rules/0/Actions/0/FixedResponseConfig");
    assert_eq!([&answer["StatusCode"], &answer["MessageBody"]], ["503", "Back soon"]);
    stage.carry_out(&format!(
        "  - id: weights
    action: aws.elb.weights
    with: {{ listener: '{listener}', from: '{first}', to: '{second}', stages: [50], stay: 1s }}
"
    ));
    let healthy = stage.execute(&format!(
        "  - id: healthy
    action: aws.elb.targets
    with: {{ group: '{second}', healthy: 1, percent: 100 }}
"
    ));
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    let listeners = format!("elbv2 describe-listeners --listener-arns {listener}");
    let forward = stage.ask(&listeners, "/Listeners/0/DefaultActions/0/ForwardConfig/TargetGroups");
    let weight = |arn: &str, weight: u32| json!({ "TargetGroupArn": arn, "Weight": weight });
    let all = [weight(first, 0), weight(second, 100)];
    let forward = forward.as_array().unwrap();
    assert!(forward.len() == 2 && all.iter().all(|one| forward.contains(one)), "{forward:?}");
    stage.carry_out(&page(false));
    assert_eq!(stage.ask(&rules, "/Rules").as_array().unwrap().len(), 1);
}

#[test]
fn tasks_run_once_they_are_asked_for() {
    let stage = Stage::new();
    let CapacityStack { cluster, service, .. } = &stage.stack;
    stage.carry_out(&format!(
        "  - id: tasks
    action: aws.ecs.scale
    with: {{ service: {{ name: {cluster}/{service}, region: us-west-2 }}, count: 3 }}
"
    ));
    let services = format!("ecs describe-services --cluster {cluster} --services {service}");
    assert_eq!(stage.ask(&services, "/services/0/desiredCount"), 3);
}

/// moto promotes, and shows the source of the replica for ever: what the step would wait for never comes.
#[test]
fn a_promotion_says_what_it_loses_before_it_is_sent() {
    let stage = Stage::new();
    let replica = &stage.stack.replica;
    let lag = format!(
        "cloudwatch put-metric-data --namespace AWS/RDS --metric-name ReplicaLag --dimensions DBInstanceIdentifier={replica} --value 2"
    );
    stage.account.aws_json(WEST, &lag);
    let step = format!(
        "  - id: promote
    confirm: Now?
    action: aws.rds.promote
    with: {{ instance: {{ name: {replica}, region: us-west-2 }}, mode: unplanned, backups: 7 }}
"
    );
    let refused = stage.execute(&step);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let why = "2 s of data would be lost, and --yes accepts 0 s; nothing was changed";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);

    let mut command = stage.command(&step, "--accept-loss 5s");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let taken = lines.map(Result::unwrap).find(|line| line.contains("settled, request id"));
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(taken.is_some(), "it was not promoted");
    let status = stage.desk.call("status");
    assert!(status.stdout.contains("failover resume"), "{}\n{}", status.stdout, status.stderr);
}
