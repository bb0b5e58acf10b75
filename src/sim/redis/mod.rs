//! Simulated Redis: a master, its replicas, and the sentinels that watch them.
//!
//! Version 7, from redis.io ("High availability with Redis Sentinel", "Redis replication", "CLIENT PAUSE"). Only what a
//! failover sees is modeled: roles, how far the replication stream has come, and what the sentinels do about it.

mod answer;
mod seed;
mod wire;

pub(super) use answer::{answer, is_read, refusal};
pub(super) use wire::open;

use super::{cloud::Cloud, log::Log};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the app writes of the replication stream, in bytes a second.
const RATE: u64 = 4_096;
/// How far a replica is behind, in milliseconds.
const BEHIND: i64 = 50;
/// Sentinel's default (`down-after-milliseconds` in sentinel.conf).
const DOWN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How long a failover takes, and how long sentinels wait until they make an old master a replica.
const SWITCHES: SignedDuration = SignedDuration::from_millis(1_200);
const CONVERTS: SignedDuration = SignedDuration::from_secs(10);

/// All servers, and who watches them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Redis {
    nodes: Vec<Node>,
    watches: Vec<Watch>,
}

/// One server.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Node {
    place: Place,
    region: String,
    run: String,
    /// The server that it follows, unless it is a master.
    master: Option<Place>,
    log: Log,
    priority: u32,
    /// Writes wait until then.
    paused_until: Timestamp,
    /// Whether the sentinels cannot reach it, and so do not put it right.
    is_out_of_sight: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    host: String,
    port: u16,
}

/// What the sentinels of one group know.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watch {
    name: String,
    sentinels: Vec<Place>,
    members: Vec<Place>,
    master: Place,
    epoch: u64,
    since: Timestamp,
    /// Which replica becomes master, and when.
    switch: Option<(Place, Timestamp)>,
}

impl Redis {
    fn node(&self, place: &Place) -> Option<&Node> {
        self.nodes.iter().find(|node| node.place == *place)
    }

    fn node_mut(&mut self, place: &Place) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.place == *place)
    }
}

impl Cloud {
    /// The master that a replica hears now.
    fn heard(&self, replica: &Node) -> Option<&Node> {
        let master = self.redis.node(replica.master.as_ref()?)?;
        let is_cut = self.is_dark(&master.region) || self.is_dark(&replica.region);
        (master.master.is_none() && !is_cut).then_some(master)
    }

    fn offset(&self, node: &Node) -> u64 {
        let Some(master) = &node.master else { return node.log.lsn(self.now) };
        let Some(master) = self.redis.node(master).filter(|master| master.master.is_none()) else {
            return node.log.lsn;
        };
        let is_cut = self.heard(node).is_none();
        let seen = if is_cut { self.blackout.since } else { self.now };
        let is_idle = master.log.rate == 0 && !is_cut;
        let behind = if is_idle { 0 } else { BEHIND };
        master.log.lsn(seen - SignedDuration::from_millis(behind)).max(node.log.lsn)
    }

    /// The replica that sentinels would choose: the lowest priority, then whoever has more (redis.io, "Replica selection").
    fn heir(&self, watch: &Watch) -> Option<&Node> {
        let members = watch.members.iter().filter_map(|place| self.redis.node(place));
        let able = members.filter(|node| {
            node.master.as_ref() == Some(&watch.master)
                && node.priority > 0
                && !self.is_dark(&node.region)
        });
        able.min_by_key(|node| (node.priority, u64::MAX - self.offset(node), node.run.clone()))
    }

    /// When the sentinels begin to fail over by themselves.
    fn gives_up(&self, watch: &Watch) -> Option<Timestamp> {
        let master = self.redis.node(&watch.master)?;
        let is_free = watch.switch.is_none() && self.is_dark(&master.region);
        (is_free && self.heir(watch).is_some()).then(|| self.blackout.since + DOWN_AFTER)
    }

    /// When an old master that answers is made a replica.
    fn converts(&self, watch: &Watch, place: &Place) -> Option<Timestamp> {
        let node = self.redis.node(place)?;
        let is_stray = node.master.is_none() && *place != watch.master && !node.is_out_of_sight;
        let lit =
            if self.blackout.region == node.region { self.blackout.since } else { watch.since };
        (is_stray && !self.is_dark(&node.region)).then(|| watch.since.max(lit) + CONVERTS)
    }

