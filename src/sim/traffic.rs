//! What users see, computed between changes of the world.
//!
//! Users ask a resolver, which keeps an answer as long as its TTL says: after the name servers change their mind,
//! the old answers run out evenly over one TTL. That is followed in quarters.

use super::{
    address::Address,
    azure::{Profile, View, is_outside, view},
    cloud::Cloud,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

const QUARTERS: u32 = 4;

/// What the users of a profile see from an instant on.
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

/// The users of one profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crowd {
    profile: Address,
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

    /// Moves users on, and notes what they see if it is something new.
    pub(super) fn move_users(&mut self) {
        let mut crowds = std::mem::take(&mut self.crowds);
        crowds.retain(|crowd| self.profiles.iter().any(|profile| profile.at == crowd.profile));
        for profile in &self.profiles {
            let answers = profile.answers(self);
            if let Some(crowd) = crowds.iter_mut().find(|crowd| crowd.profile == profile.at) {
                while crowd.due().is_some_and(|due| due <= self.now) {
                    crowd.quarters += 1;
                }
                if crowd.new != answers {
                    let old = crowd.shares();
                    let (profile, ttl) = (crowd.profile.clone(), profile.ttl);
                    *crowd =
                        Crowd { profile, old, new: answers, since: self.now, ttl, quarters: 0 };
                }
            } else {
                let (profile, ttl, new) = (profile.at.clone(), profile.ttl, answers);
                let (old, since) = (BTreeMap::new(), self.now);
                crowds.push(Crowd { profile, old, new, since, ttl, quarters: QUARTERS });
            }
        }
        let mut samples = Vec::new();
        for crowd in &crowds {
            let Some(profile) = self.profiles.iter().find(|one| one.at == crowd.profile) else {
                continue;
            };
            samples.extend(self.sample(profile, crowd));
        }
        self.samples.extend(samples);
        self.crowds = crowds;
    }

    fn sample(&self, profile: &Profile, crowd: &Crowd) -> Option<Sample> {
        let host = profile.host();
        let mut seen: BTreeMap<Sees, f64> = BTreeMap::new();
        for (target, share) in crowd.shares() {
            *seen.entry(self.seen_at(&target)).or_insert(0.0) += share;
        }
        if seen.is_empty() {
            seen.insert(Sees::Failure, 1.0);
        }
        let shares: Vec<_> = seen.into_iter().collect();
        let last = self.samples.iter().rev().find(|sample| sample.host == host);
        let is_news = last.is_none_or(|last| last.shares != shares);
        is_news.then_some(Sample { at: self.now, host, shares })
    }

    fn seen_at(&self, target: &str) -> Sees {
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
