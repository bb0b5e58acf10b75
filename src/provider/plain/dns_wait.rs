//! Waiting until every server of a zone answers as it should.
//!
//! Resolvers keep old answers for as long as their TTL says, so the moment when the last of them is gone is told as well.

use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Kind, Look, Observation,
        Parameter, Params, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, span},
    provider::dns::{ByServer, Resolver, Told},
    wire::NameServer,
};
use async_trait::async_trait;
use hickory_proto::rr::RecordType;
use std::{sync::Arc, time::Duration};

const LOOK_AGAIN: Duration = Duration::from_secs(5);

pub(crate) static DNS_WAIT: Kind = Kind {
    name: "dns.wait",
    summary: "Wait until every name server of a zone answers as it should",
    parameters: &[
        Parameter::required("name", Shape::Text, "The name that users know"),
        Parameter::optional("type", Shape::Choice(&["A", "AAAA", "CNAME", "TXT"]), "Of record")
            .or(Default::Text("A")),
        Parameter::optional("value", Shape::Text, "The one value that it must have"),
        Parameter::optional(
            "like",
            Shape::Text,
            "Another name, one of whose values it must have: a load balancer has several, and changes them",
        ),
        Parameter::optional("ttl", Shape::Duration, "How long resolvers may keep an answer"),
    ],
    observed: &["values", "ttl", "servers", "old_answers_until"],
    planes: &[],
    permissions: &[],
    // Route 53 takes up to 60 s to have a change on all of its servers (Route 53 API reference, GetChange).
    usual: Duration::from_mins(1),
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
    let wanted = match (params.optional_text("value"), params.optional_text("like")) {
        (Some(value), None) => Wanted::Value(value),
        (None, Some(name)) => Wanted::Like(name),
        _ => {
            let message = "`dns.wait` needs either `value` or `like`";
            return Err(Diagnostic::at(params.span("value"), message));
        }
    };
    let kind = params.text("type")?;
    Ok(Arc::new(Wait {
        resolver: Resolver(Arc::clone(&clients.dns)),
        name: params.text("name")?,
        kind: kind.parse().map_err(|_| {
            Diagnostic::at(params.span("type"), format!("there is no type of record `{kind}`"))
        })?,
        wanted,
        ttl: params.optional_duration("ttl"),
    }))
}

enum Wanted {
    Value(String),
    Like(String),
}

struct Wait {
    resolver: Resolver,
    name: String,
    kind: RecordType,
    wanted: Wanted,
    ttl: Option<Duration>,
}

impl Wait {
    /// The values of which one must be answered.
    async fn meant(&self) -> Result<Vec<String>, Trouble> {
        match &self.wanted {
            Wanted::Value(value) => Ok(vec![value.clone()]),
            Wanted::Like(name) => {
                let told = self.resolver.ask(NameServer::Machine, name, self.kind).await?;
                if told.values.is_empty() {
                    let why = format!("{name} has no {} records to compare with", self.kind);
                    return Err(Trouble::odd(why));
                }
                Ok(told.values)
            }
        }
    }

    /// What is wrong with the answers, server by server.
    fn wrong(&self, answers: &ByServer, meant: &[String]) -> Vec<String> {
        let is_meant = |value: &String| meant.iter().any(|one| same(one, value));
        let one = |(server, answer): &(String, Result<Told, Trouble>)| match answer {
            Err(trouble) => Some(trouble.why.clone()),
            Ok(told) if told.values.is_empty() => {
                Some(format!("{server} knows no {} record of {}", self.kind, self.name))
            }
            Ok(told) if !told.values.iter().any(is_meant) => {
                let values = told.values.join(", ");
                Some(format!("{server} still answers {values} for {}", self.name))
            }
            Ok(told) => {
                let (ttl, most) = (told.ttl?, self.ttl?);
                let ttl = Duration::from_secs(ttl.into());
                (ttl > most).then(|| {
                    let [ttl, most] = [ttl, most].map(span::show);
                    format!("{server} lets resolvers keep {} for {ttl}, not for {most}", self.name)
                })
            }
        };
        answers.iter().filter_map(one).collect()
    }
}

