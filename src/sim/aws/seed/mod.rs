//! The AWS that a plan expects to meet before a run, from what its steps say: parameters are known by their names.

mod batch;
mod records;

use super::{
    autoscaling,
    cloudwatch::{Alarm, Name, State, Treatment},
    ecs, elb,
    endpoint::{hash, is_region, region_of},
    rds,
    route53::{HealthCheck, Kind, canonical, host, parent},
    routing_control, scaling,
};
use crate::{
    model::{Key, Node, Value},
    plan::Step,
    sim::{
        address::location,
        cloud::Cloud,
        hook::is_sent,
        seed::{Seed, region},
    },
};
use jiff::{SignedDuration, Timestamp};
use records::Records;
use url::Url;

/// For how many minutes before the start a metric was published.
const PUBLISHED_FOR: i32 = 5;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The parameters of one step.
#[derive(Clone, Copy)]
struct Parameters<'a>(&'a Node);

impl<'a> Parameters<'a> {
    fn get(self, name: &str) -> Option<&'a Node> {
        self.0.get(name).filter(|node| !matches!(node.value, Value::Null))
    }

    /// A text, or the name of a resource that is written out in full.
    fn text(self, name: &str) -> Option<&'a str> {
        let node = self.get(name)?;
        node.as_text().or_else(|| node.get("name")?.as_text())
    }

    fn region(self, name: &str) -> Option<String> {
        self.text(name).map(location)
    }

    /// What comes last in a path or an ARN.
    fn id(self, name: &str) -> Option<&'a str> {
        self.text(name)?.rsplit(['/', ':']).next()
    }

    fn flag(self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The metric that it names.
    fn metric(self) -> Option<Name> {
        let (namespace, metric) = (self.text("namespace")?, self.text("metric")?);
        let dimensions = self.get("dimensions").map(Node::entries).unwrap_or_default();
        let pair =
            |(name, value): &(Key, Node)| Some((name.text.clone(), value.as_text()?.to_owned()));
        Some(Name {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: dimensions.iter().filter_map(pair).collect(),
        })
    }
}

/// Makes the world that a plan expects of AWS.
pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let steps: Vec<_> = seed
        .plan
        .steps
        .iter()
        .filter_map(Step::action)
        .map(|work| Parameters(&work.with))
        .collect();
    if !is_region(&seed.active) {
        return;
    }
    cloud.aws.service = service(seed, &steps);
    ecs::seed(cloud, seed);
    scaling::seed(cloud, seed);
    autoscaling::seed(cloud, seed);
    elb::seed(cloud, seed);
    rds::seed(cloud, seed);
    routing_control::seed(cloud, seed);
    seed_alarms(cloud, seed, &steps);
    seed_checks(cloud, seed, &steps);
    let records = Records { seed, steps: &steps };
    records.plant(cloud);
    records.plant_what_is_awaited(cloud);
    seed_hosts(cloud, seed, &steps);
}

/// What the app calls itself: what a plan wants to hear of it.
fn service(seed: &Seed<'_>, steps: &[Parameters<'_>]) -> String {
    let of_metric = steps.iter().find_map(|step| step.metric()?.dimensions.remove("service"));
    let watched = seed.plan.watch.iter().filter_map(|watch| watch.contains.as_deref());
    let mut wanted = steps.iter().filter_map(|step| step.text("contains")).chain(watched);
    let heard = || {
        let found = wanted.find_map(|text| text.split_once("\"service\":\"")?.1.split_once('"'));
        found.map(|(service, _)| service.to_owned())
    };
    of_metric.or_else(heard).unwrap_or_else(|| seed.plan.runbook.clone())
}

/// Whether the standby region serves already: then the way back is what a plan is for.
fn is_moved(seed: &Seed<'_>, step: Parameters<'_>) -> bool {
    step.region("standby").is_some_and(|standby| standby == seed.active)
}

fn alarm_region(seed: &Seed<'_>, step: Parameters<'_>, name: &str) -> String {
    let said = step.get("alarm").and_then(|node| node.get("region")?.as_text()).map(location);
    let mut alarms = seed.of_kind("AWS::CloudWatch::Alarm");
    let touched = || alarms.find(|alarm| alarm.name.ends_with(name)).and_then(region);
    said.or_else(touched).or_else(|| step.region("standby")).unwrap_or_else(|| seed.standby.clone())
}

/// Each alarm as the pattern defines it, with what was published before.
fn seed_alarms(cloud: &mut Cloud, seed: &Seed<'_>, steps: &[Parameters<'_>]) {
    let any_metric = steps.iter().find_map(|step| step.metric());
    for step in steps {
        let Some(name) = step.id("alarm") else { continue };
        let place = alarm_region(seed, *step, name);
        if cloud.aws.watch.alarm(&place, name).is_some() {
            continue;
        }
        let of_the_same = || {
            let mut same = steps.iter().filter(|other| other.id("alarm") == Some(name));
            same.find_map(|other| other.metric())
        };
        let metric = step.metric().or_else(of_the_same).or_else(|| any_metric.clone());
        let metric = metric.unwrap_or_else(|| Name {
            namespace: cloud.aws.service.clone(),
            metric: name.to_owned(),
            ..Name::default()
        });
        let is_alarmed =
            steps.iter().any(|other| other.id("alarm") == Some(name) && is_moved(seed, *other));
        let alarm =
            settled(cloud, Alarm { metric, ..Alarm::named(name, &place, cloud.now) }, is_alarmed);
        cloud.aws.watch.set(alarm);
    }
}

