//! Name servers of one's own: a primary that takes signed updates, and secondaries that follow it.
//!
//! Sources: RFC 2136, sections 2 and 3; RFC 8945, 5.2 and 5.3. Every key is the one secret of the simulated world.

use super::{
    aws::route53::canonical,
    call::{Call, Reply},
    cloud::Cloud,
    line::{Door, Opened},
    reached::Reached,
    seed::{Seed, texts_in},
    simulated::Simulated,
};
use crate::{
    model::Node,
    plan::Step,
    wire::{self, Request},
};
use hickory_proto::{
    op::{Message, OpCode, ResponseCode, UpdateMessage},
    rr::{
        DNSClass, Name, RData, Record, RecordType, TSigResponseContext, TSigner,
        rdata::tsig::{TSIG, TsigError},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const SCHEME: &str = "dns";
const PORT: u16 = 53;
const TAKES: Duration = Duration::from_millis(5);
/// How long it takes until a secondary has fetched what the primary tells it of.
const FOLLOWS: Duration = Duration::from_secs(2);
/// How far the clocks may be apart.
const FUDGE: u16 = 300;
/// Every secret of the simulated world, as it is when it is a key.
const KEY: &[u8] = b"simulated";
/// The same as it is written.
pub const SECRET: &str = "c2ltdWxhdGVk";
/// What all names are until a step changes them (RFC 5737 and RFC 3849: addresses for documentation).
const UNTIL_NOW: [(&str, RecordType, &str); 3] = [
    ("a", RecordType::A, "192.0.2.10"),
    ("aaaa", RecordType::AAAA, "2001:db8::10"),
    ("cname", RecordType::CNAME, "until-now.example.net."),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OwnZone {
    /// In lower case, with the dot at its end.
    name: String,
    /// `HOST:PORT`, the primary first.
    servers: Vec<String>,
    sets: Vec<Set>,
    /// What the secondaries say until they have followed.
    before: Vec<Set>,
    changed: Timestamp,
}

/// All records of a name and a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Set {
    name: String,
    kind: String,
    ttl: u32,
    values: Vec<String>,
}

impl Set {
    fn is(&self, name: &str, kind: RecordType) -> bool {
        self.name == name && self.kind == kind.to_string()
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        self.values.iter().filter_map(|value| {
            let data = RData::try_from_str(self.kind.parse().ok()?, value).ok()?;
            Some(Record::from_rdata(Name::from_ascii(&self.name).ok()?, self.ttl, data))
        })
    }
}

fn place(server: &str) -> String {
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let server = server.trim_end_matches('.').to_ascii_lowercase();
    if has_port { server } else { format!("{server}:{PORT}") }
}

impl OwnZone {
    pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        for work in seed.plan.steps.iter().filter_map(Step::action) {
            let text = |name: &str| work.with.get(name).and_then(Node::as_text);
            // No other action has all of these.
            let (Some(server), Some(zone), Some(name), Some(_)) =
                (text("server"), text("zone"), text("name"), text("key"))
            else {
                continue;
            };
            let (zone, name) = (canonical(zone), canonical(name));
            let at = cloud.own_zones.iter().position(|one| one.name == zone);
            let at = at.unwrap_or_else(|| {
                cloud.own_zones.push(Self {
                    name: zone,
                    servers: vec![place(server)],
                    sets: Vec::new(),
                    before: Vec::new(),
                    changed: cloud.now - Duration::from_hours(24),
                });
                cloud.own_zones.len() - 1
            });
            let own = &mut cloud.own_zones[at];
            for server in work.with.get("servers").map(texts_in).unwrap_or_default() {
                if !own.servers.contains(&place(server)) {
                    own.servers.push(place(server));
                }
            }
            for (parameter, kind, value) in UNTIL_NOW {
                if work.with.get(parameter).is_some()
                    && !own.sets.iter().any(|one| one.is(&name, kind))
                {
                    let set = Set {
                        name: name.clone(),
                        kind: kind.to_string(),
                        ttl: 60,
                        values: vec![value.to_owned()],
                    };
                    own.sets.push(set);
                }
            }
            own.before = own.sets.clone();
        }
    }

    /// Whether a name is in it.
    pub(super) fn holds(&self, name: &str) -> bool {
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }

    pub(super) fn is_served_by(&self, server: &str) -> bool {
        self.servers.contains(&place(server))
    }

    /// What a server of it answers; all of them, when none is named, say what the last one knows.
    pub(super) fn find(
        &self,
        server: Option<&str>,
        (name, kind): (&str, RecordType),
        now: Timestamp,
    ) -> Vec<Record> {
        if name == self.name && kind == RecordType::NS {
            let record = |server: &String| {
                let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host);
                let data = RData::try_from_str(kind, &format!("{host}.")).ok()?;
                Some(Record::from_rdata(Name::from_ascii(name).ok()?, 3600, data))
            };
            return self.servers.iter().filter_map(record).collect();
        }
        let is_primary = server.is_some_and(|server| self.servers[0] == place(server));
        let has_followed = is_primary || self.changed + FOLLOWS <= now;
        let sets = if has_followed { &self.sets } else { &self.before };
        let of_kind = sets.iter().filter(|set| set.is(name, kind)).flat_map(Set::records);
        let mut found: Vec<_> = of_kind.collect();
        if found.is_empty() {
            let other = sets.iter().filter(|set| set.is(name, RecordType::CNAME));
            found = other.flat_map(Set::records).collect();
        }
        found
    }

    /// Carries an update out as a whole, or says why not (RFC 2136, 3.2 and 3.4).
    fn update(&mut self, message: &Message, now: Timestamp) -> ResponseCode {
        let mut sets = self.sets.clone();
        if let Err(code) = check(&sets, message.prerequisites()) {
            return code;
        }
        for record in message.updates() {
            let (name, kind) = (canonical(&record.name.to_ascii()), record.record_type());
            if !self.holds(&name) {
                return ResponseCode::NotZone;
            }
            match record.dns_class {
                DNSClass::ANY => sets.retain(|set| !set.is(&name, kind)),
                DNSClass::IN => {
                    // What would put another name beside addresses is left out, and not refused.
                    let clashes = |set: &Set| {
                        set.name == name && (set.kind == "CNAME") != (kind == RecordType::CNAME)
                    };
                    if sets.iter().any(clashes) {
                        continue;
                    }
                    let value = record.data.to_string();
                    match sets.iter_mut().find(|set| set.is(&name, kind)) {
                        Some(set) => {
                            set.ttl = record.ttl;
                            set.values.push(value);
                        }
                        None => sets.push(Set {
                            name,
                            kind: kind.to_string(),
                            ttl: record.ttl,
                            values: vec![value],
                        }),
                    }
                }
                _ => return ResponseCode::NotImp,
            }
        }
        self.before = std::mem::replace(&mut self.sets, sets);
        self.changed = now;
        ResponseCode::NoError
    }
}

