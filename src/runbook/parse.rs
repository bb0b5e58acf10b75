//! The tree to a typed runbook: which keys there are, and what kind of value each of them takes.
//!
//! Lowers as much as it can, so that a mistake in one place does not hide another.

use super::{
    ast::{Azure, Objectives, OnFailure, Runbook, Side, Step, Watched, Work},
    condition::Condition,
    fields::Fields,
    found::Found,
    reference::is_name,
    yaml::Tree,
};
use crate::model::{Diagnostic, Key, Mode, Node, Source, Value};
use std::time::Duration;

const VERSION: i64 = 1;
const ID_LIMIT: usize = 64;
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Lowers a tree. The second value tells whether what the tree says about names is whole: a table that is missing or
/// misspelled would make every reference to it look wrong.
pub(super) fn runbook(tree: &Tree, source: &Source, found: &mut Found) -> Option<(Runbook, bool)> {
    let parser = Parser { source: &source.text, is_patched: tree.is_patched };
    let mut fields = Fields::of("a runbook", &tree.root, &TOP, found)?;
    let mut is_whole = fields.are_known() && !tree.is_patched;
    fields.patched(tree.is_patched);
    version(&mut fields);
    let name = fields.required_text("runbook");
    let regions = table(&mut fields, "regions");
    if regions.entries().len() < 2 && is_whole {
        fields.wrong("regions", "`regions` must name two regions or more");
        is_whole = false;
    }
    let modes = table(&mut fields, "modes");
    for (key, _) in modes.entries() {
        if Mode::parse(&key.text).is_none() {
            let message = format!("there is no mode `{}`", key.text);
            let known = Mode::ALL.map(Mode::as_str);
            let diagnostic = Diagnostic::at(key.span, message).did_you_mean(&key.text, known);
            fields.found.add(diagnostic.hint("the modes are `planned` and `unplanned`"));
            is_whole = false;
        }
    }
    let sides = [("from", Side::From), ("to", Side::To)];
    let all_modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
    let runbook = Runbook {
        summary: fields.text("summary").unwrap_or_default(),
        default_mode: fields.choice("default_mode", &all_modes).unwrap_or(Mode::Unplanned),
        lock: fields.text("lock").or_else(|| name.clone()).unwrap_or_default(),
        name: name.unwrap_or_default(),
        serving: fields.choice("serving", &sides).unwrap_or(Side::From),
        is_default: fields.flag("default").unwrap_or(false),
        afterwards: fields.text("afterwards"),
        objectives: objectives(&mut fields),
        azure: azure(&mut fields),
        regions,
        modes,
        vars: fields.map("vars").cloned().unwrap_or_else(empty),
        watch: watch(&mut fields),
        steps: parser.steps(&mut fields, "steps"),
        finally: parser.steps(&mut fields, "finally"),
        source: source.clone(),
    };
    if runbook.steps.is_empty() {
        fields.missing("steps", "a runbook needs `steps`");
    }
    Some((runbook, is_whole))
}

const TOP: [&str; 16] = [
    "failover",
    "runbook",
    "summary",
    "default",
    "default_mode",
    "afterwards",
    "serving",
    "lock",
    "objectives",
    "azure",
    "regions",
    "modes",
    "vars",
    "watch",
    "steps",
    "finally",
];

fn empty() -> Node {
    Node::map([])
}

/// A map of rows.
fn table(fields: &mut Fields<'_, '_>, key: &str) -> Node {
    let Some(node) = fields.map(key) else { return empty() };
    let mut rows = Vec::new();
    for (key, row) in node.entries() {
        let row = match &row.value {
            Value::Map(_) => row.clone(),
            Value::Null => Node::new(Value::Map(Vec::new()), row.span),
            _ => {
                let message = format!("`{}` must be a map, not {}", key.text, row.describe());
                fields.found.add(Diagnostic::at(row.span, message));
                continue;
            }
        };
        if let Some((name, _)) = row.entries().iter().find(|(cell, _)| cell.text == "name") {
            let message = "`name` stands for the row's own name, and cannot be given";
            fields.found.add(Diagnostic::at(name.span, message));
        }
        rows.push((key.clone(), row));
    }
    Node::new(Value::Map(rows), node.span)
}

fn objectives(fields: &mut Fields<'_, '_>) -> Objectives {
    let Some(node) = fields.map("objectives") else { return Objectives::default() };
    let Some(mut inner) = Fields::of("`objectives`", node, &["rto", "rpo"], fields.found) else {
        return Objectives::default();
    };
    Objectives { rto: inner.duration("rto"), rpo: inner.duration("rpo") }
}

const CREDENTIALS: [(&str, &str); 4] =
    [("cli", "cli"), ("managed", "managed"), ("workload", "workload"), ("secret", "secret")];

fn azure(fields: &mut Fields<'_, '_>) -> Azure {
    let Some(node) = fields.map("azure") else { return Azure::default() };
    let known = ["subscription", "resource_group", "credential"];
    let Some(mut inner) = Fields::of("`azure`", node, &known, fields.found) else {
        return Azure::default();
    };
    Azure {
        subscription: inner.text_node("subscription"),
        resource_group: inner.text_node("resource_group"),
        credential: inner.choice("credential", &CREDENTIALS).map(ToOwned::to_owned),
    }
}

