//! What tests of actions start from. `setup.py` builds it, and says how.

use super::Account;
use failover::model::Clock;
use jiff::SignedDuration;
use serde::Deserialize;

/// Where what stands by is.
const STANDBY: &str = "us-west-2";

/// The pattern that AWS calls "standby takes over primary": a metric and its alarm in the standby region us-west-2, a
/// health check that follows the alarm, and a pair of failover records whose primary follows the health check.
///
/// The alarm is OK: a first 0.0 is there. For [`Ministack`](super::Ministack), as moto evaluates no alarm.
#[derive(Deserialize)]
pub struct StopStack {
    pub zone: String,
    /// The name of both records, with its final dot.
    pub record: String,
    pub health_check: String,
    pub alarm: String,
    pub namespace: String,
    pub metric: String,
    /// `name=value`.
    pub dimension: String,
}

/// Capacity in the standby region us-west-2, and a database of us-east-1 with a replica there.
///
/// The service wants one task and has it, the group has one instance of at most four, the listener forwards all to
/// the first of two target groups, each with a healthy target. For [`Moto`](super::Moto).
#[derive(Deserialize)]
pub struct CapacityStack {
    pub cluster: String,
    pub service: String,
    pub auto_scaling_group: String,
    pub load_balancer: String,
    pub listener: String,
    pub target_groups: [String; 2],
    pub database: String,
    pub replica: String,
}

impl StopStack {
    pub fn in_account(account: &Account) -> Self {
        account.set_up("stop")
    }

    /// Publishes a value of the metric, as if it were so old.
    pub fn publish(&self, account: &Account, value: f64, age: SignedDuration) {
        let Self { namespace, metric, dimension, .. } = self;
        let at = Clock::real().now() - age;
        let command = format!(
            "cloudwatch put-metric-data --namespace {namespace} --metric-name {metric} \
             --dimensions {dimension} --value {value} --timestamp {at}"
        );
        account.aws_json(STANDBY, &command);
    }

    pub fn alarm_state(&self, account: &Account) -> String {
        let command = format!("cloudwatch describe-alarms --alarm-names {}", self.alarm);
        let alarms = account.aws_json(STANDBY, &command);
        alarms["MetricAlarms"][0]["StateValue"].as_str().unwrap().to_owned()
    }
}

impl CapacityStack {
    pub fn in_account(account: &Account) -> Self {
        account.set_up("capacity")
    }
}
