use super::*;
use crate::{
    action::{Answer, Change, Finding, Observation, Sign},
    engine::Check,
    model::Evidence,
    plan::{Needed, OnFailure, Work},
    report::sample::{failover, lag, plan},
};

fn seen(answers: [Checked; 4]) -> Preflight {
    let steps = plan().steps;
    let checks = steps.iter().zip(answers).map(|(step, found)| Check {
        step: step.id.clone(),
        found,
        findings: Vec::new(),
        predicted_by: None,
    });
    Preflight { checks: checks.collect(), serving: Serving::Agree("eastus".into()) }
}

#[test]
fn a_dry_run_names_every_change_and_the_last_way_back() {
    let fence = Checked::Seen(Observation::new(Answer::AsDesired, Evidence::new()));
    let storage = Checked::Seen(Observation::new(Answer::Missing(vec![failover()]), lag(252.0)));
    let mut seen = seen([fence, Checked::NothingToSee, storage, Checked::NothingToSee]);
    seen.checks[0].findings.push(Finding::warning("eastus answers its health check"));
    let text = dry_run(&plan(), "7c41-09be", ("live, read-only, as sp-drill", false), &seen, 120);
    assert_eq!(
        text,
        "\
web  eastus → westus  unplanned   runbooks/web.yaml  plan 7c41-09be
live, read-only, as sp-drill
serves now: eastus

 1    fence    = already so                             ~2 min, owed if it cannot
    ── no way back from here: after this line, going back means a failback ──
 2 ?  go       asks once, then at the same time:
   2a   storage  ! fail stweb over to westus            ~1 h
                   4 min 12 s of data are lost so far
 3    served   · https://tm.example/health              ~10 s

3 steps, 1 change, 1 that cannot be undone, 1 question
expected 1 h 2 min, of which storage ~1 h
objectives: recovery 2 h  met if all goes as usual · data loss 15 min  met (4 min 12 s so far, ~5 min when it is asked)

preflight: 2 looks, 0 blockers, 1 warning, 0 notes
  warning  fence  eastus answers its health check
"
    );
}

#[test]
fn what_nobody_could_see_is_said_to_be_unknown() {
    let nothing = || Checked::NothingToSee;
    let unknown = Checked::Unknown("no answer within 10 s".to_owned());
    let text = dry_run(
        &plan(),
        "d",
        ("live", false),
        &seen([unknown, nothing(), nothing(), nothing()]),
        100,
    );
    assert!(text.contains("azure.postgres.fence: not known, no answer within 10 s"), "{text}");
    assert!(!text.contains("no way back"), "{text}");
}

#[test]
fn a_step_that_an_earlier_one_changes_is_neither_final_nor_counted() {
    let so = || Checked::Seen(Observation::new(Answer::AsDesired, Evidence::new()));
    let nothing = || Checked::NothingToSee;
    let mut seen = seen([so(), nothing(), so(), nothing()]);
    let text = dry_run(&plan(), "d", ("live", false), &seen, 100);
    assert!(text.contains(" = Fail the videos over"), "{text}");
    assert!(text.contains("3 steps, 0 changes, "), "{text}");
    seen.checks[2].predicted_by = Some("1".to_owned());
    let text = dry_run(&plan(), "d", ("live", false), &seen, 100);
    assert!(text.contains(" ~ Fail the videos over"), "{text}");
    assert!(text.contains("   (so now; predicted: step 1 changes this)\n"), "{text}");
    assert!(text.contains("3 steps, at least 0 changes, "), "{text}");
}

/// The sample plan, of which the fence is not owed but waived.
fn waived() -> Plan {
    let mut plan = plan();
    let fence = &mut plan.steps[0];
    (fence.on_failure, fence.waive) = (OnFailure::Stop, Some("a copy is managed".to_owned()));
    if let Work::Action(work) = &mut fence.work {
        work.planes = vec![Needed::Control { region: Some("eastus".into()), service: None }];
    }
    plan
}

#[test]
fn what_is_waived_is_told_with_its_reason() {
    let missing = Change::harmless("fence", Sign::Changes, "pg-east: read-only");
    let fence = Observation::new(Answer::Missing(vec![missing]), Evidence::new());
    let nothing = || Checked::NothingToSee;
    let seen = seen([Checked::Seen(fence), nothing(), nothing(), nothing()]);
    let text = dry_run(&waived(), "d", ("live", false), &seen, 120);
    let told = "\
 1    fence    ~ pg-east: read-only                                                 ~2 min
                 (needs eastus control, presumed lost; waived: a copy is managed)
";
    assert!(text.contains(told), "{text}");
    let planned = Plan { mode: Mode::Planned, ..waived() };
    let text = dry_run(&planned, "d", ("live", false), &seen, 120);
    assert!(!text.contains("waived"), "{text}");
    let foreseen = |plan: &Plan| {
        let text = crate::report::foreseen(plan, "d", ("live", false), &seen);
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        told["event"]["foreseen"]["steps"][0].clone()
    };
    let planes = serde_json::json!([{ "plane": "control", "region": "eastus", "service": null }]);
    assert_eq!(foreseen(&waived())["planes"], planes);
    assert_eq!(foreseen(&waived())["waived"], "a copy is managed");
    assert_eq!(foreseen(&planned)["waived"], serde_json::Value::Null);
}

#[test]
fn a_narrow_terminal_breaks_lines_between_words() {
    let says =
        "tm-proseware/primary-region: target app-proseware-eastus → app-proseware-maintenance";
    let change = Change::harmless("endpoint", Sign::Changes, says);
    let fence = Observation::new(Answer::Missing(vec![change]), Evidence::new());
    let fence = Checked::Seen(fence);
    let storage = Checked::Seen(Observation::new(Answer::Missing(vec![failover()]), lag(252.0)));
    let seen = seen([fence, Checked::NothingToSee, storage, Checked::NothingToSee]);
    let text = dry_run(&plan(), "7c41-09be", ("live", false), &seen, 70);
    assert_eq!(
        text,
        "\
web  eastus → westus  unplanned   runbooks/web.yaml  plan 7c41-09be
live
serves now: eastus

 1    fence    ~ tm-proseware/primary-region: target            ~2 min
                 app-proseware-eastus
                 → app-proseware-maintenance
                 (owed if it cannot)
    ── no way back from here but a failback ──
 2 ?  go       asks once, then at the same time:
   2a   storage  ! fail stweb over to westus                    ~1 h
                   4 min 12 s of data are lost so far
 3    served   · https://tm.example/health                      ~10 s

3 steps, 2 changes, 1 that cannot be undone, 1 question
expected 1 h 2 min, of which storage ~1 h
objectives: recovery 2 h  met if all goes as usual
            data loss 15 min  met (4 min 12 s so far, ~7 min when it
            is asked)

preflight: 2 looks, 0 blockers, 0 warnings, 0 notes
"
    );
}
