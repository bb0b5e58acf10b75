//! What `execute` and `resume` share: from an open journal to the last word.

use super::{
    Desk,
    ask::{Absent, AtTerminal, Beforehand},
    kept::{self, Kept, Realm},
    manner::{Format, Manner},
    say::{self, MARK, Say},
    settings,
    signals::Signals,
    world::World,
};
use crate::{
    action::Catalogue,
    engine::{Ending, Engine, EngineError, Interrupter, Operator, Parts},
    journal::{Journal, Lock, LockError, write_whole},
    model::{Clock, Exit, Failure, Hint, span},
    plan::Plan,
    report::{self, AtWork, Lines, Live, Look, Measures, Screen, Timeline},
    run::{Event, Fact},
};
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;

/// How often the live view is drawn, in the time of whoever watches.
const DRAW_EVERY: Duration = Duration::from_millis(120);

/// A run that is ours to carry out.
pub(super) struct Open {
    pub kept: Kept,
    pub lock: Lock,
    pub journal: Journal,
    /// What has happened until now.
    pub timeline: Timeline,
    pub signals: Signals,
}

/// The runtime of a verb that needs one. Time can be virtual only where one thread does everything.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Bug, "cannot begin: the system gives no event queue").because(error)
    })
}

/// Takes the lock of a plan, or tells who holds it.
pub(super) fn lock(desk: &Desk, kept: &Kept, plan: &Plan) -> Result<Lock, Failure> {
    let locks = kept.realm.runs(&desk.settings).locks();
    Lock::take(&locks, &plan.lock, &kept::holder(kept.id, &desk.settings)).map_err(|error| {
        let held = match error {
            LockError::Journal(error) => return error.into(),
            LockError::Held(held) => held,
        };
        let what = format!("another run holds the lock on `{}`", plan.lock);
        let failure = Failure::new(Exit::Locked, what);
        let Some(held) = held else { return failure };
        let other = Kept {
            id: held.run,
            folder: kept.realm.runs(&desk.settings).folder(held.run),
            ..*kept
        };
        let since = match other.read() {
            Ok(timeline) => {
                let now = Clock::real().now();
                let last = timeline.last().map_or(Duration::ZERO, |at| span::between(at, now));
                let (from, to) = (&timeline.plan.from, &timeline.plan.to);
                let step =
                    timeline.steps.iter().rfind(|s| s.started.is_some() && s.outcome.is_none());
                let step = step.map_or_else(String::new, |step| format!(", step `{}`", step.id));
                format!(
                    " since {}, {from} → {to}, last record {} ago{step}",
                    span::clock_time(held.since),
                    span::show(last)
                )
            }
            // Its folder may not be there yet.
            Err(_) => String::new(),
        };
        let run = held.run.short();
        failure
            .standing(format!("run {run}, by {} on {}{since}", held.who, held.host))
            .hint(Hint::run("watch it", desk.settings.command(&format!("failover status {run}"))))
    })
}

/// Refuses a run where nobody could answer its questions.
pub(super) fn can_ask(desk: &Desk, manner: &Manner) -> Result<(), Failure> {
    if manner.yes || desk.settings.has_terminal {
        return Ok(());
    }
    let what = "this run may have to ask, and there is no terminal to ask at; nothing was changed";
    Err(Failure::new(Exit::CommandLine, what)
        .hint(Hint::says("approve beforehand with --yes, or run it at a terminal")))
}

