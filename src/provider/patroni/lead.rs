//! Moving the lead to another member: by a switchover from a leader that is well, or by a failover.

use super::{
    CANDIDATE, FROM, LEADER, PASSWORD, SERVER, USER,
    cluster::{Cluster, Member, Own, Settings},
    rest::Rest,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look, Mark,
        Observation, Parameter, Params, Plane, Serves, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, span},
    provider::own::{CA, TLS},
};
use async_trait::async_trait;
use futures_util::future::join3;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// A leader that hangs keeps the lock for `ttl` (30 s by default), and whoever takes it over acts on what was asked in its
/// next turn (`loop_wait`, 10 s): Patroni documentation, "Dynamic Configuration Settings".
const SHOWS_WITHIN: Duration = Duration::from_secs(90);

pub(crate) static SWITCHOVER: Kind = Kind {
    name: "patroni.switchover",
    summary: "Let another member of a Patroni cluster lead, without losing a write",
    parameters: &[
        SERVER,
        CANDIDATE,
        FROM,
        LEADER,
        Parameter::optional(
            "lag_bytes",
            Shape::Int { least: 0, most: 1_000_000_000_000 },
            "How far it may be behind when it begins",
        )
        // `maximum_lag_on_failover`, unless it is set.
        .or(Default::Int(1_048_576)),
        USER,
        PASSWORD,
        TLS,
        CA,
    ],
    planes: &[Plane::Data("server"), Plane::Data("from")],
    // It answers after 3 to 10 s; the old leader is back some seconds later.
    usual: Duration::from_secs(15),
    bind: |params, clients| {
        let most = u64::try_from(params.int("lag_bytes")?).unwrap_or_default();
        bind(params, clients, How::Switchover { most })
    },
    ..BY_FORCE
};

pub(crate) static FAILOVER: Kind = BY_FORCE;

const BY_FORCE: Kind = Kind {
    name: "patroni.failover",
    summary: "Let another member of a Patroni cluster lead, whatever has become of its leader",
    parameters: &[SERVER, CANDIDATE, FROM, LEADER, USER, PASSWORD, TLS, CA],
    observed: &["role", "from_role", "leader", "timeline", "lag_bytes", DATA_LOSS],
    planes: &[Plane::Data("server")],
    permissions: &["restapi.authentication"],
    usual: Duration::from_secs(40),
    shows_within: SHOWS_WITHIN,
    deadline: Duration::from_mins(10),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    // Each promotion begins a new timeline, and none is begun twice.
    mark_valid_for: None,
    cured_by: &[],
    bind: |params, clients| bind(params, clients, How::Failover),
};

const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum How {
    Switchover {
        /// How many bytes the candidate may be behind.
        most: u64,
    },
    Failover,
}

fn bind(params: &Params<'_>, clients: &Clients, how: How) -> Result<Arc<dyn Action>, Diagnostic> {
    let (candidate, leader) = (params.text("candidate")?, params.text("leader")?);
    if candidate == leader {
        let message = format!("`{candidate}` cannot take over from itself");
        return Err(Diagnostic::at(params.span("candidate"), message));
    }
    Ok(Arc::new(Lead {
        to: Rest::of(params, clients, "server")?,
        from: Rest::of(params, clients, "from")?,
        candidate,
        leader,
        how,
    }))
}

struct Lead {
    to: Rest,
    from: Rest,
    candidate: String,
    leader: String,
    how: How,
}

/// What was seen of all of them.
struct Seen {
    cluster: Cluster,
    to: Own,
    /// Or why it cannot be asked, which says nothing of what it does.
    from: Result<Own, Trouble>,
}

