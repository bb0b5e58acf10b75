//! Moving users from the servers of one place to those of another, by their weights, in stages.

use super::{
    BACKEND, BALANCERS,
    balancer::{Balancers, Servers, words},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Kind, Look, Observation,
        Parameter, Params, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Diagnostic, Evidence},
    provider::unknown_change,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static SHIFT: Kind = Kind {
    name: "haproxy.shift",
    summary: "Move the users of a backend to other servers, in stages",
    parameters: &[
        BALANCERS,
        BACKEND,
        Parameter::required("from", Shape::Texts, "The servers that give users up"),
        Parameter::required("to", Shape::Texts, "The servers that receive them"),
        Parameter::optional(
            "stages",
            Shape::Ints { least: 1, most: 100 },
            "The shares of the receiving servers in percent; 100 at once when left out",
        ),
        Parameter::optional("stay", Shape::Duration, "How long each stage stays")
            .or(Default::Text("1m")),
    ],
    observed: &["share", "weights"],
    planes: &[],
    permissions: &["stats socket … level admin"],
    usual: Duration::from_mins(1),
    // What was told is shown at once.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(30),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let (from, to) = (words(params, "from")?, words(params, "to")?);
    if let Some(both) = to.iter().find(|name| from.contains(name)) {
        let message = format!("`{both}` can not both give users up and receive them");
        return Err(Diagnostic::at(params.span("to"), message));
    }
    let stages = params.ints("stages").unwrap_or_default();
    let mut stages: Vec<u64> =
        stages.into_iter().filter_map(|one| u64::try_from(one).ok()).collect();
    if stages.last() != Some(&100) {
        stages.push(100);
    }
    let stay = params.duration("stay")?;
    Ok(Arc::new(Shift { balancers: Balancers::of(params, clients)?, from, to, stages, stay }))
}

struct Shift {
    balancers: Balancers,
    from: Vec<String>,
    to: Vec<String>,
    stages: Vec<u64>,
    stay: Duration,
}

impl Shift {
    /// What each server weighs when `to` has this share: one that gets all of its part weighs 100.
    fn weights(&self, share: u64) -> Vec<(&str, u64)> {
        let (from, to) = (self.from.len() as u64, self.to.len() as u64);
        let part = |share: u64, count: u64| (share * from.min(to) + count / 2) / count;
        let receive = self.to.iter().map(|name| (name.as_str(), part(share, to)));
        let give = self.from.iter().map(|name| (name.as_str(), part(100 - share, from)));
        receive.chain(give).collect()
    }

    fn sum(names: &[String], servers: &Servers) -> u64 {
        names.iter().filter_map(|name| servers.get(name)).map(|server| server.weight).sum()
    }

    /// The part of the users that `to` gets, in percent: a stage, where all weigh what it says.
    fn share(&self, servers: &Servers) -> u64 {
        let (from, to) = (Self::sum(&self.from, servers), Self::sum(&self.to, servers));
        let weighs = |name: &String| servers.get(name).is_some_and(|server| server.weight > 0);
        if from == 0 && self.to.iter().all(weighs) {
            return 100;
        }
        // Parts of weights are rounded.
        let stage = self.stages.iter().copied().find(|stage| self.is_at(*stage, servers));
        stage.unwrap_or_else(|| (to * 100 / (from + to).max(1)).min(99))
    }

    fn is_at(&self, stage: u64, servers: &Servers) -> bool {
        let weighs = |(name, weight): &(&str, u64)| {
            servers.get(*name).is_some_and(|server| server.weight == *weight)
        };
        self.weights(stage).iter().all(weighs)
    }

    /// Why no users can be sent: a server is missing, sick, or there are others that count with them.
    fn hindrance(&self, balancer: &str, servers: &Servers) -> Option<Answer> {
        let backend = &self.balancers.backend;
        let never = |why: String| Some(Answer::Never { why });
        let all = || self.from.iter().chain(&self.to);
        if let Some(missing) = all().find(|name| !servers.contains_key(*name)) {
            return never(format!("{balancer} has no server `{backend}/{missing}`"));
        }
        let third = servers
            .iter()
            .find(|(name, server)| server.weight > 0 && !all().any(|known| known == *name));
        if let Some((third, _)) = third {
            return never(format!(
                "{balancer} sends users of `{backend}` to `{third}` too: name it in `from` or in `to`"
            ));
        }
        // A server that is drained or in maintenance gets nobody, whatever it weighs.
        let unready = self.to.iter().filter_map(|name| Some((name, servers.get(name)?)));
        let (name, server) = unready.into_iter().find(|(_, server)| !server.is_well())?;
        let why = format!("{balancer}: `{backend}/{name}` is {}", server.says());
        Some(Answer::NotYet { why, look_again: LOOK_AGAIN })
    }

    /// The stages that are left, each at every balancer. Users who moved already stay for a while before the next.
    fn ahead(&self, all: &[(&str, u64)]) -> Vec<Change> {
        let least = all.iter().map(|(_, share)| *share).min().unwrap_or_default();
        let mut changes = Vec::new();
        let mut stays = least > 0;
        let mut before = least;
        for stage in self.stages.iter().filter(|stage| **stage > least) {
            let behind = all.iter().filter(|(_, share)| share < stage);
            for (number, (balancer, share)) in behind.enumerate() {
                let says = format!(
                    "{} at {balancer}: {} → {stage} % to {}",
                    self.balancers.backend,
                    before.max(*share),
                    self.to.join(", ")
                );
                let change = Change::harmless(format!("{stage} % {balancer}"), Sign::Changes, says);
                let stay = if stays && number == 0 { self.stay } else { Duration::ZERO };
                changes.push(change.after_staying(stay));
            }
            stays = true;
            before = *stage;
        }
        changes
    }
}

#[async_trait]
impl Action for Shift {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let all = self.balancers.ask().await?;
        let all: Vec<_> = all.iter().map(|(one, servers)| (one.name.as_str(), servers)).collect();
        let shares: Vec<_> =
            all.iter().map(|(name, servers)| (*name, self.share(servers))).collect();
        let shown: Vec<_> =
            shares.iter().map(|(name, share)| format!("{name} {share} %")).collect();
        let mut evidence = Evidence::new().text("share", shown.join(", "));
        if let Some((_, servers)) = all.first() {
            let one = |name: &String| Some(format!("{name} {}", servers.get(name)?.weight));
            let weights: Vec<_> = self.to.iter().chain(&self.from).filter_map(one).collect();
            evidence = evidence.text("weights", weights.join(", "));
        }
        let is_there = shares.iter().all(|(_, share)| *share == 100);
        // Weights alone serve nobody: who has all users must be well at the end, too.
        let hindered = all.iter().find_map(|(name, servers)| self.hindrance(name, servers));
        let answer = match hindered {
            Some(hindered) => hindered,
            None if is_there => Answer::AsDesired,
            None => Answer::Missing(self.ahead(&shares)),
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let unknown = || unknown_change(change);
        let (stage, balancer) = change.id.as_str().split_once(" % ").ok_or_else(unknown)?;
        let stage: u64 = stage.parse().ok().filter(|stage| *stage <= 100).ok_or_else(unknown)?;
        let balancer = self.balancers.get(balancer).ok_or_else(unknown)?;
        let backend = &self.balancers.backend;
        let one = |(name, weight)| format!("set server {backend}/{name} weight {weight}");
        let commands: Vec<_> = self.weights(stage).into_iter().map(one).collect();
        balancer.tell(&commands, permit).await?;
        Ok(Applied::Done { request_id: None })
    }
}

#[cfg(test)]
mod tests;
