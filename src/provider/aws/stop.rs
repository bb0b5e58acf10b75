//! "Standby takes over primary": traffic is moved by publishing a metric in the region that takes over.
//!
//! An alarm there watches the metric, a health check of Route 53 the alarm, and a pair of failover records the health
//! check. So the switch needs CloudWatch of the standby and the data plane of Route 53, and nothing in the region that is
//! left. What can be known only from a control plane (the health check and the records as they are defined) is compared
//! where it can be read, and told to be unknown where it cannot.

mod proof;
#[cfg(test)]
mod tests;
mod wiring;

use super::{
    OnAws, absent,
    alarm::ALARM_OF_A_METRIC,
    call::Call,
    client::Aws,
    cloudwatch::{Alarm, Metric},
    metric::{DIMENSIONS, NAME, NAMESPACE, PUBLISH_EVERY, metric, publication},
    region_of,
    route53::{check::HEALTH_CHECK, zone::ZONE},
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Region, Resource, span},
    provider::{dns::Resolver, visit::Page},
};
use async_trait::async_trait;
use futures_util::future::join;
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use wiring::{Known, Wiring};

const LOOK_AGAIN: Duration = Duration::from_secs(5);

pub(crate) static TRIGGER: Kind = Kind {
    name: "aws.stop.trigger",
    summary: "Move traffic by a metric that an alarm, a health check and a record pair follow",
    parameters: &[
        Parameter::required("alarm", ALARM_OF_A_METRIC, "The alarm, in the standby region"),
        NAMESPACE,
        NAME,
        DIMENSIONS,
        Parameter::required(
            "health_check",
            HEALTH_CHECK,
            "The health check that watches the alarm, by its id",
        ),
        Parameter::required("zone", ZONE, "The hosted zone of the records, by its id"),
        Parameter::required("record", Shape::Text, "The name that the two failover records share"),
        Parameter::required("standby", Shape::Region, "The region of the SECONDARY record"),
        Parameter::required("from", Shape::Region, "The region that is left"),
        Parameter::required("to", Shape::Region, "The region that will serve"),
        Parameter::required(
            "probe",
            Shape::Url,
            "An address at which the region that will serve answers by itself",
        ),
        Parameter::required("url", Shape::Url, "The address that users know"),
        Parameter::optional(
            "answers",
            Shape::Int { least: 1, most: 20 },
            "How many good answers in a row each of the two must give",
        )
        .or(Default::Int(3)),
    ],
    observed: &["alarm", "alarm_since", "health_check", "servers", "region"],
    // Its control plane is asked as well, for what can do without an answer.
    planes: &[Plane::Data("alarm")],
    permissions: &[
        "cloudwatch:PutMetricData",
        "cloudwatch:DescribeAlarms",
        "route53:GetHealthCheck",
        "route53:ListResourceRecordSets",
    ],
    // The alarm takes a period of one minute, its health check follows within seconds, resolvers within the TTL of an
    // alias (60 s: Route 53 developer guide, "Choosing between alias and non-alias records").
    usual: Duration::from_mins(3),
    shows_within: PUBLISH_EVERY,
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: true,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let alarm = params.resource("alarm")?;
    let page = |name: &str| -> Result<Page, Diagnostic> {
        let text = params.text(name)?;
        let wrong = |_| Diagnostic::at(params.span(name), format!("`{text}` is no web address"));
        Ok(Page { clients: clients.clone(), uri: text.parse().map_err(wrong)? })
    };
    let (standby, to) = (params.region("standby")?, params.region("to")?);
    let from = params.region("from")?;
    if standby != to && standby != from {
        let message = format!("`standby` is {standby}, and neither `from` nor `to` is");
        return Err(Diagnostic::at(params.span("standby"), message));
    }
    Ok(Stop {
        aws: Aws::new(clients),
        resolver: Resolver(Arc::clone(&clients.dns)),
        alarm_region: region_of(&alarm),
        alarm,
        metric: metric(params)?,
        health_check: params.resource("health_check")?,
        zone: params.resource("zone")?,
        record: params.text("record")?,
        from,
        takes_over: standby == to,
        to,
        probe: page("probe")?,
        public: page("url")?,
        answers: u32::try_from(params.int("answers")?).unwrap_or(1),
        silent_until: Mutex::default(),
    }
    .into_action())
}

