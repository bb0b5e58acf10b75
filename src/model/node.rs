//! A tree of values that remembers where in the runbook each of them stands.

use super::Region;
use serde::{Deserialize, Serialize};

/// A range of bytes of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A key of a map, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    pub text: String,
    pub span: Span,
}

/// One value of a runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub value: Value,
    pub span: Span,
    /// The region whose row this value came from, when a reference to `from` or `to` brought it here.
    pub region: Option<Region>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A text with references that only a run can resolve: `${{ steps.ID.… }}`.
    Late(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span, region: None }
    }

    /// A value that stands in no source, made by the program.
    pub fn made(value: Value) -> Self {
        Self::new(value, Span::default())
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::made(Value::Text(text.into()))
    }

    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        let key = |text: &str| Key { text: text.to_owned(), span: Span::default() };
        Self::made(Value::Map(entries.into_iter().map(|(text, node)| (key(text), node)).collect()))
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    /// Sets an entry of a map; makes a map of anything else.
    pub fn set(&mut self, key: &str, node: Node) {
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        if let Some((_, old)) = entries.iter_mut().find(|(known, _)| known.text == key) {
            *old = node;
        } else {
            let span = node.span;
            entries.push((Key { text: key.to_owned(), span }, node));
        }
    }

    /// Whether any part of it must wait for a run.
    pub fn is_late(&self) -> bool {
        match &self.value {
            Value::Late(_) => true,
            Value::List(items) => items.iter().any(Node::is_late),
            Value::Map(entries) => entries.iter().any(|(_, node)| node.is_late()),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
                false
            }
        }
    }

    /// The value itself when it is a short one, or else what a person would call it.
    pub fn quote(&self) -> String {
        match &self.value {
            Value::Int(number) => format!("`{number}`"),
            Value::Float(number) => format!("`{number}`"),
            Value::Bool(flag) => format!("`{flag}`"),
            Value::Text(text) if text.len() <= 40 => format!("`{text}`"),
            _ => self.describe().to_owned(),
        }
    }

    /// What a person would call this kind of value, with its article.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) | Value::Late(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
