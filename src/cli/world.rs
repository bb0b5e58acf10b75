//! Wires the three worlds: live, read-only and simulated. Nothing below knows in which of them it works.

mod loopback;
mod simulated;

pub(super) use simulated::{Draft, Scene, outage};

use super::{
    kept::Realm,
    manner::{CloudFlags, Manner},
    settings::variable,
};
use crate::{
    action::{Clients, Tokens},
    model::{
        Clock, Exit, Failure, Hint, RunId, Seal, Secret,
        span::{clock_time, show},
    },
    plan::{Plan, Step},
    provider::azure::{Credential, SignIn},
    wire::{Network, Patient, ReadOnly, Transport},
};
use loopback::{Loopback, SignedInThere};
use std::{sync::Arc, time::Duration};
use url::Url;

const AZURE: &str = "https://management.azure.com/";
const ARM_SCOPE: &str = "https://management.azure.com/.default";
const SIGNS_IN_WITHIN: Duration = Duration::from_secs(30);
/// A live address is probed as often as the runbook asks.
const WATCH_LIVE: Duration = Duration::from_secs(1);

/// A cloud to work in: transport, clock and credentials together.
pub(super) struct World {
    pub clients: Clients,
    pub realm: Realm,
    /// Simulated seconds in each real second, where somebody watches.
    pub pace: Option<f64>,
    /// The shortest pause between two probes of a watched address.
    pub watch_every: Duration,
    /// Which world it is, for people.
    about: String,
}

impl World {
    pub(super) fn is_simulated(&self) -> bool {
        self.realm == Realm::Simulated
    }

    /// The same clouds, in which only reads are sent.
    pub(super) fn read_only(&self) -> Clients {
        let mut clients = self.clients.clone();
        clients.transport = Arc::new(ReadOnly::new(clients.transport));
        clients
    }

    /// Signs in before anything else: whoever cannot would find out of every step that nothing is known.
    pub(super) async fn sign_in(&self, plan: &Plan) -> Result<(), Failure> {
        let asks_azure = |step: &Step| step.action().is_some_and(|work| !work.touches.is_empty());
        if self.is_simulated() || !plan.steps.iter().any(asks_azure) {
            return Ok(());
        }
        let Clients { tokens, clock, .. } = &self.clients;
        let why = match clock.within(SIGNS_IN_WITHIN, tokens.token(ARM_SCOPE, false)).await {
            Some(Ok(_)) => return Ok(()),
            Some(Err(trouble)) => trouble.why,
            None => format!("no answer within {}", show(SIGNS_IN_WITHIN)),
        };
        let what = format!("cannot sign in as {}; nothing was changed", tokens.identity());
        Err(Failure::new(Exit::Preflight, what).because(why).hint(Hint::says(
            "sign in (`az login` for cli), or choose another way with --azure-credential cli, managed, workload or secret",
        )))
    }

    /// Which world it is, who is asking, and whether that lasts as long as the run.
    pub(super) fn about(&self, plan: &Plan) -> String {
        let Clients { tokens, clock, .. } = &self.clients;
        let about = format!("{}, as {}", self.about, tokens.identity());
        let ends = tokens.ends().filter(|ends| *ends < clock.now() + plan.expected().length);
        ends.map_or(about.clone(), |ends| {
            let until = clock_time(ends);
            format!(
                "{about}\nthe sign-in lives until {until}, and must be renewed before the run ends"
            )
        })
    }

    /// The clouds themselves, or what is served in their place at a loopback address.
    pub(super) fn live(
        plan: &Plan,
        run: RunId,
        cloud: &CloudFlags,
        manner: &Manner,
    ) -> Result<Self, Failure> {
        if manner.pace.is_some() {
            let what = "--pace is for simulated runs: a live cloud takes the time that it takes";
            return Err(Failure::new(Exit::CommandLine, what));
        }
        let clock = Clock::real();
        let network: Arc<dyn Transport> = Arc::new(Network::new());
        let (transport, tokens, azure, about): (_, Arc<dyn Tokens>, _, _);
        if let Some(at) = cloud.loopback() {
            let there: Arc<dyn Transport> = Arc::new(Loopback::new(network, at.clone()));
            tokens = Arc::new(SignedInThere::new(Arc::clone(&there), at.clone()));
            (transport, about, azure) = (there, format!("live, against {at}"), at);
        } else {
            let way = cloud.azure_credential.as_deref().or(plan.azure_credential.as_deref());
            tokens = Arc::new(Credential::new(sign_in(way)?, clock.clone()));
            (transport, about) = (network, "live".to_owned());
            azure = cloud.endpoint().unwrap_or_else(public_azure);
        }
        let transport = Arc::new(Patient::new(transport, clock.clone()));
        Ok(Self {
            clients: Clients { transport, tokens, clock, seal: Seal::random(), run, azure },
            realm: Realm::Live,
            pace: None,
            watch_every: WATCH_LIVE,
            about,
        })
    }
}

/// Azure Resource Manager of the public cloud.
fn public_azure() -> Url {
    Url::parse(AZURE).expect("a constant that is an address")
}

/// The one way that was chosen; a way that fails is never exchanged for another.
fn sign_in(way: Option<&str>) -> Result<SignIn, Failure> {
    let needs = |name: &str| {
        variable(name).ok_or_else(|| {
            Failure::new(
                Exit::CommandLine,
                format!("signing in by secret needs {name}, which is not set"),
            )
        })
    };
    match way.unwrap_or("cli") {
        "cli" => Ok(SignIn::Cli),
        "managed" => Ok(SignIn::Managed { client_id: variable("AZURE_CLIENT_ID") }),
        "workload" => Ok(SignIn::Workload),
        "secret" => Ok(SignIn::ClientSecret {
            tenant: needs("AZURE_TENANT_ID")?,
            client_id: needs("AZURE_CLIENT_ID")?,
            secret: Secret::new(needs("AZURE_CLIENT_SECRET")?),
        }),
        unknown => Err(Failure::new(
            Exit::CommandLine,
            format!("there is no way `{unknown}` to sign in to Azure"),
        )
        .hint(Hint::says("the ways are cli, managed, workload and secret"))),
    }
}