/// Names are compared without case, and with or without their last dot.
fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

#[async_trait]
impl Action for Wait {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let meant = self.meant().await?;
        let (_, servers) = self.resolver.zone_of(&self.name).await?;
        let answers = self.resolver.ask_each(&servers, &self.name, self.kind).await;
        let wrong = self.wrong(&answers, &meant);
        let told: Vec<_> = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).collect();
        let mut evidence = Evidence::new();
        if let Some(first) = told.first() {
            evidence.set("values", Datum::Text(first.values.join(", ")));
        }
        let ttl = told.iter().filter_map(|told| told.ttl).max();
        if let Some(ttl) = ttl {
            let ttl = Duration::from_secs(ttl.into());
            evidence.set("ttl", Datum::Seconds(ttl.as_secs_f64()));
            if wrong.is_empty() {
                evidence.set("old_answers_until", Datum::Instant(look.now + ttl));
            }
        }
        let good = answers.len() - wrong.len();
        evidence.set("servers", Datum::Text(format!("{good} of {}", answers.len())));
        let answer = match wrong.into_iter().next() {
            None => Answer::AsDesired,
            Some(why) => Answer::NotYet { why, look_again: LOOK_AGAIN },
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a wait changes nothing".to_owned(), request_id: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Node,
        provider::{dns::testing::Servers, testing::*},
    };

    async fn observe(dns: Servers, with: &[(&'static str, &str)]) -> Result<Observation, Trouble> {
        let clients = Clients { dns: Arc::new(dns), ..Script::new().clients() };
        let mut node = Node::map([("name", Node::text("www.example.com"))]);
        node.set("type", Node::text("A"));
        for (name, value) in with {
            node.set(name, Node::text(*value));
        }
        let wait = (DNS_WAIT.bind)(&Params::new(&node), &clients).unwrap();
        wait.observe(&look()).await
    }

    fn zone() -> Servers {
        Servers::default()
            .on("example.com.", RecordType::NS, &["ns-1.", "ns-2."])
            .on("www.example.com.", RecordType::A, &["192.0.2.2"])
            .on("west.example.net.", RecordType::A, &["192.0.2.2", "192.0.2.3"])
            .on("east.example.net.", RecordType::A, &["192.0.2.1"])
    }

    #[tokio::test]
    async fn every_server_must_give_one_of_the_values() {
        let seen = observe(zone(), &[("like", "west.example.net")]).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
        let until = look().now + Duration::from_mins(1);
        assert_eq!(seen.evidence.get("old_answers_until"), Some(&Datum::Instant(until)));
        let seen = observe(zone(), &[("value", "192.0.2.2")]).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn what_is_answered_instead_is_told() {
        let table = [
            (("like", "east.example.net"), "ns-1. still answers 192.0.2.2 for www.example.com"),
            (("value", "192.0.2.9"), "ns-1. still answers 192.0.2.2 for www.example.com"),
        ];
        for (with, expected) in table {
            let seen = observe(zone(), &[with]).await.unwrap();
            let Answer::NotYet { why, .. } = seen.answer else { panic!("{:?}", seen.answer) };
            assert_eq!(why, expected);
        }
        let with = [("value", "192.0.2.2"), ("ttl", "30s")];
        let seen = observe(zone(), &with).await.unwrap();
        let Answer::NotYet { why, .. } = seen.answer else { panic!("{:?}", seen.answer) };
        assert_eq!(why, "ns-1. lets resolvers keep www.example.com for 1 min, not for 30 s");
    }

    #[tokio::test]
    async fn a_name_to_compare_with_must_exist() {
        let trouble = observe(zone(), &[("like", "gone.example.net")]).await.unwrap_err();
        assert_eq!(trouble.why, "gone.example.net has no A records to compare with");
    }
}
