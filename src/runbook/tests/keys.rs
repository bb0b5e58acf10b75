//! Keys, types, actions and parameters.

use super::{of, of_steps};
use snapbox::{assert_data_eq, str};

#[test]
fn unknown_keys_and_wrong_types_are_reported_together() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with: { for: 5m }
    timeuot: 5m
    title: 7
    needs: x
    on_failure: owed
  - id: b b
    action: wait
",
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a step has no `timeuot`
  --> r.yaml:14:5
   |
14 |     timeuot: 5m
   |     ^^^^^^^
hint: did you mean `timeout`?

error: `title` must be a text, not `7`
  --> r.yaml:15:12
   |
15 |     title: 7
   |            ^

error: `needs` must be a list, not `x`
  --> r.yaml:16:12
   |
16 |     needs: x
   |            ^

error: `on_failure` must be `stop`, `owe` or `ask`, not `owed`
  --> r.yaml:17:17
   |
17 |     on_failure: owed
   |                 ^^^^
hint: did you mean `owe`?

error: an id is a text of letters, digits, `-` and `_`, at most 64
  --> r.yaml:18:9
   |
18 |   - id: b b
   |         ^^^

error: `wait` needs the parameter `for`
  --> r.yaml:19:13
   |
19 |     action: wait
   |             ^^^^
hint: `for`: How long

"#]]
    );
}

#[test]
fn a_runbook_lacks_what_it_must_have() {
    let said = of(r"summary: nothing else
");
    assert_data_eq!(
        said,
        str![[r"
error: a runbook begins with the version of its language
 --> r.yaml:1:1
  |
1 | summary: nothing else
  | ^^^^^^^^^^^^^^^^^^^^^

error: a runbook needs `runbook`
 --> r.yaml:1:1
  |
1 | summary: nothing else
  | ^^^^^^^^^^^^^^^^^^^^^

error: `regions` must name two regions or more
 --> r.yaml:1:1
  |
1 | summary: nothing else
  | ^^^^^^^^^^^^^^^^^^^^^

error: a runbook needs `steps`
 --> r.yaml:1:1
  |
1 | summary: nothing else
  | ^^^^^^^^^^^^^^^^^^^^^

"]]
    );
}

#[test]
fn unknown_actions_and_parameters_are_reported_together() {
    let said = of_steps(
        r"  - id: a
    action: wiat
  - id: b
    action: http.check
    with: { adress: x, status: 99, answers: three, every: 5 }
  - id: c
    action: azure.app_service.maintenance_page
    with: { app: x, plan: y, region: centralus, page: gone.html }
",
    );
    assert_data_eq!(
        said,
        str![[r#"
error: there is no action `wiat`
  --> r.yaml:12:13
   |
12 |     action: wiat
   |             ^^^^
hint: did you mean `wait`?

error: `http.check` needs the parameter `url`
  --> r.yaml:14:13
   |
14 |     action: http.check
   |             ^^^^^^^^^^
hint: `url`: The address

error: `http.check` has no parameter `adress`
  --> r.yaml:15:13
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |             ^^^^^^
hint: it takes `url`, `status`, `contains`, `region`, `answers`, `every`

error: `status` must be a whole number from 100 to 599, not `99`
  --> r.yaml:15:32
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |                                ^^

error: `answers` must be a whole number from 1 to 100, not `three`
  --> r.yaml:15:45
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |                                             ^^^^^

error: `every` must be a length of time such as `90s`, `15m` or `1h 30m`, not `5`
  --> r.yaml:15:59
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |                                                           ^

error: the file `gone.html` cannot be read: there is no such file
  --> r.yaml:18:55
   |
18 |     with: { app: x, plan: y, region: centralus, page: gone.html }
   |                                                       ^^^^^^^^^
hint: its path begins in the folder of the runbook

"#]]
    );
}

#[test]
fn groups_are_flat_and_wait_as_one() {
    let said = of_steps(
        r"  - id: go
    timeout: 5m
    parallel:
      - id: a
        needs: []
        action: wait
        with: { for: 5m }
      - id: inner
        parallel: []
",
    );
    assert_data_eq!(
        said,
        str![[r"
error: a group has no `timeout`: give it to the steps of the group
  --> r.yaml:12:5
   |
12 |     timeout: 5m
   |     ^^^^^^^

error: a step of a group waits for what its group waits for
  --> r.yaml:15:9
   |
15 |         needs: []
   |         ^^^^^

error: a group cannot stand in a group
  --> r.yaml:19:9
   |
19 |         parallel: []
   |         ^^^^^^^^

"]]
    );
}

#[test]
fn resources_must_be_in_a_known_region() {
    let said = of_steps(
        r#"  - id: a
    action: azure.app_service.stop
    with: { app: app-somewhere }
  - id: b
    action: azure.app_service.stop
    with: { app: { name: app, regoin: eastus } }
  - id: c
    action: azure.storage.failover
    with: { account: st, to: westeurope }
  - id: d
    action: azure.app_service.stop
    with: { app: "${{ steps.a.observed.host }}" }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: nothing says in which region `app-somewhere` is
  --> r.yaml:13:18
   |
13 |     with: { app: app-somewhere }
   |                  ^^^^^^^^^^^^^
hint: name it in the rows of `regions`, and write `app: ${{ from.… }}` or `${{ to.… }}`
hint: or say it: app: { name: app-somewhere, region: … }

error: nothing says in which region `app` is
  --> r.yaml:16:18
   |
16 |     with: { app: { name: app, regoin: eastus } }
   |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name it in the rows of `regions`, and write `app: ${{ from.… }}` or `${{ to.… }}`
hint: or say it: app: { name: app, region: … }

error: a resource has no `regoin`
  --> r.yaml:16:31
   |
16 |     with: { app: { name: app, regoin: eastus } }
   |                               ^^^^^^
hint: did you mean `region`?

error: `azure.storage.failover` cannot be undone, and must be asked for
  --> r.yaml:18:13
   |
18 |     action: azure.storage.failover
   |             ^^^^^^^^^^^^^^^^^^^^^^
hint: give the step a `confirm`

error: `westeurope` is not a region of this runbook
  --> r.yaml:19:30
   |
19 |     with: { account: st, to: westeurope }
   |                              ^^^^^^^^^^

error: `app` must be known before the run
  --> r.yaml:22:18
   |
22 |     with: { app: "${{ steps.a.observed.host }}" }
   |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]]
    );
}
