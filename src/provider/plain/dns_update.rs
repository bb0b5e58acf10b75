//! The records of a name, on name servers of one's own: one atomic update (RFC 2136) of what was read, and then every server
//! of the zone.
//!
//! Resolvers keep old answers for as long as their TTL says, and connections stand: names move last.

use super::tsig::{self, ALGORITHM, KEY, Key, SECRET};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look,
        Observation, Parameter, Params, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, span},
    provider::{
        dns::{Resolver, Told},
        own::{address, put_off, unread, unsent},
    },
    wire::{self, Intent, NameServer, Response},
};
use async_trait::async_trait;
use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode, UpdateMessage},
    rr::{DNSClass, Name, RData, Record, RecordType},
};
use std::{sync::Arc, time::Duration};

pub(crate) static DNS_UPDATE: Kind = Kind {
    name: "dns.update",
    summary: "Have a name lead somewhere else, on name servers of your own",
    parameters: &[
        Parameter::required("server", Shape::Text, "The primary name server, as HOST or HOST:PORT"),
        Parameter::required("zone", Shape::Text, "The zone that the name is in"),
        Parameter::required("name", Shape::Text, "The name"),
        Parameter::optional("a", Shape::Texts, "All its IPv4 addresses"),
        Parameter::optional("aaaa", Shape::Texts, "All its IPv6 addresses"),
        Parameter::optional(
            "cname",
            Shape::Text,
            "The name that it stands for, instead of addresses",
        ),
        Parameter::optional("ttl", Shape::Duration, "How long resolvers may keep an answer")
            .or(Default::Text("60s")),
        KEY,
        SECRET,
        ALGORITHM,
        Parameter::optional(
            "servers",
            Shape::Texts,
            "All servers that answer for the zone, each HOST or HOST:PORT; those that it is delegated to when left out",
        ),
    ],
    observed: &["values", "ttl", "servers", "old_answers_until"],
    planes: &[],
    permissions: &[],
    // BIND tells its secondaries within 5 s (`notify-delay`).
    usual: Duration::from_secs(10),
    // An update is answered when it is in the primary's journal (RFC 2136, 3.5).
    shows_within: Duration::from_secs(5),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const CHANGE: &str = "records";
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Resolvers that keep an answer for longer than this make a failover slow.
const LONG: Duration = Duration::from_mins(5);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let name = |parameter: &str| {
        let text = params.text(parameter)?;
        let name = Name::from_ascii(&text).map(|mut name| {
            name.set_fqdn(true);
            name
        });
        name.map_err(|_| Diagnostic::at(params.span(parameter), format!("`{text}` is no name")))
    };
    let (zone, owner) = (name("zone")?, name("name")?);
    if !zone.zone_of(&owner) {
        let message = format!("`{}` is not in the zone `{}`", shown(&owner), shown(&zone));
        return Err(Diagnostic::at(params.span("name"), message));
    }
    let server = params.text("server")?;
    address(&server, params.span("server"))?;
    let servers = params.optional_texts("servers");
    for one in servers.iter().flatten() {
        address(one, params.span("servers"))?;
    }
    let ttl = params.duration("ttl")?;
    let ttl = u32::try_from(ttl.as_secs()).ok().filter(|ttl| i32::try_from(*ttl).is_ok());
    Ok(Arc::new(Update {
        clients: clients.clone(),
        resolver: Resolver(Arc::clone(&clients.dns)),
        wanted: wanted(params)?,
        ttl: ttl.ok_or_else(|| Diagnostic::at(params.span("ttl"), "`ttl` is too long"))?,
        key: Key::of(params)?,
        server,
        servers,
        zone,
        called: shown(&owner),
        name: owner,
    }))
}

/// The records that are wanted: addresses, or another name.
fn wanted(params: &Params<'_>) -> Result<Vec<Wanted>, Diagnostic> {
    let given = [
        (RecordType::A, "a", params.optional_texts("a")),
        (RecordType::AAAA, "aaaa", params.optional_texts("aaaa")),
        (RecordType::CNAME, "cname", params.optional_text("cname").map(|one| vec![one])),
    ];
    let mut all = Vec::new();
    for (kind, parameter, values) in given {
        let Some(values) = values else { continue };
        let data = |value: &String| {
            let wrong = || {
                let message = format!("`{value}` is no {kind} record");
                Diagnostic::at(params.span(parameter), message)
            };
            // Whole, with or without the dot at its end.
            let whole = if kind == RecordType::CNAME { absolute(value) } else { value.clone() };
            RData::try_from_str(kind, &whole).map_err(|_| wrong())
        };
        let data = values.iter().map(data).collect::<Result<Vec<_>, _>>()?;
        all.push(Wanted { kind, data });
    }
    let is_name = all.iter().any(|one| one.kind == RecordType::CNAME);
    if all.is_empty() || (is_name && all.len() > 1) {
        let message = "`dns.update` needs `a`, `aaaa` or both, or else `cname`";
        return Err(Diagnostic::at(params.span("name"), message));
    }
    Ok(all)
}

