//! Swapping primary and standby without losing a write, as one change.
//!
//! The old primary is fenced, the standby takes over all that was committed there, and only then it is promoted; when it
//! does not get that far, the fence is taken away again, and nothing has happened.

use super::{
    CA, DATABASE, MEANS, PASSWORD, SERVER, TLS, USER,
    gate::Gate,
    pair::{LOOK_AGAIN, Old, Pair, Seen, behind},
    server::first,
    state::{Role, State},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Plane, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{DATA_LOSS, Datum, Diagnostic},
    provider::{own::put_off, postgres::lsn::Lsn},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static SWITCHOVER: Kind = Kind {
    name: "postgres.switchover",
    summary: "Swap a PostgreSQL primary and its standby, without losing a write",
    parameters: &[
        Parameter::required("server", SERVER, "The standby that becomes primary"),
        Parameter::required("from", SERVER, "The primary until now, which stays fenced"),
        Parameter::optional(
            "lag",
            Shape::Duration,
            "How far the standby may be behind when it begins",
        )
        .or(Default::Text("10s")),
        Parameter::optional(
            "catch_up",
            Shape::Duration,
            "How long users may wait for it to catch up",
        )
        .or(Default::Text("30s")),
        USER,
        PASSWORD,
        DATABASE,
        TLS,
        CA,
        MEANS,
    ],
    observed: &["role", "timeline", "from_role", "fence", "lag_bytes", "last_commit", DATA_LOSS],
    planes: &[Plane::Data("server"), Plane::Data("from")],
    permissions: &[
        "LOGIN",
        "pg_monitor",
        "pg_signal_backend",
        "EXECUTE ON FUNCTION pg_promote",
        "EXECUTE ON FUNCTION pg_reload_conf",
        "pg_read_server_files and pg_write_server_files, or ALTER SYSTEM ON PARAMETER default_transaction_read_only",
    ],
    // An idle pair takes less than a second; a checkpoint comes before.
    usual: Duration::from_secs(5),
    // As for a promotion.
    shows_within: Duration::from_secs(10),
    deadline: Duration::from_mins(10),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const SWITCH: &str = "promote";
const CHECKPOINTS_WITHIN: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(20);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Switchover {
        pair: Pair::of(params, clients)?,
        lag: params.duration("lag")?,
        catch_up: params.duration("catch_up")?,
    }))
}

struct Switchover {
    pair: Pair,
    lag: Duration,
    catch_up: Duration,
}

#[async_trait]
impl Action for Switchover {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let seen = self.pair.see().await?;
        let mut evidence = Pair::evidence(&seen);
        let is_ours = look.settled.iter().any(|id| id.as_str() == SWITCH);
        let answer = self.pair.settled(&seen, is_ours).unwrap_or_else(|| self.answer(&seen));
        if matches!(answer, Answer::Missing(_)) {
            evidence.set(DATA_LOSS, Datum::Seconds(0.0));
        }
        Ok(Observation::new(answer, evidence).serving(self.pair.serves(&seen)))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        match self.pair.prepare(change.id.as_str(), permit).await {
            Some(prepared) => prepared?,
            None => self.switch(permit).await?,
        }
        Ok(Applied::Done { request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = self.pair.examine().await;
        findings.extend(self.pair.gate(&self.pair.from).examine().await);
        findings
    }
}

impl Switchover {
    fn answer(&self, seen: &Seen) -> Answer {
        let Role::Standby(replay) = &seen.to.role else { return Answer::AsDesired };
        let (to, from) = (&self.pair.to.name, &self.pair.from.name);
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        let lsn = match &seen.from {
            Old::Primary { lsn, .. } => *lsn,
            Old::Standby(_) => {
                let why = format!("{to} and {from} are both standbys: there is nothing to swap");
                return Answer::Never { why };
            }
            Old::Silent(why) => return not_yet(why.clone()),
        };
        let is_late = replay.age.is_some_and(|age| age > self.lag) && replay.replayed < lsn;
        if !replay.is_streaming || replay.is_paused || is_late {
            return not_yet(format!("{to} is {}", behind(replay, lsn)));
        }
        let says = format!("swap {from} and {to}: fence, catch up, promote");
        self.pair.missing(seen, Pair::promotion(SWITCH, says, seen))
    }

