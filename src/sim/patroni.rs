//! Patroni: members of a cluster of PostgreSQL, of which one holds the lock, and their REST API.
//!
//! Version 4, from its documentation ("Patroni REST API", "Dynamic Configuration Settings"), with what it leaves out seen
//! on real members. The configuration store is in no region: it goes on when one is lost.

use super::{
    call::{Call, Reply},
    cloud::{Blackout, Cloud, Outage},
    id::digits,
    reached::Reached,
    seed::{Seed, region},
};
use crate::{
    model::{Node, Resource},
    plan::Step,
};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

const KIND: &str = "Patroni::Member";
const PORT: u16 = 8008;
/// Patroni's defaults, in seconds.
const TTL: i64 = 30;
const LOOP_WAIT: i64 = 10;
/// How long a lead takes to move, and when whoever had it streams again.
const SWITCHES: SignedDuration = SignedDuration::from_secs(3);
const RETURNS: SignedDuration = SignedDuration::from_secs(6);
/// When a request is answered that was carried out, and one that nobody takes up.
const ANSWERS: Duration = Duration::from_secs(4);
const GIVES_UP: Duration = Duration::from_secs(10);

/// One cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    members: Vec<Member>,
    /// The name of whoever holds the lock.
    leader: String,
    /// Since when.
    since: Timestamp,
    timeline: u64,
    /// Who takes over, and when.
    heir: Option<(String, Timestamp)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Member {
    name: String,
    host: String,
    port: u16,
    region: String,
}

impl Member {
    fn is_dark(&self, blackout: &Blackout) -> bool {
        blackout.kind != Outage::None && blackout.region == self.region
    }
}

/// The clusters that a plan names: whoever is in the active region leads.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    for work in seed.plan.steps.iter().filter_map(Step::action) {
        let named = [("server", "candidate"), ("from", "leader")];
        let named = named.map(|(place, name)| {
            let text = |name: &str| work.with.get(name).and_then(Node::as_text);
            let place = work.with.get(place)?;
            let place = place.as_text().or_else(|| place.get("name")?.as_text())?;
            let is_it = |one: &&Resource| one.kind == KIND && one.name == place;
            let touched = work.touches.iter().find(is_it)?;
            Some(member(touched, text(name)?))
        });
        let [Some(one), Some(other)] = named else { continue };
        let is_known = |group: &Group| group.find(&one.host, one.port).is_some();
        if cloud.patroni.iter().any(is_known) {
            continue;
        }
        let leader = if one.region == seed.active { &one } else { &other };
        cloud.patroni.push(Group {
            leader: leader.name.clone(),
            since: cloud.now - SignedDuration::from_hours(24),
            timeline: 1,
            heir: None,
            members: vec![one, other],
        });
    }
}

fn member(resource: &Resource, name: &str) -> Member {
    let (host, port) = resource.name.rsplit_once(':').unwrap_or((&resource.name, ""));
    Member {
        name: name.to_owned(),
        host: host.to_ascii_lowercase(),
        port: port.parse().unwrap_or(PORT),
        region: region(resource).unwrap_or_default(),
    }
}

impl Cloud {
    /// Gives a member the lead behind everybody's back.
    pub fn restore_patroni_leader(&mut self, name: &str) {
        let now = self.now;
        for group in &mut self.patroni {
            if group.members.iter().any(|member| member.name == name) {
                group.lead(name, now);
            }
        }
    }
}

/// When something happens by itself next.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    cloud.patroni.iter().filter_map(|group| group.due(&cloud.blackout)).map(|(_, at)| at).min()
}

/// Does what is due now.
pub(super) fn keep_time(cloud: &mut Cloud) {
    let now = cloud.now;
    for group in &mut cloud.patroni {
        if let Some((heir, at)) = group.due(&cloud.blackout)
            && at <= now
        {
            group.lead(&heir, at);
        }
    }
}

impl Group {
    fn find(&self, host: &str, port: u16) -> Option<&Member> {
        self.members.iter().find(|member| member.host == host && member.port == port)
    }

    /// Who leads next, and when. A lock that nobody renews ends, and then whoever is left takes it.
    fn due(&self, blackout: &Blackout) -> Option<(String, Timestamp)> {
        let is_lost = |member: &&Member| member.name == self.leader && member.is_dark(blackout);
        if self.members.iter().find(is_lost).is_none() {
            return self.heir.clone();
        }
        let left = self.members.iter().find(|member| !member.is_dark(blackout))?;
        let at = blackout.since + SignedDuration::from_secs(TTL) + SWITCHES;
        Some((left.name.clone(), at))
    }

    fn lead(&mut self, name: &str, now: Timestamp) {
        self.heir = None;
        if self.leader != name {
            name.clone_into(&mut self.leader);
            self.since = now;
            self.timeline += 1;
        }
    }

    fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.name == self.leader)
    }

    /// `GET /cluster`
    fn cluster(&self, blackout: &Blackout, now: Timestamp) -> Value {
        // What a member says of itself is forgotten when it does not say it again.
        let is_known = |member: &&Member| {
            !member.is_dark(blackout) || now < blackout.since + SignedDuration::from_secs(TTL)
        };
        let members = self.members.iter().filter(is_known).map(|member| {
            let leads = member.name == self.leader;
            let is_back = now >= self.since + RETURNS;
            let mut said = json!({
                "name": member.name,
                "role": if leads { "leader" } else { "replica" },
                "state": if leads { "running" } else if is_back { "streaming" } else { "stopped" },
                "api_url": format!("https://{}:{}/patroni", member.host, member.port),
                "host": member.host,
                "port": 5432,
            });
            if leads || is_back {
                said["timeline"] = self.timeline.into();
            }
            if !leads {
                let lag = if is_back { json!(0) } else { json!("unknown") };
                let lsn = if is_back { json!(lsn(self.location(now))) } else { json!("unknown") };
                for (name, value) in [("lag", &lag), ("receive_lag", &lag), ("replay_lag", &lag)] {
                    said[name] = value.clone();
                }
                for name in ["lsn", "receive_lsn", "replay_lsn"] {
                    said[name] = lsn.clone();
                }
            }
            said
        });
        json!({ "members": members.collect::<Vec<_>>(), "scope": "simulated" })
    }

    /// Where the log is; it never goes back.
    fn location(&self, now: Timestamp) -> i64 {
        (i64::try_from(self.timeline).unwrap_or(1) << 32)
            + now.duration_since(self.since).as_secs() * 4_096
    }

    /// `GET /patroni`
    fn own(&self, member: &Member, blackout: &Blackout, now: Timestamp) -> Value {
        let leads = member.name == self.leader;
        let is_cut = self.leader().is_some_and(|leader| leader.is_dark(blackout));
        let heard = if is_cut { blackout.since.min(now) } else { now };
        let at = self.location(heard);
        let is_up = leads || now >= self.since + RETURNS;
        let xlog = if leads {
            json!({ "location": at })
        } else {
            json!({ "received_location": at, "replayed_location": at, "paused": false,
                "replayed_timestamp": heard.strftime("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string() })
        };
        let mut said = json!({
            "state": if is_up { "running" } else { "stopped" },
            "role": if leads { "primary" } else { "replica" },
            "server_version": 150_018,
            "timeline": self.timeline,
            "xlog": xlog,
            "dcs_last_seen": now.as_second(),
            "database_system_identifier": digits(&self.members[0].host, 16),
            "patroni": { "version": "4.1.5", "scope": "simulated", "name": member.name },
        });
        let others = self.members.iter().filter(|other| other.name != member.name);
        let streams =
            others.filter(|other| !other.is_dark(blackout) && now >= self.since + RETURNS);
        let streams: Vec<_> = streams
            .map(|other| json!({ "application_name": other.name, "state": "streaming" }))
            .collect();
        if leads && !streams.is_empty() {
            said["replication"] = streams.into();
        }
        said
    }

    /// Moves the lead, or says why not, in Patroni's own words.
    fn asked(&mut self, what: &str, body: &Value, blackout: &Blackout, now: Timestamp) -> Reply {
        let says = |status, text: String| Reply::typed(status, "text/html", text);
        let word = |name: &str| body[name].as_str();
        let Some(name) = word("candidate") else {
            return says(400, format!("{what} could be performed only to a specific candidate"));
        };
        if what == "Switchover" && word("leader") != Some(&self.leader) {
            return says(412, "leader name does not match".to_owned());
        }
        let Some(candidate) = self.members.iter().find(|member| member.name == name) else {
            return says(412, "candidate does not exists".to_owned());
        };
        if name == self.leader || now < self.since + RETURNS {
            return says(503, format!("{what} failed"));
        }
        if candidate.is_dark(blackout) {
            let why = "no good candidates have been found";
            return says(412, format!("{} is not possible: {why}", what.to_lowercase()));
        }
        if self.leader().is_some_and(|leader| leader.is_dark(blackout)) {
            return says(503, format!("{what} status unknown")).taking(GIVES_UP);
        }
        self.heir = Some((name.to_owned(), now + SWITCHES));
        let past = if what == "Switchover" { "switched" } else { "failed" };
        says(200, format!("Successfully {past} over to \"{name}\"")).taking(ANSWERS)
    }
}

/// A position in the log, as PostgreSQL writes it.
fn lsn(at: i64) -> String {
    format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff)
}

/// `None` for what is for others.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    let port = call.request.uri().port_u16().unwrap_or(PORT);
    let is_it = |group: &Group| group.find(&call.host, port).is_some();
    let at = cloud.patroni.iter().position(is_it)?;
    let (now, blackout) = (cloud.now, cloud.blackout.clone());
    let member = cloud.patroni[at].find(&call.host, port)?.clone();
    if member.is_dark(&blackout) {
        return Some(Reached::Nobody);
    }
    let group = &mut cloud.patroni[at];
    let path = call.path.first().copied().unwrap_or_default();
    let reply = match (call.method(), path) {
        (&Method::GET, "cluster") => Reply::json(200, &group.cluster(&blackout, now)),
        (&Method::GET, "patroni") => Reply::json(200, &group.own(&member, &blackout, now)),
        (&Method::GET, "config") => Reply::json(
            200,
            &json!({ "ttl": TTL, "loop_wait": LOOP_WAIT, "maximum_lag_on_failover": 1_048_576 }),
        ),
        (&Method::POST, "switchover" | "failover") => {
            let what = if path == "switchover" { "Switchover" } else { "Failover" };
            match call.json() {
                Ok(body) => group.asked(what, &body, &blackout, now),
                Err(refusal) => refusal.into_reply(),
            }
        }
        _ => Reply::empty(404),
    };
    Some(Reached::Reply(reply))
}
