//! Slips in the YAML itself.

use super::of_steps;
use snapbox::{assert_data_eq, str};

#[test]
fn an_unquoted_reference_in_brackets_is_shown_in_quotes() {
    let said = of_steps(
        r"  - id: a
    action: azure.app_service.stop
    with: { app: ${{ to.app }} }
  - id: b
    needs: [${{ from.x }}, a-${{ to.y }}]
    action: wait
    with: { for: 5m }
",
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
fn every_tab_in_the_indentation_is_pointed_at() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with:
	  for: 5m
	title: a
  - id: b
	action: wait
  - id: c
    action: wiat
",
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

error: a tab cannot indent a line of YAML
  --> r.yaml:15:1
   |
15 |     title: a
   | ^^^^
hint: use spaces

error: a tab cannot indent a line of YAML
  --> r.yaml:17:1
   |
17 |     action: wait
   | ^^^^
hint: use spaces

error: there is no action `wiat`
  --> r.yaml:19:13
   |
19 |     action: wiat
   |             ^^^^
hint: did you mean `wait`?

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

"#]]
    );
}

#[test]
fn a_missing_colon_is_shown_at_the_key() {
    let said = of_steps(
        r"  - id: a
    action
    with: { for: 5m }
  - id: b
    action wait
    with: { for: 5m }
  - id:c
    action: wait
",
    );
    assert_data_eq!(
        said,
        str![[r"
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

"]]
    );
}

#[test]
fn a_text_with_a_colon_wants_quotes() {
    let said = of_steps(
        r"  - id: a
    title: Fail: over
    action: wait
    with: { for: 5m }
",
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
        r"  - id: a
    action: wait
      with: { for: 5m }
  - id: b
   action: wait
",
    );
    assert_data_eq!(
        said,
        str![[r"
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

"]]
    );
}

#[test]
fn a_bracket_that_is_never_closed_is_shown_where_it_opens() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with: { for: 5m
  - id: b
    action: wait
    needs: [a
    with: { for: 5m }
",
    );
    assert_data_eq!(
        said,
        str![[r"
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

"]]
    );
}

#[test]
fn texts_that_begin_with_a_sign_want_quotes() {
    let said = of_steps(
        r"  - id: a
    title: @all
    action: wait
    with: { for: 5m }
",
    );
    assert_data_eq!(
        said,
        str![[r"
error: a text cannot begin with `@`
  --> r.yaml:12:12
   |
12 |     title: @all
   |            ^
hint: put it in quotes

"]]
    );
}

#[test]
fn keys_that_are_given_twice_are_shown_in_both_places() {
    let said = of_steps(
        r"  - id: a
    action: wait
    with: { for: 5m }
    action: manual
",
    );
    assert_data_eq!(
        said,
        str![[r"
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

"]]
    );
}

#[test]
fn what_yaml_has_and_the_language_has_not_is_refused() {
    let said = of_steps(
        r"  - id: a
    action: !custom wait
    with: { for: *unknown }
    <<: { title: x }
    1: x
    timeout: 007
",
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
fn characters_that_nobody_sees_are_refused() {
    let said = of_steps(
        "  - id: a\u{202E}b # \u{2066}
    title: \"never \\e[31m \\u202E\"
    action: wait
    with: { for: 5m }
  - id: b
    title: one\u{7}
    action: wait
    with: { for: 5m }
  - id: c
    title: \"two\\nlines\"
    action: wait
    with: { for: 5m }
",
    );
    assert_data_eq!(
        said,
        str![[r#"
error: a character that turns the text around cannot stand in a runbook: U+202E
  --> r.yaml:11:10
   |
11 |   - id: a�b # �
   |          ^

error: a character that turns the text around cannot stand in a runbook: U+2066
  --> r.yaml:11:15
   |
11 |   - id: a�b # �
   |               ^

error: a control character cannot stand in a runbook: U+001B
  --> r.yaml:12:12
   |
12 |     title: "never /e[31m /u202E"
   |            ^^^^^^^^^^^^^^^^^^^^^

error: a control character cannot stand in a runbook: U+0007
  --> r.yaml:16:15
   |
16 |     title: one␇
   |               ^

error: `title` holds a line break or a character that cannot be shown in it
  --> r.yaml:20:12
   |
20 |     title: "two/nlines"
   |            ^^^^^^^^^^^^

"#]]
    );
}
