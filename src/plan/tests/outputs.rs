//! Plans whose names are outputs.

use super::{choice, made, plan, screen};
use crate::{
    model::{Mode, Node, Value},
    plan::{Choice, NamesFrom, Tool},
    runbook::Unread,
};
use snapbox::{assert_data_eq, str};

const RUNBOOK: &str = r#"failover: 1
runbook: sample
vars_from: { terraform: infra/live }
vars: { page: , path: /health }
regions: { eastus: { app: "${{ vars.apps.east }}" }, westus: { app: "${{ vars.apps.west }}" } }
azure: { subscription: "${{ vars.subscription_id }}", resource_group: g }
steps:
  - { id: a, action: azure.app_service.start, with: { app: "${{ to.app }}" } }
  - id: b
    when: not vars.is_small
    action: http.check
    with: { url: "https://${{ vars.page }}${{ vars.path }}", answers: "${{ vars.answers }}" }
"#;

const OUTPUTS: &str = r#"{
  "answers": { "sensitive": false, "type": "number", "value": 3 },
  "apps": {
    "sensitive": false,
    "type": ["object", { "east": "string", "west": "string" }],
    "value": { "east": "app-east", "west": "app-west" }
  },
  "is_small": { "sensitive": false, "type": "bool", "value": false },
  "page": { "sensitive": false, "type": "string", "value": "shop.example" },
  "password": { "sensitive": true, "type": "string", "value": "hunter2" },
  "subscription_id": { "sensitive": false, "type": "string", "value": "0123" }
}
"#;

type Answer = Result<&'static str, Unread>;

