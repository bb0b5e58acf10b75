//! The load balancers that a plan names: by the ARNs of what is theirs, and by their addresses.

use super::{
    Balancer, Elb, Listener,
    action::{Action, MOST_GROUPS},
    front::SUFFIX,
    health::{Group, Targets},
    rule::{Condition, Rule},
};
use crate::{
    plan::{Side, Step},
    sim::{
        aws::arn::Arn,
        cloud::Cloud,
        crew::Crew,
        id::digits,
        seed::{Seed, texts_in},
    },
};
use jiff::Timestamp;
use std::time::Duration;

const KIND: &str = "AWS::ElasticLoadBalancingV2::";
/// How many machines a group has that belongs to no service of the plan, unless the plan waits for more.
const STANDING: u64 = 2;

/// What stands in an ARN: `listener/app/NAME/BALANCER/LISTENER`.
struct Place<'a> {
    region: &'a str,
    /// Everything before the resource.
    before: &'a str,
    parts: Vec<&'a str>,
}

impl<'a> Place<'a> {
    fn read(arn: &'a str) -> Option<Self> {
        let Arn { region, resource } = Arn::read(arn)?;
        let before = arn.strip_suffix(resource)?;
        Some(Self { region, before, parts: resource.split('/').collect() })
    }

    /// The ARN of what a part of the path names.
    fn of(&self, kind: &str, parts: usize) -> String {
        format!("{}{kind}/{}", self.before, self.parts[1..parts].join("/"))
    }
}

pub(in crate::sim::aws) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let named = |kind: &str| {
        let kind = format!("{KIND}{kind}");
        seed.of_kind(&kind).map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    let since = cloud.now - Duration::from_hours(24);
    for arn in named("TargetGroup") {
        add_group(cloud, seed, &arn, since);
    }
    let hosts = hosts(seed);
    for arn in [named("LoadBalancer"), named("Listener"), named("ListenerRule")].concat() {
        let Some(place) = Place::read(&arn).filter(|place| place.parts.len() >= 4) else {
            continue;
        };
        let balancer = place.of("loadbalancer", 4);
        cloud.aws.elb.add_balancer(&balancer, &hosts, since);
        if place.parts.len() >= 5 {
            add_listener(cloud, seed, &place.of("listener", 5), since);
        }
        if place.parts.len() >= 6 {
            cloud.aws.elb.add_rule(seed, &arn, &place.of("listener", 5));
        }
    }
    let account = cloud.aws.account.clone();
    let arn = |name: &str, region: &str, of: &str| {
        let id = digits(of, 16);
        format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{id}")
    };
    for host in &hosts {
        let is_new = cloud.aws.elb.balancers.iter().all(|one| one.host != *host);
        if let Some((name, region)) = parts_of(host).filter(|_| is_new) {
            cloud.aws.elb.add_balancer(&arn(name, region, host), &hosts, since);
        }
    }
    // A group that is looked at is one that somebody sends to.
    for group in cloud.aws.elb.groups.clone() {
        if cloud.aws.elb.balancers.iter().all(|one| one.region != group.region) {
            let balancer = arn(&group.name, &group.region, &group.arn);
            cloud.aws.elb.add_balancer(&balancer, &hosts, since);
        }
    }
    for balancer in cloud.aws.elb.balancers.clone() {
        if cloud.aws.elb.listeners.iter().all(|one| one.balancer != balancer.arn) {
            let listener = balancer.arn.replacen(":loadbalancer/", ":listener/", 1);
            let listener = format!("{listener}/{}", digits(&balancer.arn, 16));
            add_listener(cloud, seed, &listener, since);
        }
    }
    cloud.aws.elb.take_in_unused();
    cloud.aws.elb.settle_use(since);
}

/// The addresses of load balancers in the plan's texts: `NAME-NUMBER.REGION.elb.amazonaws.com`.
fn hosts(seed: &Seed<'_>) -> Vec<String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let mut found: Vec<String> = Vec::new();
    for text in &seed.texts {
        let Some(at) = text.find(SUFFIX) else { continue };
        let start = text[..at].rfind(|c| !letter(c)).map_or(0, |before| before + 1);
        let host = text[start..at + SUFFIX.len()].to_ascii_lowercase();
        let host = host.strip_prefix("dualstack.").unwrap_or(&host).to_owned();
        if parts_of(&host).is_some() && !found.contains(&host) {
            found.push(host);
        }
    }
    found
}

/// The name and the region in the address of a load balancer.
fn parts_of(host: &str) -> Option<(&str, &str)> {
    let (label, region) = host.strip_suffix(SUFFIX)?.split_once('.')?;
    let name = label.rsplit_once('-').map_or(label, |(name, _)| name);
    Some((name.strip_prefix("internal-").unwrap_or(name), region))
}

fn add_group(cloud: &mut Cloud, seed: &Seed<'_>, arn: &str, since: Timestamp) {
    let Some(Place { region, parts, .. }) = Place::read(arn) else { return };
    if cloud.aws.elb.groups.iter().any(|group| group.arn == arn) {
        return;
    }
    let number = cloud.aws.elb.groups.iter().filter(|group| group.region == region).count();
    let size = seed.largest(&format!("{KIND}TargetGroup"), "healthy").unwrap_or(STANDING);
    let standing = Crew::standing(arn, size.max(STANDING), since);
    cloud.aws.elb.groups.push(Group {
        arn: arn.to_owned(),
        region: region.to_owned(),
        name: parts.get(1).copied().unwrap_or_default().to_owned(),
        targets: targets(cloud, (region, number), standing),
        used_since: None,
        is_ill: false,
    });
}

