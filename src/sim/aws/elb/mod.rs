//! Elastic Load Balancing: load balancers, their listeners and rules, and target groups.
//!
//! Source: Elastic Load Balancing API reference 2015-12-01.

mod action;
pub(in crate::sim) mod front;
mod health;
mod rule;
mod seed;

pub(super) use seed::seed;

use super::asked::{Asked, leaf, members};
use crate::{
    sim::{
        call::{Refusal, Replied},
        cloud::Cloud,
        crew::SEEN_WELL,
    },
    wire::Element,
};
use action::{Action, invalid, number};
use health::{Group, Targets};
use jiff::Timestamp;
use rule::Rule;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Elb {
    balancers: Vec<Balancer>,
    listeners: Vec<Listener>,
    rules: Vec<Rule>,
    groups: Vec<Group>,
    /// How many rules were made.
    made: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Balancer {
    arn: String,
    region: String,
    name: String,
    /// Its DNS name.
    host: String,
    created: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Listener {
    arn: String,
    balancer: String,
    region: String,
    port: u64,
    protocol: String,
    /// What it does when no rule fits.
    actions: Vec<Action>,
}

impl Elb {
    fn balancer(&self, region: &str, arn: &str) -> Result<&Balancer, Refusal> {
        let found = self.balancers.iter().find(|one| one.arn == arn && one.region == region);
        found.ok_or_else(|| missing("LoadBalancerNotFound", "load balancers"))
    }

    fn listener(&self, region: &str, arn: &str) -> Result<&Listener, Refusal> {
        let found = self.listeners.iter().find(|one| one.arn == arn && one.region == region);
        found.ok_or_else(|| missing("ListenerNotFound", "listeners"))
    }

    fn group(&self, region: &str, arn: &str) -> Result<&Group, Refusal> {
        let found = self.groups.iter().find(|one| one.arn == arn && one.region == region);
        found.ok_or_else(|| missing("TargetGroupNotFound", "target groups"))
    }

    /// The rules of a listener, in the order in which they are tried.
    fn rules_of(&self, listener: &str) -> Vec<&Rule> {
        let mut rules: Vec<_> =
            self.rules.iter().filter(|rule| rule.listener == listener).collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    /// The load balancers that send to a group.
    fn balancers_of(&self, group: &str) -> Vec<&str> {
        let sends = |actions: &[Action]| {
            actions.iter().flat_map(Action::groups).any(|(arn, _)| arn == group)
        };
        let uses = |listener: &&Listener| {
            sends(&listener.actions)
                || self.rules_of(&listener.arn).iter().any(|rule| sends(&rule.actions))
        };
        let mut arns: Vec<_> =
            self.listeners.iter().filter(uses).map(|one| one.balancer.as_str()).collect();
        arns.dedup();
        arns
    }

    /// The target groups that hold the instances of an Auto Scaling group.
    pub(super) fn groups_with<'a>(
        &'a self,
        region: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let holds = move |group: &&Group| match &group.targets {
            Targets::Instances(its) => group.region == region && its == name,
            Targets::Tasks(_) | Targets::Standing(_) => false,
        };
        self.groups.iter().filter(holds).map(|group| group.arn.as_str())
    }

    /// Reads actions, whose target groups must be there.
    fn actions(&self, asked: &Asked, list: &str) -> Result<Vec<Action>, Refusal> {
        let actions = Action::read(asked, list)?;
        for (arn, _) in actions.iter().flat_map(Action::groups) {
            self.group(&asked.scope.region, arn)?;
        }
        Ok(actions)
    }

    /// Notes which groups are in use from now on, and which no more.
    fn settle_use(&mut self, now: Timestamp) {
        let mut groups = std::mem::take(&mut self.groups);
        for group in &mut groups {
            let is_used = !self.balancers_of(&group.arn).is_empty();
            group.used_since = is_used.then(|| group.used_since.unwrap_or(now));
        }
        self.groups = groups;
    }

    /// The next instant at which a group that came into use is found to be well.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.groups.iter().filter_map(|group| Some(group.used_since? + SEEN_WELL));
        found.filter(|at| *at > now).min()
    }
}

impl Balancer {
    fn show(&self) -> Element {
        let zones = ["a", "b"].map(|zone| {
            Element::new("member").with([leaf("ZoneName", format!("{}{zone}", self.region))])
        });
        let created = super::instant(self.created);
        Element::new("member").with([
            leaf("LoadBalancerArn", &self.arn),
            leaf("DNSName", &self.host),
            leaf("CanonicalHostedZoneId", "Z0SIMULATED"),
            leaf("CreatedTime", created),
            leaf("LoadBalancerName", &self.name),
            leaf("Scheme", "internet-facing"),
            leaf("VpcId", "vpc-0simulated"),
            Element::new("State").with([leaf("Code", "active")]),
            leaf("Type", "application"),
            members("AvailabilityZones", zones),
            leaf("IpAddressType", "ipv4"),
        ])
    }
}

impl Listener {
    fn show(&self) -> Element {
        Element::new("member").with([
            leaf("ListenerArn", &self.arn),
            leaf("LoadBalancerArn", &self.balancer),
            leaf("Port", self.port),
            leaf("Protocol", &self.protocol),
            members("DefaultActions", self.actions.iter().map(Action::show)),
        ])
    }
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let now = cloud.now;
    if asked.operation == "DescribeTargetHealth" {
        return health::describe_health(cloud, asked);
    }
    let elb = &mut cloud.aws.elb;
    let replied = match asked.operation.as_str() {
        "DescribeLoadBalancers" => describe_balancers(elb, asked),
        "DescribeTargetGroups" => health::describe_groups(elb, asked),
        "DescribeListeners" => describe_listeners(elb, asked),
        "DescribeRules" => rule::describe(elb, asked),
        "ModifyListener" => modify_listener(elb, asked),
        "CreateRule" => rule::create(elb, asked),
        "ModifyRule" => rule::modify(elb, asked),
        "DeleteRule" => rule::delete(elb, asked),
        _ => Err(asked.no_such_operation()),
    };
    elb.settle_use(now);
    replied
}

fn describe_balancers(elb: &Elb, asked: &Asked) -> Replied {
    let region = &asked.scope.region;
    let (arns, names) = (asked.list("LoadBalancerArns"), asked.list("Names"));
    for arn in &arns {
        elb.balancer(region, arn)?;
    }
    let here = || elb.balancers.iter().filter(|one| one.region == *region);
    if !names.iter().all(|name| here().any(|one| one.name == *name)) {
        return Err(missing("LoadBalancerNotFound", "load balancers"));
    }
    let is_asked = |one: &&Balancer| {
        (arns.is_empty() || arns.contains(&one.arn.as_str()))
            && (names.is_empty() || names.contains(&one.name.as_str()))
    };
    let shown = here().filter(is_asked).map(Balancer::show);
    Ok(asked.result([members("LoadBalancers", shown)]))
}

fn describe_listeners(elb: &Elb, asked: &Asked) -> Replied {
    let region = &asked.scope.region;
    let arns = asked.list("ListenerArns");
    let mut shown = Vec::new();
    if let Some(arn) = asked.text("LoadBalancerArn") {
        let balancer = elb.balancer(region, arn)?;
        let its = elb.listeners.iter().filter(|one| one.balancer == balancer.arn);
        shown.extend(its.map(Listener::show));
    } else if arns.is_empty() {
        return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
    }
    for arn in arns {
        shown.push(elb.listener(region, arn)?.show());
    }
    Ok(asked.result([members("Listeners", shown)]))
}

fn modify_listener(elb: &mut Elb, asked: &Asked) -> Replied {
    let mut changed = elb.listener(&asked.scope.region, asked.required("ListenerArn")?)?.clone();
    if asked.count("DefaultActions") > 0 {
        changed.actions = elb.actions(asked, "DefaultActions")?;
    }
    changed.port = number(asked, "Port", 65_535)?.unwrap_or(changed.port);
    if let Some(protocol) = asked.text("Protocol") {
        protocol.clone_into(&mut changed.protocol);
    }
    let shown = changed.show();
    if let Some(place) = elb.listeners.iter_mut().find(|one| one.arn == changed.arn) {
        *place = changed;
    }
    Ok(asked.result([members("Listeners", [shown])]))
}

fn missing(code: &'static str, what: &str) -> Refusal {
    Refusal::new(400, code, format!("One or more {what} not found"))
}

impl Cloud {
    /// The targets of a group fail their health checks from now on, or pass them again.
    pub fn let_targets_be(&mut self, group: &str, health: TargetHealth) {
        if let Some(group) = self.aws.elb.groups.iter_mut().find(|one| one.arn == group) {
            group.is_ill = health == TargetHealth::Ill;
        }
        self.refresh();
    }
}

/// How the targets of a group answer their health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetHealth {
    Well,
    Ill,
}
