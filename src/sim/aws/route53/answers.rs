//! What the servers of a zone answer.
//!
//! Sources: "Choosing a routing policy" and "How Amazon Route 53 chooses records when health checking is configured",
//! Amazon Route 53 developer guide.

use super::{
    health::is_healthy,
    name::{canonical, host, is_within, parent},
    record::{Answer, RecordSet, Role, Routing},
    zone::Zone,
};
use crate::sim::{aws::endpoint, cloud::Cloud};
use std::collections::BTreeMap;

/// How long a chain of aliases or of other names may be.
const LONGEST_CHAIN: usize = 8;
/// No more records of a multivalue answer are given at once.
const MOST_VALUES: usize = 8;

/// One of the servers of a zone.
#[derive(Clone, Copy)]
pub(in crate::sim) struct Server<'a> {
    pub cloud: &'a Cloud,
    pub zone: &'a Zone,
    pub number: usize,
}

/// Record sets, and how often each of them is given: the shares sum up to one.
pub(in crate::sim) type Shares<'a> = Vec<(&'a RecordSet, f64)>;

impl<'a> Server<'a> {
    pub(in crate::sim) fn records(&self) -> &'a [RecordSet] {
        self.zone.records_at(self.number, self.cloud.now)
    }

    /// What it has for a name and a type.
    pub(in crate::sim) fn choose(&self, name: &str, kind: &str) -> Shares<'a> {
        let owner = self.owner(name);
        let fits = |set: &&RecordSet| set.name == owner && set.kind == kind;
        let sets: Vec<_> = self.records().iter().filter(fits).collect();
        let Some(first) = sets.first() else { return Vec::new() };
        let well: Vec<_> = sets.iter().copied().filter(|set| self.is_well(set, 0)).collect();
        match first.routing {
            Routing::Simple => vec![(*first, 1.0)],
            Routing::Failover(_) => {
                let with = |sets: &[&'a RecordSet], role: Role| {
                    sets.iter().copied().find(|set| set.routing == Routing::Failover(role))
                };
                // When nothing is well, the primary is answered whatever its state.
                let chosen = with(&well, Role::Primary)
                    .or_else(|| with(&well, Role::Secondary))
                    .or_else(|| with(&sets, Role::Primary));
                chosen
                    .or_else(|| with(&sets, Role::Secondary))
                    .map(|set| (set, 1.0))
                    .into_iter()
                    .collect()
            }
            Routing::Weighted(_) => {
                by_weight(&well).or_else(|| by_weight(&sets)).unwrap_or_default()
            }
            Routing::Multivalue => {
                let given = if well.is_empty() { sets } else { well };
                let given: Vec<_> = given.into_iter().take(MOST_VALUES).collect();
                let share = 1.0 / f64::from(u32::try_from(given.len()).unwrap_or(1));
                given.into_iter().map(|set| (set, share)).collect()
            }
        }
    }

    /// A number from nought to one for a question at this instant: asking again then changes nothing.
    pub(in crate::sim) fn lot(&self, name: &str) -> f64 {
        let now = self.cloud.now.to_string();
        let lot = endpoint::hash(&[name, &self.zone.servers[self.number], &now]);
        // The low bits of this hash are the well mixed ones.
        let [.., a, b, c, d] =
            lot.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32).to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / 4_294_967_296.0
    }

    /// Whether anything of any type has this name, or stands above something that has.
    pub(in crate::sim) fn knows(&self, name: &str) -> bool {
        self.records().iter().any(|set| is_within(&set.name, name)) || self.owner(name) != name
    }

    /// The name whose records answer: it itself, or the wildcard nearest above it.
    fn owner(&self, name: &str) -> String {
        let exists = |name: &str| self.records().iter().any(|set| is_within(&set.name, name));
        let mut above = name;
        while !exists(above) {
            let Some(next) = parent(above) else { break };
            let wildcard = format!("\\052.{next}");
            if self.records().iter().any(|set| set.name == wildcard) {
                return wildcard;
            }
            above = next;
        }
        name.to_owned()
    }

    /// Whether a set takes part: its health check says so, and its target where that counts.
    fn is_well(&self, set: &RecordSet, depth: usize) -> bool {
        let is_checked_well =
            set.health_check.as_ref().is_none_or(|id| is_healthy(self.cloud, id, 0));
        let Answer::Alias { zone, target, evaluates_health: true } = &set.answer else {
            return is_checked_well;
        };
        is_checked_well && self.is_target_well(zone, target, &set.kind, depth)
    }

    fn is_target_well(&self, zone: &str, target: &str, kind: &str, depth: usize) -> bool {
        if *zone != self.zone.id {
            return endpoint::is_well_to_route_53(self.cloud, host(target));
        }
        let fits = |set: &&RecordSet| set.name == target && set.kind == kind;
        let mut sets = self.records().iter().filter(fits);
        depth < LONGEST_CHAIN && sets.any(|set| self.is_well(set, depth + 1))
    }

    /// The hosts that a name leads to, and the share of each.
    pub(in crate::sim) fn leads_to(&self, name: &str, depth: usize) -> BTreeMap<String, f64> {
        let mut targets = BTreeMap::new();
        let chosen = ["A", "CNAME"].map(|kind| self.choose(name, kind));
        let Some(chosen) = chosen.into_iter().find(|chosen| !chosen.is_empty()) else {
            return targets;
        };
        let mut add = |target: &str, share: f64| {
            // A name of the same zone leads further.
            let target_name = canonical(target);
            let is_own = depth < LONGEST_CHAIN && is_within(&target_name, &self.zone.name);
            let further =
                if is_own { self.leads_to(&target_name, depth + 1) } else { BTreeMap::new() };
            if further.is_empty() {
                *targets.entry(host(&target_name).to_owned()).or_insert(0.0) += share;
            }
            for (target, part) in further {
                *targets.entry(target).or_insert(0.0) += share * part;
            }
        };
        for (set, share) in chosen {
            match &set.answer {
                Answer::Alias { target, .. } => add(target, share),
                Answer::Values { values, .. } => {
                    let part = share / f64::from(u32::try_from(values.len()).unwrap_or(1));
                    for value in values {
                        add(value, part);
                    }
                }
            }
        }
        targets
    }
}

