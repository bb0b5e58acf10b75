//! `failover resume`: goes on with a run.

mod outdated;

use super::{
    Desk,
    carry::{self, Open},
    faults::FaultFlags,
    kept::{self, Kept, Realm},
    manner::{CloudFlags, Manner, OutageFlag},
    signals::Signals,
    world::{Scene, World},
};
use crate::{
    action::Answer,
    engine::{Checked, preflight_of},
    model::{Clock, Exit, Failure, Hint, StepId, nearest, quoted},
    plan::{Plan, Step, Work},
    provider,
    report::Timeline,
    run::{Fact, RunFact, RunOutcome, StepFact, StepOutcome, StepState},
};
use clap::Args;
use std::collections::HashSet;

/// Go on with a run: try again what failed, and pay what is owed
#[derive(Args)]
pub(super) struct Resume {
    /// The run; without it, the only one that can be gone on with
    run: Option<String>,

    /// Take this step as done by hand
    #[arg(long, value_name = "STEP", requires = "note")]
    done: Vec<String>,

    /// What was done by hand, for the report
    #[arg(long, value_name = "TEXT", requires = "done")]
    note: Option<String>,

    /// Leave this step out
    #[arg(long, value_name = "STEP", requires = "reason")]
    skip: Vec<String>,

    /// Why it is left out, for the report
    #[arg(long, value_name = "TEXT", requires = "skip")]
    reason: Option<String>,

    /// Say --done or --skip of a step whose change is under way
    ///
    /// Only for who has looked in the cloud, and has seen that it came to its end there.
    #[arg(long)]
    although_under_way: bool,

    /// End the run for good; only the steps of `finally` still run
    #[arg(long, conflicts_with_all = ["done", "skip"])]
    abort: bool,

    /// What is out of order in the simulated `from` from now on
    #[arg(long, value_enum)]
    outage: Option<OutageFlag>,

    #[command(flatten)]
    faults: FaultFlags,

    #[command(flatten)]
    manner: Manner,
}