#[async_trait]
impl Action for Lead {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let seen = self.see().await?;
        let answer = self.answer(&seen);
        let mut evidence = self.evidence(&seen);
        if matches!(answer, Answer::Missing(_)) {
            evidence.set(DATA_LOSS, self.loss(&seen));
        }
        Ok(Observation::new(answer, evidence).serving(self.serves(&seen)))
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let (candidate, leader) = (&self.candidate, &self.leader);
        match self.how {
            // Patroni compares the leader's name itself: a second one is refused.
            How::Switchover { .. } => {
                let body = json!({ "leader": leader, "candidate": candidate });
                self.to.tell("/switchover", &body, permit).await
            }
            How::Failover => {
                self.to.tell("/failover", &json!({ "candidate": candidate }), permit).await
            }
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        // Who cannot be asked at all, the look says.
        let Ok(settings) = self.to.get::<Settings>("/config").await else { return Vec::new() };
        let longest = Duration::from_secs(settings.ttl.saturating_add(settings.loop_wait));
        if longest <= SHOWS_WITHIN {
            return Vec::new();
        }
        vec![Finding::warning(format!(
            "a request may still be carried out after {} (`ttl` and `loop_wait`), which is longer than the {} after which it would be sent again",
            span::show(longest),
            span::show(SHOWS_WITHIN)
        ))]
    }
}

impl Lead {
    async fn see(&self) -> Result<Seen, Trouble> {
        let (cluster, to, from) =
            join3(self.to.get("/cluster"), self.to.get("/patroni"), self.from.get("/patroni"))
                .await;
        let seen = Seen { cluster: cluster?, to: to?, from };
        let named = [(&self.to, Some(&seen.to), &self.candidate)];
        let named = named.into_iter().chain([(&self.from, seen.from.as_ref().ok(), &self.leader)]);
        for (rest, own, meant) in named {
            if let Some(name) = own.and_then(Own::name).filter(|name| name != meant) {
                let why = format!("{} is `{name}`, not `{meant}`", rest.name);
                return Err(Trouble::odd(why));
            }
        }
        if seen.from.as_ref().is_ok_and(|from| !from.is_relative(&seen.to)) {
            let why = format!("{} and {} are of two clusters", self.to.name, self.from.name);
            return Err(Trouble::odd(why));
        }
        Ok(seen)
    }

    fn evidence(&self, seen: &Seen) -> Evidence {
        let from = seen.from.as_ref().map_or("does not answer", Own::role);
        let leader = seen.cluster.leader().map_or("nobody", |member| &member.name);
        let mut evidence = Evidence::new()
            .text("role", seen.to.role())
            .text("from_role", from)
            .text("leader", leader);
        if let Some(timeline) = seen.cluster.timeline() {
            evidence.set("timeline", Datum::Count(timeline));
        }
        if let Some(bytes) = seen.cluster.member(&self.candidate).and_then(Member::lag_bytes) {
            evidence.set("lag_bytes", Datum::Bytes(bytes));
        }
        evidence
    }

    /// A switchover waits for all that was written. Otherwise it is at most what came since the last commit that has
    /// arrived.
    fn loss(&self, seen: &Seen) -> Datum {
        match (self.how, seen.to.age(self.to.clients.clock.now())) {
            (How::Switchover { .. }, _) => Datum::Seconds(0.0),
            (How::Failover, Some(age)) => Datum::Seconds(age.as_secs_f64()),
            (How::Failover, None) => Datum::Text("not known".to_owned()),
        }
    }

    fn serves(&self, seen: &Seen) -> Serves {
        let region = |rest: &Rest| rest.region.clone().map_or(Serves::NoRole, Serves::Region);
        match seen.cluster.leader().map(|leader| &leader.name) {
            None => Serves::Nobody,
            Some(name) if *name == self.candidate => region(&self.to),
            Some(name) if *name == self.leader => region(&self.from),
            Some(_) => Serves::NoRole,
        }
    }

