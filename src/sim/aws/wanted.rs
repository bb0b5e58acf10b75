//! What a plan says of the resources of AWS that it touches.

use crate::model::{Node, Value};

/// The texts of a parameter, however deep they stand.
pub(super) fn texts_in(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Text(text) => vec![text],
        Value::List(items) => items.iter().flat_map(texts_in).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, item)| texts_in(item)).collect(),
        _ => Vec::new(),
    }
}
