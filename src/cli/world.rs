//! Wires the three worlds: live, read-only and simulated. Nothing below knows in which of them it works.

mod loopback;
mod simulated;

pub(super) use simulated::{Draft, Scene, outage};

use super::{
    kept::Realm,
    manner::{CloudFlags, Manner},
    secrets::Vault,
    settings::{endpoints, environment, kubeconfig, name_server, resolvers, variable},
};
use crate::{
    action::{Aws, Clients, Clusters, Endpoints, Gateway, Tokens, TroubleKind},
    model::{
        Clock, Exit, Failure, Hint, Mode, Resource, RunId, Seal, Secret, Vendor, quoted,
        span::{clock_time, show},
    },
    plan::{ActionWork, Plan, Step},
    provider::{
        aws::{Chain, caller},
        azure::{Credential, SignIn},
        kubernetes::{self, Kubeconfig},
    },
    sim,
    wire::{Dns, Ears, NameServers, Network, Patient, ReadOnly, Transport},
};
use loopback::{Loopback, SignedInThere};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// The actions that run what a team has written.
const COMMANDS: [&str; 2] = ["command", "kubernetes.exec"];
const AZURE: &str = "https://management.azure.com/";
const ARM_SCOPE: &str = "https://management.azure.com/.default";
const SIGNS_IN_WITHIN: Duration = Duration::from_secs(30);
/// A live address is probed as often as the runbook asks.
const WATCH_LIVE: Duration = Duration::from_secs(1);

/// A cloud to work in: transport, clock and credentials together.
pub(super) struct World {
    pub clients: Clients,
    /// The live world's secrets; a simulated one makes its own up.
    vault: Option<Arc<Vault>>,
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
        let Some(vault) = &self.vault else { return Ok(()) };
        vault.open().await?;
        if asks(plan, Vendor::Azure) {
            self.sign_in_to_azure().await?;
        }
        if asks(plan, Vendor::Aws) {
            self.sign_in_to_aws(plan).await?;
        }
        self.sign_in_to_clusters(plan).await
    }

    async fn sign_in_to_azure(&self) -> Result<(), Failure> {
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

    /// Every cluster must answer and know who is asking, but for those of a region that is presumed lost.
    async fn sign_in_to_clusters(&self, plan: &Plan) -> Result<(), Failure> {
        let is_lost = |resource: &&Resource| {
            plan.mode == Mode::Unplanned && resource.region.as_ref() == Some(&plan.from)
        };
        let needed = resources(plan).filter(|resource| !is_lost(resource));
        let contexts: BTreeSet<_> = needed.filter_map(kubernetes::context).collect();
        for context in contexts {
            let asked = kubernetes::sign_in(&self.clients, context);
            let asked = self.clients.clock.within(SIGNS_IN_WITHIN, asked).await;
            let why = match asked {
                Some(Ok(())) => continue,
                Some(Err(trouble)) => trouble.why,
                None => format!("no answer within {}", show(SIGNS_IN_WITHIN)),
            };
            let what = format!("cannot sign in to the cluster `{context}`; nothing was changed");
            let hint = format!(
                "`kubectl --context {} get pods` must work on this machine",
                quoted(context)
            );
            return Err(Failure::new(Exit::Preflight, what).because(why).hint(Hint::says(hint)));
        }
        Ok(())
    }

    /// The keys must be of the account that the runbook is for: names of another one may be just as good.
    async fn sign_in_to_aws(&self, plan: &Plan) -> Result<(), Failure> {
        let Some(meant) = resources(plan).find_map(Resource::account) else { return Ok(()) };
        let cannot = |why: String, hint: &str| {
            Failure::new(Exit::Preflight, "cannot sign in to AWS; nothing was changed")
                .because(why)
                .hint(Hint::says(hint))
        };
        let region = plan.to.as_str();
        let way = format!(
            "see that this machine reaches STS in {region}; AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_STS say where it is, if they are set"
        );
        let asked = self.clients.clock.within(SIGNS_IN_WITHIN, caller(&self.clients, region)).await;
        let late = || cannot(format!("no answer within {}", show(SIGNS_IN_WITHIN)), &way);
        let caller = asked.ok_or_else(late)?.map_err(|trouble| match trouble.kind {
            TroubleKind::Unreachable => cannot(trouble.why, &way),
            TroubleKind::Denied | TroubleKind::NotRead | TroubleKind::Odd => {
                cannot(trouble.why, "sign in (`aws sso login`), or name a profile with AWS_PROFILE")
            }
        })?;
        if caller.account == meant {
            return Ok(());
        }
        let what = format!(
            "this runbook is for the AWS account {meant}, and {} is in {}; nothing was changed",
            caller.arn, caller.account
        );
        let hint = "choose the profile of that account with AWS_PROFILE";
        Err(Failure::new(Exit::Preflight, what).hint(Hint::says(hint)))
    }

    /// Which world it is, who is asking, and whether that lasts as long as the run.
    pub(super) fn about(&self, plan: &Plan) -> String {
        let Clients { tokens, clock, aws, .. } = &self.clients;
        let mut about = self.about.clone();
        if asks(plan, Vendor::Azure) {
            about = format!("{about}, as {}", tokens.identity());
        }
        let runs = |work: &ActionWork| COMMANDS.contains(&work.action.as_str());
        if self.realm == Realm::Simulated && plan.steps.iter().filter_map(Step::action).any(runs) {
            about.push_str("\nno command is run: each ends as its step says (`simulated_status`)");
        }
        let ends = [tokens.ends(), aws.keys.ends()].into_iter().flatten().min();
        let ends = ends.filter(|ends| *ends < clock.now() + plan.expected().length);
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
        let network: Arc<dyn Transport> =
            Arc::new(Network::new(clock.clone()).running_in(folder(plan), environment()));
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
        let (aws, dns) = amazon(plan, cloud, &clock)?;
        let clusters: Arc<dyn Clusters> = match cloud.loopback() {
            Some(_) => Arc::new(Gateway::new(sim::GATEWAY, "simulated")),
            None => Arc::new(Kubeconfig::new(kubeconfig())),
        };
        let seal = Seal::random();
        let vault = Arc::new(Vault::new(&plan.secrets, clock.clone()));
        Ok(Self {
            vault: Some(Arc::clone(&vault)),
            clients: Clients {
                transport,
                tokens,
                clock,
                seal,
                run,
                azure,
                aws,
                clusters,
                dns,
                secrets: vault,
                ears: Ears::default(),
            },
            realm: Realm::Live,
            pace: None,
            watch_every: WATCH_LIVE,
            about,
        })
    }
}

