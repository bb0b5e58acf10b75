use super::*;
use crate::{
    action::{Finding, Observation},
    model::Evidence,
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
    let text = dry_run(&plan(), "7c41-09be", "live, read-only, as sp-drill", &seen, 100);
    assert_eq!(
        text,
        "\
web  eastus → westus  unplanned   runbooks/web.yaml  plan 7c41-09be
live, read-only, as sp-drill
serves now: eastus

 1    fence    = already so                                                ~2 min, owed if it cannot
    ── no way back from here: after this line, going back means a failback ──
 2 ?  go       asks once, then at the same time:
   2a   storage  ! fail stweb over to westus                                                    ~1 h
 3    served   · https://tm.example/health                                                     ~10 s

3 steps, 1 change, 1 that cannot be undone, 1 question
expected 1 h 2 min, of which storage ~1 h
objectives: recovery 2 h  met if all goes as usual · data loss 15 min  met (4 min 12 s)

preflight: 0 blockers, 1 warning, 0 notes
  warning  fence  eastus answers its health check
"
    );
}

#[test]
fn what_nobody_could_see_is_said_to_be_unknown() {
    let nothing = || Checked::NothingToSee;
    let unknown = Checked::Unknown("no answer within 10 s".to_owned());
    let text =
        dry_run(&plan(), "d", "live", &seen([unknown, nothing(), nothing(), nothing()]), 100);
    assert!(text.contains("azure.postgres.fence: not known, no answer within 10 s"), "{text}");
    assert!(!text.contains("no way back"), "{text}");
}
