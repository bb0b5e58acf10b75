//! One action for every kind of change, over the model cloud's wire.

use super::cloud::{SHOWS_AFTER, SWAP_TAKES};
use async_trait::async_trait;
use bytes::Bytes;
use failover::{
    action::{
        Action, Answer, Applied, By, Catalogue, Change, Clients, Effect, Handle, Kind, Look, Mark,
        Observation, Params, Polled, Repeat, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
    wire::{Intent, SendError},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

#[derive(Clone, Copy)]
enum Sort {
    /// One declarative change.
    Put,
    /// Three of them.
    Three,
    /// A harmful one that a mark tells of.
    Swap,
    /// A harmless one, and then the harmful one.
    Prepared,
    /// One that the world does not tell of.
    Script,
    /// Repeated until it shows.
    Datapoint,
    /// Done by a person.
    Person,
    /// With stays between its changes.
    Shift,
}

struct Model {
    sort: Sort,
    thing: String,
    clients: Clients,
}

const fn kind(name: &'static str, bind: failover::action::Bind) -> Kind {
    Kind {
        name,
        summary: "",
        parameters: &[],
        observed: &[],
        planes: &[],
        permissions: &[],
        effect: Effect::Changes,
        proves_service: false,
        mark_valid_for: None,
        usual: Duration::from_mins(1),
        shows_within: Duration::from_secs(SHOWS_AFTER.as_secs() * 3),
        deadline: Duration::from_hours(1),
        cured_by: &[],
        bind,
    }
}

macro_rules! kinds {
    ($($name:literal: $sort:ident),*) => { &[$(&{
        const KIND: Kind = kind($name, |params, clients| bind(Sort::$sort, params, clients));
        KIND
    }),*] };
}

pub const CATALOGUE: Catalogue = Catalogue(kinds![
    "put": Put, "three": Three, "swap": Swap, "prepared": Prepared, "script": Script,
    "datapoint": Datapoint, "person": Person, "shift": Shift
]);

fn bind(sort: Sort, params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Model { sort, thing: params.text("thing")?, clients: clients.clone() }))
}

impl Model {
    fn request(&self, method: &str, verb: &str, body: &str) -> http::Request<Bytes> {
        let uri = format!("http://model/{}{verb}", self.thing);
        let body = Bytes::from(body.to_owned());
        http::Request::builder().method(method).uri(uri).body(body).unwrap()
    }

    async fn read(&self, thing: &str) -> Result<Value, Trouble> {
        let request =
            http::Request::get(format!("http://model/{thing}")).body(Bytes::new()).unwrap();
        let response = self.clients.transport.send(request, Intent::Read).await;
        let response = response.map_err(|error| Trouble::unreachable(error.to_string()))?;
        serde_json::from_slice(response.body()).map_err(|error| Trouble::odd(error.to_string()))
    }

    /// The changes of this action that set a value each, in their order.
    fn values(&self) -> &'static [&'static str] {
        match self.sort {
            Sort::Three => &["plan", "site", "page"],
            Sort::Shift => &["20", "60", "100"],
            Sort::Put
            | Sort::Swap
            | Sort::Prepared
            | Sort::Script
            | Sort::Datapoint
            | Sort::Person => &["on"],
        }
    }

    fn puts(&self, value: &str) -> Answer {
        let done = self.values().iter().position(|known| *known == value).map_or(0, |at| at + 1);
        let missing: Vec<_> = self.values()[done..]
            .iter()
            .map(|value| {
                let stay = matches!(self.sort, Sort::Shift).then_some(Duration::from_secs(90));
                Change::harmless(*value, Sign::Changes, format!("set {} to {value}", self.thing))
                    .after_staying(stay.unwrap_or_default())
            })
            .collect();
        if missing.is_empty() { Answer::AsDesired } else { Answer::Missing(missing) }
    }

    fn swap(&self, seen: &Value) -> Answer {
        if seen["value"] == "west" {
            return Answer::AsDesired;
        }
        if seen["swapping"] == true {
            let why = format!("{} is being swapped", self.thing);
            return Answer::NotYet { why, look_again: Duration::from_secs(30) };
        }
        let mark = Evidence::new().with("mark", Datum::Count(seen["mark"].as_i64().unwrap()));
        let change = Change::harmless("swap", Sign::CannotBeUndone, format!("swap {}", self.thing));
        Answer::Missing(vec![change.only_from(Mark(mark))])
    }
}

#[async_trait]
impl Action for Model {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let seen = self.read(&self.thing).await?;
        let value = seen["value"].as_str().unwrap_or_default();
        let unseen = |repeat, by| {
            let mut change = Change::harmless("it", Sign::Changes, format!("do {}", self.thing));
            (change.repeat, change.by) = (repeat, by);
            Answer::Unseen(vec![change])
        };
        let answer = match self.sort {
            Sort::Put | Sort::Three | Sort::Shift => self.puts(value),
            Sort::Swap => self.swap(&seen),
            Sort::Prepared => match self.swap(&seen) {
                Answer::Missing(swap) if value != "ready" => {
                    let ready = Change::harmless("ready", Sign::Changes, "make it ready");
                    Answer::Missing([vec![ready], swap].concat())
                }
                answer => answer,
            },
            Sort::Script => unseen(Repeat::Never, By::Cloud),
            Sort::Person => unseen(Repeat::Never, By::Person),
            Sort::Datapoint if seen["datapoints"].as_u64() >= Some(3) => Answer::AsDesired,
            Sort::Datapoint => {
                let mut change = Change::harmless("point", Sign::Changes, "publish a datapoint");
                change.repeat = Repeat::Every(Duration::from_secs(15));
                Answer::Missing(vec![change])
            }
        };
        Ok(Observation::new(answer, Evidence::new().text("value", value)))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let request = match self.sort {
            Sort::Put | Sort::Three | Sort::Shift => self.request("PUT", "", change.id.as_str()),
            Sort::Prepared if !change.is_harmful() => self.request("PUT", "", change.id.as_str()),
            Sort::Swap | Sort::Prepared => self.request("POST", "/swap", ""),
            Sort::Script | Sort::Person => self.request("POST", "/script", ""),
            Sort::Datapoint => self.request("POST", "/datapoint", ""),
        };
        match self.clients.transport.send(request, Intent::Change(permit)).await {
            Ok(_) if change.is_harmful() && matches!(self.sort, Sort::Swap | Sort::Prepared) => {
                Ok(Applied::Accepted { handle: Handle(Value::Null), request_id: None })
            }
            Ok(_) => Ok(Applied::Done { request_id: None }),
            Err(error @ SendError::NotSent { .. }) => {
                let wait = Duration::from_secs(5);
                Err(Unapplied::Deferred { why: error.to_string(), wait })
            }
            Err(error) => Err(Unapplied::InDoubt { why: error.to_string(), wait: None }),
        }
    }

    async fn poll(&self, _: &Handle) -> Result<Polled, Trouble> {
        let seen = self.read(&self.thing).await?;
        if seen["operation_done"] == true {
            return Ok(Polled::Done);
        }
        Ok(Polled::Pending { says: "InProgress".to_owned(), look_again: SWAP_TAKES / 8 })
    }
}