/// Carries the run out, writes its report whatever came of it, and has the last word.
pub(super) async fn carry(
    desk: &Desk,
    world: &World,
    catalogue: Catalogue,
    open: Open,
    (manner, opening): (&Manner, Vec<Fact>),
) -> Result<Exit, Failure> {
    let Open { kept, lock, journal, timeline, signals } = open;
    let plan = Arc::clone(&timeline.plan);
    let clock = world.clients.clock.clone();
    let state = timeline.state.clone();
    let (listener, live) = listener(desk, world, manner.format, timeline);
    let (interrupter, interrupts) = Interrupter::new();
    let _hearing = signals.tell(interrupter);
    let sits = desk.settings.has_terminal && !manner.yes;
    let engine = Engine::new(Parts {
        plan: Arc::clone(&plan),
        catalogue,
        clients: world.clients.clone(),
        journal,
        state,
        operator: operator(desk, world, manner, &plan, live.clone()),
        interrupts,
        listener,
        at_most: manner.parallel.map(usize::from),
        stays: sits && kept.realm == Realm::Live,
        watch_every: Some(world.watch_every),
    });
    let ending = tokio::select! {
        biased;
        ending = engine.carry_out(opening) => ending,
        () = redraw(live.as_ref(), &clock) => return Err(Failure::new(Exit::Bug, "the view ended")),
    };
    if let Some(live) = &live {
        live.leave(clock.now());
    }
    drop(lock);
    let ending = ending.map_err(|error| broken_off(desk, &kept, manner.format, error))?;
    let timeline = kept.read()?;
    let report = write_report(&kept, &timeline);
    last_word(desk, manner.format, &timeline, ending, report)
}

/// Why the run could not even be stopped in order, and where that leaves it as far as its journal tells.
fn broken_off(desk: &Desk, kept: &Kept, format: Format, error: EngineError) -> Failure {
    let says = match &error {
        EngineError::Journal(_) => "once its folder can be written and the disk has room, go on",
        EngineError::Illegal(_) | EngineError::Stalled { .. } => "try to go on",
    };
    let failure = Failure::from(error);
    let timeline = match kept.read() {
        Ok(timeline) => timeline,
        Err(unread) => {
            let run = kept.id.short();
            return failure.standing(format!("where run {run} stands cannot be read: {unread}"));
        }
    };
    if timeline.started().is_none() {
        return failure.standing("the run never began; nothing was changed");
    }
    if let Err(unwritten) = write_report(kept, &timeline) {
        desk.say.talk(&format!("warning: the report was not written: {unwritten}"));
    }
    if format == Format::Json {
        desk.say.document(&format!("{}\n", report::ended(&timeline, failure.exit)));
    }
    let resume = format!("failover resume {}", kept.id.short());
    let failure = report::standing(&timeline).into_iter().fold(failure, Failure::standing);
    failure.hint(Hint::run(says, desk.settings.command(&resume)))
}

/// The report is written also when the run failed. That it cannot be written fails no run.
fn write_report(kept: &Kept, timeline: &Timeline) -> Result<std::path::PathBuf, Failure> {
    let folder = kept.folder.path();
    let path = folder.join("report.md");
    write_whole(&path, report::markdown(timeline, AtWork::Nobody).as_bytes())?;
    let document = format!("{:#}\n", report::document(timeline));
    write_whole(&folder.join("report.json"), document.as_bytes())?;
    Ok(path)
}

fn last_word(
    desk: &Desk,
    format: Format,
    timeline: &Timeline,
    ending: Ending,
    report: Result<std::path::PathBuf, Failure>,
) -> Result<Exit, Failure> {
    let flags = desk.settings.flags();
    let failure = report::failure(timeline, ending, &flags);
    let exit = match ending {
        Ending::Owing => Exit::Owing,
        _ => failure.as_ref().map_or(Exit::Done, |failure| failure.exit),
    };
    if format == Format::Json {
        desk.say.document(&format!("{}\n", report::ended(timeline, exit)));
    }
    let report = match report {
        Ok(path) => desk.settings.shorten(&path),
        Err(failure) => {
            desk.say.talk(&format!("warning: the report was not written: {failure}"));
            "not written".to_owned()
        }
    };
    if let Some(failure) = failure {
        return Err(failure);
    }
    if format == Format::Human {
        desk.say.data(&report::summary(timeline, &report, (&flags, desk.say.width())));
    }
    if Measures::of(timeline).harmful_sent_again > 0 {
        desk.say.talk("warning: a change that could do harm was sent again; see the report");
    }
    Ok(exit)
}

