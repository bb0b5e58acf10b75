//! A change batch in a file, as `aws route53 change-resource-record-sets --change-batch file://…` takes it.

use super::{
    batch::{Edit, Verb},
    record::{RecordSet, fields_of},
};
use crate::{model::nearest, wire::Element};
use serde_json::Value;
use std::collections::HashMap;

/// The most records of one batch; an UPSERT counts twice (Route 53 developer guide, "Quotas").
const MOST_RECORDS: usize = 1_000;

/// What a file says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub comment: Option<String>,
    pub edits: Vec<Edit>,
}

/// Reads a batch, or says what is wrong with it, and where in it.
pub(super) fn read(text: &str) -> Result<Batch, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let root = members("ChangeBatch", &value, &["Comment", "Changes"])?;
    let comment = match root.get("Comment") {
        None => None,
        Some(comment) => Some(leaf("Comment", comment)?),
    };
    let changes = root.get("Changes").and_then(|all| all.as_array()).filter(|all| !all.is_empty());
    let changes = changes.ok_or("it has no list of `Changes`, or an empty one")?;
    let numbered = changes.iter().enumerate();
    let edits: Vec<_> = numbered
        .map(|(at, change)| edit(&format!("Changes[{at}]"), change))
        .collect::<Result<_, _>>()?;
    check_pairs(&edits)?;
    check_size(&edits)?;
    Ok(Batch { comment, edits })
}

fn edit(path: &str, change: &Value) -> Result<Edit, String> {
    let change = members(path, change, &["Action", "ResourceRecordSet"])?;
    let action = change.get("Action").ok_or(format!("`{path}` has no `Action`"))?;
    let action = leaf(&format!("{path}.Action"), action)?;
    let verb = Verb::ALL
        .into_iter()
        .find(|verb| verb.as_str() == action)
        .ok_or_else(|| format!("`{path}.Action` is CREATE, UPSERT or DELETE, not `{action}`"))?;
    let set =
        change.get("ResourceRecordSet").ok_or(format!("`{path}` has no `ResourceRecordSet`"))?;
    let path = format!("{path}.ResourceRecordSet");
    let set = element(&path, "ResourceRecordSet", set)?;
    let has = |field: &str| set.get(field).is_some();
    for needed in ["Name", "Type"] {
        if !has(needed) {
            return Err(format!("`{path}` has no `{needed}`"));
        }
    }
    match (has("ResourceRecords"), has("AliasTarget")) {
        (true, false) if !has("TTL") => Err(format!("`{path}` has no `TTL`, which values need")),
        (true, false) | (false, true) => {
            let set = RecordSet::read(set).ok_or(format!("`{path}` has no name"))?;
            Ok(Edit { verb, set })
        }
        _ => Err(format!("`{path}` needs `ResourceRecords` or `AliasTarget`, and not both")),
    }
}

type Members<'a> = HashMap<&'a str, &'a Value>;

/// The members of an object that may have these.
fn members<'a>(path: &str, value: &'a Value, known: &[&str]) -> Result<Members<'a>, String> {
    let object = value.as_object().ok_or(format!("`{path}` is no object"))?;
    if let Some(stray) = object.keys().find(|key| !known.contains(&key.as_str())) {
        let then = match nearest(stray, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("it takes {}", known.join(", ")),
        };
        return Err(format!("`{path}` has no member `{stray}`: {then}"));
    }
    Ok(object.iter().map(|(key, value)| (key.as_str(), value)).collect())
}

fn element(path: &str, name: &str, value: &Value) -> Result<Element, String> {
    let Some(fields) = fields_of(name) else {
        return Ok(Element::with_text(name, leaf(path, value)?));
    };
    if let ("ResourceRecords", [item]) = (name, fields) {
        let items = value.as_array().ok_or(format!("`{path}` is no list"))?;
        let numbered = items.iter().enumerate();
        let items = numbered.map(|(at, value)| element(&format!("{path}[{at}]"), item, value));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        if items.is_empty() {
            return Err(format!("`{path}` is empty"));
        }
        return Ok(Element::new(name).with(items));
    }
    members(path, value, fields)?;
    let object = value.as_object().into_iter().flatten();
    let children = object.map(|(key, value)| element(&format!("{path}.{key}"), key, value));
    Ok(Element::new(name).with(children.collect::<Result<Vec<_>, _>>()?))
}

fn leaf(path: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::String(_) | Value::Null => Err(format!("`{path}` is empty")),
        Value::Array(_) | Value::Object(_) => Err(format!("`{path}` is no text")),
    }
}

/// A set may be changed once, or deleted and made anew.
fn check_pairs(edits: &[Edit]) -> Result<(), String> {
    for edit in edits {
        let of_key = edits.iter().filter(|other| other.set.key() == edit.set.key());
        let verbs: Vec<_> = of_key.map(|edit| edit.verb).collect();
        match verbs[..] {
            [_] | [Verb::Delete, Verb::Create | Verb::Upsert] => {}
            _ => {
                let verbs = verbs.iter().map(|verb| verb.as_str()).collect::<Vec<_>>().join(", ");
                return Err(format!(
                    "{} stands in it {verbs}: a set can be changed once, or DELETEd and then CREATEd",
                    edit.set.label()
                ));
            }
        }
    }
    Ok(())
}

fn check_size(edits: &[Edit]) -> Result<(), String> {
    let counts = |edit: &Edit| {
        let records = edit.set.values().len().max(1);
        if edit.verb == Verb::Upsert { 2 * records } else { records }
    };
    let records: usize = edits.iter().map(counts).sum();
    if records <= MOST_RECORDS {
        return Ok(());
    }
    Err(format!(
        "it changes {records} records (each UPSERT counts twice), and Route 53 takes {MOST_RECORDS} in one batch"
    ))
}
