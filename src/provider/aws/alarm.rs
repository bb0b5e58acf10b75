//! Waiting for an alarm.

use super::{OnAws, absent, call::Call, client::Aws, cloudwatch::Alarm, region_of, unknown_change};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Placed, Plane, Shape, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource, span},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

const LOOK_AGAIN: Duration = Duration::from_secs(10);

pub(super) const ALARM_OF_A_METRIC: Shape =
    Shape::Resource { kind: "AWS::CloudWatch::Alarm", placed: Placed::InARegion, made: false };

pub(crate) static ALARM: Kind = Kind {
    name: "aws.cloudwatch.alarm",
    summary: "Wait until an alarm of CloudWatch is in a state, and has been for a while",
    parameters: &[
        Parameter::required("alarm", ALARM_OF_A_METRIC, "The alarm"),
        Parameter::required(
            "state",
            Shape::Choice(&["OK", "ALARM", "INSUFFICIENT_DATA"]),
            "The state to wait for",
        ),
        Parameter::optional("for", Shape::Duration, "How long it must have been so")
            .or(Default::Absent),
    ],
    observed: &["state", "reason", "since"],
    planes: &[Plane::Control("alarm")],
    permissions: &["cloudwatch:DescribeAlarms"],
    // One period of a minute, and the evaluation after it.
    usual: Duration::from_mins(2),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    deadline: Duration::from_mins(10),
    effect: Effect::Reads,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["aws.cloudwatch.metric"],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let alarm = params.resource("alarm")?;
    Ok(Wait {
        aws: Aws::new(clients),
        region: region_of(&alarm),
        alarm,
        state: params.text("state")?,
        length: params.optional_duration("for").unwrap_or_default(),
    }
    .into_action())
}

/// What people read of an alarm.
pub(super) fn evidence(alarm: &Alarm) -> Evidence {
    let mut evidence = Evidence::new().text("state", &alarm.state).text("reason", &alarm.reason);
    if let Some(since) = alarm.since {
        evidence.set("since", Datum::Instant(since));
    }
    evidence
}

struct Wait {
    aws: Aws,
    region: String,
    alarm: Resource,
    state: String,
    length: Duration,
}

#[async_trait]
impl OnAws for Wait {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        ALARM.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(alarm) = Alarm::find(&self.aws, &self.region, &self.alarm.name).await? else {
            return Ok(Observation::new(absent("alarm", &self.alarm), Evidence::new()));
        };
        let name = &alarm.name;
        let lasted = alarm.since.map(|since| span::between(since, look.now)).unwrap_or_default();
        let later = |why: String, look_again| Answer::NotYet { why, look_again };
        let answer = if alarm.state != self.state {
            later(
                format!("{name} is {}, not {}: {}", alarm.state, self.state, alarm.reason),
                LOOK_AGAIN,
            )
        } else if lasted < self.length {
            let [lasted, wanted] = [lasted, self.length].map(span::show);
            let why = format!("{name} is {} for {lasted}, not yet for {wanted}", alarm.state);
            later(why, LOOK_AGAIN)
        } else {
            Answer::AsDesired
        };
        Ok(Observation::new(answer, evidence(&alarm)))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        Err(unknown_change(change))
    }
}
