//! Carries a plan out.
//!
//! One loop owns the state of the run. It asks [`next`] what to do, writes the facts, folds them into the state, tells the
//! listener, and only then starts the effects: so nothing is ever sent whose fact is not on disk. Everything else runs
//! beside it and comes back as a message. What a process has in hand dies with it; a resumed run is the same loop over the
//! folded facts with empty hands.

mod bind;
mod effect;
mod error;
mod hand;
mod intake;
mod interrupt;
mod next;
mod operator;
mod preflight;
mod watch;

pub use error::EngineError;
pub use hand::{Hand, Hands, Seen, Stop, View};
pub use interrupt::{Force, Interrupter, Interrupts};
use next::has_failed;
pub use next::{Command, is_stopping, next};
pub use operator::{Ask, Fence, Operator, Reply, ancestors};
pub use preflight::{Check, Checked, Preflight, Serving, preflight, preflight_of};

use crate::{
    action::{Action, Answer as Observed, Catalogue, Clients, Look},
    journal::{Durability, Journal, Receipt},
    model::StepId,
    plan::{Plan, Step},
    run::{Event, Fact, Life, RunFact, RunOutcome, RunState, StepFact, StepState},
    wire::Ears,
};
use bind::bind;
use effect::{Done, Outcome};
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    task::{Id, JoinSet},
};

/// How the engine's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    Owing,
    Aborted,
    /// A step failed; the run can be resumed.
    Failed,
    Stopped(Stop),
}

/// What a run is made of: everything that the world outside decides.
pub struct Parts {
    pub plan: Arc<Plan>,
    pub catalogue: Catalogue,
    pub clients: Clients,
    pub journal: Journal,
    /// The fold of what the journal holds already.
    pub state: RunState,
    pub operator: Arc<dyn Operator>,
    pub interrupts: Interrupts,
    /// Hears every event; cannot fail the run.
    pub listener: Box<dyn FnMut(&Event) + Send>,
    /// How many changes may be under way at the same time; `None` for as many as can be.
    pub at_most: Option<usize>,
    /// Whether to go on trying what is owed when all else is done.
    pub stays: bool,
    /// The shortest pause between two probes of a watched address; `None` for no probes.
    pub watch_every: Option<Duration>,
}

pub struct Engine {
    parts: Parts,
    hands: Hands,
    actions: HashMap<StepId, Arc<dyn Action>>,
    effects: JoinSet<Done>,
    at_work: HashMap<Id, StepId>,
    asks: JoinSet<Done>,
    printed: (mpsc::Sender<Printed>, mpsc::Receiver<Printed>),
}

/// A line that the program of a step has printed.
type Printed = (StepId, String);
/// How many of them may wait to be shown.
const WAITING: usize = 1024;

