//! What Traffic Manager's probes have seen, and what its name servers therefore answer.
//!
//! Sources: "Traffic Manager endpoint monitoring" and "Traffic Manager routing methods", Microsoft Learn.

use super::{
    app,
    traffic_manager::{Endpoint, Profile},
    web::SITE,
};
use crate::sim::{address::Address, call::Refusal, cloud::Cloud};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// How often and how endpoints are probed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Monitor {
    pub protocol: String,
    pub port: u16,
    pub path: String,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub tolerated: u32,
    /// Statuses that count as well; 200 when there are none.
    pub expected: Vec<(u16, u16)>,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            protocol: "HTTPS".to_owned(),
            port: 443,
            path: "/health".to_owned(),
            interval_seconds: 10,
            timeout_seconds: 5,
            tolerated: 2,
            expected: Vec::new(),
        }
    }
}

impl Monitor {
    pub(super) fn show(&self) -> Value {
        let range = |(min, max): &(u16, u16)| json!({ "min": min, "max": max });
        json!({
            "protocol": self.protocol,
            "port": self.port,
            "path": self.path,
            "intervalInSeconds": self.interval_seconds,
            "timeoutInSeconds": self.timeout_seconds,
            "toleratedNumberOfFailures": self.tolerated,
            "expectedStatusCodeRanges": self.expected.iter().map(range).collect::<Vec<_>>(),
            "customHeaders": [],
        })
    }

    pub(super) fn take(&mut self, body: &Value) -> Result<(), Refusal> {
        let invalid = |why: &str| Refusal::new(400, "BadRequest", why);
        let number = |name: &str| body[name].as_u64().and_then(|number| u32::try_from(number).ok());
        if let Some(protocol) = body["protocol"].as_str() {
            protocol.clone_into(&mut self.protocol);
        }
        if let Some(path) = body["path"].as_str() {
            path.clone_into(&mut self.path);
        }
        self.port = number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(self.port);
        self.interval_seconds = number("intervalInSeconds").unwrap_or(self.interval_seconds);
        self.timeout_seconds = number("timeoutInSeconds").unwrap_or(self.timeout_seconds);
        self.tolerated = number("toleratedNumberOfFailures").unwrap_or(self.tolerated);
        if let Some(ranges) = body["expectedStatusCodeRanges"].as_array() {
            let status =
                |value: &Value| value.as_u64().and_then(|status| u16::try_from(status).ok());
            let range = |one: &Value| Some((status(&one["min"])?, status(&one["max"])?));
            self.expected = ranges.iter().filter_map(range).collect();
        }
        let longest = match self.interval_seconds {
            10 => 9,
            30 => 10,
            _ => return Err(invalid("The probing interval must be 10 or 30 seconds.")),
        };
        if !(5..=longest).contains(&self.timeout_seconds) || self.tolerated > 9 {
            return Err(invalid(
                "The probing timeout or the tolerated number of failures is out of range.",
            ));
        }
        Ok(())
    }

    /// How long a change of an endpoint's health takes to be noticed.
    fn notices_in(&self, is_well: bool) -> Duration {
        let rounds = if is_well { 1 } else { self.tolerated + 1 };
        let timeout = if is_well { 0 } else { self.timeout_seconds };
        Duration::from_secs(u64::from(self.interval_seconds * rounds + timeout))
    }
}

/// How the probing of an endpoint stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sim) struct Probe {
    pub seen: Seen,
    /// How it really is, and since when; or since when it is probed.
    pub is_well: bool,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Seen {
    #[default]
    Nothing,
    Well,
    Ill,
}

impl Probe {
    /// When the probes will see what is so.
    fn due(&self, monitor: &Monitor) -> Option<Timestamp> {
        let is_seen = self.seen == if self.is_well { Seen::Well } else { Seen::Ill };
        (!is_seen).then(|| self.since + monitor.notices_in(self.is_well))
    }
}

impl Profile {
    pub(super) fn new(at: Address, relative_name: &str) -> Self {
        Self {
            at,
            is_enabled: true,
            routing: "Priority".to_owned(),
            relative_name: relative_name.to_owned(),
            ttl: 60,
            monitor: Monitor::default(),
            endpoints: Vec::new(),
            tags: json!({}),
        }
    }

