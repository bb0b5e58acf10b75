//! The state of the simulated cloud, and how it advances.
//!
//! Nothing runs in the background: each request brings the time, the state first passes through every instant at
//! which something was due, and then answers. So a state depends on the changes it accepted and when, never on how
//! often it was looked at.

use super::{
    aws::{self, Aws},
    azure::{
        self, Account, Group, Operation, Policy, Profile, Server, ServicePlan, Site, Throttle,
        VirtualEndpoint,
    },
    call::{Call, is_read},
    haproxy::{self, Balancer},
    hook::{self, Hook},
    kubernetes::{self, Kubernetes},
    listener::Listener,
    names::{self, OwnZone},
    patroni::{self, Group as PatroniGroup},
    postgres::{self, Instance},
    program,
    reached::Reached,
    redis::{self, Redis},
    traffic::{Crowd, Sample},
};
use crate::wire::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// What is out of order in the region that is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    #[default]
    None,
    /// Its data planes are dead; Azure Resource Manager still answers for its resources.
    Data,
    /// Resource Manager does not reach its resources either.
    Region,
}

/// An outage, where and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Blackout {
    pub kind: Outage,
    pub region: String,
    pub since: Timestamp,
}

/// Everything that there is: resources, operations under way, who may do what, and what users see.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cloud {
    pub(super) now: Timestamp,
    pub(super) blackout: Blackout,
    /// How many changes were accepted; ids are made from it.
    pub(super) accepted: u64,
    pub(super) policy: Policy,
    pub(super) groups: Vec<Group>,
    pub(super) operations: Vec<Operation>,
    pub(super) accounts: Vec<Account>,
    pub(super) servers: Vec<Server>,
    pub(super) instances: Vec<Instance>,
    pub(super) redis: Redis,
    pub(super) patroni: Vec<PatroniGroup>,
    pub(super) listeners: Vec<Listener>,
    pub(super) kubernetes: Kubernetes,
    pub(super) own_zones: Vec<OwnZone>,
    pub(super) balancers: Vec<Balancer>,
    pub(super) hooks: Vec<Hook>,
    /// The programs that were run, each once.
    pub(super) done: Vec<Vec<String>>,
    pub(super) virtual_endpoints: Vec<VirtualEndpoint>,
    pub(super) plans: Vec<ServicePlan>,
    pub(super) sites: Vec<Site>,
    pub(super) profiles: Vec<Profile>,
    /// Names outside Azure, and the names that they stand for.
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) crowds: Vec<Crowd>,
    pub(super) aws: Aws,
    pub(super) samples: Vec<Sample>,
    #[serde(skip)]
    pub(super) throttle: Throttle,
    /// The answers that the resolver of whoever asks still keeps, by name.
    #[serde(skip)]
    pub(super) resolved: BTreeMap<String, (String, Timestamp)>,
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    Response(Response),
    /// The connection hangs, and is cut in the end.
    NoAnswer,
    /// The name does not exist: nothing can be sent.
    NoSuchHost,
}

/// What became of a request, and how long that took.
#[derive(Debug)]
pub struct Answer {
    pub outcome: Outcome,
    pub after: Duration,
    /// Whether it was a change, and was accepted.
    pub has_changed: bool,
}

impl Cloud {
    pub(super) fn empty(now: Timestamp, outage: Outage, region: &str) -> Self {
        // What never began ended long ago.
        let since = if outage == Outage::None { now - Duration::from_hours(24 * 30) } else { now };
        Self {
            now,
            blackout: Blackout { kind: outage, region: region.to_owned(), since },
            accepted: 0,
            policy: Policy::default(),
            groups: Vec::new(),
            operations: Vec::new(),
            accounts: Vec::new(),
            servers: Vec::new(),
            instances: Vec::new(),
            redis: Redis::default(),
            patroni: Vec::new(),
            listeners: Vec::new(),
            kubernetes: Kubernetes::default(),
            own_zones: Vec::new(),
            balancers: Vec::new(),
            hooks: Vec::new(),
            done: Vec::new(),
            virtual_endpoints: Vec::new(),
            plans: Vec::new(),
            sites: Vec::new(),
            profiles: Vec::new(),
            aliases: BTreeMap::new(),
            crowds: Vec::new(),
            aws: Aws::default(),
            samples: Vec::new(),
            resolved: BTreeMap::new(),
            throttle: Throttle::default(),
        }
    }