fn watch(fields: &mut Fields<'_, '_>) -> Vec<Watched> {
    let entries = fields.map("watch").map(Node::entries).unwrap_or_default();
    let mut watch = Vec::new();
    for (key, node) in entries {
        let what = format!("`{}`", key.text);
        let Some(mut inner) = Fields::of(&what, node, &["url", "every", "contains"], fields.found)
        else {
            continue;
        };
        let every = inner.duration("every").unwrap_or(WATCH_EVERY);
        let contains = inner.text("contains");
        let Some(url) = inner.get("url").cloned() else {
            inner.missing("url", "what is watched needs a `url`");
            continue;
        };
        watch.push(Watched { name: key.text.clone(), url, every, contains });
    }
    watch
}

struct Parser<'a> {
    source: &'a str,
    is_patched: bool,
}

const STEP: [&str; 9] =
    ["id", "title", "action", "with", "needs", "when", "confirm", "timeout", "on_failure"];

impl Parser<'_> {
    fn steps(&self, fields: &mut Fields<'_, '_>, key: &str) -> Vec<Step> {
        let nodes = fields.list(key);
        nodes.iter().filter_map(|node| self.step(node, false, fields.found)).collect()
    }

    fn step(&self, node: &Node, is_child: bool, found: &mut Found) -> Option<Step> {
        let is_group = node.get("parallel").is_some();
        let what = if is_group { "a group" } else { "a step" };
        let mut known = STEP.to_vec();
        if is_group || node.get("action").is_none() {
            known.push("parallel");
        }
        let mut fields = Fields::of(what, node, &known, found)?;
        fields.patched(self.is_patched);
        let id = id(&mut fields)?;
        let work = if is_group { self.group(&mut fields, is_child) } else { action(&mut fields) };
        let needs = fields.get("needs").is_some().then(|| needs(&mut fields));
        if needs.is_some() && is_child {
            fields.refuse("needs", "a step of a group waits for what its group waits for");
        }
        let when = fields.get("when").cloned();
        Some(Step {
            title: fields.text_node("title"),
            confirm: fields.text_node("confirm"),
            timeout: fields.get("timeout").cloned(),
            on_failure: fields.get("on_failure").cloned(),
            when: when.and_then(|node| Condition::parse(&node, self.source, fields.found)),
            needs: needs.filter(|_| !is_child),
            id,
            work,
        })
    }

    fn group(&self, fields: &mut Fields<'_, '_>, is_child: bool) -> Work {
        for key in ["action", "with", "timeout", "on_failure"] {
            let message = format!("a group has no `{key}`: give it to the steps of the group");
            fields.refuse(key, &message);
        }
        if is_child {
            fields.refuse("parallel", "a group cannot stand in a group");
            return Work::Unknown;
        }
        let nodes = fields.list("parallel");
        if nodes.is_empty() {
            fields.wrong("parallel", "a group needs steps");
        }
        Work::Group(nodes.iter().filter_map(|node| self.step(node, true, fields.found)).collect())
    }
}

fn version(fields: &mut Fields<'_, '_>) {
    match fields.get("failover").map(|node| (&node.value, node.span)) {
        Some((Value::Int(VERSION), _)) => {}
        Some((_, span)) => {
            let message = format!("the version of the language is `{VERSION}`");
            fields.found.add(Diagnostic::at(span, message));
        }
        None => {
            let message = "a runbook begins with the version of its language";
            fields.missing("failover", message);
        }
    }
}

fn id(fields: &mut Fields<'_, '_>) -> Option<Key> {
    let Some(node) = fields.get("id") else {
        fields.missing("id", "a step needs an `id`");
        return None;
    };
    let text = node.as_text().filter(|text| is_name(text) && text.len() <= ID_LIMIT);
    if text.is_none() {
        let message = "an id is a text of letters, digits, `-` and `_`, at most 64";
        fields.found.add(Diagnostic::at(node.span, message));
    }
    Some(Key { text: text?.to_owned(), span: node.span })
}

fn needs(fields: &mut Fields<'_, '_>) -> Vec<Key> {
    let mut needs = Vec::new();
    for node in fields.list("needs") {
        if let Some(text) = node.as_text() {
            needs.push(Key { text: text.to_owned(), span: node.span });
        } else {
            let message = format!("`needs` lists ids of steps, not {}", node.quote());
            fields.found.add(Diagnostic::at(node.span, message));
        }
    }
    needs
}

fn action(fields: &mut Fields<'_, '_>) -> Work {
    let Some(node) = fields.get("action") else {
        fields.missing("action", "a step needs an `action`, or steps in `parallel`");
        return Work::Unknown;
    };
    let Some(name) = fields.required_text("action") else { return Work::Unknown };
    let span = node.span;
    let mut with = fields.map("with").cloned().unwrap_or_else(empty);
    // What is missing in it is a mistake of the step: the action's name shows it best.
    with.span = span;
    Work::Action { name: Key { text: name, span }, with }
}

/// Reads `on_failure` when its references are resolved.
pub(super) fn on_failure(node: &Node, found: &mut Found) -> Option<OnFailure> {
    super::fields::choice("on_failure", node, &OnFailure::ALL, found)
}