/// Where a runbook stands, and what it names beside it.
fn folder(plan: &Plan) -> PathBuf {
    let folder = Path::new(&plan.path).parent().map(Path::to_path_buf).unwrap_or_default();
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder }
}

fn resources(plan: &Plan) -> impl Iterator<Item = &Resource> {
    plan.steps.iter().filter_map(Step::action).flat_map(|work| &work.touches)
}

/// Whether a plan has anything to do with this vendor.
fn asks(plan: &Plan, vendor: Vendor) -> bool {
    resources(plan).any(|resource| resource.vendor() == vendor)
}

/// The way to AWS, and to its name servers.
fn amazon(plan: &Plan, cloud: &CloudFlags, clock: &Clock) -> Result<(Aws, Arc<dyn Dns>), Failure> {
    let mut dns = NameServers::new(clock.clone(), resolvers());
    dns.stand_in = name_server()?;
    if let Some(at) = cloud.loopback() {
        let endpoints = Endpoints { all: Some(at.clone()), ..Endpoints::default() };
        let aws = Aws { endpoints, ..Aws::with_keys("simulated", "simulated") };
        // What stands in for the clouds answers questions about names at the same port.
        let served = at.socket_addrs(|| None).ok().and_then(|all| all.first().copied());
        dns.stand_in = dns.stand_in.or(served);
        return Ok((aws, Arc::new(dns)));
    }
    // The token service that is asked must outlive the region that is left.
    let keys = Arc::new(Chain::new(plan.to.as_str(), clock.clone()));
    Ok((Aws { keys, endpoints: endpoints()? }, Arc::new(dns)))
}

/// Azure Resource Manager of the public cloud.
pub(super) fn public_azure() -> Url {
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
