//! Proseware in process: the simulated cloud, virtual time, and a journal in memory.

use super::opening::opening;
use async_trait::async_trait;
use failover::{
    action::{Aws, Clients, Gateway, Tokens, Trouble},
    engine::{Ask, Ending, Engine, Interrupter, Operator, Parts, Reply},
    journal::{Journal, MemoryStore},
    model::{Clock, Mode, RunId, Seal, Secret},
    plan::{self, Choice, Plan},
    provider,
    run::{Answer, RunState},
    runbook,
    sim::{Cloud, Outage, Simulated, World},
    wire::Patient,
};
use std::sync::Arc;

const RUNBOOK: &str = "runbooks/proseware.yaml";

/// Tokens that the simulated cloud issues.
struct Issued(Simulated);

#[async_trait]
impl Tokens for Issued {
    async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
        Ok(Secret::new(self.0.token()))
    }

    fn identity(&self) -> String {
        "a rehearsal".to_owned()
    }
}

struct Yes;

#[async_trait]
impl Operator for Yes {
    async fn answer(&self, _: Ask) -> Option<Reply> {
        Some(Reply { answer: Answer::Yes, who: "asha".to_owned(), note: None })
    }
}

/// The plan of a Proseware failover.
pub fn proseware(mode: Mode) -> Plan {
    let files =
        |name: &str| std::fs::read_to_string(format!("runbooks/{name}")).map_err(|e| e.to_string());
    let bytes = std::fs::read(RUNBOOK).unwrap();
    let runbook = runbook::load(RUNBOOK, &bytes, provider::catalogue(), &files)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let choice = Choice {
        from: "eastus",
        to: "westus",
        mode: Some(mode),
        vars: Vec::new(),
        env: &|_| None,
        outputs: &|_, _| Err(runbook::Unread::new("there is none here", "")),
        made_up_env: true,
        files: &files,
        catalogue: provider::catalogue(),
    };
    plan::build(&runbook, &choice).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// One whole failover in a world of its own, in a runtime of its own: paused time belongs to one runtime.
pub fn rehearse(plan: &Arc<Plan>) {
    let outage = if plan.mode == Mode::Planned { Outage::None } else { Outage::Data };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ending = runtime.block_on(async {
        let clock = Clock::virtual_from("2026-11-20T02:14:00Z".parse().unwrap());
        let cloud = Cloud::seeded(plan, outage, clock.now());
        let cloud = Simulated::new(World::in_memory(cloud), clock.clone());
        let dns = cloud.clone();
        let (_, interrupts) = Interrupter::new();
        let engine = Engine::new(Parts {
            plan: Arc::clone(plan),
            catalogue: provider::catalogue(),
            clients: Clients {
                seal: Seal::random(),
                transport: Arc::new(Patient::new(Arc::new(cloud.clone()), clock.clone())),
                tokens: Arc::new(Issued(cloud)),
                run: RunId::starting_at(clock.now()),
                azure: "https://management.azure.com".parse().unwrap(),
                aws: Aws::with_keys("simulated", "simulated"),
                clusters: Arc::new(Gateway::new(failover::sim::GATEWAY, "simulated")),
                dns: Arc::new(dns),
                secrets: Arc::new(failover::model::Secret::new(failover::sim::SECRET)),
                ears: failover::wire::Ears::default(),
                clock,
            },
            journal: Journal::empty(Box::new(MemoryStore::default())),
            state: RunState::new(plan.steps.iter().map(|step| &step.id)),
            operator: Arc::new(Yes),
            interrupts,
            listener: Box::new(|_| {}),
            at_most: None,
            stays: false,
            watch_every: None,
        });
        engine.carry_out(vec![opening()]).await.unwrap()
    });
    assert_eq!(ending, Ending::Done);
}
