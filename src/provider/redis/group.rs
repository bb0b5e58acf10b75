//! A master, the replica that is to follow it, and the sentinels that watch both.

use super::{
    server::Server,
    state::{Known, Node, Role, Watch},
};
use crate::{
    action::{Clients, Finding, Params, Serves, Trouble, TroubleKind},
    model::{Datum, Diagnostic, Evidence, Mode, span},
};
use futures_util::future::{join, join3};
use std::time::Duration;

/// Sentinels put roles right for as long as this after a switch (`sentinel.c`: they wait for four times the publishing
/// period of two seconds, and for a fresh `INFO`, before they convert a server). A second switch in that time is undone.
const SETTLES: Duration = Duration::from_secs(10);

pub(super) struct Group {
    pub(super) to: Server,
    pub(super) from: Server,
    pub(super) sentinels: Vec<Server>,
    pub(super) name: String,
}

/// What was seen of all of them.
pub(super) struct Seen {
    pub(super) to: Node,
    /// Or why it cannot be asked, which says nothing of what it does.
    pub(super) from: Result<Node, Trouble>,
    pub(super) watches: Vec<Result<Watch, Trouble>>,
}

impl Seen {
    pub(super) fn says(&self) -> impl Iterator<Item = &Watch> {
        self.watches.iter().filter_map(|watch| watch.as_ref().ok())
    }

    pub(super) fn is_from_master(&self) -> bool {
        matches!(&self.from, Ok(Node { role: Role::Master, .. }))
    }
}

impl Group {
    pub(super) fn of(params: &Params<'_>, clients: &Clients) -> Result<Self, Diagnostic> {
        Ok(Self {
            to: Server::of(params, clients, "server")?,
            from: Server::of(params, clients, "from")?,
            sentinels: Server::sentinels(params, clients)?,
            name: params.text("group")?,
        })
    }

    pub(super) async fn see(&self) -> Result<Seen, Trouble> {
        let (to, from, watches) = join3(
            Node::read(&self.to),
            Node::read(&self.from),
            Watch::read_all(&self.sentinels, &self.name),
        )
        .await;
        let to = to?;
        if from.as_ref().is_ok_and(|from| from.run == to.run) {
            let why = format!("{} and {} are one server", self.to.name, self.from.name);
            return Err(Trouble::odd(why));
        }
        Ok(Seen { to, from, watches })
    }

    pub(super) fn evidence(&self, seen: &Seen) -> Evidence {
        let silent = "does not answer";
        let from = seen.from.as_ref().map_or(silent, |from| from.role.as_str());
        let mut evidence =
            Evidence::new().text("role", seen.to.role.as_str()).text("from_role", from);
        if let Ok(watch) = self.agreed(seen) {
            evidence.set("master", Datum::Text(watch.master.address()));
            evidence.set("epoch", Datum::Count(watch.epoch));
        }
        if let (Ok(from), Role::Replica { .. }) = (&seen.from, &seen.to.role) {
            evidence.set("lag_bytes", Datum::Bytes(from.offset.saturating_sub(seen.to.offset)));
        }
        evidence
    }

