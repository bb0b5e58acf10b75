//! Moving the master's role to a replica, as one change.
//!
//! Planned, and whenever the old master answers: its writes wait, the replica takes over all of them, its sentinels
//! switch, and it is made a replica before its writes go on. None is lost, and none is refused but for that time.

use super::{
    CA, GROUP, MASTER, MODE, PASSWORD, SENTINEL_PASSWORD, SENTINEL_USER, SENTINELS, TLS, USER,
    demote::DEMOTION,
    group::{Group, Seen},
    server::Server,
    state::{Known, Node, Role},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look, Mark,
        Observation, Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, Mode},
    provider::own::put_off,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

pub(crate) static FAILOVER: Kind = Kind {
    name: "redis.failover",
    summary: "Make a Redis replica the master, and the master its replica, by its sentinels",
    parameters: &[
        Parameter::required("server", super::NODE, "The replica that becomes master"),
        MASTER,
        SENTINELS,
        GROUP,
        MODE,
        Parameter::optional(
            "catch_up",
            Shape::Duration,
            "How long writes may wait for the replica to have all of them",
        )
        .or(Default::Text("3s")),
        USER,
        PASSWORD,
        SENTINEL_USER,
        SENTINEL_PASSWORD,
        TLS,
        CA,
    ],
    observed: &["role", "from_role", "master", "epoch", "lag_bytes", DATA_LOSS],
    planes: &[Plane::Data("server"), Plane::WhenPlanned(&Plane::Data("from"))],
    permissions: &[
        "info",
        "client|pause",
        "client|unpause",
        "replicaof",
        "sentinel|master",
        "sentinel|replicas",
        "sentinel|ckquorum",
        "sentinel|failover",
    ],
    usual: Duration::from_secs(3),
    // A failover that does not get on is given up after `failover-timeout`: three minutes, unless it is set (sentinel.conf).
    shows_within: Duration::from_secs(200),
    deadline: Duration::from_mins(10),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    // The sentinels keep the epoch in their configuration.
    mark_valid_for: None,
    cured_by: &["redis.check"],
    bind,
};

const SWITCH: &str = "failover";
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a sentinel that has begun is waited for.
const SWITCHES_WITHIN: Duration = Duration::from_secs(10);
/// Writes wait for longer than all that takes, with three answers that are as late as may be, and then go on by
/// themselves, should nobody be left to say so. By then the sentinels have made a replica of the old master, which they
/// do ten seconds after a switch.
const SPARE: Duration = Duration::from_secs(10);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Failover {
        group: Group::of(params, clients)?,
        mode: params.mode("mode")?,
        catch_up: params.duration("catch_up")?,
    }))
}

struct Failover {
    group: Group,
    mode: Mode,
    catch_up: Duration,
}

#[async_trait]
impl Action for Failover {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let seen = self.group.see().await?;
        let mut evidence = self.group.evidence(&seen);
        let answer = self.answer(&seen);
        if let Role::Replica { silence, .. } = &seen.to.role {
            // What the master took since it was last heard may never have arrived.
            let loss = if seen.is_from_master() { 0.0 } else { silence.as_secs_f64() + 1.0 };
            evidence.set(DATA_LOSS, Datum::Seconds(loss));
        }
        Ok(Observation::new(answer, evidence).serving(self.group.serves(&seen)))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        match change.id.as_str() {
            DEMOTION => self.group.demote(permit).await?,
            _ => self.switch(permit).await?,
        }
        Ok(Applied::Done { request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        let Group { from, sentinels, name, .. } = &self.group;
        let pause = ["CLIENT", "PAUSE", "1", "WRITE"];
        let failover = ["SENTINEL", "FAILOVER", name.as_str()];
        let on_master = [&pause[..], &["CLIENT", "UNPAUSE"], &["REPLICAOF", "NO", "ONE"]];
        let on_master = on_master.into_iter().map(|command| (from, command));
        let on_sentinels = sentinels.iter().map(|sentinel| (sentinel, &failover[..]));
        let mut findings = self.group.examine().await;
        for (server, command) in on_master.chain(on_sentinels) {
            findings.extend(server.forbids(command).await.map(Finding::blocker));
        }
        findings
    }
}

impl Failover {
    fn answer(&self, seen: &Seen) -> Answer {
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        if seen.to.role == Role::Master {
            return self.group.has_role(seen).unwrap_or_else(|| self.afterwards(seen));
        }
        let wrong = self.wrong(seen);
        if !wrong.is_empty() {
            return not_yet(wrong.join("; "));
        }
        let (to, from) = (&self.group.to.name, &self.group.from.name);
        let mut mark = Evidence::new().text("role", seen.to.role.as_str());
        if let Some(epoch) = seen.says().map(|watch| watch.epoch).max() {
            mark.set("epoch", Datum::Count(epoch));
        }
        let says = format!("fail `{}` over from {from} to {to}", self.group.name);
        let switch = Change::harmless(SWITCH, Sign::CannotBeUndone, says).only_from(Mark(mark));
        Answer::Missing(vec![switch])
    }