    fn answer(&self, seen: &Seen) -> Answer {
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        let leader = seen.cluster.leader();
        if let Some(leader) = leader {
            if leader.role == "standby_leader" {
                let why = format!(
                    "the whole cluster follows another one, and `{}` takes no writes: it has to be promoted first (`standby_cluster` in its configuration)",
                    leader.name
                );
                return Answer::Never { why };
            }
            if leader.name == self.candidate {
                return self.whole(seen, leader).map_or(Answer::AsDesired, not_yet);
            }
        }
        let wrong = match self.how {
            How::Switchover { most } => match leader {
                Some(other) if other.name != self.leader => {
                    let why = format!("`{}` leads, not `{}`", other.name, self.leader);
                    return Answer::Never { why };
                }
                leader => self.unfit(seen, leader, most),
            },
            How::Failover => self.unable(seen),
        };
        if !wrong.is_empty() {
            return not_yet(wrong.join("; "));
        }
        // Without it nothing would tell later whether the lead has moved.
        let Some(timeline) = seen.cluster.timeline() else {
            return not_yet("no member says on which timeline it is".to_owned());
        };
        let name = match self.how {
            How::Switchover { .. } => "switchover",
            How::Failover => "failover",
        };
        let mark = Evidence::new().with("timeline", Datum::Count(timeline));
        let former = leader.map_or("nobody", |leader| &leader.name);
        let says = format!("{name} from {former} to {}", self.candidate);
        let change = Change::harmless(name, Sign::CannotBeUndone, says).only_from(Mark(mark));
        Answer::Missing(vec![change])
    }

    /// What is missing still, once the candidate holds the lock.
    fn whole(&self, seen: &Seen, leader: &Member) -> Option<String> {
        let (to, from) = (&self.candidate, &self.leader);
        if !seen.to.is_primary() || !leader.is_up() {
            return Some(format!("{to} leads, and takes no writes yet"));
        }
        match &seen.from {
            Ok(old) if old.is_primary() => Some(format!("{from} says that it is primary, too")),
            // What is gone need not come back.
            _ if matches!(self.how, How::Failover) => None,
            Err(trouble) => Some(trouble.why.clone()),
            Ok(_) => {
                let Some(old) = seen.cluster.member(from) else {
                    return Some(format!("{from} is no member of the cluster"));
                };
                let follows = seen.to.feeds(from);
                (!follows).then(|| format!("{to} leads, and {from} is not back: {}", old.says()))
            }
        }
    }

    /// What keeps the candidate from leading at all.
    fn unable(&self, seen: &Seen) -> Vec<String> {
        let name = &self.candidate;
        let Some(member) = seen.cluster.member(name) else {
            return vec![format!("the cluster has no member `{name}`")];
        };
        let mut wrong = Vec::new();
        if !member.is_up() {
            wrong.push(format!("{name} is {}", member.says()));
        }
        if !member.may_lead() {
            wrong.push(format!("{name} may not lead: it has the tag `nofailover`"));
        }
        // Version 3 does not say its name: here two that were mixed up are found.
        if seen.to.is_primary() {
            wrong.push(format!("{} is primary, so it is not {name}", self.to.name));
        }
        wrong
    }

    /// The same, and what keeps it from taking over at once, with all that was written.
    fn unfit(&self, seen: &Seen, leader: Option<&Member>, most: u64) -> Vec<String> {
        let mut wrong = self.unable(seen);
        match &seen.from {
            // A leader that stops waits for those alone that it feeds.
            Ok(from) if from.is_primary() && from.feeds(&self.candidate) => {}
            Ok(from) if from.is_primary() => {
                wrong.push(format!("{} does not stream from {}", self.candidate, self.leader));
            }
            Ok(from) => wrong.push(format!("{} is {}, not primary", self.from.name, from.role())),
            Err(trouble) => wrong.push(trouble.why.clone()),
        }
        if seen.cluster.pause {
            let leader = &self.leader;
            wrong.push(format!(
                "the cluster is paused, and {leader} would stay down: `patronictl resume`"
            ));
        }
        if seen.cluster.scheduled_switchover.is_some() {
            wrong.push("a switchover is scheduled: `patronictl flush` takes it back".to_owned());
        }
        let Some(leader) = leader else {
            wrong.push("the cluster has no leader".to_owned());
            return wrong;
        };
        if let Some(member) = seen.cluster.member(&self.candidate).filter(|member| member.is_up()) {
            let name = &member.name;
            let is_near = member.lag_bytes().is_some_and(|bytes| bytes <= most);
            if !is_near || member.timeline != leader.timeline {
                wrong.push(format!("{name} is {}", member.says()));
            }
            if seen.cluster.is_synchronous() && !member.is_synchronous() {
                wrong
                    .push(format!("{name} is no synchronous standby, and commits wait for others"));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests;
