//! Health checks: what they are told to check, and how the service shows and changes that.
//!
//! Sources: `HealthCheckConfig` and `UpdateHealthCheck`, Amazon Route 53 API reference 2013-04-01.

use super::{health::Seen, record::invalid};
use crate::{
    sim::{
        aws::{asked::leaf, cloudwatch::Alarm},
        call::Refusal,
    },
    wire::Element,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];
const FEWEST_REGIONS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sim::aws) enum Kind {
    Http,
    Https,
    HttpStrMatch,
    HttpsStrMatch,
    Tcp,
    Calculated,
    CloudwatchMetric,
    RecoveryControl,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::HttpStrMatch => "HTTP_STR_MATCH",
            Self::HttpsStrMatch => "HTTPS_STR_MATCH",
            Self::Tcp => "TCP",
            Self::Calculated => "CALCULATED",
            Self::CloudwatchMetric => "CLOUDWATCH_METRIC",
            Self::RecoveryControl => "RECOVERY_CONTROL",
        }
    }

    /// Whether checkers all over the world probe an endpoint.
    pub(super) fn probes(self) -> bool {
        !matches!(self, Self::Calculated | Self::CloudwatchMetric | Self::RecoveryControl)
    }
}

/// What a check of an alarm says while its data say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim::aws) enum Insufficient {
    Healthy,
    Unhealthy,
    LastKnownStatus,
}

impl Insufficient {
    fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Unhealthy => "Unhealthy",
            Self::LastKnownStatus => "LastKnownStatus",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Healthy, Self::Unhealthy, Self::LastKnownStatus]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim::aws) struct HealthCheck {
    pub id: String,
    pub version: u64,
    pub kind: Kind,
    pub address: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub path: Option<String>,
    pub search: Option<String>,
    /// Seconds.
    pub interval: u32,
    pub threshold: u32,
    pub is_inverted: bool,
    pub is_disabled: bool,
    pub regions: Vec<String>,
    /// How many of these must be healthy.
    pub health_threshold: u32,
    pub children: Vec<String>,
    /// The region and the name of an alarm.
    pub alarm: Option<(String, String)>,
    pub insufficient: Insufficient,
    pub routing_control: Option<String>,
    pub seen: Seen,
}

