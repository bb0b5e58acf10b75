//! Values that may be secret, on their way into a plan.

use super::{of, of_steps};
use snapbox::{assert_data_eq, str};

#[test]
fn what_comes_from_the_environment_is_no_setting() {
    let said = of_steps(
        r#"  - id: a
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings: { DB_PASSWORD: "${{ env.DB_PASSWORD }}", DB_HOST: db.example }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: what comes from the environment cannot be a setting here
  --> r.yaml:15:32
   |
15 |       settings: { DB_PASSWORD: "${{ env.DB_PASSWORD }}", DB_HOST: db.example }
   |                                ^^^^^^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

"#]]
    );
}

#[test]
fn nor_is_it_by_any_way_around() {
    let said = of(r#"failover: 1
runbook: sample
vars: { pw: "${{ env.PW }}", typed: , deep: { er: { still: "x${{ env.PW }}" } } }
regions:
  eastus: { app: app-east, db: "${{ vars.pw }}" }
  westus: { app: app-west, db: none }
modes: { planned: { db: none }, unplanned: { db: "a-${{ vars.pw }}-b" } }
azure: { subscription: "${{ env.ID }}", resource_group: g }
steps:
  - id: a
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      settings:
        A: "${{ from.db }}"
        B: "host=${{ mode.db }}"
        C: "${{ vars.deep.er.still }}"
        D: "${{ vars.typed }}"
        DB_PASSWORD: "${{ vars.typed }}"
        E: "${{ steps.b.observed.status }}"
      connection_strings:
        Main: { type: Custom, value: "${{ from.db }}" }
        Other: { type: Custom, value: "${{ vars.typed }}" }
    needs: [b]
  - id: b
    needs: []
    action: http.check
    with: { url: https://x }
  - id: c
    when: vars.typed == "x"
    action: azure.app_service.settings
    with: { app: "${{ to.app }}", settings: { F: "${{ env.PW }}" } }
"#);
    assert_data_eq!(
        said,
        str![[r#"
error: what comes from the environment cannot be a setting here
  --> r.yaml:15:12
   |
15 |         A: "${{ from.db }}"
   |            ^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: what comes from the environment cannot be a setting here
  --> r.yaml:16:12
   |
16 |         B: "host=${{ mode.db }}"
   |            ^^^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: what comes from the environment cannot be a setting here
  --> r.yaml:17:12
   |
17 |         C: "${{ vars.deep.er.still }}"
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: the variable `typed` cannot be the setting `DB_PASSWORD`
  --> r.yaml:19:22
   |
19 |         DB_PASSWORD: "${{ vars.typed }}"
   |                      ^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: what comes from the environment cannot be a connection string here
  --> r.yaml:22:38
   |
22 |         Main: { type: Custom, value: "${{ from.db }}" }
   |                                      ^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: the variable `typed` cannot be a connection string
  --> r.yaml:23:39
   |
23 |         Other: { type: Custom, value: "${{ vars.typed }}" }
   |                                       ^^^^^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

error: what comes from the environment cannot be a setting here
  --> r.yaml:32:50
   |
32 |     with: { app: "${{ to.app }}", settings: { F: "${{ env.PW }}" } }
   |                                                  ^^^^^^^^^^^^^^^
hint: the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`

"#]]
    );
}

#[test]
fn an_address_carries_nothing_secret() {
    let said = of(r#"failover: 1
runbook: sample
vars: { host: "${{ env.HOST }}", page: "https://${{ env.HOST }}/health?full=1", code: }
regions: { eastus: {}, westus: { query: "?code=${{ env.CODE }}" } }
watch:
  a: { url: "https://${{ env.HOST }}/health?code=${{ env.CODE }}" }
  b: { url: "${{ vars.page }}" }
  c: { url: "https://x/health?code=${{ vars.code }}" }
  d: { url: "https://${{ env.WHO }}:${{ env.PW }}@x/health" }
  e: { url: "${{ env.ADDRESS }}" }
steps:
  - { id: a, action: http.check, with: { url: "https://${{ vars.host }}/health?x=1" } }
  - { id: b, action: http.check, with: { url: "https://x/${{ vars.host }}?x=${{ vars.host }}" } }
  - id: c
    when: to.name == "westus"
    action: http.check
    with: { url: "https://x/${{ to.query }}" }
"#);
    assert_data_eq!(
        said,
        str![[r#"
error: the query of `url` cannot come from the environment
 --> r.yaml:6:13
  |
6 |   a: { url: "https://${{ env.HOST }}/health?code=${{ env.CODE }}" }
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

error: `url` can hold no user name and no password
 --> r.yaml:9:13
  |
9 |   d: { url: "https://${{ env.WHO }}:${{ env.PW }}@x/health" }
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

error: the query of `url` cannot come from the environment
  --> r.yaml:13:47
   |
13 |   - { id: b, action: http.check, with: { url: "https://x/${{ vars.host }}?x=${{ vars.host }}" } }
   |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

error: the query of `url` cannot come from the environment
  --> r.yaml:17:18
   |
17 |     with: { url: "https://x/${{ to.query }}" }
   |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

"#]]
    );
}