    /// What probing says of an endpoint.
    pub(super) fn endpoint_status(&self, cloud: &Cloud, endpoint: &Endpoint) -> &'static str {
        let is_stopped = || {
            endpoint.site(cloud).is_some_and(|site| !site.is_running || !site.is_standard(cloud))
        };
        match endpoint.probe.seen {
            _ if !self.is_enabled => "Inactive",
            _ if !endpoint.is_enabled => "Disabled",
            _ if endpoint.is_always_served => "Unmonitored",
            _ if is_stopped() => "Stopped",
            Seen::Nothing => "CheckingEndpoint",
            Seen::Well => "Online",
            Seen::Ill => "Degraded",
        }
    }

    pub(super) fn status(&self, cloud: &Cloud) -> &'static str {
        let all: Vec<_> =
            self.endpoints.iter().map(|one| self.endpoint_status(cloud, one)).collect();
        let any = |status: &str| all.contains(&status);
        match () {
            () if !self.is_enabled => "Disabled",
            () if any("Degraded") => "Degraded",
            () if any("Online") || any("Unmonitored") => "Online",
            () if any("CheckingEndpoint") => "CheckingEndpoints",
            () => "Inactive",
        }
    }

    /// The targets that the name servers answer with, and the share of each.
    pub(in crate::sim) fn answers(&self, cloud: &Cloud) -> BTreeMap<String, f64> {
        let with = |statuses: &[&str]| -> Vec<&Endpoint> {
            let fits = |one: &&Endpoint| statuses.contains(&self.endpoint_status(cloud, one));
            self.endpoints.iter().filter(fits).collect()
        };
        // One that is being checked already receives users. When all are degraded, all are answered.
        let mut served = with(&["Online", "CheckingEndpoint", "Unmonitored"]);
        if served.is_empty() {
            served = with(&["Degraded"]);
        }
        if self.routing == "Priority"
            && let Some(first) = served.iter().map(|one| one.priority).min()
        {
            served.retain(|one| one.priority == first);
        }
        let weight = |one: &Endpoint| {
            f64::from(
                i32::try_from(if self.routing == "Weighted" { one.weight } else { 1 }).unwrap_or(1),
            )
        };
        let sum: f64 = served.iter().map(|one| weight(one)).sum();
        let mut shares = BTreeMap::new();
        for one in served {
            *shares.entry(one.target.clone()).or_insert(0.0) += weight(one) / sum;
        }
        shares
    }
}

impl Cloud {
    /// The next instant at which a probe sees something new.
    pub(in crate::sim) fn next_probe(&self) -> Option<Timestamp> {
        let of = |profile: &Profile| {
            let due = |one: &Endpoint| one.is_enabled.then(|| one.probe.due(&profile.monitor))?;
            profile.endpoints.iter().filter_map(due).min()
        };
        self.profiles.iter().filter_map(of).min()
    }

    /// Lets the probes see what is due, and find out what is so now.
    pub(in crate::sim) fn probe(&mut self) {
        for place in 0..self.profiles.len() {
            for at in 0..self.profiles[place].endpoints.len() {
                let profile = &self.profiles[place];
                let endpoint = &profile.endpoints[at];
                let mut probe = endpoint.probe.clone();
                if probe.due(&profile.monitor).is_some_and(|due| due <= self.now) {
                    probe.seen = if probe.is_well { Seen::Well } else { Seen::Ill };
                }
                let is_well = self.is_well(endpoint, &profile.monitor);
                if is_well != probe.is_well {
                    probe = Probe { is_well, since: self.now, ..probe };
                }
                self.profiles[place].endpoints[at].probe = probe;
            }
        }
    }

    fn is_well(&self, endpoint: &Endpoint, monitor: &Monitor) -> bool {
        let status = match self.sites.iter().find(|site| site.host() == endpoint.target) {
            Some(site) => app::status(self, site, &monitor.path),
            None => app::is_outside(&endpoint.target).then_some(200),
        };
        let is_expected = |status: u16| match &monitor.expected[..] {
            [] => status == 200,
            ranges => ranges.iter().any(|(min, max)| (*min..=*max).contains(&status)),
        };
        status.is_some_and(is_expected)
    }

    /// The host names of the profiles that target a site.
    pub(super) fn traffic_names(&self, site: &Address) -> Vec<String> {
        let id = site.id(SITE);
        let targets = |one: &Endpoint| {
            one.target_id.as_ref().is_some_and(|target| target.eq_ignore_ascii_case(&id))
        };
        let all = self.profiles.iter().filter(|profile| profile.endpoints.iter().any(targets));
        all.map(Profile::host).collect()
    }
}
