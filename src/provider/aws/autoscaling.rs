//! As many instances as are needed, in service and healthy.
//!
//! Minimum, maximum and desired capacity go in one call: one after the other, one of them would be outside the others.
//!
//! Source: Amazon EC2 Auto Scaling API reference, 2011-01-01.

use super::{
    OnAws, absent,
    call::Call,
    client::{Aws, before_sending},
    region_of,
    service::AUTO_SCALING,
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Placed, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
    provider::capacity::{EXACTLY, Meant},
    wire::Element,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{fmt, sync::Arc, time::Duration};

const GROUP: Shape = Shape::Resource {
    kind: "AWS::AutoScaling::AutoScalingGroup",
    placed: Placed::InARegion,
    made: false,
};
/// More than any account's quota of instances.
const INSTANCES: Shape = Shape::Int { least: 0, most: 100_000 };

pub(crate) static CAPACITY: Kind = Kind {
    name: "aws.autoscaling.capacity",
    summary: "Have so many instances of an Auto Scaling group in service, and healthy",
    parameters: &[
        Parameter::required("group", GROUP, "The Auto Scaling group"),
        Parameter::required("desired", INSTANCES, "How many instances it should have, at least"),
        Parameter::optional("min", INSTANCES, "Its minimum, at least; as it is when left out"),
        Parameter::optional("max", INSTANCES, "Its maximum, at least; as it is when left out"),
        EXACTLY,
    ],
    observed: &["min", "desired", "max", "in_service", "activity"],
    planes: &[Plane::Control("group")],
    permissions: &[
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:UpdateAutoScalingGroup",
    ],
    // Instances start, boot, and pass their health checks.
    usual: Duration::from_mins(5),
    // The numbers that were set are shown by the next DescribeAutoScalingGroups.
    shows_within: Duration::from_secs(30),
    // Twice that, and the five minutes for which a new instance is not judged (`HealthCheckGracePeriod`).
    deadline: Duration::from_mins(15),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const LOOK_AGAIN: Duration = Duration::from_secs(15);
const SIZE: &str = "size";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let group = params.resource("group")?;
    let desired = params.int("desired")?;
    let (min, max) = (params.optional_int("min"), params.optional_int("max"));
    for (name, is_wrong, side) in [
        ("min", min.is_some_and(|min| min > desired), "above"),
        ("max", max.is_some_and(|max| max < desired), "below"),
    ] {
        if is_wrong {
            let message = format!("`{name}` is {side} `desired`, which is {desired}");
            return Err(Diagnostic::at(params.span(name), message));
        }
    }
    Ok(Capacity {
        aws: Aws::new(clients),
        region: region_of(&group),
        group,
        min,
        max,
        desired,
        meant: Meant::by(params)?,
    }
    .into_action())
}

struct Capacity {
    aws: Aws,
    region: String,
    group: Resource,
    min: Option<i64>,
    max: Option<i64>,
    desired: i64,
    meant: Meant,
}

#[async_trait]
impl OnAws for Capacity {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        CAPACITY.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(group) = self.find().await? else {
            let answer = absent("Auto Scaling group", &self.group);
            return Ok(Observation::new(answer, Evidence::new()));
        };
        let mut evidence = group.evidence();
        let mut answer = self.answer(&group);
        if let Answer::NotYet { why, .. } = &mut answer
            && let Some(activity) = self.failed_activity(look.since).await
        {
            why.push_str(": ");
            why.push_str(&activity);
            evidence.set("activity", Datum::Text(activity));
        }
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        if change.id.as_str() != SIZE {
            return Err(unknown_change(change));
        }
        let group = self.find().await.map_err(before_sending)?.ok_or_else(|| {
            let why = format!("the Auto Scaling group `{}` is gone", self.group.name);
            Unapplied::Refused { why, request_id: None }
        })?;
        let Size { min, desired, max } = self.wanted(group.size);
        let [min, desired, max] = [min, desired, max].map(|number| number.to_string());
        let parameters = [
            ("AutoScalingGroupName", self.group.name.as_str()),
            ("MinSize", &min),
            ("MaxSize", &max),
            ("DesiredCapacity", &desired),
        ];
        Ok(Call::query(&AUTO_SCALING, &self.region, "UpdateAutoScalingGroup", parameters))
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the group is looked at.
        let Ok(Some(group)) = self.find().await else { return Vec::new() };
        let is_suspended = group.suspends("AddToLoadBalancer");
        let warning = is_suspended.then(|| {
            Finding::warning(format!(
                "`AddToLoadBalancer` is suspended for `{}`: new instances will get no users",
                self.group.name
            ))
        });
        warning.into_iter().collect()
    }
}

