//! Hosted zones: what their records are, and which of their servers knows that already.
//!
//! Sources: `HostedZone`, `DelegationSet` and `ChangeInfo`, Amazon Route 53 API reference 2013-04-01; "Changes generally
//! propagate to all Route 53 name servers within 60 seconds".

use super::{
    name::{canonical, order},
    record::{Answer, RecordSet, Routing},
};
use crate::{
    sim::aws::{asked::leaf, endpoint::hash},
    wire::Element,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// After how long each of the servers of a zone knows of a change.
const ARRIVES_AFTER: [SignedDuration; 4] = [
    SignedDuration::from_secs(3),
    SignedDuration::from_secs(9),
    SignedDuration::from_secs(17),
    SignedDuration::from_secs(26),
];
/// After how long it is said to have arrived everywhere.
const IN_SYNC_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// The server that learns of everything last.
pub(in crate::sim) const SLOWEST: usize = ARRIVES_AFTER.len() - 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Zone {
    pub id: String,
    /// Canonical.
    pub name: String,
    pub servers: Vec<String>,
    /// The servers that the parent zone names, where those are other ones.
    pub delegated_to: Option<Vec<String>>,
    /// Names and types that may not be changed, and why.
    pub(super) protections: Vec<(String, String, String)>,
    /// Until when it is said to be at work on another request.
    pub(super) busy_until: Timestamp,
    /// Whether what changes from now on reaches no more than three of its servers.
    pub(super) stalls: bool,
    /// The records from the start, or from an instant on.
    versions: Vec<Version>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    since: Timestamp,
    is_stalled: bool,
    records: Vec<RecordSet>,
}

/// A change that was accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Change {
    pub id: String,
    pub submitted: Timestamp,
    pub is_stalled: bool,
    pub comment: Option<String>,
}

impl Zone {
    pub(in crate::sim::aws) fn new(id: &str, name: &str) -> Self {
        let name = canonical(name);
        let seed = hash(&[id]);
        let domains = ["com", "net", "org", "co.uk"];
        let server = |(place, domain): (u64, &str)| {
            let number = (seed >> (8 * place)) % 512 + 512 * place;
            format!("ns-{number}.awsdns-{:02}.{domain}", number % 64)
        };
        let servers: Vec<String> = (0..).zip(domains).map(server).collect();
        let own = |kind: &str, ttl: u32, values: Vec<String>| RecordSet {
            name: name.clone(),
            kind: kind.to_owned(),
            set: None,
            routing: Routing::Simple,
            answer: Answer::Values { ttl, values },
            health_check: None,
        };
        let soa = format!("{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", servers[0]);
        let names = servers.iter().map(|server| format!("{server}.")).collect();
        let records = vec![own("NS", 172_800, names), own("SOA", 900, vec![soa])];
        Self {
            id: id.to_owned(),
            servers,
            delegated_to: None,
            protections: Vec::new(),
            busy_until: Timestamp::MIN,
            stalls: false,
            versions: vec![Version { since: Timestamp::MIN, is_stalled: false, records }],
            name,
        }
    }

    /// Its records, as the service lists them.
    pub(in crate::sim) fn records(&self) -> &[RecordSet] {
        self.versions.last().map(|version| version.records.as_slice()).unwrap_or_default()
    }

    /// Its records, as one of its servers knows them.
    pub(in crate::sim::aws) fn records_at(&self, server: usize, now: Timestamp) -> &[RecordSet] {
        let knows = |version: &&Version| version.arrives_at(server).is_some_and(|at| at <= now);
        let known = self.versions.iter().rev().find(knows);
        known.map(|version| version.records.as_slice()).unwrap_or_default()
    }

    /// When one of its servers learns something new.
    pub(super) fn next_arrival(&self, now: Timestamp) -> Option<Timestamp> {
        let arrivals = self.versions.iter().flat_map(|version| {
            (0..ARRIVES_AFTER.len()).filter_map(|server| version.arrives_at(server))
        });
        arrivals.filter(|at| *at > now).min()
    }

    /// Puts a record set there as if it had always been.
    pub(in crate::sim::aws) fn plant(&mut self, set: &RecordSet) {
        for version in &mut self.versions {
            if version.records.iter().all(|known| !known.is_same_as(set)) {
                version.records.push(set.clone());
            }
        }
    }

    /// Has other records from now on.
    pub(super) fn replace(&mut self, mut records: Vec<RecordSet>, now: Timestamp) {
        records.sort_by(|a, b| key(a).cmp(&key(b)));
        // What no server answers from any more is forgotten.
        let is_everywhere =
            |version: &Version| !version.is_stalled && version.since + IN_SYNC_AFTER <= now;
        let oldest = self.versions.iter().rposition(is_everywhere).unwrap_or_default();
        self.versions.drain(..oldest);
        self.versions.push(Version { since: now, is_stalled: self.stalls, records });
    }

    pub(super) fn show(&self) -> Element {
        let config = Element::new("Config").with([leaf("PrivateZone", false)]);
        Element::new("HostedZone").with([
            leaf("Id", format!("/hostedzone/{}", self.id)),
            leaf("Name", &self.name),
            leaf("CallerReference", format!("created-{}", self.id)),
            config,
            leaf("ResourceRecordSetCount", self.records().len()),
        ])
    }
}

/// What record sets are listed in the order of.
pub(super) fn key(set: &RecordSet) -> (Vec<&str>, &str, &str) {
    (order(&set.name), &set.kind, set.set.as_deref().unwrap_or_default())
}

impl Version {
    fn arrives_at(&self, server: usize) -> Option<Timestamp> {
        if self.is_stalled && server == SLOWEST {
            return None;
        }
        Some(self.since + ARRIVES_AFTER[server])
    }
}

impl Change {
    pub(super) fn show(&self, now: Timestamp) -> Element {
        let is_pending = self.is_stalled || now < self.submitted + IN_SYNC_AFTER;
        let status = if is_pending { "PENDING" } else { "INSYNC" };
        let mut shown = vec![
            leaf("Id", format!("/change/{}", self.id)),
            leaf("Status", status),
            leaf("SubmittedAt", self.submitted),
        ];
        shown.extend(self.comment.as_ref().map(|comment| leaf("Comment", comment)));
        Element::new("ChangeInfo").with(shown)
    }
}