/// What the group with this number in a region holds: the first has the first service's tasks, and so on.
fn targets(cloud: &Cloud, (region, number): (&str, usize), standing: Crew) -> Targets {
    let services = cloud.aws.services.iter().filter(|one| one.region == region);
    let groups = cloud.aws.scaling_groups.iter().filter(|one| one.region == region);
    let known = services.map(|service| Targets::Tasks(service.path()));
    let known: Vec<_> =
        known.chain(groups.map(|group| Targets::Instances(group.name.clone()))).collect();
    let found = known.get(number).or_else(|| known.first()).cloned();
    found.unwrap_or(Targets::Standing(standing))
}

fn add_listener(cloud: &mut Cloud, seed: &Seed<'_>, arn: &str, since: Timestamp) {
    if cloud.aws.elb.listeners.iter().any(|one| one.arn == arn) {
        return;
    }
    let Some(place) = Place::read(arn) else { return };
    let balancer = place.of("loadbalancer", 4);
    let first = |cloud: &Cloud| {
        let mut here = cloud.aws.elb.groups.iter().filter(|group| group.region == place.region);
        here.next().map(|group| group.arn.clone())
    };
    if first(cloud).is_none() {
        let id = digits(&format!("{arn} targets"), 16);
        add_group(
            cloud,
            seed,
            &format!("{}targetgroup/{}/{id}", place.before, place.parts[2]),
            since,
        );
    }
    let groups = shift(seed, arn);
    let groups = groups.unwrap_or_else(|| first(cloud).into_iter().map(|arn| (arn, 1)).collect());
    let is_first = cloud.aws.elb.listeners.iter().all(|one| one.balancer != balancer);
    cloud.aws.elb.listeners.push(Listener {
        arn: arn.to_owned(),
        balancer,
        region: place.region.to_owned(),
        port: if is_first { 443 } else { 80 },
        protocol: if is_first { "HTTPS" } else { "HTTP" }.to_owned(),
        actions: vec![Action::forward(groups)],
    });
}

/// The groups between which the plan moves the users of a listener or of a rule: the one that they leave has them all.
fn shift(seed: &Seed<'_>, arn: &str) -> Option<Vec<(String, u64)>> {
    let mut works = seed.plan.steps.iter().filter_map(Step::action);
    works.find_map(|work| {
        let group = |parameter: &str| {
            let named = texts_in(work.with.get(parameter)?);
            named.into_iter().find(|text| text.contains(":targetgroup/")).map(ToOwned::to_owned)
        };
        let touches = work.touches.iter().any(|one| one.name == arn);
        let (from, to) = (group("from")?, group("to")?);
        let weights = if seed.plan.serving == Side::From { [100, 0] } else { [0, 100] };
        touches.then(|| [from, to].into_iter().zip(weights).collect())
    })
}

impl Elb {
    fn add_balancer(&mut self, arn: &str, hosts: &[String], since: Timestamp) {
        let Some(Place { region, parts, .. }) = Place::read(arn) else { return };
        if self.balancers.iter().any(|one| one.arn == arn) {
            return;
        }
        let name = parts[2];
        let is_its = |host: &&String| parts_of(host) == Some((name, region));
        let number = u64::from_str_radix(&digits(arn, 8), 16).unwrap_or_default();
        let host = hosts.iter().find(is_its).cloned();
        let host = host.unwrap_or_else(|| format!("{name}-{number}.{region}{SUFFIX}"));
        self.balancers.push(Balancer {
            arn: arn.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            host,
            created: since,
        });
    }

    /// A rule that the plan names is for all paths, and does what its listener does where the plan does not say more.
    fn add_rule(&mut self, seed: &Seed<'_>, arn: &str, listener: &str) {
        if self.rules.iter().any(|rule| rule.arn == arn) {
            return;
        }
        let Some(parent) = self.listeners.iter().find(|one| one.arn == listener) else { return };
        let shift = shift(seed, arn).map(|groups| vec![Action::forward(groups)]);
        self.rules.push(Rule {
            arn: arn.to_owned(),
            listener: listener.to_owned(),
            priority: self.rules_of(listener).last().map_or(10, |last| last.priority + 10),
            conditions: vec![Condition::on_path("/*")],
            actions: shift.unwrap_or_else(|| parent.actions.clone()),
        });
    }

    /// Groups that nobody sends to stand ready beside those that a listener of their region sends to.
    fn take_in_unused(&mut self) {
        let groups = self.groups.iter().filter(|group| self.balancers_of(&group.arn).is_empty());
        let unused: Vec<_> =
            groups.map(|group| (group.region.clone(), group.arn.clone())).collect();
        for (region, arn) in unused {
            let here = self.listeners.iter_mut().filter(|one| one.region == region);
            let mut forwards = here.filter_map(|one| one.actions.last_mut()?.groups_mut());
            if let Some(groups) = forwards.find(|groups| groups.len() < MOST_GROUPS) {
                groups.push((arn, 0));
            }
        }
    }
}