    /// What stands in the way. A master that is silent here may be heard by everybody else, and then it would take writes
    /// for ten seconds after a switch, unseen; and one that is silent for the sentinels too they fail over by themselves:
    /// two who do that at once undo each other.
    fn wrong(&self, seen: &Seen) -> Vec<String> {
        let mut wrong = self.group.unfit(seen, self.mode);
        if self.mode == Mode::Planned || seen.from.is_ok() {
            return wrong;
        }
        let Group { from, name, .. } = &self.group;
        if seen.says().any(|watch| watch.no_quorum.is_none()) {
            wrong.push(format!(
                "the sentinels fail `{name}` over by themselves, once {} is silent for them too",
                from.name
            ));
        } else if !seen.says().all(|watch| watch.master.has("s_down")) {
            wrong.push(format!("{} is silent here, and heard by its sentinels", from.name));
        }
        wrong
    }

    /// The role has moved; the old master must not think that it has it still.
    fn afterwards(&self, seen: &Seen) -> Answer {
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        match &seen.from {
            Ok(Node { role: Role::Master, .. }) => self.group.stray(seen),
            Ok(Node { role: Role::Replica { is_linked: false, .. }, .. }) => {
                not_yet(format!("{} has no link to its master yet", self.group.from.name))
            }
            Err(trouble) if self.mode == Mode::Planned => not_yet(trouble.why.clone()),
            Ok(_) | Err(_) => Answer::AsDesired,
        }
    }

    async fn switch(&self, permit: &Permit) -> Result<(), Unapplied> {
        let seen = self.group.see().await.map_err(|trouble| put_off(&trouble))?;
        let wrong = self.wrong(&seen);
        if !wrong.is_empty() {
            return Err(Unapplied::Deferred { why: wrong.join("; "), wait: LOOK_AGAIN });
        }
        let both = self.group.sentinels.iter().zip(&seen.watches);
        let mut known = both.filter_map(|(sentinel, watch)| {
            Some((sentinel, watch.as_ref().ok()?.replica(&seen.to.run)?.clone()))
        });
        let Some((sentinel, chosen)) = known.next() else {
            let why = format!("no sentinel knows {} as a replica", self.group.to.name);
            return Err(Unapplied::Deferred { why, wait: LOOK_AGAIN });
        };
        if !seen.is_from_master() {
            return self.hand_over(sentinel, &chosen, permit).await;
        }
        let from = &self.group.from;
        let until = from.clients.clock.now() + self.catch_up;
        let waits = (self.catch_up + SWITCHES_WITHIN + SPARE).as_millis().to_string();
        from.tell(&["CLIENT", "PAUSE", &waits, "WRITE"], permit).await?;
        let handed = match self.catch_up(until).await {
            Ok(()) => self.hand_over(sentinel, &chosen, permit).await,
            Err(error) => Err(error),
        };
        // A write that goes on at a master without the role is lost. Where that is not ruled out they wait for their time,
        // and the next look sees who is what.
        let may_go_on = match &handed {
            Ok(()) => from.tell(&["REPLICAOF", &chosen.ip, &chosen.port], permit).await.is_ok(),
            Err(Unapplied::InDoubt { .. }) => false,
            Err(_) => self.is_as_before().await,
        };
        if may_go_on {
            from.tell(&["CLIENT", "UNPAUSE"], permit).await.ok();
        }
        handed
    }

    /// Whether the old master has the role still, and nobody is about to take it from it.
    async fn is_as_before(&self) -> bool {
        let Ok(seen) = self.group.see().await else { return false };
        let runs = seen.from.as_ref().map(|from| from.run.as_str());
        let agreed = self.group.agreed(&seen).map(|watch| watch.master.run.as_str());
        let is_moving = seen.says().any(|watch| watch.master.has("failover_in_progress"));
        seen.is_from_master() && !is_moving && runs.ok() == agreed.ok()
    }

    /// Waits until the replica has all that its master has written. Too late is too late, also by a slow answer: writes do
    /// not wait for ever.
    async fn catch_up(&self, until: Timestamp) -> Result<(), Unapplied> {
        let Group { to, from, .. } = &self.group;
        let end = offset(from).await?;
        loop {
            let have = offset(to).await?;
            if to.clients.clock.now() > until {
                let behind = end.saturating_sub(have);
                let why = format!(
                    "{} did not catch up: it is {behind} bytes behind; {} takes writes again",
                    to.name, from.name
                );
                return Err(Unapplied::Refused { why, request_id: None });
            }
            if have >= end {
                return Ok(());
            }
            to.clients.clock.sleep(PAUSE).await;
        }
    }

    /// Lets the sentinels switch, and waits for one of them to have done it.
    async fn hand_over(
        &self,
        sentinel: &Server,
        chosen: &Known,
        permit: &Permit,
    ) -> Result<(), Unapplied> {
        let group = &self.group.name;
        let told = sentinel.tell(&["SENTINEL", "FAILOVER", group], permit).await;
        // A no is not tried again by itself: each time writes would wait.
        if let Err(error @ (Unapplied::Refused { .. } | Unapplied::Deferred { .. })) = told {
            return Err(error);
        }
        let clock = &sentinel.clients.clock;
        let until: Timestamp = clock.now() + SWITCHES_WITHIN;
        while clock.now() < until {
            let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.as_str()];
            if let Ok(said) = sentinel.ask(&[&question]).await
                && said[0][0] == chosen.ip
                && said[0][1] == chosen.port
            {
                return Ok(());
            }
            clock.sleep(PAUSE).await;
        }
        let why = format!("{} was told, and has not switched yet", sentinel.name);
        Err(Unapplied::InDoubt { why, wait: None })
    }
}

async fn offset(server: &Server) -> Result<u64, Unapplied> {
    let node = Node::read(server).await.map_err(|trouble| put_off(&trouble))?;
    Ok(node.offset)
}
