//! What health checks have found out.
//!
//! Sources: "How Amazon Route 53 determines whether a health check is healthy" and "Monitoring a CloudWatch alarm",
//! Amazon Route 53 developer guide.

use super::check::{HealthCheck, Insufficient, Kind};
use crate::{
    sim::{
        aws::{asked::leaf, cloudwatch::Verdict, endpoint},
        cloud::Cloud,
    },
    wire::Element,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many checkers each region has.
const CHECKERS_OF_REGION: usize = 2;
/// An endpoint is well when more checkers than these, in hundredths, say so.
const ENOUGH: usize = 18;
/// How long after an alarm looked at its data a check that follows these has drawn its conclusion.
const FOLLOWS_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// How deep checks of checks may be.
const DEEPEST: usize = 8;

/// What checkers have seen of an endpoint, or what the data of an alarm said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim::aws) struct Seen {
    checkers: usize,
    /// How the endpoint really is, since when, and how many checkers called it well just then.
    is_well: bool,
    since: Timestamp,
    well_before: usize,
    /// What the data said last, and when the alarm had looked at them.
    was_well: bool,
    followed: Timestamp,
}

impl Seen {
    pub(super) fn all_well(regions: usize) -> Self {
        let checkers = regions * CHECKERS_OF_REGION;
        Self {
            checkers,
            is_well: true,
            since: Timestamp::MIN,
            well_before: checkers,
            was_well: true,
            followed: Timestamp::MIN,
        }
    }

    /// Other checkers begin anew, with what is so.
    pub(super) fn reassign(&mut self, regions: usize, now: Timestamp) {
        self.checkers = regions * CHECKERS_OF_REGION;
        self.well_before = if self.is_well { self.checkers } else { 0 };
        self.since = now;
    }

    pub(super) fn forget_alarm(&mut self) {
        self.followed = Timestamp::MIN;
    }

    fn says(&self, checkers: usize) -> bool {
        checkers * 100 > ENOUGH * self.checkers
    }
}

impl HealthCheck {
    /// The instants at which one checker after the other is convinced of something new: each probes at its own moment
    /// of the interval, and believes what it has seen so many times in a row.
    fn convictions(&self) -> impl Iterator<Item = Timestamp> {
        let target = if self.seen.is_well { self.seen.checkers } else { 0 };
        let count = target.abs_diff(self.seen.well_before);
        let interval = i64::from(self.interval) * 1_000;
        let first = interval * i64::from(self.threshold.saturating_sub(1));
        let since = self.seen.since;
        (1..=count).map(move |number| {
            let share = interval * i64::try_from(number).unwrap_or(i64::MAX)
                / i64::try_from(count).unwrap_or(1);
            since + SignedDuration::from_millis(first + share)
        })
    }

    /// How many checkers call the endpoint well.
    fn well_at(&self, now: Timestamp) -> usize {
        let convinced = self.convictions().take_while(|at| *at <= now).count();
        if self.seen.is_well {
            self.seen.well_before + convinced
        } else {
            self.seen.well_before - convinced
        }
    }

    /// Follows the data of its alarm, when the alarm has looked at them.
    fn follow(&mut self, verdict: Verdict, looked: Timestamp) {
        self.seen.followed = looked;
        self.seen.was_well = match verdict {
            Verdict::Breaching => false,
            Verdict::Fine => true,
            Verdict::Insufficient | Verdict::Unchanged => match self.insufficient {
                Insufficient::Healthy => true,
                Insufficient::Unhealthy => false,
                Insufficient::LastKnownStatus => self.seen.was_well,
            },
        };
    }

    /// Makes it look as if the data of its alarm had said this for long.
    pub(in crate::sim::aws) fn set_followed(&mut self, is_well: bool, looked: Timestamp) {
        self.seen.was_well = is_well;
        self.seen.followed = looked;
    }

