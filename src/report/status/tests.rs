use super::*;
use crate::{
    report::sample::{at, on, told, whole},
    run::{Answer, Fact, RunFact, StepFact, StepOutcome},
};

#[test]
fn a_stopped_run_says_where_it_stands_and_what_to_type() {
    let facts = whole();
    let timeline = told(&facts[..11]);
    assert_eq!(
        status(&timeline, AtWork::Nobody, at(1_000), (" --state /s", 80)),
        "\
web  eastus → westus  unplanned   run 7f3c   stopped, resumable
started 02:00:00Z by asha on bastion-2; last record 02:02:37Z, 14 min 3 s ago

 ! fence    owed  eastus does not answer
 ◐ storage  35 s  accepted, goes on in the cloud since 02:02:37Z; usually ~1 h
 ○ served         waits for storage

now:    0 of 3 steps done; storage goes on in the cloud (since 02:02:37Z); fence
        is owed
        users of shop: no answer since 02:00:01Z
next:   go on
        failover resume 7f3c --state /s
"
    );
}

#[test]
fn a_run_that_owes_is_told_how_to_pay() {
    let text = status(&told(&whole()), AtWork::Nobody, at(9_000), ("", 80));
    assert!(text.contains("run 7f3c   done, owing\n"), "{text}");
    assert!(text.ends_with("next:   pay what is owed\n        failover resume 7f3c\n"), "{text}");
}

#[test]
fn a_run_that_failed_says_as_much_as_it_did_then() {
    let mut facts = whole()[..11].to_vec();
    let why = "PATCH …/stweb answered 409 FailoverNotAllowed".to_owned();
    let request_id = Some("8f2c1c1e".to_owned());
    facts.push((300, on("storage", StepFact::ChangeRefused { why: why.clone(), request_id })));
    let outcome = StepOutcome::Failed { why };
    facts.push((300, on("storage", StepFact::Finished { outcome })));
    assert_eq!(
        status(&told(&facts), AtWork::Nobody, at(360), ("", 70)),
        "\
web  eastus → westus  unplanned   run 7f3c   failed, resumable
started 02:00:00Z by asha on bastion-2
last record 02:05:00Z, 1 min ago

 ! fence    owed    eastus does not answer
 ✗ storage  failed  PATCH …/stweb answered 409 FailoverNotAllowed
 ○ served           waits for storage

error:  step `storage` failed: fail stweb over to westus
why:    PATCH …/stweb answered 409 FailoverNotAllowed, request id
        8f2c1c1e
now:    0 of 3 steps done; storage failed; fence is owed
        users of shop: no answer since 02:00:01Z
next:   try it again
        failover resume 7f3c
or:     it was done by hand: have that looked at, and go on
        failover resume 7f3c --done storage --note \"…\"
or:     leave it out (served comes after it)
        failover resume 7f3c --skip storage --reason \"…\"
"
    );
}

#[test]
fn a_run_that_waits_for_an_answer_says_who_is_asked_what() {
    let told = status(&told(&whole()[..8]), AtWork::Somebody, at(240), ("", 80));
    assert!(told.starts_with("web  eastus → westus  unplanned   run 7f3c   waits for an answer\n"));
    let lower = told.split("\n\n").last().unwrap();
    assert_eq!(
        lower,
        "\
asks:   go: move the storage to westus
        primary    eastus
        data loss  4 min 12 s at 02:02:04Z
        it is to be answered by asha on bastion-2, since 02:02:04Z (1 min 56 s)
now:    0 of 3 steps done; fence is owed
        users of shop: no answer since 02:00:01Z
"
    );
}

#[test]
fn nobody_looks_any_more_at_a_run_that_was_declined() {
    let mut facts = whole()[..8].to_vec();
    let (who, note) = ("asha".to_owned(), None);
    facts.push((130, on("go", StepFact::Answered { answer: Answer::No, who, note })));
    let told = status(&told(&facts), AtWork::Nobody, at(240), ("", 80));
    assert!(told.contains(" ○ storage  8 s   stopped before it changed anything\n"), "{told}");
    assert!(told.contains("error:  declined; nothing more was started\n"), "{told}");
}

#[test]
fn simulated_time_has_no_age_and_a_run_that_is_done_may_leave_work() {
    let mut timeline = told(&whole());
    timeline.state.simulated = true;
    let plan = std::sync::Arc::make_mut(&mut timeline.plan);
    plan.afterwards = Some("runbooks/web-reprotect.yaml".to_owned());
    let told = status(&timeline, AtWork::Nobody, at(9_000), ("", 80));
    assert!(told.contains("last record 03:10:11Z, in simulated time\n"), "{told}");
    let end = "\
then:   once eastus is back
        failover execute eastus westus --runbook runbooks/web-reprotect.yaml
";
    assert!(told.ends_with(end), "{told}");
}

#[test]
fn what_a_resume_sees_as_before_is_since_the_first_time() {
    let mut facts = whole();
    facts.push((9_000, crate::report::sample::resumed()));
    facts.push((9_001, crate::report::sample::saw(true, "200 from westus")));
    facts.push((9_002, Fact::Run(RunFact::Interrupted)));
    let told = status(&told(&facts), AtWork::Nobody, at(9_060), ("", 80));
    assert!(told.contains("users of shop: 200 from westus since 03:10:01Z\n"), "{told}");
    assert!(told.contains("next:   go on\n        failover resume 7f3c\n"), "{told}");
}
