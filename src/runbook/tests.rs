//! Mistakes, and all that is said about them.

use super::{load, sample::CATALOGUE};
use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

const HEAD: &str = "\
failover: 1
runbook: sample
regions:
  eastus: { app: app-east, host: east.example }
  westus: { app: app-west }
modes:
  planned: { patience: 10m }
  unplanned: { patience: 2m }
azure: { subscription: s, resource_group: g }
steps:
";

fn files(path: &str) -> Result<String, String> {
    match path {
        "page.html" => Ok("<h1>soon</h1>".to_owned()),
        "pages/maintenance.html" => Ok("<h1>later</h1>".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

/// What is said about a whole file.
fn of(text: &str) -> String {
    of_bytes(text.as_bytes())
}

fn of_bytes(bytes: &[u8]) -> String {
    match load("r.yaml", bytes, CATALOGUE, &files) {
        Ok(_) => "no mistakes".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// What is said about these steps of a runbook that is sound otherwise. The first of them stands in line 11.
fn of_steps(steps: &str) -> String {
    of(&format!("{HEAD}{steps}"))
}

#[test]
fn the_ready_made_runbooks_have_no_mistakes() {
    for (path, text) in [
        ("proseware.yaml", include_str!("../../runbooks/proseware.yaml")),
        ("proseware-reprotect.yaml", include_str!("../../runbooks/proseware-reprotect.yaml")),
        ("proseware-web.yaml", include_str!("../../runbooks/proseware-web.yaml")),
    ] {
        assert_eq!(of(text), "no mistakes", "{path}");
    }
}

#[test]
fn an_unquoted_reference_in_brackets_is_shown_in_quotes() {
    let said = of_steps(
        r#"  - id: a
    action: azure.app_service.stop
    with: { app: ${{ to.app }} }
  - id: b
    needs: [${{ from.x }}, a-${{ to.y }}]
    action: wait
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `${{ to.app }}` must be in quotes inside `{ }`
  --> r.yaml:13:18
   |
13 |     with: { app: ${{ to.app }} }
   |                  ^^^^^^^^^^^^^
hint: with: { app: "${{ to.app }}" }

error: `${{ from.x }}` must be in quotes inside `[ ]`
  --> r.yaml:15:13
   |
15 |     needs: [${{ from.x }}, a-${{ to.y }}]
   |             ^^^^^^^^^^^^^
hint: needs: ["${{ from.x }}", "a-${{ to.y }}"]

error: `a-${{ to.y }}` must be in quotes inside `[ ]`
  --> r.yaml:15:28
   |
15 |     needs: [${{ from.x }}, a-${{ to.y }}]
   |                            ^^^^^^^^^^^^^
hint: needs: ["${{ from.x }}", "a-${{ to.y }}"]

"#]]
    );
}

#[test]
fn a_tab_in_the_indentation_is_pointed_at() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with:
	  for: 5m
  - id: b
    action: wiat
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a tab cannot indent a line of YAML
  --> r.yaml:14:1
   |
14 |       for: 5m
   | ^^^^
hint: use spaces

"#]]
    );
}

#[test]
fn a_quote_that_is_never_closed_is_shown_where_it_opens() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    title: "never
    with: { for: "5m" }
  - id: b
    actoin: wait
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: this quote is never closed
  --> r.yaml:13:12
   |
13 |     title: "never
   |            ^^^^^^

error: a step has no `actoin`
  --> r.yaml:16:5
   |
16 |     actoin: wait
   |     ^^^^^^
hint: did you mean `action`?
hint: it has `id`, `title`, `action`, `with`, `needs`, `when`, `confirm`, `timeout`, `on_failure`, `parallel`

"#]]
    );
}

#[test]
fn a_missing_colon_is_shown_at_the_key() {
    let said = of_steps(
        r#"  - id: a
    action
    with: { for: 5m }
  - id: b
    action wait
    with: { for: 5m }
  - id:c
    action: wait
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a `:` is missing after `action`
  --> r.yaml:12:5
   |
12 |     action
   |     ^^^^^^
hint: action:

error: a `:` is missing after `action`
  --> r.yaml:15:5
   |
15 |     action wait
   |     ^^^^^^
hint: action: wait

error: a space is missing after this `:`
  --> r.yaml:17:7
   |
17 |   - id:c
   |       ^
hint: id: c

"#]]
    );
}

#[test]
fn a_text_with_a_colon_wants_quotes() {
    let said = of_steps(
        r#"  - id: a
    title: Fail: over
    action: wait
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a text that holds `: ` must be in quotes
  --> r.yaml:12:12
   |
12 |     title: Fail: over
   |            ^^^^^^^^^^
hint: title: "Fail: over"

"#]]
    );
}

#[test]
fn lines_that_do_not_line_up_are_shown() {
    let said = of_steps(
        r#"  - id: a
    action: wait
      with: { for: 5m }
  - id: b
   action: wait
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: this line does not line up with what stands above it
  --> r.yaml:13:7
   |
13 |       with: { for: 5m }
   |       ^^^^^^^^^^^^^^^^^
hint: keys of one map stand exactly below each other, and so do the `-` of one list

error: this line does not line up with what stands above it
  --> r.yaml:15:4
   |
15 |    action: wait
   |    ^^^^^^^^^^^^
hint: keys of one map stand exactly below each other, and so do the `-` of one list

"#]]
    );
}

#[test]
fn a_bracket_that_is_never_closed_is_shown_where_it_opens() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with: { for: 5m
  - id: b
    action: wait
    needs: [a
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: this `{` is never closed
  --> r.yaml:13:11
   |
13 |     with: { for: 5m
   |           ^

error: this `[` is never closed
  --> r.yaml:16:12
   |
16 |     needs: [a
   |            ^

"#]]
    );
}

#[test]
fn texts_that_begin_with_a_sign_want_quotes() {
    let said = of_steps(
        r#"  - id: a
    title: @all
    action: wait
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a text cannot begin with `@`
  --> r.yaml:12:12
   |
12 |     title: @all
   |            ^
hint: put it in quotes

"#]]
    );
}

#[test]
fn keys_that_are_given_twice_are_shown_in_both_places() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with: { for: 5m }
    action: manual
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `action` is given twice
  --> r.yaml:14:5
   |
14 |     action: manual
   |     ^^^^^^
   |
  ::: r.yaml:12:5
   |
12 |     action: wait
   |     ------ the first one

"#]]
    );
}

#[test]
fn what_yaml_has_and_the_language_has_not_is_refused() {
    let said = of_steps(
        r#"  - id: a
    action: !custom wait
    with: { for: *unknown }
    <<: { title: x }
    1: x
    timeout: 007
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: tags are not part of the language
  --> r.yaml:12:13
   |
12 |     action: !custom wait
   |             ^^^^^^^
hint: leave it out

error: `*unknown` names no anchor that stands above
  --> r.yaml:13:18
   |
13 |     with: { for: *unknown }
   |                  ^^^^^^^^

error: `<<` is not part of the language
  --> r.yaml:14:5
   |
14 |     <<: { title: x }
   |     ^^
hint: write the entries out, or give the whole value an anchor and an alias

error: a key must be a text
  --> r.yaml:15:5
   |
15 |     1: x
   |     ^
hint: put it in quotes

error: `007` begins with a zero: some read it as octal
  --> r.yaml:16:14
   |
16 |     timeout: 007
   |              ^^^
hint: if it is a text: "007"

"#]]
    );
}

#[test]
fn unknown_keys_and_wrong_types_are_reported_together() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with: { for: 5m }
    timeuot: 5m
    title: 7
    needs: x
    on_failure: owed
  - id: b b
    action: wait
"#,
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
hint: it has `id`, `title`, `action`, `with`, `needs`, `when`, `confirm`, `timeout`, `on_failure`

error: `title` must be a text, not a whole number
  --> r.yaml:15:12
   |
15 |     title: 7
   |            ^

error: `needs` must be a list, not a text
  --> r.yaml:16:12
   |
16 |     needs: x
   |            ^

error: `on_failure` must be `stop` or `owe` or `ask`, not `owed`
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

"#]]
    );
}

