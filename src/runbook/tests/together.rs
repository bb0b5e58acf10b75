//! Every mistake of a file at once, and nothing that only follows from one.

use super::{messages, of};
use snapbox::{assert_data_eq, str};

pub(super) const SOUND: &str = r#"failover: 1
runbook: sample
regions:
  eastus: { app: app-east, host: east.example }
  westus: { app: app-west, host: west.example }
modes:
  planned: { patience: 10m }
  unplanned: { patience: 2m }
vars: { ticket: 7 }
azure: { subscription: s, resource_group: g }
watch:
  site: { url: "https://x.example/", every: 1s }
steps:
  - id: a
    title: Stop ${{ vars.ticket }}
    action: azure.app_service.stop
    with: { app: "${{ from.app }}" }
    timeout: ${{ mode.patience }}
  - id: b
    needs: [a]
    when: to.host != "x" and mode.patience != "9m"
    action: http.check
    with: { url: "https://${{ to.host }}/" }
  - id: go
    confirm: Now?
    parallel:
      - id: c
        action: azure.storage.failover
        with: { account: st, to: "${{ to.name }}" }
      - id: d
        action: wait
        with: { for: 1m }
  - id: e
    when: to.host != "x" and mode.patience != "9m"
    action: manual
    with: { instructions: "see ${{ steps.b.observed.status }}" }
finally:
  - id: f
    action: wait
    with: { for: 1m }
"#;

