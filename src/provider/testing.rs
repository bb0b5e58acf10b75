//! A transport that answers from a script, and the clients that use it.

use super::dns::testing::Servers;
use crate::{
    action::{
        Action, Answer, Applied, Aws, Clients, Gateway, Kind, Look, Params, Tokens, Trouble,
        Unapplied, resource_node,
    },
    journal::{Durability, Journal, MemoryStore, Permit},
    model::{Clock, Node, Owner, Resource, RunId, Seal, Secret, Span},
    wire::{Ears, Intent, Request, Response, SendError, Transport},
};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// What a scripted exchange comes to.
pub(crate) type Outcome = Result<Response, SendError>;

/// Answers by the first row whose method and piece of the address fit. A row with several outcomes gives one after the
/// other, and stays at its last.
#[derive(Default)]
pub(crate) struct Script {
    rows: Mutex<Vec<(String, VecDeque<Outcome>)>>,
    requests: Mutex<Vec<Request>>,
    servers: Mutex<Arc<Servers>>,
}

impl Script {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Answers `METHOD piece-of-the-address` so.
    pub(crate) fn on(self: &Arc<Self>, what: &str, outcome: Outcome) -> Arc<Self> {
        let mut rows = self.rows.lock().unwrap();
        match rows.iter_mut().find(|(known, _)| known == what) {
            Some((_, outcomes)) => outcomes.push_back(outcome),
            None => rows.push((what.to_owned(), VecDeque::from([outcome]))),
        }
        drop(rows);
        self.clone()
    }

    /// Lets these name servers answer.
    pub(crate) fn asking(self: &Arc<Self>, servers: Servers) -> Arc<Self> {
        *self.servers.lock().unwrap() = Arc::new(servers);
        self.clone()
    }

    /// Answers what this script has no row for as the other one does.
    pub(crate) fn and(self: &Arc<Self>, other: &Arc<Self>) -> Arc<Self> {
        self.rows.lock().unwrap().extend(other.rows.lock().unwrap().iter().cloned());
        self.clone()
    }

    /// Everything that was sent, as `METHOD path?query body`.
    pub(crate) fn sent(&self) -> Vec<String> {
        let line = |request: &Request| {
            let body = String::from_utf8_lossy(request.body());
            let target = request.uri().path_and_query().unwrap().as_str();
            format!("{} {target} {body}", request.method()).trim_end().to_owned()
        };
        self.requests.lock().unwrap().iter().map(line).collect()
    }

    /// What was sent and is no GET.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.sent().into_iter().filter(|line| !line.starts_with("GET ")).collect()
    }

    pub(crate) fn request(&self, place: usize) -> Request {
        self.requests.lock().unwrap()[place].clone()
    }

    pub(crate) fn clients(self: &Arc<Self>) -> Clients {
        Clients {
            seal: Seal::from_bytes(&[7; 32]).unwrap(),
            transport: self.clone(),
            tokens: Arc::new(Keys(Mutex::new(0))),
            clock: Clock::real(),
            run: RunId::parse("01900000-0000-7000-8000-000000007f3a").unwrap(),
            azure: "https://management.azure.com".parse().unwrap(),
            aws: Aws::with_keys("AKIDTEST", "hush"),
            clusters: Arc::new(Gateway::new("https://clusters.example", "hush")),
            dns: self.servers.lock().unwrap().clone(),
            secrets: Arc::new(Secret::new("hush")),
            ears: Ears::default(),
        }
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request, _: Intent<'_>) -> Outcome {
        // Some services name what they are asked for in a header, or in the body.
        let target = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
        let body = String::from_utf8_lossy(request.body());
        let line =
            format!("{} {} {} {body}", request.method(), request.uri(), target.unwrap_or_default());
        self.requests.lock().unwrap().push(request);
        let mut rows = self.rows.lock().unwrap();
        let fits = |what: &str| {
            let (method, piece) = what.split_once(' ').unwrap();
            line.starts_with(method) && line.contains(piece)
        };
        let row = rows.iter_mut().find(|(what, _)| fits(what));
        let (_, outcomes) = row.unwrap_or_else(|| panic!("nobody said what to answer to {line}"));
        if outcomes.len() > 1 { outcomes.pop_front().unwrap() } else { outcomes[0].clone() }
    }
}

struct Keys(Mutex<u32>);

#[async_trait]
impl Tokens for Keys {
    async fn token(&self, _: &str, fresh: bool) -> Result<Secret, Trouble> {
        let mut count = self.0.lock().unwrap();
        *count += u32::from(fresh);
        Ok(Secret::new(format!("key-{count}")))
    }

    fn identity(&self) -> String {
        "a tester".to_owned()
    }
}

pub(crate) fn ok(body: &str) -> Outcome {
    answer(200, &[], body)
}

pub(crate) fn no(status: u16, code: &str) -> Outcome {
    answer(status, &[], &format!(r#"{{"error":{{"code":"{code}","message":"because"}}}}"#))
}

/// The same as AWS says it in XML.
pub(crate) fn aws_no(status: u16, code: &str) -> Outcome {
    let error = format!("<Error><Code>{code}</Code><Message>because</Message></Error>");
    answer(status, &[], &format!("<ErrorResponse>{error}</ErrorResponse>"))
}

#[expect(clippy::unnecessary_wraps, reason = "an outcome, as the others are")]
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let mut response = http::Response::builder().status(status).header("x-ms-request-id", "8f2c");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

pub(crate) fn unanswered() -> Outcome {
    Err(SendError::Unanswered { host: "arm".to_owned(), why: "reset".to_owned() })
}

pub(crate) fn not_sent() -> Outcome {
    Err(SendError::NotSent { host: "arm".to_owned(), why: "refused".to_owned() })
}

pub(crate) async fn permit() -> Permit {
    let mut journal = Journal::empty(Box::new(MemoryStore::default()));
    let facts = ["begun"];
    journal.append(Timestamp::UNIX_EPOCH, &facts, Durability::Now).await.unwrap().permit(0).unwrap()
}

pub(crate) fn resource(kind: &str, name: &str, region: Option<&str>) -> Resource {
    Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: Owner::Azure { subscription: "sub".to_owned(), resource_group: "rg".to_owned() },
        region: region.map(Into::into),
        made_by_the_run: false,
    }
}

pub(crate) fn aws_resource(kind: &str, name: &str, region: Option<&str>) -> Resource {
    Resource {
        owner: Owner::Aws { account: "123456789012".to_owned() },
        ..resource(kind, name, region)
    }
}

/// An action of this kind, with these parameters.
pub(crate) fn bound<const N: usize>(
    kind: &Kind,
    script: &Arc<Script>,
    with: [(&str, Node); N],
) -> Arc<dyn Action> {
    let with = Node::map(with);
    (kind.bind)(&Params::new(&with), &script.clients()).unwrap()
}

pub(crate) fn node(resource: &Resource) -> Node {
    resource_node(resource, Span::default())
}

pub(crate) fn look() -> Look {
    let now = "2026-11-20T10:02:24Z".parse().unwrap();
    Look { now, since: now, settled: Vec::new() }
}

/// The ids of the changes that are missing.
pub(crate) fn missing(answer: &Answer) -> Vec<&str> {
    match answer {
        Answer::Missing(changes) => changes.iter().map(|change| change.id.as_str()).collect(),
        other => panic!("not Missing but {other:?}"),
    }
}

/// Observes, and sends the first change that is missing.
pub(crate) async fn apply_first(action: &Arc<dyn Action>) -> Result<Applied, Unapplied> {
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else {
        panic!("nothing is missing");
    };
    action.apply(&changes[0], &permit().await).await
}
