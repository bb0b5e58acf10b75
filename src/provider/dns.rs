//! What name servers say, one by one.
//!
//! Resolvers keep answers, and a secondary may lag behind: only the servers that a zone is delegated to, each asked by
//! itself, prove what the next user will be told.

use crate::{
    action::Trouble,
    wire::{Dns, NameServer},
};
use futures_util::future::join_all;
use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, Record, RecordType},
};
use std::sync::Arc;

/// What one server answered: no records when it says that there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// As zone files write them, in order.
    pub values: Vec<String>,
    /// The shortest time, in seconds, that a resolver may keep one of them.
    pub ttl: Option<u32>,
}

/// What each server that a zone is delegated to said.
pub(crate) type ByServer = Vec<(String, Result<Told, Trouble>)>;

/// Asks name servers.
#[derive(Clone)]
pub(crate) struct Resolver(pub Arc<dyn Dns>);

impl Resolver {
    /// Asks one server for the records of a name. A name that does not exist has none.
    pub(crate) async fn ask(
        &self,
        server: NameServer<'_>,
        name: &str,
        kind: RecordType,
    ) -> Result<Told, Trouble> {
        let answer = self.message(server, name, kind).await?;
        Ok(told(answer.answers.iter().filter(|record| record.record_type() == kind)))
    }

    async fn message(
        &self,
        server: NameServer<'_>,
        name: &str,
        kind: RecordType,
    ) -> Result<Message, Trouble> {
        let odd = |why: &str| Trouble::odd(format!("the question for {name} {kind}: {why}"));
        let owner = Name::from_ascii(name).map_err(|error| odd(&error.to_string()))?;
        let mut question = Message::query();
        question.add_query(Query::query(owner, kind));
        // The resolver of the machine must look further than what it serves itself.
        question.metadata.recursion_desired = server == NameServer::Machine;
        let bytes = question.to_vec().map_err(|error| odd(&error.to_string()))?;
        let answer = self.0.ask(server, &bytes).await;
        let answer = answer.map_err(|error| Trouble::unreachable(error.to_string()))?;
        let answer = Message::from_vec(&answer).map_err(|error| odd(&error.to_string()))?;
        match answer.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer),
            code => Err(odd(&format!("answered {code}"))),
        }
    }

    /// The servers of the zone that holds a name, and the zone's own name: the nearest name above it that is delegated.
    pub(crate) async fn zone_of(&self, name: &str) -> Result<(String, Vec<String>), Trouble> {
        let mut zone = name.trim_end_matches('.');
        loop {
            let told = self.ask(NameServer::Machine, &format!("{zone}."), RecordType::NS).await?;
            if !told.values.is_empty() {
                return Ok((format!("{zone}."), told.values));
            }
            zone = match zone.split_once('.') {
                Some((_, parent)) if parent.contains('.') => parent,
                _ => {
                    let why = format!(
                        "no name server is found for {name}: it is in no zone that is delegated"
                    );
                    return Err(Trouble::odd(why));
                }
            };
        }
    }

    /// The servers that the zone above delegates a zone to, by its own word, and that zone's name. A server of the zone
    /// above says so in its answer when it holds both zones, and else beside it (RFC 1034, 4.3.2).
    pub(crate) async fn delegation(&self, zone: &str) -> Result<(String, Vec<String>), Trouble> {
        let above = zone.split_once('.').map(|(_, above)| above).unwrap_or_default();
        let (above, servers) = self.zone_of(above).await?;
        let mut last = Trouble::odd(format!("{above} has no name server"));
        for server in &servers {
            match self.message(NameServer::Named(server), zone, RecordType::NS).await {
                Ok(message) => {
                    let all = message.answers.iter().chain(&message.authorities);
                    let is_meant = |record: &&Record| {
                        let owner = record.name.to_ascii();
                        record.record_type() == RecordType::NS && owner.eq_ignore_ascii_case(zone)
                    };
                    return Ok((above, told(all.filter(is_meant)).values));
                }
                Err(trouble) => last = trouble,
            }
        }
        Err(last)
    }

    /// Asks each of these servers, all at once.
    pub(crate) async fn ask_each(
        &self,
        servers: &[String],
        name: &str,
        kind: RecordType,
    ) -> ByServer {
        let asked = servers.iter().map(async |server| {
            (server.clone(), self.ask(NameServer::Named(server), name, kind).await)
        });
        join_all(asked).await
    }
}

