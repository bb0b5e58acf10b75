//! What the README shows is what the program does.

use failover::provider;
use snapbox::{Assert, Data};
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string("README.md").unwrap()
}

/// The `console` blocks: a command, the exit code after `?` when it is not 0, and the output.
fn blocks(readme: &str) -> Vec<(String, i32, String)> {
    let mut blocks = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let (command, rest) = block.split_once('\n').unwrap();
        let (code, output) = match rest.strip_prefix("? ").and_then(|rest| rest.split_once('\n')) {
            Some((code, output)) => (code.parse().unwrap(), output),
            None => (0, rest),
        };
        let command = command.strip_prefix("$ failover ").unwrap();
        blocks.push((command.to_owned(), code, output.to_owned()));
    }
    blocks
}

#[test]
fn every_command_of_the_readme_does_what_it_shows() {
    let blocks = blocks(&readme());
    assert!(blocks.len() >= 2);
    for (command, code, expected) in blocks {
        let state = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_failover"))
            .args(command.split(' '))
            .env_clear()
            .env("XDG_STATE_HOME", state.path())
            .env("COLUMNS", "120")
            .output()
            .unwrap();
        // What is asked for comes on stdout; mistakes, and all talk, on stderr.
        let shown = if code == 0 { output.stdout } else { output.stderr };
        let shown = String::from_utf8(shown).unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}\n{shown}");
        Assert::new().eq(Data::text(shown), Data::text(expected));
    }
}

#[test]
fn the_readme_names_every_action() {
    let readme = readme();
    let missing: Vec<_> = provider::catalogue()
        .iter()
        .map(|kind| kind.name)
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_runbook_of_the_readme_is_valid() {
    let readme = readme();
    let yaml = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let no_files = |_: &str| Err("no files".to_owned());
    let loaded =
        failover::runbook::validate("README.md", yaml.as_bytes(), provider::catalogue(), &no_files);
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
}
