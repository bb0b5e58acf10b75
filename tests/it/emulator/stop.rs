//! "Standby takes over primary", through the real binary, on an emulator that evaluates alarms.

use super::{Account, Ministack, StopStack, plane::Plane};
use crate::binary::{Called, Desk};
use jiff::SignedDuration;
use std::process::Stdio;

struct Stage {
    account: Account,
    stack: StopStack,
    plane: Plane,
    folder: tempfile::TempDir,
    desk: Desk,
}

impl Stage {
    fn new() -> Self {
        let account = Ministack::shared().account();
        let stack = StopStack::in_account(&account);
        let plane = Plane::of(&account, &stack);
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { account, stack, plane, folder, desk: Desk::new() };
        stage.write(&stage.runbook());
        stage
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("stop.yaml"), text).unwrap();
    }

    fn runbook(&self) -> String {
        let Self { stack, plane, account, .. } = self;
        let StopStack { zone, record, health_check, alarm, namespace, metric, dimension } = stack;
        let (name, value) = dimension.split_once('=').unwrap();
        let Plane { public, east, west, .. } = plane;
        let number = &account.key;
        format!(
            r#"failover: 1
runbook: stop
aws: {{ account: "{number}" }}
regions:
  us-east-1: {{ endpoint: "http://127.0.0.1:{east}/" }}
  us-west-2: {{ endpoint: "http://127.0.0.1:{west}/" }}
steps:
  - id: switch
    action: aws.stop.trigger
    with:
      alarm: {{ name: {alarm}, region: us-west-2 }}
      namespace: {namespace}
      metric: {metric}
      dimensions: {{ {name}: {value} }}
      health_check: {health_check}
      zone: {zone}
      record: {record}
      standby: us-west-2
      from: ${{{{ from.name }}}}
      to: ${{{{ to.name }}}}
      probe: ${{{{ to.endpoint }}}}
      url: http://127.0.0.1:{public}/
"#
        )
    }

    fn call(&self, arguments: &str) -> Called {
        self.call_with(arguments, self.account.environment())
    }

    fn call_with(&self, arguments: &str, environment: Vec<(&'static str, &str)>) -> Called {
        let mut command = self.desk.command(arguments);
        command.envs(environment);
        command.env("FAILOVER_NAME_SERVER", format!("127.0.0.1:{}", self.plane.name_server));
        command.arg("--runbook").arg(self.folder.path().join("stop.yaml"));
        Called::from(command.stdin(Stdio::null()).output().unwrap())
    }
}

#[test]
fn the_standby_takes_over_and_gives_back() {
    let stage = Stage::new();
    let over = stage.call("execute us-east-1 us-west-2 --yes");
    assert_eq!(over.code, Some(0), "{}\n{}", over.stdout, over.stderr);
    assert_eq!(stage.stack.alarm_state(&stage.account), "ALARM");

    // The last 1 of the way over stands in the same minute as the first 0 of the way back, and hides it: only a run that
    // goes on publishing gets there.
    stage.stack.publish(&stage.account, 1.0, SignedDuration::ZERO);
    let back = stage.call("execute us-west-2 us-east-1 --mode planned --yes");
    assert_eq!(back.code, Some(0), "{}\n{}", back.stdout, back.stderr);
    assert_eq!(stage.stack.alarm_state(&stage.account), "OK");

    // Nothing is left to be done, and nothing is.
    let again = stage.call("execute us-west-2 us-east-1 --mode planned --yes");
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
}

#[test]
fn a_namespace_that_is_spelt_otherwise_is_told_before_anything_is_published() {
    let stage = Stage::new();
    stage.write(&stage.runbook().replace("namespace: StopPattern", "namespace: StopPatten"));
    let refused = stage.call("execute us-east-1 us-west-2 --yes");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let why = "watches StopPattern FailoverToSecondary {service=stop-demo}";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert_eq!(stage.stack.alarm_state(&stage.account), "OK");
}

#[test]
fn keys_of_another_account_get_nowhere() {
    let stage = Stage::new();
    let text = stage.runbook().replace(&stage.account.key, "999999999999");
    stage.write(&text);
    let refused = stage.call("execute us-east-1 us-west-2 --yes");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    // Lines are broken where the terminal ends.
    let told = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = "this runbook is for the AWS account 999999999999, and";
    assert!(told.contains(why), "{told}");
    assert!(told.contains("nothing was changed"), "{told}");
}

#[test]
fn without_keys_nothing_is_changed_and_a_login_is_asked_for() {
    let stage = Stage::new();
    let is_key = |name: &str| name.contains("KEY");
    let environment = stage.account.environment();
    let without = environment.into_iter().filter(|(name, _)| !is_key(name)).collect();
    let refused = stage.call_with("execute us-east-1 us-west-2 --yes", without);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let told = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["no keys for AWS", "aws sso login", "AWS_PROFILE", "nothing was changed"] {
        assert!(told.contains(part), "{part} is not in:\n{}", refused.stderr);
    }
    assert_eq!(stage.stack.alarm_state(&stage.account), "OK");
}

#[test]
fn an_endpoint_that_nobody_answers_at_is_not_taken_for_a_missing_login() {
    let stage = Stage::new();
    let mut environment = stage.account.environment();
    environment.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
    environment.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:9"));
    let refused = stage.call_with("execute us-east-1 us-west-2 --yes", environment);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    for part in ["reaches STS in us-west-2", "AWS_ENDPOINT_URL", "nothing was changed"] {
        assert!(refused.stderr.contains(part), "{part} is not in:\n{}", refused.stderr);
    }
    assert!(!refused.stderr.contains("sign in ("), "{}", refused.stderr);
}
