//! Whether the parts are tied together: metric to alarm, alarm to health check, health check to records.

use super::Stop;
use crate::{
    action::Trouble,
    provider::aws::{
        cloudwatch::Alarm,
        route53::{check::HealthCheck, record::RecordSet, zone::Zone},
    },
};
use futures_util::future::join;
use std::time::Duration;

/// Route 53's control plane is in us-east-1, which may be what is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// A switch that waits for it at every look would publish too rarely.
const LEFT_ALONE: Duration = Duration::from_mins(1);
const PERIOD: Duration = Duration::from_mins(1);

/// The definitions as far as Route 53's control plane tells them.
pub(super) struct Wiring {
    health_check: Result<Option<HealthCheck>, Trouble>,
    /// Those of the name, or why it can have none.
    records: Result<Result<Vec<RecordSet>, String>, Trouble>,
}

/// What is known of the pair.
pub(super) struct Known {
    /// Whether all definitions could be read.
    pub is_defined: bool,
    /// The name that the record of the region that will serve stands for.
    pub target: Option<String>,
}

impl Wiring {
    pub(super) async fn read(stop: &Stop) -> Self {
        let clock = &stop.aws.clients.clock;
        if stop.silent_until().is_some_and(|until| clock.now() < until) {
            return Self { health_check: too_late(), records: too_late() };
        }
        let read = Self::ask(stop).await;
        let is_silent = read.unknown().is_some();
        *stop.silent_until() = is_silent.then(|| clock.now() + LEFT_ALONE);
        read
    }

    async fn ask(stop: &Stop) -> Self {
        let health_check = async {
            let asked = HealthCheck::find(&stop.aws, &stop.health_check.name);
            stop.aws.clients.clock.within(PATIENCE, asked).await.unwrap_or_else(too_late)
        };
        let records = async {
            let asked = records(stop);
            stop.aws.clients.clock.within(PATIENCE, asked).await.unwrap_or_else(too_late)
        };
        let (health_check, records) = join(health_check, records).await;
        Self { health_check, records }
    }

    /// What could not be read, in words.
    pub(super) fn unknown(&self) -> Option<String> {
        let why = self.health_check.as_ref().err().or(self.records.as_ref().err())?;
        Some(format!(
            "it is not known whether the health check and the records are tied to the alarm: {why}"
        ))
    }

    /// Everything that is not as it must be; publishing would move nothing then, and say "Success".
    pub(super) fn check(&self, stop: &Stop, alarm: &Alarm) -> Result<Known, String> {
        let mut wrong = of_the_alarm(stop, alarm);
        match &self.health_check {
            Ok(Some(check)) => wrong.extend(of_the_health_check(stop, check)),
            Ok(None) => {
                wrong.push(format!("there is no health check `{}`", stop.health_check.name));
            }
            Err(_) => {}
        }
        match &self.records {
            Ok(Ok(records)) => wrong.extend(of_the_records(stop, records)),
            Ok(Err(why)) => wrong.push(why.clone()),
            Err(_) => {}
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let role = if stop.takes_over { "SECONDARY" } else { "PRIMARY" };
        let records = self.records.as_ref().ok().and_then(|found| found.as_ref().ok());
        let ours = records.into_iter().flatten().find(|record| record.failover() == Some(role));
        let target = ours.and_then(RecordSet::alias).map(|(_, host)| host);
        Ok(Known { is_defined: self.health_check.is_ok() && self.records.is_ok(), target })
    }
}

fn too_late<T>() -> Result<T, Trouble> {
    Err(Trouble::unreachable("Route 53's control plane did not answer in time"))
}

async fn records(stop: &Stop) -> Result<Result<Vec<RecordSet>, String>, Trouble> {
    Ok(match Zone::find(&stop.aws, &stop.zone).await? {
        None => Err(format!("there is no hosted zone `{}`", stop.zone.name)),
        Some(zone) if !zone.holds(&stop.record) => Err(zone.stray(&stop.record)),
        Some(zone) => Ok(zone.of(&stop.aws, &stop.record, "A").await?),
    })
}

fn of_the_alarm(stop: &Stop, alarm: &Alarm) -> Vec<String> {
    let name = &alarm.name;
    let mut wrong = Vec::new();
    if alarm.metric != stop.metric {
        let (watched, published) = (alarm.metric.says(), stop.metric.says());
        wrong.push(format!("{name} watches {watched}, and {published} would be published"));
    }
    // With any other statistic one value of 1 among others would not do, or one of 0 would.
    if alarm.statistic != "Maximum" {
        wrong.push(format!("{name} takes the {} of a period, not the Maximum", alarm.statistic));
    }
    if alarm.period != PERIOD || alarm.evaluation_periods != 1 || alarm.datapoints != 1 {
        wrong.push(format!(
            "{name} looks at {} of {} periods of {} s, not at one of 60 s",
            alarm.datapoints,
            alarm.evaluation_periods,
            alarm.period.as_secs()
        ));
    }
    let rises = match alarm.comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => alarm.threshold > 0.0 && alarm.threshold <= 1.0,
        "GreaterThanThreshold" => alarm.threshold >= 0.0 && alarm.threshold < 1.0,
        _ => false,
    };
    if !rises {
        let (comparison, threshold) = (&alarm.comparison, alarm.threshold);
        wrong.push(format!("{name} tells 0 from 1 by no threshold: {comparison} {threshold}"));
    }
    wrong
}

fn of_the_health_check(stop: &Stop, check: &HealthCheck) -> Vec<String> {
    let id = &check.id;
    let mut wrong = Vec::new();
    let meant = (stop.alarm_region.as_str(), stop.alarm.name.as_str());
    match check.alarm().filter(|_| check.kind() == "CLOUDWATCH_METRIC") {
        None => {
            wrong.push(format!(
                "the health check {id} is of type {}, and watches no alarm",
                check.kind()
            ));
        }
        Some(watched) if watched != meant => wrong.push(format!(
            "the health check {id} watches the alarm {} in {}, not {} in {}",
            watched.1, watched.0, meant.1, meant.0
        )),
        Some(_) => {}
    }
    // Disabled means healthy for ever; inverted turns both ways round.
    for (is_so, says) in [(check.is_disabled(), "disabled"), (check.is_inverted(), "inverted")] {
        if is_so {
            wrong.push(format!("the health check {id} is {says}"));
        }
    }
    wrong
}

fn of_the_records(stop: &Stop, records: &[RecordSet]) -> Vec<String> {
    let of_role = |role| records.iter().filter(move |record| record.failover() == Some(role));
    let record = &stop.record;
    let mut wrong = Vec::new();
    for role in ["PRIMARY", "SECONDARY"] {
        let count = of_role(role).count();
        if count != 1 {
            wrong.push(format!("{record} has {count} {role} records, not one"));
        }
    }
    let id = stop.health_check.name.as_str();
    let carries = |primary: &RecordSet| primary.health_check() == Some(id);
    if of_role("PRIMARY").count() == 1 && !of_role("PRIMARY").any(carries) {
        wrong.push(format!("the PRIMARY record of {record} does not carry the health check {id}"));
    }
    wrong
}
