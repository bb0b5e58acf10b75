//! Alarms, each looked at once in a minute.
//!
//! Sources: `PutMetricAlarm`, `MetricAlarm` and `AlarmHistoryItem`, Amazon CloudWatch API reference 2010-08-01; "Using Amazon
//! CloudWatch alarms", user guide.

use super::{
    metric::{MINUTE, Metrics, Name, Statistic, floor},
    verdict::{FURTHER_BACK, Point, Verdict},
};
use crate::{
    sim::aws::{asked::leaf, tree::seconds},
    wire::Element,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sim::aws) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim::aws) enum Comparison {
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    AtLeast,
    #[serde(rename = "GreaterThanThreshold")]
    Above,
    #[serde(rename = "LessThanThreshold")]
    Below,
    #[serde(rename = "LessThanOrEqualToThreshold")]
    AtMost,
}

/// What a period counts for in which no datapoint came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sim::aws) enum Treatment {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

/// A change of state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim::aws) struct Turn {
    pub at: Timestamp,
    pub from: State,
    pub to: State,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim::aws) struct Alarm {
    pub region: String,
    pub name: String,
    pub description: Option<String>,
    pub metric: Name,
    pub unit: Option<String>,
    pub statistic: Statistic,
    /// Seconds.
    pub period: u32,
    pub evaluation_periods: u32,
    /// How many of these must breach; all of them when nothing is said.
    pub needed: Option<u32>,
    pub threshold: f64,
    pub comparison: Comparison,
    pub missing: Treatment,
    pub configured: Timestamp,
    pub state: State,
    pub reason: String,
    pub updated: Timestamp,
    pub transitioned: Timestamp,
    /// What the data said when they were looked at last, and when that was.
    pub verdict: Verdict,
    pub looked: Timestamp,
    /// When they are looked at next; never while nothing new can be seen.
    pub due: Option<Timestamp>,
    /// Until when they may say something else without new ones.
    pub restless_until: Timestamp,
    pub history: Vec<Turn>,
}

impl Alarm {
    /// An alarm as the founders of the pattern define it; only what it watches is left open.
    pub(in crate::sim::aws) fn named(name: &str, region: &str, now: Timestamp) -> Self {
        Self {
            region: region.to_owned(),
            name: name.to_owned(),
            description: None,
            metric: Name::default(),
            unit: None,
            statistic: Statistic::Maximum,
            period: 60,
            evaluation_periods: 1,
            needed: None,
            threshold: 1.0,
            comparison: Comparison::AtLeast,
            missing: Treatment::Missing,
            configured: now,
            state: State::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            updated: now,
            transitioned: now,
            verdict: Verdict::Insufficient,
            looked: now,
            due: None,
            restless_until: now,
            history: Vec::new(),
        }
    }

    /// Has it been in a state since an instant, because of its data.
    pub(in crate::sim::aws) fn settle(&mut self, state: State, since: Timestamp) {
        let (verdict, was) = match state {
            State::Alarm => (Verdict::Breaching, "was"),
            State::Ok | State::InsufficientData => (Verdict::Fine, "was not"),
        };
        let value = if state == State::Alarm { self.threshold } else { 0.0 };
        self.verdict = verdict;
        let point = (floor(since, MINUTE), value);
        self.turn(state, self.crossed(was, &[point], 0), since);
    }

