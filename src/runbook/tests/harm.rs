//! What cannot be undone.

use super::of_steps;
use snapbox::{assert_data_eq, str};

#[test]
fn what_cannot_be_undone_is_asked_for() {
    let said = of_steps(
        r#"  - id: storage
    action: azure.storage.failover
    with: { account: st, to: "${{ to.name }}" }
  - id: asked
    confirm: Now?
    action: azure.storage.failover
    with: { account: st, to: "${{ to.name }}" }
  - id: go
    parallel:
      - id: child
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
      - id: other
        confirm: Now?
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
  - id: together
    confirm: Now?
    parallel:
      - id: covered
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
      - id: by-itself
        confirm: This one too?
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `azure.storage.failover` cannot be undone, and must be asked for
  --> r.yaml:12:13
   |
12 |     action: azure.storage.failover
   |             ^^^^^^^^^^^^^^^^^^^^^^
hint: give the step a `confirm`

error: `azure.storage.failover` cannot be undone, and must be asked for
  --> r.yaml:21:17
   |
21 |         action: azure.storage.failover
   |                 ^^^^^^^^^^^^^^^^^^^^^^
hint: give the step a `confirm`, or its group

"#]]
    );
}

#[test]
fn what_cannot_be_undone_is_never_owed() {
    let said = of_steps(
        r#"  - id: storage
    confirm: Now?
    action: azure.storage.failover
    with: { account: st, to: "${{ to.name }}" }
    on_failure: owe
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `azure.storage.failover` cannot be undone, and cannot be owed
  --> r.yaml:15:17
   |
15 |     on_failure: owe
   |                 ^^^
hint: what is owed is tried again by itself: write `stop` or `ask`

"#]]
    );
    let text = format!(
        "{}{}",
        super::HEAD
            .replace("patience: 2m", "patience: 2m, behind: owe")
            .replace("10m", "10m, behind: stop"),
        r#"  - id: storage
    confirm: Now?
    action: azure.storage.failover
    with: { account: st, to: "${{ to.name }}" }
    on_failure: ${{ mode.behind }}
"#
    );
    assert_data_eq!(
        super::of(&text),
        str![[r#"
error: `azure.storage.failover` cannot be undone, and cannot be owed
  --> r.yaml:15:17
   |
15 |     on_failure: ${{ mode.behind }}
   |                 ^^^^^^^^^^^^^^^^^^
hint: what is owed is tried again by itself: write `stop` or `ask`

"#]]
    );
}

#[test]
fn a_question_that_nobody_would_be_asked_is_a_mistake() {
    let said = of_steps(
        r#"  - id: go
    confirm: Now?
    parallel:
      - id: a
        confirm: This?
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
      - id: b
        confirm: That?
        action: manual
        with: { instructions: call }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: nobody would be asked this: each step of the group asks its own
  --> r.yaml:12:14
   |
12 |     confirm: Now?
   |              ^^^^

"#]]
    );
}