/// An alarm that has long been in its state, after some minutes of the same value.
fn settled(cloud: &mut Cloud, mut alarm: Alarm, is_alarmed: bool) -> Alarm {
    let now = cloud.now;
    let value = if is_alarmed { 1.0 } else { 0.0 };
    for minute in 1..=PUBLISHED_FOR {
        cloud.aws.watch.record(&alarm.region, &alarm.metric, now - MINUTE * minute, value);
    }
    alarm.missing = Treatment::Ignore;
    alarm.needed = Some(1);
    alarm.configured = now - SignedDuration::from_hours(24);
    alarm.settle(if is_alarmed { State::Alarm } else { State::Ok }, now - MINUTE * PUBLISHED_FOR);
    alarm.looked = now;
    alarm
}

/// Each health check: of the alarm that is named beside it, or of the primary's endpoint.
fn seed_checks(cloud: &mut Cloud, seed: &Seed<'_>, steps: &[Parameters<'_>]) {
    for step in steps {
        let Some(id) = step.id("health_check") else { continue };
        if cloud.aws.names.checks.iter().any(|check| check.id == id) {
            continue;
        }
        let all = || steps.iter().filter(|other| other.id("health_check") == Some(id));
        let alarm = all().find_map(|other| {
            let name = other.id("alarm")?;
            Some((alarm_region(seed, *other, name), name.to_owned()))
        });
        let primary = all().find_map(|other| other.text("primary"));
        let inverted = all().find_map(|other| other.flag("inverted"));
        let mut check = match alarm {
            Some(alarm) => {
                let known = cloud.aws.watch.alarm(&alarm.0, &alarm.1);
                let (is_well, looked) = known
                    .map_or((true, Timestamp::MIN), |one| (one.state != State::Alarm, one.looked));
                let mut check = HealthCheck::new(id, Kind::CloudwatchMetric);
                check.set_followed(is_well, looked);
                HealthCheck { alarm: Some(alarm), ..check }
            }
            None => HealthCheck {
                host: Some(
                    primary.map_or_else(|| load_balancer(seed, &seed.active), ToOwned::to_owned),
                ),
                port: Some(80),
                path: Some("/".to_owned()),
                ..HealthCheck::new(id, Kind::Http)
            },
        };
        // Whoever inverts it finds it as it was before.
        check.is_inverted = inverted.is_some_and(|inverted| !inverted);
        cloud.aws.names.checks.push(check);
    }
}

/// The hosts that a plan asks, where neither their names nor its zones say what they are: the address of one region, or
/// a name that users know.
fn seed_hosts(cloud: &mut Cloud, seed: &Seed<'_>, steps: &[Parameters<'_>]) {
    let asks = steps.iter().filter(|step| !is_sent(step.0));
    let named = asks.flat_map(|step| ["probe", "url"].map(|name| (*step, name)));
    let mut public: Vec<_> =
        seed.plan.watch.iter().filter_map(|watch| host_of(&watch.url)).collect();
    for (step, name) in named {
        let Some(host) = step.text(name).and_then(host_of) else { continue };
        let is_a_regions =
            name == "probe" || step.get(name).is_some_and(|node| node.region.is_some());
        if !is_a_regions {
            public.push(host);
        } else if is_unknown(cloud, &host) && cloud.zone_of(&canonical(&host)).is_none() {
            cloud.aws.places.insert(host, home(seed, step, name));
        }
    }
    for host in public {
        if is_unknown(cloud, &host) {
            records::publish(cloud, seed, &host);
        }
    }
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(ToOwned::to_owned)
}

fn is_unknown(cloud: &Cloud, host: &str) -> bool {
    let is_of_azure = !cloud.profiles.is_empty() || !cloud.sites.is_empty() || is_of_azure(host);
    !is_of_azure && region_of(cloud, host).is_none()
}

fn is_of_azure(host: &str) -> bool {
    [".azurewebsites.net", ".trafficmanager.net"].iter().any(|suffix| host.ends_with(suffix))
}

/// The region whose own address a parameter is: the one whose row it came from, else the one that is moved to.
fn home(seed: &Seed<'_>, step: Parameters<'_>, name: &str) -> String {
    let row = step.get(name).and_then(|node| node.region.as_ref());
    location(row.unwrap_or(&seed.plan.to).as_str())
}

/// The name of a load balancer that the plan does not mention.
fn load_balancer(seed: &Seed<'_>, region: &str) -> String {
    let number = hash(&[&seed.plan.runbook, region]) % 1_000_000_000;
    format!("{}-{number}.{region}.elb.amazonaws.com", seed.plan.runbook)
}

/// The name of a regional API that the plan does not mention.
fn gateway(seed: &Seed<'_>, region: &str) -> String {
    let id = hash(&["gateway", &seed.plan.runbook, region]) % 0x00ff_ffff_ffff;
    format!("d-{id:010x}.execute-api.{region}.amazonaws.com")
}

/// The zone that holds these names: the nearest name above them all that is no top-level domain.
fn zone_above(names: &[String]) -> Option<String> {
    let first = names.first()?;
    let is_public = |name: &str| host(name).contains('.');
    let mut zone = parent(first).filter(|above| is_public(above)).unwrap_or(first);
    while !names.iter().all(|name| super::route53::is_within(name, zone)) {
        zone = parent(zone).filter(|above| is_public(above))?;
    }
    Some(zone.to_owned())
}
