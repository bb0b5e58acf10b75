//! The engine as the program wires it for a live run: a journal on disk, the network, and real time.

use super::{model::CATALOGUE, opening::opening};
use async_trait::async_trait;
use failover::{
    action::{Aws, Clients, Gateway, Tokens, Trouble},
    engine::{Ask, Ending, Engine, Interrupter, Operator, Parts, Reply},
    journal::{Folder, Runs},
    model::{Clock, RunId, Seal, Secret},
    plan::Plan,
    run::{Fact, RunState},
    wire::{Ears, NameServers, Network, Patient, Transport},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Nobody asks for a token here.
pub struct NoTokens;

#[async_trait]
impl Tokens for NoTokens {
    async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
        Ok(Secret::new("none"))
    }

    fn identity(&self) -> String {
        "nobody".to_owned()
    }
}

/// Nobody is asked anything here.
struct Nobody;

#[async_trait]
impl Operator for Nobody {
    async fn answer(&self, _: Ask) -> Option<Reply> {
        None
    }
}

pub struct Ours {
    transport: Arc<dyn Transport>,
    clock: Clock,
}

/// What one run came to.
pub struct Took {
    pub time: Duration,
    /// The length of its journal in bytes.
    pub journal: usize,
}

impl Ours {
    pub fn new() -> Self {
        let clock = Clock::real();
        let transport =
            Arc::new(Patient::new(Arc::new(Network::new(clock.clone())), clock.clone()));
        Self { transport, clock }
    }

    /// Carries a plan out, with its journal below this folder. Times the engine, from the first fact to the last.
    pub async fn carry_out(&self, plan: Plan, below: &Path) -> Took {
        let run = RunId::starting_at(self.clock.now());
        let folder = Runs::in_folder(below).folder(run);
        let engine = self.engine(plan, run, &folder);
        let began = Instant::now();
        let ending = engine.carry_out(vec![opening()]).await.unwrap();
        let time = began.elapsed();
        assert_eq!(ending, Ending::Done);
        let journal = folder.read::<Fact>().unwrap().whole;
        Took { time, journal }
    }

    fn engine(&self, plan: Plan, run: RunId, folder: &Folder) -> Engine {
        let journal = folder.create(&plan.to_bytes().unwrap()).unwrap();
        let state = RunState::new(plan.steps.iter().map(|step| &step.id));
        let (_, interrupts) = Interrupter::new();
        Engine::new(Parts {
            plan: Arc::new(plan),
            catalogue: CATALOGUE,
            clients: Clients {
                seal: Seal::random(),
                transport: Arc::clone(&self.transport),
                tokens: Arc::new(NoTokens),
                clock: self.clock.clone(),
                run,
                azure: "http://127.0.0.1".parse().unwrap(),
                aws: Aws::with_keys("simulated", "simulated"),
                clusters: Arc::new(Gateway::new(failover::sim::GATEWAY, "simulated")),
                dns: Arc::new(NameServers::new(Clock::real(), Vec::new())),
                secrets: Arc::new(failover::model::Secret::new("none")),
                ears: Ears::default(),
            },
            journal,
            state,
            operator: Arc::new(Nobody),
            interrupts,
            listener: Box::new(|_| {}),
            at_most: None,
            stays: false,
            watch_every: None,
        })
    }
}
