//! Mistakes, and all that is said about them.

#![expect(clippy::too_many_lines, reason = "what is said is long")]

mod givens;
mod harm;
mod keys;
mod lost;
mod names;
mod outputs;
mod schema;
mod secrecy;
mod syntax;
mod together;
mod values;

use super::{load, validate};
use crate::provider::catalogue;
use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

const HEAD: &str = "\
failover: 1
runbook: sample
regions:
  eastus: { app: app-east, host: east.example }
  westus: { app: app-west }
modes:
  planned: { patience: 10m }
  unplanned: { patience: 2m }
azure: { subscription: s, resource_group: g }
steps:
";

fn files(path: &str) -> Result<String, String> {
    match path {
        "page.html" => Ok("<h1>soon</h1>".to_owned()),
        "proseware-reprotect.yaml" => Ok(String::new()),
        "pages/maintenance.html" => Ok("<h1>later</h1>".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

/// What is said about a whole file.
fn of(text: &str) -> String {
    of_bytes(text.as_bytes())
}

fn of_bytes(bytes: &[u8]) -> String {
    match load("r.yaml", bytes, catalogue(), &files) {
        Ok(_) => "no mistakes".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// What is said when each way of it is to be begun as well.
fn of_all_ways(text: &str) -> String {
    match validate("r.yaml", text.as_bytes(), catalogue(), &files) {
        Ok(_) => "no mistakes".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// The messages of what is said, alone.
fn messages(text: &str) -> Vec<String> {
    let said = of(text);
    said.lines().filter_map(|line| line.strip_prefix("error: ")).map(ToOwned::to_owned).collect()
}

/// What is said about these steps of a runbook that is sound otherwise. The first of them stands in line 11.
fn of_steps(steps: &str) -> String {
    of(&format!("{HEAD}{steps}"))
}

#[test]
fn the_ready_made_runbooks_have_no_mistakes() {
    for (path, text) in [
        ("proseware.yaml", include_str!("../../../runbooks/proseware.yaml")),
        ("proseware-reprotect.yaml", include_str!("../../../runbooks/proseware-reprotect.yaml")),
        ("proseware-web.yaml", include_str!("../../../runbooks/proseware-web.yaml")),
    ] {
        assert_eq!(of_all_ways(text), "no mistakes", "{path}");
    }
}

#[test]
fn files_that_are_no_text_are_refused_before_they_are_parsed() {
    let mut said = String::new();
    let bomb = format!(
        "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
        "x, ".repeat(1000),
        "*a, ".repeat(90),
        "*b, ".repeat(90)
    );
    let deep = format!("a: {}{}\n", "[".repeat(100), "]".repeat(100));
    for bytes in [
        b"".as_slice(),
        b"---\n",
        b"# nothing\n",
        b"\xFF\xFEa\0",
        b"a: \xFF\n",
        b"a: \0\n",
        b"runbook: a\n---\nrunbook: b\n",
        b"%YAML 1.2\n---\nfailover: 1\n",
        &vec![b'#'; 100_000_000],
        bomb.as_bytes(),
        deep.as_bytes(),
        b"a: &a [*a]\n",
        b"just a text\n",
    ] {
        let all = of_bytes(bytes);
        for line in all.lines().filter(|line| line.starts_with("error: ")) {
            said += line;
            said += "\n";
        }
        said += "\n";
    }
    assert_data_eq!(
        said,
        str![[r#"
error: the file is empty

error: the file is empty

error: the file is empty

error: the file is UTF-16: save it as UTF-8

error: this is not UTF-8

error: a NUL byte: this does not look like a text

error: a runbook begins with the version of its language
error: `regions` must name two regions or more
error: a runbook needs `steps`
error: a file holds one runbook, and a second document begins here

error: directives are not part of the language

error: the file is 100 MB large, and a runbook may have 8 MB

error: a runbook has no `a`
error: a runbook begins with the version of its language
error: a runbook needs `runbook`
error: `regions` must name two regions or more
error: a runbook needs `steps`
error: a runbook has no `b`
error: a runbook has no `c`
error: aliases copy more than 100000 values

error: values stand more than 64 deep in each other

error: a runbook has no `a`
error: a runbook begins with the version of its language
error: a runbook needs `runbook`
error: `regions` must name two regions or more
error: a runbook needs `steps`
error: this alias stands inside of what it names

error: a runbook must be a map, not a text


"#]]
    );
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let text = format!("\u{FEFF}{HEAD}  - {{ id: a, action: wait, with: {{ for: 5m }} }}\n");
    assert_eq!(of(&text), "no mistakes");
}

#[test]
fn twenty_mistakes_are_printed_and_all_are_counted() {
    let steps: Vec<_> = (0..30).map(|n| format!("  - {{ id: s{n}, action: wiat }}\n")).collect();
    let said = of_steps(&steps.concat());
    assert_eq!(said.matches("error: ").count(), 20);
    assert!(said.ends_with("30 errors; the first 20 are shown\n"), "{said}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        of_bytes(&bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([-{}\\[\\]:,&*!|>'\"%@`#$ab1\n\t ?.]|: |- |  |\\$\\{\\{ to.app \\}\\}|\u{e9}){0,80}") {
        of(&text);
        of_steps(&text);
        of_steps(&format!("  - id: a\n    when: {text}\n    title: {text}\n"));
    }

    #[test]
    fn a_runbook_that_was_broken_anywhere_is_read_or_refused(
        at in 0_usize..9_000,
        length in 0_usize..4,
        put in "[-{}:\"'\t\n #é]{0,3}",
    ) {
        let text = include_str!("../../../runbooks/proseware.yaml");
        let boundary = |at: usize| (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (start, end) = (boundary(at.min(text.len())), boundary((at + length).min(text.len())));
        of(&format!("{}{put}{}", &text[..start], &text[end..]));
    }
}