/// Whether what must be there is, each set as a whole.
fn check(sets: &[Set], wanted: &[Record]) -> Result<(), ResponseCode> {
    let mut values: Vec<Set> = Vec::new();
    for record in wanted {
        let (name, kind) = (canonical(&record.name.to_ascii()), record.record_type());
        let is_there = sets.iter().any(|set| set.is(&name, kind));
        match record.dns_class {
            DNSClass::ANY if !is_there => return Err(ResponseCode::NXRRSet),
            DNSClass::NONE if is_there => return Err(ResponseCode::YXRRSet),
            DNSClass::ANY | DNSClass::NONE => {}
            _ => {
                let value = record.data.to_string();
                match values.iter_mut().find(|set| set.is(&name, kind)) {
                    Some(set) => set.values.push(value),
                    None => values.push(Set {
                        name,
                        kind: kind.to_string(),
                        ttl: 0,
                        values: vec![value],
                    }),
                }
            }
        }
    }
    let sorted = |set: &Set| {
        let mut values = set.values.clone();
        values.sort();
        values
    };
    let is_met = |wanted: &Set| {
        let found = sets.iter().find(|set| set.name == wanted.name && set.kind == wanted.kind);
        found.is_some_and(|found| sorted(found) == sorted(wanted))
    };
    if values.iter().all(is_met) { Ok(()) } else { Err(ResponseCode::NXRRSet) }
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Whether a message only asks. `None` for what is none.
pub(super) fn is_read(request: &Request) -> Option<bool> {
    let opcode = request.body().get(2).map_or(0, |flags| flags >> 3 & 0b1111);
    is_meant(request).then_some(opcode == 0)
}

/// `None` for what is for others.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if !is_meant(call.request) {
        return None;
    }
    let authority = call.request.uri().authority().map_or("", http::uri::Authority::as_str);
    let server = place(authority);
    if !cloud.own_zones.iter().any(|zone| zone.is_served_by(&server)) {
        return Some(Reached::Nowhere);
    }
    let Ok(message) = Message::from_vec(call.request.body()) else {
        return Some(Reached::Nobody);
    };
    let (code, context) = match message.signature() {
        None if message.metadata.op_code == OpCode::Query => (ResponseCode::NoError, None),
        None => (ResponseCode::Refused, None),
        Some(signature) => match proven(call, &message, signature) {
            Ok(context) => (carry_out(cloud, &server, &message), Some(context)),
            Err(context) => (ResponseCode::NotAuth, context),
        },
    };
    let status = if code == ResponseCode::NoError { 200 } else { 400 };
    let bytes = respond(&message, code, context);
    let reply = Reply::typed(status, "application/dns-message", bytes).taking(TAKES);
    Some(Reached::Reply(reply))
}

