//! Statements to PostgreSQL: each function, view, column and setting must be one that its documentation has.

use failover::sim::Exchange;
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut known = HashSet::new();
    for (_, file) in super::files("postgres") {
        for list in ["functions", "settings", "words"] {
            known.extend(file[list].as_array().unwrap().iter().map(text));
        }
        for (view, columns) in file["views"].as_object().unwrap() {
            known.insert(view.clone());
            known.extend(columns.as_array().unwrap().iter().map(text));
        }
    }
    known
});

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(super) fn is_meant(exchange: &Exchange) -> bool {
    exchange.scheme == "postgres"
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let sql = exchange.operation.as_deref().unwrap_or_default();
    // What stands in quotes is data; `as NAME` names an answer.
    let bare: String = sql.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = bare.split(|c| !is_letter(c)).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word == "as" {
            words.next();
        } else if !word.bytes().all(|b| b.is_ascii_digit()) && !KNOWN.contains(word) {
            return Err(format!("`{word}` is in no excerpt: {sql}"));
        }
    }
    Ok(())
}