#[test]
fn a_runbook_lacks_what_it_must_have() {
    let said = of(r#"summary: nothing else
"#);
    assert_data_eq!(
        said,
        str![[r#"
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

"#]]
    );
}

#[test]
fn values_of_the_top_are_checked() {
    let said = of(r#"failover: 2
runbook: x
mode: planned
default_mode: plannd
serving: westus
default: yes
objectives: { rto: 90, rpo: soon }
azure: { credential: key }
regions: { eastus: {} }
modes: { plan: {} }
watch: { a: { every: 1s } }
steps: []
"#);
    assert_data_eq!(
        said,
        str![[r#"
error: the version of the language is `1`
 --> r.yaml:1:11
  |
1 | failover: 2
  |           ^

error: a runbook has no `mode`
 --> r.yaml:3:1
  |
3 | mode: planned
  | ^^^^
hint: did you mean `modes`?
hint: it has `failover`, `runbook`, `summary`, `default`, `default_mode`, `serving`, `lock`, `objectives`, `azure`, `regions`, `modes`, `vars`, `watch`, `steps`, `finally`

error: `default_mode` must be `planned` or `unplanned`, not `plannd`
 --> r.yaml:4:15
  |
4 | default_mode: plannd
  |               ^^^^^^
hint: did you mean `planned`?

error: `serving` must be `from` or `to`, not `westus`
 --> r.yaml:5:10
  |
5 | serving: westus
  |          ^^^^^^

error: `default` must be `true` or `false`, not a text
 --> r.yaml:6:10
  |
6 | default: yes
  |          ^^^

error: `rto` must be a length of time, not `90`
 --> r.yaml:7:20
  |
7 | objectives: { rto: 90, rpo: soon }
  |                    ^^
hint: lengths of time are written `90s`, `15m` or `1h 30m`

error: `rpo` must be a length of time, not `soon`
 --> r.yaml:7:29
  |
7 | objectives: { rto: 90, rpo: soon }
  |                             ^^^^
hint: lengths of time are written `90s`, `15m` or `1h 30m`

error: `credential` must be `cli` or `managed` or `workload` or `secret`, not `key`
 --> r.yaml:8:22
  |
8 | azure: { credential: key }
  |                      ^^^

error: there is no mode `plan`
  --> r.yaml:10:10
   |
10 | modes: { plan: {} }
   |          ^^^^
hint: the modes are `planned` and `unplanned`

error: what is watched needs a `url`
  --> r.yaml:11:13
   |
11 | watch: { a: { every: 1s } }
   |             ^^^^^^^^^^^^^

error: a runbook needs `steps`
  --> r.yaml:12:1
   |
12 | steps: []
   | ^^^^^

"#]]
    );
}

#[test]
fn unknown_actions_and_parameters_are_reported_together() {
    let said = of_steps(
        r#"  - id: a
    action: wiat
  - id: b
    action: http.check
    with: { adress: x, status: 99, answers: three, every: 5 }
  - id: c
    action: azure.app_service.maintenance_page
    with: { app: x, plan: y, region: centralus, page: gone.html }
"#,
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
hint: `url`: as its name says

error: `http.check` has no parameter `adress`
  --> r.yaml:15:13
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |             ^^^^^^
hint: it takes `url`, `status`, `contains`, `region`, `answers`, `every`

error: `status` must be a whole number from 100 to 599, not a whole number
  --> r.yaml:15:32
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |                                ^^

error: `answers` must be a whole number from 1 to 100, not a text
  --> r.yaml:15:45
   |
15 |     with: { adress: x, status: 99, answers: three, every: 5 }
   |                                             ^^^^^

error: `every` must be a length of time such as `90s`, `15m` or `1h 30m`, not a whole number
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
fn ids_that_are_given_twice_are_shown_in_both_places() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with: { for: 5m }
  - id: go
    parallel:
      - id: a
        action: wait
        with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
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

"#]]
    );
}

#[test]
fn needs_that_name_nothing_get_a_suggestion() {
    let said = of_steps(
        r#"  - id: fence-primary
    action: wait
    with: { for: 5m }
  - id: b
    action: wait
    with: { for: 5m }
    needs: [fence-primry, zzz]
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
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

"#]]
    );
}

#[test]
fn circles_are_shown_as_a_path() {
    let said = of_steps(
        r#"  - id: a
    action: wait
    with: { for: 5m }
    needs: [c]
  - id: b
    action: wait
    with: { for: 5m }
  - id: c
    action: wait
    with: { for: 5m }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: steps wait for each other: a -> c -> b -> a
  --> r.yaml:14:13
   |
14 |     needs: [c]
   |             ^

"#]]
    );
}

#[test]
fn groups_are_flat_and_wait_as_one() {
    let said = of_steps(
        r#"  - id: go
    timeout: 5m
    parallel:
      - id: a
        needs: []
        action: wait
        with: { for: 5m }
      - id: inner
        parallel: []
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
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

"#]]
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

error: no region has a `path`
  --> r.yaml:13:42
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                          ^^^^^^^^^^^^^^^^
   |
  ::: r.yaml:4:3
   |
 4 |   eastus: { app: app-east, host: east.example }
   |   ------ its row

error: `form` is not known here
  --> r.yaml:13:70
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                                                      ^^^^^^^^^^^^^^^^
hint: did you mean `from`?
hint: known here are `from`, `to`, `mode`, `vars`, `env`, `steps`

error: there is no variable `x`
  --> r.yaml:13:100
   |
13 |     with: { url: "https://${{ to.host }}/${{ from.path }}", region: "${{ form.name }}", contains: "${{ vars.x }}" }
   |                                                                                                    ^^^^^^^^^^^^^

error: no region has a `ap`
  --> r.yaml:15:12
   |
15 |     title: ${{ to.ap }} and ${{ mode.patients }} and ${{ to }} and ${{ a b }} and ${{ }}
   |            ^^^^^^^^^^^^
hint: did you mean `app`?

error: no mode has a `patients`
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

error: `` is not a reference
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
    with: { url: "x", contains: "${{ steps.b.observed.status }}" }
  - id: b
    when: mode.name == "planned"
    action: http.check
    with: { url: x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
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
  --> r.yaml:13:34
   |
13 |     with: { url: "x", contains: "${{ steps.b.observed.status }}" }
   |                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
  ::: r.yaml:14:9
   |
14 |   - id: b
   |         - the step

error: `http.check` reads no `stauts`
  --> r.yaml:17:32
   |
17 |     with: { url: x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
   |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `status`?
hint: it reads `status`, `region`, `good`

error: `c` is not a step of this runbook
  --> r.yaml:17:74
   |
17 |     with: { url: x, contains: "${{ steps.a.observed.stauts }}", region: "${{ steps.c.observed.x }}" }
   |                                                                          ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `a`?

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
hint: known here are `from`, `to`, `mode`, `vars`, `env`

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

error: `westeurope` is not a region of this runbook
  --> r.yaml:19:30
   |
19 |     with: { account: st, to: westeurope }
   |                              ^^^^^^^^^^

error: `app` must be the name of a resource, not a text
  --> r.yaml:22:18
   |
22 |     with: { app: "${{ steps.a.observed.host }}" }
   |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: a name, or `{ name: …, resource_group: …, subscription: …, region: … }`

"#]]
    );
}

#[test]
fn files_that_are_no_text_are_refused_before_they_are_parsed() {
    let mut said = String::new();
    let bomb = format!(
        "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
        "x, ".repeat(1000),
        "*a, ".repeat(90),
        "*b, ".repeat(90)
    );
    let deep = format!("a: {}{}\n", "[".repeat(100), "]".repeat(100));
    for bytes in [
        b"".as_slice(),
        b"---\n",
        b"# nothing\n",
        b"\xFF\xFEa\0",
        b"a: \xFF\n",
        b"a: \0\n",
        b"failover: 1\n---\nfailover: 1\n",
        b"%YAML 1.2\n---\nfailover: 1\n",
        &vec![b'#'; 100_000_000],
        bomb.as_bytes(),
        deep.as_bytes(),
        b"a: &a [*a]\n",
        b"just a text\n",
    ] {
        let all = of_bytes(bytes);
        // What a runbook lacks is told elsewhere.
        let first = all.split("\n\n").next().unwrap().trim_end();
        let short: Vec<String> =
            first.lines().map(|line| line.chars().take(90).collect()).collect();
        said += &short.join("\n");
        said += "\n\n";
    }
    assert_data_eq!(
        said,
        str![[r#"
error: the file is empty
  --> r.yaml

error: the file is empty
  --> r.yaml

error: the file is empty
  --> r.yaml

error: the file is UTF-16: save it as UTF-8
  --> r.yaml

error: this is not UTF-8
 --> r.yaml:1:4
  |
1 | a: �
  |    ^
hint: save the file as UTF-8

error: a NUL byte: this does not look like a text
 --> r.yaml:1:4
  |
1 | a: ␀
  |    ^

error: a runbook needs `runbook`
 --> r.yaml:1:1
  |
1 | failover: 1
  | ^^^^^^^^^^^

error: directives are not part of the language
 --> r.yaml:1:1
  |
1 | %YAML 1.2
  | ^

error: the file is 100 MB large, and a runbook may have 8 MB
  --> r.yaml

error: a runbook has no `a`
 --> r.yaml:1:1
  |
1 | a: &a [x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
  | ^
hint: it has `failover`, `runbook`, `summary`, `default`, `default_mode`, `serving`, `lock

error: values stand more than 64 deep in each other
 --> r.yaml:1:68
  |
1 | a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
  |                                                                    ^

error: a runbook has no `a`
 --> r.yaml:1:1
  |
1 | a: &a [*a]
  | ^
hint: it has `failover`, `runbook`, `summary`, `default`, `default_mode`, `serving`, `lock

error: a runbook must be a map, not a text
 --> r.yaml:1:1
  |
1 | just a text
  | ^^^^^^^^^^^


"#]]
    );
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let text = format!("\u{FEFF}{HEAD}  - {{ id: a, action: wait, with: {{ for: 5m }} }}\n");
    assert_eq!(of(&text), "no mistakes");
}

#[test]
fn twenty_mistakes_are_printed_and_all_are_counted() {
    let steps: String = (0..30).map(|n| format!("  - {{ id: s{n}, action: wiat }}\n")).collect();
    let said = of_steps(&steps);
    assert_eq!(said.matches("error: ").count(), 20);
    assert!(said.ends_with("30 errors; the first 20 are shown\n"), "{said}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        of_bytes(&bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([-{}\\[\\]:,&*!|>'\"%@`#$ab1\n\t ?.]|: |- |  |\\$\\{\\{ to.app \\}\\}|\u{e9}){0,80}") {
        of(&text);
        of_steps(&text);
        of_steps(&format!("  - id: a\n    when: {text}\n    title: {text}\n"));
    }

    #[test]
    fn a_runbook_that_was_broken_anywhere_is_read_or_refused(
        at in 0_usize..9_000,
        length in 0_usize..4,
        put in "[-{}:\"'\t\n #é]{0,3}",
    ) {
        let text = include_str!("../../runbooks/proseware.yaml");
        let boundary = |at: usize| (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (start, end) = (boundary(at.min(text.len())), boundary((at + length).min(text.len())));
        of(&format!("{}{put}{}", &text[..start], &text[end..]));
    }
}