impl HealthCheck {
    /// A check that was always there, and found all well.
    pub(in crate::sim::aws) fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            version: 1,
            kind,
            address: None,
            host: None,
            port: None,
            path: None,
            search: None,
            interval: 30,
            threshold: 3,
            is_inverted: false,
            is_disabled: false,
            regions: REGIONS.map(ToOwned::to_owned).to_vec(),
            health_threshold: 0,
            children: Vec::new(),
            alarm: None,
            insufficient: Insufficient::LastKnownStatus,
            routing_control: None,
            seen: Seen::all_well(REGIONS.len()),
        }
    }

    /// Takes over what a request says. What it does not mention stays.
    pub(super) fn take(&mut self, root: &Element, now: Timestamp) -> Result<(), Refusal> {
        if let Some(version) = number::<u64>(root, "HealthCheckVersion")?
            && version != self.version
        {
            let why = format!(
                "The health check with ID {} is at version {}, not at {version}.",
                self.id, self.version
            );
            return Err(Refusal::new(409, "HealthCheckVersionMismatch", why));
        }
        let reset: Vec<_> =
            root.members("ResetElements").iter().map(|one| one.text.as_str()).collect();
        for (name, place) in [
            ("FullyQualifiedDomainName", &mut self.host),
            ("IPAddress", &mut self.address),
            ("ResourcePath", &mut self.path),
            ("SearchString", &mut self.search),
        ] {
            if reset.contains(&name) {
                *place = None;
            }
            if let Some(text) = root.text_of(name) {
                *place = Some(text.to_owned());
            }
        }
        self.port = number(root, "Port")?.or(self.port);
        self.threshold = number(root, "FailureThreshold")?.unwrap_or(self.threshold);
        self.health_threshold = number(root, "HealthThreshold")?.unwrap_or(self.health_threshold);
        self.is_inverted = number(root, "Inverted")?.unwrap_or(self.is_inverted);
        self.is_disabled = number(root, "Disabled")?.unwrap_or(self.is_disabled);
        if !(1..=10).contains(&self.threshold) {
            return Err(invalid("FailureThreshold must be between 1 and 10"));
        }
        let texts = |name: &str| root.members(name).iter().map(|one| one.text.clone()).collect();
        if root.get("ChildHealthChecks").is_some() || reset.contains(&"ChildHealthChecks") {
            self.children = texts("ChildHealthChecks");
        }
        if root.get("Regions").is_some() || reset.contains(&"Regions") {
            self.take_regions(texts("Regions"), now)?;
        }
        if let Some(alarm) = root.get("AlarmIdentifier") {
            let part = |name: &str| alarm.text_of(name).map(ToOwned::to_owned);
            let alarm = part("Region").zip(part("Name"));
            self.alarm =
                Some(alarm.ok_or_else(|| invalid("AlarmIdentifier needs a Region and a Name"))?);
            self.seen.forget_alarm();
        }
        if let Some(said) = root.text_of("InsufficientDataHealthStatus") {
            let known = Insufficient::read(said);
            self.insufficient = known.ok_or_else(|| {
                invalid(format!("InsufficientDataHealthStatus '{said}' is unknown"))
            })?;
        }
        self.version += 1;
        Ok(())
    }

    fn take_regions(&mut self, named: Vec<String>, now: Timestamp) -> Result<(), Refusal> {
        let named = if named.is_empty() { REGIONS.map(ToOwned::to_owned).to_vec() } else { named };
        let is_known = |one: &String| REGIONS.contains(&one.as_str());
        if named.len() < FEWEST_REGIONS || !named.iter().all(is_known) {
            return Err(invalid(
                "Regions must be three or more of those that have health checkers",
            ));
        }
        self.seen.reassign(named.len(), now);
        self.regions = named;
        Ok(())
    }

    pub(super) fn show(&self, alarm: Option<&Alarm>) -> Element {
        let mut config = Vec::new();
        let mut add =
            |name: &str, text: Option<String>| config.extend(text.map(|text| leaf(name, text)));
        let probes = self.kind.probes();
        add("IPAddress", self.address.clone());
        add("Port", self.port.map(|port| port.to_string()));
        add("Type", Some(self.kind.as_str().to_owned()));
        add("ResourcePath", self.path.clone());
        add("FullyQualifiedDomainName", self.host.clone());
        add("SearchString", self.search.clone());
        add("RequestInterval", probes.then(|| self.interval.to_string()));
        add("FailureThreshold", probes.then(|| self.threshold.to_string()));
        add("MeasureLatency", probes.then(|| "false".to_owned()));
        add("Inverted", Some(self.is_inverted.to_string()));
        add("Disabled", Some(self.is_disabled.to_string()));
        let is_calculated = self.kind == Kind::Calculated;
        add("HealthThreshold", is_calculated.then(|| self.health_threshold.to_string()));
        if is_calculated {
            let children = self.children.iter().map(|child| leaf("ChildHealthCheck", child));
            config.push(Element::new("ChildHealthChecks").with(children));
        }
        if let Some((region, name)) = &self.alarm {
            let both = [leaf("Region", region), leaf("Name", name)];
            config.push(Element::new("AlarmIdentifier").with(both));
            config.push(leaf("InsufficientDataHealthStatus", self.insufficient.as_str()));
        }
        config.extend(self.routing_control.as_ref().map(|arn| leaf("RoutingControlArn", arn)));
        let mut shown = vec![
            leaf("Id", &self.id),
            leaf("CallerReference", format!("created-{}", self.id)),
            Element::new("HealthCheckConfig").with(config),
            leaf("HealthCheckVersion", self.version),
        ];
        shown.extend(alarm.map(Alarm::show_for_health_check));
        Element::new("HealthCheck").with(shown)
    }
}

fn number<T: FromStr>(root: &Element, name: &str) -> Result<Option<T>, Refusal> {
    let Some(text) = root.text_of(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| invalid(format!("Value '{text}' of {name} is invalid")))
}
