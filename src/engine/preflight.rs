//! What would happen, and whether it can: everything is looked at at once, and nothing is changed.

use super::{bind::bind, watch};
use crate::{
    action::{Answer, Catalogue, Clients, Finding, Look, Observation, Serves, Weight},
    model::{Evidence, Region, Resource, StepId},
    plan::{Effect, OnFailure, Plan, Side, Step},
    run::{Fact, RunFact, RunState},
};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinSet};

/// One look at each address is enough: the next one would come after everything else has answered.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What is known of one step before anything is done.
#[derive(Clone, Debug)]
pub struct Check {
    pub step: StepId,
    pub found: Checked,
    pub findings: Vec<Finding>,
    /// The number of an earlier step that changes something this one looks at.
    pub predicted_by: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Checked {
    Seen(Observation),
    /// It only reads or waits, or it is a group: there is nothing to foresee.
    NothingToSee,
    /// No answer, and why.
    Unknown(String),
}

/// Which region serves now, as far as the steps that move a role can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    Agree(Region),
    /// `region`, where this run would move to, holds what could be read. What else bears a role says otherwise, or gave no
    /// answer: a run seems half done.
    Partly {
        region: Region,
        but: Vec<(StepId, String)>,
    },
    Disagree(Vec<(StepId, Region)>),
    /// Nothing that was looked at bears a role, or nothing answered.
    Nobody,
}

#[derive(Clone, Debug)]
pub struct Preflight {
    pub checks: Vec<Check>,
    pub serving: Serving,
}

impl Preflight {
    pub fn check(&self, step: &StepId) -> Option<&Check> {
        self.checks.iter().find(|check| check.step == *step)
    }

    pub fn findings(&self) -> impl Iterator<Item = (&StepId, &Finding)> {
        self.checks.iter().flat_map(|c| c.findings.iter().map(move |finding| (&c.step, finding)))
    }

    /// How many steps were looked at.
    pub fn looks(&self) -> usize {
        let is_look = |check: &&Check| !matches!(check.found, Checked::NothingToSee);
        self.checks.iter().filter(is_look).count()
    }

    pub fn has_blockers(&self) -> bool {
        self.findings().any(|(_, finding)| finding.weight == Weight::Blocker)
    }

    /// The largest loss that any step foresees; none when one of them cannot tell.
    pub fn data_loss(&self) -> Option<Duration> {
        let known = self.seen().filter_map(|seen| seen.evidence.data_loss());
        known.max().filter(|_| !self.is_loss_unknown())
    }

    /// Whether a step would lose data, and nobody knows how much.
    pub fn is_loss_unknown(&self) -> bool {
        self.seen().any(|seen| seen.evidence.unknown_loss().is_some())
    }

    fn seen(&self) -> impl Iterator<Item = &Observation> {
        self.checks.iter().filter_map(|check| match &check.found {
            Checked::Seen(seen) => Some(seen),
            Checked::NothingToSee | Checked::Unknown(_) => None,
        })
    }

    /// The region that serves already, when that is the one this run would move to. What may be owed to the other one,
    /// and could not be looked at, is no reason to do nothing.
    pub fn serves_already(&self, plan: &Plan) -> bool {
        let is_open = |(check, step): (&Check, &Step)| {
            matches!(check.found, Checked::Unknown(_)) && step.on_failure == OnFailure::Owe
        };
        plan.serving == Side::From
            && self.serving == Serving::Agree(plan.to.clone())
            && !self.checks.iter().zip(&plan.steps).any(is_open)
    }
}

/// Looks at every step of the plan at once, and at what users see.
pub async fn preflight(plan: &Plan, catalogue: Catalogue, clients: &Clients) -> Preflight {
    let looks = preflight_of(plan, catalogue, clients, |_| true);
    let (mut seen, users) = tokio::join!(looks, watched(plan, clients));
    if let Some((check, finding)) = needless_loss(plan, &seen, &users) {
        seen.checks[check].findings.push(finding);
    }
    seen
}

