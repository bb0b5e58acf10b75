//! What users see, computed between changes of the world.
//!
//! Users ask a resolver, which keeps an answer as long as its TTL says: after the name servers change their mind,
//! the old answers run out evenly over one TTL. That is followed in quarters.

use super::{
    aws::{
        elb::front::{Shown, Visit},
        endpoint, route53,
    },
    azure::{Profile, View, is_outside, view},
    cloud::Cloud,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

const QUARTERS: u32 = 4;

/// What the users of a public name see from an instant on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub at: Timestamp,
    /// The public name.
    pub host: String,
    /// Shares that sum up to one.
    pub shares: Vec<(Sees, f64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sees {
    /// The app, from this region.
    Region(String),
    /// A page that says sorry.
    Page,
    Failure,
}

/// A name that users know.
struct Public {
    host: String,
    /// Where it leads now, and the share of each target.
    answers: BTreeMap<String, f64>,
    /// How many seconds a resolver keeps an answer.
    ttl: u32,
}

impl Public {
    fn of_profile(profile: &Profile, cloud: &Cloud) -> Self {
        Self { host: profile.host(), answers: profile.answers(cloud), ttl: profile.ttl }
    }

    /// A name of a hosted zone. Users ask any of the zone's servers, which may not all know the same.
    fn of_zone(cloud: &Cloud, zone: &route53::Zone, name: &str) -> Self {
        let mut public =
            Self { host: route53::host(name).to_owned(), answers: BTreeMap::new(), ttl: 0 };
        let count = f64::from(u32::try_from(zone.servers.len()).unwrap_or(1));
        for server in cloud.servers(zone) {
            let chosen = ["A", "CNAME"].map(|kind| server.choose(name, kind));
            let ttl = chosen.iter().flatten().map(|(set, _)| set.ttl()).max();
            public.ttl = public.ttl.max(ttl.unwrap_or_default());
            for (target, share) in server.leads_to(name, 0) {
                *public.answers.entry(target).or_insert(0.0) += share / count;
            }
        }
        public
    }
}

impl From<Shown> for Sees {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::App(region) => Self::Region(region),
            Shown::Page { .. } => Self::Page,
            Shown::Unavailable | Shown::Silence => Self::Failure,
        }
    }
}

/// The users of one public name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crowd {
    host: String,
    old: BTreeMap<String, f64>,
    new: BTreeMap<String, f64>,
    since: Timestamp,
    ttl: u32,
    /// How many quarters of the old answers have run out.
    quarters: u32,
}

impl Crowd {
    fn due(&self) -> Option<Timestamp> {
        let length = Duration::from_secs(u64::from(self.ttl)) * (self.quarters + 1) / QUARTERS;
        (self.quarters < QUARTERS).then(|| self.since + length)
    }

    /// The share of users that each target has.
    fn shares(&self) -> BTreeMap<String, f64> {
        let new = f64::from(self.quarters) / f64::from(QUARTERS);
        let mut shares = BTreeMap::new();
        for (answers, part) in [(&self.old, 1.0 - new), (&self.new, new)] {
            for (target, share) in answers.iter().filter(|_| part > 0.0) {
                *shares.entry(target.clone()).or_insert(0.0) += share * part;
            }
        }
        shares
    }
}

impl Cloud {
    /// What users have seen, from the start: each sample holds until the next of the same host.
    pub fn users(&self) -> &[Sample] {
        &self.samples
    }

    pub(super) fn next_quarter(&self) -> Option<Timestamp> {
        self.crowds.iter().filter_map(Crowd::due).min()
    }

