use super::*;
use crate::{
    model::{DATA_LOSS, Datum, Evidence},
    report::sample::{failover, lag, on, started, told, whole},
    run::{Answer, StepFact},
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
    assert_eq!(failure.what, "`go` asks: move the storage to westus, and got no answer");
    assert_eq!(
        failure.causes,
        [
            "4 min 12 s of data would be lost at 02:02:04Z, and more with time; --yes accepts no more than \
             --accept-loss names"
        ]
    );
    let commands: Vec<_> =
        failure.hints.iter().filter_map(|hint| hint.command.as_deref()).collect();
    assert_eq!(commands, ["failover resume 7f3c --yes --accept-loss 10m", "failover resume 7f3c"]);
}

#[test]
fn a_loss_past_the_promised_one_names_what_yes_accepts() {
    let mut facts = whole()[..7].to_vec();
    let question = Question::Consent { says: "move".to_owned() };
    facts.push((124, on("storage", StepFact::Asked { question, evidence: lag(960.0) })));
    let failure = failure(&told(&facts), Ending::Stopped(Stop::Unanswered), "").unwrap();
    let accepts = "; --yes accepts up to the promised 15 min, and more with --accept-loss";
    assert!(failure.causes[0].ends_with(accepts), "{failure:?}");
    assert_eq!(failure.hints[0].says, "accept beforehand that up to 21 min are lost");
}

#[test]
fn what_only_a_person_can_answer_is_not_offered_beforehand() {
    let unknown = Evidence::new().with(DATA_LOSS, Datum::Text("not known".to_owned()));
    let says = "fail stweb over to westus".to_owned();
    let happened = Question::Happened { change: failover().id, says };
    let consent = Question::Consent { says: "move".to_owned() };
    for (question, evidence) in [(consent, unknown), (happened, lag(252.0))] {
        let mut facts = whole()[..7].to_vec();
        facts.push((124, on("storage", StepFact::Asked { question, evidence })));
        let failure = failure(&told(&facts), Ending::Stopped(Stop::Unanswered), "").unwrap();
        assert!(failure.causes[0].contains("person"), "{failure:?}");
        assert_eq!(failure.hints.len(), 1, "{failure:?}");
    }
}

#[test]
fn how_a_run_ended_is_read_from_its_facts() {
    let facts = whole();
    let stopped = |stop| Some(Ending::Stopped(stop));
    let answered = |answer| {
        let mut facts = facts[..8].to_vec();
        let (who, note) = ("asha".to_owned(), None);
        facts.push((130, on("go", StepFact::Answered { answer, who, note })));
        told(&facts)
    };
    assert_eq!(ending(&told(&facts)), Some(Ending::Owing));
    assert_eq!(ending(&refused()), Some(Ending::Failed));
    assert_eq!(ending(&told(&facts[..8])), stopped(Stop::Unanswered));
    assert_eq!(ending(&answered(Answer::No)), stopped(Stop::Declined));
    assert_eq!(ending(&answered(Answer::Yes)), None);
}

#[test]
fn what_was_left_out_is_not_done() {
    let (reason, who) = ("no time".to_owned(), "asha".to_owned());
    let facts = [(0, started()), (1, on("fence", StepFact::Skipped { reason, who }))];
    assert_eq!(standing(&told(&facts)), ["0 of 3 steps done; fence is left out: no time"]);
}

#[test]
fn a_run_that_is_done_has_not_failed() {
    assert_eq!(failure(&told(&whole()), Ending::Owing, ""), None);
}
