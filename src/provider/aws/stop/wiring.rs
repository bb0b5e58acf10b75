//! Whether the parts are tied together: metric to alarm, alarm to health check, health check to records.

use super::Stop;
use crate::{
    action::Trouble,
    provider::aws::{call::Call, cloudwatch::Alarm, service::ROUTE_53},
    wire::Element,
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
    health_check: Result<Option<Element>, Trouble>,
    records: Result<Vec<Element>, Trouble>,
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
        let id = &stop.health_check.name;
        let call = Call::get(&ROUTE_53, "GetHealthCheck", &format!("healthcheck/{id}"));
        let health_check = async {
            let asked = stop.aws.find_xml(&call, &["NoSuchHealthCheck"]);
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
            Ok(Some(answer)) => wrong.extend(of_the_health_check(stop, answer)),
            Ok(None) => wrong.push(format!("there is no health check {}", stop.health_check.name)),
            Err(_) => {}
        }
        if let Ok(records) = &self.records {
            wrong.extend(of_the_records(stop, records));
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let role = if stop.takes_over { "SECONDARY" } else { "PRIMARY" };
        let records = self.records.as_deref().unwrap_or_default();
        let ours = records.iter().find(|record| record.text_of("Failover") == Some(role));
        let target = ours.and_then(|record| record.get("AliasTarget")?.text_of("DNSName"));
        Ok(Known {
            is_defined: self.health_check.is_ok() && self.records.is_ok(),
            target: target.map(ToOwned::to_owned),
        })
    }
}

fn too_late<T>() -> Result<T, Trouble> {
    Err(Trouble::unreachable("Route 53's control plane did not answer in time"))
}

/// The record sets of the name.
async fn records(stop: &Stop) -> Result<Vec<Element>, Trouble> {
    let name = canonical(&stop.record);
    let path = format!("hostedzone/{}/rrset?name={name}&type=A", stop.zone.name);
    let call = Call::get(&ROUTE_53, "ListResourceRecordSets", &path);
    let answer = stop.aws.xml(&call).await?;
    let sets = answer.members("ResourceRecordSets").iter();
    Ok(sets
        .filter(|set| set.text_of("Name").is_some_and(|its| canonical(its) == name))
        .cloned()
        .collect())
}

fn canonical(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
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

fn of_the_health_check(stop: &Stop, answer: &Element) -> Vec<String> {
    let id = &stop.health_check.name;
    let Some(config) = answer.find("HealthCheckConfig") else {
        return vec![format!("the health check {id} has no definition")];
    };
    let mut wrong = Vec::new();
    let text = |name: &str| config.text_of(name).unwrap_or_default();
    if text("Type") != "CLOUDWATCH_METRIC" {
        wrong.push(format!(
            "the health check {id} is of type {}, and watches no alarm",
            text("Type")
        ));
    }
    if let Some(watched) = config.get("AlarmIdentifier") {
        let of = |name: &str| watched.text_of(name).unwrap_or_default();
        if (of("Region"), of("Name")) != (stop.alarm_region.as_str(), stop.alarm.name.as_str()) {
            wrong.push(format!(
                "the health check {id} watches the alarm {} in {}, not {} in {}",
                of("Name"),
                of("Region"),
                stop.alarm.name,
                stop.alarm_region
            ));
        }
    }
    // Disabled means healthy for ever; inverted turns both ways round.
    for (name, says) in [("Disabled", "disabled"), ("Inverted", "inverted")] {
        if text(name) == "true" {
            wrong.push(format!("the health check {id} is {says}"));
        }
    }
    wrong
}

fn of_the_records(stop: &Stop, records: &[Element]) -> Vec<String> {
    let of_role = |role: &'static str| {
        records.iter().filter(move |record| record.text_of("Failover") == Some(role))
    };
    let record = &stop.record;
    let mut wrong = Vec::new();
    for role in ["PRIMARY", "SECONDARY"] {
        let count = of_role(role).count();
        if count != 1 {
            wrong.push(format!("{record} has {count} {role} records, not one"));
        }
    }
    let carries = |one: &Element| one.text_of("HealthCheckId") == Some(&stop.health_check.name);
    if of_role("PRIMARY").count() == 1 && !of_role("PRIMARY").any(carries) {
        let id = &stop.health_check.name;
        wrong.push(format!("the PRIMARY record of {record} does not carry the health check {id}"));
    }
    wrong
}
