//! Plans of the ready-made runbooks, and what is in the way of a plan.

#![expect(clippy::too_many_lines, reason = "screens are long")]

mod given;
mod lost;
mod outputs;
mod planes;

use super::{Choice, OnFailure, Plan, build, late, late_text, short_digest};
use crate::{
    model::{Datum, Mode, Node, Span, StepId, Value, span},
    provider::catalogue,
    runbook::{Mistakes, Unread, load},
};
use snapbox::{assert_data_eq, str};

const PROSEWARE: &str = include_str!("../../../runbooks/proseware.yaml");
const REPROTECT: &str = include_str!("../../../runbooks/proseware-reprotect.yaml");
const WEB: &str = include_str!("../../../runbooks/proseware-web.yaml");

const FILES: crate::runbook::Files<'_> = &|_| Ok("<h1>soon</h1>".to_owned());

fn choice<'a>(from: &'a str, to: &'a str, mode: Mode) -> Choice<'a> {
    Choice {
        from,
        to,
        mode: Some(mode),
        vars: Vec::new(),
        env: &|_| None,
        outputs: &|_, _| Err(Unread::new("there is none here", "")),
        made_up_env: true,
        files: FILES,
        catalogue: catalogue(),
    }
}

fn made(text: &str, choice: &Choice<'_>) -> Result<Plan, Mistakes> {
    let runbook = load("runbooks/sample.yaml", text.as_bytes(), catalogue(), FILES)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    build(&runbook, choice)
}

