//! One rehearsal: a runbook, a direction, a mode, and a world that outlives the processes that work in it.

use crate::{contract::check, core::crash::Fuse};
use async_trait::async_trait;
use failover::{
    action::{Aws, Clients, Gateway, Tokens, Trouble},
    engine::{Ask, Ending, Engine, Interrupter, Operator, Parts, Reply, preflight},
    journal::{Journal, read},
    model::{ChangeId, Clock, Mode, RunId, Seal, Secret, StepId},
    plan::{self, Choice, Plan},
    provider,
    run::{Answer, Event, Fact, Question, RunFact, RunState, StepFact, StepOutcome},
    runbook,
    sim::{Cloud, Exchange, Outage, Simulated, World},
    wire::{Intent, Patient, ReadOnly, Request, Response, SendError, Transport},
};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The night of the outage.
pub fn night() -> Timestamp {
    "2026-11-20T02:14:00Z".parse().unwrap()
}

/// The plan of a runbook in `runbooks/`.
pub fn make(file: &str, from: &str, to: &str, mode: Mode) -> Plan {
    let path = format!("runbooks/{file}");
    planned(&path, &std::fs::read(&path).unwrap(), [from, to], mode)
}

/// The plan of a runbook that may stand anywhere; its files stand in `runbooks/`.
pub fn planned(path: &str, text: &[u8], [from, to]: [&str; 2], mode: Mode) -> Plan {
    let files =
        |name: &str| std::fs::read_to_string(format!("runbooks/{name}")).map_err(|e| e.to_string());
    let runbook = runbook::load(path, text, provider::catalogue(), &files)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let choice = Choice {
        from,
        to,
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

/// Tokens that the simulated cloud issues.
struct SimulatedTokens(Simulated);

#[async_trait]
impl Tokens for SimulatedTokens {
    async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
        Ok(Secret::new(self.0.token()))
    }

    fn identity(&self) -> String {
        "a rehearsal".to_owned()
    }
}

type Meanwhile = Arc<dyn Fn(&Ask, &Simulated) + Send + Sync>;

/// Says yes to everything, except that something of which no answer came has happened: that, it looks up.
struct Yes {
    cloud: Simulated,
    /// What the cloud's log held before this run.
    before: usize,
    asked: Arc<Mutex<Vec<Ask>>>,
    meanwhile: Meanwhile,
}

#[async_trait]
impl Operator for Yes {
    async fn answer(&self, ask: Ask) -> Option<Reply> {
        self.asked.lock().unwrap().push(ask.clone());
        (self.meanwhile)(&ask, &self.cloud);
        let answer = match &ask.question {
            Question::Happened { change, .. } => {
                let sent =
                    |exchange: &Exchange| exchange.has_changed && is_sent_by(change, exchange);
                if self.cloud.log()[self.before..].iter().any(sent) {
                    Answer::Yes
                } else {
                    Answer::No
                }
            }
            Question::Consent { .. }
            | Question::Attest { .. }
            | Question::Again { .. }
            | Question::Without { .. } => Answer::Yes,
        };
        Some(Reply { answer, who: "asha".to_owned(), note: None })
    }
}

/// Whether an exchange is what this harmful change sends.
fn is_sent_by(change: &ChangeId, exchange: &Exchange) -> bool {
    match change.as_str() {
        "failover" => is_failover(exchange),
        "promote" | "switchover" => is_promotion(exchange),
        "run" => exchange.scheme == "program" || exchange.path_and_query.contains("/exec?"),
        "request" => exchange.host == "notes.example.net",
        other => panic!("`{other}` is no harmful change"),
    }
}

pub fn is_failover(exchange: &Exchange) -> bool {
    let path = &exchange.path_and_query;
    exchange.method == http::Method::POST && (path.contains("/failover?") || path == "/failover")
}

/// Of all changes to the servers themselves, and not to what is below them, Proseware knows only this.
pub fn is_promotion(exchange: &Exchange) -> bool {
    let promotes =
        |operation: &str| operation == "PromoteReadReplica" || operation.contains("pg_promote(");
    if exchange.operation.as_deref().is_some_and(promotes) {
        return !exchange.is_read;
    }
    if exchange.path_and_query == "/switchover" {
        return true;
    }
    let path = exchange.path_and_query.split('?').next().unwrap();
    exchange.method == http::Method::PATCH && path.rsplit('/').nth(1) == Some("flexibleServers")
}

/// Dies at requests as well as at journal writes.
struct Mortal {
    inner: Simulated,
    fuse: Fuse,
    sent: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl Transport for Mortal {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        let Intent::Change(permit) = intent else { return self.inner.send(request, intent).await };
        self.fuse.check_written_ahead(permit.record());
        self.fuse.burn("before the request").await;
        self.sent.lock().unwrap().push(permit.record());
        let response = self.inner.send(request, intent).await;
        self.fuse.burn("after the request").await;
        response
    }
}

pub struct Drill {
    pub plan: Arc<Plan>,
    pub clock: Clock,
    pub cloud: Simulated,
    /// What its log held before this run.
    before: usize,
    pub fuse: Fuse,
    pub events: Arc<Mutex<Vec<Event>>>,
    /// The record in the journal behind each change that was sent.
    pub sent: Arc<Mutex<Vec<u64>>>,
    /// Every question that was asked.
    pub asked: Arc<Mutex<Vec<Ask>>>,
    /// What somebody else does while a question stands.
    pub meanwhile: Meanwhile,
}

impl Drill {
    pub fn new(plan: Plan, outage: Outage) -> Self {
        let cloud = Cloud::seeded(&plan, outage, night());
        Self::within(cloud, plan)
    }

    /// A run in a world that is there.
    pub fn within(cloud: Cloud, plan: Plan) -> Self {
        let clock = Clock::virtual_from(cloud.now());
        let cloud = Simulated::new(World::in_memory(cloud), clock.clone());
        cloud.keep_bodies();
        Self {
            plan: Arc::new(plan),
            clock,
            cloud,
            before: 0,
            fuse: Fuse::new(),
            events: Arc::default(),
            sent: Arc::default(),
            asked: Arc::default(),
            meanwhile: Arc::new(|_, _| {}),
        }
    }

    /// Another run in the world that this one left.
    pub fn then(self, plan: Plan) -> Self {
        self.cloud.with_world(|world| world.cloud_mut().add_missing(&plan));
        Self {
            plan: Arc::new(plan),
            before: self.cloud.log().len(),
            fuse: Fuse::new(),
            events: Arc::default(),
            sent: Arc::default(),
            ..self
        }
    }

    pub fn set_outage(&self, outage: Outage) {
        let (region, now) = (self.plan.from.as_str(), self.clock.now());
        self.cloud.with_world(|world| world.set_outage(outage, region, now).unwrap());
    }

    pub fn clients(&self, transport: Arc<dyn Transport>) -> Clients {
        Clients {
            seal: Seal::random(),
            transport: Arc::new(Patient::new(transport, self.clock.clone())),
            tokens: Arc::new(SimulatedTokens(self.cloud.clone())),
            clock: self.clock.clone(),
            run: RunId::starting_at(self.clock.now()),
            azure: "https://management.azure.com".parse().unwrap(),
            aws: Aws::with_keys("simulated", "simulated"),
            clusters: Arc::new(Gateway::new(failover::sim::GATEWAY, "simulated")),
            dns: Arc::new(self.cloud.clone()),
            secrets: Arc::new(Secret::new(failover::sim::SECRET)),
            ears: failover::wire::Ears::default(),
        }
    }

    pub async fn preflight(&self) -> failover::engine::Preflight {
        let clients = self.clients(Arc::new(ReadOnly::new(Arc::new(self.cloud.clone()))));
        preflight(&self.plan, provider::catalogue(), &clients).await
    }

    pub fn facts(&self) -> Vec<(Timestamp, Fact)> {
        let reading = read::<Fact>(self.fuse.lines.text().as_bytes()).unwrap();
        reading.entries.into_iter().map(|entry| (entry.at, entry.fact)).collect()
    }

    pub fn state(&self) -> RunState {
        let mut state = RunState::new(self.plan.steps.iter().map(|step| &step.id));
        for (at, fact) in self.facts() {
            state.fold(at, &fact).unwrap();
        }
        state
    }

    /// One process: runs, or resumes, until it ends or dies. `None` when it died.
    pub async fn process(&self) -> Option<Ending> {
        let text = self.fuse.lines.text();
        let reading = read::<Fact>(text.as_bytes()).unwrap();
        let state = self.state();
        let (who, host) = ("asha".to_owned(), "bastion-2".to_owned());
        let (tool, identity) = (String::new(), String::new());
        let opening = match state.started {
            None => {
                let plan = String::new();
                RunFact::Started { plan, who, host, tool, identity, simulated: true }
            }
            Some(_) => RunFact::Resumed { who, host, tool, identity },
        };
        // A resume gives what failed a new attempt.
        let is_failed = |step: &&StepId| {
            let outcome = state.step(step).and_then(|state| state.outcome());
            matches!(outcome, Some(StepOutcome::Failed { .. }))
        };
        let failed = self.plan.steps.iter().map(|step| &step.id).filter(is_failed);
        let mut facts = vec![Fact::Run(opening)];
        facts.extend(failed.map(|step| Fact::step(step, StepFact::Reopened)));
        let mortal = Mortal {
            inner: self.cloud.clone(),
            fuse: self.fuse.clone(),
            sent: Arc::clone(&self.sent),
        };
        let (_interrupter, interrupts) = Interrupter::new();
        let events = Arc::clone(&self.events);
        let engine = Engine::new(Parts {
            plan: Arc::clone(&self.plan),
            catalogue: provider::catalogue(),
            clients: self.clients(Arc::new(mortal)),
            journal: Journal::at_end_of(Box::new(self.fuse.clone()), &reading),
            state,
            operator: Arc::new(Yes {
                cloud: self.cloud.clone(),
                before: self.before,
                asked: Arc::clone(&self.asked),
                meanwhile: Arc::clone(&self.meanwhile),
            }),
            interrupts,
            listener: Box::new(move |event| events.lock().unwrap().push(event.clone())),
            at_most: None,
            stays: false,
            watch_every: None,
        });
        tokio::select! {
            biased;
            ending = engine.carry_out(facts) => Some(ending.unwrap()),
            () = self.fuse.blown() => None,
        }
    }

    pub async fn until_done(&self, most: usize) -> Ending {
        for _ in 0..most {
            match self.process().await {
                Some(Ending::Stopped(_)) | None => {}
                Some(ending) => return ending,
            }
            self.clock.sleep(Duration::from_mins(2)).await;
        }
        panic!("{most} processes did not end the run:\n{}", self.story());
    }

    /// The requests that would change something, in order: `POST …/failover`.
    pub fn changes(&self) -> Vec<String> {
        let change = |exchange: Exchange| {
            let path = exchange.path_and_query.split('?').next().unwrap().to_owned();
            (!exchange.is_read).then(|| format!("{} {path}", exchange.method))
        };
        self.cloud.log().into_iter().filter_map(change).collect()
    }

    /// How often the harmful requests were carried out: failovers of storage, promotions.
    pub fn harm(&self) -> [usize; 2] {
        let log = self.cloud.log();
        [is_failover, is_promotion].map(|is_harmful| {
            log.iter().filter(|exchange| exchange.has_changed && is_harmful(exchange)).count()
        })
    }

    /// What breaks the vendors' contracts, of all that was sent and answered.
    pub fn breaches(&self) -> Vec<String> {
        self.cloud.log().iter().filter_map(|exchange| check(exchange).err()).collect()
    }

    pub fn outcome(&self, step: &str) -> Option<StepOutcome> {
        self.state().step(&StepId::new(step)).unwrap().outcome().cloned()
    }

    /// What happened, for a test that failed.
    pub fn story(&self) -> String {
        let fact = |(at, fact): (Timestamp, Fact)| format!("{at} {fact:?}\n");
        self.facts().into_iter().map(fact).collect()
    }
}