type Listener = Box<dyn FnMut(&Event) + Send>;

/// Who hears the events: a live view where somebody can see it, else lines, or objects.
fn listener(
    desk: &Desk,
    world: &World,
    format: Format,
    timeline: Timeline,
) -> (Listener, Option<Live>) {
    let (say, settings) = (desk.say.clone(), &desk.settings);
    let is_simulated = world.is_simulated();
    if format == Format::Json {
        let run = timeline.run;
        let tell = move |event: &Event| {
            say.document(&format!("{}\n", report::line(run, is_simulated, event)));
        };
        return (Box::new(tell), None);
    }
    if settings.can_draw() && !world.clients.clock.is_virtual() {
        let look = Look {
            terminal: report::Terminal { size: settings::size, write: say::draw },
            has_color: settings.has_color,
            mark: if is_simulated { MARK } else { "" },
        };
        let live = Live::new(Screen::new(timeline), look);
        let heard = live.clone();
        return (Box::new(move |event: &Event| heard.hear(event)), Some(live));
    }
    (Box::new(tell_lines(say, timeline)), None)
}

fn tell_lines(say: Say, timeline: Timeline) -> impl FnMut(&Event) + Send {
    let mut lines = Lines::new(timeline);
    move |event| {
        if let Some(line) = lines.hear(event) {
            say.data(&line);
        }
    }
}

fn operator(
    desk: &Desk,
    world: &World,
    manner: &Manner,
    plan: &Arc<Plan>,
    live: Option<Live>,
) -> Arc<dyn Operator> {
    let who = desk.settings.who.clone();
    if manner.yes {
        return Arc::new(Beforehand { who, most: manner.accepted_loss(plan) });
    }
    if !desk.settings.has_terminal {
        return Arc::new(Absent);
    }
    Arc::new(AtTerminal {
        who,
        plan: Arc::clone(plan),
        clock: world.clients.clock.clone(),
        pace: world.pace,
        live,
        is_simulated: world.is_simulated(),
        turn: tokio::sync::Mutex::default(),
    })
}

/// Draws the view again while time passes.
async fn redraw(live: Option<&Live>, clock: &Clock) {
    let Some(live) = live else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        live.draw(clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::kept::tests::{desk, keep_facts},
        report::sample::{failover, on, started},
        run::StepFact,
    };

    #[tokio::test]
    async fn a_run_that_stands_still_says_where_and_what_to_type() {
        let (_folder, desk) = desk();
        let begun = StepFact::ChangeBegun { change: failover() };
        let facts = [started(), on("storage", StepFact::Started), on("storage", begun)];
        let kept = keep_facts(&desk, Realm::Live, 100, &facts).await;
        let stalled = EngineError::Stalled { steps: "storage".to_owned() };
        let failure = broken_off(&desk, &kept, Format::Human, stalled);
        assert_eq!(failure.exit, Exit::Bug);
        assert!(failure.state[0].contains("storage is in doubt"), "{:?}", failure.state);
        let command = format!("failover resume {}", kept.id.short());
        let last = failure.hints.last().and_then(|hint| hint.command.as_deref());
        assert!(last.is_some_and(|last| last.starts_with(&command)), "{last:?}");
        assert!(kept.folder.path().join("report.md").exists());
    }

    #[tokio::test]
    async fn a_run_whose_first_record_was_not_written_never_began() {
        let (_folder, desk) = desk();
        let kept = keep_facts(&desk, Realm::Live, 100, &[]).await;
        let stalled = EngineError::Stalled { steps: "storage".to_owned() };
        let failure = broken_off(&desk, &kept, Format::Human, stalled);
        assert_eq!(failure.state, ["the run never began; nothing was changed"]);
    }
}