fn told<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Told {
    let mut values: Vec<_> = records.clone().map(|record| record.data.to_string()).collect();
    values.sort();
    Told { values, ttl: records.map(|record| record.ttl).min() }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::wire::SendError;
    use async_trait::async_trait;
    use hickory_proto::{
        op::{MessageType, OpCode},
        rr::RData,
    };

    /// What one server says to one question; all of them, when none is named.
    struct Row {
        server: Option<String>,
        name: String,
        kind: RecordType,
        values: Vec<String>,
    }

    /// Servers that know what they were told. One that was told nothing is silent.
    #[derive(Default)]
    pub(crate) struct Servers(Vec<Row>);

    impl Servers {
        pub(crate) fn on(self, name: &str, kind: RecordType, values: &[&str]) -> Self {
            self.tell(None, name, kind, values)
        }

        /// Only this server says so; the resolver of the machine is called `machine`.
        pub(crate) fn at(
            self,
            server: &str,
            name: &str,
            kind: RecordType,
            values: &[&str],
        ) -> Self {
            self.tell(Some(server.to_owned()), name, kind, values)
        }

        fn tell(
            mut self,
            server: Option<String>,
            name: &str,
            kind: RecordType,
            values: &[&str],
        ) -> Self {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            self.0.push(Row { server, name: name.to_owned(), kind, values });
            self
        }
    }

    #[async_trait]
    impl Dns for Servers {
        async fn ask(&self, server: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
            let server = match server {
                NameServer::Named(name) => name.trim_end_matches('.'),
                NameServer::Machine => "machine",
            };
            let is_its = |row: &&Row| row.server.as_deref().is_none_or(|its| its == server);
            let rows: Vec<_> = self.0.iter().filter(is_its).collect();
            if rows.is_empty() {
                let why = "silence".to_owned();
                return Err(SendError::Unanswered { host: server.to_owned(), why });
            }
            let question = Message::from_vec(message).unwrap();
            let query = question.queries[0].clone();
            let mut answer =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            answer.add_query(query.clone());
            let name = query.name().to_string();
            let fits = |row: &&&Row| row.name == name && row.kind == query.query_type();
            for value in rows.iter().filter(fits).flat_map(|row| &row.values) {
                let data = RData::try_from_str(query.query_type(), value).unwrap();
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
            Ok(answer.to_vec().unwrap())
        }
    }

    #[tokio::test]
    async fn a_zone_is_the_nearest_name_above_that_is_delegated() {
        let servers = Servers::default().on("example.com.", RecordType::NS, &["ns-1.", "ns-2."]);
        let resolver = Resolver(Arc::new(servers));
        let zone = resolver.zone_of("www.shop.example.com").await.unwrap();
        assert_eq!(zone, ("example.com.".to_owned(), vec!["ns-1.".to_owned(), "ns-2.".to_owned()]));
        let trouble = resolver.zone_of("www.example.org").await.unwrap_err();
        assert!(
            trouble.why.starts_with("no name server is found for www.example.org"),
            "{trouble}"
        );
    }
    /// A server that knows who else does.
    struct Above;

    #[async_trait]
    impl Dns for Above {
        async fn ask(&self, _: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
            let question = Message::from_vec(message).unwrap();
            let query = question.queries[0].clone();
            let mut answer =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            let value = RData::try_from_str(RecordType::NS, "ns-1.example.net.").unwrap();
            let record = Record::from_rdata(query.name().clone(), 60, value);
            if query.name().num_labels() == 1 {
                answer.add_answer(record);
            } else {
                answer.add_authority(record);
            }
            Ok(answer.to_vec().unwrap())
        }
    }

    #[tokio::test]
    async fn a_delegation_stands_beside_the_answer_of_the_zone_above() {
        let resolver = Resolver(Arc::new(Above));
        let told = resolver.delegation("example.com.").await.unwrap();
        assert_eq!(told, ("com.".to_owned(), vec!["ns-1.example.net.".to_owned()]));
    }
}
