//! Commands to Redis: each must be one that its documentation has, with the arguments that it has there.

use failover::sim::Exchange;
use serde_json::Value;

pub(super) fn is_meant(exchange: &Exchange) -> bool {
    exchange.scheme == "redis"
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let text = exchange.operation.as_deref().unwrap_or_default();
    let all: Vec<Vec<String>> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let files: Vec<_> = super::files("redis").collect();
    let known = || files.iter().flat_map(|(_, file)| file["commands"].as_array().unwrap());
    for command in &all {
        if !known().filter_map(Value::as_str).any(|pattern| fits(pattern, command)) {
            return Err(format!("`{}` is in no excerpt", command.join(" ")));
        }
    }
    Ok(())
}

/// Words in capitals stand for themselves, `[a|b]` for one of these or none, `[a ...]` for any number.
fn fits(pattern: &str, command: &[String]) -> bool {
    let mut rest = command;
    let mut words = pattern.split(' ').peekable();
    while let Some(word) = words.next() {
        if words.peek() == Some(&"...]") {
            return true;
        }
        let choices = word.strip_prefix('[').map(|word| word.trim_end_matches(']'));
        let Some((given, others)) = rest.split_first() else { return choices.is_some() };
        let is_own = |one: &str| one.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        let is_it = |one: &str| !is_own(one) || one.eq_ignore_ascii_case(given);
        if !choices.unwrap_or(word).split('|').any(is_it) {
            return false;
        }
        rest = others;
    }
    rest.is_empty()
}