    /// What each checker reports.
    pub(super) fn observations(&self, cloud: &Cloud) -> Element {
        let well = match self.kind {
            Kind::CloudwatchMetric | Kind::Calculated | Kind::RecoveryControl => {
                if finds_well(cloud, self, 0) { self.seen.checkers } else { 0 }
            }
            _ => self.well_at(cloud.now),
        };
        let (success, failure) = if self.kind.probes() {
            (
                "HTTP Status Code 200, OK",
                "The health checker could not establish a connection within the timeout limit.",
            )
        } else {
            ("What is watched is well", "What is watched is not well")
        };
        let observation = |number: usize| {
            let status = if number < well {
                format!("Success: {success}")
            } else {
                format!("Failure: {failure}")
            };
            let report = [leaf("Status", status), leaf("CheckedTime", cloud.now)];
            Element::new("HealthCheckObservation").with([
                leaf("Region", &self.regions[number % self.regions.len()]),
                leaf("IPAddress", format!("15.177.{}.{}", number % self.regions.len(), number)),
                Element::new("StatusReport").with(report),
            ])
        };
        Element::new("HealthCheckObservations").with((0..self.seen.checkers).map(observation))
    }
}

/// Whether a check says that all is well. One that is not known stands in nobody's way.
pub(super) fn is_healthy(cloud: &Cloud, id: &str, depth: usize) -> bool {
    let check = cloud.aws.names.checks.iter().find(|check| check.id == id);
    // A disabled check is healthy, and can be inverted all the same (HealthCheckConfig, "Disabled").
    check.is_none_or(|check| {
        (check.is_disabled || finds_well(cloud, check, depth)) != check.is_inverted
    })
}

fn finds_well(cloud: &Cloud, check: &HealthCheck, depth: usize) -> bool {
    match check.kind {
        Kind::CloudwatchMetric => check.seen.was_well,
        Kind::RecoveryControl => {
            let arn = check.routing_control.as_deref().unwrap_or_default();
            cloud.aws.routing.is_on(arn)
        }
        Kind::Calculated => {
            let is_well = |child: &&String| depth < DEEPEST && is_healthy(cloud, child, depth + 1);
            check.children.iter().filter(is_well).count() >= check.health_threshold as usize
        }
        Kind::Http | Kind::Https | Kind::HttpStrMatch | Kind::HttpsStrMatch | Kind::Tcp => {
            check.seen.says(check.well_at(cloud.now))
        }
    }
}

/// When a check finds out something new.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    let due = |check: &HealthCheck| {
        if check.kind.probes() {
            return check.convictions().find(|at| *at > cloud.now);
        }
        let (region, name) = check.alarm.as_ref()?;
        let alarm = cloud.aws.watch.alarm(region, name)?;
        (alarm.looked > check.seen.followed).then_some(alarm.looked + FOLLOWS_AFTER)
    };
    cloud.aws.names.checks.iter().filter_map(due).min()
}

/// Lets the checks draw their conclusions from the data of their alarms.
pub(super) fn follow_alarms(cloud: &mut Cloud) {
    let now = cloud.now;
    for check in &mut cloud.aws.names.checks {
        let Some((region, name)) = &check.alarm else { continue };
        let Some(alarm) = cloud.aws.watch.alarm(region, name) else { continue };
        let (verdict, looked) = (alarm.verdict, alarm.looked);
        if looked > check.seen.followed && looked + FOLLOWS_AFTER <= now {
            check.follow(verdict, looked);
        }
    }
}

/// Finds out how the endpoints are that are probed.
pub(super) fn visit_endpoints(cloud: &mut Cloud) {
    for place in 0..cloud.aws.names.checks.len() {
        let check = &cloud.aws.names.checks[place];
        if !check.kind.probes() {
            continue;
        }
        let is_well = is_well(cloud, check);
        if is_well == check.seen.is_well {
            continue;
        }
        let (well_before, since) = (check.well_at(cloud.now), cloud.now);
        let seen = &mut cloud.aws.names.checks[place].seen;
        *seen = Seen { is_well, since, well_before, ..seen.clone() };
    }
}

fn is_well(cloud: &Cloud, check: &HealthCheck) -> bool {
    let Some(host) = check.host.as_ref().or(check.address.as_ref()) else { return false };
    let page = endpoint::page(cloud, &host.to_ascii_lowercase());
    match (&check.search, check.kind) {
        (Some(search), Kind::HttpStrMatch | Kind::HttpsStrMatch) => {
            page.is_some_and(|page| page.to_string().contains(search))
        }
        _ => page.is_some(),
    }
}
