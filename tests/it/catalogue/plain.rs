//! The actions that change no cloud: what of the table applies to them.

use super::{azure::AZURE, done, postgres::POSTGRES, state};
use crate::core::run::in_virtual_time;
use failover::{
    engine::{Checked, Ending},
    run::{Question, StepOutcome},
    sim::Mishap,
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

const SCRIPT: &str = "
  - { id: script, action: command, with: { run: [./move.sh, west] } }
";

#[test]
fn a_command_is_run_once_and_what_it_did_is_never_guessed() {
    in_virtual_time(async {
        let drill = POSTGRES.drill(SCRIPT);
        done(&drill).await;
        assert_eq!(drill.changes(), ["POST /"]);
        assert_eq!(drill.outcome("script"), Some(StepOutcome::Succeeded));
    });
    in_virtual_time(async {
        let drill = POSTGRES.drill(SCRIPT);
        drill.cloud.fault(failover::sim::Fault {
            method: Some(http::Method::POST),
            path: "move.sh".to_owned(),
            nth: 1,
            mishap: Mishap::LostAnswer,
        });
        done(&drill).await;
        let asked = drill.asked.lock().unwrap().clone();
        let happened = |ask: &failover::engine::Ask| matches!(&ask.question, Question::Happened { says, .. } if says == "run ./move.sh west");
        assert!(asked.iter().any(happened), "{asked:?}");
        assert_eq!(drill.changes(), ["POST /"], "it had happened, and is not run again");
    });
}

#[test]
fn a_command_that_fails_says_its_last_words() {
    in_virtual_time(async {
        let steps = "
  - id: script
    action: command
    with: { run: [./move.sh, west], simulated_status: 3, simulated_output: 'no such place' }
";
        let drill = POSTGRES.drill(steps);
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("script");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(why, "`./move.sh` ended with status 3: no such place");
    });
}
