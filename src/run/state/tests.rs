use super::*;
use crate::{
    action::{Mark, Sign},
    model::Datum,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn change(id: &str) -> Change {
    let mark = Mark(Evidence::new().with("mark", Datum::Count(1)));
    Change::harmless(id, Sign::CannotBeUndone, "move it").only_from(mark)
}

/// One fact of every kind.
fn every_fact() -> Vec<(&'static str, StepFact)> {
    let handle = Handle(serde_json::json!({"url": "https://example"}));
    let evidence = Evidence::new();
    let consent = Question::Consent { says: "go".into() };
    let happened = Question::Happened { change: "move".into(), says: "move it".into() };
    let (who, request_id) = (|| "asha".to_owned(), None);
    vec![
        ("started", StepFact::Started),
        ("observed", StepFact::Observed { evidence: evidence.clone() }),
        ("asked consent", StepFact::Asked { question: consent, evidence: evidence.clone() }),
        ("asked happened", StepFact::Asked { question: happened, evidence }),
        ("yes", StepFact::Answered { answer: Answer::Yes, who: who(), note: None }),
        ("no", StepFact::Answered { answer: Answer::No, who: who(), note: None }),
        ("begun", StepFact::ChangeBegun { change: change("move") }),
        ("begun other", StepFact::ChangeBegun { change: change("other") }),
        ("accepted", StepFact::OperationAccepted { handle, request_id: request_id.clone() }),
        ("settled", StepFact::ChangeSettled { request_id: request_id.clone() }),
        ("refused", StepFact::ChangeRefused { why: "no".into(), request_id }),
        ("deferred", StepFact::ChangeDeferred { why: "busy".into(), until: at(90) }),
        ("doubted", StepFact::ChangeDoubted { why: "lost".into(), until: None }),
        ("failed", StepFact::Finished { outcome: StepOutcome::Failed { why: "no".into() } }),
        ("succeeded", StepFact::Finished { outcome: StepOutcome::Succeeded }),
        ("reopened", StepFact::Reopened),
        ("skipped", StepFact::Skipped { reason: "dead".into(), who: who() }),
        ("by hand", StepFact::DoneByHand { note: "portal".into(), who: who() }),
    ]
}

/// A step that has lived through these facts.
fn lived(names: &[&str]) -> StepState {
    let mut state = StepState::new();
    for name in names {
        let (_, fact) = every_fact().into_iter().find(|(known, _)| known == name).unwrap();
        assert!(state.fold(&fact, at(1)), "{name} after {names:?}");
    }
    state
}

fn legal_after(names: &[&str]) -> Vec<&'static str> {
    let legal = |fact: &StepFact| lived(names).fold(fact, at(2));
    every_fact().into_iter().filter(|(_, fact)| legal(fact)).map(|(name, _)| name).collect()
}

#[test]
fn each_life_takes_exactly_these_facts() {
    let by_operator = ["skipped", "by hand"];
    let table: [(&[&str], &[&str]); 7] = [
        (&[], &["started"]),
        (
            &["started"],
            &[
                "observed",
                "asked consent",
                "asked happened",
                "begun",
                "begun other",
                "failed",
                "succeeded",
            ],
        ),
        (&["started", "asked consent"], &["asked consent", "asked happened", "yes", "no"]),
        (
            &["started", "begun"],
            &[
                "observed",
                "asked happened",
                "begun",
                "accepted",
                "settled",
                "refused",
                "deferred",
                "doubted",
            ],
        ),
        (&["started", "begun", "accepted"], &["settled", "refused", "doubted"]),
        (&["started", "failed"], &["reopened"]),
        (&["started", "succeeded"], &[]),
    ];
    for (life, legal) in table {
        let is_over = life.iter().any(|fact| ["failed", "succeeded"].contains(fact));
        let extra = if is_over { &[][..] } else { &by_operator[..] };
        let expected: Vec<_> = legal.iter().chain(extra).copied().collect();
        assert_eq!(legal_after(life), expected, "after {life:?}");
    }
}

#[test]
fn an_illegal_fact_leaves_the_step_as_it_was() {
    for life in [&[][..], &["started"], &["started", "begun"], &["started", "begun", "accepted"]] {
        for (name, fact) in every_fact() {
            let mut state = lived(life);
            let before = state.clone();
            if !state.fold(&fact, at(2)) {
                assert_eq!(state, before, "{name} after {life:?}");
            }
        }
    }
}

#[test]
fn a_change_that_is_doubted_after_its_operation_was_accepted_is_in_doubt_since_it_began() {
    let mut state = lived(&["started", "begun"]);
    let accepted = &every_fact()[8].1;
    assert!(state.fold(accepted, at(50)));
    assert!(state.fold(&StepFact::ChangeDoubted { why: "gone".into(), until: None }, at(60)));
    assert!(matches!(state.life, Life::Begun { .. }));
}

#[test]
fn a_new_attempt_has_agreed_to_nothing_and_remembers_what_was_done() {
    let mut state = lived(&["started", "asked consent", "yes", "begun", "settled", "failed"]);
    assert!(state.agreed.is_some());
    assert!(state.fold(&StepFact::Reopened, at(9)));
    assert_eq!((state.attempt, state.agreed.clone()), (2, None));
    assert_eq!(state.settled_at(&"move".into()), None, "not in this attempt");
    assert_eq!(state.last_settled(), Some(at(1)));
}

#[test]
fn a_no_leaves_the_step_open_and_a_yes_to_happened_settles_the_change() {
    assert_eq!(lived(&["started", "asked consent", "no"]).life, Life::Open);
    let state = lived(&["started", "begun", "asked happened", "yes"]);
    assert_eq!(state.life, Life::Open);
    assert!(state.settled_at(&"move".into()).is_some());
}

#[test]
fn a_run_takes_facts_of_steps_only_while_it_lasts() {
    let id = StepId::new("storage");
    let mut run = RunState::new([&id]);
    let finished = Fact::Run(RunFact::Finished { outcome: RunOutcome::Done });
    let error = run.fold(at(1), &finished).unwrap_err();
    assert_eq!(error.to_string(), "the run cannot be Finished: it is not started");
    let stranger = Fact::step(&"other".into(), StepFact::Started);
    let error = run.fold(at(1), &stranger).unwrap_err();
    assert_eq!(error.to_string(), "step `other` cannot be Started: it is not in the plan");
}
