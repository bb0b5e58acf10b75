//! `with:` of a step against the action's parameters: every mistake at once, before any cloud is asked.

use super::{Default, Kind, Parameter, Shape};
use crate::model::{Diagnostic, Key, Node, Value, Vendor, nearest, span};
use http::Uri;
use std::time::Duration;

/// Reports every mistake of a step's `with`, as a runbook or a plan holds it.
pub fn check(kind: &Kind, with: &Node) -> Vec<Diagnostic> {
    let owner = Owner { name: kind.name, noun: "the parameter ", parameters: kind.parameters };
    let mut found = check_part(kind, with);
    owner.check_missing(with, &mut found);
    found
}

/// The same for a `with` of which parts may not have been read: nothing is said to be missing.
pub fn check_part(kind: &Kind, with: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let owner = Owner { name: kind.name, noun: "the parameter ", parameters: kind.parameters };
    owner.check_given(with, &mut found);
    for parameter in kind.parameters {
        found.extend(too_long(kind, parameter, with));
    }
    found
}

/// What has parameters: an action, or an entry of a map of maps.
struct Owner<'a> {
    name: &'a str,
    noun: &'static str,
    parameters: &'static [Parameter],
}

impl Owner<'_> {
    fn known(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.parameters.iter().map(|parameter| parameter.name)
    }

    fn check_given(&self, with: &Node, found: &mut Vec<Diagnostic>) {
        for (key, node) in with.entries() {
            if let Some(parameter) = self.parameters.iter().find(|p| p.name == key.text) {
                check_value(parameter, node, found);
                continue;
            }
            let noun = self.noun.strip_prefix("the ").unwrap_or_default();
            let message = format!("`{}` has no {noun}`{}`", self.name, key.text);
            let diagnostic =
                Diagnostic::at(key.span, message).did_you_mean(&key.text, self.known());
            found.push(diagnostic.hint(format!("it takes {}", quoted(self.known(), ", "))));
        }
    }

    fn check_missing(&self, with: &Node, found: &mut Vec<Diagnostic>) {
        let is_known = |key: &Key| self.known().any(|known| known == key.text);
        let strays = with.entries().iter().filter(|(key, _)| !is_known(key));
        // What was meant and misspelled was reported already.
        let meant: Vec<_> =
            strays.filter_map(|(key, _)| nearest(&key.text, self.known())).collect();
        let is_missing = |parameter: &&Parameter| {
            parameter.default == Default::Required
                && with.get(parameter.name).is_none()
                && !meant.contains(&parameter.name)
        };
        for parameter in self.parameters.iter().filter(is_missing) {
            let message = format!("`{}` needs {}`{}`", self.name, self.noun, parameter.name);
            let hint = format!("`{}`: {}", parameter.name, parameter.says);
            found.push(Diagnostic::at(with.span, message).hint(hint));
        }
    }
}

fn check_value(parameter: &Parameter, node: &Node, found: &mut Vec<Diagnostic>) {
    let name = parameter.name;
    match (&parameter.shape, &node.value) {
        // Of what these hold, some may be known and some may not.
        (Shape::Map | Shape::Secrets, Value::Map(entries)) => check_texts(entries, found),
        (Shape::Program | Shape::Texts, Value::List(items)) if are_texts(items) => {}
        (Shape::Maps(members), Value::Map(entries)) => check_maps(members, entries, found),
        (Shape::Ints { least, most }, Value::List(items)) => {
            check_numbers(name, items, (*least, *most), found);
        }
        (Shape::Resource { kind, .. }, Value::Map(entries)) => {
            check_resource(kind, node, entries, found);
        }
        _ if node.is_late() => {}
        (shape, Value::Text(text)) if text.trim().is_empty() && shape.is_text() => {
            found.push(Diagnostic::at(node.span, format!("`{name}` is empty")));
        }
        (Shape::Url, Value::Text(text)) => found.extend(wrong_address(name, text, node)),
        (Shape::Choice(words), Value::Text(text)) if !words.contains(&text.as_str()) => {
            let words = || words.iter().copied();
            let message = format!("`{name}` must be {}, not `{text}`", quoted(words(), " or "));
            found.push(Diagnostic::at(node.span, message).did_you_mean(text, words()));
        }
        (Shape::Duration, Value::Text(text)) if span::parse(text) == Some(Duration::ZERO) => {
            let message = format!("`{name}` must be longer than nothing");
            found.push(Diagnostic::at(node.span, message));
        }
        (shape, value) if shape.fits(value) => {}
        (shape, _) => found.push(shape.wrong(name, node)),
    }
}