/// What the loop woke up for.
enum Woken {
    Done(Vec<Done>),
    Interrupted(Force),
    NoAnswer,
    Saw(Fact),
    Printed(Printed),
    Time,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let mut hands = Hands::empty(parts.clients.clock.now());
        hands.stays = parts.stays;
        hands.at_most = parts.at_most;
        Self {
            parts,
            hands,
            actions: HashMap::new(),
            effects: JoinSet::new(),
            at_work: HashMap::new(),
            asks: JoinSet::new(),
            printed: mpsc::channel(WAITING),
        }
    }

    /// Runs until nothing is left to do, or nothing may be done.
    ///
    /// # Errors
    /// When the journal cannot be written, or when a fact would not follow from those before it. Nothing is sent after that.
    pub async fn carry_out(mut self, opening: Vec<Fact>) -> Result<Ending, EngineError> {
        self.record(opening).await?;
        let (saw, mut seen) = mpsc::unbounded_channel();
        let _probes = self
            .parts
            .watch_every
            .map(|every| watch::start(&self.parts.plan.watch, &self.parts.clients, every, &saw));
        loop {
            let now = self.parts.clients.clock.now();
            let commands = next(&self.parts.plan, &self.parts.state, &self.hands, now);
            let mut wake: Option<Timestamp> = None;
            let mut work = Vec::new();
            for command in commands {
                match command {
                    Command::Wake(at) => wake = Some(wake.map_or(at, |known| known.min(at))),
                    command => work.push(command),
                }
            }
            if self.begin(work).await? {
                continue;
            }
            if let Some(ending) = self.ending(wake)? {
                self.close().await?;
                return Ok(ending);
            }
            match self.wait(wake, &mut seen).await {
                Woken::Done(done) => {
                    self.show_printed();
                    self.take_in(done).await?;
                }
                Woken::Printed((step, says)) => self.progress(&step, says, None),
                Woken::Saw(fact) => {
                    self.record(vec![fact]).await?;
                }
                Woken::Interrupted(Force::AtOnce) => {
                    // What has come back already must not be lost: a handle would become a doubt.
                    let done = self.come_back();
                    self.take_in(done).await?;
                    self.record(vec![Fact::Run(RunFact::Interrupted)]).await?;
                    return Ok(Ending::Stopped(Stop::Interrupted));
                }
                Woken::Interrupted(_) => self.stop(Stop::Interrupted),
                Woken::NoAnswer => self.stop(Stop::Unanswered),
                Woken::Time => {}
            }
        }
    }

    /// Writes the facts of the commands, then starts their effects. Says whether the state has changed.
    async fn begin(&mut self, work: Vec<Command>) -> Result<bool, EngineError> {
        let mut facts = Vec::new();
        let mut effects = Vec::new();
        for command in work {
            match &command {
                Command::Record(fact) => facts.push(fact.clone()),
                Command::Apply { step, change } => {
                    let begun = StepFact::ChangeBegun { change: change.clone() };
                    effects.push((facts.len(), command.clone()));
                    facts.push(Fact::step(step, begun));
                }
                Command::Ask { step, question, evidence } => {
                    let (question, evidence) = (question.clone(), evidence.clone());
                    effects.push((facts.len(), command.clone()));
                    facts.push(Fact::step(step, StepFact::Asked { question, evidence }));
                }
                Command::Observe { .. } | Command::Poll { .. } => {
                    effects.push((facts.len(), command));
                }
                Command::Wake(_) => {}
            }
        }
        let mut has_news = !facts.is_empty();
        let receipt = self.record(facts).await?;
        for (place, command) in effects {
            has_news |= self.start(command, &receipt, place).is_none();
        }
        Ok(has_news)
    }

    /// Checks that the facts follow, makes them durable where they must be, and tells.
    async fn record(&mut self, facts: Vec<Fact>) -> Result<Receipt, EngineError> {
        let at = self.parts.clients.clock.now();
        for fact in &facts {
            self.parts.state.fold(at, fact)?;
        }
        let is_barrier = facts.iter().any(Fact::is_barrier);
        let durability = if is_barrier { Durability::Now } else { Durability::WithTheNext };
        let receipt = self.parts.journal.append(at, &facts, durability).await?;
        for fact in facts {
            if let Fact::Step { step, what } = &fact {
                self.take_note(step, what);
            }
            (self.parts.listener)(&Event::Fact { at, fact });
        }
        Ok(receipt)
    }

    /// What was seen before a change came to its end says nothing of the world after it.
    fn take_note(&mut self, step: &StepId, what: &StepFact) {
        match what {
            StepFact::ChangeSettled { .. } | StepFact::ChangeRefused { .. } => {
                self.hands.drop_view(step);
            }
            StepFact::Reopened => {
                self.hands.drop_view(step);
                self.hands.hand(step).is_reopened = true;
            }
            StepFact::Started
            | StepFact::Observed { .. }
            | StepFact::Asked { .. }
            | StepFact::Answered { .. }
            | StepFact::ChangeBegun { .. }
            | StepFact::OperationAccepted { .. }
            | StepFact::ChangeDeferred { .. }
            | StepFact::ChangeDoubted { .. }
            | StepFact::Finished { .. }
            | StepFact::Skipped { .. }
            | StepFact::DoneByHand { .. } => {}
        }
    }

    /// Starts one effect. `None` when its action could not be bound, which then stands as what was seen.
    fn start(&mut self, command: Command, receipt: &Receipt, place: usize) -> Option<()> {
        match command {
            Command::Observe { step } => {
                let look = self.look(&step);
                let action = self.action(&step)?;
                let clock = self.parts.clients.clock.clone();
                self.spawn(step.clone(), effect::observe(step, action, look, clock));
            }
            Command::Apply { step, change } => {
                self.hands.drop_view(&step);
                let action = self.action(&step)?;
                let permit = receipt.permit(place)?;
                self.spawn(step.clone(), effect::apply(step, action, change, permit));
            }
            Command::Poll { step, handle } => {
                // Without its action it cannot be asked about; the cloud goes on all the same.
                let Some(action) = self.action(&step) else {
                    self.hold(&step);
                    return Some(());
                };
                self.spawn(step.clone(), effect::poll(step, action, handle));
            }
            Command::Ask { step, question, evidence } => {
                let title = self.parts.plan.step(&step).and_then(|step| step.title.clone());
                let owed = self.owed();
                let Parts { plan, state, catalogue, .. } = &self.parts;
                let fences = operator::fences(plan, state, *catalogue, &step);
                let ask = Ask { step: step.clone(), title, question, evidence, owed, fences };
                self.hands.hand(&step).is_busy = true;
                self.asks.spawn(effect::ask(Arc::clone(&self.parts.operator), ask));
            }
            Command::Record(_) | Command::Wake(_) => {}
        }
        Some(())
    }

    fn hold(&mut self, step: &StepId) {
        let at = self.parts.clients.clock.now();
        let why = match self.hands.view(step).map(|view| &view.seen) {
            Some(Seen::Answer(Observed::Never { why })) => why.clone(),
            _ => "its action cannot be made".to_owned(),
        };
        self.hands.hand(step).poll_at = Some(at + Duration::from_secs(30));
        (self.parts.listener)(&Event::Holding { at, step: step.clone(), why });
    }

    fn spawn(&mut self, step: StepId, work: impl Future<Output = Done> + Send + 'static) {
        self.hands.hand(&step).is_busy = true;
        let task = self.effects.spawn(work);
        self.at_work.insert(task.id(), step);
    }

    fn owed(&self) -> Vec<StepId> {
        let is_owed =
            |step: &&Step| self.parts.state.step(&step.id).is_some_and(StepState::is_owed);
        self.parts.plan.steps.iter().filter(is_owed).map(|step| step.id.clone()).collect()
    }

    fn look(&self, step: &StepId) -> Look {
        let now = self.parts.clients.clock.now();
        let state = self.parts.state.step(step);
        let since = state.and_then(|state| state.last_settled().or(state.since)).unwrap_or(now);
        let settled = state.map(|state| state.settled.iter().map(|s| s.change.clone()).collect());
        Look { now, since, settled: settled.unwrap_or_default() }
    }

    /// The step's action, bound at its first use: by then all that it refers to is known.
    fn action(&mut self, id: &StepId) -> Option<Arc<dyn Action>> {
        if let Some(action) = self.actions.get(id) {
            return Some(Arc::clone(action));
        }
        let step = self.parts.plan.step(id)?;
        let parts = &self.parts;
        let (printed, named) = (self.printed.0.clone(), id.clone());
        // Whoever prints faster than it can be shown is not waited for.
        let ears = Ears::new(move |line| {
            printed.try_send((named.clone(), line.to_owned())).ok();
        });
        let clients = Clients { ears, ..parts.clients.clone() };
        match bind(step, parts.catalogue, &parts.plan, clients, &parts.state) {
            Ok(action) => {
                self.actions.insert(id.clone(), Arc::clone(&action));
                Some(action)
            }
            Err(why) => {
                let at = self.parts.clients.clock.now();
                let seen = Seen::Answer(Observed::Never { why });
                self.hands.see(id, View { at, until: at, seen });
                None
            }
        }
    }

    /// Shows what was printed before something else is told.
    fn show_printed(&mut self) {
        while let Ok((step, says)) = self.printed.1.try_recv() {
            self.progress(&step, says, None);
        }
    }

    /// The effects that are done.
    fn come_back(&mut self) -> Vec<Done> {
        let mut all = Vec::new();
        while let Some(done) = self.effects.try_join_next_with_id() {
            all.extend(finished(done, &mut self.at_work));
        }
        all
    }

    async fn wait(
        &mut self,
        wake: Option<Timestamp>,
        seen: &mut mpsc::UnboundedReceiver<Fact>,
    ) -> Woken {
        let clock = self.parts.clients.clock.clone();
        let time = async {
            match wake {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            force = self.parts.interrupts.next() => Woken::Interrupted(force),
            Some(done) = self.effects.join_next_with_id() => {
                let mut all: Vec<_> = finished(done, &mut self.at_work).into_iter().collect();
                all.extend(self.come_back());
                Woken::Done(all)
            }
            Some(answer) = self.asks.join_next() => match answer {
                Ok(done) => Woken::Done(vec![done]),
                // Nobody will answer any more.
                Err(_) => Woken::NoAnswer,
            },
            Some(fact) = seen.recv() => Woken::Saw(fact),
            Some(printed) = self.printed.1.recv() => Woken::Printed(printed),
            () = time => Woken::Time,
        }
    }

    fn progress(&mut self, step: &StepId, says: String, look_again: Option<Timestamp>) {
        let at = self.parts.clients.clock.now();
        (self.parts.listener)(&Event::Progress { at, step: step.clone(), says, look_again });
    }

    fn stop(&mut self, stop: Stop) {
        if self.hands.stopping.is_some() {
            return;
        }
        self.hands.stopping = Some(stop);
        self.leave_questions();
        let at = self.parts.clients.clock.now();
        let running = self.hands.busy().cloned().collect();
        let is_interrupted = stop == Stop::Interrupted;
        (self.parts.listener)(&Event::Stopping { at, running, is_interrupted });
    }

    /// Waits for no answer any more: a resume asks again.
    fn leave_questions(&mut self) {
        self.asks = JoinSet::new();
        for step in &self.parts.plan.steps {
            let is_asking = |s: &StepState| matches!(s.life, Life::Asking { .. });
            if self.parts.state.step(&step.id).is_some_and(is_asking) {
                self.hands.hand(&step.id).is_busy = false;
            }
        }
    }

    /// How the work ended, when it has.
    fn ending(&mut self, wake: Option<Timestamp>) -> Result<Option<Ending>, EngineError> {
        if let Some(outcome) = self.parts.state.finished {
            return Ok(Some(match outcome {
                RunOutcome::Done => Ending::Done,
                RunOutcome::Owing => Ending::Owing,
                RunOutcome::Aborted => Ending::Aborted,
            }));
        }
        let is_stopping = is_stopping(&self.parts.plan, &self.parts.state, &self.hands);
        if is_stopping && !self.asks.is_empty() {
            self.leave_questions();
        }
        if self.hands.are_busy() || wake.is_some() {
            return Ok(None);
        }
        if is_stopping {
            // Whoever interrupts a run that has failed must hear that it has.
            let stop =
                self.hands.stopping.filter(|_| !has_failed(&self.parts.plan, &self.parts.state));
            return Ok(Some(stop.map_or(Ending::Failed, Ending::Stopped)));
        }
        let Parts { plan, state, .. } = &self.parts;
        let open = |step: &&Step| state.step(&step.id).is_some_and(|s| s.outcome().is_none());
        let steps: Vec<_> =
            plan.steps.iter().filter(open).map(|step| format!("`{}`", step.id)).collect();
        Err(EngineError::Stalled { steps: steps.join(", ") })
    }

    /// Makes the last facts durable.
    async fn close(&mut self) -> Result<(), EngineError> {
        let facts = match self.hands.stopping {
            Some(Stop::Interrupted) if self.parts.state.finished.is_none() => {
                vec![Fact::Run(RunFact::Interrupted)]
            }
            _ => Vec::new(),
        };
        self.record(facts).await?;
        let now = self.parts.clients.clock.now();
        self.parts.journal.append::<Fact>(now, &[], Durability::Now).await?;
        Ok(())
    }
}

fn finished(
    done: Result<(Id, Done), tokio::task::JoinError>,
    at_work: &mut HashMap<Id, StepId>,
) -> Option<Done> {
    match done {
        Ok((id, done)) => {
            at_work.remove(&id);
            Some(done)
        }
        Err(error) => {
            let step = at_work.remove(&error.id())?;
            let why = format!("failover itself failed while it was at this step: {error}");
            Some(Done { step, result: Outcome::Lost { why } })
        }
    }
}