/// As people write it.
fn shown(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

struct Update {
    clients: Clients,
    resolver: Resolver,
    server: String,
    servers: Option<Vec<String>>,
    zone: Name,
    name: Name,
    /// The name as people write it.
    called: String,
    wanted: Vec<Wanted>,
    ttl: u32,
    key: Key,
}

/// All records of one type.
struct Wanted {
    kind: RecordType,
    data: Vec<RData>,
}

impl Wanted {
    fn values(&self) -> Vec<String> {
        let mut values: Vec<_> = self.data.iter().map(ToString::to_string).collect();
        values.sort();
        values
    }

    fn is_met_by(&self, told: &Told, ttl: u32) -> bool {
        let same = |(one, other): (&String, &String)| one.eq_ignore_ascii_case(other);
        let values = self.values();
        told.ttl == Some(ttl)
            && told.values.len() == values.len()
            && told.values.iter().zip(&values).all(same)
    }
}

impl Update {
    async fn ask(&self, server: &str, kind: RecordType) -> Result<Told, Trouble> {
        let name = self.name.to_ascii();
        self.resolver.ask(NameServer::Named(server), &name, kind).await
    }

    async fn all_servers(&self) -> Result<Vec<String>, Trouble> {
        if let Some(servers) = &self.servers {
            return Ok(servers.clone());
        }
        let zone = self.zone.to_ascii();
        let servers = self.resolver.ask(NameServer::Machine, &zone, RecordType::NS).await?.values;
        if servers.is_empty() {
            let why = format!("{} is delegated to no name server", shown(&self.zone));
            return Err(Trouble::odd(why));
        }
        Ok(servers)
    }

    /// What the primary has of each type that is wanted, or why nothing may be sent.
    async fn now(&self) -> Result<Result<Vec<Told>, String>, Trouble> {
        let mut all = Vec::new();
        for wanted in &self.wanted {
            all.push(self.ask(&self.server, wanted.kind).await?);
        }
        // A name has either addresses or another name (RFC 1034, 3.6.2); a server ignores what would mix them.
        let is_name = self.wanted[0].kind == RecordType::CNAME;
        let others: &[_] =
            if is_name { &[RecordType::A, RecordType::AAAA] } else { &[RecordType::CNAME] };
        for kind in others {
            let told = self.ask(&self.server, *kind).await?;
            if !told.values.is_empty() {
                let (name, values) = (&self.called, told.values.join(", "));
                return Ok(Err(format!("{name} has {kind} {values}, and cannot have both")));
            }
        }
        Ok(Ok(all))
    }

    fn says(&self, now: &[Told]) -> String {
        let one = |(wanted, now): (&Wanted, &Told)| {
            let before = if now.values.is_empty() { "none".into() } else { now.values.join(", ") };
            format!("{} {before} → {}", wanted.kind, wanted.values().join(", "))
        };
        let all: Vec<_> = self.wanted.iter().zip(now).map(one).collect();
        let ttl = span::show(Duration::from_secs(self.ttl.into()));
        format!("{}: {}, kept for {ttl}", self.called, all.join("; "))
    }

    /// What each server of the zone still says that it should not.
    async fn stragglers(&self, servers: &[String]) -> Vec<String> {
        let mut late = Vec::new();
        for wanted in &self.wanted {
            let name = self.name.to_ascii();
            for (server, answer) in self.resolver.ask_each(servers, &name, wanted.kind).await {
                match answer {
                    Ok(told) if wanted.is_met_by(&told, self.ttl) => {}
                    Ok(told) if told.values.is_empty() => {
                        let called = &self.called;
                        late.push(format!(
                            "{server} has no {} record of {called} yet",
                            wanted.kind
                        ));
                    }
                    Ok(told) => {
                        let values = told.values.join(", ");
                        late.push(format!("{server} still answers {values} for {}", self.called));
                    }
                    Err(trouble) => late.push(trouble.why),
                }
            }
        }
        late
    }

    /// The update: what was read must still be there, and is replaced as a whole.
    fn message(&self, now: &[Told]) -> Result<Message, String> {
        let mut zone = Query::query(self.zone.clone(), RecordType::SOA);
        zone.set_query_class(DNSClass::IN);
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Update;
        message.metadata.recursion_desired = false;
        message.add_zone(zone);
        for (wanted, now) in self.wanted.iter().zip(now) {
            let empty = |class| {
                let mut record = Record::update0(self.name.clone(), 0, wanted.kind);
                record.dns_class = class;
                record
            };
            if now.values.is_empty() {
                message.add_pre_requisite(empty(DNSClass::NONE));
            }
            for value in &now.values {
                let data = RData::try_from_str(wanted.kind, value);
                let data = data.map_err(|error| format!("`{value}`: {error}"))?;
                message.add_pre_requisite(Record::from_rdata(self.name.clone(), 0, data));
            }
            message.add_update(empty(DNSClass::ANY));
            for data in &wanted.data {
                let record = Record::from_rdata(self.name.clone(), self.ttl, data.clone());
                message.add_update(record);
            }
        }
        Ok(message)
    }

    async fn send(&self, bytes: Vec<u8>, intent: Intent<'_>) -> Result<Response, wire::SendError> {
        let request = wire::message(&self.server, &self.called, bytes);
        let request = request.ok_or_else(|| wire::SendError::NotSent {
            host: self.server.clone(),
            why: "it is no address of a server".to_owned(),
        })?;
        self.clients.transport.send(request, intent).await
    }

    /// Whether the primary knows the key: a signed question, which changes nothing.
    async fn is_known(&self) -> Result<(), Trouble> {
        let mut question = Message::query();
        question.metadata.recursion_desired = false;
        question.add_query(Query::query(self.zone.clone(), RecordType::SOA));
        let (bytes, verifier) = self.key.sign(&self.clients, question).await?;
        let said = self.send(bytes, Intent::Probe).await.map_err(|error| unread(&error))?;
        let odd = |why: String| Trouble::denied(format!("{}: {why}", self.server));
        let answered = verifier.read(said.body()).map_err(odd)?;
        if answered.code == ResponseCode::NoError {
            Ok(())
        } else {
            Err(odd(tsig::says(&answered)))
        }
    }
}

#[async_trait]
impl Action for Update {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let now = match self.now().await? {
            Ok(now) => now,
            Err(why) => return Ok(Observation::new(Answer::Never { why }, Evidence::new())),
        };
        let values: Vec<_> = now.iter().flat_map(|told| told.values.iter().cloned()).collect();
        let mut evidence = Evidence::new().with("values", Datum::Text(values.join(", ")));
        let ttl = now.iter().filter_map(|told| told.ttl).max();
        let ttl = ttl.map(|ttl| Duration::from_secs(ttl.into()));
        if let Some(ttl) = ttl {
            evidence.set("ttl", Datum::Seconds(ttl.as_secs_f64()));
        }
        let mut pairs = self.wanted.iter().zip(&now);
        if !pairs.all(|(wanted, told)| wanted.is_met_by(told, self.ttl)) {
            let change = Change::harmless(CHANGE, Sign::Changes, self.says(&now));
            return Ok(Observation::new(Answer::Missing(vec![change]), evidence));
        }
        let servers = self.all_servers().await?;
        let late = self.stragglers(&servers).await;
        let count = servers.len();
        let answer = match late.into_iter().next() {
            None => {
                evidence.set("servers", Datum::Text(format!("{count} of {count}")));
                if let Some(ttl) = ttl {
                    evidence.set("old_answers_until", Datum::Instant(look.now + ttl));
                }
                Answer::AsDesired
            }
            Some(why) => Answer::NotYet { why, look_again: LOOK_AGAIN },
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let now = self.now().await.map_err(|trouble| put_off(&trouble))?.map_err(refused)?;
        let message = self.message(&now).map_err(refused)?;
        let signed = self.key.sign(&self.clients, message).await;
        let (bytes, verifier) = signed.map_err(|trouble| refused(trouble.why))?;
        let said =
            self.send(bytes, Intent::Change(permit)).await.map_err(|error| unsent(&error))?;
        let server = &self.server;
        let answered = verifier
            .read(said.body())
            .map_err(|why| Unapplied::InDoubt { why: format!("{server}: {why}"), wait: None })?;
        let why = format!("{server}: {}", tsig::says(&answered));
        match answered.code {
            ResponseCode::NoError => Ok(Applied::Done { request_id: None }),
            // What was read is not there any more, so nothing was changed (RFC 2136, 3.2).
            ResponseCode::NXRRSet
            | ResponseCode::YXRRSet
            | ResponseCode::NXDomain
            | ResponseCode::YXDomain => Err(Unapplied::Deferred {
                why: format!("{server}: somebody else has changed {} a moment ago", self.called),
                wait: LOOK_AGAIN,
            }),
            ResponseCode::ServFail => Err(Unapplied::InDoubt { why, wait: None }),
            _ => Err(refused(why)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(trouble) = self.is_known().await {
            findings.push(Finding::blocker(trouble.why));
        }
        // What cannot be read is told by the look itself.
        if let Ok(Ok(now)) = self.now().await {
            let longest = now.iter().filter_map(|told| told.ttl).max().unwrap_or_default();
            let longest = Duration::from_secs(longest.into());
            if longest > LONG {
                let (kept, name) = (span::show(longest), &self.called);
                findings.push(Finding::warning(format!(
                    "resolvers keep {name} for {kept}, so some users come late: lower its TTL that long before"
                )));
            }
        }
        let has = |kind| self.wanted.iter().any(|wanted| wanted.kind == kind);
        let pair =
            [(RecordType::A, RecordType::AAAA, "aaaa"), (RecordType::AAAA, RecordType::A, "a")];
        for (given, other, parameter) in pair {
            if !has(given) || has(other) {
                continue;
            }
            let told = self.ask(&self.server, other).await;
            if let Ok(told) = told.map(|told| told.values.join(", "))
                && !told.is_empty()
            {
                findings.push(Finding::warning(format!(
                    "{} has {other} {told} too, and some users go there: say `{parameter}` as well",
                    self.called
                )));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests;