fn given<T>(outputs: &Answer, vars: &[(&str, &str)], then: impl FnOnce(&Choice<'_>) -> T) -> T {
    let asked = |tool: Tool, folder: &str| {
        assert_eq!((tool, folder), (Tool::Terraform, "infra/live"));
        outputs.clone().map(|text| text.as_bytes().to_vec())
    };
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let live = choice("eastus", "westus", Mode::Planned);
    then(&Choice { outputs: &asked, vars: vars.collect(), made_up_env: false, ..live })
}

/// What is said of a runbook that is planned for the live cloud.
fn said(text: &str, outputs: &Answer, vars: &[(&str, &str)]) -> String {
    given(outputs, vars, |choice| made(text, choice).unwrap_err().to_string())
}

fn unread() -> Answer {
    let mut unread = Unread::new("`terraform output` failed", "try it");
    unread.says = ["Error: No state", "It is not there."].map(ToOwned::to_owned).to_vec();
    Err(unread)
}

fn with(plan: &super::Plan, step: usize) -> &Node {
    &plan.steps[step].action().unwrap().with
}

#[test]
fn outputs_are_variables_of_their_own_kind() {
    let plan = given(&Ok(OUTPUTS), &[], |choice| plan(RUNBOOK, choice));
    let touched = &plan.steps[0].action().unwrap().touches[0];
    assert_eq!(touched.name, "app-west");
    assert_eq!(touched.region.as_ref().unwrap().as_str(), "westus");
    assert_eq!(touched.subscription(), "0123");
    assert_eq!(with(&plan, 1).get("url").unwrap().as_text(), Some("https://shop.example/health"));
    assert_eq!(with(&plan, 1).get("answers").unwrap().value, Value::Int(3));
    let folder = "runbooks/infra/live".to_owned();
    let names = NamesFrom { tool: Tool::Terraform, folder, unread: None };
    assert_eq!(plan.names_from, Some(names));
    let screen = screen(&plan, 80);
    assert!(screen.contains("\nnames come from Terraform in runbooks/infra/live\n"), "{screen}");
}

#[test]
fn what_the_operator_gives_wins_and_is_of_the_same_kind() {
    let vars = [("answers", "5"), ("page", "other.example"), ("path", "/")];
    let plan = given(&Ok(OUTPUTS), &vars, |choice| plan(RUNBOOK, choice));
    assert_eq!(with(&plan, 1).get("url").unwrap().as_text(), Some("https://other.example/"));
    assert_eq!(with(&plan, 1).get("answers").unwrap().value, Value::Int(5));
    let wrong = [("answers", "many"), ("anwsers", "3"), ("password", "x")];
    assert_data_eq!(
        said(RUNBOOK, &Ok(OUTPUTS), &wrong),
        str![[r#"
error: there is no variable `anwsers` in this runbook
  --> runbooks/sample.yaml
hint: did you mean `answers`?

error: `answers` must be a whole number, not `many`
 --> runbooks/sample.yaml:3:25
  |
3 | vars_from: { terraform: infra/live }
  |                         ^^^^^^^^^^

error: the output `password` is sensitive, and a plan is stored
 --> runbooks/sample.yaml:3:25
  |
3 | vars_from: { terraform: infra/live }
  |                         ^^^^^^^^^^
hint: let what needs the secret read it where it is kept, such as in a Key Vault
hint: if it is none, let Terraform put it out without `sensitive`

"#]]
    );
}

#[test]
fn a_name_that_is_no_output_is_told_as_any_other() {
    let text = RUNBOOK.replace("vars.apps.west", "vars.aps.west").replace("vars.page", "vars.q");
    assert_data_eq!(
        said(&text, &Ok(OUTPUTS), &[]),
        str![[r#"
error: there is no variable `aps`
 --> runbooks/sample.yaml:5:70
  |
5 | regions: { eastus: { app: "${{ vars.apps.east }}" }, westus: { app: "${{ vars.aps.west }}" } }
  |                                                                      ^^^^^^^^^^^^^^^^^^^^
hint: did you mean `apps`?

error: there is no variable `q`
  --> runbooks/sample.yaml:12:27
   |
12 |     with: { url: "https://${{ vars.q }}${{ vars.path }}", answers: "${{ vars.answers }}" }
   |                           ^^^^^^^^^^^^^
hint: an output is there once it was applied: try `terraform output` in `infra/live`

"#]]
    );
    let inner = RUNBOOK.replace("vars.apps.west", "vars.apps.wets");
    assert_data_eq!(
        said(&inner, &Ok(OUTPUTS), &[]),
        str![[r#"
error: `vars.apps.wets` has no `wets`
 --> runbooks/sample.yaml:5:70
  |
5 | regions: { eastus: { app: "${{ vars.apps.east }}" }, westus: { app: "${{ vars.apps.wets }}" } }
  |                                                                      ^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `west`?

"#]]
    );
}

#[test]
fn a_value_in_two_places_is_a_mistake_of_both() {
    let text = RUNBOOK.replace("page: ,", "page: other.example,");
    assert_data_eq!(
        said(&text, &Ok(OUTPUTS), &[]),
        str![[r#"
error: `page` has a value here, and is an output of Terraform as well
 --> runbooks/sample.yaml:4:9
  |
4 | vars: { page: other.example, path: /health }
  |         ^^^^
  |
 ::: runbooks/sample.yaml:3:25
  |
3 | vars_from: { terraform: infra/live }
  |                         ---------- the outputs come from here
hint: rename one of them; `page:` without a value takes the output's

"#]]
    );
}

#[test]
fn a_sensitive_output_stands_nowhere() {
    let text = RUNBOOK
        .replace("\"${{ vars.apps.east }}\"", "east, key: \"${{ vars.password }}\"")
        .replace("id: a,", "id: a, title: \"As ${{ vars.password }}\",")
        .replace("not vars.is_small", "vars.password.length == 7");
    assert_data_eq!(
        said(&text, &Ok(OUTPUTS), &[]),
        str![[r#"
error: the output `password` is sensitive, and a plan is stored
 --> runbooks/sample.yaml:5:39
  |
5 | regions: { eastus: { app: east, key: "${{ vars.password }}" }, westus: { app: "${{ vars.apps.west }}" } }
  |                                       ^^^^^^^^^^^^^^^^^^^^
hint: let what needs the secret read it where it is kept, such as in a Key Vault
hint: if it is none, let Terraform put it out without `sensitive`

error: the output `password` is sensitive, and a plan is stored
 --> runbooks/sample.yaml:8:25
  |
8 |   - { id: a, title: "As ${{ vars.password }}", action: azure.app_service.start, with: { app: "${{ to.app }}" } }
  |                         ^^^^^^^^^^^^^^^^^^^^
hint: let what needs the secret read it where it is kept, such as in a Key Vault
hint: if it is none, let Terraform put it out without `sensitive`

error: the output `password` is sensitive, and a plan is stored
  --> runbooks/sample.yaml:10:11
   |
10 |     when: vars.password.length == 7
   |           ^^^^^^^^^^^^^^^^^^^^
hint: let what needs the secret read it where it is kept, such as in a Key Vault
hint: if it is none, let Terraform put it out without `sensitive`

"#]]
    );
    let text = RUNBOOK.replace("page: ,", "page: , password: ,");
    assert_data_eq!(
        said(&text, &Ok(OUTPUTS), &[]),
        str![[r#"
error: the output `password` is sensitive, and a plan is stored
 --> runbooks/sample.yaml:4:17
  |
4 | vars: { page: , password: , path: /health }
  |                 ^^^^^^^^
hint: let what needs the secret read it where it is kept, such as in a Key Vault
hint: if it is none, let Terraform put it out without `sensitive`

"#]]
    );
}

#[test]
fn what_a_map_names_like_a_secret_is_no_setting() {
    let text = r#"failover: 1
runbook: sample
vars_from: { terraform: infra/live }
regions: { eastus: {}, westus: { settings: "${{ vars.settings }}" } }
azure: { subscription: s, resource_group: g }
steps:
  - id: a
    action: azure.app_service.settings
    with: { app: { name: a, region: eastus }, settings: "${{ to.settings }}" }
"#;
    let settings = r#"{ "settings": { "sensitive": false, "type": "dynamic", "value":
        { "DB_HOST": "db", "DB_PASSWORD": "hunter2" } } }"#;
    let said = said(&text.replace("eastus: {}", "eastus: { settings: {} }"), &Ok(settings), &[]);
    assert!(!said.contains("hunter2"), "{said}");
    assert_data_eq!(
        said,
        str![[r#"
error: the variable `settings` cannot be the setting `DB_PASSWORD`
 --> runbooks/sample.yaml:9:57
  |
9 |     with: { app: { name: a, region: eastus }, settings: "${{ to.settings }}" }
  |                                                         ^^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

"#]]
    );
}

#[test]
fn a_live_run_needs_the_outputs_that_nobody_gives() {
    assert_data_eq!(
        said(RUNBOOK, &unread(), &[]),
        str![[r#"
error: the outputs of Terraform cannot be read: `terraform output` failed
       Error: No state
       It is not there.
 --> runbooks/sample.yaml:3:25
  |
3 | vars_from: { terraform: infra/live }
  |                         ^^^^^^^^^^
hint: try it
hint: or give each name that is needed of them: --var NAME=…

"#]]
    );
    let text = RUNBOOK.replace("apps.east", "east").replace("apps.west", "west");
    let text = text
        .replace("not vars.is_small", "vars.size != 'small'")
        .replace(", answers: \"${{ vars.answers }}\"", "");
    let all = [
        ("east", "e"),
        ("west", "w"),
        ("subscription_id", "007"),
        ("page", "p"),
        ("size", "large"),
    ];
    let plan = given(&unread(), &all, |choice| plan(&text, choice));
    assert_eq!(plan.steps[0].action().unwrap().touches[0].subscription(), "007");
    assert_eq!(plan.made_up, [""; 0]);
    let says = plan.names_from.unwrap().says();
    let expected = "no names were read from Terraform in runbooks/infra/live: \
                    `terraform output` failed: Error: No state";
    assert_eq!(says, expected);
}

#[test]
fn a_simulated_run_makes_up_what_cannot_be_read() {
    let text = RUNBOOK
        .replace("not vars.is_small", "vars.size != 'small'")
        .replace(", answers: \"${{ vars.answers }}\"", "");
    let plan = given(&unread(), &[("page", "p")], |choice| {
        let vars = choice.vars.clone();
        plan(&text, &Choice { made_up_env: true, vars, ..*choice })
    });
    let names = ["vars.apps.east", "vars.apps.west", "vars.size", "vars.subscription_id"];
    let mut made_up = plan.made_up.clone();
    made_up.sort();
    assert_eq!(made_up, names);
    let touched = &plan.steps[0].action().unwrap().touches[0];
    assert_eq!(touched.name, "made-up-apps-west");
    assert_eq!(touched.subscription(), "00000000-0000-0000-0000-000000000000");
    let screen = screen(&plan, 80);
    assert!(screen.contains("vars.size is not set: its value here is made up"), "{screen}");
}

#[test]
fn what_is_printed_is_never_repeated() {
    for (printed, what) in [
        ("hunter2", "no JSON: line 1, column 1"),
        (r#"{ "password": "hunter2" "#, "no JSON: line 1, column 24"),
        ("", "nothing"),
        (r#"["hunter2"]"#, "no object"),
        (r#"{ "password": "hunter2" }"#, "no `sensitive` and no `value` of `password`"),
        (
            r#"{ "password": { "value": "hunter2" } }"#,
            "no `sensitive` and no `value` of `password`",
        ),
    ] {
        let said = said(RUNBOOK, &Ok(printed), &[]);
        let expected = format!("cannot be read: `terraform output -json` printed {what}\n");
        assert!(said.contains(&expected), "{said}");
        assert!(said.contains("hint: try `terraform output -json` in `infra/live`"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn warnings_may_follow_what_is_printed() {
    let warned = concat!("{\n}\n", "╷\n│ Warning: Deprecated Parameter\n╵\n");
    let said = said(RUNBOOK, &Ok(warned), &[]);
    assert!(said.contains("error: there is no variable `apps`"), "{said}");
}

#[test]
fn every_kind_of_value_becomes_its_own() {
    let text = r#"failover: 1
runbook: sample
vars_from: { terraform: infra/live }
regions: { eastus: {}, westus: {} }
steps:
  - id: a
    title: "${{ vars.float }} ${{ vars.large }} ${{ vars.flag }} ${{ vars.text }} ${{ vars.deep.er }}"
    when: "'b' in vars.list"
    action: wait
    with: { for: 1m }
  - { id: b, title: "${{ vars.none }}", action: wait, with: { for: 1m } }
"#;
    let outputs = r#"{
      "float": { "sensitive": false, "value": 0.5 }, "large": { "sensitive": false, "value": 99999999999999999999 },
      "flag": { "sensitive": false, "value": true }, "text": { "sensitive": false, "value": "t" },
      "deep": { "sensitive": false, "value": { "er": -1, "no": null } },
      "list": { "sensitive": false, "value": ["a", "b"] }, "none": { "sensitive": false, "value": null } }"#;
    assert_data_eq!(
        said(text, &Ok(outputs), &[]),
        str![[r#"
error: there is no variable `none`
  --> runbooks/sample.yaml:11:22
   |
11 |   - { id: b, title: "${{ vars.none }}", action: wait, with: { for: 1m } }
   |                      ^^^^^^^^^^^^^^^^
hint: an output is there once it was applied: try `terraform output` in `infra/live`

"#]]
    );
    let text = text.replace("vars.none", "vars.text");
    let plan = given(&Ok(outputs), &[], |choice| plan(&text, choice));
    assert_eq!(plan.steps[0].title.as_deref(), Some("0.5 100000000000000000000 true t -1"));
}