    /// Gives the role to a server behind everybody's back, and lets all others follow it.
    pub fn restore_redis_master(&mut self, host: &str) {
        let Some(place) =
            self.redis.nodes.iter().map(|node| node.place.clone()).find(|p| p.host == host)
        else {
            return;
        };
        for at in 0..self.redis.watches.len() {
            switch(self, at, &place);
            for other in self.redis.watches[at].members.clone() {
                if other != place {
                    follow(self, &other, place.clone());
                }
            }
        }
    }

    /// Somebody else tells the sentinels to fail over.
    pub fn begin_redis_failover(&mut self) {
        let until = self.now + SWITCHES;
        for at in 0..self.redis.watches.len() {
            let heir = self.heir(&self.redis.watches[at]).map(|heir| heir.place.clone());
            self.redis.watches[at].switch = heir.map(|heir| (heir, until));
        }
    }

    /// Lets a replica come back as a master, where its sentinels do not see it.
    pub fn return_redis_master(&mut self, host: &str) {
        if let Some(node) = self.redis.nodes.iter_mut().find(|node| node.place.host == host) {
            node.master = None;
            node.is_out_of_sight = true;
        }
    }
}

/// When something happens by itself next.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    let of_watch = |watch: &Watch| {
        let converts = watch.members.iter().filter_map(|place| cloud.converts(watch, place)).min();
        let switches = watch.switch.as_ref().map(|(_, at)| *at);
        [cloud.gives_up(watch), converts, switches].into_iter().flatten().min()
    };
    let pauses = cloud.redis.nodes.iter().map(|node| node.paused_until);
    let pauses = pauses.filter(|until| *until > cloud.now);
    cloud.redis.watches.iter().filter_map(of_watch).chain(pauses).min()
}

/// Does what is due now.
pub(super) fn keep_time(cloud: &mut Cloud) {
    for at in 0..cloud.redis.watches.len() {
        let watch = cloud.redis.watches[at].clone();
        if cloud.gives_up(&watch).is_some_and(|due| due <= cloud.now) {
            let heir = cloud.heir(&watch).map(|heir| heir.place.clone());
            cloud.redis.watches[at].switch = heir.map(|heir| (heir, cloud.now + SWITCHES));
        }
        if let Some((heir, due)) = &watch.switch
            && *due <= cloud.now
        {
            switch(cloud, at, heir);
        }
        let watch = cloud.redis.watches[at].clone();
        for place in &watch.members {
            if cloud.converts(&watch, place).is_some_and(|due| due <= cloud.now) {
                follow(cloud, place, watch.master.clone());
            }
        }
    }
}

/// The role moves. The old master does not know it yet; the other replicas do.
fn switch(cloud: &mut Cloud, at: usize, heir: &Place) {
    let now = cloud.now;
    let Some(offset) = cloud.redis.node(heir).map(|node| cloud.offset(node)) else { return };
    if let Some(node) = cloud.redis.node_mut(heir) {
        node.master = None;
        node.log = Log { lsn: offset, at: now, rate: 0, before: 0 };
    }
    let watch = &mut cloud.redis.watches[at];
    watch.master = heir.clone();
    watch.epoch += 1;
    watch.since = now;
    watch.switch = None;
    for place in watch.members.clone() {
        if cloud.redis.node(&place).is_some_and(|node| node.master.is_some()) {
            follow(cloud, &place, heir.clone());
        }
    }
}

/// Makes a server a replica; what it had of its own is gone.
fn follow(cloud: &mut Cloud, place: &Place, master: Place) {
    let now = cloud.now;
    let lsn = cloud.redis.node(&master).map_or(0, |node| node.log.lsn(now));
    if let Some(node) = cloud.redis.node_mut(place) {
        node.master = Some(master);
        node.log = Log { lsn, at: now, rate: 0, before: 0 };
    }
}

/// Draws the consequences of a change for the app, which writes wherever the sentinels send it.
pub(super) fn settle(cloud: &mut Cloud) {
    let now = cloud.now;
    for at in 0..cloud.redis.nodes.len() {
        let node = &cloud.redis.nodes[at];
        let is_meant = cloud.redis.watches.iter().any(|watch| watch.master == node.place);
        let writes = is_meant
            && node.master.is_none()
            && node.paused_until <= now
            && !cloud.is_dark(&node.region);
        let rate = if writes { RATE } else { 0 };
        cloud.redis.nodes[at].log.turn(now, rate);
    }
}
