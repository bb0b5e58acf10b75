//! The runs that are kept: finds the one that is meant, and reads it.

use super::{Desk, settings::Settings};
use crate::{
    journal::{Entry, Folder, Holder, Runs, lock_holder},
    model::{Exit, Failure, Hint, RunId},
    plan::{self, Plan},
    report::{AtWork, Timeline, stands, table as laid_out},
    run::{Fact, RunFact},
};
use std::sync::Arc;

/// Live runs and simulated ones are kept apart, with their locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Realm {
    Live,
    Simulated,
}

impl Realm {
    pub(super) const ALL: [Self; 2] = [Self::Live, Self::Simulated];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Simulated => "simulated",
        }
    }

    pub(super) fn runs(self, settings: &Settings) -> Runs {
        Runs::in_folder(settings.state.join(self.as_str()))
    }
}

/// One run in its folder.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub id: RunId,
    pub realm: Realm,
    pub folder: Folder,
}

impl Kept {
    /// The plan and what happened.
    pub(super) fn read(&self) -> Result<Timeline, Failure> {
        let reading = self.folder.read().map_err(|error| {
            let run = self.id.short();
            let what = format!("the journal of run {run} cannot be read");
            let folder = self.folder.path().display();
            let unread = Failure::from(error);
            let failure = Failure {
                causes: vec![unread.what].into_iter().chain(unread.causes).collect(),
                what,
                ..unread
            };
            failure.hint(Hint::says(format!("it is in {folder}")))
        })?;
        self.check_plan(&reading.entries)?;
        self.replay(&reading.entries)
    }

    /// What these entries of its journal tell.
    pub(super) fn replay(&self, entries: &[Entry<Fact>]) -> Result<Timeline, Failure> {
        Timeline::replay(self.id, Arc::new(self.plan()?), entries).map_err(|error| {
            let what = format!("the journal of run {} does not add up", self.id.short());
            Failure::new(Exit::Journal, what).because(error)
        })
    }

    /// Refuses to go on with another plan than the one that was approved.
    pub(super) fn check_plan(&self, entries: &[Entry<Fact>]) -> Result<(), Failure> {
        let Some(Fact::Run(RunFact::Started { plan: approved, .. })) =
            entries.first().map(|entry| &entry.fact)
        else {
            return Ok(());
        };
        let found = Plan::digest(&self.folder.plan()?);
        if found == *approved {
            return Ok(());
        }
        let run = self.id.short();
        let path = self.folder.path().join("plan.json");
        let (approved, found) = (plan::short_digest(approved), plan::short_digest(&found));
        let what = format!("the plan of run {run} is not the one that was approved");
        Err(Failure::new(Exit::Journal, what)
            .because(format!("plan {approved} was approved, and {} is {found}", path.display()))
            .standing("nothing new was sent; what the cloud had accepted goes on")
            .hint(Hint::says("put the approved file back as it was, to the byte, and try again")))
    }

    pub(super) fn plan(&self) -> Result<Plan, Failure> {
        let bytes = self.folder.plan()?;
        let what = format!("the plan of run {} cannot be read", self.id.short());
        let plan: Plan = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(Exit::Journal, what.clone()).because(error))?;
        if plan.version != plan::VERSION {
            let why = format!("it is of version {}, and this is {}", plan.version, plan::VERSION);
            return Err(Failure::new(Exit::Journal, what).because(why));
        }
        Ok(plan)
    }

    /// A process that died before its first record has left a plan, and did nothing. A run that cannot be read is not
    /// passed over: somebody must hear of it.
    fn may_have_begun(&self) -> bool {
        self.read().map_or(true, |timeline| timeline.started().is_some())
    }

    /// Whether its journal's last word of the run is that it has ended, whatever its plan was.
    pub(super) fn has_ended(&self) -> bool {
        let Ok(reading) = self.folder.read::<Fact>() else { return false };
        let of_run = |entry: &Entry<Fact>| match &entry.fact {
            Fact::Run(RunFact::Saw { .. }) | Fact::Step { .. } => None,
            Fact::Run(fact) => Some(matches!(fact, RunFact::Finished { .. })),
        };
        reading.entries.iter().rev().find_map(of_run).unwrap_or_default()
    }

    /// Whether a process carries it out just now.
    pub(super) fn at_work(&self, plan: &Plan, settings: &Settings) -> Result<AtWork, Failure> {
        let locks = self.realm.runs(settings).locks();
        Ok(match lock_holder(&locks, &plan.lock)? {
            Some(held) if held.run == self.id => AtWork::Somebody,
            Some(_) | None => AtWork::Nobody,
        })
    }
}

