//! `${{ }}`: what a value refers to, and what stands there instead.
//!
//! A reference is a path, nothing more: no operators, no functions. A value that is one reference keeps the type of
//! what it names; a text may embed several. What only a run can know stays in the text as [`Value::Late`].

use super::{
    ast::part_of,
    fields::listed,
    found::{Found, is_unknown, unknown},
    outputs::Outside,
};
use crate::model::{Diagnostic, Node, Region, Span, Value, nearest};
use std::ops::Range;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// What stands between the braces, and where the whole reference is.
    Reference(&'a str, Range<usize>),
    /// It is opened and never closed.
    Unclosed(Range<usize>),
}

/// Takes a text apart.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find(OPEN).map(|open| at + open) {
        if open > at {
            pieces.push(Piece::Text(&text[at..open]));
        }
        let Some(close) = text[open..].find(CLOSE).map(|close| open + close) else {
            pieces.push(Piece::Unclosed(open..text.len()));
            return pieces;
        };
        at = close + CLOSE.len();
        pieces.push(Piece::Reference(text[open + OPEN.len()..close].trim(), open..at));
    }
    if at < text.len() {
        pieces.push(Piece::Text(&text[at..]));
    }
    pieces
}

/// Names that references find: everything but the environment and the steps.
pub(crate) struct Row<'a> {
    /// What the path begins with: `from`, `to`, `mode`, `vars`.
    pub(crate) root: &'static str,
    /// What people call such a row: `region`, `mode`.
    pub(crate) noun: &'static str,
    /// Its name, when it has one: of the region, of the mode.
    pub(crate) name: Option<&'a str>,
    pub(crate) cells: Option<&'a Node>,
    /// All rows of the table that it belongs to.
    pub(crate) table: &'a Node,
    pub(crate) is_region: bool,
}

/// Looks up an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Says whether a step may read this of another one: `(step, name)`, or what is wrong with it.
pub(crate) type Late<'a> = &'a dyn Fn(&str, &str) -> Result<(), Diagnostic>;

/// What references may name at one place of a runbook.
pub(crate) struct Scope<'a> {
    pub(crate) source: &'a str,
    pub(crate) rows: Vec<Row<'a>>,
    /// `None` in a check: what is set is not known, and every variable is late.
    pub(crate) env: Option<Env<'a>>,
    /// `None` where nothing may wait for a run.
    pub(crate) late: Option<Late<'a>>,
    /// What the variables are that have no row.
    pub(crate) outside: &'a Outside<'a>,
}