/// What signs the answer, once it is proven who asks. Keys have whatever names messages say.
fn proven(
    call: &Call<'_>,
    message: &Message,
    signature: &Record<TSIG>,
) -> Result<TSigResponseContext, Option<TSigResponseContext>> {
    let id = message.metadata.id;
    let now = u64::try_from(call.now.as_second()).unwrap_or_default();
    let (name, algorithm) = (signature.name.clone(), signature.data.algorithm.clone());
    let signer = TSigner::new(KEY.to_vec(), algorithm, name, FUDGE).map_err(|_| None)?;
    let Ok((mac, _, valid)) = signer.verify_message_byte(call.request.body(), None, true) else {
        return Err(Some(TSigResponseContext::bad_signature(id, now, signer)));
    };
    if !call.is_replay && !valid.contains(&now) {
        let error = Some(TsigError::BadTime);
        return Err(Some(TSigResponseContext::new(id, now, signer, mac, error)));
    }
    Ok(TSigResponseContext::new(id, now, signer, mac, None))
}

fn carry_out(cloud: &mut Cloud, server: &str, message: &Message) -> ResponseCode {
    let asked = message.queries.first().map(|query| canonical(&query.name().to_ascii()));
    let zone = cloud.own_zones.iter_mut().find(|zone| Some(&zone.name) == asked.as_ref());
    let Some(zone) = zone else { return ResponseCode::NotAuth };
    match message.metadata.op_code {
        OpCode::Update if zone.servers[0] != server => ResponseCode::Refused,
        OpCode::Update => zone.update(message, cloud.now),
        _ => ResponseCode::NoError,
    }
}

fn respond(message: &Message, code: ResponseCode, context: Option<TSigResponseContext>) -> Vec<u8> {
    let mut answer = Message::response(message.metadata.id, message.metadata.op_code);
    answer.metadata.response_code = code;
    answer.add_queries(message.queries.iter().cloned());
    let signature = context.and_then(|context| context.sign(&answer.to_vec().ok()?).ok());
    if let Some(signature) = signature {
        answer.set_signature(signature);
    }
    answer.to_vec().unwrap_or_default()
}

/// A fault's answer.
pub(super) fn refusal(request: &Request, status: u16) -> Option<Reply> {
    let code = match status {
        401 => ResponseCode::NotAuth,
        403 => ResponseCode::Refused,
        409 => ResponseCode::NXRRSet,
        _ => ResponseCode::ServFail,
    };
    if !is_meant(request) {
        return None;
    }
    let message = Message::from_vec(request.body()).ok()?;
    Some(Reply::typed(status, "application/dns-message", respond(&message, code, None)))
}

/// Connects to a name server. `None` where there is none.
pub(super) fn open(cloud: &Simulated, host: &str, port: u16) -> Option<Opened> {
    let server = format!("{host}:{port}").to_ascii_lowercase();
    let is_there = cloud
        .with_world(|world| world.cloud().own_zones.iter().any(|zone| zone.is_served_by(&server)));
    let cloud = cloud.clone();
    is_there.then(|| Door::Open.open(|stream| serve(cloud, stream, server)))
}

async fn serve(cloud: Simulated, mut stream: DuplexStream, server: String) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        let about = about(&message);
        let Some(request) = wire::message(&server, &about, message) else { return Ok(()) };
        // Whoever meets no answer meets the end of the connection.
        let Ok(response) = cloud.reach(&request).await else { return Ok(()) };
        let body = response.body();
        let length = u16::try_from(body.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), &body[..]].concat()).await?;
    }
}

/// The name that a message is about: the first that it would change, else the zone.
fn about(message: &[u8]) -> String {
    let Ok(message) = Message::from_vec(message) else { return String::new() };
    let updated = message.updates().first().map(|record| record.name.to_ascii());
    let asked = || message.queries.first().map(|query| query.name().to_ascii());
    updated.or_else(asked).unwrap_or_default().trim_end_matches('.').to_owned()
}
