//! One model action, and plans of it: the least that a step can ask of the engine.
//!
//! A step sends three requests: a read that finds the thing off, the change, and a read that finds it on.

use async_trait::async_trait;
use bytes::Bytes;
use failover::{
    action::{
        Action, Answer, Applied, Catalogue, Change, Clients, Effect, Kind, Look, Observation, Sign,
        Trouble, Unapplied,
    },
    journal::Permit,
    model::{ActionName, Evidence, Mode, Node, StepId},
    plan::{self, ActionWork, Objectives, OnFailure, Plan, Side, Step, Work},
    wire::{Intent, SendError},
};
use std::{sync::Arc, time::Duration};

pub const CATALOGUE: Catalogue = Catalogue(&[&PUT]);

const PUT: Kind = Kind {
    name: "put",
    summary: "Turns a thing on",
    parameters: &[],
    observed: &[],
    planes: &[],
    permissions: &[],
    effect: Effect::Changes,
    proves_service: false,
    usual: Duration::from_secs(1),
    shows_within: Duration::from_mins(1),
    mark_valid_for: None,
    deadline: Duration::from_mins(10),
    cured_by: &[],
    bind: |params, clients| {
        Ok(Arc::new(Put { url: params.text("url")?, clients: clients.clone() }))
    },
};

struct Put {
    url: String,
    clients: Clients,
}

#[async_trait]
impl Action for Put {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let request = http::Request::get(&self.url).body(Bytes::new()).unwrap();
        let response = self.clients.transport.send(request, Intent::Read).await;
        let response = response.map_err(|error| Trouble::unreachable(error.to_string()))?;
        let value = std::str::from_utf8(response.body()).unwrap_or_default();
        let answer = match value {
            "on" => Answer::AsDesired,
            _ => Answer::Missing(vec![Change::harmless("on", Sign::Changes, "turn it on")]),
        };
        Ok(Observation::new(answer, Evidence::new().text("value", value)))
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let request = http::Request::put(&self.url).body(Bytes::from_static(b"on")).unwrap();
        match self.clients.transport.send(request, Intent::Change(permit)).await {
            Ok(response) => {
                let id = response.headers().get("x-ms-request-id");
                let request_id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
                Ok(Applied::Done { request_id })
            }
            Err(error @ SendError::NotSent { .. }) => {
                Err(Unapplied::Deferred { why: error.to_string(), wait: Duration::from_secs(1) })
            }
            Err(error) => Err(Unapplied::InDoubt { why: error.to_string(), wait: None }),
        }
    }
}

/// A plan that turns these things on, all at once.
pub fn at_once(urls: &[String]) -> Plan {
    let steps = urls.iter().enumerate().map(|(place, url)| step(place, url)).collect();
    Plan {
        version: plan::VERSION,
        runbook: "model".to_owned(),
        summary: String::new(),
        path: String::new(),
        from: "east".into(),
        to: "west".into(),
        mode: Mode::Unplanned,
        lock: "model".to_owned(),
        afterwards: None,
        serving: Side::From,
        objectives: Objectives::default(),
        azure_credential: None,
        secrets: std::collections::BTreeMap::new(),
        watch: Vec::new(),
        steps,
        made_up: Vec::new(),
        names_from: None,
    }
}

/// A plan that turns these things on, one after the other.
pub fn in_order(urls: &[String]) -> Plan {
    let mut plan = at_once(urls);
    for place in 1..plan.steps.len() {
        plan.steps[place].needs = vec![plan.steps[place - 1].id.clone()];
    }
    plan
}

fn step(place: usize, url: &str) -> Step {
    let work = ActionWork {
        action: ActionName::new(PUT.name),
        with: Node::map([("url", Node::text(url))]),
        touches: Vec::new(),
        planes: Vec::new(),
        usual: PUT.usual,
        shows_within: PUT.shows_within,
        mark_valid_for: None,
        effect: plan::Effect::Changes,
        proves_service: false,
        timeout: PUT.deadline,
    };
    Step {
        id: StepId::new(format!("step-{place}")),
        number: (place + 1).to_string(),
        title: None,
        work: Work::Action(Box::new(work)),
        needs: Vec::new(),
        group: None,
        confirm: None,
        on_failure: OnFailure::Stop,
        waive: None,
        is_finally: false,
    }
}
