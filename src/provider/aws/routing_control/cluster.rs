//! A cluster of ARC, and its endpoints.
//!
//! Each is asked in its own region and for a few seconds only: one of them may hang, or four.

use crate::{
    action::{Trouble, TroubleKind},
    model::{Evidence, Resource, span},
    provider::aws::{
        call::Call,
        client::{Aws, json, part, trouble},
        error::AwsError,
        service::ROUTING_CONTROL as ARC,
    },
    wire::Intent,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// How many endpoints a cluster has (ARC developer guide, "Routing control components").
pub(super) const ENDPOINTS: usize = 5;
/// How long one endpoint may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Cluster {
    pub(super) aws: Aws,
    /// Regions and addresses.
    pub(super) endpoints: Vec<(String, String)>,
    pub(super) on: Resource,
    pub(super) off: Resource,
}

/// One of the endpoints.
#[derive(Clone, Copy)]
pub(super) struct Endpoint<'a> {
    region: &'a str,
    url: &'a str,
}

impl Endpoint<'_> {
    /// A call as this endpoint is asked it: signed for its own region.
    pub(super) fn asked(self, call: &Call) -> Call {
        let call = call.clone().at(self.url);
        Call { region: self.region.to_owned(), ..call }
    }
}

/// Why an endpoint, or all of them, did not say.
pub(super) enum Miss {
    /// Another one may.
    Silent(Trouble),
    Absent {
        control: String,
        region: String,
    },
    /// All would say the same.
    Told(Trouble),
}

impl From<Miss> for Trouble {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Silent(trouble) | Miss::Told(trouble) => trouble,
            Miss::Absent { control, .. } => {
                Self::odd(format!("the cluster knows no routing control `{control}`"))
            }
        }
    }
}

/// How both controls are.
pub(super) struct States {
    pub(super) on: State,
    pub(super) off: State,
}

pub(super) struct State {
    name: String,
    pub(super) is_on: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    routing_control_state: String,
    routing_control_name: Option<String>,
}

impl Cluster {
    /// The endpoints in an order that is another one for each run and each try: no endpoint bears the first try of all.
    pub(super) fn shuffled(&self) -> Vec<Endpoint<'_>> {
        let clients = &self.aws.clients;
        let now = clients.clock.now().as_second();
        let place = |endpoint: &Endpoint<'_>| {
            let mut hasher = DefaultHasher::new();
            (clients.run.to_string(), now, endpoint.region).hash(&mut hasher);
            hasher.finish()
        };
        let endpoints = self.endpoints.iter().map(|(region, url)| Endpoint { region, url });
        let mut endpoints: Vec<_> = endpoints.collect();
        endpoints.sort_by_key(place);
        endpoints
    }

    /// What the first of these says that answers, and its region.
    pub(super) async fn ask<'a>(
        &self,
        endpoints: &mut impl Iterator<Item = Endpoint<'a>>,
    ) -> Result<(String, States), Miss> {
        let mut silent: Vec<Trouble> = Vec::new();
        for endpoint in endpoints {
            match self.states(endpoint).await {
                Ok(states) => return Ok((endpoint.region.to_owned(), states)),
                Err(Miss::Silent(trouble)) => silent.push(trouble),
                Err(miss) => return Err(miss),
            }
        }
        let all: Vec<_> = silent.iter().map(|trouble| trouble.why.as_str()).collect();
        let why = format!("none of the cluster's endpoints answered: {}", all.join("; "));
        // What none of them takes the keys for is cured by signing in.
        let is_denied = silent.iter().all(|trouble| trouble.kind == TroubleKind::Denied);
        Err(Miss::Silent(if is_denied { Trouble::denied(why) } else { Trouble::unreachable(why) }))
    }

    /// Both states, as one endpoint knows them.
    pub(super) async fn states(&self, endpoint: Endpoint<'_>) -> Result<States, Miss> {
        let on = self.state(endpoint, &self.on).await?;
        Ok(States { on, off: self.state(endpoint, &self.off).await? })
    }

    async fn state(&self, endpoint: Endpoint<'_>, control: &Resource) -> Result<State, Miss> {
        let body = json!({ "RoutingControlArn": control.name });
        let call = Call::json(&ARC, "", "GetRoutingControlState", &body);
        let call = endpoint.asked(&call);
        // Once: when it does not answer, there are others.
        let sent = self.aws.send(&call, Intent::Probe);
        let response = match self.aws.clients.clock.within(PATIENCE, sent).await {
            Some(Ok(response)) => response,
            Some(Err(lost)) => return Err(Miss::Silent(lost.into())),
            None => {
                let why = format!("{}: no answer within {}", call.says(), span::show(PATIENCE));
                return Err(Miss::Silent(Trouble::unreachable(why)));
            }
        };
        if response.status().is_success() {
            let answer = json(&call, &response).map_err(Miss::Told)?;
            let shown: Shown = part(&call, &answer).map_err(Miss::Told)?;
            let id = control.name.rsplit('/').next().unwrap_or_default();
            return Ok(State {
                name: shown.routing_control_name.unwrap_or_else(|| id.to_owned()),
                is_on: shown.routing_control_state == "On",
            });
        }
        let error = AwsError::read(&response);
        Err(if error.is("ResourceNotFound") {
            let region = endpoint.region.to_owned();
            Miss::Absent { control: control.name.clone(), region }
        } else if error.is_busy() || error.is_about_keys() || error.status.is_server_error() {
            // One that takes no signature for this region may be in another one, by a slip of the runbook.
            Miss::Silent(trouble(&call, &error))
        } else {
            Miss::Told(trouble(&call, &error))
        })
    }
}

impl States {
    pub(super) fn are_wanted(&self) -> bool {
        self.on.is_on && !self.off.is_on
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence::new().text("on", self.on.says()).text("off", self.off.says())
    }

    /// What changes when both are as wanted.
    pub(super) fn says(&self) -> String {
        let [on, off] = [(&self.on, "On"), (&self.off, "Off")].map(|(state, wanted)| {
            let (name, now) = (&state.name, state.says());
            if now == wanted {
                format!("{name} stays {now}")
            } else {
                format!("{name} {now} → {wanted}")
            }
        });
        format!("{on}, {off}")
    }
}

impl State {
    fn says(&self) -> &'static str {
        if self.is_on { "On" } else { "Off" }
    }
}
