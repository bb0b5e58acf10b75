//! CloudWatch: alarms as they are defined and as they stand, and the datapoints of a metric.
//!
//! Source: Amazon CloudWatch API reference, 2010-08-01.

use super::{call::Call, client::Aws, service::CLOUDWATCH};
use crate::action::Trouble;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// A metric, as it is named: of two names that differ in one letter or one dimension, an alarm watches only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metric {
    pub namespace: String,
    pub name: String,
    /// In the order of their names.
    pub dimensions: Vec<(String, String)>,
}

impl Metric {
    pub(super) fn new(
        namespace: String,
        name: String,
        mut dimensions: Vec<(String, String)>,
    ) -> Self {
        dimensions.sort();
        Self { namespace, name, dimensions }
    }

    /// For people: `StopPattern FailoverToSecondary {service=stop-demo}`.
    pub(super) fn says(&self) -> String {
        let dimensions: Vec<_> =
            self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {} {{{}}}", self.namespace, self.name, dimensions.join(", "))
    }

    fn to_json(&self) -> Vec<Value> {
        let dimension = |(name, value): &(String, String)| json!({ "Name": name, "Value": value });
        self.dimensions.iter().map(dimension).collect()
    }

    /// Publishes one datapoint. The time is ours: a request that arrives late must not count for the minute after.
    pub(super) fn publish(&self, region: &str, value: i64, at: Timestamp) -> Call {
        let datum = json!({
            "MetricName": self.name,
            "Dimensions": self.to_json(),
            "Timestamp": at.as_second(),
            "Value": value,
            "Unit": "None",
        });
        let body = json!({ "Namespace": self.namespace, "MetricData": [datum] });
        Call::json(&CLOUDWATCH, region, "PutMetricData", &body)
    }

    /// The lowest and the highest datapoint of each period that is over or begun since then, oldest first.
    pub(super) async fn extremes(
        &self,
        aws: &Aws,
        region: &str,
        since: Timestamp,
        period: Duration,
    ) -> Result<Vec<(f64, f64)>, Trouble> {
        let points = self.points(aws, region, since, period).await?;
        Ok(points.into_iter().map(|point| (point.lowest, point.highest)).collect())
    }

    /// The same with the beginning of each period.
    pub(super) async fn points(
        &self,
        aws: &Aws,
        region: &str,
        since: Timestamp,
        period: Duration,
    ) -> Result<Vec<Point>, Trouble> {
        let body = json!({
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": self.to_json(),
            "StartTime": floor(since, period).as_second(),
            "EndTime": (floor(aws.clients.clock.now(), period) + period).as_second(),
            "Period": period.as_secs(),
            "Statistics": ["Minimum", "Maximum"],
        });
        let call = Call::json(&CLOUDWATCH, region, "GetMetricStatistics", &body);
        let answer = aws.json(&call).await?;
        let points = answer["Datapoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        let point = |point: &Value| {
            Some(Point {
                at: instant(&point["Timestamp"])?,
                lowest: point["Minimum"].as_f64()?,
                highest: point["Maximum"].as_f64()?,
            })
        };
        let mut all: Vec<_> = points.iter().filter_map(point).collect();
        all.sort_by_key(|point| point.at);
        Ok(all)
    }
}

/// What CloudWatch keeps of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Its beginning.
    pub at: Timestamp,
    pub lowest: f64,
    pub highest: f64,
}

/// A metric alarm.
#[derive(Clone, Debug)]
pub(super) struct Alarm {
    pub name: String,
    pub metric: Metric,
    pub statistic: String,
    pub period: Duration,
    pub threshold: f64,
    pub comparison: String,
    pub evaluation_periods: u64,
    pub datapoints: u64,
    pub state: String,
    pub reason: String,
    /// When it came to this state.
    pub since: Option<Timestamp>,
}

impl Alarm {
    /// The alarm of this name; CloudWatch gives an empty list, and no error, when there is none.
    pub(super) async fn find(aws: &Aws, region: &str, name: &str) -> Result<Option<Self>, Trouble> {
        let body = json!({ "AlarmNames": [name], "AlarmTypes": ["MetricAlarm"] });
        let answer = aws.json(&Call::json(&CLOUDWATCH, region, "DescribeAlarms", &body)).await?;
        let all = answer["MetricAlarms"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(all.iter().filter_map(Self::read).find(|alarm| alarm.name == name))
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| value[name].as_u64();
        let dimension = |one: &Value| {
            Some((one["Name"].as_str()?.to_owned(), one["Value"].as_str()?.to_owned()))
        };
        let dimensions = value["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let dimensions = dimensions.iter().filter_map(dimension).collect();
        let periods = number("EvaluationPeriods").unwrap_or(1);
        let changed = instant(&value["StateTransitionedTimestamp"]);
        Some(Self {
            name: value["AlarmName"].as_str()?.to_owned(),
            metric: Metric::new(text("Namespace"), text("MetricName"), dimensions),
            statistic: text("Statistic"),
            period: Duration::from_secs(number("Period").unwrap_or_default()),
            threshold: value["Threshold"].as_f64().unwrap_or_default(),
            comparison: text("ComparisonOperator"),
            evaluation_periods: periods,
            datapoints: number("DatapointsToAlarm").unwrap_or(periods),
            state: text("StateValue"),
            reason: text("StateReason"),
            since: changed.or_else(|| instant(&value["StateUpdatedTimestamp"])),
        })
    }
}

/// The JSON protocols write instants as seconds since 1970; some servers as text.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough")]
        value => Timestamp::from_second(value.as_f64()? as i64).ok(),
    }
}

/// The beginning of the period that an instant is in.
fn floor(at: Timestamp, period: Duration) -> Timestamp {
    let length = i64::try_from(period.as_secs()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(at)
}
