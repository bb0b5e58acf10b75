//! Metrics, kept as one sample for each minute: standard resolution.
//!
//! Sources: `PutMetricData` and `GetMetricStatistics`, Amazon CloudWatch API reference 2010-08-01; "CloudWatch metrics
//! concepts", user guide.

use crate::sim::{
    aws::{
        asked::Asked,
        tree::{count, instant, list, number, seconds, text},
    },
    call::{Refusal, Replied},
    cloud::Cloud,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) const MINUTE: i64 = 60;
/// What a datapoint has whose publisher names no unit.
pub(super) const NO_UNIT: &str = "None";
const SECONDS: &str = "Seconds";
const OLDEST: SignedDuration = SignedDuration::from_hours(14 * 24);
const YOUNGEST: SignedDuration = SignedDuration::from_hours(2);
const MOST_DATA: usize = 1_000;
const MOST_DIMENSIONS: usize = 30;
const MOST_DATAPOINTS: i64 = 1_440;

/// What a metric is called: two of the same name whose dimensions differ are two metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim::aws) struct Name {
    pub namespace: String,
    pub metric: String,
    pub dimensions: BTreeMap<String, String>,
}

impl Name {
    pub(super) fn read(input: &Value, place: &Value) -> Result<Self, Refusal> {
        let required = |name: &str, object: &Value| {
            let found = text(object, name).map(ToOwned::to_owned);
            found.ok_or_else(|| super::missing(name))
        };
        let mut dimensions = BTreeMap::new();
        for one in list(place, "Dimensions") {
            dimensions.insert(required("Name", one)?, required("Value", one)?);
        }
        if dimensions.len() > MOST_DIMENSIONS {
            return Err(super::invalid(
                "The collection Dimensions must not have a size greater than 30.",
            ));
        }
        Ok(Self {
            namespace: required("Namespace", input)?,
            metric: required("MetricName", place)?,
            dimensions,
        })
    }

    pub(super) fn show_dimensions(&self) -> Value {
        let one = |(name, value): (&String, &String)| json!({ "Name": name, "Value": value });
        self.dimensions.iter().map(one).collect()
    }
}

/// The values of one metric in one region, all of one unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim::aws) struct Metric {
    region: String,
    name: Name,
    unit: String,
    minutes: BTreeMap<Timestamp, Sample>,
}

/// What came within a stretch of time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    sum: f64,
    count: f64,
    lowest: f64,
    highest: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim::aws) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
}

impl Sample {
    fn new(value: f64, times: f64) -> Self {
        Self { sum: value * times, count: times, lowest: value, highest: value }
    }

    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            count: self.count + other.count,
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
        }
    }

    pub(super) fn statistic(&self, which: Statistic) -> f64 {
        match which {
            Statistic::SampleCount => self.count,
            Statistic::Average => self.sum / self.count,
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.lowest,
            Statistic::Maximum => self.highest,
        }
    }
}

/// The values of every metric.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Metrics(Vec<Metric>);

impl Metrics {
    pub(super) fn put(
        &mut self,
        (region, name, unit): (&str, &Name, &str),
        at: Timestamp,
        new: Sample,
    ) {
        let is_it = |one: &Metric| one.region == region && one.name == *name && one.unit == unit;
        let place = self.0.iter().position(is_it).unwrap_or_else(|| {
            self.0.push(Metric {
                region: region.to_owned(),
                name: name.clone(),
                unit: unit.to_owned(),
                minutes: BTreeMap::new(),
            });
            self.0.len() - 1
        });
        let minute = floor(at, MINUTE);
        let minutes = &mut self.0[place].minutes;
        let sum = minutes.get(&minute).map_or(new, |known| known.and(new));
        minutes.insert(minute, sum);
    }

    /// A single value.
    pub(super) fn put_value(&mut self, region: &str, name: &Name, at: Timestamp, value: f64) {
        self.put((region, name, NO_UNIT), at, Sample::new(value, 1.0));
    }

    /// What came in a period that begins at an instant; of any unit when none is given.
    pub(super) fn within(
        &self,
        (region, name, unit): (&str, &Name, Option<&str>),
        start: Timestamp,
        period: i64,
    ) -> Option<Sample> {
        let fits = |one: &&Metric| {
            one.region == region && one.name == *name && unit.is_none_or(|unit| one.unit == unit)
        };
        let end = start + SignedDuration::from_secs(period);
        let samples = self.0.iter().filter(fits).flat_map(|one| one.minutes.range(start..end));
        samples.map(|(_, sample)| *sample).reduce(Sample::and)
    }
}

/// The last instant before this one, or it itself, at which a period of so many seconds begins.
pub(super) fn floor(at: Timestamp, period: i64) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(period)).unwrap_or(at)
}

/// `PutMetricData`: all of it or nothing.
pub(super) fn put(cloud: &mut Cloud, asked: &Asked, input: &Value) -> Replied {
    let namespace = text(input, "Namespace").ok_or_else(|| super::missing("Namespace"))?;
    if namespace.starts_with("AWS/") {
        return Err(super::invalid("The value AWS/ for parameter Namespace is invalid."));
    }
    let data = list(input, "MetricData");
    if data.is_empty() {
        return Err(super::missing("MetricData"));
    }
    if data.len() > MOST_DATA {
        return Err(super::invalid(
            "The collection MetricData must not have a size greater than 1000.",
        ));
    }
    let read = |(place, datum): (usize, &Value)| read_datum(input, place + 1, datum, cloud.now);
    let read: Vec<_> = data.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let region = asked.scope.region.clone();
    for (name, unit, at, samples) in read {
        for sample in samples {
            cloud.aws.watch.metrics.put((&region, &name, &unit), at, sample);
        }
        cloud.aws.watch.stir(&region, &name, at, cloud.now);
    }
    Ok(asked.done())
}