    /// What the sentinels say, when more than half of all say it and none of them says something else.
    pub(super) fn agreed<'a>(&self, seen: &'a Seen) -> Result<&'a Watch, String> {
        let count = seen.says().count();
        let Some(newest) = seen.says().max_by_key(|watch| watch.epoch) else {
            let why = seen.watches.iter().find_map(|watch| watch.as_ref().err());
            let why = why.map_or_else(String::new, |trouble| format!(": {}", trouble.why));
            return Err(format!("none of {} sentinels can be asked{why}", self.sentinels.len()));
        };
        if let Some(other) =
            seen.says().find(|watch| watch.master.address() != newest.master.address())
        {
            let (one, other) = (newest.master.address(), other.master.address());
            return Err(format!("the sentinels do not agree: some say {one}, some {other}"));
        }
        if count * 2 <= self.sentinels.len() {
            let all = self.sentinels.len();
            return Err(format!("only {count} of {all} sentinels answer, which is no majority"));
        }
        Ok(newest)
    }

    /// What stands in the way of a failover to the replica.
    pub(super) fn unfit(&self, seen: &Seen, mode: Mode) -> Vec<String> {
        let mut wrong = Vec::new();
        let (to, from) = (&self.to.name, &self.from.name);
        let watch = match self.agreed(seen) {
            Ok(watch) => watch,
            Err(why) => return vec![why],
        };
        if watch.master.has("failover_in_progress") {
            wrong.push("a failover is under way".to_owned());
        }
        match watch.replica(&seen.to.run) {
            None => wrong
                .push(format!("the sentinels do not know {to} as a replica of `{}`", self.name)),
            Some(known) => wrong.extend(self.preferred(watch, known)),
        }
        // Whatever the mode: this server is told to follow another one, and loses all that it has of its own.
        match &seen.from {
            Err(trouble) if mode == Mode::Planned => wrong.push(trouble.why.clone()),
            Ok(node) if node.role != Role::Master => wrong.push(format!("{from} is a replica")),
            Ok(node) if watch.master.run != node.run => {
                let master = watch.master.address();
                wrong.push(format!("{from} is a master, but the sentinels say {master}"));
            }
            Ok(_) | Err(_) => {}
        }
        if mode == Mode::Unplanned {
            return wrong;
        }
        if let Role::Replica { is_linked: false, silence } = &seen.to.role {
            let silence = span::show(*silence);
            wrong.push(format!("{to} has no link to its master, and heard nothing for {silence}"));
        }
        wrong.extend(seen.says().find_map(|watch| watch.no_quorum.clone()));
        let quiet = watch.down_after * 2 + SETTLES;
        if let Some(watch) = seen.says().find(|watch| watch.settled < quiet) {
            let (since, quiet) = (span::show(watch.settled), span::show(quiet));
            wrong.push(format!(
                "the last switch was {since} ago, and sentinels put roles right for {quiet}"
            ));
        }
        wrong
    }

    /// Whoever the sentinels might choose before it: the lowest priority, then whoever has more, then by chance.
    fn preferred(&self, watch: &Watch, chosen: &Known) -> Option<String> {
        if chosen.priority == 0 {
            return Some(format!("{} is never chosen: its replica-priority is 0", self.to.name));
        }
        let rival = watch.replicas.iter().find(|one| {
            let is_able = one.priority > 0 && !one.has("s_down") && !one.has("disconnected");
            is_able && one.run != chosen.run && one.priority <= chosen.priority
        })?;
        Some(format!(
            "the sentinels may choose {} instead: its replica-priority is {}, that of {} is {}",
            rival.address(),
            rival.priority,
            self.to.name,
            chosen.priority
        ))
    }

    /// The region of the master, when there is one.
    pub(super) fn serves(&self, seen: &Seen) -> Serves {
        let region = |server: &Server| server.region.clone().map_or(Serves::NoRole, Serves::Region);
        match (&seen.to.role, seen.is_from_master()) {
            (Role::Master, false) => region(&self.to),
            (Role::Master, true) => Serves::Nobody,
            (Role::Replica { .. }, _) => region(&self.from),
        }
    }

    /// Who cannot be asked, and what would surprise after a failover.
    pub(super) async fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (sentinel, watch) in
            self.sentinels.iter().zip(Watch::read_all(&self.sentinels, &self.name).await)
        {
            let Err(trouble) = watch else { continue };
            findings.push(match trouble.kind {
                TroubleKind::Unreachable => Finding::warning(trouble.why),
                _ => Finding::blocker(format!("{}: {}", sentinel.name, trouble.why)),
            });
        }
        let (to, from) = join(Node::read(&self.to), Node::read(&self.from)).await;
        let is_denied = |trouble: &Trouble| trouble.kind == TroubleKind::Denied;
        let denied = [&to, &from].into_iter().filter_map(|node| node.as_ref().err());
        findings.extend(
            denied.filter(|trouble| is_denied(trouble)).map(|one| Finding::blocker(&one.why)),
        );
        if let Ok(Node { role: Role::Master, has_minimum: false, .. }) = from {
            let name = &self.from.name;
            findings.push(Finding::warning(format!("{name} takes writes that no replica has: after a crash it does so for some ten seconds beside the new master, and they are lost; set min-replicas-to-write 1 and min-replicas-max-lag 2")));
        }
        findings
    }
}
