//! Whether a replica could take over from its master.

use super::{
    CA, GROUP, MASTER, MODE, PASSWORD, REPLICA, SENTINEL_PASSWORD, SENTINEL_USER, SENTINELS, TLS,
    USER,
    group::{Group, Seen},
    state::{Role, Watch},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Plane, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Diagnostic, Mode},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

const LOOK_AGAIN: Duration = Duration::from_secs(2);

pub(crate) static CHECK: Kind = Kind {
    name: "redis.check",
    summary: "Wait until a Redis replica could take over from its master",
    parameters: &[
        REPLICA,
        MASTER,
        SENTINELS,
        GROUP,
        MODE,
        Parameter::optional(
            "lag_bytes",
            Shape::Int { least: 0, most: 1_000_000_000_000 },
            "How much of what the master has written the replica may lack",
        )
        .or(Default::Int(1_000_000)),
        USER,
        PASSWORD,
        SENTINEL_USER,
        SENTINEL_PASSWORD,
        TLS,
        CA,
    ],
    observed: &["role", "from_role", "master", "epoch", "lag_bytes"],
    planes: &[Plane::Data("server"), Plane::WhenPlanned(&Plane::Data("from"))],
    permissions: &["info", "sentinel|master", "sentinel|replicas", "sentinel|ckquorum"],
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
        group: Group::of(params, clients)?,
        mode: params.mode("mode")?,
        lag: u64::try_from(params.int("lag_bytes")?).unwrap_or(0),
    }))
}

struct Check {
    group: Group,
    mode: Mode,
    lag: u64,
}

#[async_trait]
impl Action for Check {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let seen = self.group.see().await?;
        Ok(Observation::new(self.answer(&seen), self.group.evidence(&seen)))
    }

    async fn examine(&self) -> Vec<Finding> {
        self.group.examine().await
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a check changes nothing".to_owned(), request_id: None })
    }
}

impl Check {
    fn answer(&self, seen: &Seen) -> Answer {
        // One that was a master before is put right by its sentinels; the master itself is not.
        let is_it = |watch: &Watch| watch.master.run == seen.to.run;
        if seen.to.role == Role::Master && self.group.agreed(seen).is_ok_and(is_it) {
            let why = format!("{} is the master, not a replica", self.group.to.name);
            return Answer::Never { why };
        }
        let mut wrong = self.group.unfit(seen, self.mode);
        if let Ok(from) = &seen.from
            && from.offset > seen.to.offset + self.lag
        {
            let behind = from.offset - seen.to.offset;
            wrong.push(format!("{} is {behind} bytes behind", self.group.to.name));
        }
        if wrong.is_empty() {
            return Answer::AsDesired;
        }
        Answer::NotYet { why: wrong.join("; "), look_again: LOOK_AGAIN }
    }
}