fn plan(text: &str, choice: &Choice<'_>) -> Plan {
    made(text, choice).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The screen, without the name of exactly this plan.
fn screen(plan: &Plan, width: usize) -> String {
    plan.text(width).replace(&short_digest(&Plan::digest(&plan.to_bytes().unwrap())), "1234-5678")
}

/// The needs of each step, one in a line.
fn needs(plan: &Plan) -> String {
    let line = |step: &super::Step| {
        let needs: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
        format!("{} {} < {}", step.number, step.id, needs.join(" ")).trim_end().to_owned() + "\n"
    };
    plan.steps.iter().map(line).collect()
}

#[test]
fn the_unplanned_plan_of_proseware_reads_as_its_table() {
    let plan = plan(PROSEWARE, &choice("eastus", "westus", Mode::Unplanned));
    assert_data_eq!(
        screen(&plan, 80),
        str![[r#"
proseware  eastus → westus  unplanned       runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known
AZURE_SUBSCRIPTION_ID is not set: its value here is made up

                                                            usually     at most
 1    page        ~ Put a maintenance page up in a third    ~1 min      10 min
                    region
                    azure.app_service.maintenance_page:
                    app-proseware-maintenance, plan-proseware-maintenance
                    needs centralus control, centralus data
 2    ready       ~ Keep the endpoint of the new region     ~1 min 5 s  10 min
                    ready, and closed
                    azure.traffic_manager.endpoint: app-proseware-westus,
                    tm-proseware/secondary-region
                    needs global, westus control
 3    cut-off     ~ Send users to the maintenance page      ~1 min 5 s  10 min
                    azure.traffic_manager.endpoint: app-proseware-maintenance,
                    tm-proseware/primary-region
                    needs global, centralus control
                    asks whether to go on if it fails
 4    stop-from   ~ Stop the app that users have left       ~20 s       2 min
                    azure.app_service.stop: app-proseware-eastus
                    needs eastus control
                    owed if eastus cannot
 5    fence       ~ Let the old primary accept no more      ~2 min      2 min
                    writes
                    azure.postgres.fence: pg-proseware-eastus
                    needs eastus control
                    owed if eastus cannot
 6    stop-to     ~ Stop the new app, so that it mounts     ~20 s       5 min
                    the videos anew
                    azure.app_service.stop: app-proseware-westus
                    needs westus control
    ── no way back from here: after this line, going back means a failback ──
 7 ?  go            asks once, then at the same time:
                    asks: Fail the videos over and promote the database in
                    westus (videos last in sync (known after step storage),
                    database (known after step promote) behind)
    7a  storage   ! Fail the training videos over           ~1 h        4 h
                    azure.storage.failover: stproseware
                    needs global, westus data
    7b  promote   ! Promote the database                    ~6 min      1 h
                    azure.postgres.promote: pg-proseware-westus,
                    pg-proseware-eastus
                    needs westus control, westus data
    7c  settings  ~ Point the new app at its own database   ~5 s        5 min
                    azure.app_service.settings: app-proseware-westus
                    needs westus control
 8    start       ~ Start the new app                       ~20 s       5 min
                    azure.app_service.start: app-proseware-westus
                    needs westus control
 9    verify      · See that the new app is well, before    ~10 s       15 min
                    any user does
                    http.check:
                    https://app-proseware-westus.azurewebsites.net/health
                    needs westus data
10    shift       ~ Shift users from the page to the new    ~9 min      30 min
                    region
                    azure.traffic_manager.shift: tm-proseware/secondary-region,
                    tm-proseware/primary-region
                    needs global, westus data
11    served      · See that users are served by the new    ~10 s       15 min
                    region
                    http.check: https://proseware.trafficmanager.net/health
                    needs westus data

11 steps, 2 that cannot be undone, 1 question
expected 1 h 15 min, of which storage ~1 h
users are served again after ~1 h 15 min
objectives: recovery 2 h  expected to be met · data loss 15 min  not known yet
lock: proseware, held in one state folder: it keeps no other machine out

"#]]
    );
}

#[test]
fn the_planned_plan_of_proseware_protects_and_tidies_at_the_end() {
    let plan = plan(PROSEWARE, &choice("westus", "eastus", Mode::Planned));
    assert_data_eq!(
        needs(&plan),
        str![[r"
1 page <
2 ready < page
3 cut-off < ready
4 stop-from < cut-off
5 fence < stop-from
6 stop-to < fence
7 go < stop-to
7a storage < stop-to
7b promote < stop-to
7c settings < stop-to
8 start < go storage promote settings
9 verify < start
10 shift < verify
11 served < shift
12 redundancy < served
13 replica < served
14 unfence < replica
15 point-back < served
16 remove-page < point-back

"]]
    );
    assert!(plan.steps.iter().all(|step| step.on_failure == OnFailure::Stop));
}

#[test]
fn the_other_runbooks_have_plans_in_both_directions_and_modes() {
    for text in [REPROTECT, WEB] {
        for (from, to) in [("eastus", "westus"), ("westus", "eastus")] {
            for mode in Mode::ALL {
                plan(text, &choice(from, to, mode));
            }
        }
    }
    let reprotect = plan(REPROTECT, &choice("eastus", "westus", Mode::Planned));
    assert_data_eq!(
        screen(&reprotect, 100),
        str![[r#"
proseware-reprotect  eastus → westus  planned                   runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known
AZURE_SUBSCRIPTION_ID is not set: its value here is made up

                                                            needs               usually     at most
 1    redundancy   ~ Keep the videos in both regions again  own region control  ~4 h        2 d
                     azure.storage.redundancy: stproseware
 2    stop-from    ~ Keep the old app stopped               eastus control      ~20 s       5 min
                     azure.app_service.stop: app-proseware-eastus
                     starts at once
 3    replica      ~ Keep the database in both regions      eastus control,     ~30 min     6 h
                     again                                  westus control,
                     azure.postgres.replica:                westus data
                     pg-proseware-eastus, pg-proseware-westus
 4    unfence      ~ Take the fence down from what is a     eastus control      ~2 min      10 min
                     replica now
                     azure.postgres.fence: pg-proseware-eastus
 5    point-back   ~ Give the old endpoint its own app      global,             ~1 min 5 s  10 min
                     again, closed                          eastus control
                     azure.traffic_manager.endpoint: app-proseware-eastus,
                     tm-proseware/primary-region
                     after stop-from
 6    remove-page  ~ Take the maintenance page down         centralus control,  ~30 s       5 min
                     azure.app_service.remove:              global
                     app-proseware-maintenance, plan-proseware-maintenance, tm-proseware

6 steps
expected 4 h, of which redundancy ~4 h
lock: proseware, held in one state folder: it keeps no other machine out

"#]]
    );
    let web = plan(WEB, &choice("eastus", "westus", Mode::Unplanned));
    assert_data_eq!(
        screen(&web, 100),
        str![[r#"
proseware-web  eastus → westus  unplanned                       runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known
AZURE_SUBSCRIPTION_ID is not set: its value here is made up

                                                                needs           usually     at most
 1    disable   ~ Stop the app in the old region                eastus control  ~20 s       2 min
                  azure.app_service.stop: app-proseware-eastus
                  owed if eastus cannot
 2    enable    ~ Start the app in the new region               westus control  ~20 s       5 min
                  azure.app_service.start: app-proseware-westus
 3    running   · See that the new app is well                  westus data     ~10 s       15 min
                  http.check: https://app-proseware-westus.azurewebsites.net/health
 4    open      ~ Open the new endpoint                         global,         ~1 min 5 s  10 min
                  azure.traffic_manager.endpoint:               westus control
                  app-proseware-westus, tm-proseware/secondary-region
 5    close     ~ Close the old endpoint                        global          ~1 min 5 s  10 min
                  azure.traffic_manager.endpoint: tm-proseware/primary-region
 6    stopped   ~ See that the old app is stopped               eastus control  ~20 s       2 min
                  azure.app_service.stop: app-proseware-eastus
                  owed if eastus cannot
 7    pointing  · See that users are served by the new region   westus data     ~10 s       15 min
                  http.check: https://proseware.trafficmanager.net/health
                  after close

7 steps
expected 3 min 20 s, of which close ~1 min 5 s
users are served again after ~3 min 10 s
objectives: recovery 30 min  expected to be met
lock: proseware, held in one state folder: it keeps no other machine out

"#]]
    );
}

#[test]
fn no_line_of_a_plan_is_wider_than_the_screen() {
    for width in [80, 100, 120] {
        for text in [PROSEWARE, REPROTECT, WEB] {
            let screen = plan(text, &choice("eastus", "westus", Mode::Planned)).text(width);
            for line in screen.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn a_plan_that_was_stored_is_the_same_plan() {
    let plan = plan(PROSEWARE, &choice("eastus", "westus", Mode::Unplanned));
    let bytes = plan.to_bytes().unwrap();
    let read: Plan = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(read, plan);
    assert_eq!(Plan::digest(&bytes), Plan::digest(&read.to_bytes().unwrap()));
}

#[test]
fn parameters_are_written_out_in_full() {
    let plan = plan(PROSEWARE, &choice("eastus", "westus", Mode::Unplanned));
    let with = |id: &str| &plan.step(&StepId::new(id)).unwrap().action().unwrap().with;
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let endpoint = with("shift").get("from").unwrap();
    assert_eq!(text(endpoint, "name").as_deref(), Some("tm-proseware/primary-region"));
    assert_eq!(text(endpoint, "region").as_deref(), Some("eastus"));
    assert_eq!(text(endpoint, "resource_group").as_deref(), Some("rg-proseware"));
    let page = with("page");
    assert_eq!(text(page.get("app").unwrap(), "region").as_deref(), Some("centralus"));
    assert_eq!(text(page.get("page").unwrap(), "text").as_deref(), Some("<h1>soon</h1>"));
    assert_eq!(text(page, "tag").as_deref(), Some("proseware"));
    assert_eq!(text(with("storage"), "mode").as_deref(), Some("unplanned"));
    assert_eq!(text(with("storage").get("account").unwrap(), "region"), None);
}

#[test]
fn the_page_is_made_by_the_run_wherever_it_is_touched() {
    let plan = plan(PROSEWARE, &choice("eastus", "westus", Mode::Unplanned));
    let touched = plan.steps.iter().filter_map(|step| step.action()).flat_map(|work| &work.touches);
    let pages: Vec<_> = touched.filter(|it| it.name == "app-proseware-maintenance").collect();
    assert!(pages.len() > 1 && pages.iter().all(|page| page.made_by_the_run), "{pages:?}");
}

#[test]
fn who_waited_for_a_step_that_is_left_out_waits_for_what_it_waited_for() {
    let text = "\
failover: 1
runbook: sample
regions: { eastus: {}, westus: {} }
steps:
  - { id: a, action: wait, with: { for: 1m } }
  - { id: b, action: wait, with: { for: 1m }, when: mode.name == \"planned\" }
  - id: c
    when: not (mode.name in [\"unplanned\"])
    parallel:
      - { id: d, action: wait, with: { for: 1m } }
      - { id: e, action: wait, with: { for: 1m } }
  - { id: f, action: wait, with: { for: 1m } }
  - { id: g, action: wait, with: { for: 1m }, needs: [] }
  - id: h
    parallel:
      - { id: i, action: wait, with: { for: 1m }, when: mode.name == \"planned\" }
  - { id: j, action: wait, with: { for: 1m }, needs: [d, g] }
finally:
  - { id: k, action: wait, with: { for: 1m } }
  - { id: l, action: wait, with: { for: 1m } }
";
    let unplanned = plan(text, &choice("eastus", "westus", Mode::Unplanned));
    assert_data_eq!(
        needs(&unplanned),
        str![[r"
1 a <
2 f < a
3 g <
4 j < a g
5 k <
6 l < k

"]]
    );
    let planned = plan(text, &choice("eastus", "westus", Mode::Planned));
    assert_data_eq!(
        needs(&planned),
        str![[r"
1 a <
2 b < a
3 c < b
3a d < b
3b e < b
4 f < c d e
5 g <
6 h < g
6a i < g
7 j < d g
8 k <
9 l < k

"]]
    );
}

#[test]
fn late_values_take_what_was_read() {
    let seen = |step: &StepId, name: &str| match (step.as_str(), name) {
        ("a", "good") => Some(Datum::Count(3)),
        ("a", "region") => Some(Datum::Text("westus".to_owned())),
        _ => None,
    };
    let node = |text: &str| Node::new(Value::Late(text.to_owned()), Span::default());
    let read = |text: &str| late(&node(text), &seen).map(|node| node.value);
    assert_eq!(read("${{ steps.a.observed.good }}"), Ok(Value::Int(3)));
    let text = "${{ steps.a.observed.good }} in ${{ steps.a.observed.region }}";
    assert_eq!(read(text), Ok(Value::Text("3 in westus".to_owned())));
    assert_eq!(read("${{ steps.b.observed.good }}"), Err(StepId::new("b")));
    let asked = "sync ${{ steps.b.observed.x }}, ${{ steps.a.observed.good }} good";
    assert_eq!(late_text(asked, &seen), "sync (not known: step b), 3 good");
}

#[test]
fn waiting_for_the_copy_takes_longer() {
    let text = "\
failover: 1
runbook: sample
regions: { eastus: {}, westus: {} }
azure: { subscription: s, resource_group: g }
steps:
  - { id: a, action: azure.storage.redundancy, with: { account: st, sku: Standard_GRS } }
  - id: b
    action: azure.storage.redundancy
    with: { account: st, sku: Standard_GRS, wait_until_live: true }
";
    let plan = plan(text, &choice("eastus", "westus", Mode::Planned));
    let times: Vec<_> = plan
        .steps
        .iter()
        .filter_map(super::Step::action)
        .map(|work| (span::show(work.usual), span::show(work.timeout)))
        .collect();
    let expected = [("10 s", "30 min"), ("4 h", "2 d")];
    assert_eq!(times, expected.map(|(usual, most)| (usual.to_owned(), most.to_owned())));
}

#[test]
fn a_timeout_that_is_shorter_than_usual_is_warned_of() {
    let text = "\
failover: 1
runbook: sample
regions: { eastus: {}, westus: {} }
azure: { subscription: s, resource_group: g }
steps:
  - id: a
    confirm: Now?
    timeout: 5m
    action: azure.storage.failover
    with: { account: st, to: '${{ to.name }}' }
  - id: go
    confirm: Now?
    parallel:
      - id: b
        confirm: This one too?
        action: azure.storage.failover
        with: { account: st, to: '${{ to.name }}' }
      - id: c
        action: manual
        with: { instructions: call }
";
    let plan = plan(text, &choice("eastus", "westus", Mode::Planned));
    assert_data_eq!(
        screen(&plan, 80),
        str![[r#"
sample  eastus → westus  planned            runbooks/sample.yaml  plan 1234-5678
offline: no cloud was asked, so what is already done is not known

                                                            usually     at most
    ── no way back from here: after this line, going back means a failback ──
 1 ?  a    ! azure.storage.failover                         ~1 h        5 min
             st
             needs global, westus data
             warning: at most 5 min is less than the usual 1 h
             asks: Now?
 2 ?  go     asks once for the rest, then at the same time:
             asks: Now?
  ? 2a  b  ! azure.storage.failover                         ~1 h        4 h
             st
             needs global, westus data
             asks: This one too?
    2b  c  ~ manual                                         ~5 min      12 h
             call

2 steps, 2 that cannot be undone, 3 questions
expected 2 h, of which b ~1 h
lock: sample, held in one state folder: it keeps no other machine out

"#]]
    );
}
