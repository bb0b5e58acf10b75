use super::*;
use crate::{
    report::sample::{on, told, whole},
    run::StepFact,
};

fn refused() -> Timeline {
    let mut facts = whole()[..11].to_vec();
    let why = "PATCH …/stweb answered 409 FailoverNotAllowed".to_owned();
    let request_id = Some("8f2c1c1e".to_owned());
    facts.push((300, on("storage", StepFact::ChangeRefused { why: why.clone(), request_id })));
    let outcome = StepOutcome::Failed { why };
    facts.push((300, on("storage", StepFact::Finished { outcome })));
    told(&facts)
}

#[test]
fn a_failure_says_what_failed_why_what_is_true_now_and_what_to_type() {
    let failure = failure(&refused(), Ending::Failed, "").unwrap();
    assert_eq!(failure.exit, Exit::Failed);
    assert_eq!(failure.what, "step `storage` failed: fail stweb over to westus");
    assert_eq!(
        failure.causes,
        ["PATCH …/stweb answered 409 FailoverNotAllowed, request id 8f2c1c1e"]
    );
    assert_eq!(
        failure.state,
        [
            "0 of 3 steps done; storage failed; fence is owed",
            "users of shop: no answer since 02:00:01Z"
        ]
    );
    let hints: Vec<_> =
        failure.hints.iter().map(|h| (h.says.as_str(), h.command.as_deref().unwrap())).collect();
    assert_eq!(
        hints,
        [
            ("try it again", "failover resume 7f3c"),
            (
                "it was done by hand: have that looked at, and go on",
                "failover resume 7f3c --done storage --note \"…\""
            ),
            (
                "leave it out (served comes after it)",
                "failover resume 7f3c --skip storage --reason \"…\""
            ),
        ]
    );
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let timeline = told(&whole()[..11]);
    let failure = failure(&timeline, Ending::Stopped(Stop::Interrupted), " --state /s").unwrap();
    assert_eq!(failure.exit, Exit::Interrupted);
    assert_eq!(failure.what, "interrupted; nothing is lost");
    assert_eq!(failure.hints[0].command.as_deref(), Some("failover resume 7f3c --state /s"));
}

#[test]
fn a_question_that_nobody_answers_names_its_step() {
    let timeline = told(&whole()[..8]);
    let failure = failure(&timeline, Ending::Stopped(Stop::Unanswered), "").unwrap();
    assert_eq!(failure.exit, Exit::Failed);
    assert_eq!(
        failure.what,
        "`go` asks: move the storage to westus, and nobody is there who could answer"
    );
}

#[test]
fn a_run_that_is_done_has_not_failed() {
    assert_eq!(failure(&told(&whole()), Ending::Owing, ""), None);
}
