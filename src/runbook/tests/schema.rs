//! What the schema says beside what the parser says.

use super::{messages, together::SOUND};
use crate::{
    model::{Node, Value},
    provider::catalogue,
    runbook::{
        found::Found,
        keys::{self, Entry, Form},
        schema, yaml,
    },
};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::json;

struct Judge {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Judge {
    fn new() -> Self {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        let url = "https://failover.example/schema.json";
        compiler.add_resource(url, schema(catalogue())).unwrap();
        let schema = compiler.compile(url, &mut schemas).unwrap();
        Self { schemas, schema }
    }

    /// What an editor would say of a text; nothing when it is well.
    fn says(&self, text: &str) -> Option<String> {
        let tree = yaml::read(text, &mut Found::default()).unwrap();
        let plain = plain(&tree.root);
        self.schemas.validate(&plain, self.schema).err().map(|error| error.to_string())
    }
}

fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::Late(_) => serde_json::Value::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.text.clone(), plain(node))).collect()
        }
    }
}

#[test]
fn every_ready_made_runbook_fits_the_schema() {
    let judge = Judge::new();
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let runbooks: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    assert!(runbooks.len() >= 3);
    for path in runbooks {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(judge.says(&text), None, "{}", path.display());
    }
    assert_eq!(judge.says(SOUND), None);
}

#[test]
fn what_has_a_wrong_shape_does_not_fit() {
    let judge = Judge::new();
    for (right, wrong) in [
        ("failover: 1", "failover: \"1\""),
        ("runbook: sample\n", ""),
        ("steps:\n", "stepps:\n"),
        ("  planned:", "  plannd:"),
        ("subscription: s", "subscripton: s"),
        ("url: \"https://x.example/\"", "url: ftp://x"),
        ("id: a\n", "id: a a\n"),
        ("id: a\n", "idd: a\n"),
        ("action: http.check", "action: http.chek"),
        ("action: http.check", "acton: http.check"),
        ("with: { for: 1m }", "with: 5"),
        ("with: { for: 1m }", "title: x"),
        ("for: 1m", "fro: 1m"),
        ("for: 1m", "for: 1"),
        ("needs: [a]", "needs: a"),
        ("confirm: Now?", "confirm: \"\""),
        ("confirm: Now?", "timeout: 5m"),
        ("confirm: Now?", "waive: because"),
        ("needs: [a]", "waive: ' '"),
        ("      - id: d\n", "      - id: d\n        needs: []\n"),
        ("      - id: d\n", "      - id: d\n        parallel: []\n"),
        ("timeout: ${{ mode.patience }}", "on_failure: owed"),
    ] {
        let text = SOUND.replacen(right, wrong, 1);
        assert_ne!(text, SOUND, "{right}");
        assert!(judge.says(&text).is_some(), "{wrong}");
        assert_ne!(messages(&text), [""; 0], "{wrong}");
    }
}

/// Puts a value under a key into a runbook that is sound otherwise.
type Puts<'a> = Box<dyn Fn(&'static str, &str) -> String + 'a>;

/// Keys with a value for each.
type Pairs<'a> = Vec<(&'a str, String)>;

fn map(pairs: &Pairs<'_>) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn pairs<'a>(pairs: &[(&'a str, &str)]) -> Pairs<'a> {
    pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

fn set<'a>(mut pairs: Pairs<'a>, key: &'a str, value: &str) -> Pairs<'a> {
    pairs.retain(|(known, _)| *known != key);
    pairs.push((key, value.to_owned()));
    pairs
}

/// A value that may stand there.
fn sample(form: &Form) -> &'static str {
    match form {
        Form::Version => "1",
        Form::Text => "proseware-reprotect.yaml",
        Form::Id => "b",
        Form::Flag => "true",
        Form::Length => "1m",
        Form::Mode => "planned",
        Form::Side => "from",
        Form::Credential => "cli",
        Form::OnFailure => "ask",
        Form::Action => "manual",
        Form::With => "{ instructions: call }",
        Form::Ids | Form::Steps | Form::Children => "[]",
        Form::Texts => "[pass, show, key]",
        Form::Condition => "mode.name == 'planned'",
        Form::Address => "https://x.example",
        Form::One(_) => "{ terraform: infra }",
        Form::Any | Form::Map(_) | Form::Named(_) | Form::NamedOne(_) | Form::Rows => "{}",
        Form::Regions => "{ eastus: {}, westus: {} }",
        Form::Modes => "{ planned: {} }",
    }
}

#[test]
fn parser_and_schema_know_the_same_keys_and_want_the_same_of_them() {
    let judge = Judge::new();
    let step = pairs(&[("id", "a"), ("action", "manual"), ("with", "{ instructions: call }")]);
    // Of what needs no region, nothing can be waived.
    let placed = pairs(&[
        ("id", "a"),
        ("action", "http.check"),
        ("with", "{ url: 'https://x.example', region: east }"),
    ]);
    let steps = |step: Pairs<'_>| format!("[{}]", map(&step));
    let top =
        pairs(&[("failover", "1"), ("runbook", "sample"), ("regions", "{ east: {}, west: {} }")]);
    let top = set(top, "steps", &steps(step.clone()));
    let watched = |pairs: Pairs<'_>| format!("{{ site: {} }}", map(&pairs));
    let tables: [(&'static [Entry], Puts<'_>); 6] = [
        (&keys::TOP, Box::new(|key, value| map(&set(top.clone(), key, value)))),
        (
            &keys::STEP,
            Box::new(|key, value| {
                let step = if key == "waive" { &placed } else { &step };
                map(&set(top.clone(), "steps", &steps(set(step.clone(), key, value))))
            }),
        ),
        (
            &keys::OBJECTIVES,
            Box::new(|key, value| {
                map(&set(top.clone(), "objectives", &map(&pairs(&[(key, value)]))))
            }),
        ),
        (
            &keys::AZURE,
            Box::new(|key, value| map(&set(top.clone(), "azure", &map(&pairs(&[(key, value)]))))),
        ),
        (
            &keys::VARS_FROM,
            Box::new(|key, value| {
                map(&set(top.clone(), "vars_from", &map(&pairs(&[(key, value)]))))
            }),
        ),
        (
            &keys::WATCH,
            Box::new(|key, value| {
                let one = set(pairs(&[("url", "https://x.example")]), key, value);
                map(&set(top.clone(), "watch", &watched(one)))
            }),
        ),
    ];
    for (entries, text) in &tables {
        for entry in *entries {
            let good = text(entry.name, sample(&entry.form));
            let is_empty = entry.name == "steps";
            assert_eq!(messages(&good).is_empty(), !is_empty, "{good}");
            assert_eq!(judge.says(&good), None, "{good}");
            let wrong = text(entry.name, "[[1]]");
            assert_ne!(messages(&wrong), [""; 0], "{wrong}");
            assert!(judge.says(&wrong).is_some(), "{wrong}");
        }
    }
}
