//! Two routing controls of ARC: users are let into one region, and kept out of the other.
//!
//! Both change in one call, so that no rule about them is broken in between. Nothing but the data plane is asked: a
//! cluster has five endpoints in five regions, which the runbook names, and any one of them will do.
//!
//! Source: Routing Control API reference for Amazon Application Recovery Controller (ARC), 2019-12-02.

mod cluster;

use super::{
    OnAws,
    call::Call,
    client::{Aws, before_sending},
    region_of,
    service::ROUTING_CONTROL as ARC,
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Placed, Plane, Serves, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Diagnostic, Evidence, Resource, span},
};
use async_trait::async_trait;
use cluster::{Cluster, ENDPOINTS, Miss, PATIENCE, States};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use url::Url;

const CONTROL: Shape = Shape::Resource {
    kind: "AWS::Route53RecoveryControl::RoutingControl",
    placed: Placed::InARegion,
    made: false,
};

pub(crate) static ROUTING_CONTROL: Kind = Kind {
    name: "aws.arc.routing_control",
    summary: "Turn one routing control on and another one off, in one call",
    parameters: &[
        Parameter::required(
            "endpoints",
            Shape::Map,
            "The cluster's five endpoints: the region of each, and its address",
        ),
        Parameter::required("on", CONTROL, "The control, by its ARN, that lets users in"),
        Parameter::required("off", CONTROL, "The control, by its ARN, that keeps users out"),
        Parameter::optional(
            "override",
            Shape::Map,
            "Safety rules that do not hold this time: a name for each, and its ARN",
        ),
        Parameter::optional("reason", Shape::Text, "Why safety rules are overridden"),
    ],
    observed: &["on", "off", "seen_by"],
    // A cluster works as long as three of its endpoints do (ARC developer guide, "Best practices for routing control").
    planes: &[Plane::Spread { service: "ARC", needs: 3, of: 5 }],
    permissions: &[
        "route53-recovery-cluster:GetRoutingControlState",
        "route53-recovery-cluster:UpdateRoutingControlStates",
    ],
    // An endpoint answers in a second; four that hang cost a quarter of a minute.
    usual: Duration::from_secs(10),
    // The endpoints agree on a state before one of them accepts it.
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const SWITCH: &str = "switch";
const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let endpoints = params.map("endpoints");
    let mistake = |name: &str, message: String| Err(Diagnostic::at(params.span(name), message));
    if endpoints.is_empty() {
        return mistake("endpoints", "`endpoints` names none".to_owned());
    }
    let is_address = |url: &str| Url::parse(url).is_ok_and(|url| url.has_host());
    if let Some((region, url)) = endpoints.iter().find(|(_, url)| !is_address(url)) {
        let message = format!("the endpoint in {region} must be an address, not `{url}`");
        return mistake("endpoints", message);
    }
    let rules = params.map("override");
    let reason = params.optional_text("reason");
    if rules.is_empty() != reason.is_none() {
        let message = "`override` and its `reason` are given together, or neither is".to_owned();
        return mistake(if reason.is_some() { "reason" } else { "override" }, message);
    }
    let aws = Aws::new(clients);
    Ok(Switch {
        cluster: Cluster {
            aws,
            endpoints,
            on: params.resource("on")?,
            off: params.resource("off")?,
        },
        rules,
        reason,
    }
    .into_action())
}

struct Switch {
    cluster: Cluster,
    /// What is overridden: names and ARNs.
    rules: Vec<(String, String)>,
    reason: Option<String>,
}

#[async_trait]
impl OnAws for Switch {
    fn aws(&self) -> &Aws {
        &self.cluster.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        ROUTING_CONTROL.permissions
    }

