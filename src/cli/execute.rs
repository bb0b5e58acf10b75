//! `failover execute`: carries a runbook out.

use super::{
    Desk,
    ask::{self, Terminal},
    carry::{self, Open},
    choice::{Chosen, Unset},
    faults::FaultFlags,
    kept::{self, Kept, Realm},
    manner::{CloudFlags, Format, Manner, OutageFlag},
    refusal::{self, Case},
    say::MARK,
    signals::Signals,
    unfinished::{self, New},
    world::{Draft, Scene, World},
};
use crate::{
    action::Catalogue,
    engine::{Preflight, preflight},
    journal::Lock,
    model::{Clock, Exit, Failure, RunId},
    plan::{self, Plan},
    provider,
    report::{self, Timeline},
    run::{Fact, RunFact},
};
use clap::Args;
use std::sync::Arc;

/// Move a system from one region to another
///
/// Shows what would happen, asks for approval, and carries it out. What cannot be undone is asked for once more, with
/// what was seen. Ctrl-C starts nothing new and lets the running steps settle; a second one stops at once. Either way
/// `failover resume` goes on.
#[derive(Args)]
pub(super) struct Execute {
    #[command(flatten)]
    chosen: Chosen,

    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Rehearse in a simulated cloud that is made from the runbook
    #[arg(long)]
    simulate: bool,

    /// What is out of order in the simulated `from`
    #[arg(long, value_enum, requires = "simulate")]
    outage: Option<OutageFlag>,

    /// Begin in the simulated world that this run left
    #[arg(long, value_name = "RUN", requires = "simulate")]
    after: Option<String>,

    #[command(flatten)]
    faults: FaultFlags,

    #[command(flatten)]
    cloud: CloudFlags,

    #[command(flatten)]
    manner: Manner,
}

