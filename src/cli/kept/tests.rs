use super::*;
use crate::{
    cli::{manner::CloudFlags, say::Say},
    journal::Durability,
    report::sample::{on, plan, started},
    run::StepFact,
};
use jiff::Timestamp;
use tempfile::TempDir;

pub(in crate::cli) fn desk() -> (TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::read(Some(folder.path().to_owned())).unwrap();
    (folder, Desk { settings, say: Say::new() })
}

/// Keeps a run that was started, at that second.
async fn keep(desk: &Desk, realm: Realm, second: i64) -> Kept {
    keep_facts(desk, realm, second, &[started(), on("fence", StepFact::Started)]).await
}

/// Keeps a run of which this is known.
pub(in crate::cli) async fn keep_facts(
    desk: &Desk,
    realm: Realm,
    second: i64,
    facts: &[Fact],
) -> Kept {
    keep_plan(desk, realm, second, (&plan(), facts)).await
}

/// Keeps a run of this plan.
pub(in crate::cli) async fn keep_plan(
    desk: &Desk,
    realm: Realm,
    second: i64,
    (plan, facts): (&Plan, &[Fact]),
) -> Kept {
    let at = Timestamp::from_second(second).unwrap();
    let id = RunId::starting_at(at);
    let folder = realm.runs(&desk.settings).folder(id);
    let bytes = plan.to_bytes().unwrap();
    let mut journal = folder.create(&bytes).unwrap();
    let mut facts = facts.to_vec();
    if let Some(Fact::Run(RunFact::Started { plan, .. })) = facts.first_mut() {
        *plan = Plan::digest(&bytes);
    }
    journal.append(at, &facts, Durability::Now).await.unwrap();
    let kept = Kept { id, realm, folder };
    CloudFlags::default().keep(&kept).unwrap();
    kept
}

#[tokio::test]
async fn the_last_run_is_meant_when_none_is_typed() {
    let (_folder, desk) = desk();
    keep(&desk, Realm::Live, 100).await;
    let second = keep(&desk, Realm::Live, 200).await;
    assert_eq!(last(&desk, |_| true).unwrap().id, second.id);
    assert_eq!(named(&desk, &second.id.short()).unwrap().id, second.id);
    assert_eq!(second.read().unwrap().sessions[0].who, "asha");
}

#[tokio::test]
async fn a_simulated_run_is_never_taken_for_a_live_one() {
    let (_folder, desk) = desk();
    keep(&desk, Realm::Live, 100).await;
    keep(&desk, Realm::Simulated, 200).await;
    let failure = last(&desk, |_| true).unwrap_err();
    assert_eq!(failure.exit, Exit::CommandLine);
    assert_eq!(failure.what, "there are live runs and simulated ones: say which is meant");
    assert_eq!(failure.state.len(), 2);
    assert_eq!(last(&desk, |kept| kept.realm == Realm::Live).unwrap().realm, Realm::Live);
}

#[tokio::test]
async fn an_empty_folder_is_no_run() {
    let (_folder, desk) = desk();
    let id = RunId::starting_at(Timestamp::from_second(100).unwrap());
    Realm::Live.runs(&desk.settings).folder(id).make().unwrap();
    assert!(all(&desk.settings).unwrap().is_empty());
    let failure = named(&desk, &id.short()).unwrap_err();
    assert_eq!(failure.what, format!("there is no run `{}`", id.short()));
}

#[tokio::test]
async fn a_run_whose_plan_is_gone_or_edited_is_listed_with_the_reason() {
    let (_folder, desk) = desk();
    let kept = keep(&desk, Realm::Live, 100).await;
    let path = kept.folder.path().join("plan.json");
    let listed = || table(&all(&desk.settings).unwrap(), &desk.settings);
    let edited = Plan { runbook: "other".to_owned(), ..plan() };
    std::fs::write(&path, edited.to_bytes().unwrap()).unwrap();
    assert!(listed().contains("is not the one that was approved"), "{}", listed());
    std::fs::remove_file(path).unwrap();
    assert!(listed().contains("cannot read the plan"), "{}", listed());
}

#[tokio::test]
async fn a_run_that_never_began_is_listed_and_never_meant() {
    let (_folder, desk) = desk();
    let began = keep(&desk, Realm::Live, 100).await;
    let empty = keep_facts(&desk, Realm::Live, 200, &[]).await;
    assert_eq!(last(&desk, |_| true).unwrap().id, began.id);
    let listed = table(&all(&desk.settings).unwrap(), &desk.settings);
    let row = listed.lines().find(|line| line.starts_with(&empty.id.short()));
    assert!(row.is_some_and(|row| row.trim_end().ends_with("never began")), "{listed}");
}
