//! As many tasks as a service needs, and an autoscaling that does not take them away again.
//!
//! Sources: Amazon ECS API reference, 2014-11-13; Application Auto Scaling API reference, 2016-02-06.

mod service;

use super::{
    OnAws, absent,
    call::Call,
    client::{Aws, part},
    region_of,
    service::{APPLICATION_AUTO_SCALING, ECS},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Placed, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
    provider::capacity::{EXACTLY, Meant},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use service::{Described, Service, Target, Targets};
use std::{sync::Arc, time::Duration};

/// Its name is `CLUSTER/SERVICE`: a service has no name of its own.
const SERVICE: Shape =
    Shape::Resource { kind: "AWS::ECS::Service", placed: Placed::InARegion, made: false };
/// The quota of tasks per service (Amazon ECS, "Service quotas").
const TASKS: Shape = Shape::Int { least: 0, most: 5_000 };

pub(crate) static SCALE: Kind = Kind {
    name: "aws.ecs.scale",
    summary: "Have so many tasks of an ECS service running, and steady",
    parameters: &[
        Parameter::required("service", SERVICE, "The service, as CLUSTER/SERVICE"),
        Parameter::required("count", TASKS, "How many tasks it should run, at least"),
        Parameter::optional("minimum", TASKS, "What its autoscaling may not go below"),
        EXACTLY,
    ],
    observed: &["desired", "running", "pending", "rollout", "minimum", "event"],
    planes: &[Plane::Control("service")],
    permissions: &PERMISSIONS,
    // An image is pulled and health checks are passed: 1 to 5 minutes.
    usual: Duration::from_mins(3),
    // The counts that were set are shown by the next DescribeServices.
    shows_within: Duration::from_secs(30),
    // The SDKs' waiter `ServicesStable` asks 40 times, every 15 s.
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The last one is needed only for a `minimum`.
const PERMISSIONS: [&str; 4] = [
    "ecs:DescribeServices",
    "ecs:UpdateService",
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:RegisterScalableTarget",
];
const LOOK_AGAIN: Duration = Duration::from_secs(15);
const COUNT: &str = "count";
const MINIMUM: &str = "minimum";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let resource = params.resource("service")?;
    let Some((cluster, service)) = cluster_and_service(&resource.name) else {
        let message = format!("`service` must be CLUSTER/SERVICE, not `{}`", resource.name);
        return Err(Diagnostic::at(params.span("service"), message));
    };
    Ok(Scale {
        aws: Aws::new(clients),
        region: region_of(&resource),
        cluster: cluster.to_owned(),
        service: service.to_owned(),
        resource,
        count: params.int("count")?,
        minimum: params.optional_int("minimum"),
        meant: Meant::by(params)?,
    }
    .into_action())
}

/// Both names, of `CLUSTER/SERVICE` or of an ARN that ends so.
fn cluster_and_service(name: &str) -> Option<(&str, &str)> {
    let short = name.rsplit_once(":service/").map_or(name, |(_, short)| short);
    let (cluster, service) = short.split_once('/')?;
    let is_name = |name: &str| !name.is_empty() && !name.contains(['/', ':']);
    (is_name(cluster) && is_name(service)).then_some((cluster, service))
}

struct Scale {
    aws: Aws,
    region: String,
    resource: Resource,
    cluster: String,
    service: String,
    count: i64,
    minimum: Option<i64>,
    meant: Meant,
}

#[async_trait]
impl OnAws for Scale {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        if self.minimum.is_some() { &PERMISSIONS } else { &PERMISSIONS[..3] }
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let service = match self.find().await? {
            Ok(service) => service,
            Err(answer) => return Ok(Observation::new(answer, Evidence::new())),
        };
        let target = match self.minimum {
            Some(_) => self.target().await?,
            None => None,
        };
        let mut evidence = service.evidence();
        if let Some(target) = &target {
            evidence.set(MINIMUM, Datum::Count(target.min_capacity));
        }
        Ok(Observation::new(self.answer(&service, target.as_ref()), evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let Self { region, cluster, service, count, .. } = self;
        match (change.id.as_str(), self.minimum) {
            (COUNT, _) => {
                let body = json!({ "cluster": cluster, "service": service, "desiredCount": count });
                Ok(Call::json(&ECS, region, "UpdateService", &body))
            }
            (MINIMUM, Some(minimum)) => {
                let body = json!({
                    "ServiceNamespace": "ecs",
                    "ResourceId": self.scalable(),
                    "ScalableDimension": DIMENSION,
                    "MinCapacity": minimum,
                });
                let (service, operation) = (&APPLICATION_AUTO_SCALING, "RegisterScalableTarget");
                Ok(Call::json(service, region, operation, &body))
            }
            _ => Err(unknown_change(change)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the permissions are.
        let target = self.target().await.ok().flatten();
        self.findings(target.as_ref())
    }
}

const DIMENSION: &str = "ecs:service:DesiredCount";

impl Scale {
    /// The service, or what its absence means.
    async fn find(&self) -> Result<Result<Service, Answer>, Trouble> {
        let Self { region, cluster, service, .. } = self;
        let body = json!({ "cluster": cluster, "services": [service] });
        let call = Call::json(&ECS, region, "DescribeServices", &body);
        let Some(answer) = self.aws.find_json(&call, &["ClusterNotFound"]).await? else {
            return Ok(Err(absent("cluster of the service", &self.resource)));
        };
        // A service that is not there is no error: the answer is good, and names it among its failures.
        let described: Described = part(&call, &answer)?;
        Ok(described.services.into_iter().next().ok_or_else(|| {
            match described.failures.first().filter(|failure| failure.reason != "MISSING") {
                Some(failure) => Answer::Never { why: failure.says() },
                None => absent("service", &self.resource),
            }
        }))
    }

    /// What Application Auto Scaling knows of the service, if it scales it.
    async fn target(&self) -> Result<Option<Target>, Trouble> {
        let body = json!({
            "ServiceNamespace": "ecs",
            "ResourceIds": [self.scalable()],
            "ScalableDimension": DIMENSION,
        });
        let (service, operation) = (&APPLICATION_AUTO_SCALING, "DescribeScalableTargets");
        let call = Call::json(service, &self.region, operation, &body);
        let answer: Value = self.aws.json(&call).await?;
        let targets: Targets = part(&call, &answer)?;
        Ok(targets.scalable_targets.into_iter().next())
    }

    fn scalable(&self) -> String {
        format!("service/{}", self.name())
    }

    fn name(&self) -> String {
        format!("{}/{}", self.cluster, self.service)
    }

    fn answer(&self, service: &Service, target: Option<&Target>) -> Answer {
        let name = self.name();
        if let Some(why) = service.hindrance() {
            return Answer::Never { why: format!("`{name}` {why}") };
        }
        let mut changes = Vec::new();
        if self.meant.of(service.desired_count, self.count) != service.desired_count {
            let says = format!("{name}: {} → {} tasks", service.desired_count, self.count);
            changes.push(Change::harmless(COUNT, Sign::Changes, says));
        }
        if let Some((minimum, target)) = self.minimum.zip(target) {
            let (before, most) = (target.min_capacity, target.max_capacity);
            if minimum > most {
                let why = format!(
                    "autoscaling lets `{name}` run {most} tasks at most, so {minimum} cannot be its minimum: raise its maximum first"
                );
                return Answer::Never { why };
            }
            if self.meant.of(before, minimum) != before {
                let says = format!("{name}: autoscaling keeps {before} → {minimum} tasks or more");
                changes.push(Change::harmless(MINIMUM, Sign::Changes, says));
            }
        }
        // Both are sent before anything is waited for: tasks start while the minimum is set.
        if !changes.is_empty() {
            Answer::Missing(changes)
        } else if service.is_steady() {
            Answer::AsDesired
        } else {
            let why = format!("`{name}` {}", service.progress());
            Answer::NotYet { why, look_again: LOOK_AGAIN }
        }
    }

    /// What the service's autoscaling would do to the count later.
    fn findings(&self, target: Option<&Target>) -> Vec<Finding> {
        let (name, count) = (self.name(), self.count);
        let Some(target) = target else {
            let says = format!("nothing scales `{name}` by itself, so `minimum` sets nothing");
            return self.minimum.map(|_| Finding::note(says)).into_iter().collect();
        };
        let mut findings = Vec::new();
        let (least, most) = (target.min_capacity, target.max_capacity);
        if most < count {
            findings.push(Finding::warning(format!(
                "autoscaling lets `{name}` run {most} tasks at most, and may take {count} down to that"
            )));
        }
        if self.minimum.is_none() && least < count && target.scales_in() {
            findings.push(Finding::warning(format!(
                "autoscaling may take `{name}` from {count} down to {least} tasks again: `minimum: {count}` prevents it"
            )));
        }
        if self.meant == Meant::Exactly && self.minimum.unwrap_or(least) > count {
            findings.push(Finding::warning(format!(
                "autoscaling keeps `{name}` at {} tasks or more, and {count} are wanted: `minimum: {count}` lets it",
                self.minimum.unwrap_or(least)
            )));
        }
        findings
    }
}

#[cfg(test)]
mod tests;
