//! The transport that reaches a simulated cloud in process.

use super::{
    cloud::{Answer, Outcome},
    fault::{Fault, Faults, Mishap},
    haproxy, listener, names, postgres, redis,
    world::World,
};
use crate::{
    model::Clock,
    wire::{
        Ears, Intent, Line, Request, Response, SendError, Streams, Transport, check, converse, host,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One request and what it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub at: Timestamp,
    pub method: Method,
    /// `https`, or that of a protocol of its own.
    pub scheme: String,
    pub host: String,
    pub path_and_query: String,
    /// What it asks of AWS, where no path says it.
    pub operation: Option<String>,
    /// `None` when no answer came back.
    pub status: Option<StatusCode>,
    /// Whether it could change nothing, as the cloud sees it.
    pub is_read: bool,
    /// Whether it was a change and was carried out, whatever became of its answer.
    pub has_changed: bool,
    /// The headers of the request, when bodies are kept. Some services are told by them what is asked.
    pub headers: HeaderMap,
    /// What was sent and what came back, when bodies are kept.
    pub bodies: Option<(Bytes, Response)>,
}

type Tell = Box<dyn FnMut(&Exchange) + Send>;

/// Sends to a simulated cloud, and keeps a log of it.
#[derive(Clone)]
pub struct Simulated {
    shared: Arc<Mutex<Shared>>,
    clock: Clock,
}

struct Shared {
    world: World,
    faults: Faults,
    log: Vec<Exchange>,
    keeps_bodies: bool,
    tell: Option<Tell>,
}

impl Simulated {
    pub fn new(world: World, clock: Clock) -> Self {
        let shared = Shared {
            world,
            faults: Faults::default(),
            log: Vec::new(),
            keeps_bodies: false,
            tell: None,
        };
        Self { shared: Arc::new(Mutex::new(shared)), clock }
    }

    /// Puts a fault at a request to come.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// Takes away the faults that no request has met.
    pub fn end_faults(&self) {
        self.lock().faults = Faults::default();
    }

    /// Keeps the headers of requests and all bodies in the log from now on.
    pub fn keep_bodies(&self) {
        self.lock().keeps_bodies = true;
    }

    /// Tells of every request from now on.
    pub fn tell(&self, tell: impl FnMut(&Exchange) + Send + 'static) {
        self.lock().tell = Some(Box::new(tell));
    }

    /// Every request until now.
    pub fn log(&self) -> Vec<Exchange> {
        self.lock().log.clone()
    }

    /// A bearer token for Azure Resource Manager.
    pub fn token(&self) -> String {
        let shared = self.lock();
        let cloud = shared.world.cloud();
        cloud.issue_token(self.clock.now().max(cloud.now()))
    }

    /// Looks at the world, or changes it behind everybody's back, after it has come to the present.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut shared = self.lock();
        shared.world.cloud_mut().advance(self.clock.now());
        look(&mut shared.world)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn sleep(&self, length: Duration) {
        self.clock.sleep(length).await;
    }

    /// Reaches the cloud as any other program does, and waits as long as the answer takes.
    pub async fn reach(&self, request: &Request) -> Result<Response, SendError> {
        let (result, after) = self.lock().meet(request, self.clock.now());
        self.clock.sleep(after).await;
        result
    }
}

impl Shared {
    fn meet(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> (Result<Response, SendError>, Duration) {
        let met = self.faults.meet(request);
        let mut has_changed = false;
        let unanswered =
            |why: &str| Err(SendError::Unanswered { host: host(request), why: why.to_owned() });
        let patience = Duration::from_secs(30);
        let (result, after) = match met {
            Some(Mishap::NotSent) => {
                let why = "connection refused".to_owned();
                (Err(SendError::NotSent { host: host(request), why }), Duration::from_millis(20))
            }
            Some(Mishap::Hang) => (unanswered("no answer within 30 s"), patience),
            Some(Mishap::Status { code, retry_after }) => (
                Ok(super::fault::refusal(request, code, retry_after, now)),
                Duration::from_millis(100),
            ),
            // A copy of the world answers, and is thrown away.
            Some(Mishap::Pretend) => {
                arrived(request, self.world.cloud().clone().answer(request, now))
            }
            late => match self.world.answer(request, now) {
                Err(error) => (unanswered(&error.to_string()), Duration::ZERO),
                Ok(answer) => {
                    has_changed = answer.has_changed;
                    match late {
                        Some(Mishap::LateStatus(code)) => {
                            (Ok(super::fault::refusal(request, code, None, now)), patience)
                        }
                        Some(Mishap::FailsLater) => {
                            self.world.cloud_mut().doom_the_last();
                            arrived(request, answer)
                        }
                        Some(Mishap::CutOff) => {
                            let (result, after) = arrived(request, answer);
                            (result.map(broken_off), after)
                        }
                        Some(_) => (unanswered("the connection was lost"), patience),
                        None => arrived(request, answer),
                    }
                }
            },
        };
        self.note(request, now, result.as_ref().ok(), has_changed);
        (result, after)
    }

    fn note(
        &mut self,
        request: &Request,
        at: Timestamp,
        response: Option<&Response>,
        has_changed: bool,
    ) {
        let uri = request.uri();
        let status = response.map(http::Response::status);
        let shown = status.as_ref().map_or("no answer", StatusCode::as_str);
        let operation = super::call::operation(request);
        self.world.note(&format!(
            "{at:.3} {} {}{}{} {shown}",
            request.method(),
            host(request),
            uri.path(),
            operation.unwrap_or_default()
        ));
        let bodies = response.filter(|_| self.keeps_bodies);
        let exchange = Exchange {
            at,
            method: request.method().clone(),
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            host: host(request),
            path_and_query: uri.path_and_query().map_or_else(String::new, ToString::to_string),
            operation: operation.map(ToOwned::to_owned),
            status,
            is_read: super::call::is_read(request),
            has_changed,
            headers: if self.keeps_bodies { request.headers().clone() } else { HeaderMap::new() },
            bodies: bodies.map(|response| (request.body().clone(), response.clone())),
        };
        self.tell.iter_mut().for_each(|tell| tell(&exchange));
        self.log.push(exchange);
    }
}

/// What a client sees of an answer.
fn arrived(request: &Request, answer: Answer) -> (Result<Response, SendError>, Duration) {
    let host = host(request);
    let result = match answer.outcome {
        Outcome::NoSuchHost => {
            Err(SendError::NotSent { host, why: "the name does not exist".to_owned() })
        }
        Outcome::NoAnswer => {
            Err(SendError::Unanswered { host, why: "no answer within 30 s".to_owned() })
        }
        Outcome::Response(response) => Ok(response),
    };
    (result, answer.after)
}

fn broken_off(response: Response) -> Response {
    response.map(|body| body.slice(..body.len() / 2))
}

#[async_trait]
impl Transport for Simulated {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        check(&request, intent)?;
        if let Some(said) = converse(self, &self.clock, &request).await {
            return said;
        }
        let said = self.reach(&request).await;
        if let Ok(response) = &said {
            Ears::catch_up(&request, response);
        }
        said
    }
}

#[async_trait]
impl Streams for Simulated {
    async fn open(&self, host: &str, port: u16) -> io::Result<Line> {
        let opened = postgres::open(self, host, port)
            .or_else(|| redis::open(self, host, port))
            .or_else(|| haproxy::open(self, host, port))
            .or_else(|| names::open(self, host, port))
            .or_else(|| listener::open(self, host, port));
        match opened {
            Some(Ok(line)) => Ok(line),
            Some(Err(silence)) => Err(silence.end(self).await),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the name does not exist")),
        }
    }

    fn is_public(&self) -> bool {
        false
    }
}
