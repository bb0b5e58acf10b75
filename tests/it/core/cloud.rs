//! A cloud small enough to be judged at a glance. It counts what it accepts, shows changes late, and answers harmful
//! requests by doing harm: a second swap moves the data back.

use async_trait::async_trait;
use bytes::Bytes;
use failover::{
    model::{Clock, span},
    wire::{Intent, Request, Response, SendError, Transport},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::crash::Fuse;

/// How long an accepted change takes to show.
pub const SHOWS_AFTER: Duration = Duration::from_secs(20);
/// How long a swap takes.
pub const SWAP_TAKES: Duration = Duration::from_mins(10);

#[derive(Clone, Debug, Default)]
pub struct Thing {
    pub value: String,
    /// Moves with every swap.
    pub mark: u32,
    shown: Option<(Timestamp, String)>,
    swapping_since: Option<Timestamp>,
    datapoints: Vec<Timestamp>,
}

#[derive(Default)]
struct State {
    things: BTreeMap<String, Thing>,
    accepted: Vec<String>,
    dead_until: Option<Timestamp>,
    /// Things whose changes are refused or lost, and how.
    troubled: BTreeMap<String, Trouble>,
    looks_take: Duration,
}

/// What becomes of every change of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// "Later", for ever.
    Busy,
    /// No answer, and no effect.
    Lost,
    /// An answer, and no effect.
    Pretended,
}

#[derive(Clone)]
pub struct Cloud {
    state: Arc<Mutex<State>>,
    clock: Clock,
    fuse: Fuse,
}

impl Cloud {
    pub fn new(clock: Clock, fuse: Fuse) -> Self {
        Self { state: Arc::default(), clock, fuse }
    }

    /// How often this was accepted, such as `POST /storage/swap`.
    pub fn count(&self, request: &str) -> usize {
        self.state.lock().unwrap().accepted.iter().filter(|accepted| *accepted == request).count()
    }

    pub fn accepted(&self) -> Vec<String> {
        self.state.lock().unwrap().accepted.clone()
    }

    pub fn value(&self, thing: &str) -> String {
        let mut state = self.state.lock().unwrap();
        let now = self.clock.now();
        state.things.entry(thing.to_owned()).or_default().settle(now).value.clone()
    }

    /// Somebody swaps it by hand, in the portal, at once.
    pub fn swap_by_hand(&self, thing: &str) {
        let mut state = self.state.lock().unwrap();
        let thing = state.things.entry(thing.to_owned()).or_default();
        thing.value = swapped(&thing.value);
        thing.mark += 1;
        thing.swapping_since = None;
    }

    pub fn trouble(&self, thing: &str, trouble: Option<Trouble>) {
        let troubled = &mut self.state.lock().unwrap().troubled;
        match trouble {
            Some(trouble) => troubled.insert(thing.to_owned(), trouble),
            None => troubled.remove(thing),
        };
    }

    /// Every read takes so long.
    pub fn looks_take(&self, length: Duration) {
        self.state.lock().unwrap().looks_take = length;
    }

    /// Requests for `/dead/…` get no answer until then.
    pub fn dead_until(&self, until: Timestamp) {
        self.state.lock().unwrap().dead_until = Some(until);
    }

    fn answer(&self, request: &Request) -> Option<Value> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let path = request.uri().path().to_owned();
        let mut parts = path.trim_start_matches('/').split('/');
        let (name, verb) = (parts.next().unwrap_or_default().to_owned(), parts.next());
        if name.starts_with("dead") && state.dead_until.is_some_and(|until| now < until) {
            return None;
        }
        if request.method() != http::Method::GET {
            state.accepted.push(format!("{} {path}", request.method()));
        }
        let thing = state.things.entry(name).or_default();
        thing.settle(now);
        match (request.method().as_str(), verb) {
            ("PUT", _) => {
                let value = String::from_utf8(request.body().to_vec()).unwrap();
                thing.shown = Some((now + SHOWS_AFTER, value));
            }
            ("POST", Some("swap")) => {
                thing.shown = None;
                thing.swapping_since = Some(now);
            }
            ("POST", Some("datapoint")) => thing.datapoints.push(now),
            _ => {}
        }
        let recent = thing.datapoints.iter().filter(|at| span::between(**at, now).as_secs() < 300);
        // An accepted swap shows late, as those of the real clouds do.
        let swaps = thing.swapping_since.is_some_and(|since| now >= since + SHOWS_AFTER);
        Some(json!({
            "value": thing.value, "mark": thing.mark, "swapping": swaps,
            "operation_done": thing.swapping_since.is_none(), "datapoints": recent.count(),
        }))
    }
}

impl Thing {
    fn settle(&mut self, now: Timestamp) -> &Self {
        if let Some((at, value)) = self.shown.take_if(|(at, _)| *at <= now) {
            debug_assert!(at <= now);
            self.value = value;
        }
        if self.swapping_since.take_if(|since| *since + SWAP_TAKES <= now).is_some() {
            self.value = swapped(&self.value);
            self.mark += 1;
        }
        self
    }
}

fn swapped(value: &str) -> String {
    if value == "west" { "east".to_owned() } else { "west".to_owned() }
}

#[async_trait]
impl Transport for Cloud {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        let host = "model".to_owned();
        if let Intent::Change(permit) = intent {
            self.fuse.check_written_ahead(permit.record());
            self.fuse.burn("before the request").await;
        }
        let (slow, trouble) = {
            let state = self.state.lock().unwrap();
            let thing = request.uri().path().split('/').nth(1).unwrap_or_default();
            (state.looks_take, state.troubled.get(thing).copied())
        };
        self.clock.sleep(slow.max(Duration::from_millis(80))).await;
        match trouble.filter(|_| !intent.is_read()) {
            Some(Trouble::Busy) => {
                return Err(SendError::NotSent { host, why: "busy".to_owned() });
            }
            Some(Trouble::Lost) => {
                return Err(SendError::Unanswered { host, why: "lost".to_owned() });
            }
            Some(Trouble::Pretended) => {
                return Ok(http::Response::new(Bytes::from_static(b"{}")));
            }
            None => {}
        }
        let Some(answer) = self.answer(&request) else {
            self.clock.sleep(Duration::from_mins(1)).await;
            return Err(SendError::Unanswered { host, why: "nothing came".to_owned() });
        };
        if !intent.is_read() {
            self.fuse.burn("after the request").await;
        }
        Ok(http::Response::new(Bytes::from(answer.to_string())))
    }
}
