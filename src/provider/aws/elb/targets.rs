//! Waiting until enough targets of a group are healthy.

use super::{GROUP, LOOK_AGAIN, Target, by_arn, targets_of};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
    provider::aws::{OnAws, absent, call::Call, client::Aws, region_of, unknown_change},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static TARGETS: Kind = Kind {
    name: "aws.elb.targets",
    summary: "Wait until enough targets of a group are healthy, in number and in percent",
    parameters: &[
        Parameter::required("group", GROUP, "The target group, by its ARN"),
        Parameter::required(
            "healthy",
            Shape::Int { least: 1, most: 1_000 },
            "How many targets must be healthy",
        ),
        Parameter::optional(
            "percent",
            Shape::Int { least: 1, most: 100 },
            "How many of all that should serve; those that drain or are unused should not",
        )
        .or(Default::Int(100)),
    ],
    observed: &["healthy", "counted"],
    planes: &[Plane::Control("group")],
    permissions: &["elasticloadbalancing:DescribeTargetHealth"],
    // A target is registered and passes its first health check, each 30 s by default.
    usual: Duration::from_mins(1),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    // The SDKs' waiter `TargetInService` asks 40 times, every 15 s.
    deadline: Duration::from_mins(10),
    effect: Effect::Reads,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let group = by_arn(params, "group", "targetgroup")?;
    let number = |name| params.int(name).map(|number| usize::try_from(number).unwrap_or_default());
    Ok(Wait {
        aws: Aws::new(clients),
        region: region_of(&group),
        group,
        healthy: number("healthy")?,
        percent: number("percent")?,
    }
    .into_action())
}

struct Wait {
    aws: Aws,
    region: String,
    group: Resource,
    healthy: usize,
    percent: usize,
}

#[async_trait]
impl OnAws for Wait {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        TARGETS.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(targets) = targets_of(&self.aws, &self.region, &self.group).await? else {
            return Ok(Observation::new(absent("target group", &self.group), Evidence::new()));
        };
        let healthy = targets.iter().filter(|target| target.is_healthy()).count();
        let counted = targets.iter().filter(|target| target.counts()).count();
        let count = |number: usize| Datum::Count(i64::try_from(number).unwrap_or(i64::MAX));
        let evidence =
            Evidence::new().with("healthy", count(healthy)).with("counted", count(counted));
        Ok(Observation::new(self.answer(&targets, healthy, counted), evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        Err(unknown_change(change))
    }
}

impl Wait {
    fn answer(&self, targets: &[Target], healthy: usize, counted: usize) -> Answer {
        let name = super::short(&self.group.name);
        if targets.iter().any(|target| target.reason == "Target.HealthCheckDisabled") {
            let why =
                format!("`{name}` has no health checks, so none of its targets is ever healthy");
            return Answer::Never { why };
        }
        if healthy >= self.healthy && healthy * 100 >= self.percent * counted {
            return Answer::AsDesired;
        }
        let wanted = if healthy < self.healthy {
            self.healthy.to_string()
        } else {
            format!("{} %", self.percent)
        };
        let mut why =
            format!("{healthy} of {counted} targets of `{name}` are healthy, not {wanted}");
        if let Some(bad) = targets.iter().find(|one| !one.is_healthy() && one.state != "draining") {
            why.push_str("; ");
            why.push_str(&bad.says());
        }
        Answer::NotYet { why, look_again: LOOK_AGAIN }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample::*, *};
    use crate::{
        model::{Node, Value},
        provider::testing::*,
    };

    async fn observed(outcome: Outcome, healthy: i64, percent: i64) -> Observation {
        let script = Script::new().on("POST DescribeTargetHealth", outcome);
        let with = [
            ("group", node(&group(BLUE))),
            ("healthy", Node::made(Value::Int(healthy))),
            ("percent", Node::made(Value::Int(percent))),
        ];
        bound(&TARGETS, &script, with).observe(&look()).await.unwrap()
    }

    #[tokio::test]
    async fn both_the_number_and_the_part_must_be_healthy() {
        let ok = |id| (id, "healthy", "");
        let bad = ("i-9", "unhealthy", "Target.ResponseCodeMismatch");
        let draining = ("i-8", "draining", "Target.DeregistrationInProgress");
        let unused = ("i-7", "unused", "Target.NotInUse");
        let fails = ("i-6", "unhealthy.draining", "Target.FailedHealthChecks");
        let first = ("i-5", "initial", "Elb.InitialHealthChecking");
        let table = [
            (vec![ok("i-1"), ok("i-2")], 2, 100, None),
            (vec![ok("i-1"), ok("i-2"), draining, unused], 2, 100, None),
            (vec![ok("i-1"), bad], 1, 50, None),
            (
                vec![ok("i-1"), bad],
                1,
                51,
                Some("1 of 2 targets of `blue` are healthy, not 51 %; i-9 is unhealthy: because"),
            ),
            (vec![ok("i-1"), draining], 2, 1, Some("1 of 1 targets of `blue` are healthy, not 2")),
            (
                vec![ok("i-1"), fails],
                1,
                100,
                Some(
                    "1 of 2 targets of `blue` are healthy, not 100 %; i-6 is unhealthy.draining: because",
                ),
            ),
            (
                vec![unused],
                1,
                1,
                Some("0 of 0 targets of `blue` are healthy, not 1; i-7 is unused: because"),
            ),
            (
                vec![first],
                1,
                100,
                Some("0 of 1 targets of `blue` are healthy, not 1; i-5 is initial: because"),
            ),
        ];
        for (targets, healthy, percent, why) in table {
            let expected = match why {
                None => Answer::AsDesired,
                Some(why) => Answer::NotYet { why: why.to_owned(), look_again: LOOK_AGAIN },
            };
            assert_eq!(observed(health(&targets), healthy, percent).await.answer, expected);
        }
    }

    #[tokio::test]
    async fn what_can_never_be_healthy_is_not_waited_for() {
        let disabled = [("lambda", "unavailable", "Target.HealthCheckDisabled")];
        let table = [
            (
                health(&disabled),
                "`blue` has no health checks, so none of its targets is ever healthy".to_owned(),
            ),
            (
                aws_no(400, "TargetGroupNotFound"),
                format!(
                    "there is no target group `{BLUE}` in us-west-2 in the account 123456789012"
                ),
            ),
        ];
        for (outcome, why) in table {
            assert_eq!(observed(outcome, 1, 100).await.answer, Answer::Never { why });
        }
    }

    #[test]
    fn a_group_is_named_by_its_arn() {
        let with = Node::map([("group", node(&group("blue")))]);
        let Err(mistake) = bind(&Params::new(&with), &Script::new().clients()) else { panic!() };
        let says = "`group` must be an ARN such as `arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/…`, not `blue`";
        assert_eq!(mistake.message, says);
    }
}