/// What users see at each watched address.
async fn watched(plan: &Plan, clients: &Clients) -> Vec<RunFact> {
    let (saw, mut seen) = mpsc::unbounded_channel();
    let _probes = watch::start(&plan.watch, clients, LONGEST_PAUSE, &saw);
    let mut facts = Vec::new();
    while facts.len() < plan.watch.len() {
        match seen.recv().await {
            Some(Fact::Run(fact)) => facts.push(fact),
            Some(Fact::Step { .. }) => {}
            None => break,
        }
    }
    facts
}

/// Warns whoever presumes a region lost that serves its users: whatever is lost then need not be.
fn needless_loss(plan: &Plan, seen: &Preflight, users: &[RunFact]) -> Option<(usize, Finding)> {
    let loses = |check: &Check| match &check.found {
        Checked::Seen(seen) => {
            let evidence = &seen.evidence;
            evidence.unknown_loss().is_some() || evidence.data_loss() > Some(Duration::ZERO)
        }
        Checked::NothingToSee | Checked::Unknown(_) => false,
    };
    let lost = plan.presumed_lost()?;
    let serves = seen.serving == Serving::Agree(lost.clone());
    let place = seen.checks.iter().position(loses).filter(|_| serves)?;
    let is_silent = |(check, step): (&Check, &Step)| {
        let mut touches = step.action().into_iter().flat_map(|work| &work.touches);
        let is_there = touches.any(|touched| touched.region.as_ref() == Some(&plan.from));
        is_there && matches!(check.found, Checked::Unknown(_))
    };
    if seen.checks.iter().zip(&plan.steps).any(is_silent) {
        return None;
    }
    let good = |fact: &RunFact| match fact {
        RunFact::Saw { watch, good: true, says } => Some(format!("{watch} {says}")),
        _ => None,
    };
    // Without anybody who sees the system work, nobody can say that it does.
    let good: Vec<_> = users.iter().map(good).collect::<Option<_>>()?;
    let first = good.first()?;
    let says =
        format!("{} answers its users ({first}): `--mode planned` would lose no data", plan.from);
    Some((place, Finding::warning(says)))
}

/// Looks at some steps of the plan at once.
pub async fn preflight_of(
    plan: &Plan,
    catalogue: Catalogue,
    clients: &Clients,
    is_meant: impl Fn(&Step) -> bool,
) -> Preflight {
    let mut looks = JoinSet::new();
    let empty = RunState::new(plan.steps.iter().map(|step| &step.id));
    let mut checks: Vec<Check> = plan
        .steps
        .iter()
        .map(|step| Check {
            step: step.id.clone(),
            found: Checked::NothingToSee,
            findings: Vec::new(),
            predicted_by: None,
        })
        .collect();
    for (place, step) in plan.steps.iter().enumerate() {
        let Some(work) = step.action() else { continue };
        if work.effect == Effect::Reads || work.with.is_late() || !is_meant(step) {
            continue;
        }
        let action = match bind(step, catalogue, plan, clients.clone(), &empty) {
            Ok(action) => action,
            Err(why) => {
                // What its cloud will never accept, as it stands in the runbook.
                let seen = Observation::new(Answer::Never { why }, Evidence::new());
                checks[place].found = Checked::Seen(seen);
                continue;
            }
        };
        checks[place].found = Checked::Unknown("it could not be looked at".to_owned());
        let now = clients.clock.now();
        let look = Look { now, since: now, settled: Vec::new() };
        looks.spawn(async move {
            let (seen, findings) = tokio::join!(action.observe(&look), action.examine());
            (place, seen, findings)
        });
    }
    while let Some(look) = looks.join_next().await {
        // A look that panicked leaves its check as it was.
        let Ok((place, seen, findings)) = look else { continue };
        checks[place].findings = findings;
        checks[place].found = match seen {
            Ok(seen) => Checked::Seen(seen),
            Err(trouble) => Checked::Unknown(trouble.why),
        };
    }
    let serving = serving(plan, &checks);
    predict(plan, &mut checks);
    for (check, step) in checks.iter_mut().zip(&plan.steps) {
        check.findings.extend(hindrances(plan, catalogue, step, check));
        if step.on_failure != OnFailure::Stop {
            check.findings.iter_mut().for_each(Finding::soften);
        }
    }
    Preflight { checks, serving }
}

