//! The name servers of the simulated clouds, and the resolver of whoever asks.
//!
//! Sources: RFC 1034, 4.3.2, for what a server answers; "How Route 53 routes traffic", developer guide.

use super::{
    aws::{
        endpoint::{addresses, region_of},
        route53::{Answer, RecordSet, SLOWEST, Zone, answers::Server, canonical, host, parent},
    },
    cloud::Cloud,
    names::OwnZone,
    simulated::Simulated,
};
use crate::wire::{Dns, NameServer, SendError};
use async_trait::async_trait;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata},
};
use std::time::Duration;

/// How long a name server takes.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);
const LONGEST_CHAIN: usize = 8;
/// How long the addresses of the vendor's own names may be kept.
const ADDRESS_TTL: u32 = 60;

/// What is said to a question.
#[derive(Default)]
struct Told {
    code: Option<ResponseCode>,
    is_authoritative: bool,
    answers: Vec<Record>,
    authorities: Vec<Record>,
}

impl Told {
    fn refused() -> Self {
        Self { code: Some(ResponseCode::Refused), ..Self::default() }
    }

    fn of_own(answers: Vec<Record>) -> Self {
        Self { is_authoritative: true, answers, ..Self::default() }
    }

    fn nothing() -> Self {
        Self { code: Some(ResponseCode::NXDomain), ..Self::default() }
    }
}

impl Cloud {
    /// What a name server answers to a message; nothing when there is no such server, or the message is none.
    pub(super) fn ask_name_server(
        &self,
        server: NameServer<'_>,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        reply(message, |name, kind| match server {
            NameServer::Machine => Some(self.look_up(name, kind)),
            NameServer::Named(said) => self.ask_named(host(said), name, kind),
        })
    }

    /// The same for a server that stands in for all of them: who wants no recursion asks the servers of the zone.
    pub(super) fn ask_any(&self, message: &[u8]) -> Option<Vec<u8>> {
        let wants_recursion = Message::from_vec(message).ok()?.metadata.recursion_desired;
        reply(message, |name, kind| {
            if wants_recursion {
                return Some(self.look_up(name, kind));
            }
            if let Some(zone) = self.own_zone(name) {
                return Some(Told::of_own(zone.find(None, (name, kind), self.now())));
            }
            // What the slowest of them knows, all know.
            let zone = self.zone_of(name);
            Some(
                zone.map_or_else(Told::refused, |zone| self.server(zone, SLOWEST).tell(name, kind)),
            )
        })
    }

    fn server<'a>(&'a self, zone: &'a Zone, number: usize) -> Server<'a> {
        Server { cloud: self, zone, number }
    }

    /// The zone on servers of one's own that a name is in.
    fn own_zone(&self, name: &str) -> Option<&OwnZone> {
        self.own_zones.iter().find(|zone| zone.holds(name))
    }

    fn ask_named(&self, server: &str, name: &str, kind: RecordType) -> Option<Told> {
        let mut own = self.own_zones.iter().filter(|zone| zone.is_served_by(server)).peekable();
        if own.peek().is_some() {
            let found = own
                .find(|zone| zone.holds(name))
                .map(|zone| Told::of_own(zone.find(Some(server), (name, kind), self.now())));
            return Some(found.unwrap_or_else(Told::refused));
        }
        let of_its_own = self.zones().iter().filter_map(|zone| {
            let number =
                zone.servers.iter().position(|one| host(one).eq_ignore_ascii_case(server))?;
            Some((zone, number))
        });
        let own: Vec<_> = of_its_own.collect();
        let nearest = self.zone_of(name).map(|zone| &zone.id);
        if let Some((zone, number)) = own.iter().find(|(zone, _)| Some(&zone.id) == nearest) {
            return Some(self.server(zone, *number).tell(name, kind));
        }
        // Servers that others run have nothing of ours.
        let mut others =
            self.zones().iter().filter_map(|zone| zone.delegated_to.as_ref()).flatten();
        let is_there = !own.is_empty() || others.any(|one| host(one).eq_ignore_ascii_case(server));
        is_there.then(Told::refused)
    }

    /// What a resolver finds out, which begins at the root and follows every delegation.
    fn look_up(&self, name: &str, kind: RecordType) -> Told {
        let mut told = Told::default();
        let mut name = name.to_owned();
        for _ in 0..LONGEST_CHAIN {
            let step = self.find(&name, kind);
            told.code = step.code;
            let next = other_name(&step.answers).filter(|_| kind != RecordType::CNAME);
            told.answers.extend(step.answers);
            match next {
                Some(next) => name = next,
                None => break,
            }
        }
        told
    }

    fn find(&self, name: &str, kind: RecordType) -> Told {
        if let Some(zone) = self.own_zone(name) {
            let told = Told::of_own(zone.find(None, (name, kind), self.now()));
            return Told { is_authoritative: false, ..told };
        }
        let Some(zone) = self.zone_of(name) else { return vendors(self, name, kind) };
        let Some(elsewhere) = &zone.delegated_to else {
            return Told { is_authoritative: false, ..self.server(zone, 0).tell(name, kind) };
        };
        if name != zone.name || kind != RecordType::NS {
            return Told::nothing();
        }
        let record =
            |server: &String| record(name, 172_800, RecordType::NS, &format!("{}.", host(server)));
        Told { answers: elsewhere.iter().filter_map(record).collect(), ..Told::default() }
    }
}