    /// The instant up to which it has come.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Answers one request that arrives at `now`. The address must be absolute.
    pub fn answer(&mut self, request: &Request, now: Timestamp) -> Answer {
        self.advance(now);
        self.carry(&Call::new(request, self.now))
    }

    /// Carries out again what was accepted at `at`.
    pub(super) fn replay(&mut self, request: &Request, at: Timestamp) -> Answer {
        self.advance(at);
        self.carry(&Call { is_replay: true, ..Call::new(request, self.now) })
    }

    fn carry(&mut self, call: &Call<'_>) -> Answer {
        let is_read = is_read(call.request);
        let reached = program::answer(self, call)
            .or_else(|| postgres::answer(self, call))
            .or_else(|| redis::answer(self, call))
            .or_else(|| haproxy::answer(self, call))
            .or_else(|| patroni::answer(self, call))
            .or_else(|| hook::answer(self, call))
            .or_else(|| names::answer(self, call))
            .or_else(|| kubernetes::answer(self, call))
            .or_else(|| aws::answer(self, call))
            .unwrap_or_else(|| azure::answer(self, call));
        let reply = match reached {
            Reached::Reply(reply) => reply,
            Reached::Nobody => {
                let after = Duration::from_secs(30);
                return Answer { outcome: Outcome::NoAnswer, after, has_changed: false };
            }
            Reached::Nowhere => {
                let after = Duration::from_millis(20);
                return Answer { outcome: Outcome::NoSuchHost, after, has_changed: false };
            }
        };
        let has_changed = !is_read && reply.status < 300;
        if has_changed {
            self.accepted += 1;
            self.refresh();
        }
        let after = reply.latency(is_read);
        Answer { outcome: Outcome::Response(reply.into_response()), after, has_changed }
    }

    /// Begins, changes or ends the outage of a region.
    pub fn set_outage(&mut self, outage: Outage, region: &str, now: Timestamp) {
        self.advance(now);
        if outage == Outage::None && self.blackout.kind == Outage::None {
            return;
        }
        // What is dark and stays so has been since it began.
        let goes_on = self.is_dark(region) && outage != Outage::None;
        let since = if goes_on { self.blackout.since } else { self.now };
        self.blackout = Blackout { kind: outage, region: region.to_owned(), since };
        self.refresh();
    }

    /// Whether the data planes of a location are dead.
    pub(super) fn is_dark(&self, location: &str) -> bool {
        self.blackout.kind != Outage::None && self.blackout.region == location
    }

    /// Passes through every instant at which something was due.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.finish_operations();
            aws::keep_time(self);
            redis::keep_time(self);
            patroni::keep_time(self);
            kubernetes::keep_time(self);
            self.refresh();
        }
        self.now = self.now.max(now);
    }

    fn next_due(&self) -> Option<Timestamp> {
        let operation = self.operations.iter().filter_map(Operation::due).min();
        let booted = self.sites.iter().map(|site| site.up_from).filter(|at| *at > self.now).min();
        let dues = [
            operation,
            booted,
            self.next_probe(),
            self.next_quarter(),
            aws::next_due(self),
            redis::next_due(self),
            patroni::next_due(self),
            kubernetes::next_due(self),
        ];
        dues.into_iter().flatten().min()
    }

    /// Draws the consequences of what has changed.
    pub(super) fn refresh(&mut self) {
        self.settle_instances();
        redis::settle(self);
        self.probe();
        aws::refresh(self);
        self.move_users();
    }
}