#[test]
fn each_mistake_is_one_mistake_and_hides_no_other() {
    assert_eq!(of(SOUND), "no mistakes");
    for (right, wrong, expected) in [
        ("azure: {", "azur: {", "a runbook has no `azur`"),
        ("modes:", "mods:", "a runbook has no `mods`"),
        ("vars:", "variables:", "a runbook has no `variables`"),
        ("regions:", "region:", "a runbook has no `region`"),
        ("steps:\n", "stepps:\n", "a runbook has no `stepps`"),
        ("runbook:", "runbok:", "a runbook has no `runbok`"),
        (
            "failover: 1",
            "failover: \"1\"",
            "the version of the language is the number `1`, not the text \"1\"",
        ),
        ("  planned:", "  plannd:", "there is no mode `plannd`"),
        (
            "modes:\n  planned: { patience: 10m }\n  unplanned: { patience: 2m }\n",
            "modes: 5\n",
            "`modes` must be a map, not `5`",
        ),
        (
            "{ app: app-east, host: east.example }",
            "5",
            "`eastus` must be a map, not a whole number",
        ),
        ("subscription: s", "subscripton: s", "`azure` has no `subscripton`"),
        ("subscription: s", "subscription: 5", "`subscription` must be a text, not `5`"),
        (
            "url: \"https://x.example/\"",
            "url: x",
            "`url` must be an address such as `https://example.org/health`, not `x`",
        ),
        ("id: a\n", "id: 7\n", "an id is a text of letters, digits, `-` and `_`, at most 64"),
        ("id: a\n", "idd: a\n", "a step has no `idd`"),
        ("id: d\n", "id: c\n", "two steps have the id `c`"),
        (
            "action: azure.app_service.stop",
            "acton: azure.app_service.stop",
            "a step has no `acton`",
        ),
        (
            "action: azure.app_service.stop",
            "action: azure.app_service.stopp",
            "there is no action `azure.app_service.stopp`",
        ),
        ("action: http.check", "action: http.chek", "there is no action `http.chek`"),
        ("with: { for: 1m }", "with: 5", "`with` must be a map, not `5`"),
        ("for: 1m", "fro: 1m", "`wait` has no parameter `fro`"),
        (
            "for: 1m",
            "for: soon",
            "`for` must be a length of time such as `90s`, `15m` or `1h 30m`, not `soon`",
        ),
        ("needs: [a]", "needs: [x]", "step `b` needs `x`, which is not a step of this runbook"),
        ("needs: [a]", "needs: [b]", "step `b` waits for itself"),
        ("needs: [a]", "needs: a", "`needs` must be a list, not `a`"),
        ("needs: [a]", "need: [a]", "a step has no `need`"),
        ("parallel:", "paralel:", "a step has no `paralel`"),
        ("confirm: Now?", "confrim: Now?", "a group has no `confrim`"),
        ("confirm: Now?", "confirm: 5", "`confirm` must be a text, not `5`"),
        ("with: { for: 1m }", "wtih: { for: 1m }", "a step has no `wtih`"),
        ("    when: to", "    wehn: to", "a step has no `wehn`"),
        (", host: west.example", "", "region `westus` has no `host`, which another one has"),
        (
            "    confirm: Now?\n",
            "",
            "`azure.storage.failover` cannot be undone, and must be asked for",
        ),
        ("timeout: ${{ mode.patience", "timeout: ${{ mode.patienc", "no mode has `patienc`"),
        ("10m", "soon", "`timeout` must be a length of time, not `soon`"),
        ("to.host }}", "to.hots }}", "no region has `hots`"),
        ("host: west.example", "host: \"${{ vars.tiket }}\"", "there is no variable `tiket`"),
        ("status }}", "stat }}", "`http.check` reads no `stat`"),
        ("steps.b.", "steps.go.", "`go` is a group, and reads nothing"),
        ("title: Stop", "titel: Stop", "a step has no `titel`"),
        (
            "when: to.host != \"x\" and",
            "when: to.host ! \"x\" and",
            "`!` is not part of a condition",
        ),
        ("host: west.example", "host: *nosuch", "`*nosuch` names no anchor that stands above"),
        (
            "app: \"${{ from.app }}\"",
            "app: ${{ from.app }}",
            "`${{ from.app }}` must be in quotes inside `{ }`",
        ),
    ] {
        let text = SOUND.replacen(right, wrong, 1);
        assert_ne!(text, SOUND, "{right}");
        assert_eq!(messages(&text), [expected], "{wrong}");
        let both = messages(&format!("{text}bogus: 1\n"));
        assert_eq!(both, [expected, "a runbook has no `bogus`"], "{wrong}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_reported_in_its_order() {
    let said = of(r#"failover: 1
runbook: web
bogus: 1
regions:
  eastus: { app: app-east }
  westus: { app: app-west }
modes:
  planned: { patience: soon }
  unplanned: { patience: 2m }
azure: { subscription: s, resource_group: g }
steps:
  - id: a
    action: azure.app_service.stpo
  - id: b
    needs: [aa]
    action: azure.app_service.stop
    with: { app: "${{ from.ap }}", sku: S1 }
    timeout: later
  - id: c
    needs: [d]
    action: wait
    with: { for: 1m }
    timeout: ${{ mode.patience }}
  - id: d
    action: wait
    with: { for: 1m }
  - id: a
    action: wait
    with: { for: 1m }
"#);
    assert_data_eq!(
        said,
        str![[r#"
error: a runbook has no `bogus`
 --> r.yaml:3:1
  |
3 | bogus: 1
  | ^^^^^
hint: it has `failover`, `runbook`, `summary`, `default`, `default_mode`, `afterwards`, `serving`, `lock`, `objectives`, `azure`, `aws`, `defaults`, `secrets`, `allow_commands`, `regions`, `modes`, `vars`, `vars_from`, `watch`, `steps`, `finally`

error: there is no action `azure.app_service.stpo`
  --> r.yaml:13:13
   |
13 |     action: azure.app_service.stpo
   |             ^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `azure.app_service.stop`?

error: step `b` needs `aa`, which is not a step of this runbook
  --> r.yaml:15:13
   |
15 |     needs: [aa]
   |             ^^
hint: did you mean `a`?

error: no region has `ap`
  --> r.yaml:17:19
   |
17 |     with: { app: "${{ from.ap }}", sku: S1 }
   |                   ^^^^^^^^^^^^^^
hint: did you mean `app`?

error: `azure.app_service.stop` has no parameter `sku`
  --> r.yaml:17:36
   |
17 |     with: { app: "${{ from.ap }}", sku: S1 }
   |                                    ^^^
hint: it takes `app`

error: `timeout` must be a length of time, not `later`
  --> r.yaml:18:14
   |
18 |     timeout: later
   |              ^^^^^
hint: lengths of time are written `90s`, `15m` or `1h 30m`

error: steps wait for each other: c -> d -> c
  --> r.yaml:20:13
   |
20 |     needs: [d]
   |             ^

error: `timeout` must be a length of time, not `soon`
  --> r.yaml:23:14
   |
23 |     timeout: ${{ mode.patience }}
   |              ^^^^^^^^^^^^^^^^^^^^
hint: lengths of time are written `90s`, `15m` or `1h 30m`

error: two steps have the id `a`
  --> r.yaml:27:9
   |
27 |   - id: a
   |         ^
   |
  ::: r.yaml:12:9
   |
12 |   - id: a
   |         - the first one

"#]]
    );
}

#[test]
fn what_could_be_read_is_checked_beside_what_could_not() {
    let broken = SOUND
        .replace("title: Stop", "title: \"Stop")
        .replace("action: http.check", "action: http.chek")
        .replace("for: 1m", "for: soon")
        .replace("to.host }}", "to.hots }}");
    let length = "`for` must be a length of time such as `90s`, `15m` or `1h 30m`, not `soon`";
    let expected = [
        "this quote is never closed",
        "there is no action `http.chek`",
        "no region has `hots`",
        length,
        length,
    ];
    assert_eq!(messages(&broken), expected);
}
