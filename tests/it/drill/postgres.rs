//! What must never happen to a primary and its standby, in a rehearsal.

use super::run::{Drill, is_promotion, make, planned};
use crate::core::run::in_virtual_time;
use failover::{
    engine::Ending,
    model::Mode,
    plan::Plan,
    run::{Question, StepOutcome},
    sim::Outage,
};

const WAY: [&str; 2] = ["east", "west"];

fn drill(mode: Mode, outage: Outage) -> Drill {
    Drill::new(make("postgres.yaml", WAY[0], WAY[1], mode), outage)
}

/// The questions that only a person answers, and the promotions until then.
fn attested(drill: &Drill) -> Vec<String> {
    let asked = drill.asked.lock().unwrap().clone();
    let says = |question| match question {
        Question::Attest { says, .. } => Some(says),
        _ => None,
    };
    asked.into_iter().filter_map(|ask| says(ask.question)).collect()
}

fn promotions(drill: &Drill) -> usize {
    drill.cloud.log().iter().filter(|one| one.has_changed && is_promotion(one)).count()
}

#[test]
fn a_silent_primary_is_dead_only_by_a_persons_word() {
    in_virtual_time(async {
        let drill = drill(Mode::Unplanned, Outage::Region);
        assert_eq!(drill.process().await, Some(Ending::Owing), "{}", drill.story());
        let attested = attested(&drill);
        assert!(attested[0].starts_with("db-east.example.com cannot be asked"), "{attested:?}");
        assert_eq!(promotions(&drill), 1);
    });
}

#[test]
fn a_primary_that_answers_is_fenced_and_nobody_has_to_vouch_for_it() {
    in_virtual_time(async {
        let drill = drill(Mode::Unplanned, Outage::None);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        assert_eq!(attested(&drill).len(), 1, "only the apps are pointed by hand");
        let state = drill.state();
        let promote = state.step(&"promote".into()).unwrap();
        let fence = promote.evidence.get("fence").unwrap().to_string();
        assert_eq!(fence, "pg_hba.conf turns others away, which was tried");
        assert_eq!(promotions(&drill), 1);
    });
}

/// A runbook of these steps alone.
fn steps(steps: &str) -> Drill {
    Drill::new(plan(steps), Outage::None)
}

fn plan(steps: &str) -> Plan {
    let head = "
failover: 1
runbook: r
lock: r
defaults: { postgres: { user: ops, tls: off } }
regions: { east: { db: db-east }, west: { db: db-west } }
steps:
";
    planned("r.yaml", (head.to_owned() + steps).as_bytes(), WAY, Mode::Unplanned)
}

const PROMOTE: &str = "
  - id: promote
    action: postgres.promote
    confirm: Promote?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
    timeout: 3m
";

#[test]
fn nobody_is_promoted_beside_a_primary_that_takes_writes() {
    in_virtual_time(async {
        let drill = steps(PROMOTE);
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("promote");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("db-east still takes writes (nothing; 3 sessions are open)"), "{why}");
        assert_eq!(promotions(&drill), 0);
    });
}

#[test]
fn a_role_of_rules_that_keeps_sessions_is_no_fence() {
    in_virtual_time(async {
        let drill = steps(PROMOTE);
        // Somebody wrote the rules by hand, and thought that a reload ends sessions.
        drill.cloud.with_world(|world| world.cloud_mut().fence_database("db-east"));
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("promote");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("3 sessions are open"), "{why}");
        assert_eq!(promotions(&drill), 0);
    });
}

#[test]
fn a_fence_that_has_not_ended_the_sessions_yet_is_none() {
    in_virtual_time(async {
        let fence = "
  - id: fence
    action: postgres.fence
    with: { server: '${{ from.db }}', fenced: true }
";
        let drill = steps(fence);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        drill.cloud.with_world(|world| world.cloud_mut().keep_sessions("db-east"));
        let drill = drill.then(plan(PROMOTE));
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("promote");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("turns others away, which was tried; 3 sessions are open"), "{why}");
        assert_eq!(promotions(&drill), 0);
    });
}

#[test]
fn two_primaries_are_told_and_none_of_them_is_called_right() {
    in_virtual_time(async {
        let drill = steps(
            "
  - id: ready
    action: postgres.check
    with: { primary: '${{ from.db }}', standby: '${{ to.db }}' }
",
        );
        drill.cloud.with_world(|world| world.cloud_mut().promote_database("db-west"));
        assert_eq!(drill.process().await, Some(Ending::Failed));
        let outcome = drill.outcome("ready");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("both primaries"), "{why}");
    });
}
