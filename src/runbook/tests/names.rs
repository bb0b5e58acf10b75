//! Names that name something else: steps, rows, readings, conditions.

use super::of_steps;
use snapbox::{assert_data_eq, str};

#[test]
fn ids_that_are_given_twice_are_shown_in_both_places() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with: { for: 5m }
  - id: go
    parallel:
      - id: a
        action: wait
        with: { for: 5m }
",
    );
    assert_data_eq!(
        said,
        str![[r"
error: two steps have the id `a`
  --> r.yaml:16:13
   |
16 |       - id: a
   |             ^
   |
  ::: r.yaml:11:9
   |
11 |   - id: a
   |         - the first one

"]]
    );
}

#[test]
fn needs_that_name_nothing_get_a_suggestion() {
    let said = of_steps(
        r"  - id: fence-primary
    action: wait
    with: { for: 5m }
  - id: b
    action: wait
    with: { for: 5m }
    needs: [fence-primry, zzz]
",
    );
    assert_data_eq!(
        said,
        str![[r"
error: step `b` needs `fence-primry`, which is not a step of this runbook
  --> r.yaml:17:13
   |
17 |     needs: [fence-primry, zzz]
   |             ^^^^^^^^^^^^
hint: did you mean `fence-primary`?

error: step `b` needs `zzz`, which is not a step of this runbook
  --> r.yaml:17:27
   |
17 |     needs: [fence-primry, zzz]
   |                           ^^^

"]]
    );
}

#[test]
fn circles_are_shown_as_a_path() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with: { for: 5m }
    needs: [c]
  - id: b
    action: wait
    with: { for: 5m }
  - id: c
    action: wait
    with: { for: 5m }
",
    );
    assert_data_eq!(
        said,
        str![[r"
error: steps wait for each other: a -> c -> b -> a
  --> r.yaml:14:13
   |
14 |     needs: [c]
   |             ^

"]]
    );
}

#[test]
fn references_to_nothing_are_reported_once() {
    let said = of_steps(
        r#"  - id: a
    action: http.check
    with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
    timeout: ${{ mode.patience }}
    title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: region `westus` has no `host`, which another one has
  --> r.yaml:13:27
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                           ^^^^^^^^^^^^^^
   |
  ::: r.yaml:5:3
   |
 5 |   westus: { app: app-west }
   |   ------ its row

error: no region has `path`
  --> r.yaml:13:42
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                          ^^^^^^^^^^^^^^^^

error: `form` is not known here
  --> r.yaml:13:70
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                                                      ^^^^^^^^^^^^^^^^
hint: did you mean `from`?
hint: known here are `from`, `to`, `mode`, `vars`, `env` and `steps`

error: there is no variable `x`
  --> r.yaml:13:100
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                                                                                    ^^^^^^^^^^^^^

error: no region has `ap`
  --> r.yaml:15:12
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |            ^^^^^^^^^^^^
hint: did you mean `app`?

error: no mode has `patients`
  --> r.yaml:15:29
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |                             ^^^^^^^^^^^^^^^^^^^^
hint: did you mean `patience`?

error: `to` holds several values, and cannot stand by itself
  --> r.yaml:15:54
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |                                                      ^^^^^^^^^
hint: its name is `to.name`

error: `a b` is not a reference: `a b` is not a name
  --> r.yaml:15:68
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |                                                                    ^^^^^^^^^^
hint: between `${{` and `}}` stands a path such as `to.name`, and nothing more

error: a reference is missing
  --> r.yaml:15:83
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |                                                                                   ^^^^^^
hint: between `${{` and `}}` stands a path such as `to.name`, and nothing more

"#]]
    );
}

#[test]
fn references_to_steps_must_look_back() {
    let said = of_steps(
        r#"  - id: a
    action: http.check
    with: { url: "https://x", contains: "${{ steps.b.observed.status }}" }
  - id: b
    when: mode.name == "planned"
    action: http.check
    with: { url: https://x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
  - id: d
    action: http.check
    with: { url: "${{ steps.b.observed.status }}", contains: "${{ steps.a.outputs.x }}" }
    timeout: ${{ steps.a.observed.status }}
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: step `b` is not finished before this one starts
  --> r.yaml:13:42
   |
13 |     with: { url: "https://x", contains: "${{ steps.b.observed.status }}" }
   |                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
  ::: r.yaml:14:9
   |
14 |   - id: b
   |         - the step

error: `http.check` reads no `stauts`
  --> r.yaml:17:40
   |
17 |     with: { url: https://x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
   |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `status`?

error: `c` is not a step of this runbook
  --> r.yaml:17:82
   |
17 |     with: { url: https://x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
   |                                                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^

error: step `b` is not always part of the plan, and this one is
  --> r.yaml:20:19
   |
20 |     with: { url: "${{ steps.b.observed.status }}", contains: "${{ steps.a.outputs.x }}" }
   |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
  ::: r.yaml:14:9
   |
14 |   - id: b
   |         - has a `when`

error: no action has outputs
  --> r.yaml:20:63
   |
20 |     with: { url: "${{ steps.b.observed.status }}", contains: "${{ steps.a.outputs.x }}" }
   |                                                               ^^^^^^^^^^^^^^^^^^^^^^^^
hint: what a step has read is named `steps.ID.observed.NAME`

error: `steps` is not known here
  --> r.yaml:21:14
   |
21 |     timeout: ${{ steps.a.observed.status }}
   |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: known here are `from`, `to`, `mode`, `vars` and `env`

"#]]
    );
}

#[test]
fn conditions_compare_like_with_like() {
    let said = of_steps(
        r#"  - id: a
    when: mode.name == true or not mode.patience
    action: wait
    with: { for: 5m }
  - id: b
    when: mode.name == planned
    action: wait
    with: { for: 5m }
  - id: c
    when: ${{ mode.name }} == "planned"
    action: wait
    with: { for: 5m }
  - id: d
    when: to.name in ["eastus", 3] and (from.zone == "a"
    action: wait
    with: { for: 5m }
  - id: e
    when: 3
    action: wait
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a text cannot be compared with true or false
  --> r.yaml:12:11
   |
12 |     when: mode.name == true or not mode.patience
   |           ^^^^^^^^^^^^^^^^^

error: `planned` is not known here
  --> r.yaml:16:24
   |
16 |     when: mode.name == planned
   |                        ^^^^^^^
hint: a text stands in quotes: "planned"

error: a condition names values without `${{ }}`
  --> r.yaml:20:11
   |
20 |     when: ${{ mode.name }} == "planned"
   |           ^^^^^^^^^^^^^^^^
hint: write `mode.name`

error: `)` is missing
  --> r.yaml:24:40
   |
24 |     when: to.name in ["eastus", 3] and (from.zone == "a"
   |                                        ^

error: `when` must be a condition, not a whole number
  --> r.yaml:28:11
   |
28 |     when: 3
   |           ^
hint: when: mode.name == "planned"

"#]]
    );
}

#[test]
fn what_the_environment_and_the_operator_will_say_is_not_asked_for_yet() {
    let said = super::of(
        r"failover: 1
runbook: sample
vars: { needed: , wait: '${{ env.WAIT }}' }
regions:
  eastus: { app: 'app-${{ env.STAGE }}' }
  westus: { app: 'app-${{ vars.needed }}' }
azure: { subscription: '${{ env.ID }}', resource_group: '${{ vars.needed }}' }
steps:
  - id: a
    action: azure.app_service.stop
    with: { app: '${{ to.app }}' }
    timeout: ${{ vars.wait }}
    when: vars.needed == 'x' or vars.wait != 'x'
  - id: b
    action: wait
    with: { for: '${{ env.WAIT }}' }
",
    );
    assert_data_eq!(said, str!["no mistakes"]);
}

#[test]
fn a_circle_is_shown_once_and_where_it_is_written() {
    let said = of_steps(
        r"  - { id: close, action: wait, with: { for: 5m } }
  - id: pointing
    needs: [close, pointing]
    action: wait
    with: { for: 5m }
  - id: go
    needs: [close, b]
    parallel:
      - { id: a, action: wait, with: { for: 5m } }
      - { id: b, action: wait, with: { for: 5m } }
  - id: last
    needs: [close, later]
    action: wait
    with: { for: 5m }
  - { id: later, action: wait, with: { for: 5m } }
",
    );
    assert_data_eq!(
        said,
        str![[r#"
error: step `pointing` waits for itself
  --> r.yaml:13:20
   |
13 |     needs: [close, pointing]
   |                    ^^^^^^^^

error: step `go` waits for itself
  --> r.yaml:17:20
   |
17 |     needs: [close, b]
   |                    ^

error: steps wait for each other: last -> later -> last
  --> r.yaml:22:20
   |
22 |     needs: [close, later]
   |                    ^^^^^

"#]]
    );
}

#[test]
fn a_condition_that_is_not_decided_yet_is_looked_at_both_ways() {
    let said = super::of(
        r"failover: 1
runbook: sample
vars: { how: }
regions: { eastus: {}, westus: {} }
steps:
  - id: a
    when: vars.how == 'fast'
    action: http.check
    with: { url: https://x, nosuch: 1 }
  - id: b
    when: not (vars.how == 'fast' and mode.name == 'planned')
    action: http.check
    with: { url: https://x, contains: '${{ steps.a.observed.status }}' }
",
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `http.check` has no parameter `nosuch`
 --> r.yaml:9:29
  |
9 |     with: { url: https://x, nosuch: 1 }
  |                             ^^^^^^
hint: it takes `url`, `status`, `contains`, `region`, `answers`, `every`

error: step `a` is not always part of the plan, and this one is
  --> r.yaml:13:40
   |
13 |     with: { url: https://x, contains: '${{ steps.a.observed.status }}' }
   |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
  ::: r.yaml:6:9
   |
 6 |   - id: a
   |         - has a `when`

"#]]
    );
}
