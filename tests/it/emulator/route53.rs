//! Records, a failover pair, a shift and a health check, through the real binary and on both emulators. Neither answers
//! for its zones, so what the name servers say is left out here.

use super::{Account, Ministack, Moto};
use crate::binary::{Called, Desk};
use serde_json::{Value, json};
use std::process::Stdio;

/// Where Route 53 is called.
const EAST: &str = "us-east-1";

struct Stage {
    account: Account,
    zone: String,
    check: String,
    folder: tempfile::TempDir,
    desk: Desk,
}

fn set(name: &str, id: &str, routing: &Value, value: &str) -> Value {
    let mut set = json!({
        "Name": format!("{name}.orders.example."), "Type": "A", "SetIdentifier": id, "TTL": 1,
        "ResourceRecords": [{ "Value": value }],
    });
    set.as_object_mut().unwrap().extend(routing.as_object().unwrap().clone());
    set
}

fn simple(value: &str) -> Value {
    json!({
        "Name": "*.orders.example.", "Type": "A", "TTL": 1, "ResourceRecords": [{ "Value": value }],
    })
}

impl Stage {
    /// A zone with a pair whose check is not attached, two weighted records, and one for all other names.
    fn of(account: Account) -> Self {
        let zone = "route53 create-hosted-zone --name orders.example --caller-reference 1";
        let zone = account.aws_json(EAST, zone)["HostedZone"]["Id"].as_str().unwrap().to_owned();
        let config = json!({ "Type": "TCP", "IPAddress": "192.0.2.1", "Port": 443 });
        let check = format!(
            "route53 create-health-check --caller-reference 1 --health-check-config {config}"
        );
        let check =
            account.aws_json(EAST, &check)["HealthCheck"]["Id"].as_str().unwrap().to_owned();
        let sets = [
            set("pair", "1", &json!({ "Failover": "PRIMARY" }), "192.0.2.1"),
            set("pair", "2", &json!({ "Failover": "SECONDARY" }), "192.0.2.2"),
            set("shift", "east", &json!({ "Weight": 100 }), "192.0.2.1"),
            set("shift", "west", &json!({ "Weight": 0 }), "192.0.2.2"),
            simple("192.0.2.1"),
        ];
        let changes: Vec<_> = sets
            .iter()
            .map(|set| json!({ "Action": "CREATE", "ResourceRecordSet": set }))
            .collect();
        let batch = json!({ "Changes": changes });
        account.aws_json(
            EAST,
            &format!(
                "route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch {batch}"
            ),
        );
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { account, zone, check, folder, desk: Desk::new() };
        let change = json!({ "Action": "UPSERT", "ResourceRecordSet": simple("192.0.2.2") });
        stage.write("batch.json", &json!({ "Changes": [change] }).to_string());
        stage.write("runbook.yaml", &stage.runbook());
        stage
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn runbook(&self) -> String {
        let number = self.account.aws_json(EAST, "sts get-caller-identity")["Account"].clone();
        let Self { zone, check, .. } = self;
        format!(
            r"failover: 1
runbook: orders
aws: {{ account: {number} }}
regions: {{ us-east-1: {{}}, us-west-2: {{}} }}
steps:
  - id: records
    action: aws.route53.records
    with: {{ zone: {zone}, file: batch.json, prove: false }}
  - id: pair
    action: aws.route53.failover_pair
    with:
      zone: {zone}
      record: pair.orders.example
      primary: 192.0.2.1
      secondary: 192.0.2.2
      health_check: {check}
      prove: false
  - id: shift
    action: aws.route53.shift
    with:
      zone: {zone}
      record: shift.orders.example
      from: east
      to: west
      stages: [50, 100]
      prove: false
  - id: invert
    action: aws.route53.health_check
    with: {{ health_check: {check}, inverted: true }}
"
        )
    }

    fn execute(&self) -> Called {
        let mut command = self.desk.command("execute us-east-1 us-west-2 --mode planned --yes");
        command.envs(self.account.environment());
        command.arg("--runbook").arg(self.folder.path().join("runbook.yaml"));
        Called::from(command.stdin(Stdio::null()).output().unwrap())
    }

    /// The records of a name, as `aws` lists them.
    fn records(&self, name: &str) -> Vec<Value> {
        let listed = format!("route53 list-resource-record-sets --hosted-zone-id {}", self.zone);
        let listed = self.account.aws_json(EAST, &listed)["ResourceRecordSets"].clone();
        let is_its = |set: &&Value| set["Name"] == format!("{name}.orders.example.");
        listed.as_array().unwrap().iter().filter(is_its).cloned().collect()
    }
}

/// Changes everything once, finds it changed, and loses nothing on the way.
fn is_carried_out_once(account: Account) {
    let stage = Stage::of(account);
    let called = stage.execute();
    assert_eq!(called.code, Some(0), "{}\n{}", called.stdout, called.stderr);

    let others = [stage.records("\\052"), stage.records("*")].concat();
    assert_eq!(others[0]["ResourceRecords"], json!([{ "Value": "192.0.2.2" }]));
    let primary = json!({ "Failover": "PRIMARY", "HealthCheckId": stage.check });
    let secondary = json!({ "Failover": "SECONDARY" });
    let pair = [set("pair", "1", &primary, "192.0.2.1"), set("pair", "2", &secondary, "192.0.2.2")];
    assert_eq!(stage.records("pair"), pair);
    let shifted = [
        set("shift", "east", &json!({ "Weight": 0 }), "192.0.2.1"),
        set("shift", "west", &json!({ "Weight": 100 }), "192.0.2.2"),
    ];
    assert_eq!(stage.records("shift"), shifted);
    // What is inverted stays so. `aws` cannot tell: MiniStack writes `True`, which it does not read.
    let again = stage.execute();
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert_eq!(again.stderr.matches("= already so").count(), 4, "{}", again.stderr);
}

#[test]
fn ministack_takes_records_a_pair_and_a_shift() {
    is_carried_out_once(Ministack::shared().account());
}

#[test]
fn moto_takes_records_a_pair_and_a_shift() {
    is_carried_out_once(Moto::shared().account());
}

/// Both emulators take what AWS itself refuses.
#[test]
fn two_primaries_are_told_and_left_alone() {
    for account in [Ministack::shared().account(), Moto::shared().account()] {
        let stage = Stage::of(account);
        let third = set("pair", "3", &json!({ "Failover": "PRIMARY" }), "192.0.2.3");
        let change = json!({ "Action": "CREATE", "ResourceRecordSet": third });
        let batch = json!({ "Changes": [change] });
        let create = format!(
            "route53 change-resource-record-sets --hosted-zone-id {} --change-batch {batch}",
            stage.zone
        );
        stage.account.aws_json(EAST, &create);
        let refused = stage.execute();
        // A step before it changes records of the same zone, so that preflight could not know.
        assert_eq!(refused.code, Some(6), "{}\n{}", refused.stdout, refused.stderr);
        let told = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("has 2 PRIMARY (1, 3)"), "{told}");
        assert_eq!(stage.records("pair").len(), 3);
        let weights: Vec<_> =
            stage.records("shift").iter().map(|one| one["Weight"].clone()).collect();
        assert_eq!(weights, [100, 0]);
    }
}
