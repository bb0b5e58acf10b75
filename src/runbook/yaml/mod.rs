//! Text to a tree that remembers where everything stands. The only room that names the YAML parser.
//!
//! Reads YAML 1.2 with its core schema (`yes` and `on` are texts). Keeps going after a mistake, so that all of them
//! are reported together, and never panics, whatever it is given.

mod bytes;
mod layout;
mod odd;
mod scalar;
mod slip;

use super::found::{Found, unknown};
use crate::model::{Diagnostic, Key, Node, Span, Value};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle};
use scalar::Reading;
use std::{collections::HashMap, ops::Range};

pub(super) use bytes::decode;
pub(super) use odd::is_odd;

const DEPTH_LIMIT: usize = 64;
/// Nodes that aliases may copy, so that a few lines cannot grow into gigabytes.
const COPY_LIMIT: usize = 100_000;
const ROUNDS: usize = 20;

/// What a text would mean as a plain value of a runbook.
pub(crate) fn plain_value(text: &str) -> Option<Value> {
    match scalar::read(text) {
        Reading::Value(value) => Some(value),
        Reading::Odd(_) => None,
    }
}

/// What a text says.
pub(super) struct Tree {
    pub(super) root: Node,
    /// Whether parts were left out because their syntax is broken. What seems to be missing may stand there.
    pub(super) is_patched: bool,
}

/// Reads one document. `None` when there is nothing to go on with.
pub(super) fn read(text: &str, found: &mut Found) -> Option<Tree> {
    for (at, c) in text.char_indices().filter(|(_, c)| is_odd(*c) && *c != '\r') {
        found.add(odd::report(c, Span::new(at, at + c.len_utf8())));
    }
    let mut patched = text.to_owned();
    let mut words = Vec::new();
    let mut is_patched = false;
    for _ in 0..ROUNDS {
        match Reader::new(&patched, &words).read() {
            Ok(reader) => return reader.finish(is_patched, found),
            Err((error, last_end)) => {
                let slip = slip::explain(text, &patched, &error, last_end);
                slip.diagnostics.into_iter().for_each(|diagnostic| found.add(diagnostic));
                if !patch(&mut patched, &slip.repair) {
                    return None;
                }
                match slip.repair {
                    slip::Repair::Blank(_) => is_patched = true,
                    slip::Repair::Word(word) => words.push(word),
                }
            }
        }
    }
    None
}

/// Overwrites broken text byte for byte, so that positions stay what they are. False when there was nothing to do.
fn patch(text: &mut String, repair: &slip::Repair) -> bool {
    let (range, filler) = match repair {
        slip::Repair::Blank(range) => (range.clone(), ' '),
        slip::Repair::Word(range) => (range.clone(), 'x'),
    };
    let Some(part) = text.get(range.clone()) else { return false };
    let fill = |c: char| -> String {
        if c == '\n' { c.to_string() } else { filler.to_string().repeat(c.len_utf8()) }
    };
    let filled: String = part.chars().map(fill).collect();
    let is_new = filled != part;
    text.replace_range(range, &filled);
    is_new
}

/// A collection whose end has not been read yet.
struct Open {
    items: Items,
    span: Span,
    is_flow: bool,
    anchor: usize,
    depth: usize,
    size: usize,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, places: HashMap<String, Span>, next: Next },
}

/// What the next value of a map is.
enum Next {
    Key,
    ValueOf(Key),
    /// The value of a key that was refused.
    Nothing,
}

/// What an anchor names.
struct Anchored {
    node: Node,
    depth: usize,
    size: usize,
}

/// A finished value on its way into the collection around it.
struct Whole {
    node: Node,
    /// Whether it may be a key: written out as a text, in place.
    is_text: bool,
    depth: usize,
    size: usize,
}

struct Reader<'a> {
    text: &'a str,
    /// Where the text was overwritten with a word that means nothing.
    words: &'a [Range<usize>],
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copied: usize,
    documents: usize,
    root: Option<Node>,
    found: Found,
}

type Broken = (ScanError, usize);

impl<'a> Reader<'a> {
    fn new(text: &'a str, words: &'a [Range<usize>]) -> Self {
        Self {
            text,
            words,
            stack: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
            documents: 0,
            root: None,
            found: Found::default(),
        }
    }

