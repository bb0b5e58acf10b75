//! What the operator gives a plan, and what is in the way of one.

use super::{PROSEWARE, choice, made, plan};
use crate::{
    model::{Mode, Value},
    plan::Choice,
};
use snapbox::{assert_data_eq, str};

#[test]
fn what_is_in_the_way_of_a_plan_is_said_together() {
    let mut wrong = choice("eastsu", "eastsu", Mode::Planned);
    wrong.vars = vec![("pubic".to_owned(), "x".to_owned()), ("page".to_owned(), "x".to_owned())];
    assert_data_eq!(
        made(PROSEWARE, &wrong).unwrap_err().to_string(),
        str![[r#"
error: `eastsu` is not a region of this runbook, which has `eastus`, `westus`
  --> runbooks/sample.yaml
hint: did you mean `eastus`?

error: there is no variable `pubic` in this runbook
  --> runbooks/sample.yaml
hint: did you mean `public`?

error: `page` must be a map, not `x`
  --> runbooks/sample.yaml:45:9
   |
45 |   page: { name: app-proseware-maintenance, resource_group: rg-proseware-maintenance, region: centralus }
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]]
    );
    let mut live = choice("eastus", "westus", Mode::Planned);
    live.made_up_env = false;
    assert_data_eq!(
        made(PROSEWARE, &live).unwrap_err().to_string(),
        str![[r#"
error: the environment variable `AZURE_SUBSCRIPTION_ID` is not set
  --> runbooks/sample.yaml:19:17
   |
19 |   subscription: ${{ env.AZURE_SUBSCRIPTION_ID }}
   |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: export AZURE_SUBSCRIPTION_ID=…

"#]]
    );
}

#[test]
fn a_variable_without_a_value_must_be_given() {
    let text = "\
failover: 1
runbook: sample
vars: { ticket: , answers: 3 }
regions: { eastus: {}, westus: {} }
steps:
  - id: a
    action: http.check
    with: { url: 'https://x.example/${{ vars.ticket }}', answers: '${{ vars.answers }}' }
";
    let mut given = choice("eastus", "westus", Mode::Planned);
    given.vars = vec![("answers".to_owned(), "many".to_owned())];
    assert_data_eq!(
        made(text, &given).unwrap_err().to_string(),
        str![[r"
error: `answers` must be a whole number, not `many`
 --> runbooks/sample.yaml:3:28
  |
3 | vars: { ticket: , answers: 3 }
  |                            ^

"]]
    );
    given.vars = Vec::new();
    assert_data_eq!(
        made(text, &given).unwrap_err().to_string(),
        str![[r"
error: the variable `ticket` has no value
 --> runbooks/sample.yaml:3:9
  |
3 | vars: { ticket: , answers: 3 }
  |         ^^^^^^
hint: give it one: --var ticket=…

"]]
    );
    given.vars =
        vec![("answers".to_owned(), "5".to_owned()), ("ticket".to_owned(), "7".to_owned())];
    let made = plan(text, &given);
    let with = &made.steps[0].action().unwrap().with;
    assert_eq!(with.get("answers").unwrap().value, Value::Int(5));
    assert_eq!(with.get("url").unwrap().as_text(), Some("https://x.example/7"));
}

#[test]
fn a_variable_can_be_given() {
    let mut given = choice("eastus", "westus", Mode::Unplanned);
    given.vars = vec![("public".to_owned(), "https://other.example".to_owned())];
    assert_eq!(plan(PROSEWARE, &given).watch[0].url, "https://other.example/health");
}

#[test]
fn what_a_plan_would_store_is_no_secret() {
    let text = r#"failover: 1
runbook: sample
vars: { pw: none, page: "${{ env.PAGE_URL }}" }
regions: { eastus: { app: a, db: x }, westus: { app: b, db: "${{ vars.pw }}" } }
azure: { subscription: s, resource_group: g }
steps:
  - id: a
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings: { DB_HOST: "${{ to.db }}", DB_PASSWORD: "x${{ to.db }}" }
  - { id: b, action: http.check, with: { url: "${{ vars.page }}" } }
"#;
    let page = |page: &str| {
        let page = page.to_owned();
        move |name: &str| (name == "PAGE_URL").then(|| page.clone())
    };
    let (good, query) = (page("https://x.example/health"), page("https://x.example/?code=1"));
    let mut given = Choice { env: &good, ..choice("eastus", "westus", Mode::Planned) };
    plan(text, &given);
    given.vars = vec![("pw".to_owned(), "hunter2".to_owned())];
    let said = made(text, &given).unwrap_err().to_string();
    assert_data_eq!(
        said,
        str![[r#"
error: the variable `pw` cannot be the setting `DB_PASSWORD`
  --> runbooks/sample.yaml:11:57
   |
11 |       settings: { DB_HOST: "${{ to.db }}", DB_PASSWORD: "x${{ to.db }}" }
   |                                                         ^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

"#]]
    );
    let given = Choice { env: &query, ..choice("eastus", "westus", Mode::Planned) };
    let said = made(text, &given).unwrap_err().to_string();
    assert_data_eq!(
        said,
        str![[r#"
error: the query of `url` cannot come from the environment
  --> runbooks/sample.yaml:12:47
   |
12 |   - { id: b, action: http.check, with: { url: "${{ vars.page }}" } }
   |                                               ^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

"#]]
    );
    let with_user = page("https://asha:secret@x.example/");
    let given = Choice { env: &with_user, ..choice("eastus", "westus", Mode::Planned) };
    assert!(made(text, &given).unwrap_err().to_string().contains("no user name and no password"));
    let made_up = plan(text, &choice("eastus", "westus", Mode::Planned));
    assert_eq!(made_up.made_up, ["PAGE_URL"]);
}
