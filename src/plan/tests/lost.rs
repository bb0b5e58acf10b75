//! What a plan says of the region that its run presumes lost.

use super::{choice, plan, screen};
use crate::model::Mode;
use snapbox::{assert_data_eq, str};

const STEPS: &str = "\
failover: 1
runbook: sample
regions: { eastus: { app: app-east, server: pg-east }, westus: { app: app-west, server: pg-west } }
azure: { subscription: s, resource_group: g }
steps:
  - id: stop
    title: Stop the old app
    action: azure.app_service.stop
    with: { app: '${{ from.app }}' }
    waive: the apps of both regions are managed from a third one, so that ${{ to.name }} will do
  - { id: start, action: azure.app_service.start, with: { app: '${{ to.app }}' } }
  - id: look
    action: http.check
    with: { url: 'https://${{ from.app }}.example/', region: '${{ to.name }}' }
  - id: aside
    action: azure.app_service.stop
    with: { app: '${{ from.app }}' }
    on_failure: owe
  - { id: call, action: manual, with: { instructions: call } }
";

#[test]
fn an_unplanned_plan_says_what_is_waived_and_what_keeps_it_from_beginning() {
    let plan = plan(STEPS, &choice("eastus", "westus", Mode::Unplanned));
    assert_data_eq!(
        screen(&plan, 80),
        str![[r#"
sample  eastus → westus  unplanned          runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known

                                                            usually     at most
 1    stop   ~ Stop the old app                             ~20 s       5 min
               azure.app_service.stop: app-east
               needs eastus control
               eastus is presumed lost; waived: the apps of both regions are
               managed from a third one, so that westus will do
 2    start  ~ azure.app_service.start                      ~20 s       5 min
               app-west
               needs westus control
 3    look   · http.check                                   ~10 s       15 min
               https://app-east.example/
               needs westus data, eastus data
               eastus is presumed lost: the run will not begin
 4    aside  ~ azure.app_service.stop                       ~20 s       5 min
               app-east
               needs eastus control
               owed if eastus cannot
 5    call   ~ manual                                       ~5 min      12 h
               call

5 steps
expected 6 min 10 s, of which call ~5 min
users are served again after ~50 s
lock: sample, held in one state folder: it keeps no other machine out

"#]]
    );
    assert_data_eq!(
        screen(&plan, 120),
        str![[r#"
sample  eastus → westus  unplanned                                                  runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known

                                                                                    needs           usually     at most
 1    stop   ~ Stop the old app                                                     eastus control  ~20 s       5 min
               azure.app_service.stop: app-east
               eastus is presumed lost; waived: the apps of both regions are managed from a third one, so that westus
               will do
 2    start  ~ azure.app_service.start                                              westus control  ~20 s       5 min
               app-west
 3    look   · http.check                                                           westus data,    ~10 s       15 min
               https://app-east.example/                                            eastus data
               eastus is presumed lost: the run will not begin
 4    aside  ~ azure.app_service.stop                                               eastus control  ~20 s       5 min
               app-east
               owed if eastus cannot
 5    call   ~ manual                                                                               ~5 min      12 h
               call

5 steps
expected 6 min 10 s, of which call ~5 min
users are served again after ~50 s
lock: sample, held in one state folder: it keeps no other machine out

"#]]
    );
    let held: Vec<_> = plan.stranded().map(|lost| lost.step.id.to_string()).collect();
    assert_eq!(held, ["look"]);
}

#[test]
fn a_planned_plan_says_nothing_of_it() {
    let plan = plan(STEPS, &choice("eastus", "westus", Mode::Planned));
    assert_eq!(plan.stranded().count(), 0);
    let screen = screen(&plan, 120);
    assert!(!screen.contains("presumed") && !screen.contains("waived"), "{screen}");
}

#[test]
fn names_that_are_long_leave_their_column_to_titles() {
    let long = |name: &str, title: &str| {
        let text = STEPS
            .replace("stop\n    title: Stop the old app", &format!("{name}\n    title: {title}"));
        plan(&text, &choice("eastus", "westus", Mode::Unplanned))
    };
    let address = "https://a-very-long-address-of-a-page.example.org/health";
    let texts = [("stop-the-app-of-the-region", "x"), ("s", address)];
    for (name, title) in texts {
        for width in [80, 100, 120] {
            let screen = screen(&long(name, title), width);
            for line in screen.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}
