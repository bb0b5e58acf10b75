//! Simulated PostgreSQL: a primary and its standbys that stream from it, on machines of nobody's cloud.
//!
//! Version 15, from its documentation. Only what a failover sees is modeled: who is in recovery, how far the
//! write-ahead log has come and arrived, who may come in, and what of the configuration is loaded.

mod answer;
mod hba;
mod machine;
mod seed;
mod sql;
mod wire;

pub(super) use answer::{answer, is_read, refusal};
pub(super) use machine::run;
pub(super) use wire::open;

use super::{cloud::Cloud, log::Log};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the app writes of the log, in bytes a second.
const RATE: u64 = 16_384;
/// How far a standby is behind, in milliseconds.
const BEHIND: i64 = 100;
/// How many sessions the app keeps.
const SESSIONS: u32 = 3;

/// One server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Instance {
    pub host: String,
    pub port: u16,
    pub region: String,
    system: String,
    timeline: u32,
    /// The server that it follows, while it is in recovery.
    upstream: Option<(String, u16)>,
    log: Log,
    /// `pg_hba.conf`, as it is and as it was loaded.
    hba: String,
    hba_loaded: String,
    hba_written: Timestamp,
    /// What `ALTER SYSTEM` has set, and what was loaded of it.
    auto: BTreeMap<String, String>,
    loaded: BTreeMap<String, String>,
    conf_loaded: Timestamp,
    slots: Vec<String>,
    /// Open sessions of the app.
    sessions: u32,
    roles: Vec<String>,
    /// The timeline of the last checkpoint.
    checkpoint: u32,
    /// Whether another one was promoted while it was a primary: its log leads elsewhere.
    is_diverged: bool,
    service: Service,
    /// Whether `standby.signal` is there: it starts as a standby.
    has_signal: bool,
}

/// Whether a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Service {
    Running,
    Stopped,
    /// It was stopped, and its data made like another one's, which it must hear out before it lets anybody in.
    Rewound,
}

impl Instance {
    fn is_primary(&self) -> bool {
        self.upstream.is_none()
    }

    fn is_stopped(&self) -> bool {
        self.service != Service::Running
    }

    fn is(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port == port
    }

    fn setting(&self, name: &str) -> &str {
        self.loaded.get(name).map_or_else(|| default(name), String::as_str)
    }

    fn is_open(&self) -> bool {
        self.is_primary() && !self.is_stopped() && !hba::rejects(&self.hba_loaded, "app")
    }

    /// Draws the consequences of a change for the app, which comes back wherever it is let in.
    fn settle(&mut self, now: Timestamp, is_dark: bool) {
        if self.is_open() {
            self.sessions = SESSIONS;
        }
        let may_write = self.setting("default_transaction_read_only") == "off";
        let writes = self.is_primary() && self.sessions > 0 && may_write && !is_dark;
        let rate = if writes { RATE } else { 0 };
        self.log.turn(now, rate);
    }
}

/// What a setting is that nobody has set.
fn default(name: &str) -> &'static str {
    match name {
        "default_transaction_read_only" => "off",
        "hba_file" => "/etc/postgresql/15/main/pg_hba.conf",
        "data_directory" => "/var/lib/postgresql/15/main",
        _ => "",
    }
}

impl Cloud {
    fn instance(&self, host: &str, port: u16) -> Option<&Instance> {
        self.instances.iter().find(|one| one.is(host, port))
    }

    /// The server that this one streams from now: it must be there, be reached and be a primary.
    fn streams_from(&self, standby: &Instance) -> Option<&Instance> {
        let (host, port) = standby.upstream.as_ref()?;
        let can_be_followed = |one: &&Instance| one.is_primary() && !one.is_stopped();
        let upstream = self.instance(host, *port).filter(can_be_followed)?;
        let is_cut = self.is_dark(&upstream.region) || self.is_dark(&standby.region);
        let fits = upstream.timeline >= standby.timeline && !standby.is_diverged;
        (!is_cut && fits).then_some(upstream)
    }

    /// How far a server's log has come; of a standby, what has arrived there.
    fn lsn(&self, instance: &Instance) -> u64 {
        let Some((host, port)) = &instance.upstream else { return instance.log.lsn(self.now) };
        let Some(upstream) = self.instance(host, *port) else { return instance.log.lsn };
        if upstream.timeline < instance.timeline || !upstream.is_primary() {
            return instance.log.lsn;
        }
        let cut = self.is_dark(&upstream.region) || self.is_dark(&instance.region);
        let seen = if cut { self.blackout.since } else { self.now };
        let is_idle = upstream.log.rate == 0 && !cut;
        let at = if is_idle { seen } else { seen - SignedDuration::from_millis(BEHIND) };
        upstream.log.lsn(at).max(instance.log.lsn)
    }

    /// When the last transaction was written that has arrived at a standby.
    fn last_replayed(&self, standby: &Instance) -> Timestamp {
        let upstream =
            standby.upstream.as_ref().and_then(|(host, port)| self.instance(host, *port));
        let seen = upstream.map_or(standby.log.at, |upstream| match upstream.log.rate {
            0 => upstream.log.at,
            _ if self.streams_from(standby).is_none() => self.blackout.since,
            _ => self.now,
        });
        seen - SignedDuration::from_millis(BEHIND)
    }

    /// Makes a server anew as a standby of another one, by a copy of its data: as people do by hand.
    pub fn copy_database(&mut self, server: &str, from: &str) {
        let Some(at) = self.instances.iter().position(|one| one.host == from) else { return };
        let (source, now) = (self.instances[at].clone(), self.now);
        let Some(copy) = self.instances.iter_mut().find(|one| one.host == server) else { return };
        copy.upstream = Some((source.host, source.port));
        copy.timeline = source.timeline;
        copy.checkpoint = source.checkpoint;
        copy.is_diverged = false;
        copy.log = Log { lsn: source.log.lsn(now), at: now, rate: 0, before: 0 };
        copy.sessions = 0;
        self.refresh();
    }

    /// Makes a server a primary of the timeline before, as if it had never become a standby.
    pub fn promote_database(&mut self, server: &str) {
        let Some(at) = self.instances.iter().position(|one| one.host == server) else { return };
        let (lsn, now) = (self.lsn(&self.instances[at]), self.now);
        let own = &mut self.instances[at];
        own.upstream = None;
        own.timeline = own.timeline.saturating_sub(1);
        own.checkpoint = own.timeline;
        own.is_diverged = true;
        own.log = Log { lsn, at: now, rate: 0, before: 0 };
        self.refresh();
    }

    /// Writes rules that turn the app away and loads them, which ends no session.
    pub fn fence_database(&mut self, server: &str) {
        for one in self.instances.iter_mut().filter(|one| one.host == server) {
            one.hba = format!("host all app all reject\n{}", one.hba);
            one.hba_loaded.clone_from(&one.hba);
        }
    }

    /// Lets sessions of the app be open that were there before any rule.
    pub fn keep_sessions(&mut self, server: &str) {
        for one in self.instances.iter_mut().filter(|one| one.host == server) {
            one.sessions = SESSIONS;
        }
    }

    /// Draws the consequences of what has changed.
    pub(in crate::sim) fn settle_instances(&mut self) {
        let dark: Vec<_> = self.instances.iter().map(|one| self.is_dark(&one.region)).collect();
        for (instance, is_dark) in self.instances.iter_mut().zip(dark) {
            instance.settle(self.now, is_dark);
        }
    }
}

/// A position in the log, as the server writes it.
fn shown(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}