    fn read(mut self) -> Result<Self, Broken> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            disallow_directives: true,
            flow_nesting_limit: DEPTH_LIMIT,
            block_nesting_limit: DEPTH_LIMIT,
        };
        let mut last_end = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, place) = event.map_err(|error| (error, last_end))?;
            let range = place.byte_range().unwrap_or_default();
            let span = Span::new(range.start, range.end);
            if !matches!(event, Event::SequenceEnd | Event::MappingEnd) {
                last_end = last_end.max(span.end);
            }
            if let Some(tag) = place.tag_span().and_then(|tag| tag.byte_range()) {
                let message = "tags are not part of the language";
                self.found.add(
                    Diagnostic::at(Span::new(tag.start, tag.end), message).hint("leave it out"),
                );
            }
            if self.documents > 1 {
                break;
            }
            self.take(event, span);
        }
        Ok(self)
    }

    fn finish(self, is_patched: bool, found: &mut Found) -> Option<Tree> {
        found.append(self.found);
        match self.root {
            Some(root) if !matches!(root.value, Value::Null) => Some(Tree { root, is_patched }),
            _ if is_patched => None,
            _ => {
                found.add(Diagnostic::whole_file("the file is empty"));
                None
            }
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    let message = "a file holds one runbook, and a second document begins here";
                    self.found.add(Diagnostic::at(span, message));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let whole = self.scalar(&text, style, span);
                self.complete(whole, anchor);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(Items::List(Vec::new()), style, span, anchor);
            }
            Event::MappingStart(style, anchor, _) => {
                let items =
                    Items::Map { entries: Vec::new(), places: HashMap::new(), next: Next::Key };
                self.open(items, style, span, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let known = format!("`*{name}` names no anchor that stands above");
                self.found.hole(span, Diagnostic::at(span, known));
                self.complete(hole(span), 0);
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Whole {
        if self.words.iter().any(|word| word.start <= span.start && span.end <= word.end) {
            self.found.silence(span);
            return hole(span);
        }
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        if let Some(c) = text.chars().find(|c| is_odd(*c) && !written.contains(*c)) {
            self.found.hole(span, odd::report(c, span));
            return hole(span);
        }
        let plain = matches!(style, ScalarStyle::Plain);
        let value = match if plain { scalar::read(text) } else { Reading::Value(text_of(text)) } {
            Reading::Value(value) => value,
            Reading::Odd(why) => {
                let diagnostic =
                    Diagnostic::at(span, why).hint(format!("if it is a text: \"{text}\""));
                self.found.hole(span, diagnostic);
                return hole(span);
            }
        };
        let is_text = matches!(value, Value::Text(_)) && !(plain && text == "<<");
        Whole { node: Node::new(value, span), is_text, depth: 0, size: 1 }
    }

    fn open(&mut self, items: Items, style: StructureStyle, span: Span, anchor: usize) {
        let is_flow = matches!(style, StructureStyle::Flow);
        self.stack.push(Open { items, span, is_flow, anchor, depth: 0, size: 1 });
    }

    fn close(&mut self, end: Span) {
        let Some(open) = self.stack.pop() else { return };
        // The end of a block collection is reported at the token after it; its last child knows better.
        let (value, last) = match open.items {
            Items::List(items) => {
                let last = items.last().map(|node| node.span.end);
                (Value::List(items), last)
            }
            Items::Map { entries, .. } => {
                let last = entries.last().map(|(key, node)| key.span.end.max(node.span.end));
                (Value::Map(entries), last)
            }
        };
        let end = if open.is_flow { end.end } else { last.unwrap_or(open.span.end) };
        let span = Span::new(open.span.start, end.max(open.span.start));
        let whole = Whole {
            node: Node::new(value, span),
            is_text: false,
            depth: open.depth + 1,
            size: open.size,
        };
        self.complete(whole, open.anchor);
    }

    fn alias(&mut self, id: usize, span: Span) {
        let above = self.stack.len();
        let whole = match self.anchors.get(&id) {
            None => Err("this alias stands inside of what it names".to_owned()),
            // It was said once, and would be said of every alias that follows.
            Some(_) if self.copied > COPY_LIMIT => Ok(hole(span)),
            Some(named) if self.copied + named.size > COPY_LIMIT => {
                self.copied = COPY_LIMIT + 1;
                Err(format!("aliases copy more than {COPY_LIMIT} values"))
            }
            Some(named) if above + named.depth > DEPTH_LIMIT => Err(too_deep()),
            Some(named) => {
                self.copied += named.size;
                let node = named.node.clone();
                Ok(Whole { node, is_text: false, depth: named.depth, size: named.size })
            }
        };
        let whole = whole.unwrap_or_else(|why| {
            self.found.hole(span, Diagnostic::at(span, why));
            hole(span)
        });
        self.complete(whole, 0);
    }

    /// Puts a finished value where it belongs: into the collection around it, as a key or as a value.
    fn complete(&mut self, whole: Whole, anchor: usize) {
        if anchor != 0 {
            let Whole { node, depth, size, .. } = &whole;
            let named = Anchored { node: node.clone(), depth: *depth, size: *size };
            self.anchors.insert(anchor, named);
        }
        let Some(open) = self.stack.last_mut() else {
            self.root.get_or_insert(whole.node);
            return;
        };
        open.depth = open.depth.max(whole.depth);
        open.size += whole.size;
        match &mut open.items {
            Items::List(items) => items.push(whole.node),
            Items::Map { entries, places, next } => match std::mem::replace(next, Next::Key) {
                Next::Key => {
                    let key = as_key(whole, places, &mut self.found);
                    *next = key.map_or(Next::Nothing, Next::ValueOf);
                }
                Next::ValueOf(key) => entries.push((key, whole.node)),
                Next::Nothing => {}
            },
        }
    }
}

/// The key that a value makes, unless it cannot be one; its own value is then left out.
fn as_key(whole: Whole, places: &mut HashMap<String, Span>, found: &mut Found) -> Option<Key> {
    let span = whole.node.span;
    let text = match whole.node.value {
        Value::Text(text) if whole.is_text => text,
        Value::Text(text) if text == "<<" => {
            let hint = "write the entries out, or give the whole value an anchor and an alias";
            let message = "`<<` is not part of the language";
            found.add(Diagnostic::at(span, message).hint(hint));
            return None;
        }
        _ => {
            found.add(Diagnostic::at(span, "a key must be a text").hint("put it in quotes"));
            return None;
        }
    };
    if let Some(first) = places.get(&text) {
        let message = format!("`{text}` is given twice");
        found.add(Diagnostic::at(span, message).label(*first, "the first one"));
        return None;
    }
    places.insert(text.clone(), span);
    Some(Key { text, span })
}

fn hole(span: Span) -> Whole {
    Whole { node: unknown(span), is_text: false, depth: 0, size: 1 }
}

fn text_of(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn too_deep() -> String {
    format!("values stand more than {DEPTH_LIMIT} deep in each other")
}
