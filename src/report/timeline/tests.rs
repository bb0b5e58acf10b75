use super::*;
use crate::{
    report::{
        Loss, Measures, Recovery, Verdict,
        sample::{at, failover, on, resumed, saw, started, told, whole},
    },
    run::{RunOutcome, StepFact},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_whole_run_is_told_with_its_times_and_figures() {
    let timeline = told(&whole());
    assert_eq!(timeline.state.finished, Some(RunOutcome::Owing));
    assert_eq!(timeline.total(), seconds(4_211));
    assert_eq!(timeline.human(), seconds(31));
    assert_eq!(timeline.owed(), [&StepId::from("fence")]);
    let storage = timeline.story(&"storage".into()).unwrap();
    assert_eq!(storage.elapsed(at(9_999)), Some(seconds(3_879)));
    assert_eq!(storage.changes[0].request_ids, ["8f2c"]);
    assert_eq!(
        Measures::of(&timeline),
        Measures {
            recovery: Recovery::Took { lost: at(1), back: at(4_201) },
            recovery_verdict: Verdict::Met,
            loss: Loss::UpTo(vec![("storage".into(), seconds(252))]),
            loss_verdict: Verdict::Met,
            changes: 1,
            sent_again: 0,
            harmful_sent_again: 0,
        }
    );
}

#[test]
fn users_are_back_only_when_no_later_sample_fails() {
    let seen = [(1, false), (10, true), (20, false), (30, true), (40, true)];
    let mut facts = vec![(0, started())];
    facts.extend(seen.map(|(at, good)| (at, saw(good, "200"))));
    let recovery = Measures::of(&told(&facts)).recovery;
    assert_eq!(recovery, Recovery::Took { lost: at(1), back: at(30) });

    facts.push((50, saw(false, "503")));
    let recovery = Measures::of(&told(&facts)).recovery;
    assert_eq!(recovery, Recovery::NotYet { since: at(1) });
    assert_eq!(recovery.length(at(61)), Some(seconds(60)));
}

#[test]
fn nothing_watched_is_nothing_measured() {
    let measures = Measures::of(&told(&[(0, started())]));
    assert_eq!(measures.recovery, Recovery::NotMeasured);
    assert_eq!(measures.recovery_verdict, Verdict::NotMeasured);
    assert_eq!(measures.loss, Loss::Nothing);
}

#[test]
fn a_harmful_change_that_is_sent_again_is_counted() {
    let begun = || on("fence", StepFact::ChangeBegun { change: failover() });
    let doubted =
        on("fence", StepFact::ChangeDoubted { why: "connection lost".to_owned(), until: None });
    let facts = [
        (0, started()),
        (1, on("fence", StepFact::Started)),
        (2, begun()),
        (3, doubted),
        (4, begun()),
    ];
    let measures = Measures::of(&told(&facts));
    assert_eq!((measures.changes, measures.sent_again, measures.harmful_sent_again), (1, 1, 1));
}

#[test]
fn a_change_that_the_cloud_put_off_was_not_sent_twice() {
    let begun = || on("fence", StepFact::ChangeBegun { change: failover() });
    let deferred = StepFact::ChangeDeferred { why: "429".to_owned(), until: at(9) };
    let facts = [
        (0, started()),
        (1, on("fence", StepFact::Started)),
        (2, begun()),
        (3, on("fence", deferred)),
        (9, begun()),
    ];
    let measures = Measures::of(&told(&facts));
    assert_eq!((measures.changes, measures.sent_again), (1, 0));
}

#[test]
fn the_time_while_no_process_was_at_it_counts_for_no_step() {
    let facts = [
        (0, started()),
        (5, on("fence", StepFact::Started)),
        (15, saw(true, "200")),
        (1_000, resumed()),
    ];
    let timeline = told(&facts);
    let fence = timeline.story(&"fence".into()).unwrap();
    assert_eq!(fence.elapsed(at(1_020)), Some(seconds(30)));
    assert_eq!(timeline.sessions.len(), 2);
    assert_eq!(timeline.sessions[0].to, at(15));
}