/// What an observation says against beginning at all.
fn hindrances(plan: &Plan, catalogue: Catalogue, step: &Step, check: &Check) -> Option<Finding> {
    match &check.found {
        Checked::Seen(Observation { answer: Answer::Never { why }, .. }) => {
            let cures = step
                .action()
                .and_then(|work| catalogue.get(work.action.as_str()))
                .map_or(&[] as &[&str], |kind| kind.cured_by);
            let is_cured = plan
                .steps
                .iter()
                .take_while(|earlier| earlier.id != step.id)
                .filter(|earlier| meets(earlier, step))
                .any(|e| e.action().is_some_and(|work| cures.contains(&work.action.as_str())));
            (!is_cured).then(|| Finding::blocker(why.clone()))
        }
        Checked::Unknown(why) => Some(Finding::note(format!("not known: {why}"))),
        Checked::Seen(_) | Checked::NothingToSee => None,
    }
}

/// Tells of each step which earlier one changes what it looked at: one that was seen to want a change, or whose own look
/// is overtaken by such a one.
fn predict(plan: &Plan, checks: &mut [Check]) {
    for (place, step) in plan.steps.iter().enumerate() {
        let changes = |earlier: &usize| {
            let check = &checks[*earlier];
            check.predicted_by.is_some() || is_missing(&check.found)
        };
        let mut by =
            (0..place).filter(changes).filter(|earlier| meets(&plan.steps[*earlier], step));
        let by = by.next_back().map(|earlier| plan.steps[earlier].number.clone());
        if matches!(checks[place].found, Checked::Seen(_)) {
            checks[place].predicted_by = by;
        }
    }
}

fn is_missing(found: &Checked) -> bool {
    match found {
        Checked::Seen(seen) => matches!(seen.answer, Answer::Missing(_) | Answer::Unseen(_)),
        Checked::NothingToSee | Checked::Unknown(_) => false,
    }
}

/// Whether both steps touch the same resource.
fn meets(one: &Step, other: &Step) -> bool {
    let touches = |step: &Step| -> Vec<Resource> {
        step.action().map(|work| work.touches.clone()).unwrap_or_default()
    };
    let mine = touches(one);
    touches(other).iter().any(|resource| mine.contains(resource))
}

fn serving(plan: &Plan, checks: &[Check]) -> Serving {
    let mut says = Vec::new();
    let mut but = Vec::new();
    for (check, step) in checks.iter().zip(&plan.steps) {
        match &check.found {
            Checked::Seen(Observation { serves: Serves::Region(region), .. })
                if *region == plan.from || *region == plan.to =>
            {
                says.push((check.step.clone(), region.clone()));
            }
            Checked::Seen(Observation { serves: Serves::Region(region), .. }) => {
                but.push((check.step.clone(), format!("says {region}")));
            }
            Checked::Seen(Observation { serves: Serves::Nobody, .. }) => {
                but.push((check.step.clone(), "says no region alone".to_owned()));
            }
            // Nobody knows whether it bears a role. What the run can do without does not.
            Checked::Unknown(why)
                if plan.serving == Side::From && step.on_failure == OnFailure::Stop =>
            {
                but.push((check.step.clone(), format!("is not known: {why}")));
            }
            Checked::Seen(_) | Checked::NothingToSee | Checked::Unknown(_) => {}
        }
    }
    match says.first().map(|(_, first)| first.clone()) {
        None => Serving::Nobody,
        Some(first) if says.iter().any(|(_, region)| *region != first) => Serving::Disagree(says),
        Some(region) if region == plan.to && !but.is_empty() => Serving::Partly { region, but },
        Some(region) => Serving::Agree(region),
    }
}
