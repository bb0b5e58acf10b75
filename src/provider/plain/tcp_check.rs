//! Whether a port takes connections, several times in a row. It says nothing there, and waits for nothing to be said.

use super::streak::{ANSWERS, Asked, EVERY, Streak};
use crate::{
    action::{
        Action, Applied, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params,
        Placed, Plane, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Diagnostic, Evidence},
    provider::own::address,
    wire::{Intent, SendError, knock},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static TCP_CHECK: Kind = Kind {
    name: "tcp.check",
    summary: "Wait until a port takes connections, several times in a row",
    parameters: &[
        Parameter::required(
            "server",
            Shape::Resource { kind: "TCP::Port", placed: Placed::InARegion, made: false },
            "The port, as HOST:PORT",
        ),
        ANSWERS,
        EVERY,
    ],
    observed: &["good"],
    planes: &[Plane::Data("server")],
    permissions: &[],
    // Three connections, five seconds apart, when all is well.
    usual: Duration::from_secs(10),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    // A server that was started cold may take minutes.
    deadline: Duration::from_mins(15),
    effect: Effect::Reads,
    // Who takes a connection may serve nobody.
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = params.resource("server")?.name;
    let span = params.span("server");
    address(&place, span)?;
    if knock(&place).is_none() {
        let message = format!("`{place}` names no port");
        return Err(Diagnostic::at(span, message).hint("a port is named `HOST:PORT`"));
    }
    let streak = Streak::of(params, &clients.clock)?;
    Ok(Arc::new(Check { port: Port { clients: clients.clone(), place }, streak }))
}

struct Check {
    port: Port,
    streak: Streak,
}

struct Port {
    clients: Clients,
    place: String,
}

#[async_trait]
impl Action for Check {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        Ok(self.streak.see(&self.port).await)
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a check changes nothing".to_owned(), request_id: None })
    }
}

#[async_trait]
impl Asked for Port {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn ask(&self, _: &mut Evidence) -> Result<(), String> {
        let request = knock(&self.place).ok_or("it names no port")?;
        let answer = self.clients.transport.send(request, Intent::Probe).await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            // What stands between says so: a cloud that is served at one port reaches no other.
            Ok(answer) => Err(format!("could not be reached: {}", answer.status())),
            Err(SendError::NotSent { why, .. }) => Err(format!("takes no connections: {why}")),
            Err(other) => Err(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::Answer,
        model::{Clock, Node, Owner, Resource, Value},
        provider::testing::{Script, answer, look, node, resource},
        wire::{Network, Transport},
    };
    use tokio::net::TcpListener;

    fn check(place: &str) -> Result<Arc<dyn Action>, Diagnostic> {
        check_over(Arc::new(Network::new(Clock::real())), place)
    }

    fn check_over(
        transport: Arc<dyn Transport>,
        place: &str,
    ) -> Result<Arc<dyn Action>, Diagnostic> {
        let port = Resource { owner: Owner::Own, ..resource("TCP::Port", place, Some("east")) };
        let with = Node::map([
            ("server", node(&port)),
            ("answers", Node::made(Value::Int(2))),
            ("every", Node::text("1ms")),
        ]);
        let clients = Clients { transport, ..Script::new().clients() };
        (TCP_CHECK.bind)(&Params::new(&with), &clients)
    }

    #[tokio::test]
    async fn a_port_that_takes_connections_is_good_and_one_that_takes_none_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let check = check(&place).unwrap();
        assert_eq!(check.observe(&look()).await.unwrap().answer, Answer::AsDesired);
        for _ in 0..2 {
            listener.accept().await.unwrap();
        }
        drop(listener);
        let answer = check.observe(&look()).await.unwrap().answer;
        let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
        let expected = format!("{place}: takes no connections: Connection refused");
        assert!(why.starts_with(&expected), "{why}");
    }

    #[tokio::test]
    async fn an_answer_of_something_else_is_no_connection() {
        let script = Script::new().on("GET tcp://db.example.com:5432", answer(502, &[], ""));
        let check = check_over(script, "db.example.com:5432").unwrap();
        let answer = check.observe(&look()).await.unwrap().answer;
        let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(why, "db.example.com:5432: could not be reached: 502 Bad Gateway");
    }

    #[test]
    fn a_place_without_a_port_is_refused() {
        for (place, expected) in [
            ("db.example.com", "`db.example.com` names no port"),
            ("db example:80", "`db example:80` is no address of a server"),
            (":80", "`:80` names no port"),
        ] {
            let diagnostic = check(place).err().unwrap();
            assert_eq!(diagnostic.message, expected);
        }
    }
}
