//! The house rules that a compiler does not check: who may use whom, and what stands nowhere.

mod rules;
mod source;

use rules::broken;
use source::Source;
use std::path::Path;

/// Every file under `src`, its path beginning with `src/`.
fn sources(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(Source::new(shown.to_str().unwrap(), &text));
        }
    }
}

#[test]
fn the_house_keeps_its_rules() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 100, "only {} files were read", found.len());
    let broken: Vec<_> = found.iter().flat_map(broken).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_room_of_the_crate_stands_on_a_floor() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let rooms = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let unknown: Vec<_> = rooms.filter(|room| rules::floor(room).is_none()).collect();
    assert_eq!(unknown, [""; 0]);
}

/// What is broken in a made-up file.
fn found(path: &str, text: &str) -> Vec<String> {
    broken(&Source::new(path, text))
}

#[test]
fn an_arrow_that_points_up_is_found_however_it_is_written() {
    let up = "src/journal/lock.rs:1: `journal` stands below `engine`, and uses it";
    assert_eq!(found("src/journal/lock.rs", "use crate::engine::Ending;"), [up]);
    assert_eq!(found("src/journal/lock.rs", "use crate::{model::Clock, engine::Ending};"), [up]);
    assert_eq!(found("src/journal/lock.rs", "fn f() -> crate :: engine :: Ending {}"), [up]);
    assert_eq!(found("src/journal/lock.rs", "use super::super::engine::Ending;"), [up]);
    assert_eq!(
        found("src/journal/lock.rs", "use crate::{\n    model::{Clock, Mode},\n    engine,\n};"),
        ["src/journal/lock.rs:3: `journal` stands below `engine`, and uses it"]
    );
}

#[test]
fn rooms_of_one_floor_know_nothing_of_each_other() {
    let aside = "src/sim/cloud.rs:1: `sim` stands beside `engine`, and uses it";
    assert_eq!(found("src/sim/cloud.rs", "use crate::engine::Ending;"), [aside]);
    assert_eq!(found("src/cli/run.rs", "use crate::{cli::say, report, sim};"), [""; 0]);
    assert_eq!(found("src/wire/mod.rs", "use crate::journal::Permit;"), [""; 0]);
    assert_eq!(found("src/journal/mod.rs", "use crate::wire::Request;").len(), 1);
}

#[test]
fn the_simulator_and_the_engine_do_not_name_what_they_must_not_know() {
    for (room, other) in
        [("sim", "provider"), ("sim", "action"), ("engine", "provider"), ("plan", "provider")]
    {
        let expected = format!("src/{room}/a.rs:1: `{room}` may not know `{other}`");
        let text = format!("use crate::{other}::Thing;");
        assert_eq!(found(&format!("src/{room}/a.rs"), &text), [expected]);
    }
    // They stand on one floor, so that nobody had to say it.
    assert_eq!(found("src/runbook/a.rs", "use crate::provider;").len(), 1);
    assert_eq!(found("src/sim/tests/a.rs", "use crate::provider;").len(), 1);
    assert_eq!(found("src/plan/tests.rs", "use crate::provider;"), [""; 0]);
}

#[test]
fn only_the_command_line_prints_asks_the_environment_or_leaves() {
    for text in [
        "fn f() { println!(\"a\"); }",
        "fn f() { eprintln!(\"a\"); }",
        "fn f() { print!(\"a\"); }",
        "fn f() { std::io::stdout().write_all(b\"a\"); }",
        "fn f() { std::env::var(\"HOME\"); }",
        "fn f() { std::process::exit(1); }",
    ] {
        assert_eq!(found("src/engine/next.rs", text).len(), 1, "{text}");
        assert_eq!(found("src/cli/say.rs", text), [""; 0], "{text}");
    }
    assert_eq!(
        found("src/engine/next.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");").len(),
        0
    );
    assert_eq!(found("src/main.rs", "fn main() { run(std::env::args_os()) }"), [""; 0]);
    assert_eq!(found("src/main.rs", "fn main() { println!(\"a\") }").len(), 1);
}

#[test]
fn nothing_unfinished_stays() {
    // Put together here, so that this file may be searched for them too.
    for word in ["todo!()", "unimplemented!()", "dbg!(1)"] {
        assert_eq!(found("src/cli/a.rs", &format!("fn f() {{ {word} }}")).len(), 1, "{word}");
    }
    for mark in ["TO", "FIX", "XX"].into_iter().zip(["DO", "ME", "X"]) {
        let text = format!("// {}{}: later", mark.0, mark.1);
        assert_eq!(found("src/cli/a.rs", &text).len(), 1, "{text}");
    }
}

#[test]
fn a_file_that_outgrew_its_idea_is_found() {
    let long = "\n".repeat(501);
    assert_eq!(
        found("src/plan/build.rs", &long),
        ["src/plan/build.rs: 501 lines are more than 500"]
    );
    assert_eq!(found("src/plan/build.rs", &long[1..]), [""; 0]);
    for path in ["src/plan/tests.rs", "src/plan/tests/build.rs"] {
        assert_eq!(found(path, &long), [""; 0]);
    }
}

#[test]
fn the_yaml_parser_is_named_in_one_place() {
    let text = "use granit_parser::Parser;";
    assert_eq!(found("src/runbook/yaml/mod.rs", text), [""; 0]);
    assert_eq!(found("src/runbook/yaml.rs", text), [""; 0]);
    assert_eq!(found("src/runbook/parse.rs", text).len(), 1);
}

#[test]
fn words_in_comments_and_texts_are_no_code() {
    let text = r##"
// use crate::engine::Ending;
/* use crate::engine; /* and within */ println!() */
const A: &str = "println!(\" crate::engine";
const B: &str = r#"use crate::engine; " dbg!(1)"#;
const C: char = '"'; const D: &'static str = "crate::engine";
"##;
    assert_eq!(found("src/journal/lock.rs", text), [""; 0]);
    // What stands after them is.
    assert_eq!(found("src/journal/lock.rs", &format!("{text}use crate::engine;")).len(), 1);
}
