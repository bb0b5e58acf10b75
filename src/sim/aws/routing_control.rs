//! Routing controls of Application Recovery Controller: the five endpoints of a cluster, its controls and safety rules.
//!
//! Sources: Routing Control API reference 2019-12-02 (its data plane); "Safety rules" and "Overriding safety rules",
//! developer guide. A state that was set at one endpoint is seen at the others a moment later.

use super::{
    Scope,
    asked::{Asked, answer_json},
};
use crate::{
    model::Node,
    plan::{ActionWork, Side, Step},
    sim::{
        address::location,
        call::{Call, Refusal, Replied},
        cloud::Cloud,
        id::digits,
        reached::Reached,
        seed::{Seed, texts_in},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// What the domain of every endpoint ends with, after its region.
const SUFFIX: &str = ".cluster.routing-control.amazonaws.com";
const SPREADS: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// The host of each region's endpoint.
    endpoints: BTreeMap<String, String>,
    controls: Vec<Control>,
    rules: Vec<SafetyRule>,
    /// What is wrong with an endpoint, by its host.
    faults: BTreeMap<String, EndpointFault>,
}

/// What can be wrong with one endpoint of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointFault {
    Hangs,
    /// It says that it is unavailable for a while.
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    On,
    Off,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Control {
    arn: String,
    name: String,
    state: State,
    before: State,
    /// When the state was set, and at which region's endpoint.
    set: Timestamp,
    by: String,
}

impl Control {
    /// What an endpoint knows of its state.
    fn seen(&self, region: &str, now: Timestamp) -> State {
        let knows = region == self.by || now >= self.set + SPREADS;
        if knows { self.state } else { self.before }
    }

    fn panel(&self) -> &str {
        self.arn.split("/routingcontrol/").next().unwrap_or_default()
    }
}

/// A rule about what states may be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SafetyRule {
    arn: String,
    /// The controls of which one must be on: after the change, or, of a gate, before it.
    one_on: Vec<String>,
    /// The controls that are set only while the gate is open; none for an assertion.
    gated: Vec<String>,
}

impl SafetyRule {
    fn allows(&self, before: &[Control], after: &[Control], changed: &[&str]) -> bool {
        let is_among = |arns: &[String], arn: &str| arns.iter().any(|one| one == arn);
        let touched = if self.gated.is_empty() { &self.one_on } else { &self.gated };
        let states = if self.gated.is_empty() { after } else { before };
        let mut named = states.iter().filter(|control| is_among(&self.one_on, &control.arn));
        !changed.iter().any(|arn| is_among(touched, arn))
            || named.any(|control| control.state == State::On)
    }
}

/// What an endpoint that does not answer does; `None` when it answers, or when something else is asked.
pub(super) fn refuses(cloud: &Cloud, call: &Call<'_>, scope: &Scope) -> Option<Reached> {
    if scope.service != "route53-recovery-cluster" {
        return None;
    }
    let cluster = &cloud.aws.routing;
    if call.host.ends_with(SUFFIX) && cluster.region_of(&call.host).is_none() {
        return Some(Reached::Nowhere);
    }
    let hangs = cluster.fault(call, scope) == Some(EndpointFault::Hangs);
    (hangs || cloud.is_dark(&scope.region)).then_some(Reached::Nobody)
}

impl Cluster {
    /// A loopback address stands for the endpoint of the region that is signed for.
    fn fault(&self, call: &Call<'_>, scope: &Scope) -> Option<EndpointFault> {
        let host = self.endpoints.get(&scope.region);
        self.faults.get(&call.host).or_else(|| self.faults.get(host?)).copied()
    }

    /// The region whose endpoint a host is.
    fn region_of(&self, host: &str) -> Option<&str> {
        let mut all = self.endpoints.iter();
        all.find(|(_, its)| *its == host).map(|(region, _)| region.as_str())
    }

    fn find(&self, arn: &str) -> Result<usize, Refusal> {
        let place = self.controls.iter().position(|control| control.arn == arn);
        place.ok_or_else(|| {
            let why = format!("The routing control {arn} does not exist.");
            Refusal::new(404, "ResourceNotFoundException", why)
        })
    }
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    let (cluster, scope) = (&cloud.aws.routing, &asked.scope);
    if cluster.region_of(&call.host).is_some_and(|region| region != scope.region) {
        let why =
            format!("Credential should be scoped to the endpoint's region, not {}.", scope.region);
        return Err(Refusal::new(403, "InvalidSignatureException", why));
    }
    if cluster.fault(call, scope) == Some(EndpointFault::Unavailable) && !call.is_replay {
        let why = "The cluster endpoint isn't available. Try another cluster endpoint.";
        return Err(Refusal::new(503, "EndpointTemporarilyUnavailableException", why));
    }
    match asked.operation.as_str() {
        "GetRoutingControlState" => get(cloud, asked),
        "ListRoutingControls" => list(cloud, asked),
        "UpdateRoutingControlState" => update(cloud, asked, std::slice::from_ref(&asked.body)),
        "UpdateRoutingControlStates" => {
            let entries = asked.body["UpdateRoutingControlStateEntries"].as_array();
            update(cloud, asked, entries.map_or(&[], Vec::as_slice))
        }
        _ => Err(asked.no_such_operation()),
    }
}

fn get(cloud: &Cloud, asked: &Asked) -> Replied {
    let cluster = &cloud.aws.routing;
    let arn = asked.body["RoutingControlArn"].as_str().unwrap_or_default();
    let control = &cluster.controls[cluster.find(arn)?];
    Ok(answer_json(
        asked,
        &json!({
            "RoutingControlArn": control.arn,
            "RoutingControlName": control.name,
            "RoutingControlState": control.seen(&asked.scope.region, cloud.now),
        }),
    ))
}