/// By weight; equally where all weights are nought, and none when nothing is left.
fn by_weight<'a>(sets: &[&'a RecordSet]) -> Option<Shares<'a>> {
    let weight = |set: &RecordSet| match set.routing {
        Routing::Weighted(weight) => f64::from(weight),
        Routing::Simple | Routing::Failover(_) | Routing::Multivalue => 0.0,
    };
    let sum: f64 = sets.iter().map(|set| weight(set)).sum();
    let count = f64::from(u32::try_from(sets.len()).unwrap_or(1));
    let share = |set: &RecordSet| if sum > 0.0 { weight(set) / sum } else { 1.0 / count };
    let shares: Vec<_> =
        sets.iter().map(|set| (*set, share(set))).filter(|(_, share)| *share > 0.0).collect();
    (!shares.is_empty()).then_some(shares)
}

impl Cloud {
    /// The zone that a name lies in, the nearest of several. The name is canonical.
    pub(in crate::sim) fn zone_of(&self, name: &str) -> Option<&Zone> {
        let zones = self.aws.names.zones.iter().filter(|zone| is_within(name, &zone.name));
        zones.max_by_key(|zone| zone.name.len())
    }

    pub(in crate::sim) fn zones(&self) -> &[Zone] {
        &self.aws.names.zones
    }

    /// Each server of a zone.
    pub(in crate::sim) fn servers<'a>(
        &'a self,
        zone: &'a Zone,
    ) -> impl Iterator<Item = Server<'a>> {
        (0..zone.servers.len()).map(move |number| Server { cloud: self, zone, number })
    }
}
