//! Making a standby the primary, after the primary was fenced or is known to be gone.
//!
//! A server that does not answer may go on taking writes from everybody else. So a promotion waits for a fence that can
//! be seen, or for somebody who says that the old primary is off; the word is a fact of the run.

use super::{
    CA, DATABASE, MEANS, PASSWORD, SERVER, TLS, USER,
    gate::Means,
    pair::{LOOK_AGAIN, Old, Pair, Seen, behind},
    state::{Replay, Role},
};
use crate::{
    action::{
        Action, Answer, Applied, By, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{DATA_LOSS, Datum, Diagnostic, Mode},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static PROMOTE: Kind = Kind {
    name: "postgres.promote",
    summary: "Make a PostgreSQL standby the primary, once the old one takes no writes",
    parameters: &[
        Parameter::required("server", SERVER, "The standby that becomes primary"),
        Parameter::required("from", SERVER, "The primary until now"),
        Parameter::optional(
            "mode",
            Shape::Choice(&["planned", "unplanned"]),
            "planned: everything arrives first; unplanned: with what has arrived",
        )
        .or(Default::Mode),
        USER,
        PASSWORD,
        DATABASE,
        TLS,
        CA,
        MEANS,
    ],
    observed: &["role", "timeline", "from_role", "fence", "lag_bytes", "last_commit", DATA_LOSS],
    planes: &[Plane::Data("server"), Plane::WhenPlanned(&Plane::Data("from"))],
    permissions: &[
        "LOGIN",
        "pg_monitor",
        "EXECUTE ON FUNCTION pg_promote",
        "EXECUTE ON FUNCTION pg_reload_conf",
    ],
    // An idle pair takes 0.2 s; whoever has much to replay takes longer.
    usual: Duration::from_secs(2),
    // `pg_promote` answers once recovery has ended. Told twice, a standby is promoted once, and a primary refuses.
    shows_within: Duration::from_secs(10),
    deadline: Duration::from_mins(10),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    // The timeline is in the server's control file: nothing forgets it.
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const PROMOTE_ID: &str = "promote";
/// The id of what only a person can know.
const OFF: &str = "off";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Promote { pair: Pair::of(params, clients)?, mode: params.mode("mode")? }))
}

struct Promote {
    pair: Pair,
    mode: Mode,
}

#[async_trait]
impl Action for Promote {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let seen = self.pair.see().await?;
        let mut evidence = Pair::evidence(&seen);
        let answer = self.answer(&seen, look);
        if let (Answer::Missing(_), Role::Standby(replay)) = (&answer, &seen.to.role) {
            evidence.set(DATA_LOSS, loss(&seen, replay));
        }
        Ok(Observation::new(answer, evidence).serving(self.pair.serves(&seen)))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        match self.pair.prepare(change.id.as_str(), permit).await {
            Some(prepared) => prepared?,
            None => self.pair.promote(permit).await?,
        }
        Ok(Applied::Done { request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        self.pair.examine().await
    }
}

impl Promote {
    fn answer(&self, seen: &Seen, look: &Look) -> Answer {
        let is_settled = |id: &str| look.settled.iter().any(|settled| settled.as_str() == id);
        if let Some(answer) = self.pair.settled(seen, is_settled(PROMOTE_ID)) {
            return answer;
        }
        let Role::Standby(replay) = &seen.to.role else { return Answer::AsDesired };
        let (to, from) = (&self.pair.to.name, &self.pair.from.name);
        let is_planned = self.mode == Mode::Planned;
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        match &seen.from {
            Old::Primary { gate, lsn, .. } => {
                let Some(means) = gate.shut_by() else {
                    return not_yet(format!(
                        "{from} still takes writes ({}): fence it first",
                        gate.says()
                    ));
                };
                // What is fenced is worth waiting for, as long as it comes.
                if replay.replayed < *lsn && (replay.is_streaming || is_planned) {
                    return not_yet(format!("{to} is {}", behind(replay, *lsn)));
                }
                self.promotion(
                    seen,
                    match means {
                        Means::Hba => "once the old primary is fenced",
                        Means::ReadOnly => "while the old primary is read-only",
                    },
                )
            }
            Old::Standby(_) => self.promotion(seen, "no primary is left"),
            Old::Silent(why) if is_planned => not_yet(why.clone()),
            Old::Silent(_) if is_settled(OFF) => self.promotion(seen, "the old primary is off"),
            Old::Silent(_) => {
                let says = format!(
                    "{from} cannot be asked, and may still take writes: make sure that it is off or cut off from its users, for those writes would be lost"
                );
                let attest =
                    Change { by: By::Person, ..Change::harmless(OFF, Sign::Changes, says) };
                let Answer::Missing(rest) = self.promotion(seen, "the old primary is off") else {
                    return Answer::AsDesired;
                };
                Answer::Missing(std::iter::once(attest).chain(rest).collect())
            }
        }
    }

    fn promotion(&self, seen: &Seen, why: &str) -> Answer {
        let says = format!("promote {}: {why}", self.pair.to.name);
        self.pair.missing(seen, Pair::promotion(PROMOTE_ID, says, seen))
    }
}

/// What was committed and has not arrived. Of a primary that cannot be asked it is at most what it took since the last
/// commit that has arrived.
fn loss(seen: &Seen, replay: &Replay) -> Datum {
    match &seen.from {
        Old::Primary { lsn, .. } if *lsn <= replay.received => Datum::Seconds(0.0),
        Old::Standby(_) => Datum::Seconds(0.0),
        Old::Primary { .. } | Old::Silent(_) => replay.age.map_or_else(
            || Datum::Text("not known".to_owned()),
            |age| Datum::Seconds(age.as_secs_f64()),
        ),
    }
}
