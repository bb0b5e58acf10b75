//! The actions that change no cloud: what of the table applies to them.

use super::{azure::AZURE, done, state};
use crate::core::run::in_virtual_time;
use failover::{
    engine::{Checked, Ending},
    run::{Question, StepOutcome},
};

pub(super) const KINDS: [&str; 3] = ["http.check", "manual", "wait"];

const CHECK: &str = r"
  - id: check
    action: http.check
    with: { url: 'https://proseware.trafficmanager.net/health', region: '${{ from.name }}' }
    timeout: 5m
";

#[test]
fn a_check_waits_for_good_answers_and_changes_nothing() {
    in_virtual_time(async {
        let drill = AZURE.drill(CHECK);
        let found = drill.preflight().await.checks.remove(0).found;
        assert!(matches!(found, Checked::NothingToSee), "{found:?}");
        done(&drill).await;
        assert_eq!(drill.changes(), [""; 0]);
        let answers =
            drill.cloud.log().into_iter().filter(|one| one.host.starts_with("proseware."));
        assert_eq!(answers.count(), 3);
        // It says nothing of the past: a new run looks anew.
        let drill = AZURE.carry_on(drill, CHECK);
        done(&drill).await;
        assert_eq!(drill.outcome("check"), Some(StepOutcome::Succeeded));
    });
}

#[test]
fn a_check_that_the_other_region_answers_fails_at_its_deadline() {
    in_virtual_time(async {
        let drill = AZURE.drill(&CHECK.replace("from.name", "to.name"));
        let before = drill.clock.now();
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("check");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("eastus"), "{why}");
        let waited = drill.clock.now().duration_since(before).as_secs();
        assert!((300..360).contains(&waited), "{waited} s");
    });
}

#[test]
fn what_a_person_does_is_asked_for_in_every_run() {
    in_virtual_time(async {
        let steps =
            "\n  - { id: call, action: manual, with: { instructions: call the editors } }\n";
        let drill = AZURE.drill(steps);
        let before = state(&drill.cloud);
        done(&drill).await;
        let drill = AZURE.carry_on(drill, steps);
        done(&drill).await;
        assert_eq!(drill.outcome("call"), Some(StepOutcome::Succeeded));
        let asked = drill.asked.lock().unwrap().clone();
        let attest = |says: &str| Question::Attest { change: "done".into(), says: says.to_owned() };
        let questions: Vec<_> = asked.into_iter().map(|ask| ask.question).collect();
        assert_eq!(questions, [attest("call the editors"), attest("call the editors")]);
        assert_eq!(drill.changes(), [""; 0]);
        assert_eq!(state(&drill.cloud), before, "no time goes by while nobody thinks");
    });
}

#[test]
fn a_wait_lasts_as_long_as_it_says() {
    in_virtual_time(async {
        let steps = "\n  - { id: pause, action: wait, with: { for: 20m } }\n";
        let mut drill = AZURE.drill(steps);
        for _ in 0..2 {
            let before = drill.clock.now();
            done(&drill).await;
            assert_eq!(drill.clock.now().duration_since(before).as_secs(), 20 * 60);
            drill = AZURE.carry_on(drill, steps);
        }
        assert_eq!(drill.changes(), [""; 0]);
    });
}