fn list(cloud: &Cloud, asked: &Asked) -> Replied {
    let panel = asked.body["ControlPanelArn"].as_str();
    let all = &cloud.aws.routing.controls;
    let is_asked = |control: &&Control| panel.is_none_or(|panel| control.panel() == panel);
    if panel.is_some() && !all.iter().any(|control| is_asked(&control)) {
        let why = "The control panel does not exist.";
        return Err(Refusal::new(404, "ResourceNotFoundException", why));
    }
    let shown = all.iter().filter(is_asked).map(|control| {
        json!({
            "ControlPanelArn": control.panel(),
            "ControlPanelName": "panel",
            "RoutingControlArn": control.arn,
            "RoutingControlName": control.name,
            "RoutingControlState": control.seen(&asked.scope.region, cloud.now),
            "Owner": cloud.aws.account,
        })
    });
    let shown: Vec<_> = shown.collect();
    Ok(answer_json(asked, &json!({ "RoutingControls": shown })))
}

/// Sets all of the states, or none.
fn update(cloud: &mut Cloud, asked: &Asked, entries: &[Value]) -> Replied {
    let (cluster, now) = (&mut cloud.aws.routing, cloud.now);
    if entries.is_empty() {
        return Err(invalid("At least one entry is required."));
    }
    let (mut after, mut changed) = (cluster.controls.clone(), Vec::new());
    for entry in entries {
        let arn = entry["RoutingControlArn"].as_str().unwrap_or_default();
        let state: Result<State, _> = serde_json::from_value(entry["RoutingControlState"].clone());
        let state = state.map_err(|_| invalid("RoutingControlState must be On or Off."))?;
        let control = &mut after[cluster.find(arn)?];
        (control.before, control.state) = (control.state, state);
        (control.set, control.by) = (now, asked.scope.region.clone());
        changed.push(arn);
    }
    let overridden = texts(&asked.body["SafetyRulesToOverride"]);
    let mut rules = cluster.rules.iter().filter(|rule| !overridden.contains(&rule.arn.as_str()));
    if let Some(rule) = rules.find(|rule| !rule.allows(&cluster.controls, &after, &changed)) {
        let why = format!("The safety rule {} does not allow these states.", rule.arn);
        return Err(Refusal::new(409, "ConflictException", why));
    }
    cluster.controls = after;
    Ok(answer_json(asked, &json!({})))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "ValidationException", why)
}

impl Cloud {
    /// Lets one endpoint of the cluster fail, by its host.
    pub fn let_endpoint_fail(&mut self, host: &str, fault: EndpointFault) {
        self.aws.routing.faults.insert(host.to_owned(), fault);
    }

    /// Adds a routing control that is on.
    pub fn add_open_routing_control(&mut self, arn: &str) {
        self.aws.routing.add(arn, State::On, self.now);
    }

    /// Puts a gate before these routing controls: they are set only while it is on. Gives the ARN of the rule.
    pub fn gate_routing_controls(&mut self, gate: &str, controls: &[&str]) -> String {
        let cluster = &mut self.aws.routing;
        let gated = controls.iter().map(|arn| (*arn).to_owned()).collect();
        let arn = rule_arn(gate, cluster.rules.len());
        cluster.add(gate, State::Off, self.now);
        let one_on = vec![gate.to_owned()];
        cluster.rules.push(SafetyRule { arn: arn.clone(), one_on, gated });
        arn
    }
}

fn rule_arn(control: &str, number: usize) -> String {
    let panel = control.split("/routingcontrol/").next().unwrap_or_default();
    format!("{panel}/safetyrule/{}", digits(&format!("{panel} rule {number}"), 16))
}

impl Cluster {
    /// Whether a control lets traffic through, as health checks see it.
    pub(super) fn is_on(&self, arn: &str) -> bool {
        self.controls.iter().any(|control| control.arn == arn && control.state == State::On)
    }

    fn add(&mut self, arn: &str, state: State, now: Timestamp) {
        if self.controls.iter().all(|control| control.arn != arn) {
            let id = arn.rsplit('/').next().unwrap_or_default();
            self.controls.push(Control {
                arn: arn.to_owned(),
                name: format!("control-{id}"),
                state,
                before: state,
                set: now - Duration::from_hours(24),
                by: String::new(),
            });
        }
    }
}

/// What is to be turned on is off before the run, and the other way round, unless the run begins where it leads to. One
/// of them must always be on.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let (now, cluster) = (cloud.now, &mut cloud.aws.routing);
    let states = match seed.plan.serving {
        Side::From => [("off", State::On), ("on", State::Off)],
        Side::To => [("off", State::Off), ("on", State::On)],
    };
    for work in seed.plan.steps.iter().filter_map(Step::action) {
        let mut all = Vec::new();
        for (parameter, state) in states {
            let named = work.with.get(parameter).map(texts_in).unwrap_or_default();
            for arn in named.into_iter().filter(|text| text.contains("/routingcontrol/")) {
                cluster.add(arn, state, now);
                all.push(arn.to_owned());
            }
        }
        let Some(first) = all.first() else { continue };
        cluster.endpoints.extend(hosts(work));
        let arn = rule_arn(first, 0);
        if cluster.rules.iter().all(|rule| rule.arn != arn) {
            cluster.rules.push(SafetyRule { arn, one_on: all, gated: Vec::new() });
        }
    }
}

/// The endpoints that a step names: their regions and hosts.
fn hosts(work: &ActionWork) -> impl Iterator<Item = (String, String)> {
    let entries = work.with.get("endpoints").map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|(region, url)| {
        let url = url::Url::parse(url.as_text()?).ok()?;
        Some((location(&region.text), url.host_str()?.to_owned()))
    })
}