struct Stop {
    aws: Aws,
    resolver: Resolver,
    alarm: Resource,
    alarm_region: String,
    metric: Metric,
    health_check: Resource,
    zone: Resource,
    record: String,
    from: Region,
    to: Region,
    /// Whether the standby takes over; otherwise the primary gets its traffic back.
    takes_over: bool,
    probe: Page,
    public: Page,
    answers: u32,
    /// Until when Route 53's control plane is left alone: it was asked, and gave no answer.
    silent_until: Mutex<Option<Timestamp>>,
}

impl Stop {
    fn silent_until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.silent_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is published, and the state of the alarm that follows from it.
    fn wanted(&self) -> (i64, &'static str) {
        if self.takes_over { (1, "ALARM") } else { (0, "OK") }
    }

    /// Whether the alarm has been as it should be for a whole period, so that a value of the old kind that was still in
    /// its window is out of it.
    fn has_settled(&self, alarm: &Alarm, look: &Look) -> bool {
        let lasted = alarm.since.map(|since| span::between(since, look.now)).unwrap_or_default();
        alarm.state == self.wanted().1 && lasted >= alarm.period
    }

    /// What is still to be done or waited for, once everything is defined as it must be.
    async fn next(&self, look: &Look, alarm: &Alarm, known: &Known, seen: &mut Evidence) -> Answer {
        let (value, state) = self.wanted();
        if !self.has_settled(alarm, look) {
            // Nothing was sent yet, and nothing is to be while nobody would answer over there.
            let is_first = alarm.state != state && look.settled.is_empty();
            if is_first
                && let Err(why) = proof::answers(&self.probe, self.answers, self.to.as_str()).await
            {
                let why = format!("{} is not ready to serve: {why}", self.to);
                return Answer::NotYet { why, look_again: LOOK_AGAIN };
            }
            return Answer::Missing(vec![publication(&self.metric, value, &self.alarm_region)]);
        }
        match proof::agree(self, known, seen).await {
            Ok(()) => Answer::AsDesired,
            Err(why) => Answer::NotYet { why, look_again: LOOK_AGAIN },
        }
    }
}

#[async_trait]
impl OnAws for Stop {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        TRIGGER.permissions
    }

    fn region(&self) -> &str {
        &self.alarm_region
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let alarm = Alarm::find(&self.aws, &self.alarm_region, &self.alarm.name);
        let (alarm, wiring) = join(alarm, Wiring::read(self)).await;
        let Some(alarm) = alarm? else {
            return Ok(Observation::new(absent("alarm", &self.alarm), Evidence::new()));
        };
        let mut seen = Evidence::new().text("alarm", &alarm.state);
        if let Some(since) = alarm.since {
            seen.set("alarm_since", Datum::Instant(since));
        }
        let known = match wiring.check(self, &alarm) {
            Ok(known) => known,
            Err(why) => return Ok(Observation::new(Answer::Never { why }, seen)),
        };
        let says = if known.is_defined { "as it must be" } else { "not known" };
        seen.set("health_check", Datum::Text(says.to_owned()));
        let serves = proof::who_serves(self, &mut seen).await;
        let answer = self.next(look, &alarm, &known, &mut seen).await;
        Ok(Observation::new(answer, seen).serving(serves))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        Ok(self.metric.publish(&self.alarm_region, self.wanted().0, self.aws.clients.clock.now()))
    }

    async fn examine(&self) -> Vec<Finding> {
        let wiring = Wiring::read(self).await;
        wiring.unknown().map(Finding::warning).into_iter().collect()
    }
}
