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
fn values_of_the_top_are_checked() {
    let said = of(r"failover: 2
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
");
    assert_data_eq!(
        said,
        str![[r#"
error: the version of the language is `1`, not `2`
 --> r.yaml:1:11
  |
1 | failover: 2
  |           ^
hint: failover: 1

error: a runbook has no `mode`
 --> r.yaml:3:1
  |
3 | mode: planned
  | ^^^^
hint: did you mean `modes`?

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

error: `default` must be `true` or `false`, not `yes`
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

error: `credential` must be `cli`, `managed`, `workload` or `secret`, not `key`
 --> r.yaml:8:22
  |
8 | azure: { credential: key }
  |                      ^^^

error: `regions` must name two regions or more
 --> r.yaml:9:1
  |
9 | regions: { eastus: {} }
  | ^^^^^^^

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

error: a runbook needs a step at least
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

#[test]
fn connection_strings_have_two_members() {
    let said = of_steps(
        r#"  - id: a
    action: azure.app_service.settings
    with:
      app: ${{ to.app }}
      connection_strings:
        Main: { value: Host=w, type: Postgres }
        Other: { value: "", tpye: Custom, slot: true }
        Third: Host=w
        Fourth: { value: Host=w }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `type` must be `MySql` or `SQLServer` or `SQLAzure` or `Custom` or `NotificationHub` or `ServiceBus` or `EventHub` or `ApiHub` or `DocDb` or `RedisCache` or `PostgreSQL`, not `Postgres`
  --> r.yaml:16:38
   |
16 |         Main: { value: Host=w, type: Postgres }
   |                                      ^^^^^^^^
hint: did you mean `PostgreSQL`?

error: `value` is empty
  --> r.yaml:17:25
   |
17 |         Other: { value: "", tpye: Custom, slot: true }
   |                         ^^

error: `Other` has no `tpye`
  --> r.yaml:17:29
   |
17 |         Other: { value: "", tpye: Custom, slot: true }
   |                             ^^^^
hint: did you mean `type`?
hint: it takes `value`, `type`

error: `Other` has no `slot`
  --> r.yaml:17:43
   |
17 |         Other: { value: "", tpye: Custom, slot: true }
   |                                           ^^^^
hint: it takes `value`, `type`

error: `Third` must be a map
  --> r.yaml:18:16
   |
18 |         Third: Host=w
   |                ^^^^^^

error: `Fourth` needs `type`
  --> r.yaml:19:9
   |
19 |         Fourth: { value: Host=w }
   |         ^^^^^^
hint: `type`: What it connects to

"#]]
    );
}

#[test]
fn what_could_never_work_is_no_parameter() {
    let said = of_steps(
        r#"  - { id: a, action: wait, with: { for: 0s } }
  - { id: b, action: http.check, with: { url: "ftp://x y/health", contains: "", every: 0s } }
  - { id: c, action: http.check, with: { url: "https://asha:secret@x/health", answers: 61 } }
  - { id: d, action: http.check, with: { url: "https://x", answers: 2, every: 200s } }
  - { id: e, action: http.check, with: { url: "https://x", answers: 60 } }
"#,
    );
    assert_data_eq!(
        said,
        str![[r#"
error: `for` must be longer than nothing
  --> r.yaml:11:41
   |
11 |   - { id: a, action: wait, with: { for: 0s } }
   |                                         ^^

error: `url` must be an address such as `https://example.org/health`, not `ftp://x y/health`
  --> r.yaml:12:47
   |
12 |   - { id: b, action: http.check, with: { url: "ftp://x y/health", contains: "", every: 0s } }
   |                                               ^^^^^^^^^^^^^^^^^^

error: `contains` is empty
  --> r.yaml:12:77
   |
12 |   - { id: b, action: http.check, with: { url: "ftp://x y/health", contains: "", every: 0s } }
   |                                                                             ^^

error: `every` must be longer than nothing
  --> r.yaml:12:88
   |
12 |   - { id: b, action: http.check, with: { url: "ftp://x y/health", contains: "", every: 0s } }
   |                                                                                        ^^

error: `url` can hold no user name and no password
  --> r.yaml:13:47
   |
13 |   - { id: c, action: http.check, with: { url: "https://asha:secret@x/health", answers: 61 } }
   |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: addresses are shown and stored

error: `answers` × `every` is 5 min 5 s, and one look ends after 5 min
  --> r.yaml:13:88
   |
13 |   - { id: c, action: http.check, with: { url: "https://asha:secret@x/health", answers: 61 } }
   |                                                                                        ^^

error: `answers` × `every` is 6 min 40 s, and one look ends after 5 min
  --> r.yaml:14:79
   |
14 |   - { id: d, action: http.check, with: { url: "https://x", answers: 2, every: 200s } }
   |                                                                               ^^^^

"#]]
    );
}

#[test]
fn the_version_is_a_number() {
    for (version, expected) in [
        ("\"1\"", "the version of the language is the number `1`, not the text \"1\""),
        ("2", "the version of the language is `1`, not `2`"),
        ("1.0", "the version of the language is `1`, not `1`"),
        ("[1]", "the version of the language is `1`, not a list"),
    ] {
        let said = of(&super::HEAD.replace("failover: 1", &format!("failover: {version}")));
        assert!(said.starts_with(&format!("error: {expected}\n")), "{said}");
    }
}

#[test]
fn what_could_never_work_is_no_value() {
    let said = of(r#"failover: 1
runbook: ""
lock: " "
afterwards: nosuch.yaml
regions: { eastus: {}, westus: {} }
objectives: { rto: 0s, rpo: 0s }
modes: { planned: { patience: 0s }, unplanned: { patience: 1m } }
watch:
  a: { url: "ftp://x y/health", every: 0s }
  b: { url: "https://x", contains: "" }
  c: { url: 5 }
steps:
  - id: a
    title: ""
    confirm: ""
    timeout: ${{ mode.patience }}
    action: wait
    with: { for: 1m }
"#);
    assert_data_eq!(
        said,
        str![[r#"
error: `runbook` is empty
 --> r.yaml:2:10
  |
2 | runbook: ""
  |          ^^

error: `lock` is empty
 --> r.yaml:3:7
  |
3 | lock: " "
  |       ^^^

error: the runbook `nosuch.yaml` cannot be read: there is no such file
 --> r.yaml:4:13
  |
4 | afterwards: nosuch.yaml
  |             ^^^^^^^^^^^
hint: its path begins in the folder of this runbook

error: `rto` must be longer than nothing
 --> r.yaml:6:20
  |
6 | objectives: { rto: 0s, rpo: 0s }
  |                    ^^

error: `url` must be an address such as `https://example.org/health`, not `ftp://x y/health`
 --> r.yaml:9:13
  |
9 |   a: { url: "ftp://x y/health", every: 0s }
  |             ^^^^^^^^^^^^^^^^^^

error: `every` must be longer than nothing
 --> r.yaml:9:40
  |
9 |   a: { url: "ftp://x y/health", every: 0s }
  |                                        ^^

error: `contains` is empty
  --> r.yaml:10:36
   |
10 |   b: { url: "https://x", contains: "" }
   |                                    ^^

error: `url` must be an address such as `https://example.org/health`, not `5`
  --> r.yaml:11:13
   |
11 |   c: { url: 5 }
   |             ^

error: `title` is empty
  --> r.yaml:14:12
   |
14 |     title: ""
   |            ^^

error: `confirm` is empty
  --> r.yaml:15:14
   |
15 |     confirm: ""
   |              ^^

error: `timeout` must be longer than nothing
  --> r.yaml:16:14
   |
16 |     timeout: ${{ mode.patience }}
   |              ^^^^^^^^^^^^^^^^^^^^

"#]]
    );
}

#[test]
fn a_runbook_needs_a_step_at_least() {
    let head = super::HEAD.trim_end();
    for (steps, expected) in [
        (" []", "a runbook needs a step at least"),
        ("", "a runbook needs `steps`"),
        (" 5", "`steps` must be a list, not `5`"),
    ] {
        let said = of(&format!("{head}{steps}\n"));
        assert!(said.starts_with(&format!("error: {expected}\n")), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
    }
}
