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
    rr::{Name, RecordType},
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
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            code => return Err(odd(&format!("answered {code}"))),
        }
        let fits = answer.answers.iter().filter(|record| record.record_type() == kind);
        let mut values: Vec<_> = fits.clone().map(|record| record.data.to_string()).collect();
        values.sort();
        Ok(Told { values, ttl: fits.map(|record| record.ttl).min() })
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

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::wire::SendError;
    use async_trait::async_trait;
    use hickory_proto::{
        op::{MessageType, OpCode},
        rr::{RData, Record},
    };

    /// Servers that all say the same.
    #[derive(Default)]
    pub(crate) struct Servers(Vec<(String, RecordType, Vec<String>)>);

    impl Servers {
        pub(crate) fn on(mut self, name: &str, kind: RecordType, values: &[&str]) -> Self {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            self.0.push((name.to_owned(), kind, values));
            self
        }
    }

    #[async_trait]
    impl Dns for Servers {
        async fn ask(&self, _: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
            let question = Message::from_vec(message).unwrap();
            let query = question.queries[0].clone();
            let mut answer =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            answer.add_query(query.clone());
            let name = query.name().to_string();
            let fits = |row: &&(String, RecordType, Vec<String>)| {
                row.0 == name && row.1 == query.query_type()
            };
            for value in self.0.iter().filter(fits).flat_map(|(_, _, values)| values) {
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
}