/// The answer to a message, with what is told to its question.
fn reply(message: &[u8], tell: impl FnOnce(&str, RecordType) -> Option<Told>) -> Option<Vec<u8>> {
    let message = Message::from_vec(message).ok()?;
    let question = message.queries.first()?;
    let told = tell(&canonical(&question.name().to_ascii()), question.query_type())?;
    let mut answer = Message::response(message.metadata.id, message.metadata.op_code);
    answer.metadata.recursion_desired = message.metadata.recursion_desired;
    answer.metadata.recursion_available = message.metadata.recursion_desired;
    answer.metadata.authoritative = told.is_authoritative;
    answer.metadata.response_code = told.code.unwrap_or(ResponseCode::NoError);
    answer.add_query(question.clone());
    answer.add_answers(told.answers);
    answer.add_authorities(told.authorities);
    answer.to_vec().ok()
}

/// The names that AWS itself serves.
fn vendors(cloud: &Cloud, name: &str, kind: RecordType) -> Told {
    let host = host(name);
    let is_server = || cloud.zones().iter().any(|zone| zone.servers.iter().any(|one| one == host));
    if region_of(cloud, host).is_none() && !is_server() {
        return Told::nothing();
    }
    let answers =
        if kind == RecordType::A { address_records(name, host, ADDRESS_TTL) } else { Vec::new() };
    Told { answers, ..Told::default() }
}

fn address_records(name: &str, host: &str, ttl: u32) -> Vec<Record> {
    let Ok(owner) = Name::from_ascii(name) else { return Vec::new() };
    let record = |address| Record::from_rdata(owner.clone(), ttl, RData::A(rdata::A(address)));
    addresses(host).into_iter().map(record).collect()
}

fn record(name: &str, ttl: u32, kind: RecordType, value: &str) -> Option<Record> {
    let owner = Name::from_ascii(name).ok()?;
    let mut data = RData::try_from_str(kind, value).ok()?;
    // Names in values are whole, with or without the dot at their end.
    match &mut data {
        RData::CNAME(rdata::CNAME(name)) | RData::NS(rdata::NS(name)) => name.set_fqdn(true),
        _ => {}
    }
    Some(Record::from_rdata(owner, ttl, data))
}

/// The name that answers for another one.
fn other_name(answers: &[Record]) -> Option<String> {
    match &answers.last()?.data {
        RData::CNAME(target) => Some(canonical(&target.to_ascii())),
        _ => None,
    }
}

impl Server<'_> {
    /// What it answers, which is final for its zone.
    fn tell(&self, name: &str, kind: RecordType) -> Told {
        if let Some(delegation) = self.delegation(name) {
            return Told { authorities: delegation, ..Told::default() };
        }
        let mut answers = self.records_of(name, kind, 0);
        let mut told = Told { is_authoritative: true, ..Told::default() };
        if answers.is_empty() && kind != RecordType::CNAME {
            answers = self.records_of(name, RecordType::CNAME, 0);
            // Within its zone it follows the other name at once.
            if let Some(target) = other_name(&answers) {
                answers.extend(self.records_of(&target, kind, 0));
            }
        }
        if answers.is_empty() {
            told.authorities = self.records_of(&self.zone.name, RecordType::SOA, 0);
            told.code = (!self.knows(name)).then_some(ResponseCode::NXDomain);
        }
        told.answers = answers;
        told
    }

    /// The servers that it sends to for a name below a cut of its zone.
    fn delegation(&self, name: &str) -> Option<Vec<Record>> {
        let mut above = Some(name);
        while let Some(cut) = above.filter(|cut| *cut != self.zone.name) {
            let found = self.records_of(cut, RecordType::NS, 0);
            if !found.is_empty() {
                return Some(found);
            }
            above = parent(cut);
        }
        None
    }

    fn records_of(&self, name: &str, kind: RecordType, depth: usize) -> Vec<Record> {
        let Some(set) = self.pick(name, kind) else { return Vec::new() };
        match &set.answer {
            Answer::Values { ttl, values } => {
                let values = values.iter().filter_map(|value| record(name, *ttl, kind, value));
                values.collect()
            }
            Answer::Alias { zone, target, .. } if *zone == self.zone.id => {
                if depth == LONGEST_CHAIN {
                    return Vec::new();
                }
                let owner = Name::from_ascii(name).ok();
                let renamed = |mut record: Record| {
                    record.name = owner.clone()?;
                    Some(record)
                };
                let found = self.records_of(target, kind, depth + 1);
                found.into_iter().filter_map(renamed).collect()
            }
            Answer::Alias { target, .. } if kind == RecordType::A => {
                address_records(name, host(target), set.ttl())
            }
            Answer::Alias { .. } => Vec::new(),
        }
    }

    /// One of the sets that share a name, by their shares: another one at another instant or from another server.
    fn pick(&self, name: &str, kind: RecordType) -> Option<&RecordSet> {
        let chosen = self.choose(name, &kind.to_string());
        let mut point = self.lot(name);
        let picked = chosen.iter().find(|(_, share)| {
            point -= share;
            point < 0.0
        });
        picked.or(chosen.last()).map(|(set, _)| *set)
    }
}

#[async_trait]
impl Dns for Simulated {
    async fn ask(&self, server: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let answer = self.with_world(|world| world.cloud().ask_name_server(server, message));
        self.sleep(ANSWERS_AFTER).await;
        let host = match server {
            NameServer::Named(name) => name.to_owned(),
            NameServer::Machine => "the resolver".to_owned(),
        };
        answer.ok_or(SendError::NotSent { host, why: "the name does not exist".to_owned() })
    }
}