    /// Every name that users know.
    fn public_names(&self) -> Vec<Public> {
        let profiles = self.profiles.iter().map(|profile| Public::of_profile(profile, self));
        let mut all: Vec<_> = profiles.collect();
        for zone in self.zones() {
            let is_asked = |set: &&route53::RecordSet| {
                ["A", "CNAME"].contains(&set.kind.as_str()) && !set.name.starts_with('\\')
            };
            let mut names: Vec<_> =
                zone.records().iter().filter(is_asked).map(|set| set.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            all.extend(names.into_iter().map(|name| Public::of_zone(self, zone, name)));
        }
        all
    }

    fn public_name(&self, host: &str) -> Option<Public> {
        if let Some(profile) = self.profiles.iter().find(|profile| profile.host() == host) {
            return Some(Public::of_profile(profile, self));
        }
        let name = route53::canonical(host);
        self.zone_of(&name).map(|zone| Public::of_zone(self, zone, &name))
    }

    /// The host that a name leads to. The resolver keeps an answer as long as its TTL says.
    pub(super) fn resolve(&mut self, name: &str) -> Option<String> {
        let name = self.aliases.get(name).map_or(name, String::as_str).to_owned();
        if let Some((target, until)) = self.resolved.get(&name)
            && *until > self.now
        {
            return Some(target.clone());
        }
        let Some(public) = self.public_name(&name) else { return Some(name) };
        // Evenly spread without chance: multiples of the golden ratio (Weyl).
        let mut point = (f64::from(u32::try_from(self.throttle.asked % 1_000_000).unwrap_or(0))
            * 0.618_033_988_75)
            .fract();
        let target = public.answers.iter().find(|(_, share)| {
            point -= **share;
            point <= 0.0
        });
        let last = public.answers.last_key_value();
        let target = target.or(last).map(|(target, _)| target.clone())?;
        let until = self.now + Duration::from_secs(u64::from(public.ttl));
        self.throttle.asked += 1;
        self.resolved.insert(name, (target.clone(), until));
        Some(target)
    }

    /// Moves users on, and notes what they see if it is something new.
    pub(super) fn move_users(&mut self) {
        let public = self.public_names();
        let mut crowds = std::mem::take(&mut self.crowds);
        crowds.retain(|crowd| public.iter().any(|one| one.host == crowd.host));
        for Public { host, answers, ttl } in public {
            let since = self.now;
            if let Some(crowd) = crowds.iter_mut().find(|crowd| crowd.host == host) {
                while crowd.due().is_some_and(|due| due <= self.now) {
                    crowd.quarters += 1;
                }
                if crowd.new != answers {
                    let old = crowd.shares();
                    *crowd = Crowd { host, old, new: answers, since, ttl, quarters: 0 };
                }
            } else {
                let old = BTreeMap::new();
                crowds.push(Crowd { host, old, new: answers, since, ttl, quarters: QUARTERS });
            }
        }
        let samples: Vec<_> = crowds.iter().filter_map(|crowd| self.sample(crowd)).collect();
        self.samples.extend(samples);
        self.crowds = crowds;
    }

    fn sample(&self, crowd: &Crowd) -> Option<Sample> {
        let host = crowd.host.clone();
        let mut seen: BTreeMap<Sees, f64> = BTreeMap::new();
        for (target, share) in crowd.shares() {
            for (sees, part) in self.seen_at(&host, &target) {
                *seen.entry(sees).or_insert(0.0) += share * part;
            }
        }
        if seen.is_empty() {
            seen.insert(Sees::Failure, 1.0);
        }
        let shares: Vec<_> = seen.into_iter().collect();
        let last = self.samples.iter().rev().find(|sample| sample.host == host);
        let is_news = last.is_none_or(|last| last.shares != shares);
        is_news.then_some(Sample { at: self.now, host, shares })
    }

    /// What the users of a public name see at one of its targets, in shares.
    fn seen_at(&self, host: &str, target: &str) -> Vec<(Sees, f64)> {
        if let Some(shares) = endpoint::seen_at(self, target, &Visit { host, path: "/" }) {
            return shares.into_iter().map(|(shown, part)| (Sees::from(shown), part)).collect();
        }
        vec![(self.seen_at_site(target), 1.0)]
    }

    fn seen_at_site(&self, target: &str) -> Sees {
        match self.sites.iter().find(|site| site.host() == target) {
            Some(site) => match view(self, site) {
                View::App => Sees::Region(site.location.clone()),
                View::Page => Sees::Page,
                View::Nothing => Sees::Failure,
            },
            None if is_outside(target) => Sees::Page,
            None => Sees::Failure,
        }
    }
}
