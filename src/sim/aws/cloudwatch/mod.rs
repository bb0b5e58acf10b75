//! CloudWatch: metrics, and alarms on a clock of their own.
//!
//! Source: Amazon CloudWatch API reference 2010-08-01, in its Query protocol and in JSON.

mod alarm;
mod metric;
mod verdict;

pub(super) use alarm::{Alarm, State, Treatment};
pub(super) use metric::Name;
pub(super) use verdict::Verdict;

use super::{
    asked::Asked,
    tree::{count, instant, list, number, text},
};
use crate::sim::{
    call::{Refusal, Replied},
    cloud::Cloud,
};
use jiff::Timestamp;
use metric::Metrics;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const MOST_ALARMS: u32 = 100;
const USUAL_ALARMS: u32 = 50;
/// Seconds.
const LONGEST_RANGE: u32 = 86_400;

/// What is watched, in every region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    metrics: Metrics,
    alarms: Vec<Alarm>,
}

impl Watch {
    /// The alarm of a region.
    pub(super) fn alarm(&self, region: &str, name: &str) -> Option<&Alarm> {
        self.alarms.iter().find(|one| one.region == region && one.name == name)
    }

    /// Adds an alarm as it stands, or replaces the one of its name.
    pub(super) fn set(&mut self, alarm: Alarm) {
        let is_other = |one: &Alarm| (&one.region, &one.name) != (&alarm.region, &alarm.name);
        self.alarms.retain(is_other);
        self.alarms.push(alarm);
    }

    /// Puts one value into a metric, as if it had been published.
    pub(super) fn record(&mut self, region: &str, name: &Name, at: Timestamp, value: f64) {
        self.metrics.put_value(region, name, at, value);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.alarms.iter().filter_map(|alarm| alarm.due).min()
    }

    /// Lets the alarms look whose time has come.
    pub(super) fn look(&mut self, now: Timestamp) {
        for alarm in self.alarms.iter_mut().filter(|one| one.due.is_some_and(|due| due <= now)) {
            alarm.look(&self.metrics, now);
        }
    }

    /// Tells the alarms on a metric that a datapoint came.
    fn stir(&mut self, region: &str, name: &Name, at: Timestamp, now: Timestamp) {
        let watches = |one: &&mut Alarm| one.region == region && one.metric == *name;
        self.alarms.iter_mut().filter(watches).for_each(|alarm| alarm.stir(at, now));
    }
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let input = asked.input();
    match asked.operation.as_str() {
        "DescribeAlarmHistory" => history(cloud, asked, &input),
        "DescribeAlarms" => describe(cloud, asked, &input),
        "GetMetricStatistics" => metric::statistics(cloud, asked, &input),
        "PutMetricAlarm" => put_alarm(cloud, asked, &input),
        "PutMetricData" => metric::put(cloud, asked, &input),
        "SetAlarmState" => set_state(cloud, asked, &input),
        _ => Err(asked.no_such_operation()),
    }
}

/// What an error is called over JSON.
pub(super) fn exception(code: &'static str) -> &'static str {
    match code {
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "MissingParameter" => "MissingRequiredParameterException",
        code => code,
    }
}

/// A name that is not known is left out: an empty list is an answer.
fn describe(cloud: &Cloud, asked: &Asked, input: &Value) -> Replied {
    let names: Vec<_> = list(input, "AlarmNames").iter().filter_map(Value::as_str).collect();
    let prefix = text(input, "AlarmNamePrefix");
    if prefix.is_some() && !names.is_empty() {
        let why = "AlarmNamePrefix and AlarmNames cannot both be specified.";
        return Err(Refusal::new(400, "InvalidParameterCombination", why));
    }
    let state: Option<State> = parsed(input, "StateValue")?;
    let types = list(input, "AlarmTypes");
    let wants_metrics = types.is_empty() || types.iter().any(|one| one == "MetricAlarm");
    let fits = |one: &&Alarm| {
        wants_metrics
            && one.region == asked.scope.region
            && (names.is_empty() || names.contains(&one.name.as_str()))
            && prefix.is_none_or(|prefix| one.name.starts_with(prefix))
            && state.is_none_or(|state| one.state == state)
    };
    let mut found: Vec<_> = cloud.aws.watch.alarms.iter().filter(fits).collect();
    found.sort_by_key(|one| &one.name);
    let shown = found.iter().map(|one| one.show(&cloud.aws.account));
    let (page, next) = paged(shown, input)?;
    let body = json!({ "MetricAlarms": page, "CompositeAlarms": [], "NextToken": next });
    Ok(asked.output(&body))
}

fn history(cloud: &Cloud, asked: &Asked, input: &Value) -> Replied {
    let name = text(input, "AlarmName");
    let kind = text(input, "HistoryItemType");
    let (from, until) = (instant(&input["StartDate"]), instant(&input["EndDate"]));
    let alarms =
        cloud.aws.watch.alarms.iter().filter(|one| {
            one.region == asked.scope.region && name.is_none_or(|name| one.name == name)
        });
    let mut turns: Vec<_> = alarms
        .flat_map(|alarm| alarm.history.iter().map(move |turn| (turn.at, turn.show(alarm))))
        .filter(|(at, _)| from.is_none_or(|from| from <= *at))
        .filter(|(at, _)| until.is_none_or(|until| *at <= until))
        .filter(|_| kind.is_none_or(|kind| kind == "StateUpdate"))
        .collect();
    turns.sort_by_key(|(at, _)| *at);
    if text(input, "ScanBy") != Some("TimestampAscending") {
        turns.reverse();
    }
    let (page, next) = paged(turns.into_iter().map(|(_, shown)| shown), input)?;
    Ok(asked.output(&json!({ "AlarmHistoryItems": page, "NextToken": next })))
}

fn paged(
    all: impl Iterator<Item = Value>,
    input: &Value,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let most = count(&input["MaxRecords"]).unwrap_or(USUAL_ALARMS);
    if !(1..=MOST_ALARMS).contains(&most) {
        return Err(invalid("The value for parameter MaxRecords must be between 1 and 100."));
    }
    let first = match text(input, "NextToken") {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Refusal::new(400, "InvalidNextToken", "The next token is not valid."))?,
    };
    let mut rest = all.skip(first).peekable();
    let page: Vec<_> = rest.by_ref().take(most as usize).collect();
    let next = rest.peek().map(|_| (first + page.len()).to_string());
    Ok((page, next))
}