    pub(super) fn is_breached_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtLeast => value >= self.threshold,
            Comparison::Above => value > self.threshold,
            Comparison::Below => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
        }
    }

    /// Has it look again, until what lies at an instant is too old to be looked at.
    pub(super) fn stir(&mut self, at: Timestamp, now: Timestamp) {
        let periods = self.evaluation_periods + FURTHER_BACK + 1;
        let seen_for = SignedDuration::from_secs(i64::from(self.period * periods));
        self.restless_until = self.restless_until.max(at.max(now) + seen_for);
        self.due.get_or_insert_with(|| floor(now, MINUTE) + SignedDuration::from_secs(MINUTE));
    }

    /// Looks at the whole periods that lie behind.
    pub(super) fn look(&mut self, metrics: &Metrics, now: Timestamp) {
        let period = i64::from(self.period);
        let end = floor(now, MINUTE);
        let range: Vec<Option<Point>> = (1..=i64::from(self.evaluation_periods + FURTHER_BACK))
            .map(|number| {
                let start = end - SignedDuration::from_secs(number * period);
                let which = (self.region.as_str(), &self.metric, self.unit.as_deref());
                let sample = metrics.within(which, start, period)?;
                Some((start, sample.statistic(self.statistic)))
            })
            .collect();
        let (verdict, points) = self.judge(&range);
        self.verdict = verdict;
        self.looked = now;
        let next = now + SignedDuration::from_secs(MINUTE);
        self.due = (next <= self.restless_until).then_some(next);
        let lacking = self.evaluation_periods as usize - points.len();
        match verdict {
            Verdict::Breaching => {
                self.turn(State::Alarm, self.crossed("was", &points, lacking), now);
            }
            Verdict::Fine => self.turn(State::Ok, self.crossed("was not", &points, lacking), now),
            Verdict::Insufficient => {
                let why = format!("Insufficient Data: {} unknown.", counted(lacking));
                self.turn(State::InsufficientData, why, now);
            }
            Verdict::Unchanged => {}
        }
    }

    /// Shows another state, or another reason for the same one.
    pub(super) fn turn(&mut self, to: State, reason: String, now: Timestamp) {
        if (to, &reason) == (self.state, &self.reason) {
            return;
        }
        if to != self.state {
            let reason = reason.clone();
            self.history.push(Turn { at: now, from: self.state, to, reason });
            self.transitioned = now;
        }
        self.state = to;
        self.reason = reason;
        self.updated = now;
    }

    fn crossed(&self, was: &str, points: &[Point], lacking: usize) -> String {
        if points.is_empty() {
            let treated = super::name_of(&self.missing);
            return format!("Threshold Crossed: {} treated as [{treated}].", counted(lacking));
        }
        let mut shown = String::new();
        for (at, value) in points {
            let comma = if shown.is_empty() { "" } else { ", " };
            let _ = write!(shown, "{comma}{value:?} ({})", at.strftime("%d/%m/%y %H:%M:%S"));
        }
        let were = if points.len() == 1 { was.to_owned() } else { was.replacen("was", "were", 1) };
        let than = match self.comparison {
            Comparison::AtLeast => "greater than or equal to",
            Comparison::Above => "greater than",
            Comparison::Below => "less than",
            Comparison::AtMost => "less than or equal to",
        };
        let number = points.len();
        let noun = if number == 1 { "datapoint" } else { "datapoints" };
        let threshold = self.threshold;
        format!(
            "Threshold Crossed: {number} {noun} [{shown}] {were} {than} the threshold ({threshold:?})."
        )
    }

    pub(super) fn show(&self, account: &str) -> Value {
        let Self { region, name, .. } = self;
        json!({
            "AlarmName": name,
            "AlarmArn": format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
            "AlarmDescription": self.description,
            "AlarmConfigurationUpdatedTimestamp": seconds(self.configured),
            "ActionsEnabled": true,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            "StateValue": super::name_of(&self.state),
            "StateReason": self.reason,
            "StateUpdatedTimestamp": seconds(self.updated),
            "MetricName": self.metric.metric,
            "Namespace": self.metric.namespace,
            "Statistic": super::name_of(&self.statistic),
            "Dimensions": self.metric.show_dimensions(),
            "Period": self.period,
            "Unit": self.unit,
            "EvaluationPeriods": self.evaluation_periods,
            "DatapointsToAlarm": self.needed,
            "Threshold": self.threshold,
            "ComparisonOperator": super::name_of(&self.comparison),
            "TreatMissingData": super::name_of(&self.missing),
            "StateTransitionedTimestamp": seconds(self.transitioned),
        })
    }
}

impl Alarm {
    /// What a health check of Route 53 shows of it.
    pub(in crate::sim::aws) fn show_for_health_check(&self) -> Element {
        let dimension = |(name, value): (&String, &String)| {
            Element::new("Dimension").with([leaf("Name", name), leaf("Value", value)])
        };
        Element::new("CloudWatchAlarmConfiguration").with([
            leaf("EvaluationPeriods", self.evaluation_periods),
            leaf("Threshold", format!("{:?}", self.threshold)),
            leaf("ComparisonOperator", super::name_of(&self.comparison)),
            leaf("Period", self.period),
            leaf("MetricName", &self.metric.metric),
            leaf("Namespace", &self.metric.namespace),
            leaf("Statistic", super::name_of(&self.statistic)),
            Element::new("Dimensions").with(self.metric.dimensions.iter().map(dimension)),
        ])
    }
}

impl Turn {
    pub(super) fn show(&self, alarm: &Alarm) -> Value {
        let state = |state: State, reason: Option<&str>| json!({ "stateValue": super::name_of(&state), "stateReason": reason });
        let data = json!({
            "version": "1.0",
            "oldState": state(self.from, None),
            "newState": state(self.to, Some(&self.reason)),
        });
        let (from, to) = (super::name_of(&self.from), super::name_of(&self.to));
        json!({
            "AlarmName": alarm.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": seconds(self.at),
            "HistoryItemType": "StateUpdate",
            "HistorySummary": format!("Alarm updated from {from} to {to}"),
            "HistoryData": data.to_string(),
        })
    }
}

fn counted(number: usize) -> String {
    if number == 1 { "1 datapoint was".to_owned() } else { format!("{number} datapoints were") }
}
