//! The keys of a step.

use super::{
    super::{
        ast::{OnFailure, Runbook, Step, Work},
        condition::Condition,
        fields::{self, Fields},
        found::{Found, unknown},
        keys,
        reference::is_name,
        yaml::is_odd,
    },
    empty,
};
use crate::model::{Diagnostic, Key, Node, Value};

const ID_LIMIT: usize = 64;

/// Lowers `steps` and `finally`.
pub(super) fn lower(fields: &mut Fields<'_, '_>, is_patched: bool, runbook: &mut Runbook) {
    let source = &runbook.source.text;
    let mut parser = Parser { source, is_patched, has_all: !is_patched };
    let is_list = |(_, node): (_, &Node)| matches!(node.value, Value::List(_));
    parser.has_all &= !fields.strays().any(is_list);
    let (steps, finally) = (parser.steps(fields, "steps"), parser.steps(fields, "finally"));
    if fields.get("steps").is_none() {
        fields.missing("steps", "a runbook needs `steps`");
    } else if steps.is_empty() && parser.has_all {
        fields.wrong("steps", "a runbook needs a step at least");
    }
    runbook.has_all_steps = parser.has_all;
    (runbook.steps, runbook.finally) = (steps, finally);
}

struct Parser<'a> {
    source: &'a str,
    is_patched: bool,
    /// Whether every step was read whose id others may name.
    has_all: bool,
}

impl Parser<'_> {
    fn steps(&mut self, fields: &mut Fields<'_, '_>, key: &str) -> Vec<Step> {
        self.all(fields, key, false)
    }

    fn all(&mut self, fields: &mut Fields<'_, '_>, key: &str, is_child: bool) -> Vec<Step> {
        self.has_all &= fields.get(key).is_none_or(|node| matches!(node.value, Value::List(_)));
        let nodes = fields.list(key);
        nodes.iter().filter_map(|node| self.step(node, is_child, fields.found)).collect()
    }

    fn step(&mut self, node: &Node, is_child: bool, found: &mut Found) -> Option<Step> {
        let is_group = node.get("parallel").is_some();
        let what = if is_group { "a group" } else { "a step" };
        let mut known = keys::names(&keys::STEP);
        if is_group || node.get("action").is_none() {
            known.push(keys::PARALLEL.name);
        }
        let Some(mut fields) = Fields::of(what, node, &known, found) else {
            self.has_all = false;
            return None;
        };
        fields.patched(self.is_patched);
        let is_list = |(_, node): (_, &Node)| matches!(node.value, Value::List(_));
        self.has_all &= !fields.strays().any(is_list);
        let id = id(&mut fields);
        self.has_all &= !id.text.is_empty();
        let work = if is_group { self.group(&mut fields, is_child) } else { action(&mut fields) };
        let needs = needs(&mut fields);
        if is_child {
            let message = "a step of a group waits for what its group waits for";
            fields.refuse(keys::NOT_IN_A_GROUP, message);
        }
        Some(Step {
            title: fields.text_node("title"),
            confirm: text(&mut fields, "confirm"),
            timeout: fields.get("timeout").cloned(),
            on_failure: on_failure_node(&fields),
            waive: text(&mut fields, "waive"),
            when: self.when(&mut fields),
            needs: needs.filter(|_| !is_child),
            id,
            work,
        })
    }

    /// A condition that cannot be read may be any.
    fn when(&self, fields: &mut Fields<'_, '_>) -> Option<Condition> {
        match fields.get("when") {
            Some(node) => Condition::parse(node, self.source, fields.found)
                .or_else(|| Some(Condition::unreadable(node.span))),
            None => fields.is_misspelled("when").then(|| Condition::unreadable(fields.span())),
        }
    }

    fn group(&mut self, fields: &mut Fields<'_, '_>, is_child: bool) -> Work {
        for key in keys::NOT_OF_A_GROUP {
            let message = format!("a group has no `{key}`: give it to the steps of the group");
            fields.refuse(key, &message);
        }
        if is_child {
            fields.refuse("parallel", "a group cannot stand in a group");
            self.has_all = false;
            return Work::Unknown { with: empty() };
        }
        let is_empty = match fields.get("parallel").map(|node| &node.value) {
            None => true,
            Some(Value::List(items)) => items.is_empty(),
            Some(_) => false,
        };
        if is_empty {
            fields.wrong("parallel", "a group needs steps");
        }
        Work::Group(self.all(fields, "parallel", true))
    }
}

/// The id of a step, or an empty one for what nobody can name.
fn id(fields: &mut Fields<'_, '_>) -> Key {
    let Some(node) = fields.get("id") else {
        fields.missing("id", "a step needs an `id`");
        return Key { text: String::new(), span: fields.span() };
    };
    let text = node.as_text().unwrap_or_default();
    // Of a character that nobody sees, more was said already.
    let is_odd = text.contains(is_odd);
    if !is_odd && (!is_name(text) || text.len() > ID_LIMIT) {
        let message = "an id is a text of letters, digits, `-` and `_`, at most 64";
        fields.found.add(Diagnostic::at(node.span, message));
    }
    Key { text: text.to_owned(), span: node.span }
}

/// A question or a waiver that cannot be read is one all the same.
fn text(fields: &mut Fields<'_, '_>, key: &str) -> Option<Node> {
    let is_there = fields.get(key).is_some() || fields.is_misspelled(key);
    fields.text_node(key).or_else(|| is_there.then(|| unknown(fields.span())))
}

/// What is misspelled may say anything.
fn on_failure_node(fields: &Fields<'_, '_>) -> Option<Node> {
    let misspelled = || fields.is_misspelled("on_failure").then(|| unknown(fields.span()));
    fields.get("on_failure").cloned().or_else(misspelled)
}

/// What cannot be read stays in the list as an empty name: it would have named something to wait for.
fn needs(fields: &mut Fields<'_, '_>) -> Option<Vec<Key>> {
    let mut needs = Vec::new();
    if fields.get("needs").is_none() {
        let nameless = Key { text: String::new(), span: fields.span() };
        return fields.is_misspelled("needs").then(|| vec![nameless]);
    }
    let broken = |node: &Node| (!matches!(node.value, Value::List(_))).then_some(node.span);
    needs
        .extend(fields.get("needs").and_then(broken).map(|span| Key { text: String::new(), span }));
    for node in fields.list("needs") {
        if node.as_text().is_none() {
            let message = format!("`needs` lists ids of steps, not {}", node.quote());
            fields.found.add(Diagnostic::at(node.span, message));
        }
        needs.push(Key { text: node.as_text().unwrap_or_default().to_owned(), span: node.span });
    }
    Some(needs)
}

fn action(fields: &mut Fields<'_, '_>) -> Work {
    let mut with = match fields.map("with") {
        Some(with) => with.clone(),
        None if fields.is_in_doubt("with") => unknown(fields.span()),
        None => empty(),
    };
    let Some(node) = fields.get("action") else {
        if !fields.is_misspelled("parallel") {
            fields.missing("action", "a step needs an `action`, or steps in `parallel`");
        }
        return Work::Unknown { with };
    };
    let Some(name) = fields.required_text("action") else { return Work::Unknown { with } };
    let span = node.span;
    // What is missing in it is a mistake of the step: the action's name shows it best.
    with.span = span;
    Work::Action { name: Key { text: name, span }, with }
}

/// Reads `on_failure` when its references are resolved.
pub(in super::super) fn on_failure(node: &Node, found: &mut Found) -> Option<OnFailure> {
    fields::choice("on_failure", node, &OnFailure::ALL, found)
}
