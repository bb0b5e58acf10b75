//! What services that speak both JSON and the Query protocol take and give: one tree for both.
//!
//! Source: Smithy, "AWS JSON 1.0 protocol" and "AWS query protocol". The leaves of a form are texts, so that every leaf
//! is read leniently; instants are seconds in JSON and RFC 3339 in XML.

use crate::wire::Element;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// No list of a request is longer.
const LONGEST: usize = 10_000;

/// A form as a tree: `A.member.1.B=x` is `{"A": [{"B": "x"}]}`.
pub(super) fn of_form(form: &[(String, String)]) -> Value {
    let mut root = Value::Object(Map::new());
    for (key, text) in form {
        let path: Vec<_> = key.split('.').collect();
        put(&mut root, &path, text);
    }
    root
}

fn put(node: &mut Value, path: &[&str], text: &str) {
    match path {
        [] => *node = Value::from(text),
        ["member", number, rest @ ..] => {
            let Some(at) = number.parse().ok().filter(|at| (1..=LONGEST).contains(at)) else {
                return;
            };
            if !node.is_array() {
                *node = Value::Array(Vec::new());
            }
            let Some(list) = node.as_array_mut() else { return };
            if list.len() < at {
                list.resize(at, Value::Null);
            }
            put(&mut list[at - 1], rest, text);
        }
        [name, rest @ ..] => {
            if !node.is_object() {
                *node = Value::Object(Map::new());
            }
            put(&mut node[*name], rest, text);
        }
    }
}

/// What is not there is left out of JSON too.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let there = members.iter().filter(|(_, member)| !member.is_null());
            there.map(|(name, member)| (name.clone(), without_nulls(member))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

/// The members of an object as elements.
pub(super) fn elements(object: &Value) -> Vec<Element> {
    let members = object.as_object().into_iter().flatten();
    let element = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::Array(items) => {
            Some(Element::new(name).with(items.iter().map(|item| leaf("member", item))))
        }
        _ => Some(leaf(name, value)),
    };
    members.filter_map(element).collect()
}

fn leaf(name: &str, value: &Value) -> Element {
    match value {
        Value::Object(_) => Element::new(name).with(elements(value)),
        Value::String(text) => Element::with_text(name, text),
        Value::Number(_) if name.ends_with("Timestamp") => {
            Element::with_text(name, instant(value).unwrap_or_default().to_string())
        }
        _ => Element::with_text(name, value.to_string()),
    }
}

pub(super) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object[name].as_str().filter(|text| !text.is_empty())
}

pub(super) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

pub(super) fn count(value: &Value) -> Option<u32> {
    let of_text = || value.as_str()?.trim().parse().ok();
    value.as_u64().or_else(of_text).and_then(|count| u32::try_from(count).ok())
}

pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    if let Some(at) = value.as_str().and_then(|text| text.parse().ok()) {
        return Some(at);
    }
    let span = jiff::SignedDuration::try_from_secs_f64(number(value)?).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(span).ok()
}

/// An instant as JSON has it.
pub(super) fn seconds(at: Timestamp) -> Value {
    Value::from(at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64())
}

pub(super) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_becomes_a_tree() {
        let pairs = [("A", "x"), ("L.member.2.B", "2"), ("L.member.1.B", "1"), ("S.T", "y")];
        let form = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let tree = json!({ "A": "x", "L": [{ "B": "1" }, { "B": "2" }], "S": { "T": "y" } });
        assert_eq!(of_form(&form), tree);
        let endless = [("L.member.99999999".to_owned(), "x".to_owned())];
        assert_eq!(of_form(&endless), json!({ "L": null }));
    }

    #[test]
    fn instants_are_seconds_in_json_and_texts_in_xml() {
        let at: Timestamp = "2026-11-20T10:00:00.5Z".parse().unwrap();
        assert_eq!(instant(&seconds(at)), Some(at));
        let shown = elements(&json!({ "Timestamp": seconds(at), "Value": 1.0, "None": null }));
        let xml: String = shown.iter().map(ToString::to_string).collect();
        assert_eq!(xml, "<Timestamp>2026-11-20T10:00:00.5Z</Timestamp><Value>1.0</Value>");
    }
}