impl Scope<'_> {
    /// The value with every reference replaced by what it names. What cannot be replaced is reported and left out.
    pub(crate) fn resolve(&self, node: &Node, found: &mut Found) -> Node {
        let value = match &node.value {
            Value::Text(text) if text.contains(OPEN) => {
                return self.resolve_text(text, node.span, found);
            }
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.resolve(item, found)).collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), self.resolve(node, found)))
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { value, span: node.span, region: node.region.clone() }
    }

    fn resolve_text(&self, text: &str, span: Span, found: &mut Found) -> Node {
        let pieces = pieces(text);
        if let [Piece::Reference(path, part)] = pieces.as_slice() {
            let place = part_of(self.source, span, text, part.clone());
            return match self.meaning(path, place) {
                Ok(Meaning::Value(node)) => Node { span, ..node },
                Ok(Meaning::Late) => Node::new(Value::Late(text.to_owned()), span),
                Err(diagnostic) => {
                    found.hole(span, diagnostic);
                    unknown(span)
                }
            };
        }
        let mut whole = String::new();
        let mut regions = Vec::new();
        let (mut is_late, mut is_broken) = (false, false);
        for piece in pieces {
            let embedded = match piece {
                Piece::Text(text) => Ok(Embedded::plain(text)),
                Piece::Reference(path, part) => {
                    let place = part_of(self.source, span, text, part.clone());
                    self.embed(path, place, &text[part])
                }
                Piece::Unclosed(part) => Err(unclosed(part_of(self.source, span, text, part))),
            };
            match embedded {
                Ok(embedded) => {
                    whole.push_str(&embedded.text);
                    regions.extend(embedded.region);
                    is_late |= embedded.is_late;
                }
                Err(diagnostic) => {
                    found.hole(span, diagnostic);
                    is_broken = true;
                }
            }
        }
        regions.dedup();
        if is_broken {
            return unknown(span);
        }
        let value = if is_late { Value::Late(whole) } else { Value::Text(whole) };
        // A name that is made of the names of two regions says nothing of where it is.
        let region = if regions.len() == 1 { regions.pop() } else { None };
        Node { value, span, region }
    }

    /// What a reference puts into the text around it.
    fn embed(&self, path: &str, place: Span, written: &str) -> Result<Embedded, Diagnostic> {
        let node = match self.meaning(path, place)? {
            Meaning::Value(node) => node,
            Meaning::Late => return Ok(Embedded { is_late: true, ..Embedded::plain(written) }),
        };
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Late(text) => {
                return Ok(Embedded { is_late: true, ..Embedded::plain(text) });
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                let message =
                    format!("`{path}` is {}, and cannot stand in a text", node.describe());
                return Err(Diagnostic::at(place, message));
            }
        };
        if text.contains(OPEN) {
            let message =
                format!("the value of `{path}` holds `{OPEN}`, and would be taken for a reference");
            return Err(Diagnostic::at(place, message));
        }
        Ok(Embedded { text, is_late: false, region: node.region })
    }

    /// What a path names.
    fn meaning(&self, path: &str, place: Span) -> Result<Meaning, Diagnostic> {
        let segments: Vec<&str> = path.split('.').collect();
        if let Some(odd) = segments.iter().find(|segment| !is_name(segment)) {
            let message = match (path, *odd) {
                ("", _) => "a reference is missing".to_owned(),
                (_, "") => format!("`{path}` is not a reference"),
                _ => format!("`{path}` is not a reference: `{odd}` is not a name"),
            };
            return Err(Diagnostic::at(place, message)
                .hint("between `${{` and `}}` stands a path such as `to.name`, and nothing more"));
        }
        match segments.as_slice() {
            ["env", name] => match self.env {
                Some(env) => environment(env, name, place).map(Meaning::Value),
                None => Ok(Meaning::Late),
            },
            ["steps", rest @ ..] if self.late.is_some() => {
                self.step(rest, place).map(|()| Meaning::Late)
            }
            _ => self.lookup(&segments, place).map(Meaning::Value),
        }
    }

    fn step(&self, rest: &[&str], place: Span) -> Result<(), Diagnostic> {
        let Some(late) = self.late else { return Ok(()) };
        let wrong = |message: String| {
            Err(Diagnostic::at(place, message)
                .hint("what a step has read is named `steps.ID.observed.NAME`"))
        };
        match rest {
            [step, "observed", name] => {
                late(step, name).map_err(|wrong| Diagnostic { span: Some(place), ..wrong })
            }
            [_, "outputs", ..] => wrong("no action has outputs".to_owned()),
            _ => wrong(format!("`steps.{}` names nothing that a step has read", rest.join("."))),
        }
    }

    /// What a path of `from`, `to`, `mode` or `vars` names.
    pub(crate) fn lookup(&self, segments: &[&str], place: Span) -> Result<Node, Diagnostic> {
        let root = segments.first().copied().unwrap_or_default();
        let Some(row) = self.rows.iter().find(|row| row.root == root) else {
            return Err(self.unknown_root(root, place));
        };
        let [_, first, deeper @ ..] = segments else {
            let hint = match row.name {
                Some(_) => format!("its name is `{root}.name`"),
                None => format!("one of them is named `{root}.NAME`"),
            };
            let message = format!("`{root}` holds several values, and cannot stand by itself");
            return Err(Diagnostic::at(place, message).hint(hint));
        };
        let mut node = match row.name {
            Some(name) if *first == "name" && !is_unknown(row.table) => Node::text(name),
            Some(_) => row.cell(first, place)?,
            None => self.variable(row, &segments[1..], place)?,
        };
        for segment in deeper {
            if is_unknown(&node) || self.outside.is_blind() && node.is_late() {
                return Ok(node);
            }
            let Some(inner) = node.get(segment) else {
                return Err(Diagnostic::at(
                    place,
                    format!("`{}` has no `{segment}`", segments.join(".")),
                )
                .did_you_mean(segment, node.entries().iter().map(|(key, _)| key.text.as_str())));
            };
            node = inner.clone();
        }
        if row.is_region {
            node.region = row.name.map(Region::new);
        }
        Ok(node)
    }

    /// A variable of the runbook, or one from outside.
    fn variable(&self, row: &Row<'_>, path: &[&str], place: Span) -> Result<Node, Diagnostic> {
        let name = path[0];
        let is_own = row.cells.is_some_and(|cells| cells.get(name).is_some());
        let outer = if is_own { None } else { self.outside.variable(path, place) };
        outer.unwrap_or_else(|| {
            row.cell(name, place).map_err(|missing| self.outside.explain(missing, name))
        })
    }

    fn unknown_root(&self, root: &str, place: Span) -> Diagnostic {
        if root == "secrets" {
            let message = "a secret cannot stand here";
            let hint = "only a parameter that is a secret can name one, such as a `password`";
            return Diagnostic::at(place, message).hint(hint);
        }
        let mut roots: Vec<&str> = self.rows.iter().map(|row| row.root).collect();
        roots.push("env");
        if self.late.is_some() {
            roots.push("steps");
        }
        let known = listed(roots.iter().copied(), " and ");
        Diagnostic::at(place, format!("`{root}` is not known here"))
            .did_you_mean(root, roots)
            .hint(format!("known here are {known}"))
    }
}

