//! The standby that is to be primary, and the primary until now: what both of them say, together.

use super::{
    gate::{Gate, Means, Standing},
    lsn::Lsn,
    server::Server,
    state::{Replay, Role, State},
};
use crate::{
    action::{Answer, Change, Finding, Mark, Params, Serves, Sign, Trouble, Unapplied},
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, Region},
};
use futures_util::future::join;
use std::time::Duration;

pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// A standby has a minute to finish its recovery (documentation, 9.27.4: the default of `pg_promote`).
const PROMOTES_WITHIN: Duration = Duration::from_secs(75);
const PROMOTION: &str = "select pg_promote(true, 60) as promoted";
const WITHIN: Duration = Duration::from_secs(10);

/// The id of the change that lets everybody in to the new primary, where it was fenced itself before.
pub(super) const OPEN: &str = "open";
/// The id of the change after which commits wait for nobody, where they would wait in vain.
pub(super) const ALONE: &str = "alone";

pub(super) struct Pair {
    pub(super) to: Server,
    pub(super) from: Server,
    pub(super) means: Option<Means>,
}

/// What was seen of both.
pub(super) struct Seen {
    pub(super) to: State,
    /// Whether the new primary bears the traces of a fence of its own.
    is_to_fenced: bool,
    pub(super) from: Old,
}

/// The primary until now.
pub(super) enum Old {
    Standby(State),
    Primary {
        state: State,
        gate: Standing,
        lsn: Lsn,
    },
    /// It cannot be asked, which says nothing of what it does.
    Silent(String),
}

impl Old {
    pub(super) fn role(&self) -> &'static str {
        match self {
            Self::Standby(_) => "standby",
            Self::Primary { .. } => "primary",
            Self::Silent(_) => "unknown",
        }
    }

    /// Whether it takes writes, for people.
    fn says(&self) -> String {
        match self {
            Self::Standby(_) => "it is a standby".to_owned(),
            Self::Primary { gate, .. } => gate.says(),
            Self::Silent(why) => format!("not known: {why}"),
        }
    }
}

impl Pair {
    pub(super) fn of(
        params: &Params<'_>,
        clients: &crate::action::Clients,
    ) -> Result<Self, Diagnostic> {
        let means = params.text("means")?;
        Ok(Self {
            to: Server::of(params, clients, "server")?,
            from: Server::of(params, clients, "from")?.maybe_gone(),
            means: Means::parse(&means),
        })
    }

