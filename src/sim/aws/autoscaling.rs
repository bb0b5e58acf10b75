//! EC2 Auto Scaling: groups and their instances.
//!
//! Source: Amazon EC2 Auto Scaling API reference 2011-01-01.

use super::asked::{Asked, leaf, members};
use crate::{
    sim::{
        call::{Refusal, Replied, Reply},
        cloud::Cloud,
        crew::{Crew, Worker},
        seed::Seed,
    },
    wire::Element,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const KIND: &str = "AWS::AutoScaling::AutoScalingGroup";
const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub region: String,
    pub name: String,
    min: u64,
    max: u64,
    desired: u64,
    pub crew: Crew,
    suspended: Vec<String>,
    created: Timestamp,
    /// Until when another scaling activity is in progress.
    busy_until: Option<Timestamp>,
}

impl Group {
    fn is_suspended(&self, process: &str) -> bool {
        self.suspended.iter().any(|one| one == process)
    }

    /// Launches and terminates, as far as neither is suspended.
    fn staff(&mut self, now: Timestamp) {
        let size = self.crew.size();
        let is_held = self.is_suspended(if self.desired > size { "Launch" } else { "Terminate" });
        if !is_held {
            self.crew.resize(self.desired, now);
        }
    }

    fn check_busy(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.busy_until.is_none_or(|until| until <= now) {
            return Ok(());
        }
        let why = format!("Scaling activity is in progress for the group {}.", self.name);
        Err(Refusal::new(400, "ScalingActivityInProgress", why))
    }

    /// Takes over new bounds and a new size, which must lie within them.
    fn take(
        &mut self,
        [min, max, desired]: [Option<u64>; 3],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (min, max) = (min.unwrap_or(self.min), max.unwrap_or(self.max));
        if min > max {
            let why =
                format!("Max bound, {max}, must be greater than or equal to min bound, {min}");
            return Err(invalid(why));
        }
        // Bounds that are set without a size move the size into them.
        let desired = desired.unwrap_or_else(|| self.desired.clamp(min, max));
        if !(min..=max).contains(&desired) {
            return Err(invalid(format!(
                "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
            )));
        }
        (self.min, self.max, self.desired) = (min, max, desired);
        self.staff(now);
        Ok(())
    }

    fn show(&self, cloud: &Cloud) -> Element {
        let (account, now) = (&cloud.aws.account, cloud.now);
        let Self { region, name, .. } = self;
        let zones = ["a", "b"].map(|zone| leaf("member", format!("{region}{zone}")));
        let suspended = self.suspended.iter().map(|process| {
            let reason = leaf("SuspensionReason", "User suspended");
            Element::new("member").with([leaf("ProcessName", process), reason])
        });
        let arns = cloud.aws.elb.groups_with(region, name);
        let arns = arns.map(|arn| leaf("member", arn));
        Element::new("member").with([
            leaf("AutoScalingGroupName", name),
            leaf(
                "AutoScalingGroupARN",
                format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:0:autoScalingGroupName/{name}"),
            ),
            leaf("MinSize", self.min),
            leaf("MaxSize", self.max),
            leaf("DesiredCapacity", self.desired),
            leaf("DefaultCooldown", 300),
            members("AvailabilityZones", zones),
            members("TargetGroupARNs", arns),
            leaf("HealthCheckType", "EC2"),
            leaf("HealthCheckGracePeriod", 300),
            members("Instances", self.crew.present(now).map(|one| self.show_instance(one, now))),
            leaf("CreatedTime", super::instant(self.created)),
            members("SuspendedProcesses", suspended),
            leaf("NewInstancesProtectedFromScaleIn", false),
        ])
    }

