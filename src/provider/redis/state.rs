//! What a server says of itself, and what a sentinel says of all of them.

use super::server::Server;
use crate::action::Trouble;
use futures_util::future::join_all;
use serde_json::Value;
use std::{collections::HashMap, time::Duration};

/// A server, as it sees itself (redis.io, "INFO").
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) run: String,
    pub(super) role: Role,
    /// How much of the replication stream it has written, or taken in.
    pub(super) offset: u64,
    /// Whether it refuses writes that no replica would have (`min-replicas-to-write`).
    pub(super) has_minimum: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Replica {
        is_linked: bool,
        /// How long it has heard nothing from its master.
        silence: Duration,
    },
}

impl Role {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica { .. } => "replica",
        }
    }
}

impl Node {
    pub(super) async fn read(server: &Server) -> Result<Self, Trouble> {
        let said = server.ask(&[&["INFO", "server"], &["INFO", "replication"]]).await?;
        let texts = said.iter().filter_map(Value::as_str);
        let fields: HashMap<_, _> =
            texts.flat_map(str::lines).filter_map(|line| line.split_once(':')).collect();
        let text = |name: &str| {
            let odd = || Trouble::odd(format!("{} says nothing of `{name}`", server.name));
            fields.get(name).copied().ok_or_else(odd)
        };
        let number = |name: &str| text(name).map(|text| text.parse().unwrap_or(0));
        let role = match text("role")? {
            "master" => Role::Master,
            _ => Role::Replica {
                is_linked: text("master_link_status")? == "up",
                // One of them is there while the link is up, the other while it is down.
                silence: Duration::from_secs(
                    number("master_link_down_since_seconds")
                        .or_else(|_| number("master_last_io_seconds_ago"))?,
                ),
            },
        };
        let offset = if role == Role::Master { "master_repl_offset" } else { "slave_repl_offset" };
        Ok(Self {
            run: text("run_id")?.to_owned(),
            offset: number(offset)?,
            has_minimum: fields.contains_key("min_slaves_good_slaves"),
            role,
        })
    }
}

/// A server, as a sentinel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) ip: String,
    pub(super) port: String,
    /// Empty until the server has told.
    pub(super) run: String,
    pub(super) flags: String,
    pub(super) priority: u32,
}

impl Known {
    fn of(fields: &HashMap<String, String>) -> Self {
        let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Self {
            ip: text("ip"),
            port: text("port"),
            run: text("runid"),
            flags: text("flags"),
            // What a server has that was never asked (redis.conf, "replica-priority").
            priority: text("slave-priority").parse().unwrap_or(100),
        }
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.split(',').any(|one| one == flag)
    }

    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }
}

/// What one sentinel says of a master and its replicas.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) master: Known,
    pub(super) replicas: Vec<Known>,
    /// Moves whenever the role does.
    pub(super) epoch: i64,
    /// How long it has seen the master be one.
    pub(super) settled: Duration,
    /// How long a server must be silent before it is taken for down.
    pub(super) down_after: Duration,
    /// Why no failover would be agreed on, when none would.
    pub(super) no_quorum: Option<String>,
}

impl Watch {
    pub(super) async fn read(sentinel: &Server, group: &str) -> Result<Self, Trouble> {
        let said = sentinel
            .ask(&[
                &["SENTINEL", "MASTER", group],
                &["SENTINEL", "REPLICAS", group],
                &["SENTINEL", "CKQUORUM", group],
            ])
            .await?;
        if let Some(error) = said[0]["error"].as_str() {
            return Err(Trouble::odd(format!("{} says of `{group}`: {error}", sentinel.name)));
        }
        let master = fields(&said[0]);
        let number = |name: &str| master.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let replicas = said[1].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            master: Known::of(&master),
            replicas: replicas.iter().map(|one| Known::of(&fields(one))).collect(),
            epoch: i64::try_from(number("config-epoch")).unwrap_or(i64::MAX),
            settled: Duration::from_millis(number("role-reported-time")),
            down_after: Duration::from_millis(number("down-after-milliseconds")),
            no_quorum: said[2]["error"].as_str().map(ToOwned::to_owned),
        })
    }

    pub(super) async fn read_all(sentinels: &[Server], group: &str) -> Vec<Result<Self, Trouble>> {
        join_all(sentinels.iter().map(|sentinel| Self::read(sentinel, group))).await
    }

    /// Whether this server is one of those that are watched.
    pub(super) fn knows(&self, run: &str) -> bool {
        self.master.run == run || self.replica(run).is_some()
    }

    /// The replica that is this server.
    pub(super) fn replica(&self, run: &str) -> Option<&Known> {
        self.replicas.iter().find(|one| one.run == run)
    }
}

/// Names and values in turns.
fn fields(said: &Value) -> HashMap<String, String> {
    let words: Vec<_> = said.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}