    pub(super) fn gate<'a>(&self, server: &'a Server) -> Gate<'a> {
        Gate { server, means: self.means }
    }

    pub(super) async fn see(&self) -> Result<Seen, Trouble> {
        let (to, from) = join(self.see_to(), self.see_from()).await;
        let (to, is_to_fenced) = to?;
        Ok(Seen { to, is_to_fenced, from })
    }

    async fn see_to(&self) -> Result<(State, bool), Trouble> {
        let state = State::read(&self.to).await?;
        let gate = self.gate(&self.to).look().await?;
        Ok((state, gate.is_touched()))
    }

    async fn see_from(&self) -> Old {
        let state = match State::read(&self.from).await {
            Ok(state) => state,
            Err(trouble) => return Old::Silent(trouble.why),
        };
        let Role::Primary { lsn, .. } = state.role else { return Old::Standby(state) };
        match self.gate(&self.from).look().await {
            Ok(gate) => Old::Primary { state, gate, lsn },
            Err(trouble) => Old::Silent(trouble.why),
        }
    }

    pub(super) fn evidence(seen: &Seen) -> Evidence {
        let mut evidence = Evidence::new()
            .text("role", seen.to.role.as_str())
            .with("timeline", Datum::Count(seen.to.timeline.into()))
            .text("from_role", seen.from.role())
            .text("fence", seen.from.says());
        let Role::Standby(replay) = &seen.to.role else { return evidence };
        if let Old::Primary { lsn, .. } = &seen.from {
            evidence.set("lag_bytes", Datum::Bytes(lsn.ahead_of(replay.received)));
        }
        if let Some(at) = replay.last_commit {
            evidence.set("last_commit", Datum::Instant(at));
        }
        evidence
    }

    /// The answer where the standby is one no more, and where the two do not belong together.
    pub(super) fn settled(&self, seen: &Seen, is_ours: bool) -> Option<Answer> {
        let (to, from) = (&self.to.name, &self.from.name);
        let never = |why| Some(Answer::Never { why });
        let other = match &seen.from {
            Old::Standby(state) | Old::Primary { state, .. } => Some(&state.system),
            Old::Silent(_) => None,
        };
        if other.is_some_and(|system| *system != seen.to.system) {
            return never(format!(
                "{to} and {from} are not copies of one database: their system identifiers differ"
            ));
        }
        let Role::Primary { .. } = seen.to.role else { return None };
        // Of two primaries neither has been put right by calling one of them promoted.
        let is_open = matches!(&seen.from, Old::Primary { gate, .. } if gate.shut_by().is_none());
        if is_open && !is_ours {
            return never(format!(
                "{to} and {from} are both primaries, and take writes that only one of them has"
            ));
        }
        let afterwards: Vec<_> = self.afterwards(seen).collect();
        Some(if afterwards.is_empty() { Answer::AsDesired } else { Answer::Missing(afterwards) })
    }

    /// What a new primary needs before its users can write.
    fn afterwards(&self, seen: &Seen) -> impl Iterator<Item = Change> {
        let name = &self.to.name;
        let open = seen.is_to_fenced.then(|| self.opening());
        let alone = seen.to.waits_in_vain().map(|standbys| {
            let says = format!("{name}: commits wait for nobody; they would for `{standbys}`, and none of it is there");
            Change::harmless(ALONE, Sign::Changes, says)
        });
        open.into_iter().chain(alone)
    }

    fn opening(&self) -> Change {
        let says = format!("{}: let everybody in again", self.to.name);
        Change::harmless(OPEN, Sign::Changes, says)
    }

    /// What must be done before the promotion, and the promotion.
    pub(super) fn missing(&self, seen: &Seen, promotion: Change) -> Answer {
        let open = seen.is_to_fenced.then(|| self.opening());
        Answer::Missing(open.into_iter().chain([promotion]).collect())
    }

    /// A promotion that has happened has ended the timeline.
    pub(super) fn promotion(id: &'static str, says: String, seen: &Seen) -> Change {
        let mark = Evidence::new()
            .text("role", seen.to.role.as_str())
            .with("timeline", Datum::Count(seen.to.timeline.into()));
        Change::harmless(id, Sign::CannotBeUndone, says).only_from(Mark(mark))
    }

    /// Carries out what is not the promotion itself.
    pub(super) async fn prepare(&self, id: &str, permit: &Permit) -> Option<Result<(), Unapplied>> {
        match id {
            OPEN => Some(self.gate(&self.to).open(permit).await),
            ALONE => Some(self.let_alone(permit).await),
            _ => None,
        }
    }

    async fn let_alone(&self, permit: &Permit) -> Result<(), Unapplied> {
        let set = "alter system set synchronous_standby_names = ''";
        self.to.tell(set, WITHIN, permit).await?;
        self.to.tell("select pg_reload_conf()", WITHIN, permit).await.map(drop)
    }

    pub(super) async fn promote(&self, permit: &Permit) -> Result<(), Unapplied> {
        let rows = self.to.tell(PROMOTION, PROMOTES_WITHIN, permit).await?;
        if super::server::first(&rows).flag("promoted") {
            return Ok(());
        }
        let why = format!("{} was told, and is in recovery a minute later", self.to.name);
        Err(Unapplied::InDoubt { why, wait: None })
    }

    /// The region of the primary, when there is exactly one.
    pub(super) fn serves(&self, seen: &Seen) -> Serves {
        let region =
            |region: &Option<Region>| region.clone().map_or(Serves::NoRole, Serves::Region);
        match (&seen.to.role, &seen.from) {
            (Role::Primary { .. }, Old::Primary { gate, .. }) if gate.shut_by().is_none() => {
                Serves::Nobody
            }
            (Role::Primary { .. }, _) => region(&self.to.region),
            // A primary that cannot be asked had the role when it could be.
            (Role::Standby(_), Old::Primary { .. } | Old::Silent(_)) => region(&self.from.region),
            (Role::Standby(_), Old::Standby(_)) => Serves::Nobody,
        }
    }

    /// What would stop the promotion, or surprise after it.
    pub(super) async fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = &self.to.name;
        let question = "select has_function_privilege('pg_promote(boolean,integer)', 'execute') as promote, has_function_privilege('pg_reload_conf()', 'execute') as reload, pg_has_role('pg_monitor', 'usage') as monitor";
        let may = match self.to.privileges(question, true).await {
            Ok(may) => may,
            Err(findings) => return findings,
        };
        for (column, grant, weight) in [
            (
                "promote",
                "grant execute on function pg_promote(boolean, integer)",
                Finding::blocker as fn(String) -> Finding,
            ),
            ("reload", "grant execute on function pg_reload_conf()", Finding::warning),
            ("monitor", "grant pg_monitor", Finding::warning),
        ] {
            if !may.flag(column) {
                let user = &self.to.user;
                findings.push(weight(format!("`{user}` lacks a privilege on {name}: {grant} to \"{user}\", on the primary, from where it is replicated")));
            }
        }
        let Ok(seen) = self.see().await else { return findings };
        if let Role::Standby(_) = seen.to.role
            && !seen.to.synchronous.trim().is_empty()
        {
            let standbys = &seen.to.synchronous;
            findings.push(Finding::note(format!("{name} would let commits wait for `{standbys}` once it is primary; where none of it is there, that is ended")));
        }
        findings.extend(self.lost_slots(&seen));
        findings
    }

    fn lost_slots(&self, seen: &Seen) -> Vec<Finding> {
        let Old::Primary { state, .. } = &seen.from else { return Vec::new() };
        let lost = state.slots.iter().filter(|slot| slot.is_lost);
        lost.map(|slot| {
            Finding::warning(format!("{} has lost the log that the slot `{}` stands for: whoever uses it must be made anew", self.from.name, slot.name))
        })
        .collect()
    }
}

/// How far what has arrived is from a position, for people.
pub(super) fn behind(replay: &Replay, lsn: Lsn) -> String {
    let still = if replay.is_streaming { "" } else { ", and does not stream" };
    let paused = if replay.is_paused { ", and its replay is paused" } else { "" };
    format!("{} bytes behind{still}{paused}", lsn.ahead_of(replay.replayed))
}