impl Resume {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let kept = match &self.run {
            Some(typed) => kept::named(desk, typed)?,
            None => kept::only(desk, can_go_on)?,
        };
        if kept.realm == Realm::Simulated {
            desk.say.mark_simulated();
        }
        let plan = kept.plan()?;
        let lock = carry::lock(desk, &kept, &plan)?;
        let (entries, journal) = kept.folder.open::<Fact>()?;
        kept.check_plan(&entries)?;
        let timeline = kept.replay(&entries)?;
        let run = kept.id.short();
        if timeline.started().is_none() {
            return Err(never_began(desk, &timeline));
        }
        if let Some(outcome @ (RunOutcome::Done | RunOutcome::Aborted)) = timeline.state.finished {
            let how = if outcome == RunOutcome::Done { "done" } else { "ended for good" };
            desk.say.data(&format!("run {run} is {how}; nothing to do"));
            return Ok(Exit::Done);
        }
        if !self.abort {
            carry::can_ask(desk, &self.manner)?;
            outdated::refuse_superseded(desk, &kept, &plan)?;
        }
        let said = self.said(desk, &timeline)?;
        let opening = |world: &World| {
            let mut facts = vec![Fact::Run(RunFact::Resumed {
                who: desk.settings.who.clone(),
                host: desk.settings.host.clone(),
                tool: env!("CARGO_PKG_VERSION").to_owned(),
                identity: world.clients.tokens.identity(),
            })];
            facts.extend(said);
            facts
        };
        carry::runtime()?.block_on(async {
            let mut world = self.world(desk, &kept, &timeline)?;
            world.clients.seal = kept.folder.seal()?;
            let opening = opening(&world);
            let mut signals = Signals::hear()?;
            world.sign_in(&timeline.plan).await?;
            if !self.abort {
                signals.or_leave(outdated::refuse_moved_back(desk, &world, &timeline)).await?;
            }
            signals.or_leave(self.look_at_what_is_done(&world, &timeline)).await?;
            let open = Open { kept, lock, journal, timeline, signals };
            carry::carry(desk, &world, provider::catalogue(), open, (&self.manner, opening)).await
        })
    }

    fn world(&self, desk: &Desk, kept: &Kept, timeline: &Timeline) -> Result<World, Failure> {
        let plan = &timeline.plan;
        if kept.realm == Realm::Live {
            if self.outage.is_some() || !self.faults.fault.is_empty() {
                let run = kept.id.short();
                let what =
                    format!("run {run} is live: --outage and --fault are for simulated runs");
                return Err(Failure::new(Exit::CommandLine, what));
            }
            return World::live(plan, kept.id, &CloudFlags::of(kept)?, &self.manner);
        }
        let scene = Scene {
            plan,
            run: kept.id,
            outage: self.outage,
            manner: &self.manner,
            faults: &self.faults.fault,
        };
        let last = timeline.last().unwrap_or_else(|| Clock::real().now());
        World::reopened(desk, &scene, kept.folder.path(), last)
    }

    /// What the operator says of the steps: what failed gets a new attempt, unless it was done by hand or is left out.
    fn said(&self, desk: &Desk, timeline: &Timeline) -> Result<Vec<Fact>, Failure> {
        let who = &desk.settings.who;
        self.refuse_twice()?;
        let mut facts: Vec<_> = timeline
            .steps
            .iter()
            // A run that is ended for good tries nothing again.
            .filter(|story| {
                !self.abort && matches!(story.outcome, Some(StepOutcome::Failed { .. }))
            })
            .map(|story| Fact::step(&story.id, StepFact::Reopened))
            .collect();
        for typed in &self.done {
            let (step, note) = (self.find(timeline, typed)?, self.note.clone().unwrap_or_default());
            reopen_owed(timeline, &step, &mut facts);
            facts.push(Fact::step(&step, StepFact::DoneByHand { note, who: who.clone() }));
        }
        for typed in &self.skip {
            let (step, reason) =
                (self.find(timeline, typed)?, self.reason.clone().unwrap_or_default());
            reopen_owed(timeline, &step, &mut facts);
            facts.push(Fact::step(&step, StepFact::Skipped { reason, who: who.clone() }));
        }
        if self.abort {
            facts.push(Fact::Run(RunFact::Aborted { who: who.clone() }));
        }
        Ok(facts)
    }

    /// Whoever says that a step was done by hand may be mistaken: what the cloud tells is looked at first.
    async fn look_at_what_is_done(
        &self,
        world: &World,
        timeline: &Timeline,
    ) -> Result<(), Failure> {
        let is_meant = |step: &Step| self.done.iter().any(|typed| typed == step.id.as_str());
        let (plan, catalogue) = (&timeline.plan, provider::catalogue());
        let seen = preflight_of(plan, catalogue, &world.read_only(), is_meant).await;
        for check in seen.checks.iter().filter(|check| self.done.contains(&check.step.to_string()))
        {
            let why = match &check.found {
                Checked::Seen(seen) => match &seen.answer {
                    Answer::Missing(changes) => changes.first().map(|change| {
                        format!("the cloud shows that this is missing: {}", change.says)
                    }),
                    Answer::NotYet { why, .. } | Answer::Never { why } => Some(why.clone()),
                    Answer::AsDesired | Answer::Unseen(_) => None,
                },
                // What cannot be seen is taken at the operator's word.
                Checked::NothingToSee | Checked::Unknown(_) => None,
            };
            if let Some(why) = why {
                let step = &check.step;
                let what = format!("step `{step}` is not done; nothing was changed");
                let run = timeline.run.short();
                return Err(Failure::new(Exit::Preflight, what)
                    .because(why)
                    .hint(Hint::run("let it be done", format!("failover resume {run}")))
                    .hint(Hint::run(
                        "leave it out all the same",
                        format!("failover resume {run} --skip {step} --reason \"…\""),
                    )));
            }
        }
        Ok(())
    }

    /// One thing can be said of a step, once.
    fn refuse_twice(&self) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        match self.done.iter().chain(&self.skip).find(|typed| !seen.insert(*typed)) {
            Some(twice) => {
                let what = format!("step `{twice}` is given twice");
                Err(Failure::new(Exit::CommandLine, what))
            }
            None => Ok(()),
        }
    }

    /// The step that was typed, if there is still something to say of it.
    fn find(&self, timeline: &Timeline, typed: &str) -> Result<StepId, Failure> {
        let refused = |what: String| Failure::new(Exit::CommandLine, what);
        let ids = timeline.plan.steps.iter().map(|step| step.id.as_str());
        let Some(story) = timeline.steps.iter().find(|story| story.id.as_str() == typed) else {
            let failure = refused(format!("this run has no step `{typed}`"));
            return Err(match nearest(typed, ids) {
                Some(near) => failure.hint(Hint::says(format!("did you mean `{near}`?"))),
                None => failure,
            });
        };
        if let Some(Work::Group { children }) = timeline.plan.step(&story.id).map(|step| &step.work)
        {
            let children: Vec<_> = children.iter().map(|id| format!("`{id}`")).collect();
            let what = format!("`{typed}` is a group: it is done when its steps are");
            let hint = format!("say it of its steps: {}", children.join(", "));
            return Err(refused(what).hint(Hint::says(hint)));
        }
        match &story.outcome {
            Some(StepOutcome::Succeeded | StepOutcome::AlreadyDone) => {
                return Err(refused(format!("step `{typed}` is done already")));
            }
            Some(StepOutcome::Skipped { reason }) => {
                return Err(refused(format!("step `{typed}` is left out already: {reason}")));
            }
            Some(StepOutcome::Owed { .. } | StepOutcome::Failed { .. }) | None => {}
        }
        let open = timeline.state.step(&story.id).and_then(StepState::open_change);
        if let Some(change) = open.filter(|_| !self.although_under_way) {
            let what = format!(
                "step `{typed}` has a change under way, and the cloud may still carry it out"
            );
            return Err(refused(what).standing(change.says.clone()).hint(Hint::says(
                "look at it in the cloud; if it came to its end there, say so again with --although-under-way",
            )));
        }
        Ok(story.id.clone())
    }
}