    fn region(&self) -> &str {
        self.cluster.on.region.as_ref().map_or("", |region| region.as_str())
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        self.aws().keys(false).await?;
        let order = self.cluster.shuffled();
        let mut order = order.into_iter();
        let (region, states) = match self.cluster.ask(&mut order).await {
            Ok(answered) => answered,
            Err(Miss::Absent { control, region }) => {
                let why =
                    format!("the cluster knows no routing control `{control}`, says {region}");
                return Ok(Observation::new(Answer::Never { why }, Evidence::new()));
            }
            Err(miss) => return Err(miss.into()),
        };
        let mut seen_by = region.clone();
        let mut answer = self.answer(&states);
        if answer == Answer::AsDesired {
            // Whichever endpoint took the change, one of two is another one.
            match self.cluster.ask(&mut order).await {
                Ok((other, shown)) if shown.are_wanted() => seen_by = format!("{region}, {other}"),
                Ok((other, _)) => {
                    let why = format!("{region} shows the change, and {other} does not yet");
                    answer = Answer::NotYet { why, look_again: LOOK_AGAIN };
                }
                // One that answers is as good as the cluster gets with four that do not.
                Err(_) => {}
            }
        }
        let evidence = states.evidence().text("seen_by", seen_by);
        Ok(Observation::new(answer, evidence).serving(self.serves(&states)))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        if change.id.as_str() != SWITCH {
            return Err(unknown_change(change));
        }
        let entry = |control: &Resource, state: &str| json!({ "RoutingControlArn": control.name, "RoutingControlState": state });
        let Cluster { on, off, .. } = &self.cluster;
        let mut body = json!({
            "UpdateRoutingControlStateEntries": [entry(on, "On"), entry(off, "Off")],
        });
        if !self.rules.is_empty() {
            let arns: Vec<_> = self.rules.iter().map(|(_, arn)| arn).collect();
            body["SafetyRulesToOverride"] = json!(arns);
        }
        Ok(Call::json(&ARC, &region_of(on), "UpdateRoutingControlStates", &body))
    }

    /// Sends it to one endpoint after the other, until one answers.
    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let call = self.request(change).await?;
        self.aws().keys(false).await.map_err(before_sending)?;
        let mut said = Vec::new();
        let mut is_in_doubt = false;
        for endpoint in self.cluster.shuffled() {
            if is_in_doubt {
                // It may have happened, so nothing is sent to an endpoint that cannot say.
                match self.cluster.states(endpoint).await {
                    Ok(states) if states.are_wanted() => {
                        return Ok(Applied::Done { request_id: None });
                    }
                    Ok(_) => {}
                    Err(_) => continue,
                }
            }
            let call = endpoint.asked(&call);
            let sent = self.aws().try_change(&call, permit);
            match self.aws().clients.clock.within(PATIENCE, sent).await {
                Some(Ok(response)) => return Ok(self.accepted(&response)),
                Some(Err(refused @ Unapplied::Refused { .. })) => return Err(refused),
                Some(Err(Unapplied::Deferred { why, .. })) => said.push(why),
                Some(Err(Unapplied::InDoubt { why, .. })) => {
                    is_in_doubt = true;
                    said.push(why);
                }
                None => {
                    is_in_doubt = true;
                    let patience = span::show(PATIENCE);
                    said.push(format!("{}: no answer within {patience}", call.says()));
                }
            }
        }
        let why = said.join("; ");
        Err(if is_in_doubt {
            Unapplied::InDoubt { why, wait: None }
        } else {
            Unapplied::Deferred { why, wait: LOOK_AGAIN }
        })
    }

    async fn examine(&self) -> Vec<Finding> {
        let named = self.cluster.endpoints.len();
        let few = (named < ENDPOINTS).then(|| {
            let says = format!("a cluster has {ENDPOINTS} endpoints, and the step names {named}");
            Finding::warning(says)
        });
        // What cannot be read is told when the controls are looked at.
        let states = self.cluster.ask(&mut self.cluster.shuffled().into_iter()).await.ok();
        let both = states.filter(|(_, states)| states.on.is_on && states.off.is_on).map(|_| {
            Finding::warning("both routing controls are On: users are let into both regions")
        });
        few.into_iter().chain(both).collect()
    }
}

impl Switch {
    fn answer(&self, states: &States) -> Answer {
        if states.are_wanted() {
            return Answer::AsDesired;
        }
        let mut says = states.says();
        if let Some(reason) = &self.reason {
            let names: Vec<_> = self.rules.iter().map(|(name, _)| name.as_str()).collect();
            says.push_str(&[", whatever ", &names.join(" and "), " says: ", reason].concat());
        }
        Answer::Missing(vec![Change::harmless(SWITCH, Sign::Changes, says)])
    }

    fn serves(&self, states: &States) -> Serves {
        let control = match (states.on.is_on, states.off.is_on) {
            (true, false) => &self.cluster.on,
            (false, true) => &self.cluster.off,
            _ => return Serves::Nobody,
        };
        control.region.clone().map_or(Serves::NoRole, Serves::Region)
    }
}

#[cfg(test)]
mod tests;
