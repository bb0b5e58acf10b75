//! The other way round: the real `aws` and the real `dig` against the AWS that `failover simulate` serves, by the calls of
//! the scripts that runbooks replace.

use super::{
    Account,
    answers::{EAST, WEST, text, until},
    dig,
};
use crate::binary::Desk;
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

/// Three seconds of AWS pass in a second: signatures hold for five minutes, and `aws` knows only its own clock.
const PACE: u32 = 3;

/// A served world, and whoever is in its account.
struct Served {
    child: Child,
    port: u16,
    account: Account,
    _desk: Desk,
}

impl Served {
    fn start(runbook: &str) -> Self {
        let desk = Desk::new();
        let mut command = desk.command(&format!(
            "simulate us-east-1 us-west-2 --outage none --pace {PACE} --runbook runbooks/{runbook}"
        ));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        let endpoint = address.trim().to_owned();
        let port = endpoint.rsplit(':').next().unwrap().parse().unwrap();
        let account = Account {
            endpoint,
            key: "AKIDEXAMPLE".to_owned(),
            secret: "secret".to_owned(),
            session: String::new(),
        };
        Self { child, port, account, _desk: desk }
    }

    fn addresses(&self, name: &str) -> Vec<String> {
        let answer = dig(self.port, name, "A");
        assert_eq!(answer.status, "NOERROR", "{answer:?}");
        assert!(answer.is_authoritative, "{answer:?}");
        answer.records.iter().map(|one| one.rsplit(' ').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_datapoint_moves_the_alarm_and_the_alarm_moves_the_name() {
    let served = Served::start("stop-pattern.yaml");
    let account = &served.account;
    let alarm = || {
        let shown = "cloudwatch describe-alarms --alarm-names stop-demo-failover";
        text(&account.aws_json(WEST, shown)["MetricAlarms"][0]["StateValue"])
    };
    assert_eq!(alarm(), "OK");
    let primary = served.addresses("stop.example.com");
    for (value, state) in [("1.0", "ALARM"), ("0.0", "OK")] {
        let put = format!(
            "cloudwatch put-metric-data --namespace StopPattern --metric-name FailoverToSecondary \
             --dimensions service=stop-demo --unit None --value {value}"
        );
        // One would do if no other stood in its minute; the runbook publishes again until it counts.
        until(state, || {
            account.aws_json(WEST, &put);
            alarm()
        });
        let is_primary = (state == "OK").to_string();
        until(&is_primary, || (served.addresses("stop.example.com") == primary).to_string());
    }
}

#[test]
fn a_change_batch_is_pending_and_then_answered() {
    let served = Served::start("route53-records.yaml");
    let account = &served.account;
    let before = served.addresses("shop.example.com");
    let zone = "/hostedzone/Z0SHOPEXAMPLE";
    let change = format!(
        "route53 change-resource-record-sets --hosted-zone-id {zone} \
         --change-batch file://runbooks/dns/to-us-west-2.json"
    );
    let change = account.aws_json(EAST, &change)["ChangeInfo"].clone();
    assert_eq!(change["Status"], "PENDING");
    let status = format!("route53 get-change --id {}", text(&change["Id"]));
    until("INSYNC", || text(&account.aws_json(EAST, &status)["ChangeInfo"]["Status"]));
    let after = served.addresses("shop.example.com");
    assert!(after.iter().all(|address| !before.contains(address)), "{before:?} {after:?}");

    let listed = format!("route53 list-resource-record-sets --hosted-zone-id {zone}");
    let listed = account.aws_json(EAST, &listed)["ResourceRecordSets"].clone();
    let target = json!("shop-1234567890.us-west-2.elb.amazonaws.com.");
    let is_it = |set: &serde_json::Value| set["AliasTarget"]["DNSName"] == target;
    assert!(listed.as_array().unwrap().iter().any(is_it), "{listed}");
    assert_eq!(dig(served.port, "nobody.example.com", "A").status, "NXDOMAIN");
}
