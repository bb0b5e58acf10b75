//! `with:` of a step, checked against the action's parameters and read with types.
//!
//! [`check`] reports every mistake at once and needs no cloud. [`Params`] reads what the plan holds, in which resources
//! and files have been written out in full.

use super::{Default, Kind, Parameter, Shape};
use crate::model::{Diagnostic, Key, Mode, Node, Region, Resource, Span, Value, span};
use std::time::Duration;

/// Reports every mistake of a step's `with`, as a runbook or a plan holds it.
pub fn check(kind: &Kind, with: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (key, node) in with.entries() {
        let known = || kind.parameters.iter().map(|parameter| parameter.name);
        if let Some(parameter) = kind.parameters.iter().find(|p| p.name == key.text) {
            check_value(parameter, node, &mut found);
        } else {
            let message = format!("`{}` has no parameter `{}`", kind.name, key.text);
            found.push(
                Diagnostic::at(key.span, message)
                    .did_you_mean(&key.text, known())
                    .hint(format!("it takes {}", list(known()))),
            );
        }
    }
    let missing: Vec<_> = kind
        .parameters
        .iter()
        .filter(|p| p.default == Default::Required && with.get(p.name).is_none())
        .collect();
    for parameter in missing {
        found.push(
            Diagnostic::at(
                with.span,
                format!("`{}` needs the parameter `{}`", kind.name, parameter.name),
            )
            .hint(format!("`{}`: {}", parameter.name, parameter.says)),
        );
    }
    found
}

fn check_value(parameter: &Parameter, node: &Node, found: &mut Vec<Diagnostic>) {
    if node.is_late() {
        return;
    }
    let wrong = |expected: &str| {
        Diagnostic::at(
            node.span,
            format!("`{}` must be {expected}, not {}", parameter.name, node.quote()),
        )
    };
    let numbers = |least: i64, most: i64| format!("a whole number from {least} to {most}");
    match (&parameter.shape, &node.value) {
        (
            Shape::Text
            | Shape::Part { .. }
            | Shape::File { .. }
            | Shape::Region
            | Shape::Resource { .. },
            Value::Text(_),
        )
        | (Shape::Flag, Value::Bool(_))
        | (Shape::File { .. }, Value::Map(_)) => {}
        (Shape::Int { least, most }, Value::Int(number)) if (least..=most).contains(&number) => {}
        (Shape::Int { least, most }, _) => found.push(wrong(&numbers(*least, *most))),
        (Shape::Duration, Value::Text(text)) if span::parse(text).is_some() => {}
        (Shape::Duration, _) => {
            found.push(wrong("a length of time such as `90s`, `15m` or `1h 30m`"));
        }
        (Shape::Choice(words), Value::Text(text)) if words.contains(&text.as_str()) => {}
        (Shape::Choice(words), Value::Text(text)) => found.push(
            Diagnostic::at(
                node.span,
                format!(
                    "`{}` must be {}, not `{text}`",
                    parameter.name,
                    either(words.iter().copied())
                ),
            )
            .did_you_mean(text, words.iter().copied()),
        ),
        (Shape::Choice(words), _) => found.push(wrong(&either(words.iter().copied()))),
        (Shape::Ints { least, most }, Value::List(items)) => {
            check_numbers(parameter, items, (*least, *most), found);
        }
        (Shape::Ints { least, most }, _) => {
            found.push(wrong(&format!("a list of whole numbers from {least} to {most}")));
        }
        (Shape::Map, Value::Map(entries)) => check_texts(entries, found),
        (Shape::Maps, Value::Map(entries)) => check_maps(entries, found),
        (Shape::Resource { .. }, Value::Map(entries)) => check_resource(node, entries, found),
        (Shape::Text | Shape::Part { .. }, _) => found.push(wrong("a text")),
        (Shape::File { .. }, _) => found.push(wrong("the path of a file, beside the runbook")),
        (Shape::Region, _) => found.push(wrong("the name of a region")),
        (Shape::Flag, _) => found.push(wrong("`true` or `false`")),
        (Shape::Map | Shape::Maps, _) => found.push(wrong("a map")),
        (Shape::Resource { .. }, _) => {
            found.push(
                wrong("the name of a resource").hint(
                    "a name, or `{ name: …, resource_group: …, subscription: …, region: … }`",
                ),
            );
        }
    }
}

fn check_texts(entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    for (key, value) in entries {
        if !matches!(value.value, Value::Text(_) | Value::Late(_)) {
            let message = format!("`{}` must be a text: put it in quotes", key.text);
            found.push(Diagnostic::at(value.span, message));
        }
    }
}

fn check_maps(entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    for (key, value) in entries {
        if let Value::Map(inner) = &value.value {
            check_texts(inner, found);
        } else {
            let message = format!("`{}` must be a map", key.text);
            found.push(Diagnostic::at(value.span, message));
        }
    }
}

fn check_numbers(
    parameter: &Parameter,
    items: &[Node],
    (least, most): (i64, i64),
    found: &mut Vec<Diagnostic>,
) {
    let mut before = None;
    for item in items {
        match item.value {
            Value::Int(number)
                if (least..=most).contains(&number) && before.is_none_or(|b| number > b) =>
            {
                before = Some(number);
            }
            _ => found.push(Diagnostic::at(
                item.span,
                format!(
                    "`{}` must hold whole numbers from {least} to {most}, each larger than the one before",
                    parameter.name
                ),
            )),
        }
    }
}