impl Capacity {
    async fn find(&self) -> Result<Option<Group>, Trouble> {
        let parameters = [("AutoScalingGroupNames.member.1", self.group.name.as_str())];
        let operation = "DescribeAutoScalingGroups";
        let call = Call::query(&AUTO_SCALING, &self.region, operation, parameters);
        let answer = self.aws.xml(&call).await?;
        // A group that is not there is no error: the list is empty.
        let groups = answer.find("AutoScalingGroups").map(|groups| groups.children.as_slice());
        groups.unwrap_or_default().first().map(|group| Group::read(&call, group)).transpose()
    }

    /// Why the newest activity since then failed, if it did: a group that gets no instances says so nowhere else.
    async fn failed_activity(&self, since: Timestamp) -> Option<String> {
        let parameters = [("AutoScalingGroupName", self.group.name.as_str()), ("MaxRecords", "1")];
        let operation = "DescribeScalingActivities";
        let call = Call::query(&AUTO_SCALING, &self.region, operation, parameters);
        let answer = self.aws.xml(&call).await.ok()?;
        let activity = answer.find("Activities")?.children.first()?.clone();
        let started: Timestamp = activity.text_of("StartTime")?.parse().ok()?;
        let has_failed = activity.text_of("StatusCode") == Some("Failed") && started >= since;
        activity.text_of("StatusMessage").filter(|_| has_failed).map(ToOwned::to_owned)
    }

    /// What becomes of a group that is so large.
    fn wanted(&self, now: Size) -> Size {
        let of = |now, wanted: Option<i64>| wanted.map_or(now, |wanted| self.meant.of(now, wanted));
        Size {
            min: of(now.min, self.min),
            desired: of(now.desired, Some(self.desired)),
            max: of(now.max, self.max),
        }
    }

    fn answer(&self, group: &Group) -> Answer {
        let name = &self.group.name;
        let never = |why: String| Answer::Never { why: format!("`{name}` {why}") };
        if let Some(status) = &group.status {
            return never(format!("is going away: {status}"));
        }
        let wanted = self.wanted(group.size);
        if !wanted.is_sound() {
            let name = if wanted.desired > wanted.max { "max" } else { "min" };
            return never(format!("would have {wanted}: the step must set its `{name}`, too"));
        }
        let lacks = group.in_service < wanted.desired;
        if lacks && group.suspends("Launch") {
            return never("starts no instances: its process `Launch` is suspended".to_owned());
        }
        if wanted != group.size {
            let says = format!("{name}: {} → {wanted} instances", group.size);
            return Answer::Missing(vec![Change::harmless(SIZE, Sign::Changes, says)]);
        }
        if group.in_service >= self.desired {
            return Answer::AsDesired;
        }
        let why = format!(
            "`{name}` has {} of {} instances in service and healthy",
            group.in_service, self.desired
        );
        Answer::NotYet { why, look_again: LOOK_AGAIN }
    }
}

/// The three numbers of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    min: i64,
    desired: i64,
    max: i64,
}

impl Size {
    fn is_sound(self) -> bool {
        self.min <= self.desired && self.desired <= self.max
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} to {})", self.desired, self.min, self.max)
    }
}

struct Group {
    size: Size,
    /// The capacity of its instances that serve: one each, or their weight.
    in_service: i64,
    suspended: Vec<String>,
    /// Only while it is being deleted.
    status: Option<String>,
}

impl Group {
    fn read(call: &Call, group: &Element) -> Result<Self, Trouble> {
        let number = |name: &str| {
            let number = group.text_of(name).and_then(|text| text.parse().ok());
            number.ok_or_else(|| Trouble::odd(format!("{}: a group without {name}", call.says())))
        };
        let serves = |instance: &&Element| {
            let is = |name: &str, text: &str| instance.text_of(name) == Some(text);
            is("LifecycleState", "InService") && is("HealthStatus", "Healthy")
        };
        let weight = |instance: &Element| instance.text_of("WeightedCapacity")?.parse().ok();
        let instances = group.members("Instances").iter().filter(serves);
        let suspended = group.members("SuspendedProcesses").iter();
        Ok(Self {
            size: Size {
                min: number("MinSize")?,
                desired: number("DesiredCapacity")?,
                max: number("MaxSize")?,
            },
            in_service: instances.map(|instance| weight(instance).unwrap_or(1)).sum(),
            suspended: suspended
                .filter_map(|process| process.text_of("ProcessName").map(ToOwned::to_owned))
                .collect(),
            status: group.text_of("Status").map(ToOwned::to_owned),
        })
    }

    fn suspends(&self, process: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == process)
    }

    fn evidence(&self) -> Evidence {
        Evidence::new()
            .with("min", Datum::Count(self.size.min))
            .with("desired", Datum::Count(self.size.desired))
            .with("max", Datum::Count(self.size.max))
            .with("in_service", Datum::Count(self.in_service))
    }
}

#[cfg(test)]
mod tests;
