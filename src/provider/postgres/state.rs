//! Where a server stands: its role, its place in the log, and who follows it.

use super::{
    lsn::Lsn,
    server::{Row, Server, first},
};
use crate::action::Trouble;
use jiff::Timestamp;
use std::time::Duration;

/// A server, as it was seen.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// What all copies of one database share.
    pub(super) system: String,
    pub(super) timeline: u32,
    /// Whom commits wait for.
    pub(super) synchronous: String,
    pub(super) slots: Vec<Slot>,
    pub(super) role: Role,
}

#[derive(Clone, Debug)]
pub(super) enum Role {
    Primary { lsn: Lsn, standbys: Vec<Standby> },
    Standby(Replay),
}

/// One that streams from a primary.
#[derive(Clone, Debug)]
pub(super) struct Standby {
    pub(super) is_synchronous: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// Its log is gone: whoever needs it must be made anew.
    pub(super) is_lost: bool,
}

/// How far a standby has come.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) received: Lsn,
    pub(super) replayed: Lsn,
    /// How long ago the last transaction was committed that has arrived. An idle primary lets it grow.
    pub(super) age: Option<Duration>,
    pub(super) last_commit: Option<Timestamp>,
    pub(super) is_streaming: bool,
    pub(super) is_paused: bool,
}

impl Role {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Primary { .. } => "primary",
            Self::Standby(_) => "standby",
        }
    }
}

impl State {
    pub(super) async fn read(server: &Server) -> Result<Self, Trouble> {
        let both = [
            "select pg_is_in_recovery() as in_recovery, current_setting('synchronous_standby_names') as synchronous",
            "select system_identifier from pg_control_system()",
            "select timeline_id from pg_control_checkpoint()",
            "select slot_name, wal_status from pg_replication_slots",
        ];
        let [basics, system, checkpoint, slots] = answers(server, both).await?;
        let basics = first(&basics);
        let (role, timeline) = if basics.flag("in_recovery") {
            standby(server).await?
        } else {
            primary(server).await?
        };
        // That of the last checkpoint may be an old one, but is never ahead.
        let checkpoint = number(&first(&checkpoint), "timeline_id")?;
        let slot = |row: &Row| Slot {
            name: row.optional("slot_name").unwrap_or_default().to_owned(),
            is_lost: row.optional("wal_status") == Some("lost"),
        };
        Ok(Self {
            system: first(&system).text("system_identifier")?.to_owned(),
            timeline: timeline.max(checkpoint),
            synchronous: basics.optional("synchronous").unwrap_or_default().to_owned(),
            slots: slots.iter().map(slot).collect(),
            role,
        })
    }

    /// What commits would wait for in vain: its settings name a standby, and none of those is there.
    pub(super) fn waits_in_vain(&self) -> Option<&str> {
        let is_served = match &self.role {
            Role::Primary { standbys, .. } => standbys.iter().any(|standby| standby.is_synchronous),
            Role::Standby(_) => false,
        };
        (!self.synchronous.trim().is_empty() && !is_served).then_some(self.synchronous.as_str())
    }
}

async fn answers<const N: usize>(
    server: &Server,
    questions: [&str; N],
) -> Result<[Vec<Row>; N], Trouble> {
    let all = server.ask(&questions).await?;
    all.try_into().map_err(|_| Trouble::odd("an answer with too few parts"))
}

/// The beginning of a segment's name is its timeline (documentation, 30.6); what the last checkpoint says may be old.
async fn primary(server: &Server) -> Result<(Role, u32), Trouble> {
    let questions = [
        "select pg_current_wal_lsn() as lsn, pg_walfile_name(pg_current_wal_lsn()) as segment",
        "select sync_state from pg_stat_replication where state = 'streaming'",
    ];
    let [place, standbys] = answers(server, questions).await?;
    let place = first(&place);
    let segment = place.text("segment")?;
    let timeline = segment.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let odd = || Trouble::odd(format!("{} calls its segment {segment}", server.name));
    let standby = |row: &Row| Standby {
        is_synchronous: matches!(row.optional("sync_state"), Some("sync" | "quorum")),
    };
    let standbys = standbys.iter().map(standby).collect();
    let role = Role::Primary { lsn: lsn(&place, "lsn")?, standbys };
    Ok((role, timeline.ok_or_else(odd)?))
}

async fn standby(server: &Server) -> Result<(Role, u32), Trouble> {
    let questions = [
        "select pg_last_wal_receive_lsn() as received, pg_last_wal_replay_lsn() as replayed, pg_last_xact_replay_timestamp() as commit, now() as now, pg_get_wal_replay_pause_state() as pause",
        "select received_tli from pg_stat_wal_receiver where status = 'streaming'",
    ];
    let [place, receiver] = answers(server, questions).await?;
    let place = first(&place);
    let replayed = lsn(&place, "replayed")?;
    let instant = |column: &str| -> Option<Timestamp> { place.optional(column)?.parse().ok() };
    let (commit, now) = (instant("commit"), instant("now"));
    let age = commit.zip(now).map(|(commit, now)| crate::model::span::between(commit, now));
    let replay = Replay {
        // Of a server that never streamed, what it has replayed is all that there is.
        received: lsn(&place, "received").unwrap_or_default().max(replayed),
        replayed,
        age,
        last_commit: commit,
        is_streaming: !receiver.is_empty(),
        is_paused: place.optional("pause").is_some_and(|pause| pause != "not paused"),
    };
    let timeline = number(&first(&receiver), "received_tli").unwrap_or_default();
    Ok((Role::Standby(replay), timeline))
}

fn lsn(row: &Row, column: &str) -> Result<Lsn, Trouble> {
    let text = row.text(column)?;
    Lsn::parse(text).ok_or_else(|| Trouble::odd(format!("`{text}` is no position in a log")))
}

fn number(row: &Row, column: &str) -> Result<u32, Trouble> {
    let text = row.text(column)?;
    text.parse().map_err(|_| Trouble::odd(format!("`{text}` is no number")))
}
