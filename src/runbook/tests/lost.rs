//! Steps that need the region that an unplanned run presumes lost, and what excuses them.

use super::{HEAD, of, of_all_ways, of_steps};
use snapbox::{assert_data_eq, str};

fn all_ways(steps: &str) -> String {
    of_all_ways(&format!("{HEAD}{steps}"))
}

#[test]
fn a_step_that_needs_the_region_that_is_left_is_told_once_for_all_ways() {
    let steps = r#"  - id: stop
    action: azure.app_service.stop
    with: { app: "${{ from.app }}" }
  - id: look
    needs: []
    action: http.check
    with: { url: "https://${{ from.app }}.example/", region: eastus }
  - id: promote
    confirm: Now?
    action: azure.postgres.promote
    with: { server: "${{ to.app }}", from: "${{ from.app }}", mode: planned }
  - id: go
    action: azure.app_service.start
    with: { app: "${{ to.app }}" }
"#;
    assert_data_eq!(
        all_ways(steps),
        str![[r#"
error: an unplanned run presumes lost what step `stop` needs: eastus control, westus control
  --> r.yaml:12:13
   |
12 |     action: azure.app_service.stop
   |             ^^^^^^^^^^^^^^^^^^^^^^
hint: `on_failure: owe` lets the run go on, and tries it until that region is back
hint: `waive: …` says why it can be done all the same

error: an unplanned run presumes lost what step `look` needs: eastus data, westus data
  --> r.yaml:16:13
   |
16 |     action: http.check
   |             ^^^^^^^^^^
hint: `on_failure: owe` lets the run go on, and tries it until that region is back
hint: `waive: …` says why it can be done all the same

error: an unplanned run presumes lost what step `promote` needs: eastus data, westus data
  --> r.yaml:20:13
   |
20 |     action: azure.postgres.promote
   |             ^^^^^^^^^^^^^^^^^^^^^^
hint: `waive: …` says why it can be done all the same

"#]]
    );
    assert_eq!(of_steps(steps), "no mistakes", "a planned run may be begun");
}

#[test]
fn what_may_wait_or_is_waived_or_is_never_lost_stands_in_nobodys_way() {
    let step = r#"  - id: stop
    action: azure.app_service.stop
    with: { app: "${{ from.app }}" }
"#;
    for excuse in [
        "    on_failure: owe\n",
        "    on_failure: ${{ mode.behind }}\n",
        "    on_failure: ${{ env.BEHIND }}\n",
        "    waive: its region has a twin\n",
        "    when: mode.name == \"planned\"\n",
    ] {
        let text = format!("{HEAD}{step}{excuse}")
            .replace("patience: 2m", "patience: 2m, behind: owe")
            .replace("patience: 10m", "patience: 10m, behind: stop");
        assert_eq!(of_all_ways(&text), "no mistakes", "{excuse}");
    }
    let afterwards = format!("{HEAD}{step}").replace("runbook:", "serving: to\nrunbook:");
    assert_eq!(of_all_ways(&afterwards), "no mistakes", "nothing is left where `to` serves");
    let fixed = step.replace("\"${{ from.app }}\"", "{ name: app, region: centralus }");
    assert_eq!(all_ways(&fixed), "no mistakes");
    let asked = format!("{step}    on_failure: ask\n");
    assert!(all_ways(&asked).contains("presumes lost"), "to be asked is no way around it");
}

#[test]
fn what_cannot_be_read_may_excuse_a_step() {
    let step = r#"  - id: stop
    action: azure.app_service.stop
    with: { app: "${{ from.app }}" }
"#;
    for (wrong, message) in [
        ("    on_failur: owe\n", "a step has no `on_failur`"),
        ("    on_failure: owed\n", "`on_failure` must be `stop`, `owe` or `ask`, not `owed`"),
        ("    on_failure: ${{ mode.behnid }}\n", "no mode has `behnid`"),
        ("    waiv: because\n", "a step has no `waiv`"),
        ("    waive: 5\n", "`waive` must be a text, not `5`"),
        ("    waive: ''\n", "`waive` is empty"),
    ] {
        let said = all_ways(&format!("{step}{wrong}"));
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors, [format!("error: {message}")], "{said}");
    }
}

#[test]
fn there_must_be_something_to_waive() {
    let said = of_steps(
        r#"  - id: call
    action: manual
    with: { instructions: call }
    waive: nobody is needed
  - id: look
    action: http.check
    with: { url: "https://x.example/" }
    waive: it is everywhere
  - id: go
    waive: both
    parallel:
      - id: a
        action: wait
        with: { for: 1m }
  - id: stop
    action: azure.app_service.stop
    with: { app: "${{ from.app }}" }
    waive: ${{ steps.look.observed.status }}
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: there is nothing to waive: `manual` needs no plane of any region here
  --> r.yaml:14:12
   |
14 |     waive: nobody is needed
   |            ^^^^^^^^^^^^^^^^
hint: `waive` says why a step can be done without the region that is lost: take it out

error: there is nothing to waive: `http.check` needs no plane of any region here
  --> r.yaml:18:12
   |
18 |     waive: it is everywhere
   |            ^^^^^^^^^^^^^^^^
hint: `waive` says why a step can be done without the region that is lost: take it out

error: a group has no `waive`: give it to the steps of the group
  --> r.yaml:20:5
   |
20 |     waive: both
   |     ^^^^^

error: `steps` is not known here
  --> r.yaml:28:12
   |
28 |     waive: ${{ steps.look.observed.status }}
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: known here are `from`, `to`, `mode`, `vars` and `env`

"#]]
    );
    let late = HEAD.to_owned()
        + r#"  - id: look
    action: http.check
    with: { url: "https://x.example/", region: "${{ env.REGION }}" }
    waive: it is everywhere
"#;
    assert_eq!(of(&late), "no mistakes", "which region it is, a run will know");
}
