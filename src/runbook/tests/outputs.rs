//! Variables that are outputs, as far as a check can know them.

use super::{HEAD, of};
use snapbox::{assert_data_eq, str};

fn with_outputs(vars_from: &str, rest: &str) -> String {
    of(&HEAD.replace("steps:\n", &format!("{vars_from}\n{rest}")))
}

#[test]
fn a_check_takes_any_name_for_an_output() {
    let said = with_outputs(
        "vars_from: { terraform: infra/live }",
        r#"vars: { named: }
watch: { shop: { url: "https://${{ vars.host }}/", every: 1s } }
steps:
  - { id: a, action: azure.app_service.start, with: { app: { name: "${{ vars.app.name }}", region: eastus } } }
  - id: b
    when: vars.is_small and vars.answers == 3 and vars.named == "x"
    title: See ${{ vars.host }}
    action: http.check
    with: { url: "${{ vars.url }}", answers: "${{ vars.answers }}" }
"#,
    );
    assert_eq!(said, "no mistakes");
}

#[test]
fn what_a_variable_must_not_be_is_known_before_its_value_is() {
    let said = with_outputs(
        "vars_from: { opentofu: ../infra }",
        r#"steps:
  - id: a
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings: { DB_HOST: "${{ vars.db.host }}", DB_PASSWORD: "${{ vars.db.password }}" }
      connection_strings: { Main: "${{ vars.main }}" }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: the variable `db` cannot be the setting `DB_PASSWORD`
  --> r.yaml:16:64
   |
16 |       settings: { DB_HOST: "${{ vars.db.host }}", DB_PASSWORD: "${{ vars.db.password }}" }
   |                                                                ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: the variable `main` cannot be a connection string
  --> r.yaml:17:35
   |
17 |       connection_strings: { Main: "${{ vars.main }}" }
   |                                   ^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

"#]]
    );
}

#[test]
fn outputs_come_from_one_root_module() {
    let step = "steps:\n  - { id: a, action: wait, with: { for: \"${{ vars.long }}\" } }\n";
    for (vars_from, says) in [
        ("vars_from: {}", "error: `vars_from` needs `terraform` or `opentofu`"),
        ("vars_from: { terraform: }", "error: `vars_from` needs `terraform` or `opentofu`"),
        ("vars_from: { terraform: ' ' }", "error: `terraform` is empty"),
        ("vars_from: { terraform: [a] }", "error: `terraform` must be a text, not a list"),
        ("vars_from: { opentofo: a }", "error: `vars_from` has no `opentofo`"),
        ("vars_from: infra", "error: `vars_from` must be a map, not `infra`"),
        ("var_from: { terraform: a }", "error: a runbook has no `var_from`"),
        (
            "vars_from: { terraform: a, opentofu: b }",
            "error: `vars_from` names one root module, and not two",
        ),
    ] {
        let said = with_outputs(vars_from, step);
        // That a variable is not known only follows from that.
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors, [says], "{vars_from}");
    }
    assert!(with_outputs("", step).contains("there is no variable `long`"));
}
