//! Application Auto Scaling: the bounds within which the count of an ECS service is kept.
//!
//! Source: Application Auto Scaling API reference 2016-02-06. Registering moves the count into the bounds at once. A count
//! below the minimum that is set beside it stays; one above it comes down when the service is idle, which its alarm finds
//! after fifteen minutes ("Target tracking scaling policies").

use super::{
    asked::{Asked, answer_json},
    ecs::{KIND, Service},
};
use crate::sim::{
    call::{Refusal, Replied, Reply},
    cloud::Cloud,
    id::digits,
    seed::Seed,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

const DIMENSION: &str = "ecs:service:DesiredCount";
/// Fifteen datapoints, one a minute, find a service idle.
const FOUND_IDLE: Duration = Duration::from_mins(15);
const SUSPENDABLE: [&str; 3] =
    ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Target {
    region: String,
    /// `service/CLUSTER/SERVICE`
    resource: String,
    min: u64,
    max: u64,
    created: Timestamp,
    /// Of `SUSPENDABLE`.
    suspended: Vec<String>,
    is_idle: bool,
}

impl Target {
    fn is_of(&self, service: &Service) -> bool {
        self.region == service.region && self.resource == service.path()
    }

    /// When the service that it bounds is found to be idle, and has more than it needs.
    pub(super) fn due(&self, services: &[Service]) -> Option<Timestamp> {
        let service = services.iter().find(|service| self.is_of(service))?;
        let is_held = self.suspended.iter().any(|name| name == SUSPENDABLE[0]);
        let comes_down = self.is_idle && !is_held && service.desired > self.min;
        comes_down.then(|| service.changed + FOUND_IDLE)
    }

    pub(super) fn pass(&self, services: &mut [Service], now: Timestamp) {
        if self.due(services).is_some_and(|due| due <= now) {
            let mut all = services.iter_mut();
            if let Some(service) = all.find(|service| self.is_of(service)) {
                service.set_desired(self.min, now);
            }
        }
    }

    fn arn(&self, account: &str) -> String {
        let id = digits(&format!("{} {}", self.region, self.resource), 24);
        format!("arn:aws:application-autoscaling:{}:{account}:scalable-target/{id}", self.region)
    }

    fn show(&self, account: &str) -> Value {
        let suspended: serde_json::Map<_, _> = SUSPENDABLE
            .iter()
            .map(|name| ((*name).to_owned(), json!(self.suspended.iter().any(|one| one == name))))
            .collect();
        json!({
            "ServiceNamespace": "ecs",
            "ResourceId": self.resource,
            "ScalableDimension": DIMENSION,
            "MinCapacity": self.min,
            "MaxCapacity": self.max,
            "RoleARN": format!("arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"),
            "CreationTime": self.created.as_second(),
            "SuspendedState": suspended,
            "ScalableTargetARN": self.arn(account),
        })
    }
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    if asked.body["ServiceNamespace"] != "ecs" {
        return Err(invalid("Only the service namespace ecs is simulated."));
    }
    match asked.operation.as_str() {
        "DescribeScalableTargets" => Ok(describe(cloud, asked)),
        "RegisterScalableTarget" => register(cloud, asked),
        _ => Err(asked.no_such_operation()),
    }
}

fn describe(cloud: &Cloud, asked: &Asked) -> Reply {
    let wanted = asked.body["ResourceIds"].as_array();
    let is_asked = |target: &&Target| {
        let is_named = |ids: &Vec<Value>| ids.iter().any(|id| *id == target.resource);
        target.region == asked.scope.region && wanted.is_none_or(is_named)
    };
    let found = cloud.aws.scalable.iter().filter(is_asked);
    let found: Vec<_> = found.map(|target| target.show(&cloud.aws.account)).collect();
    answer_json(asked, &json!({ "ScalableTargets": found }))
}

fn register(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let (body, region, now) = (&asked.body, &asked.scope.region, cloud.now);
    if body["ScalableDimension"] != DIMENSION {
        return Err(invalid("Unsupported service namespace, resource type or scalable dimension."));
    }
    let resource = body["ResourceId"].as_str().unwrap_or_default();
    let mut services = cloud.aws.services.iter_mut();
    let service = services.find(|one| one.region == *region && one.path() == resource);
    let Some(service) = service else {
        return Err(invalid(&format!("ECS service doesn't exist: {resource}")));
    };
    let place = cloud.aws.scalable.iter().position(|target| target.is_of(service));
    let known = place.map(|place| &cloud.aws.scalable[place]);
    let bound = |name: &str, known: Option<u64>| {
        let missing = || invalid(&format!("{name} is required when registering a new target."));
        body[name].as_u64().or(known).ok_or_else(missing)
    };
    let min = bound("MinCapacity", known.map(|target| target.min))?;
    let max = bound("MaxCapacity", known.map(|target| target.max))?;
    if min > max {
        return Err(invalid("Minimum capacity cannot be greater than maximum capacity."));
    }
    let mut suspended = known.map(|target| target.suspended.clone()).unwrap_or_default();
    for name in SUSPENDABLE {
        if let Some(is_suspended) = body["SuspendedState"][name].as_bool() {
            suspended.retain(|one| one != name);
            suspended.extend(is_suspended.then(|| name.to_owned()));
        }
    }
    let target = Target {
        region: region.clone(),
        resource: resource.to_owned(),
        min,
        max,
        created: known.map_or(now, |target| target.created),
        suspended,
        is_idle: known.is_some_and(|target| target.is_idle),
    };
    service.set_desired(service.desired.clamp(min, max), now);
    let shown = json!({ "ScalableTargetARN": target.arn(&cloud.aws.account) });
    match place {
        Some(place) => cloud.aws.scalable[place] = target,
        None => cloud.aws.scalable.push(target),
    }
    Ok(answer_json(asked, &shown))
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "ValidationException", why)
}

impl Cloud {
    /// Nobody uses a service from now on, and its scaling policy will find that. It is named `CLUSTER/SERVICE`.
    pub fn let_service_idle(&mut self, region: &str, service: &str) {
        let resource = format!("service/{service}");
        let is_it = |one: &&mut Target| one.region == region && one.resource == resource;
        if let Some(target) = self.aws.scalable.iter_mut().find(is_it) {
            target.is_idle = true;
        }
    }
}

/// Bounds where the plan sets a minimum: around what each service has.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let Some(wanted) = seed.largest(KIND, "minimum") else { return };
    for service in &cloud.aws.services {
        if cloud.aws.scalable.iter().any(|target| target.is_of(service)) {
            continue;
        }
        cloud.aws.scalable.push(Target {
            region: service.region.clone(),
            resource: service.path(),
            min: service.desired.min(wanted),
            max: 4 * service.desired.max(wanted),
            created: cloud.now - Duration::from_hours(24),
            suspended: Vec::new(),
            is_idle: false,
        });
    }
}
