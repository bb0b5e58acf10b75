//! Reads the keys of one map with types, and reports what does not fit.

use super::found::Found;
use crate::model::{Diagnostic, Node, Span, Value, nearest, span};
use std::time::Duration;

/// The keys of one map of a runbook.
pub(super) struct Fields<'a, 'f> {
    what: String,
    node: &'a Node,
    known: Vec<String>,
    is_patched: bool,
    pub(super) found: &'f mut Found,
}

impl<'a, 'f> Fields<'a, 'f> {
    /// Reports keys that are not known. `None` when it is not a map at all.
    pub(super) fn of(
        what: &str,
        node: &'a Node,
        known: &[&str],
        found: &'f mut Found,
    ) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            let message = format!("{what} must be a map, not {}", node.describe());
            found.add(Diagnostic::at(node.span, message));
            return None;
        }
        for (key, _) in node.entries().iter().filter(|(key, _)| !known.contains(&&*key.text)) {
            let diagnostic = Diagnostic::at(key.span, format!("{what} has no `{}`", key.text))
                .did_you_mean(&key.text, known.iter().copied());
            found.add(match diagnostic.hints.as_slice() {
                [] => diagnostic.hint(format!("it has {}", listed(known.iter().copied(), ", "))),
                _ => diagnostic,
            });
        }
        let known = known.iter().map(ToString::to_string).collect();
        Some(Self { what: what.to_owned(), node, known, is_patched: false, found })
    }

    /// The keys that are not known, with their values.
    pub(super) fn strays(&self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let entries = self.node.entries().iter();
        entries
            .filter(|(key, _)| !self.known.contains(&key.text))
            .map(|(key, node)| (key.text.as_str(), node))
    }

    /// Whether this may be written somewhere all the same: in a part that was left out, under a key that is misspelled,
    /// or as something that cannot be read.
    pub(super) fn is_in_doubt(&self, key: &str) -> bool {
        let is_map = |node: &Node| matches!(node.value, Value::Map(_));
        self.get(key).map_or_else(
            || {
                let is_stray = self.strays().any(|(_, node)| is_map(node));
                self.is_patched || self.is_misspelled(key) || is_stray
            },
            |node| !is_map(node),
        )
    }

    /// Whether a key that is not known must have been meant to be this one.
    pub(super) fn is_misspelled(&self, key: &str) -> bool {
        let known = || self.known.iter().map(String::as_str);
        self.strays().any(|(stray, _)| nearest(stray, known()) == Some(key))
    }

    /// In a text that was patched, what is missing may stand in the part that was left out.
    pub(super) fn patched(&mut self, is_patched: bool) {
        self.is_patched = is_patched;
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).filter(|node| !matches!(node.value, Value::Null))
    }

    pub(super) fn span(&self) -> Span {
        self.node.span
    }

    /// Reports that a key must be there.
    pub(super) fn missing(&mut self, key: &str, message: &str) {
        if self.is_patched || self.is_misspelled(key) {
            return;
        }
        let place = match self.node.get(key) {
            Some(empty) => self.key_span(key).unwrap_or(empty.span),
            None => self.node.span,
        };
        self.found.add(Diagnostic::at(place, message));
    }

    /// Reports a key that has no place here.
    pub(super) fn refuse(&mut self, key: &str, message: &str) {
        if let Some(span) = self.key_span(key) {
            self.found.add(Diagnostic::at(span, message));
        }
    }

    /// Reports what is wrong with the value of a key, or with its absence.
    pub(super) fn wrong(&mut self, key: &str, message: &str) {
        let place = self.key_span(key).unwrap_or(self.node.span);
        self.found.add(Diagnostic::at(place, message));
    }

    fn key_span(&self, key: &str) -> Option<Span> {
        let entry = self.node.entries().iter().find(|(known, _)| known.text == key);
        entry.map(|(key, _)| key.span)
    }

    fn expected(&mut self, key: &str, node: &Node, expected: &str) {
        let message = format!("`{key}` must be {expected}, not {}", node.quote());
        self.found.add(Diagnostic::at(node.span, message));
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.text_node(key)?.as_text().map(ToOwned::to_owned)
    }

    /// A text that may hold references.
    pub(super) fn text_node(&mut self, key: &str) -> Option<Node> {
        let node = self.get(key)?;
        match node.as_text() {
            None => self.expected(key, node, "a text"),
            Some(text) if text.trim().is_empty() => self.found.add(empty(key, node.span)),
            Some(_) => return Some(node.clone()),
        }
        None
    }

    pub(super) fn required_text(&mut self, key: &str) -> Option<String> {
        if self.get(key).is_none() {
            let message = format!("{} needs `{key}`", self.what);
            self.missing(key, &message);
        }
        self.text(key)
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        self.expected(key, node, "`true` or `false`");
        None
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, known: &[(&str, T)]) -> Option<T> {
        choice(key, self.get(key)?, known, self.found)
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        duration(key, self.get(key)?, self.found)
    }

    pub(super) fn length(&mut self, key: &str) -> Option<Duration> {
        length(key, self.get(key)?, self.found)
    }

    pub(super) fn map(&mut self, key: &str) -> Option<&'a Node> {
        let node = self.get(key)?;
        if matches!(node.value, Value::Map(_)) {
            return Some(node);
        }
        self.expected(key, node, "a map");
        None
    }

    /// A list of texts, which is not empty.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let node = self.get(key)?;
        let texts: Option<Vec<String>> = match &node.value {
            Value::List(items) if !items.is_empty() => {
                items.iter().map(|item| item.as_text().map(ToOwned::to_owned)).collect()
            }
            _ => None,
        };
        if texts.is_none() {
            self.expected(key, node, "a list of texts, such as [pass, show, db/failover]");
        }
        texts
    }

    pub(super) fn list(&mut self, key: &str) -> &'a [Node] {
        let Some(node) = self.get(key) else { return &[] };
        if let Value::List(items) = &node.value {
            return items;
        }
        self.expected(key, node, "a list");
        &[]
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    key: &str,
    node: &Node,
    known: &[(&str, T)],
    found: &mut Found,
) -> Option<T> {
    let typed = node.as_text();
    let chosen = known.iter().find(|(word, _)| Some(*word) == typed);
    if chosen.is_none() {
        let words = || known.iter().map(|(word, _)| *word);
        let message = format!("`{key}` must be {}, not {}", listed(words(), " or "), node.quote());
        found.add(Diagnostic::at(node.span, message).did_you_mean(typed.unwrap_or(""), words()));
    }
    chosen.map(|(_, value)| *value)
}

pub(super) fn empty(key: &str, span: Span) -> Diagnostic {
    Diagnostic::at(span, format!("`{key}` is empty"))
}

/// A length of time in which something can happen.
pub(super) fn length(key: &str, node: &Node, found: &mut Found) -> Option<Duration> {
    let length = duration(key, node, found)?;
    if length.is_zero() {
        found.add(Diagnostic::at(node.span, format!("`{key}` must be longer than nothing")));
        return None;
    }
    Some(length)
}

/// A length of time, which may be none at all.
pub(super) fn duration(key: &str, node: &Node, found: &mut Found) -> Option<Duration> {
    let length = node.as_text().and_then(span::parse);
    if length.is_none() {
        let message = format!("`{key}` must be a length of time, not {}", node.quote());
        let hint = "lengths of time are written `90s`, `15m` or `1h 30m`";
        found.add(Diagnostic::at(node.span, message).hint(hint));
    }
    length
}

/// Names in a row, with something else than a comma before the last one.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, last: &str) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let end = names.pop().unwrap_or_default();
    if names.is_empty() { end } else { names.join(", ") + last + &end }
}
