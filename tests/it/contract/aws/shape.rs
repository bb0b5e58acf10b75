//! What values must be, by the shapes of a model, whichever protocol they came over. Instants are seconds, as in JSON.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What stands for a structure that the excerpt does not go into.
pub(super) const LEFT_OUT: &str = "left out";

/// By name: a structure, a list, a map, or a scalar with its limits. Scalars without limits are named after their kind.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Shapes(pub Map<String, Value>);

impl Shapes {
    pub(super) fn get<'a>(&'a self, shape: &'a Value) -> &'a Value {
        shape.as_str().and_then(|name| self.0.get(name)).unwrap_or(shape)
    }

    pub(super) fn members<'a>(&'a self, structure: &str) -> &'a Map<String, Value> {
        self.0[structure]["members"].as_object().unwrap()
    }

    pub(super) fn check(&self, shape: &Value, value: &Value, at: &str) -> Result<(), String> {
        let wrong = |meant: &str| Err(format!("{at} is {value}, not {meant}"));
        let shape = self.get(shape);
        if let Some(members) = shape["members"].as_object() {
            let Some(object) = value.as_object() else { return wrong("a structure") };
            let required = shape["required"].as_array().into_iter().flatten();
            for name in required.filter_map(Value::as_str) {
                if !object.contains_key(name) {
                    return Err(format!("{at} lacks `{name}`"));
                }
            }
            return object.iter().try_for_each(|(name, one)| {
                let member = members.get(name).ok_or(format!("{at}.{name} is not in the model"))?;
                let shape = member.get("shape").unwrap_or(member);
                self.check(shape, one, &format!("{at}.{name}"))
            });
        }
        if let Some(item) = shape.get("list") {
            let Some(items) = value.as_array() else { return wrong("a list") };
            items
                .iter()
                .enumerate()
                .try_for_each(|(place, one)| self.check(item, one, &format!("{at}[{place}]")))?;
        } else if let Some(item) = shape.get("map") {
            let Some(object) = value.as_object() else { return wrong("a map") };
            return object.iter().try_for_each(|(key, one)| {
                self.check(&shape["key"], &Value::from(key.as_str()), &format!("{at}, a key,"))?;
                self.check(item, one, &format!("{at}.{key}"))
            });
        } else {
            check_kind(kind(shape), value, at)?;
        }
        check_limits(shape, value, at)
    }
}

/// The kind of a scalar.
pub(super) fn kind(shape: &Value) -> &str {
    shape.as_str().or_else(|| shape["type"].as_str()).unwrap_or_default()
}

fn check_kind(kind: &str, value: &Value, at: &str) -> Result<(), String> {
    let (is_it, meant) = match kind {
        "string" | "blob" => (value.is_string(), "a text"),
        "integer" => (value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()), "a whole number"),
        "long" => (value.as_i64().is_some(), "a whole number"),
        "float" | "double" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "true or false"),
        "timestamp" => (value.is_number(), "an instant"),
        LEFT_OUT => return Err(format!("{at} is left out of the excerpt")),
        _ => return Err(format!("{at}: the excerpt has no shape `{kind}`")),
    };
    if is_it { Ok(()) } else { Err(format!("{at} is {value}, not {meant}")) }
}

/// Limits of a number, of the length of a text and of a list; words, and patterns, which hold for the whole text.
fn check_limits(shape: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |meant: String| Err(format!("{at} is {value}, not {meant}"));
    if let Some(words) = shape["enum"].as_array().filter(|words| !words.contains(value)) {
        return wrong(format!("one of {words:?}"));
    }
    if let Some(pattern) = shape["pattern"].as_str() {
        let whole = Regex::new(&format!("^(?:{pattern})$")).unwrap();
        if !whole.is_match(value.as_str().unwrap_or_default()) {
            return wrong(format!("like `{pattern}`"));
        }
    }
    let size = match value {
        Value::String(text) => u32::try_from(text.chars().count()).ok().map(f64::from),
        Value::Array(items) => u32::try_from(items.len()).ok().map(f64::from),
        _ => value.as_f64(),
    };
    let is_beyond = |limit: &str, beyond: fn(&f64, &f64) -> bool| {
        size.zip(shape[limit].as_f64()).is_some_and(|(size, limit)| beyond(&size, &limit))
    };
    if is_beyond("min", f64::lt) || is_beyond("max", f64::gt) {
        return wrong(format!("within {} and {}", shape["min"], shape["max"]));
    }
    Ok(())
}