type Read = (Name, String, Timestamp, Vec<Sample>);

fn read_datum(input: &Value, place: usize, datum: &Value, now: Timestamp) -> Result<Read, Refusal> {
    let invalid = |field: &str| {
        let why = format!("The value for parameter MetricData.member.{place}.{field} is invalid.");
        super::invalid(&why)
    };
    let name = Name::read(input, datum)?;
    let at = match &datum["Timestamp"] {
        Value::Null => now,
        said => instant(said).ok_or_else(|| invalid("Timestamp"))?,
    };
    let age = now.duration_since(at);
    if age > OLDEST || age < -YOUNGEST {
        let why = format!(
            "The parameter MetricData.member.{place}.Timestamp must specify a time no more than two weeks in the past and no more than two hours in the future."
        );
        return Err(super::invalid(&why));
    }
    let unit = text(datum, "Unit").unwrap_or(NO_UNIT).to_owned();
    let values = list(datum, "Values");
    let counts = list(datum, "Counts");
    let set = &datum["StatisticValues"];
    let samples = if set.is_object() {
        let part = |name: &str| number(&set[name]).ok_or_else(|| invalid("StatisticValues"));
        let (lowest, highest) = (part("Minimum")?, part("Maximum")?);
        vec![Sample { sum: part("Sum")?, count: part("SampleCount")?, lowest, highest }]
    } else if values.is_empty() {
        let value = &datum["Value"];
        if value.is_null() {
            let why = format!(
                "At least one of the parameters MetricData.member.{place}.Value, MetricData.member.{place}.Values or MetricData.member.{place}.StatisticValues must be specified."
            );
            return Err(Refusal::new(400, "MissingParameter", why));
        }
        vec![Sample::new(number(value).ok_or_else(|| invalid("Value"))?, 1.0)]
    } else {
        if !counts.is_empty() && counts.len() != values.len() {
            return Err(invalid("Counts"));
        }
        let sample = |(at, value): (usize, &Value)| {
            let times = counts.get(at).map_or(Some(1.0), number);
            number(value).zip(times).map(|(value, times)| Sample::new(value, times))
        };
        let all: Option<Vec<_>> = values.iter().enumerate().map(sample).collect();
        all.ok_or_else(|| invalid("Values"))?
    };
    Ok((name, unit, at, samples))
}

/// What RDS publishes of itself at the end of each minute.
fn of_rds(cloud: &Cloud, region: &str, name: &Name, at: Timestamp) -> Option<Sample> {
    let id = name.dimensions.get("DBInstanceIdentifier")?;
    let is_lag = name.namespace == "AWS/RDS" && name.metric == "ReplicaLag";
    let is_over = at <= cloud.now && name.dimensions.len() == 1;
    let lag = cloud.replica_lag(region, id, at).filter(|_| is_lag && is_over)?;
    Some(Sample::new(lag, 1.0))
}

/// `GetMetricStatistics`. A period in which nothing came has no datapoint.
pub(super) fn statistics(cloud: &Cloud, asked: &Asked, input: &Value) -> Replied {
    let name = Name::read(input, input)?;
    let at = |name: &str| instant(&input[name]).ok_or_else(|| super::missing(name));
    let (start, end) = (at("StartTime")?, at("EndTime")?);
    let period = i64::from(count(&input["Period"]).ok_or_else(|| super::missing("Period"))?);
    if period == 0 || period % MINUTE != 0 {
        return Err(super::invalid("The value for parameter Period must be a multiple of 60."));
    }
    if start >= end {
        let why = "The parameter StartTime must be less than the parameter EndTime.";
        return Err(super::invalid(why));
    }
    let wanted: Vec<Statistic> = list(input, "Statistics")
        .iter()
        .map(|one| serde_json::from_value(one.clone()))
        .collect::<Result<_, _>>()
        .map_err(|_| super::invalid("The value for parameter Statistics is invalid."))?;
    if wanted.is_empty() {
        return Err(super::missing("Statistics"));
    }
    let first = floor(start, period);
    let periods = (end.as_second() - first.as_second() + period - 1) / period;
    if periods > MOST_DATAPOINTS {
        let why = format!(
            "You have requested up to {periods} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        );
        return Err(Refusal::new(400, "InvalidParameterCombination", why));
    }
    let unit = text(input, "Unit");
    let point = |number: i64| {
        let start = first + SignedDuration::from_secs(number * period);
        let watch = &cloud.aws.watch;
        let published = watch.metrics.within((&asked.scope.region, &name, unit), start, period);
        let end = start + SignedDuration::from_secs(period);
        let published = published.map(|sample| (sample, unit.unwrap_or(NO_UNIT)));
        let is_asked = unit.is_none_or(|unit| unit == SECONDS);
        let own = || of_rds(cloud, &asked.scope.region, &name, end).filter(|_| is_asked);
        let (sample, unit) = published.or_else(|| Some((own()?, SECONDS)))?;
        let mut point = Map::new();
        point.insert("Timestamp".to_owned(), seconds(start));
        for which in &wanted {
            point.insert(super::name_of(which), json!(sample.statistic(*which)));
        }
        point.insert("Unit".to_owned(), json!(unit));
        Some(Value::Object(point))
    };
    let points: Vec<_> = (0..periods).filter_map(point).collect();
    Ok(asked.output(&json!({ "Label": name.metric, "Datapoints": points })))
}