    async fn switch(&self, permit: &Permit) -> Result<(), Unapplied> {
        let Pair { from, to, .. } = &self.pair;
        // With little left to write out the promotion takes less. Where it is not allowed nothing depends on it.
        from.tell("checkpoint", CHECKPOINTS_WITHIN, permit).await.ok();
        let gate = self.pair.gate(from);
        let before = gate.look().await.map_err(|trouble| put_off(&trouble))?;
        let error = match self.swap(&gate, permit).await {
            Ok(Ok(())) => return Ok(()),
            // It may be primary: nothing else may take writes.
            Ok(Err(in_doubt @ Unapplied::InDoubt { .. })) => return Err(in_doubt),
            Ok(Err(error)) | Err(error) => error,
        };
        let why = error.why();
        let role = State::read(to).await.map(|state| state.role);
        let (from, to) = (&from.name, &to.name);
        match role {
            Ok(Role::Standby(_)) => {}
            // Whether that one had all writes, this step cannot say.
            Ok(Role::Primary { .. }) => {
                let why = format!(
                    "{why}; {to} was promoted by somebody else meanwhile, and {from} stays fenced"
                );
                return Err(Unapplied::Refused { why, request_id: None });
            }
            Err(trouble) => {
                let why = format!("{why}; {from} stays fenced, for {}", trouble.why);
                return Err(Unapplied::InDoubt { why, wait: None });
            }
        }
        // And what was fenced before is not this step's to open.
        if before.is_touched() {
            let why = format!(
                "{why}; {to} was not promoted, and {from} stays fenced, as it was before: `postgres.fence` with `fenced: false` lets users in"
            );
            return Err(Unapplied::Refused { why, request_id: None });
        }
        // Users wait for nothing: they are let in again.
        if gate.open(permit).await.is_err() {
            let why = format!("{why}; {from} could not be opened again, and {to} was not promoted");
            return Err(Unapplied::InDoubt { why, wait: None });
        }
        let why = format!("{why}; {from} takes writes again, and {to} was not promoted");
        Err(Unapplied::Refused { why, request_id: None })
    }

    /// What came before the promotion, and what came of it.
    async fn swap(
        &self,
        gate: &Gate<'_>,
        permit: &Permit,
    ) -> Result<Result<(), Unapplied>, Unapplied> {
        gate.shut(permit).await?;
        self.catch_up().await?;
        Ok(self.pair.promote(permit).await)
    }

    /// Waits until the standby has replayed all that its primary wrote.
    async fn catch_up(&self) -> Result<(), Unapplied> {
        let Pair { from, to, .. } = &self.pair;
        let position = async |server: &super::server::Server, function: &str| {
            let rows = server.ask(&[&format!("select {function}() as lsn")]).await?;
            let row = first(&rows[0]);
            let text = row.text("lsn")?;
            Lsn::parse(text)
                .ok_or_else(|| Trouble::odd(format!("`{text}` is no position in a log")))
        };
        let end =
            position(from, "pg_current_wal_lsn").await.map_err(|trouble| put_off(&trouble))?;
        let clock = &to.clients.clock;
        let until = clock.now() + self.catch_up;
        loop {
            let replayed = position(to, "pg_last_wal_replay_lsn").await;
            let replayed = replayed.map_err(|trouble| put_off(&trouble))?;
            if replayed >= end {
                return Ok(());
            }
            if clock.now() > until {
                let behind = end.ahead_of(replayed);
                let why = format!("{} did not catch up: it is {behind} bytes behind", to.name);
                return Err(Unapplied::Refused { why, request_id: None });
            }
            clock.sleep(PAUSE).await;
        }
    }
}
