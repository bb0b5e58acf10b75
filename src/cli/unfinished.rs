//! Runs that stopped with a change under way: a new run beside one of them could send the same change again, because its
//! own journal knows nothing of the first.

use super::{
    Desk,
    kept::{self, Kept, Realm},
    manner::CloudFlags,
};
use crate::{
    model::{Exit, Failure, Hint, RunId},
    plan::{Plan, Step},
    report::{self, AtWork, Timeline},
    run::{RunOutcome, StepState},
};

/// A run that wants to begin.
pub(super) struct New<'a> {
    pub kept: &'a Kept,
    pub plan: &'a Plan,
    /// The run that left the simulated world to begin in.
    pub after: Option<&'a Kept>,
    pub cloud: &'a CloudFlags,
}

/// Refuses a new run of this plan while another one under the same lock has a change under way.
///
/// A simulated world is known only to the run that made it and to the one that begins in it, so there only the run
/// before counts. A run that somebody is at holds the lock, which says more.
pub(super) fn refuse(desk: &Desk, new: &New<'_>) -> Result<(), Failure> {
    for timeline in before(desk, new)? {
        if let Some(failure) = under_way(&timeline, &desk.settings.flags()) {
            return Err(failure);
        }
    }
    Ok(())
}

/// The run before this one that can be gone on with.
pub(super) fn to_go_on_with(desk: &Desk, new: &New<'_>) -> Result<Option<RunId>, Failure> {
    let is_open = |timeline: &Timeline| {
        let is_over =
            matches!(timeline.state.finished, Some(RunOutcome::Done | RunOutcome::Aborted));
        timeline.started().is_some() && !is_over
    };
    Ok(before(desk, new)?.into_iter().find(is_open).map(|timeline| timeline.run))
}

/// The runs under the same lock that nobody is at, the last one first.
fn before(desk: &Desk, new: &New<'_>) -> Result<Vec<Timeline>, Failure> {
    let others = match new.kept.realm {
        Realm::Live => kept::all(&desk.settings)?,
        Realm::Simulated => new.after.cloned().into_iter().collect(),
    };
    let in_the_same_world = |kept: &&Kept| kept.realm == new.kept.realm && kept.id != new.kept.id;
    let mut before = Vec::new();
    for kept in others.iter().filter(in_the_same_world).rev() {
        let Some(timeline) = read(kept, new)? else { continue };
        if kept.at_work(&timeline.plan, &desk.settings)? == AtWork::Nobody {
            before.push(timeline);
        }
    }
    Ok(before)
}

/// A run under the same lock. One that cannot be read, and whose own last word is not that it has ended, may have a
/// change under way, and nobody can tell.
fn read(kept: &Kept, new: &New<'_>) -> Result<Option<Timeline>, Failure> {
    let has_other_lock = kept.plan().is_ok_and(|plan| plan.lock != new.plan.lock);
    // A rehearsal against a port of this machine says nothing of the cloud itself.
    let is_elsewhere = kept.realm == Realm::Live
        && CloudFlags::of(kept).is_ok_and(|cloud| !cloud.is_same_cloud(new.cloud));
    if has_other_lock || is_elsewhere {
        return Ok(None);
    }
    let unread = match kept.read() {
        Ok(timeline) => return Ok(Some(timeline)),
        // As a plan of an earlier version of this program: its journal can tell all the same.
        Err(_) if kept.has_ended() => return Ok(None),
        Err(unread) => unread,
    };
    let run = kept.id.short();
    let what =
        format!("run {run} may have a change under way, and cannot be read; nothing new was begun");
    let folder = kept.folder.path().display();
    Err(Failure::new(Exit::Journal, what).because(unread).hint(Hint::says(format!(
        "look in the cloud at what it was doing; then move {folder} away, and begin again"
    ))))
}