/// Its process died before the first record: there is nothing to go on with.
fn never_began(desk: &Desk, timeline: &Timeline) -> Failure {
    let Plan { from, to, path, mode, .. } = &*timeline.plan;
    let what = format!("run {} never began; nothing was done in its name", timeline.run.short());
    let [from, to] = [from, to].map(|region| quoted(region.as_str()));
    let simulate = if timeline.state.simulated { " --simulate" } else { "" };
    let path = quoted(path);
    let command = format!("failover execute {from} {to} --runbook {path} --mode {mode}{simulate}");
    Failure::new(Exit::CommandLine, what)
        .hint(Hint::run("begin a new one", desk.settings.command(&command)))
}

/// A step that is owed is finished: to say more of it, it is opened again.
fn reopen_owed(timeline: &Timeline, step: &StepId, facts: &mut Vec<Fact>) {
    let outcome = timeline.state.step(step).and_then(StepState::outcome);
    if matches!(outcome, Some(StepOutcome::Owed { .. })) {
        facts.push(Fact::step(step, StepFact::Reopened));
    }
}

/// A run that cannot be read is not passed over: somebody must hear of it.
fn can_go_on(kept: &Kept) -> bool {
    kept.read().map_or(true, |timeline| {
        !matches!(timeline.state.finished, Some(RunOutcome::Done | RunOutcome::Aborted))
    })
}

#[cfg(test)]
mod tests;
