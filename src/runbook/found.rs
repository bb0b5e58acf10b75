//! The mistakes found so far: each once, however many ways lead to it, and none that only follows from another.

use crate::model::{Diagnostic, Node, Span, Value};
use std::collections::HashSet;

/// Stands for a value that could not be read, which was reported. It could be any: nothing else is wrong with it.
pub(super) fn unknown(span: Span) -> Node {
    Node::new(Value::Late(String::new()), span)
}

pub(super) fn is_unknown(node: &Node) -> bool {
    matches!(&node.value, Value::Late(text) if text.is_empty())
}

/// Collects mistakes, so that all of a file are reported together.
#[derive(Default)]
pub(crate) struct Found {
    list: Vec<Diagnostic>,
    seen: HashSet<(Option<Span>, String)>,
    /// Values that could not be read. What else is wrong with them would only repeat it.
    holes: HashSet<Span>,
}

impl Found {
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        let is_hole = diagnostic.span.is_some_and(|span| self.holes.contains(&span));
        if !is_hole && self.seen.insert((diagnostic.span, diagnostic.message.clone())) {
            self.list.push(diagnostic);
        }
    }

    pub(super) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.add(diagnostic));
    }

    /// Adds a mistake that leaves nothing at this place to say more about.
    pub(crate) fn hole(&mut self, span: Span, diagnostic: Diagnostic) {
        if self.seen.insert((diagnostic.span, diagnostic.message.clone())) {
            self.list.push(diagnostic);
        }
        self.holes.insert(span);
    }

    /// Says that nothing is to be said of this place.
    pub(super) fn silence(&mut self, span: Span) {
        self.holes.insert(span);
    }

    pub(crate) fn append(&mut self, other: Self) {
        other.list.into_iter().for_each(|diagnostic| self.add(diagnostic));
        self.holes.extend(other.holes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.span.map(|span| (span.start, span.end)));
        self.list
    }
}