    fn show_instance(&self, worker: &Worker, now: Timestamp) -> Element {
        let state = match (worker.is_leaving(), worker.is_up(now)) {
            (true, _) => "Terminating",
            (false, true) => "InService",
            (false, false) => "Pending",
        };
        Element::new("member").with([
            leaf("InstanceId", format!("i-{}", worker.id)),
            leaf("InstanceType", "t3.medium"),
            leaf("AvailabilityZone", worker.zone(&self.region)),
            leaf("LifecycleState", state),
            leaf("HealthStatus", "Healthy"),
            leaf("ProtectedFromScaleIn", false),
        ])
    }
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let now = cloud.now;
    if asked.operation == "DescribeAutoScalingGroups" {
        return Ok(describe(cloud, asked));
    }
    let known =
        ["UpdateAutoScalingGroup", "SetDesiredCapacity", "SuspendProcesses", "ResumeProcesses"];
    if !known.contains(&asked.operation.as_str()) {
        return Err(asked.no_such_operation());
    }
    let name = asked.required("AutoScalingGroupName")?;
    let is_it = |one: &&mut Group| one.region == asked.scope.region && one.name == name;
    let group = cloud.aws.scaling_groups.iter_mut().find(is_it);
    let group = group.ok_or_else(|| {
        invalid(format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"))
    })?;
    match asked.operation.as_str() {
        "UpdateAutoScalingGroup" => {
            let [min, max, desired] =
                ["MinSize", "MaxSize", "DesiredCapacity"].map(|name| size(asked, name));
            let sizes = [min?, max?, desired?];
            group.check_busy(now)?;
            group.take(sizes, now)?;
        }
        "SetDesiredCapacity" => {
            asked.required("DesiredCapacity")?;
            if asked.text("HonorCooldown") == Some("true") {
                group.check_busy(now)?;
            }
            group.take([None, None, size(asked, "DesiredCapacity")?], now)?;
        }
        operation => {
            let named = asked.list("ScalingProcesses");
            let named = if named.is_empty() { PROCESSES.to_vec() } else { named };
            if let Some(unknown) = named.iter().find(|name| !PROCESSES.contains(name)) {
                return Err(invalid(format!("The process type {unknown} is not valid")));
            }
            group.suspended.retain(|one| !named.contains(&one.as_str()));
            if operation == "SuspendProcesses" {
                group.suspended.extend(named.into_iter().map(ToOwned::to_owned));
            }
            group.staff(now);
        }
    }
    Ok(asked.done())
}

fn size(asked: &Asked, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(text) = asked.text(name) else { return Ok(None) };
    let wrong = || invalid(format!("{name} must be a whole number of 0 or more"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// A name that is not there is no error: it is left out.
fn describe(cloud: &Cloud, asked: &Asked) -> Reply {
    let names = asked.list("AutoScalingGroupNames");
    let is_asked = |one: &&Group| {
        one.region == asked.scope.region && (names.is_empty() || names.contains(&one.name.as_str()))
    };
    let found = cloud.aws.scaling_groups.iter().filter(is_asked);
    asked.result([members("AutoScalingGroups", found.map(|one| one.show(cloud)))])
}

fn invalid(why: String) -> Refusal {
    Refusal::new(400, "ValidationError", why)
}

impl Cloud {
    /// Another scaling activity of a group is in progress for this long.
    pub fn let_group_be_busy(&mut self, region: &str, name: &str, length: Duration) {
        let until = self.now + length;
        if let Some(group) = self.group_mut(region, name) {
            group.busy_until = Some(until);
        }
    }

    /// Somebody suspended a process of a group, such as `Launch`.
    pub fn suspend_process(&mut self, region: &str, name: &str, process: &str) {
        if let Some(group) = self.group_mut(region, name) {
            group.suspended.push(process.to_owned());
        }
    }

    fn group_mut(&mut self, region: &str, name: &str) -> Option<&mut Group> {
        let mut all = self.aws.scaling_groups.iter_mut();
        all.find(|one| one.region == region && one.name == name)
    }
}

/// As many instances as the plan wants in the active region, and one on standby, within bounds as low as that where the
/// plan raises them.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let wanted = |parameter| seed.largest(KIND, parameter);
    let desired = wanted("desired").unwrap_or(2);
    let (min, max) = (wanted("min").unwrap_or(1), wanted("max"));
    for resource in seed.of_kind(KIND) {
        let region = seed.region_of(resource);
        let name = &resource.name;
        if cloud.aws.scaling_groups.iter().any(|one| one.region == region && one.name == *name) {
            continue;
        }
        let is_standby = region == seed.standby;
        let size = if is_standby { 1 } else { desired };
        let most =
            max.filter(|_| !is_standby).unwrap_or(if max.is_some() { size } else { desired });
        let long_ago = cloud.now - Duration::from_hours(24);
        cloud.aws.scaling_groups.push(Group {
            crew: Crew::standing(&format!("{region} {name}"), size, long_ago),
            region,
            name: name.clone(),
            min: size.min(min),
            max: most.max(size),
            desired: size,
            suspended: Vec::new(),
            created: long_ago,
            busy_until: None,
        });
    }
}
