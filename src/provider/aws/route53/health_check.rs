//! Waiting for a health check, and turning it about by hand.
//!
//! An inverted check takes away the traffic of an endpoint that is well. It is never disabled: Route 53 takes a disabled
//! check for healthy whatever happens, which is the opposite of what people mean by it.

use super::{
    super::{
        OnAws,
        call::Call,
        client::{Aws, before_sending},
        service::ROUTE_53_REGION,
        there_is_no, unknown_change,
    },
    CONTROL_PLANE,
    check::{self, HealthCheck},
    never, refused,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// The faster ones of the checkers look this often (`CreateHealthCheck`, `RequestInterval`).
const LOOK_AGAIN: Duration = Duration::from_secs(10);

pub(crate) static HEALTH_CHECK: Kind = Kind {
    name: "aws.route53.health_check",
    summary: "Wait until a health check is healthy or not, or invert it and put it back",
    parameters: &[
        Parameter::required("health_check", check::HEALTH_CHECK, "The health check, by its id"),
        Parameter::optional(
            "inverted",
            Shape::Flag,
            "`true` counts what is well as unhealthy; `false` puts it back",
        ),
        Parameter::optional(
            "want",
            Shape::Choice(&["healthy", "unhealthy"]),
            "What Route 53 must take it for",
        ),
    ],
    observed: &["status", "checkers", "type", "inverted", "disabled"],
    planes: &[CONTROL_PLANE],
    permissions: &[
        "route53:GetHealthCheck",
        "route53:GetHealthCheckStatus",
        "route53:UpdateHealthCheck",
        "cloudwatch:DescribeAlarms",
    ],
    // Three failures in a row at the longer interval of 30 s.
    usual: Duration::from_secs(90),
    // Answered with the check as it is then (UpdateHealthCheck).
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const INVERT: &str = "invert";
const PUT_BACK: &str = "put back";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let (inverted, want) = (params.optional_flag("inverted"), params.optional_text("want"));
    if inverted.is_none() && want.is_none() {
        let message = "`aws.route53.health_check` needs `want`, `inverted` or both";
        return Err(Diagnostic::at(params.span("health_check"), message));
    }
    let wants_healthy = want.map(|want| want == "healthy");
    let resource = params.resource("health_check")?;
    Ok(Turn { aws: Aws::new(clients), resource, inverted, wants_healthy }.into_action())
}

struct Turn {
    aws: Aws,
    resource: Resource,
    inverted: Option<bool>,
    wants_healthy: Option<bool>,
}

#[async_trait]
impl OnAws for Turn {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        HEALTH_CHECK.permissions
    }

    fn region(&self) -> &str {
        ROUTE_53_REGION
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(check) = self.find().await? else {
            return Ok(never(there_is_no("health check", &self.resource)));
        };
        let mut evidence = Evidence::new()
            .text("type", check.kind())
            .with("inverted", Datum::Flag(check.is_inverted()))
            .with("disabled", Datum::Flag(check.is_disabled()));
        let answer = match (self.change(&check), self.wants_healthy) {
            (_, Some(_)) if check.is_disabled() => Answer::Never { why: self.says_nothing() },
            (Some(change), _) => match self.hindrance(&check, &change).await {
                Some(why) => Answer::Never { why },
                None => Answer::Missing(vec![change]),
            },
            (None, Some(wanted)) => self.wait(&check, wanted, &mut evidence).await?,
            (None, None) => Answer::AsDesired,
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let is_inverted = match change.id.as_str() {
            INVERT => true,
            PUT_BACK => false,
            _ => return Err(unknown_change(change)),
        };
        let check = self.find().await.map_err(before_sending)?;
        let check = check.ok_or_else(|| refused(there_is_no("health check", &self.resource)))?;
        Ok(check.invert(is_inverted))
    }

    async fn examine(&self) -> Vec<Finding> {
        let Ok(Some(check)) = self.find().await else { return Vec::new() };
        let id = &check.id;
        let says = match self.inverted {
            Some(true) => format!(
                "while {id} is inverted, what recovers counts as unhealthy: put it back after the failback"
            ),
            None if check.is_inverted() => {
                format!("{id} is inverted: what is well counts as unhealthy")
            }
            _ => return Vec::new(),
        };
        vec![if self.inverted.is_some() { Finding::note(says) } else { Finding::warning(says) }]
    }
}

impl Turn {
    async fn find(&self) -> Result<Option<HealthCheck>, Trouble> {
        HealthCheck::find(&self.aws, &self.resource.name).await
    }

    fn change(&self, check: &HealthCheck) -> Option<Change> {
        let wanted = self.inverted.filter(|wanted| *wanted != check.is_inverted())?;
        let (id, says) = if wanted {
            (INVERT, "inverted no → yes: what is well counts as unhealthy")
        } else {
            (PUT_BACK, "inverted yes → no")
        };
        Some(Change::harmless(id, Sign::Changes, format!("{} {}: {says}", check.kind(), check.id)))
    }

    /// Inverting what is unwell would send users back to it.
    async fn hindrance(&self, check: &HealthCheck, change: &Change) -> Option<String> {
        if change.id.as_str() != INVERT {
            return None;
        }
        // What nobody can say now is no reason to stay where users are.
        let health = check.health(&self.aws).await.ok()?;
        let id = &check.id;
        (health.is_healthy == Some(false)).then(|| {
            format!(
                "{id} is unhealthy already ({}): inverted, it would count as healthy, and users would be sent to what is unwell",
                health.says
            )
        })
    }

    async fn wait(
        &self,
        check: &HealthCheck,
        wanted: bool,
        evidence: &mut Evidence,
    ) -> Result<Answer, Trouble> {
        let health = check.health(&self.aws).await?;
        let status = match health.is_healthy {
            Some(true) => "healthy",
            Some(false) => "unhealthy",
            None => "not known",
        };
        evidence.set("status", Datum::Text(status.to_owned()));
        evidence.set("checkers", Datum::Text(health.says.clone()));
        let id = &check.id;
        Ok(match health.is_healthy {
            Some(is_healthy) if is_healthy == wanted => Answer::AsDesired,
            None if check.kind() == "RECOVERY_CONTROL" => Answer::Never {
                why: format!(
                    "{id} follows a routing control, and Route 53 does not say how it stands: `aws.arc.routing_control` does"
                ),
            },
            Some(_) | None => Answer::NotYet {
                why: format!("{id} is {status}: {}", health.says),
                look_again: LOOK_AGAIN,
            },
        })
    }

    fn says_nothing(&self) -> String {
        format!(
            "the health check {} is disabled: Route 53 asks nobody, and takes it for healthy whatever happens",
            self.resource.name
        )
    }
}

#[cfg(test)]
mod tests;