const RESOURCE_KEYS: [&str; 6] =
    ["name", "resource_group", "subscription", "region", "kind", "made_by_the_run"];

fn check_resource(node: &Node, entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    if node.get("name").is_none() {
        found.push(Diagnostic::at(node.span, "a resource needs a `name`"));
    }
    for (key, value) in entries {
        if !RESOURCE_KEYS.contains(&key.text.as_str()) {
            found.push(
                Diagnostic::at(key.span, format!("a resource has no `{}`", key.text))
                    .did_you_mean(&key.text, RESOURCE_KEYS[..4].iter().copied()),
            );
        } else if RESOURCE_KEYS[..4].contains(&key.text.as_str()) && value.as_text().is_none() {
            let message = format!("`{}` must be a text, not {}", key.text, value.describe());
            found.push(Diagnostic::at(value.span, message));
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn either<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

/// A file that the plan carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// The parameters of one step of a plan. Each reader names what is wrong, and where, when a value does not fit.
pub struct Params<'a> {
    with: &'a Node,
}

impl<'a> Params<'a> {
    pub fn new(with: &'a Node) -> Self {
        Self { with }
    }

    fn node(&self, name: &str) -> Option<&'a Node> {
        self.with.get(name).filter(|node| !matches!(node.value, Value::Null))
    }

    /// Where a parameter stands; where all of them do, when it is left out.
    pub fn span(&self, name: &str) -> Span {
        self.with.get(name).map_or(self.with.span, |node| node.span)
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Diagnostic> {
        value.ok_or_else(|| {
            let span = self.span(name);
            Diagnostic::at(span, format!("the parameter `{name}` is missing or of the wrong kind"))
        })
    }

    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.node(name)?.as_text().map(ToOwned::to_owned)
    }

    pub fn text(&self, name: &str) -> Result<String, Diagnostic> {
        self.required(name, self.optional_text(name))
    }

    pub fn optional_flag(&self, name: &str) -> Option<bool> {
        match self.node(name)?.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> Result<bool, Diagnostic> {
        self.required(name, self.optional_flag(name))
    }

    pub fn optional_int(&self, name: &str) -> Option<i64> {
        match self.node(name)?.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    pub fn int(&self, name: &str) -> Result<i64, Diagnostic> {
        self.required(name, self.optional_int(name))
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let Value::List(items) = &self.node(name)?.value else { return None };
        items
            .iter()
            .map(|item| match item.value {
                Value::Int(number) => Some(number),
                _ => None,
            })
            .collect()
    }

    pub fn optional_duration(&self, name: &str) -> Option<Duration> {
        span::parse(self.node(name)?.as_text()?)
    }

    pub fn duration(&self, name: &str) -> Result<Duration, Diagnostic> {
        self.required(name, self.optional_duration(name))
    }

    pub fn mode(&self, name: &str) -> Result<Mode, Diagnostic> {
        self.required(name, self.optional_text(name).as_deref().and_then(Mode::parse))
    }

    pub fn region(&self, name: &str) -> Result<Region, Diagnostic> {
        self.text(name).map(Region::new)
    }

    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        let entries = self.node(name).map(Node::entries).unwrap_or_default();
        let pair = |(key, node): &(Key, Node)| Some((key.text.clone(), node.as_text()?.to_owned()));
        entries.iter().filter_map(pair).collect()
    }

    pub fn maps(&self, name: &str) -> Vec<(String, Vec<(String, String)>)> {
        let entries = self.node(name).map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .map(|(key, node)| {
                let inner = Node::map([("inner", node.clone())]);
                (key.text.clone(), Params::new(&inner).map("inner"))
            })
            .collect()
    }

    pub fn optional_file(&self, name: &str) -> Option<File> {
        let node = self.node(name)?;
        Some(File {
            path: node.get("path")?.as_text()?.to_owned(),
            text: node.get("text")?.as_text()?.to_owned(),
        })
    }

    pub fn file(&self, name: &str) -> Result<File, Diagnostic> {
        self.required(name, self.optional_file(name))
    }

    pub fn optional_resource(&self, name: &str) -> Option<Resource> {
        resource(self.node(name)?)
    }

    pub fn resource(&self, name: &str) -> Result<Resource, Diagnostic> {
        self.required(name, self.optional_resource(name))
    }
}

/// Reads a resource as a plan holds it, written out in full.
pub fn resource(node: &Node) -> Option<Resource> {
    let text = |key: &str| node.get(key).and_then(Node::as_text).map(ToOwned::to_owned);
    Some(Resource {
        kind: text("kind")?,
        name: text("name")?,
        resource_group: text("resource_group")?,
        subscription: text("subscription")?,
        region: text("region").map(Region::new),
        made_by_the_run: matches!(
            node.get("made_by_the_run").map(|node| &node.value),
            Some(Value::Bool(true))
        ),
    })
}

/// Writes a resource out in full, as a plan holds it.
pub fn resource_node(resource: &Resource, span: Span) -> Node {
    let mut node = Node::map([
        ("kind", Node::text(&resource.kind)),
        ("name", Node::text(&resource.name)),
        ("resource_group", Node::text(&resource.resource_group)),
        ("subscription", Node::text(&resource.subscription)),
        ("made_by_the_run", Node::made(Value::Bool(resource.made_by_the_run))),
    ]);
    if let Some(region) = &resource.region {
        node.set("region", Node::text(region.as_str()));
        node.region = Some(region.clone());
    }
    node.span = span;
    node
}
