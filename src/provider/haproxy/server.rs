//! Whether one server of a backend gets users: ready, drained of them, or in maintenance.

use super::{
    BACKEND, BALANCERS,
    balancer::{Balancers, Server, word},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
    provider::unknown_change,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static SERVER: Kind = Kind {
    name: "haproxy.server",
    summary: "Have a server of a backend get users, finish with those that it has, or get none",
    parameters: &[
        BALANCERS,
        BACKEND,
        Parameter::required("server", Shape::Text, "The server, as the backend names it"),
        Parameter::required(
            "state",
            Shape::Choice(&["ready", "drain", "maint"]),
            "ready: it gets users; drain: no new ones; maint: none at all, and no checks",
        ),
        Parameter::optional(
            "sessions",
            Shape::Int { least: 0, most: 1_000_000 },
            "How many sessions it may have left when it is drained, at each balancer; when left out, nobody is waited for",
        ),
    ],
    observed: &["state", "sessions", "balancers"],
    planes: &[],
    permissions: &["stats socket … level admin"],
    usual: Duration::from_secs(5),
    // What was told is shown at once.
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const LOOK_AGAIN: Duration = Duration::from_secs(2);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let state = match params.text("state")?.as_str() {
        "ready" => State::Ready,
        "drain" => State::Drain,
        _ => State::Maint,
    };
    Ok(Arc::new(One {
        balancers: Balancers::of(params, clients)?,
        server: word(params, "server")?,
        state,
        sessions: params.optional_int("sessions").and_then(|most| u64::try_from(most).ok()),
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Drain,
    Maint,
}

impl State {
    fn of(server: &Server) -> Self {
        if server.is_in_maintenance() {
            Self::Maint
        } else if server.is_draining() {
            Self::Drain
        } else {
            Self::Ready
        }
    }

    /// As the runtime API says it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

struct One {
    balancers: Balancers,
    server: String,
    state: State,
    sessions: Option<u64>,
}

impl One {
    fn called(&self) -> String {
        format!("{}/{}", self.balancers.backend, self.server)
    }

    /// What is not there yet at a balancer that was told.
    fn waits(&self, balancer: &str, server: &Server) -> Option<String> {
        let (name, wanted) = (self.called(), self.sessions.unwrap_or(u64::MAX));
        match self.state {
            State::Ready if !server.is_well() => {
                Some(format!("{balancer}: `{name}` is {}", server.says()))
            }
            State::Drain | State::Maint if server.sessions > wanted => {
                Some(format!("{balancer}: `{name}` still has {} sessions", server.sessions))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Action for One {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let all = self.balancers.ask().await?;
        let (mut changes, mut waits, mut states) = (Vec::new(), Vec::new(), Vec::new());
        let mut sessions = 0;
        for (balancer, servers) in &all {
            let (name, called) = (&balancer.name, self.called());
            let Some(server) = servers.get(&self.server) else {
                let why = format!("{name} has no server `{called}`");
                return Ok(Observation::new(Answer::Never { why }, Evidence::new()));
            };
            let now = State::of(server);
            sessions += server.sessions;
            states.push(now.as_str());
            if now != self.state {
                let says =
                    format!("{called} at {name}: {} → {}", now.as_str(), self.state.as_str());
                changes.push(Change::harmless(name.clone(), Sign::Changes, says));
            }
            waits.extend(self.waits(name, server));
        }
        states.dedup();
        let count = |number: u64| Datum::Count(i64::try_from(number).unwrap_or(i64::MAX));
        let evidence = Evidence::new()
            .text("state", states.join(", "))
            .with("sessions", count(sessions))
            .with("balancers", count(self.balancers.count() as u64));
        let answer = if !changes.is_empty() {
            Answer::Missing(changes)
        } else if let Some(why) = waits.into_iter().next() {
            Answer::NotYet { why, look_again: LOOK_AGAIN }
        } else {
            Answer::AsDesired
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let balancer = self.balancers.get(change.id.as_str());
        let balancer = balancer.ok_or_else(|| unknown_change(change))?;
        let command = format!("set server {} state {}", self.called(), self.state.as_str());
        balancer.tell(&[command], permit).await?;
        Ok(Applied::Done { request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        if self.state == State::Ready {
            return Vec::new();
        }
        // What cannot be read is told by the look itself.
        let all = self.balancers.ask().await.unwrap_or_default();
        let alone = all.iter().filter(|(_, servers)| {
            !servers
                .iter()
                .any(|(name, server)| *name != self.server && server.is_well() && server.weight > 0)
        });
        let says = |name: &str| {
            Finding::warning(format!(
                "at {name}, no other server of `{}` is well and has a weight: without `{}` users get errors",
                self.balancers.backend, self.server
            ))
        };
        alone.map(|(balancer, _)| says(&balancer.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Node, Value},
        provider::{
            haproxy::balancer::tests::said,
            testing::{Script, apply_first, look, missing, ok},
        },
    };

    const ASKED: &str = "GET haproxy://lb";
    const TOLD: &str = "POST haproxy://lb";

    fn one(script: &Arc<Script>, state: &str, sessions: Option<i64>) -> Arc<dyn Action> {
        let lbs = ["lb-1:9999", "lb-2:9999"].map(Node::text).to_vec();
        let mut with = Node::map([
            ("balancers", Node::made(Value::List(lbs))),
            ("backend", Node::text("web")),
            ("server", Node::text("east")),
            ("state", Node::text(state)),
        ]);
        if let Some(sessions) = sessions {
            with.set("sessions", Node::made(Value::Int(sessions)));
        }
        (SERVER.bind)(&Params::new(&with), &script.clients()).unwrap()
    }

    #[tokio::test]
    async fn every_balancer_is_told() {
        let up = said(&[("east", "UP", 0, 100, 3), ("west", "UP", 0, 100, 0)]);
        let script = Script::new().on(ASKED, ok(&up)).on(TOLD, ok("\n"));
        let action = one(&script, "drain", None);
        let answer = action.observe(&look()).await.unwrap().answer;
        assert_eq!(missing(&answer), ["lb-1:9999", "lb-2:9999"]);
        apply_first(&action).await.unwrap();
        assert_eq!(script.changes(), ["POST / set server web/east state drain"]);
    }

    #[tokio::test]
    async fn what_is_drained_may_have_to_be_empty() {
        let drained = said(&[("east", "DRAIN", 8, 100, 3), ("west", "UP", 0, 100, 0)]);
        let script = Script::new().on(ASKED, ok(&drained));
        let of =
            async |sessions| one(&script, "drain", sessions).observe(&look()).await.unwrap().answer;
        assert_eq!(of(None).await, Answer::AsDesired);
        assert_eq!(of(Some(3)).await, Answer::AsDesired);
        let answer = of(Some(0)).await;
        let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(why, "lb-1:9999: `web/east` still has 3 sessions");
    }

    #[tokio::test]
    async fn what_is_ready_must_be_well() {
        for (status, expected) in [("UP", true), ("no check", true), ("DOWN 1/2", false)] {
            let text = said(&[("east", status, 0, 100, 0)]);
            let script = Script::new().on(ASKED, ok(&text));
            let answer = one(&script, "ready", None).observe(&look()).await.unwrap().answer;
            assert_eq!(answer == Answer::AsDesired, expected, "{status}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_no_in_words_is_a_no() {
        let up = said(&[("east", "UP", 0, 100, 3)]);
        let script = Script::new().on(ASKED, ok(&up)).on(TOLD, ok("No such server.\n\n"));
        let refused = apply_first(&one(&script, "maint", None)).await.unwrap_err();
        let why = "lb-1:9999: No such server.".to_owned();
        assert_eq!(refused, Unapplied::Refused { why, request_id: None });
        let script = Script::new().on(ASKED, ok("Permission denied\n\n"));
        let trouble = one(&script, "maint", None).observe(&look()).await.unwrap_err();
        assert_eq!(trouble, Trouble::denied("lb-1:9999: Permission denied"));
    }

    #[tokio::test]
    async fn the_last_server_is_not_taken_away_unsaid() {
        for (others, expected) in [
            (&[("west", "UP", 0, 100, 0)][..], 0),
            (&[("west", "DOWN", 0, 100, 0)], 2),
            (&[("west", "UP", 0, 0, 0)], 2),
        ] {
            let servers = [&[("east", "UP", 0, 100, 3)], others].concat();
            let script = Script::new().on(ASKED, ok(&said(&servers)));
            assert_eq!(one(&script, "drain", None).examine().await.len(), expected, "{others:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let script = Script::new().on(ASKED, ok(&said(&[("west", "UP", 0, 100, 0)])));
        let answer = one(&script, "drain", None).observe(&look()).await.unwrap().answer;
        assert_eq!(answer, Answer::Never { why: "lb-1:9999 has no server `web/east`".to_owned() });
    }
}