impl Shape {
    /// Whether an empty text says nothing where this stands.
    fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Secret
                | Self::Part { .. }
                | Self::File { .. }
                | Self::Region
                | Self::Resource { .. }
        )
    }

    fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (shape, Value::Text(_)) if shape.is_text() => true,
            (Self::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Duration, Value::Text(text)) => span::parse(text).is_some(),
            (Self::Int { least, most }, Value::Int(number)) => (least..=most).contains(&number),
            // A file as a plan holds it.
            (Self::Flag, Value::Bool(_)) | (Self::File { .. }, Value::Map(_)) => true,
            _ => false,
        }
    }

    fn wrong(&self, name: &str, node: &Node) -> Diagnostic {
        let expected = match self {
            Self::Text | Self::Part { .. } => "a text".to_owned(),
            Self::Secret => "a secret".to_owned(),
            Self::File { .. } => "the path of a file, beside the runbook".to_owned(),
            Self::Region => "the name of a region".to_owned(),
            Self::Resource { .. } => "the name of a resource".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Int { least, most } => format!("a whole number from {least} to {most}"),
            Self::Ints { least, most } => format!("a list of whole numbers from {least} to {most}"),
            Self::Duration => "a length of time such as `90s`, `15m` or `1h 30m`".to_owned(),
            Self::Url => format!("an address such as `{EXAMPLE}`"),
            Self::Choice(words) => quoted(words.iter().copied(), " or "),
            Self::Map | Self::Maps(_) | Self::Secrets => "a map".to_owned(),
            Self::Program => "a list of texts: a program and its arguments".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
        };
        let message = format!("`{name}` must be {expected}, not {}", node.quote());
        let wrong = Diagnostic::at(node.span, message);
        match self {
            Self::Resource { kind, .. } => {
                let keys: Vec<_> =
                    resource_keys(kind).iter().map(|key| format!("{key}: …")).collect();
                wrong.hint(format!("a name, or `{{ {} }}`", keys.join(", ")))
            }
            _ => wrong,
        }
    }
}

fn are_texts(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.as_text().is_some() || item.is_late())
}

const EXAMPLE: &str = "https://example.org/health";

/// Reports what is wrong with the address of a page.
pub fn check_url(name: &'static str, node: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    check_value(&Parameter::required(name, Shape::Url, ""), node, &mut found);
    found
}

fn wrong_address(name: &str, text: &str, node: &Node) -> Option<Diagnostic> {
    let uri = text.parse::<Uri>().ok();
    let is_web = |uri: &&Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.as_ref().filter(is_web).and_then(Uri::authority);
    match authority {
        Some(authority) if authority.as_str().contains('@') => {
            let message = format!("`{name}` can hold no user name and no password");
            Some(Diagnostic::at(node.span, message).hint("addresses are shown and stored"))
        }
        Some(authority) if !authority.host().is_empty() => None,
        Some(_) | None => Some(Shape::Url.wrong(name, node)),
    }
}

/// A count and a length that are each right, and together too long.
fn too_long(kind: &Kind, parameter: &Parameter, with: &Node) -> Option<Diagnostic> {
    let within = parameter.within?;
    let count = match with.get(parameter.name).map(|node| &node.value) {
        Some(Value::Int(count)) => *count,
        Some(_) => return None,
        None => match parameter.default {
            Default::Int(count) => count,
            _ => return None,
        },
    };
    let each = match with.get(within.each) {
        Some(node) => node.as_text()?,
        None => match kind.parameters.iter().find(|p| p.name == within.each)?.default {
            Default::Text(text) => text,
            _ => return None,
        },
    };
    let whole = span::parse(each)?.checked_mul(u32::try_from(count).ok()?)?;
    let place = with.get(within.each).or_else(|| with.get(parameter.name)).unwrap_or(with);
    let message = format!(
        "`{}` × `{}` is {}, and {} ends after {}",
        parameter.name,
        within.each,
        span::show(whole),
        within.what,
        span::show(within.most)
    );
    (whole > within.most).then(|| Diagnostic::at(place.span, message))
}

fn check_texts(entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    for (key, value) in entries {
        if !matches!(value.value, Value::Text(_) | Value::Late(_)) {
            let message = format!("`{}` must be a text: put it in quotes", key.text);
            found.push(Diagnostic::at(value.span, message));
        }
    }
}

fn check_maps(members: &'static [Parameter], entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    for (key, value) in entries {
        match &value.value {
            Value::Map(_) => {
                let owner = Owner { name: &key.text, noun: "", parameters: members };
                owner.check_given(value, found);
                owner.check_missing(&Node { span: key.span, ..value.clone() }, found);
            }
            Value::Late(_) => {}
            _ => {
                let message = format!("`{}` must be a map", key.text);
                found.push(Diagnostic::at(value.span, message));
            }
        }
    }
}

fn check_numbers(
    name: &str,
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
            Value::Late(_) => {}
            _ => found.push(Diagnostic::at(
                item.span,
                format!(
                    "`{name}` must hold whole numbers from {least} to {most}, each larger than the one before",
                ),
            )),
        }
    }
}

/// How a runbook describes a resource of this kind.
pub fn resource_keys(kind: &str) -> &'static [&'static str] {
    match Vendor::of(kind) {
        Vendor::Azure => &["name", "resource_group", "subscription", "region"],
        Vendor::Aws | Vendor::Own => &["name", "region"],
    }
}

/// What a plan adds to that.
const RESOLVED_KEYS: [&str; 3] = ["kind", "account", "made_by_the_run"];

fn check_resource(kind: &str, node: &Node, entries: &[(Key, Node)], found: &mut Vec<Diagnostic>) {
    let keys = resource_keys(kind);
    if node.get("name").is_none() {
        found.push(Diagnostic::at(node.span, "a resource needs a `name`"));
    }
    for (key, value) in entries {
        let name = key.text.as_str();
        if RESOLVED_KEYS.contains(&name) {
            continue;
        }
        if !keys.contains(&name) {
            let message = format!("a resource has no `{name}`");
            found.push(Diagnostic::at(key.span, message).did_you_mean(name, keys.iter().copied()));
        } else if !matches!(value.value, Value::Text(_) | Value::Late(_)) {
            let message = format!("`{name}` must be a text, not {}", value.describe());
            found.push(Diagnostic::at(value.span, message));
        }
    }
}

/// Names in a row, with this between them.
fn quoted<'a>(names: impl Iterator<Item = &'a str>, between: &str) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}