fn put_alarm(cloud: &mut Cloud, asked: &Asked, input: &Value) -> Replied {
    let name = text(input, "AlarmName").ok_or_else(|| missing("AlarmName"))?;
    let (region, now) = (asked.scope.region.as_str(), cloud.now);
    let known = cloud.aws.watch.alarm(region, name).cloned();
    let fresh = || Alarm::named(name, region, now);
    let required = |name: &str| count(&input[name]).ok_or_else(|| missing(name));
    let (period, evaluation_periods) = (required("Period")?, required("EvaluationPeriods")?);
    if period == 0 || !period.is_multiple_of(60) || evaluation_periods == 0 {
        // Shorter ones need a metric of high resolution, which Route 53 does not take.
        return Err(invalid("The value for parameter Period must be a multiple of 60."));
    }
    if period.checked_mul(evaluation_periods).is_none_or(|length| length > LONGEST_RANGE) {
        let why = "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).";
        return Err(Refusal::new(400, "ValidationError", why));
    }
    let needed = count(&input["DatapointsToAlarm"]);
    if needed.is_some_and(|number| !(1..=evaluation_periods).contains(&number)) {
        let why = "DatapointsToAlarm must be less than or equal to EvaluationPeriods.";
        return Err(invalid(why));
    }
    let mut alarm = Alarm {
        description: text(input, "AlarmDescription").map(ToOwned::to_owned),
        metric: Name::read(input, input)?,
        unit: text(input, "Unit").map(ToOwned::to_owned),
        statistic: parsed(input, "Statistic")?.ok_or_else(|| missing("Statistic"))?,
        period,
        evaluation_periods,
        needed,
        threshold: number(&input["Threshold"]).ok_or_else(|| missing("Threshold"))?,
        comparison: parsed(input, "ComparisonOperator")?
            .ok_or_else(|| missing("ComparisonOperator"))?,
        missing: parsed(input, "TreatMissingData")?.unwrap_or(Treatment::Missing),
        configured: now,
        ..known.unwrap_or_else(fresh)
    };
    alarm.stir(now, now);
    cloud.aws.watch.set(alarm);
    Ok(asked.done())
}

/// Shows a state until the alarm looks again. The data say what they said: whoever follows those does not notice.
fn set_state(cloud: &mut Cloud, asked: &Asked, input: &Value) -> Replied {
    let name = text(input, "AlarmName").ok_or_else(|| missing("AlarmName"))?;
    let state = parsed(input, "StateValue")?.ok_or_else(|| missing("StateValue"))?;
    let reason = text(input, "StateReason").ok_or_else(|| missing("StateReason"))?;
    let now = cloud.now;
    let mut alarms = cloud.aws.watch.alarms.iter_mut();
    let alarm = alarms.find(|one| one.region == asked.scope.region && one.name == name);
    let unknown =
        || Refusal::new(404, "ResourceNotFound", format!("The alarm {name} is not known."));
    let alarm = alarm.ok_or_else(unknown)?;
    alarm.turn(state, reason.to_owned(), now);
    alarm.stir(now, now);
    Ok(asked.done())
}

/// A parameter whose values have names.
fn parsed<T: DeserializeOwned>(input: &Value, name: &str) -> Result<Option<T>, Refusal> {
    let Some(said) = text(input, name) else { return Ok(None) };
    let read = serde_json::from_value(Value::from(said));
    read.map(Some)
        .map_err(|_| invalid(&format!("The value {said} for parameter {name} is invalid.")))
}

/// The vendor's name of a value.
fn name_of(value: &impl Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.and_then(|name| name.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn missing(name: &str) -> Refusal {
    let why = format!("The parameter {name} is required.");
    Refusal::new(400, "MissingParameter", why)
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", why)
}
