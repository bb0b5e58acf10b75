//! What only a run can know, put into a plan's values when it is known.

use super::StepId;
use crate::{
    model::{Datum, Node, Value},
    runbook::{Piece, pieces},
};

/// Looks up what a step has read, by name.
pub type Seen<'a> = &'a dyn Fn(&StepId, &str) -> Option<Datum>;

/// The value with every late reference replaced by what was read; or which step's reading is missing.
pub fn late(node: &Node, seen: Seen<'_>) -> Result<Node, StepId> {
    let value = match &node.value {
        Value::Late(text) => late_value(text, seen)?,
        Value::List(items) => {
            Value::List(items.iter().map(|item| late(item, seen)).collect::<Result<_, _>>()?)
        }
        Value::Map(entries) => {
            let mut resolved = Vec::with_capacity(entries.len());
            for (key, node) in entries {
                resolved.push((key.clone(), late(node, seen)?));
            }
            Value::Map(resolved)
        }
        other => other.clone(),
    };
    Ok(Node { value, span: node.span, region: node.region.clone() })
}

fn late_value(text: &str, seen: Seen<'_>) -> Result<Value, StepId> {
    // A value that is one reference keeps its type.
    if let [Piece::Reference(path, _)] = pieces(text).as_slice() {
        let (step, name) = parts(path);
        return seen(&step, name).map(typed).ok_or(step);
    }
    let mut missing = None;
    let whole = fill(text, |step, name| {
        let datum = seen(step, name);
        if datum.is_none() {
            missing = Some(step.clone());
        }
        datum.map(|datum| datum.to_string()).unwrap_or_default()
    });
    missing.map_or(Ok(Value::Text(whole)), Err)
}

/// A question's text with what was read. What was not is said to be unknown, for the question is asked all the same.
pub fn late_text(text: &str, seen: Seen<'_>) -> String {
    let unknown = |step: &StepId| format!("(not known: step {step})");
    fill(text, |step, name| seen(step, name).map_or_else(|| unknown(step), |it| it.to_string()))
}

/// A text with its late references marked, for a plan that is read before its run.
pub(super) fn later_text(text: &str) -> String {
    fill(text, |step, _| format!("(known after step {step})"))
}

/// Which steps a value waits for.
pub(super) fn later_value(node: &Node) -> String {
    match &node.value {
        Value::Late(text) => later_text(text),
        Value::List(items) => items.iter().filter(|item| item.is_late()).map(later_value).collect(),
        Value::Map(entries) => {
            let late = entries.iter().filter(|(_, node)| node.is_late());
            late.map(|(key, node)| format!("{} {}", key.text, later_value(node)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => String::new(),
    }
}

fn fill(text: &str, mut shown: impl FnMut(&StepId, &str) -> String) -> String {
    let mut whole = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => whole.push_str(text),
            Piece::Reference(path, _) => {
                let (step, name) = parts(path);
                whole.push_str(&shown(&step, name));
            }
            // A plan is made only of texts that were taken apart before.
            Piece::Unclosed(range) => whole.push_str(&text[range]),
        }
    }
    whole
}

/// `steps.ID.observed.NAME`, which was checked when the plan was made.
fn parts(path: &str) -> (StepId, &str) {
    let mut segments = path.split('.').skip(1);
    let step = StepId::new(segments.next().unwrap_or_default());
    (step, segments.nth(1).unwrap_or_default())
}

fn typed(datum: Datum) -> Value {
    match datum {
        Datum::Flag(flag) => Value::Bool(flag),
        Datum::Count(count) => Value::Int(count),
        Datum::Bytes(bytes) => Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX)),
        Datum::Seconds(seconds) => Value::Float(seconds),
        // Programs read an instant in full; people are shown the time of day.
        Datum::Instant(at) => Value::Text(at.to_string()),
        Datum::Text(text) => Value::Text(text),
        Datum::Hash(hash) => Value::Text(hash),
    }
}