/// Why nothing else may begin beside this run, if so.
fn under_way(timeline: &Timeline, flags: &str) -> Option<Failure> {
    if timeline.state.finished == Some(RunOutcome::Done) {
        return None;
    }
    // A run that was ended for good left what is harmless as it was.
    let is_open = |step: &&Step| {
        let change = timeline.state.step(&step.id).and_then(StepState::open_change);
        change.is_some_and(|change| !timeline.state.aborted || change.is_harmful())
    };
    let open: Vec<_> = timeline.plan.steps.iter().filter(is_open).collect();
    if open.is_empty() {
        return None;
    }
    let run = timeline.run.short();
    let steps: Vec<_> = open.iter().map(|step| format!("`{}`", step.id)).collect();
    let steps = steps.join(", ");
    let what = format!("run {run} has a change under way: {steps}; nothing new was begun");
    let resume = format!("failover resume {run}{flags}");
    let failure = Failure::new(Exit::Preflight, what)
        .hint(Hint::run("go on with it", resume.clone()))
        .hint(Hint::run("end it for good; then this can begin", format!("{resume} --abort")));
    Some(report::standing(timeline).into_iter().fold(failure, Failure::standing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::kept::tests::{desk, keep_facts},
        report::sample::{failover, on, plan, started},
        run::{Answer, Fact, Question, RunFact, StepFact},
    };

    const NEW: i64 = 900;

    fn begun() -> Vec<Fact> {
        vec![
            started(),
            on("storage", StepFact::Started),
            on("storage", StepFact::ChangeBegun { change: failover() }),
        ]
    }

    /// What a new run is told beside one of which this is known.
    async fn beside(realm: Realm, facts: &[Fact], is_after: bool) -> Result<(), Failure> {
        let (_folder, desk) = desk();
        let old = keep_facts(&desk, realm, 100, facts).await;
        let new = keep_facts(&desk, realm, NEW, &[started()]).await;
        let after = is_after.then_some(&old);
        let (plan, cloud) = (plan(), CloudFlags::default());
        let new = New { kept: &new, plan: &plan, after, cloud: &cloud };
        refuse(&desk, &new).map_err(|failure| Failure {
            what: failure.what.replace(&old.id.short(), "7f3k"),
            ..failure
        })
    }

    #[tokio::test]
    async fn a_change_under_way_forbids_a_new_run() {
        let failure = beside(Realm::Live, &begun(), false).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Preflight);
        let what = "run 7f3k has a change under way: `storage`; nothing new was begun";
        assert_eq!(failure.what, what);
        assert!(failure.state[0].contains("storage is in doubt"), "{:?}", failure.state);
        let commands: Vec<_> = failure.hints.into_iter().filter_map(|hint| hint.command).collect();
        assert!(commands[0].starts_with("failover resume "), "{commands:?}");
        assert!(commands[1].ends_with(" --abort"), "{commands:?}");
    }

    #[tokio::test]
    async fn whoever_is_asked_whether_it_happened_must_answer_first() {
        let question = Question::Happened { change: failover().id, says: String::new() };
        let evidence = crate::model::Evidence::new();
        let mut facts = begun();
        facts.push(on("storage", StepFact::Asked { question, evidence }));
        beside(Realm::Live, &facts, false).await.unwrap_err();
        let (who, note) = ("asha".to_owned(), None);
        facts.push(on("storage", StepFact::Answered { answer: Answer::No, who, note }));
        beside(Realm::Live, &facts, false).await.unwrap();
    }

    #[tokio::test]
    async fn what_has_settled_or_ended_for_good_is_in_nobodys_way() {
        let mut settled = begun();
        settled.push(on("storage", StepFact::ChangeSettled { request_id: None }));
        beside(Realm::Live, &settled, false).await.unwrap();
        let aborted = Fact::Run(RunFact::Aborted { who: "asha".to_owned() });
        let ended = Fact::Run(RunFact::Finished { outcome: RunOutcome::Aborted });
        settled.extend([aborted.clone(), ended.clone()]);
        beside(Realm::Live, &settled, false).await.unwrap();
        let mut in_doubt = begun();
        in_doubt.extend([aborted, ended]);
        beside(Realm::Live, &in_doubt, false).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_simulated_world_knows_only_the_run_before() {
        beside(Realm::Simulated, &begun(), false).await.unwrap();
        beside(Realm::Simulated, &begun(), true).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_run_that_cannot_be_read_is_in_the_way_until_its_journal_says_that_it_ended() {
        let finished = Fact::Run(RunFact::Finished { outcome: RunOutcome::Done });
        for (facts, is_in_the_way) in [(vec![started()], true), (vec![started(), finished], false)]
        {
            let (_folder, desk) = desk();
            let old = keep_facts(&desk, Realm::Live, 100, &facts).await;
            // As an earlier version of this program wrote it.
            std::fs::write(old.folder.path().join("plan.json"), "{}").unwrap();
            let new = keep_facts(&desk, Realm::Live, NEW, &[started()]).await;
            let (plan, cloud) = (plan(), CloudFlags::default());
            let new = New { kept: &new, plan: &plan, after: None, cloud: &cloud };
            assert_eq!(refuse(&desk, &new).is_err(), is_in_the_way, "{facts:?}");
        }
    }

    #[tokio::test]
    async fn another_lock_is_another_system() {
        let (_folder, desk) = desk();
        keep_facts(&desk, Realm::Live, 100, &begun()).await;
        let new = keep_facts(&desk, Realm::Live, NEW, &[started()]).await;
        let other = Plan { lock: "mail".to_owned(), ..plan() };
        let cloud = CloudFlags::default();
        let new = |plan| New { kept: &new, plan, after: None, cloud: &cloud };
        refuse(&desk, &new(&other)).unwrap();
        refuse(&desk, &new(&plan())).unwrap_err();
    }

    #[tokio::test]
    async fn a_rehearsal_at_a_port_of_this_machine_is_in_no_clouds_way() {
        let (_folder, desk) = desk();
        let old = keep_facts(&desk, Realm::Live, 100, &begun()).await;
        let flags = r#"{"azure_endpoint":"http://127.0.0.1:7000","azure_credential":null}"#;
        let there: CloudFlags = serde_json::from_str(flags).unwrap();
        there.keep(&old).unwrap();
        let new = keep_facts(&desk, Realm::Live, NEW, &[started()]).await;
        let (plan, cloud) = (plan(), CloudFlags::default());
        let new = |cloud| New { kept: &new, plan: &plan, after: None, cloud };
        refuse(&desk, &new(&cloud)).unwrap();
        refuse(&desk, &new(&there)).unwrap_err();
    }
}
