//! Runs a plan of model actions, resumes it, and answers its questions.

use super::{actions::CATALOGUE, cloud::Cloud, crash::Fuse};
use async_trait::async_trait;
use failover::{
    action::{Aws, Clients, Gateway, Tokens, Trouble},
    engine::{Ask, Ending, Engine, Interrupter, Operator, Parts, Reply},
    journal::{Journal, read},
    model::{ActionName, Clock, Mode, Node, RunId, Seal, Secret, StepId},
    plan::{ActionWork, Effect, Objectives, OnFailure, Plan, Side, Step, VERSION, Work},
    run::{Answer, Event, Fact, Question, RunFact, RunState},
    wire::{Bounded, Ears, NameServers, Transport},
};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

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

/// Says yes, and tells the truth when asked whether something happened.
#[derive(Clone)]
pub struct Truthful {
    pub cloud: Cloud,
    pub asked: Arc<Mutex<Vec<Question>>>,
    /// What somebody else does while the question stands.
    pub meanwhile: Arc<dyn Fn(&Cloud) + Send + Sync>,
    /// How long the answer takes.
    pub thinks: Duration,
    pub clock: Clock,
    pub goes_on_without: bool,
    /// Says no to the first question of consent.
    pub declines: Arc<Mutex<bool>>,
}

#[async_trait]
impl Operator for Truthful {
    async fn answer(&self, ask: Ask) -> Option<Reply> {
        self.asked.lock().unwrap().push(ask.question.clone());
        self.clock.sleep(self.thinks).await;
        (self.meanwhile)(&self.cloud);
        let happened = ["script", "swap"]
            .iter()
            .any(|verb| self.cloud.count(&format!("POST /{}/{verb}", ask.step)) > 0);
        let answer = match ask.question {
            Question::Happened { .. } if !happened => Answer::No,
            Question::Again { .. } if self.cloud.value(ask.step.as_str()) == "west" => Answer::No,
            Question::Without { .. } if !self.goes_on_without => Answer::No,
            Question::Consent { .. } if std::mem::take(&mut *self.declines.lock().unwrap()) => {
                Answer::No
            }
            Question::Consent { .. }
            | Question::Attest { .. }
            | Question::Happened { .. }
            | Question::Again { .. }
            | Question::Without { .. } => Answer::Yes,
        };
        Some(Reply { answer, who: "asha".to_owned(), note: None })
    }
}

/// A step of a model plan: `step("swap", "storage")`.
pub fn step(action: &str, thing: &str) -> Step {
    let work = ActionWork {
        action: ActionName::new(action),
        with: Node::map([("thing", Node::text(thing))]),
        touches: Vec::new(),
        planes: Vec::new(),
        usual: Duration::from_mins(1),
        shows_within: CATALOGUE.get(action).unwrap().shows_within,
        mark_valid_for: None,
        effect: Effect::Changes,
        proves_service: false,
        timeout: Duration::from_hours(1),
    };
    Step {
        id: StepId::new(thing),
        number: "1".to_owned(),
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

/// The steps one after the other.
pub fn in_order(mut steps: Vec<Step>) -> Plan {
    for place in 1..steps.len() {
        let before = steps[place - 1].id.clone();
        steps[place].needs = vec![before];
    }
    plan(steps)
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        version: VERSION,
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

/// One world that outlives the processes that work in it.
pub struct World {
    pub plan: Arc<Plan>,
    pub clock: Clock,
    pub fuse: Fuse,
    pub cloud: Cloud,
    pub operator: Truthful,
    pub events: Arc<Mutex<Vec<Event>>>,
    /// Interrupts the process after so long, each time.
    pub interrupt_after: Vec<Duration>,
    /// What a resume brings with it.
    pub then: Vec<Fact>,
    /// How long a read may take.
    pub answers_within: Duration,
    /// How many changes may be under way at the same time.
    pub at_most: Option<usize>,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let fuse = Fuse::new();
        let cloud = Cloud::new(clock.clone(), fuse.clone());
        let operator = Truthful {
            cloud: cloud.clone(),
            asked: Arc::default(),
            meanwhile: Arc::new(|_| {}),
            thinks: Duration::from_secs(7),
            clock: clock.clone(),
            goes_on_without: true,
            declines: Arc::default(),
        };
        let events = Arc::default();
        Self {
            plan: Arc::new(plan),
            clock,
            fuse,
            cloud,
            operator,
            events,
            interrupt_after: Vec::new(),
            then: Vec::new(),
            answers_within: Duration::from_secs(10),
            at_most: None,
        }
    }

    /// The facts that would survive a power cut now.
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
        let who = || "asha".to_owned();
        let opening = match state.started {
            None => RunFact::Started {
                plan: String::new(),
                who: who(),
                host: who(),
                tool: String::new(),
                identity: String::new(),
                simulated: true,
            },
            Some(_) => RunFact::Resumed {
                who: who(),
                host: who(),
                tool: String::new(),
                identity: String::new(),
            },
        };
        let mut opening = vec![Fact::Run(opening)];
        if state.started.is_some() {
            opening.extend(self.then.clone());
        }
        let limit = self.answers_within;
        let transport = Bounded::new(Arc::new(self.cloud.clone()), self.clock.clone(), limit);
        let clients = Clients {
            seal: Seal::random(),
            transport: Arc::new(transport) as Arc<dyn Transport>,
            tokens: Arc::new(NoTokens),
            clock: self.clock.clone(),
            run: RunId::starting_at(Timestamp::UNIX_EPOCH),
            azure: "http://model".parse().unwrap(),
            aws: Aws::with_keys("simulated", "simulated"),
            clusters: Arc::new(Gateway::new(failover::sim::GATEWAY, "simulated")),
            dns: Arc::new(NameServers::new(Clock::real(), Vec::new())),
            secrets: Arc::new(failover::model::Secret::new(failover::sim::SECRET)),
            ears: Ears::default(),
        };
        let (interrupter, interrupts) = Interrupter::new();
        let clock = self.clock.clone();
        let interrupting = async {
            for pause in &self.interrupt_after {
                clock.sleep(*pause).await;
                interrupter.interrupt();
            }
            std::future::pending::<()>().await;
        };
        let events = Arc::clone(&self.events);
        let engine = Engine::new(Parts {
            plan: Arc::clone(&self.plan),
            catalogue: CATALOGUE,
            clients,
            journal: Journal::at_end_of(Box::new(self.fuse.clone()), &reading),
            state,
            operator: Arc::new(self.operator.clone()),
            interrupts,
            listener: Box::new(move |event| events.lock().unwrap().push(event.clone())),
            at_most: self.at_most,
            stays: false,
            watch_every: None,
        });
        tokio::select! {
            biased;
            ending = engine.carry_out(opening) => Some(ending.unwrap()),
            () = self.fuse.blown() => None,
            () = interrupting => None,
        }
    }

    /// Processes until one ends the run, at most `most` of them.
    pub async fn until_done(&self, most: usize) -> Ending {
        for _ in 0..most {
            match self.process().await {
                Some(Ending::Stopped(_)) | None => {}
                Some(ending) => return ending,
            }
            // The next one comes after a while.
            self.clock.sleep(Duration::from_mins(2)).await;
        }
        panic!("{most} processes did not end the run: {:#?}", self.state());
    }
}

/// Runs a case in a runtime of its own: paused time belongs to one runtime.
pub fn in_virtual_time<T>(case: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(case)
}