impl Execute {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        if self.simulate {
            desk.say.mark_simulated();
        }
        // What answers on a port of this machine is no cloud: made-up names do as well as real ones.
        let is_rehearsal = self.simulate || self.cloud.loopback().is_some();
        let unset = if is_rehearsal { Unset::IsMadeUp } else { Unset::IsAMistake };
        if !self.simulate && !self.faults.fault.is_empty() {
            let what = "--fault is for simulated runs: nobody can make a live cloud fail";
            return Err(Failure::new(Exit::CommandLine, what));
        }
        let plan = self.chosen.plan(desk, unset)?;
        let after = self.after(desk)?;
        refusal::stranded(&plan, &self.flags(desk, after.as_ref()))?;
        if !self.dry_run {
            carry::can_ask(desk, &self.manner)?;
        }
        let realm = if self.simulate { Realm::Simulated } else { Realm::Live };
        let id = RunId::starting_at(Clock::real().now());
        let kept = Kept { id, realm, folder: realm.runs(&desk.settings).folder(id) };
        let plan = Arc::new(plan);
        let bound = Bound { desk, plan, kept, after, catalogue: provider::catalogue() };
        carry::runtime()?.block_on(self.in_its_world(bound))
    }

    async fn in_its_world(&self, bound: Bound<'_>) -> Result<Exit, Failure> {
        let mut signals = Signals::hear()?;
        let draft = Draft::new(&bound.kept);
        let world = self.world(&bound)?;
        let (lock, bytes) = match signals.or_leave(self.prepare(&bound, &world)).await? {
            Prepared::Nothing(exit) => return Ok(exit),
            Prepared::Approved(lock, bytes) => (lock, bytes),
        };
        let Bound { desk, plan, kept, catalogue, .. } = bound;
        let journal = kept.folder.create(&bytes)?;
        draft.keep();
        self.cloud.keep(&kept)?;
        kept.folder.keep_seal(&world.clients.seal)?;
        let opening = Fact::Run(RunFact::Started {
            plan: Plan::digest(&bytes),
            who: desk.settings.who.clone(),
            host: desk.settings.host.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            identity: world.clients.tokens.identity(),
            simulated: self.simulate,
        });
        let timeline = Timeline::new(kept.id, plan);
        let open = Open { kept, lock, journal, timeline, signals };
        carry::carry(desk, &world, catalogue, open, (&self.manner, vec![opening])).await
    }

    /// Looks at everything, shows it, and gets it approved; then once more under the lock, in case somebody acted
    /// meanwhile. Changes nothing.
    async fn prepare(&self, bound: &Bound<'_>, world: &World) -> Result<Prepared, Failure> {
        let Bound { desk, plan, kept, after, catalogue } = bound;
        let new = New { kept, plan, after: after.as_ref(), cloud: &self.cloud };
        let bytes = plan.to_bytes().map_err(|error| {
            Failure::new(Exit::Bug, "the plan cannot be written down").because(error)
        })?;
        world.sign_in(plan).await?;
        let seen = preflight(plan, *catalogue, &world.read_only()).await;
        if seen.serves_already(plan) {
            return Ok(self.nothing_to_do(desk, plan));
        }
        self.show(bound, world, (&Plan::digest(&bytes), &seen));
        unfinished::refuse(desk, &new)?;
        self.refuse(bound, &seen)?;
        if self.dry_run {
            return Ok(Prepared::Nothing(Exit::Done));
        }
        // A clock that runs ahead keeps the operator's time while a person reads.
        world.clients.clock.set_pace(1.0);
        self.approve(bound, &seen).await?;
        if let Some(pace) = world.pace {
            world.clients.clock.set_pace(pace);
        }
        let lock = carry::lock(desk, kept, plan)?;
        unfinished::refuse(desk, &new)?;
        let seen = preflight(plan, *catalogue, &world.read_only()).await;
        if seen.serves_already(plan) {
            return Ok(self.nothing_to_do(desk, plan));
        }
        self.refuse(bound, &seen)?;
        Ok(Prepared::Approved(lock, bytes))
    }

    /// What would happen: the data of a dry-run, and what a person approves.
    fn show(&self, bound: &Bound<'_>, world: &World, (digest, seen): (&str, &Preflight)) {
        let Bound { desk, plan, .. } = bound;
        if self.manner.format == Format::Json {
            if self.dry_run {
                desk.say.document(&report::foreseen(
                    plan,
                    digest,
                    (&world.about(plan), self.simulate),
                    seen,
                ));
            }
            return;
        }
        let mark = if self.simulate { MARK.chars().count() } else { 0 };
        let width = desk.settings.columns.saturating_sub(mark);
        let digest = plan::short_digest(digest);
        let about = world.about(plan);
        let screen = report::dry_run(plan, &digest, (&about, self.simulate), seen, width);
        if self.dry_run {
            desk.say.data(&format!("{screen}nothing was changed"));
        } else {
            desk.say.talk(&screen);
        }
    }

    fn nothing_to_do(&self, desk: &Desk, plan: &Plan) -> Prepared {
        match self.manner.format {
            Format::Human => desk.say.data(&format!("{} serves already; nothing to do", plan.to)),
            Format::Json => desk.say.document(&report::nothing_to_do(plan, self.simulate)),
        }
        Prepared::Nothing(Exit::Done)
    }

    fn refuse(&self, bound: &Bound<'_>, seen: &Preflight) -> Result<(), Failure> {
        let Bound { desk, plan, kept, after, .. } = bound;
        let new = New { kept, plan, after: after.as_ref(), cloud: &self.cloud };
        let case = Case {
            plan,
            seen,
            accepts: self.manner.yes.then(|| self.manner.accepted_loss(plan)),
            flags: self.flags(desk, after.as_ref()),
            half_done: unfinished::to_go_on_with(desk, &new)?,
        };
        refusal::refuse(&case)
    }

    /// What a command that we suggest needs to find the same runs in the same world.
    fn flags(&self, desk: &Desk, after: Option<&Kept>) -> String {
        let world = match after {
            Some(after) => format!(" --simulate --after {}", after.id.short()),
            None if self.simulate => " --simulate".to_owned(),
            None => String::new(),
        };
        format!("{world}{}", desk.settings.flags())
    }

    /// The run that left the simulated world to begin in.
    fn after(&self, desk: &Desk) -> Result<Option<Kept>, Failure> {
        let after = self.after.as_ref().map(|typed| kept::named(desk, typed)).transpose()?;
        if let Some(after) = after.as_ref().filter(|after| after.realm != Realm::Simulated) {
            let what = format!("run {} was live: it left no simulated world", after.id.short());
            return Err(Failure::new(Exit::CommandLine, what));
        }
        Ok(after)
    }

    fn world(&self, bound: &Bound<'_>) -> Result<World, Failure> {
        let Bound { desk, plan, kept, after, .. } = bound;
        if !self.simulate {
            return World::live(plan, kept.id, &self.cloud, &self.manner);
        }
        let scene = Scene {
            plan,
            run: kept.id,
            outage: self.outage,
            manner: &self.manner,
            faults: &self.faults.fault,
        };
        if self.dry_run && after.is_none() {
            return Ok(World::rehearsed_once(desk, &scene));
        }
        World::simulated(desk, &scene, kept, after.as_ref())
    }

    /// The operator types where users are to go: nobody does that by accident.
    async fn approve(&self, bound: &Bound<'_>, seen: &Preflight) -> Result<(), Failure> {
        if self.manner.yes {
            return Ok(());
        }
        let to = &bound.plan.to;
        let prompt = ask::approval(&bound.plan, seen, if self.simulate { MARK } else { "" });
        let unreadable =
            |error| Failure::new(Exit::CommandLine, "the terminal cannot be read").because(error);
        let terminal = Terminal::open().map_err(unreadable)?;
        let typed = terminal.line(&prompt).await.map_err(unreadable)?;
        if typed.as_deref() == Some(to.as_str()) {
            return Ok(());
        }
        Err(Failure::new(Exit::Declined, "not approved; nothing was changed"))
    }
}

/// A run that may begin.
struct Bound<'a> {
    desk: &'a Desk,
    plan: Arc<Plan>,
    kept: Kept,
    /// The run that left the simulated world to begin in.
    after: Option<Kept>,
    catalogue: Catalogue,
}

/// What came of the preparations.
enum Prepared {
    /// Nothing is to be carried out.
    Nothing(Exit),
    /// The run may begin, under this lock, with these bytes of its plan.
    Approved(Lock, Vec<u8>),
}
