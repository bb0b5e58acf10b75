//! What the members of a cluster say of it, whether their Patroni is of version 3 or 4.

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};
use std::time::Duration;

/// `GET /cluster`
#[derive(Deserialize)]
pub(super) struct Cluster {
    members: Vec<Member>,
    /// Whether Patroni keeps its hands off ("maintenance mode").
    #[serde(default)]
    pub(super) pause: bool,
    pub(super) scheduled_switchover: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) state: String,
    pub(super) timeline: Option<i64>,
    /// In bytes, or a word.
    lag: Option<Value>,
    #[serde(default)]
    tags: Map<String, Value>,
}

impl Cluster {
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Who holds the lock; in a cluster that follows another one, it takes no writes.
    pub(super) fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| matches!(&*member.role, "leader" | "standby_leader"))
    }

    /// It moves with every promotion.
    pub(super) fn timeline(&self) -> Option<i64> {
        self.members.iter().filter_map(|member| member.timeline).max()
    }

    /// Whether commits wait for some of the members, and only these can take over without a loss.
    pub(super) fn is_synchronous(&self) -> bool {
        self.members.iter().any(Member::is_synchronous)
    }
}

impl Member {
    /// A replica that streams says `running` in version 3, and `streaming` in version 4.
    pub(super) fn is_up(&self) -> bool {
        matches!(&*self.state, "running" | "streaming")
    }

    pub(super) fn is_synchronous(&self) -> bool {
        matches!(&*self.role, "sync_standby" | "quorum_standby")
    }

    pub(super) fn lag_bytes(&self) -> Option<u64> {
        self.lag.as_ref()?.as_u64()
    }

    pub(super) fn may_lead(&self) -> bool {
        self.tags.get("nofailover").and_then(Value::as_bool) != Some(true)
    }

    /// What it is, for people.
    pub(super) fn says(&self) -> String {
        let lag = match self.lag_bytes() {
            Some(bytes) => format!("{bytes} bytes behind"),
            None => "its lag is not known".to_owned(),
        };
        let timeline = self.timeline.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!("{} ({}, timeline {timeline}, {lag})", self.state, self.role)
    }
}

/// `GET /patroni`: what one member says of itself.
#[derive(Deserialize)]
pub(super) struct Own {
    state: String,
    role: String,
    #[serde(default)]
    xlog: Xlog,
    database_system_identifier: Option<String>,
    patroni: Option<Version>,
    /// Who gets its log from here. It is left out when nobody does.
    #[serde(default)]
    replication: Vec<Follower>,
}

#[derive(Deserialize)]
struct Follower {
    /// The name of the member.
    application_name: Option<String>,
    state: Option<String>,
}

#[derive(Default, Deserialize)]
struct Xlog {
    replayed_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    /// From version 4 on.
    name: Option<String>,
}

impl Own {
    /// `master` in version 3, `primary` in version 4.
    pub(super) fn is_primary(&self) -> bool {
        self.state == "running" && matches!(&*self.role, "master" | "primary")
    }

    pub(super) fn role(&self) -> &str {
        if self.role == "master" { "primary" } else { &self.role }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.patroni.as_ref()?.name.as_deref()
    }

    /// Whether a member gets all that is written here as it is written. The list of members does not say so in version 3:
    /// there `running` and a lag of some minutes ago are all that is known of one that gets nothing.
    pub(super) fn feeds(&self, member: &str) -> bool {
        self.replication.iter().any(|follower| {
            follower.application_name.as_deref() == Some(member)
                && follower.state.as_deref() == Some("streaming")
        })
    }

    /// Whether both have copies of the same database, as far as they say.
    pub(super) fn is_relative(&self, other: &Self) -> bool {
        let both = self.database_system_identifier.as_ref();
        both.zip(other.database_system_identifier.as_ref()).is_none_or(|(one, other)| one == other)
    }

    /// How old the last commit is that has arrived.
    pub(super) fn age(&self, now: Timestamp) -> Option<Duration> {
        let last: Timestamp = self.xlog.replayed_timestamp.as_ref()?.parse().ok()?;
        Some(Duration::try_from(now.duration_since(last)).unwrap_or_default())
    }
}

/// `GET /config`: the settings of the whole cluster, each with Patroni's own default.
#[derive(Deserialize)]
pub(super) struct Settings {
    #[serde(default = "ttl")]
    pub(super) ttl: u64,
    #[serde(default = "loop_wait")]
    pub(super) loop_wait: u64,
}

fn ttl() -> u64 {
    30
}

fn loop_wait() -> u64 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let three = r#"{"members": [
            {"name": "n1", "role": "leader", "state": "running", "timeline": 2, "host": "h"},
            {"name": "n2", "role": "replica", "state": "running", "timeline": 2, "lag": 0},
            {"name": "n3", "role": "replica", "state": "stopped", "lag": "unknown",
             "tags": {"nofailover": true, "clonefrom": "yes"}}]}"#;
        let four = r#"{"members": [
            {"name": "n1", "role": "leader", "state": "running", "timeline": 2},
            {"name": "n2", "role": "quorum_standby", "state": "streaming", "timeline": 2, "receive_lag": 0,
             "receive_lsn": "0/3000108", "replay_lag": 0, "replay_lsn": "0/3000108", "lag": 0, "lsn": "0/3000108"}],
            "pause": true, "scope": "shop", "scheduled_switchover": {"at": "2026-11-27T12:00:00+00:00"}}"#;
        let [three, four]: [Cluster; 2] =
            [three, four].map(|text| serde_json::from_str(text).unwrap());
        for cluster in [&three, &four] {
            assert_eq!(cluster.leader().unwrap().name, "n1");
            assert_eq!(cluster.timeline(), Some(2));
            assert_eq!(cluster.member("n2").unwrap().lag_bytes(), Some(0));
            assert!(cluster.member("n2").unwrap().is_up());
        }
        let third = three.member("n3").unwrap();
        assert!(!third.is_up() && !third.may_lead() && third.lag_bytes().is_none());
        assert!(!three.pause && three.scheduled_switchover.is_none() && !three.is_synchronous());
        assert!(four.pause && four.scheduled_switchover.is_some() && four.is_synchronous());
    }

    #[test]
    fn a_member_says_how_old_its_last_commit_is() {
        let own: Own = serde_json::from_str(
            r#"{"state": "running", "role": "replica", "timeline": 1, "database_system_identifier": "77",
                "xlog": {"replayed_timestamp": "2026-11-27 10:39:23.500000+00:00", "paused": false}}"#,
        )
        .unwrap();
        let now = "2026-11-27T10:39:25Z".parse().unwrap();
        assert_eq!(own.age(now), Some(Duration::from_millis(1_500)));
        assert!(!own.is_primary());
        let old: Own = serde_json::from_str(
            r#"{"state": "running", "role": "master", "database_system_identifier": "78", "replication": [
                {"usename": "repl", "application_name": "n2", "client_addr": "10.0.0.2", "state": "streaming"},
                {"usename": "repl", "application_name": "n3", "client_addr": null, "state": "catchup"}]}"#,
        )
        .unwrap();
        assert!(old.feeds("n2") && !old.feeds("n3") && !own.feeds("n2"));
        assert!(old.is_primary() && old.role() == "primary" && old.age(now).is_none());
        assert!(!own.is_relative(&old));
    }
}
