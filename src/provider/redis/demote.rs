//! Making an old master a replica, the moment it answers.

use super::{
    CA, GROUP, NODE, PASSWORD, SENTINEL_PASSWORD, SENTINEL_USER, SENTINELS, TLS, USER,
    group::{Group, Seen},
    state::Role,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Plane, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::Diagnostic,
    provider::own::put_off,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(crate) static DEMOTE: Kind = Kind {
    name: "redis.demote",
    summary: "Make an old Redis master a replica of the new one, the moment it answers",
    parameters: &[
        Parameter::required("server", NODE, "The new master"),
        Parameter::required("from", NODE, "The old master, which may be back as one"),
        SENTINELS,
        GROUP,
        USER,
        PASSWORD,
        SENTINEL_USER,
        SENTINEL_PASSWORD,
        TLS,
        CA,
    ],
    observed: &["role", "from_role", "master", "epoch"],
    planes: &[Plane::Data("server"), Plane::Data("from")],
    permissions: &[
        "info",
        "replicaof",
        "sentinel|master",
        "sentinel|replicas",
        "sentinel|ckquorum",
    ],
    usual: Duration::from_secs(2),
    // A replica that has little to fetch is linked within a second.
    shows_within: Duration::from_secs(10),
    deadline: Duration::from_mins(10),
    // What it has of its own was given up when the other was promoted; its sentinels would do the same ten seconds later.
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The id of the change that makes a master a replica.
pub(super) const DEMOTION: &str = "demote";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Demote { group: Group::of(params, clients)? }))
}

struct Demote {
    group: Group,
}

#[async_trait]
impl Action for Demote {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let seen = self.group.see().await?;
        let evidence = self.group.evidence(&seen);
        let answer = self.answer(&seen)?;
        Ok(Observation::new(answer, evidence).serving(self.group.serves(&seen)))
    }

    async fn examine(&self) -> Vec<Finding> {
        let forbidden = self.group.from.forbids(&["REPLICAOF", "NO", "ONE"]).await;
        forbidden.map(Finding::blocker).into_iter().collect()
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        self.group.demote(permit).await?;
        Ok(Applied::Done { request_id: None })
    }
}

impl Demote {
    fn answer(&self, seen: &Seen) -> Result<Answer, Trouble> {
        let from = seen.from.as_ref().map_err(Clone::clone)?;
        if let Some(answer) = self.group.has_role(seen) {
            return Ok(answer);
        }
        Ok(match &from.role {
            Role::Master => self.group.stray(seen),
            Role::Replica { is_linked: true, .. } => Answer::AsDesired,
            Role::Replica { .. } => {
                let why = format!("{} has no link to its master yet", self.group.from.name);
                Answer::NotYet { why, look_again: LOOK_AGAIN }
            }
        })
    }
}

impl Group {
    /// Why the new master cannot be told from the old one, when it cannot.
    pub(super) fn has_role(&self, seen: &Seen) -> Option<Answer> {
        let not_yet = |why| Some(Answer::NotYet { why, look_again: LOOK_AGAIN });
        let name = &self.to.name;
        if seen.to.role != Role::Master {
            return not_yet(format!("{name} is a replica still"));
        }
        match self.agreed(seen) {
            Err(why) => not_yet(why),
            // A sentinel that has just switched has not asked it yet.
            Ok(watch) if watch.master.run.is_empty() => {
                not_yet(format!("the sentinels have not heard {name} as a master yet"))
            }
            // While a failover ends they still do; and one that nobody told them of they undo.
            Ok(watch) if watch.master.run != seen.to.run => not_yet(format!(
                "{name} is a master, but the sentinels say {}",
                watch.master.address()
            )),
            Ok(_) => None,
        }
    }

    /// A second master is told to follow the first one, if it belongs to it: whatever else it is would lose all its data.
    pub(super) fn stray(&self, seen: &Seen) -> Answer {
        let (to, from) = (&self.to.name, &self.from.name);
        if !self.is_ours(seen) {
            let why =
                format!("{from} is a master that the sentinels of `{}` do not know", self.name);
            return Answer::NotYet { why, look_again: LOOK_AGAIN };
        }
        let says = format!("make {from} a replica of {to}");
        Answer::Missing(vec![Change::harmless(DEMOTION, Sign::Changes, says)])
    }

    /// Sentinels ask a server that is back within a second or two for the name that it has given itself.
    fn is_ours(&self, seen: &Seen) -> bool {
        let run = seen.from.as_ref().map(|from| &from.run);
        run.is_ok_and(|run| self.agreed(seen).is_ok_and(|watch| watch.knows(run)))
    }

    pub(super) async fn demote(&self, permit: &Permit) -> Result<(), Unapplied> {
        let seen = self.see().await.map_err(|trouble| put_off(&trouble))?;
        let wait = LOOK_AGAIN;
        let watch = self.agreed(&seen).map_err(|why| Unapplied::Deferred { why, wait })?;
        if watch.master.run != seen.to.run || !self.is_ours(&seen) {
            let why = format!("the sentinels say {} now", watch.master.address());
            return Err(Unapplied::Deferred { why, wait });
        }
        self.from.tell(&["REPLICAOF", &watch.master.ip, &watch.master.port], permit).await
    }
}
