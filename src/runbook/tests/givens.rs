//! What a step is given from the top of the runbook.

/// A runbook with this at its top, and a step that promotes with this.
fn runbook(top: &str, with: &str) -> String {
    format!(
        "failover: 1
runbook: r
{top}
regions: {{ east: {{ db: db-east }}, west: {{ db: db-west }} }}
steps:
  - id: go
    action: postgres.promote
    confirm: Go?
    with: {{ server: '${{{{ to.db }}}}', from: '${{{{ from.db }}}}'{with} }}
"
    )
}

fn mistakes(text: &str) -> String {
    let files = |_: &str| Err("none".to_owned());
    let loaded =
        crate::runbook::load("r.yaml", text.as_bytes(), crate::provider::catalogue(), &files);
    loaded.err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
}

#[test]
fn defaults_and_secrets_are_given_to_whoever_takes_them() {
    let top = "secrets: { DB: { env: X } }
defaults: { postgres: { user: ops, password: '${{ secrets.DB }}' } }";
    assert_eq!(mistakes(&runbook(top, "")), "");
}

#[test]
fn what_is_wrong_with_them_is_said_where_it_stands() {
    let of = |top: &str, with: &str| mistakes(&runbook(top, with));
    let table = [
        ("", ", user: u, password: hush", "`password` is a secret, and cannot stand in a runbook"),
        (
            "",
            ", user: u, password: '${{ secrets.DB }}'",
            "nothing says where the secret `DB` is kept",
        ),
        ("", ", user: '${{ secrets.DB }}'", "a secret cannot stand here"),
        ("secrets: { DB: { env: X } }", ", user: u", "no step uses the secret `DB`"),
        (
            "secrets: { DB: { env: X, file: y } }",
            ", user: u, password: '${{ secrets.DB }}'",
            "in one place, and not in two",
        ),
        ("secrets: { DB: {} }", ", user: u", "a secret is kept in `env`"),
        ("secrets: { DB: { command: pass } }", ", user: u", "must be a list of texts"),
        ("defaults: { postgers: {} }", ", user: u", "there are no actions `postgers.…`"),
        (
            "defaults: { postgres: { usr: u } }",
            ", user: u",
            "no action `postgres.…` has a parameter `usr`",
        ),
        ("defaults: { postgres: 7 }", ", user: u", "`postgres` must be a map"),
    ];
    for (top, with, expected) in table {
        let said = of(top, with);
        assert!(said.contains(expected), "{top} {with}: {said}");
        assert!(!said.contains("hush\n"), "{said}");
    }
}

#[test]
fn a_runbook_runs_programs_only_where_it_says_so() {
    let step = "
  - id: script
    action: command
    with: { run: [./x.sh, '${{ to.name }}'] }
";
    let text = runbook("", ", user: u") + step;
    let said = mistakes(&text);
    assert!(said.contains("`run` is a program, and this runbook allows none"), "{said}");
    assert_eq!(mistakes(&(runbook("allow_commands: true", ", user: u") + step)), "");
    let wrong = step.replace("[./x.sh, '${{ to.name }}']", "./x.sh");
    let said = mistakes(&(runbook("allow_commands: true", ", user: u") + &wrong));
    assert!(said.contains("a program and its arguments"), "{said}");
}