pub(super) fn holder(run: RunId, settings: &Settings) -> Holder {
    Holder {
        run,
        who: settings.who.clone(),
        host: settings.host.clone(),
        process: std::process::id(),
        since: crate::model::Clock::real().now(),
    }
}

/// All runs, the oldest first. A folder without a plan and a journal is one whose run never began.
pub(super) fn all(settings: &Settings) -> Result<Vec<Kept>, Failure> {
    let mut all = Vec::new();
    for realm in Realm::ALL {
        let runs = realm.runs(settings);
        for id in runs.list()? {
            let folder = runs.folder(id);
            if folder.holds_something() {
                all.push(Kept { id, realm, folder });
            }
        }
    }
    all.sort_by_key(|kept| kept.id);
    Ok(all)
}

/// The run that was typed.
pub(super) fn named(desk: &Desk, typed: &str) -> Result<Kept, Failure> {
    let matches =
        |kept: &Kept| kept.id.to_string() == typed || kept.id.short() == typed.to_ascii_lowercase();
    let found: Vec<_> = all(&desk.settings)?.into_iter().filter(matches).collect();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new(Exit::CommandLine, format!("there is no run `{typed}`"))
            .hint(Hint::run("list them", desk.settings.command("failover runs")))),
        _ => Err(several(desk, &format!("several runs are called `{typed}`"), &found)),
    }
}

/// The only run that is wanted. Of several, none is meant more than another.
pub(super) fn only(desk: &Desk, wanted: impl Fn(&Kept) -> bool) -> Result<Kept, Failure> {
    let all = all(&desk.settings)?.into_iter();
    let found: Vec<_> = all.filter(Kept::may_have_begun).filter(wanted).collect();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new(Exit::CommandLine, "there is no run to go on with")
            .hint(Hint::run("list them", desk.settings.command("failover runs")))),
        _ => Err(several(desk, "several runs can be gone on with: say which is meant", &found)),
    }
}

/// The run that is meant when none was typed: the last one, as long as there is no doubt whether a live or a simulated
/// run is meant.
pub(super) fn last(desk: &Desk, wanted: impl Fn(&Kept) -> bool) -> Result<Kept, Failure> {
    let all = all(&desk.settings)?.into_iter();
    let found: Vec<_> = all.filter(Kept::may_have_begun).filter(wanted).collect();
    let last: Vec<_> = Realm::ALL
        .iter()
        .filter_map(|realm| found.iter().rfind(|kept| kept.realm == *realm).cloned())
        .collect();
    match last.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new(Exit::CommandLine, "no run is kept")
            .hint(Hint::run("list them", desk.settings.command("failover runs")))),
        _ => {
            Err(several(desk, "there are live runs and simulated ones: say which is meant", &last))
        }
    }
}

fn several(desk: &Desk, what: &str, found: &[Kept]) -> Failure {
    let failure = Failure::new(Exit::CommandLine, what);
    let listed = table(found, &desk.settings);
    listed.lines().fold(failure, Failure::standing)
}

/// Runs in rows.
pub(super) fn table(found: &[Kept], settings: &Settings) -> String {
    let cells: Vec<_> = found.iter().map(|kept| row(kept, settings)).collect();
    laid_out(&cells, settings.data_columns)
}

/// A run that cannot be read is listed all the same, with the reason.
fn row(kept: &Kept, settings: &Settings) -> Vec<String> {
    let mut cells = vec![kept.id.short(), kept.realm.as_str().to_owned()];
    match kept.read() {
        Err(failure) => cells.push(failure.what),
        Ok(timeline) => {
            let plan = &timeline.plan;
            let at_work = kept.at_work(plan, settings).unwrap_or(AtWork::Nobody);
            let started = timeline.started();
            cells.extend([
                started.map(|at| at.strftime("%Y-%m-%d %H:%MZ").to_string()).unwrap_or_default(),
                plan.runbook.clone(),
                format!("{} → {}", plan.from, plan.to),
                plan.mode.to_string(),
                stands(&timeline, at_work).to_owned(),
            ]);
        }
    }
    cells
}

#[cfg(test)]
pub(super) mod tests;
