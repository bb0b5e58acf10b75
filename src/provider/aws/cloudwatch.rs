//! CloudWatch: alarms as they are defined and as they stand, and the datapoints of a metric.
//!
//! Source: Amazon CloudWatch API reference, 2010-08-01.

use super::{call::Call, client::Aws, service::CLOUDWATCH};
use crate::{action::Trouble, wire::Element};
use jiff::Timestamp;
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

    /// Its dimensions as parameters of the Query protocol, below a prefix.
    fn parameters(&self, prefix: &str) -> Vec<(String, String)> {
        let numbered = self.dimensions.iter().zip(1..);
        numbered
            .flat_map(|((name, value), number)| {
                let key = format!("{prefix}Dimensions.member.{number}");
                [(format!("{key}.Name"), name.clone()), (format!("{key}.Value"), value.clone())]
            })
            .collect()
    }

    /// Publishes one datapoint. The time is ours: a request that arrives late must not count for the minute after.
    pub(super) fn publish(&self, region: &str, value: i64, at: Timestamp) -> Call {
        let datum = "MetricData.member.1.";
        let mut parameters = vec![
            ("Namespace".to_owned(), self.namespace.clone()),
            (format!("{datum}MetricName"), self.name.clone()),
            (format!("{datum}Timestamp"), seconds(at)),
            (format!("{datum}Value"), value.to_string()),
            (format!("{datum}Unit"), "None".to_owned()),
        ];
        parameters.extend(self.parameters(datum));
        query(region, "PutMetricData", &parameters)
    }

    /// The lowest and the highest datapoint of each period that is over or begun since then, oldest first.
    pub(super) async fn extremes(
        &self,
        aws: &Aws,
        region: &str,
        since: Timestamp,
        period: Duration,
    ) -> Result<Vec<(f64, f64)>, Trouble> {
        let mut parameters = vec![
            ("Namespace".to_owned(), self.namespace.clone()),
            ("MetricName".to_owned(), self.name.clone()),
            ("StartTime".to_owned(), seconds(floor(since, period))),
            ("EndTime".to_owned(), seconds(floor(aws.clients.clock.now(), period) + period)),
            ("Period".to_owned(), period.as_secs().to_string()),
            ("Statistics.member.1".to_owned(), "Minimum".to_owned()),
            ("Statistics.member.2".to_owned(), "Maximum".to_owned()),
        ];
        parameters.extend(self.parameters(""));
        let answer = aws.xml(&query(region, "GetMetricStatistics", &parameters)).await?;
        let points = answer.find("Datapoints").map(|points| points.children.as_slice());
        let number = |point: &Element, name: &str| point.text_of(name)?.parse().ok();
        let mut all: Vec<_> = points
            .unwrap_or_default()
            .iter()
            .filter_map(|point| {
                let at = point.text_of("Timestamp")?.to_owned();
                Some((at, (number(point, "Minimum")?, number(point, "Maximum")?)))
            })
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(all.into_iter().map(|(_, extremes)| extremes).collect())
    }
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
    pub evaluation_periods: u32,
    pub datapoints: u32,
    pub state: String,
    pub reason: String,
    /// When it came to this state.
    pub since: Option<Timestamp>,
}

impl Alarm {
    /// The alarm of this name; CloudWatch gives an empty list, and no error, when there is none.
    pub(super) async fn find(aws: &Aws, region: &str, name: &str) -> Result<Option<Self>, Trouble> {
        let parameters = [("AlarmNames.member.1", name), ("AlarmTypes.member.1", "MetricAlarm")];
        let call = Call::query(&CLOUDWATCH, region, "DescribeAlarms", parameters);
        let answer = aws.xml(&call).await?;
        let all = answer.find("MetricAlarms").map(|alarms| alarms.children.as_slice());
        let mut all = all.unwrap_or_default().iter().filter_map(Self::read);
        Ok(all.find(|alarm| alarm.name == name))
    }

    fn read(element: &Element) -> Option<Self> {
        let text = |name: &str| element.text_of(name).unwrap_or_default().to_owned();
        let dimension = |one: &Element| {
            Some((one.text_of("Name")?.to_owned(), one.text_of("Value")?.to_owned()))
        };
        let dimensions = element.members("Dimensions").iter().filter_map(dimension).collect();
        let periods = text("EvaluationPeriods").parse().unwrap_or(1);
        let changed = element
            .text_of("StateTransitionedTimestamp")
            .or(element.text_of("StateUpdatedTimestamp"));
        Some(Self {
            name: element.text_of("AlarmName")?.to_owned(),
            metric: Metric::new(text("Namespace"), text("MetricName"), dimensions),
            statistic: text("Statistic"),
            period: Duration::from_secs(text("Period").parse().unwrap_or_default()),
            threshold: text("Threshold").parse().unwrap_or_default(),
            comparison: text("ComparisonOperator"),
            evaluation_periods: periods,
            datapoints: text("DatapointsToAlarm").parse().unwrap_or(periods),
            state: text("StateValue"),
            reason: text("StateReason"),
            since: changed.and_then(|at| at.parse().ok()),
        })
    }
}

fn query(region: &str, operation: &'static str, parameters: &[(String, String)]) -> Call {
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Call::query(&CLOUDWATCH, region, operation, pairs)
}

/// Whole seconds: more than that CloudWatch does not keep.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The beginning of the period that an instant is in.
fn floor(at: Timestamp, period: Duration) -> Timestamp {
    let length = i64::try_from(period.as_secs()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(at)
}
