//! Whether a primary and its standby are fit for a failover.

use super::{
    CA, DATABASE, PASSWORD, READS, SERVER, TLS, USER,
    server::Server,
    state::{Role, State},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Plane, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, Mode, span},
};
use async_trait::async_trait;
use futures_util::future::join;
use std::{sync::Arc, time::Duration};

const LOOK_AGAIN: Duration = Duration::from_secs(5);

pub(crate) static CHECK: Kind = Kind {
    name: "postgres.check",
    summary: "Wait until a PostgreSQL standby could take over from its primary",
    parameters: &[
        Parameter::required("primary", SERVER, "The primary"),
        Parameter::required("standby", SERVER, "The standby"),
        Parameter::optional("lag", Shape::Duration, "How far the standby may be behind")
            .or(Default::Text("1m")),
        Parameter::optional(
            "mode",
            Shape::Choice(&["planned", "unplanned"]),
            "unplanned: the primary need not answer",
        )
        .or(Default::Mode),
        USER,
        PASSWORD,
        DATABASE,
        TLS,
        CA,
    ],
    observed: &[
        "primary",
        "standby",
        "timeline",
        "lag_bytes",
        "lag_seconds",
        "last_commit",
        "commits_wait_for",
    ],
    planes: &[Plane::Data("standby"), Plane::WhenPlanned(&Plane::Data("primary"))],
    permissions: &READS,
    usual: Duration::from_secs(1),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    deadline: Duration::from_mins(10),
    effect: Effect::Reads,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Check {
        primary: Server::of(params, clients, "primary")?.maybe_gone(),
        standby: Server::of(params, clients, "standby")?,
        lag: params.duration("lag")?,
        mode: params.mode("mode")?,
    }))
}

struct Check {
    primary: Server,
    standby: Server,
    lag: Duration,
    mode: Mode,
}

#[async_trait]
impl Action for Check {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let (primary, standby) = join(State::read(&self.primary), State::read(&self.standby)).await;
        let standby = standby?;
        let primary = match primary {
            Ok(primary) => Some(primary),
            Err(_) if self.mode == Mode::Unplanned => None,
            Err(trouble) => return Err(trouble),
        };
        let evidence = evidence(primary.as_ref(), &standby);
        Ok(Observation::new(self.answer(primary.as_ref(), &standby), evidence))
    }

    async fn examine(&self) -> Vec<Finding> {
        let question = "select pg_has_role('pg_monitor', 'usage') as monitor";
        let both = join(
            self.primary.privileges(question, false),
            self.standby.privileges(question, false),
        )
        .await;
        let findings = [both.0, both.1].into_iter().filter_map(Result::err);
        findings.flatten().collect()
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a check changes nothing".to_owned(), request_id: None })
    }
}

impl Check {
    fn answer(&self, primary: Option<&State>, standby: &State) -> Answer {
        let (first, second) = (&self.primary.name, &self.standby.name);
        let never = |why| Answer::Never { why };
        if primary.is_some_and(|primary| primary.system != standby.system) {
            return never(format!(
                "{first} and {second} are not copies of one database: their system identifiers differ"
            ));
        }
        let Role::Standby(replay) = &standby.role else {
            return never(match primary.map(|primary| &primary.role) {
                Some(Role::Primary { .. }) => format!(
                    "{first} and {second} are both primaries, and take writes that only one of them has"
                ),
                _ => format!("{second} is a primary, not a standby"),
            });
        };
        let mut wrong = Vec::new();
        if let Some(primary) = primary {
            match &primary.role {
                Role::Standby(_) => {
                    wrong.push(format!("{first} is a standby: there is no primary"));
                }
                Role::Primary { lsn, .. } => {
                    if !replay.is_streaming {
                        wrong.push(format!("{second} does not stream"));
                    }
                    let bytes = lsn.ahead_of(replay.replayed);
                    let is_late = replay.age.is_some_and(|age| age > self.lag);
                    if bytes > 0 && is_late {
                        let age =
                            replay.age.map_or_else(|| "an unknown time".to_owned(), span::show);
                        wrong.push(format!("{second} is {age} and {bytes} bytes behind"));
                    }
                }
            }
            if let Some(standbys) = primary.waits_in_vain() {
                wrong.push(format!(
                    "commits on {first} wait for `{standbys}`, and none of it is there"
                ));
            }
            if primary.timeline > standby.timeline && replay.is_streaming {
                wrong.push(format!(
                    "{second} is on timeline {}, {first} on {}",
                    standby.timeline, primary.timeline
                ));
            }
            for slot in primary.slots.iter().filter(|slot| slot.is_lost) {
                wrong.push(format!(
                    "{first} has lost the log that the slot `{}` stands for",
                    slot.name
                ));
            }
        }
        if replay.is_paused {
            wrong.push(format!("the replay of {second} is paused"));
        }
        if wrong.is_empty() {
            return Answer::AsDesired;
        }
        Answer::NotYet { why: wrong.join("; "), look_again: LOOK_AGAIN }
    }
}

fn evidence(primary: Option<&State>, standby: &State) -> Evidence {
    let mut evidence = Evidence::new()
        .text("primary", primary.map_or("does not answer", |primary| primary.role.as_str()))
        .text("standby", standby.role.as_str())
        .with("timeline", Datum::Count(standby.timeline.into()));
    if let Some(primary) = primary
        && !primary.synchronous.trim().is_empty()
    {
        evidence.set("commits_wait_for", Datum::Text(primary.synchronous.clone()));
    }
    let Role::Standby(replay) = &standby.role else { return evidence };
    if let Some(at) = replay.last_commit {
        evidence.set("last_commit", Datum::Instant(at));
    }
    if let Some(Role::Primary { lsn, .. }) = primary.map(|primary| &primary.role) {
        let bytes = lsn.ahead_of(replay.replayed);
        evidence.set("lag_bytes", Datum::Bytes(bytes));
        // An idle primary commits nothing, which makes the last commit old and no standby late.
        let age = replay.age.filter(|_| bytes > 0).unwrap_or_default();
        evidence.set("lag_seconds", Datum::Seconds(age.as_secs_f64()));
    }
    evidence
}