impl Row<'_> {
    fn cell(&self, key: &str, place: Span) -> Result<Node, Diagnostic> {
        if let Some(node) = self.cells.and_then(|cells| cells.get(key)) {
            return Ok(node.clone());
        }
        if is_unknown(self.cells.unwrap_or(self.table)) {
            return Ok(unknown(place));
        }
        let Some(name) = self.name else {
            let message = format!("there is no {} `{key}`", self.noun);
            return Err(Diagnostic::at(place, message).did_you_mean(key, self.keys()));
        };
        let mut rows = self.table.entries().iter();
        if !rows.clone().any(|(_, row)| row.get(key).is_some()) {
            let message = format!("no {} has `{key}`", self.noun);
            return Err(Diagnostic::at(place, message).did_you_mean(key, self.keys()));
        }
        let message = format!("{} `{name}` has no `{key}`, which another one has", self.noun);
        // The reference is right, and the row is not: however many ask for it, that is one mistake.
        let Some((row, cells)) = rows.find(|(row, _)| row.text == name) else {
            return Err(Diagnostic::at(place, message));
        };
        let diagnostic = Diagnostic::at(row.span, message).label(place, "is asked for here");
        let cells = cells.entries().iter().map(|(cell, _)| cell.text.as_str());
        Err(match nearest(key, cells) {
            Some(near) => diagnostic.hint(format!("its row has `{near}`")),
            None => diagnostic,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.cells.map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.text.as_str())
    }
}

/// What a reference names: something known now, or something that only a run will know.
enum Meaning {
    Value(Node),
    Late,
}

/// A piece of a text that is being put together.
struct Embedded {
    text: String,
    is_late: bool,
    region: Option<Region>,
}

impl Embedded {
    fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), is_late: false, region: None }
    }
}

fn environment(env: Env<'_>, name: &str, place: Span) -> Result<Node, Diagnostic> {
    env(name).map(Node::text).ok_or_else(|| {
        Diagnostic::at(place, format!("the environment variable `{name}` is not set"))
            .hint(format!("export {name}=…"))
    })
}

fn unclosed(place: Span) -> Diagnostic {
    Diagnostic::at(place, "`${{` is never closed").hint("a reference ends with `}}`")
}

/// Letters, digits, `-` and `_`.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
