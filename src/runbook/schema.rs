//! The language as a JSON Schema, for editors: made of the keys that the parser knows and of the catalogue.
//!
//! It knows the shape of a runbook and not its names: what it passes may still have mistakes, and what has none passes.

use super::{
    ast::{OnFailure, Side},
    keys::{self, Entry, Form},
    parse::{CREDENTIALS, VERSION},
};
use crate::{
    action::{Catalogue, Default, Kind, Parameter, Shape},
    model::Mode,
};
use serde_json::{Map, Value, json};

/// The schema of a runbook whose steps use these actions, in the draft of 2020-12.
pub fn schema(catalogue: Catalogue) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A runbook of failover",
    });
    let top: Vec<_> = keys::TOP.iter().collect();
    merge(&mut schema, object(&top));
    schema["$defs"] = defs(catalogue);
    schema
}

fn defs(catalogue: Catalogue) -> Value {
    let is_top = |entry: &&Entry| entry.name != keys::NOT_IN_A_GROUP;
    let step: Vec<_> = keys::STEP.iter().collect();
    let child: Vec<_> = keys::STEP.iter().filter(is_top).collect();
    let of_a_group = |entry: &&Entry| !keys::NOT_OF_A_GROUP.contains(&entry.name);
    let mut group: Vec<_> = keys::STEP.iter().filter(of_a_group).collect();
    group.push(&keys::PARALLEL);
    let with: Vec<Value> = catalogue.iter().map(with_of).collect();
    let acts = |entries: &[&Entry]| {
        let mut step = object(entries);
        step["allOf"] = Value::Array(with.clone());
        step
    };
    let known: Vec<Value> = catalogue
        .iter()
        .map(|kind| json!({ "const": kind.name, "description": kind.summary }))
        .collect();
    let mut defs = json!({
        "reference": {
            "description": "A value that stands elsewhere",
            "type": "string",
            "pattern": r"^\s*\$\{\{.*\}\}\s*$",
        },
        "action": { "type": "string", "oneOf": known },
        // A step without either is told of what most steps have.
        "step": {
            "if": { "required": [keys::PARALLEL.name] },
            "then": object(&group),
            "else": acts(&step),
        },
        "child": acts(&child),
    });
    for kind in catalogue.iter() {
        defs[kind.name] = parameters(kind.parameters);
    }
    defs
}

/// What stands in `with` when this is the action.
fn with_of(kind: &'static Kind) -> Value {
    let with = json!({ "$ref": format!("#/$defs/{}", kind.name) });
    let must = kind.parameters.iter().any(|parameter| parameter.default == Default::Required);
    let mut then = json!({ "properties": { "with": with } });
    if must {
        then["required"] = json!(["with"]);
    }
    json!({
        "if": { "properties": { "action": { "const": kind.name } }, "required": ["action"] },
        "then": then,
    })
}

fn object(entries: &[&Entry]) -> Value {
    let is_required = |entry: &&&Entry| keys::REQUIRED.contains(&entry.name);
    let required: Vec<_> = entries.iter().filter(is_required).map(|entry| entry.name).collect();
    let property = |entry: &&Entry| {
        let mut form = form(&entry.form);
        form["description"] = json!(entry.says);
        (entry.name.to_owned(), form)
    };
    let mut object = json!({
        "type": "object",
        "properties": entries.iter().map(property).collect::<Map<_, _>>(),
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn form(form: &Form) -> Value {
    match form {
        Form::Version => json!({ "const": VERSION }),
        Form::Text | Form::Length => text(),
        Form::Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Mode => words(Mode::ALL.map(Mode::as_str)),
        Form::Side => words(Side::ALL.map(|(word, _)| word)),
        Form::Credential => words(CREDENTIALS.map(|(word, _)| word)),
        Form::OnFailure => or_reference(&words(OnFailure::ALL.map(|(word, _)| word))),
        Form::Action => json!({ "$ref": "#/$defs/action" }),
        Form::With | Form::Any => json!({ "type": "object" }),
        Form::Ids | Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Rows => json!({ "type": "object", "additionalProperties": { "type": "object" } }),
        Form::Condition => json!({ "type": ["string", "boolean"] }),
        Form::Address => address(),
        Form::Regions => {
            json!({ "type": "object", "additionalProperties": row(), "minProperties": 2 })
        }
        Form::Modes => {
            let rows: Map<_, _> =
                Mode::ALL.iter().map(|mode| (mode.as_str().to_owned(), row())).collect();
            json!({ "type": "object", "properties": rows, "additionalProperties": false })
        }
        Form::One(entries) => one_of(entries),
        Form::NamedOne(entries) => {
            json!({ "type": "object", "additionalProperties": one_of(entries) })
        }
        Form::Map(entries) => object(&entries.iter().collect::<Vec<_>>()),
        Form::Named(entries) => {
            let each = object(&entries.iter().collect::<Vec<_>>());
            json!({ "type": "object", "additionalProperties": each })
        }
        Form::Steps => steps("step"),
        Form::Children => steps("child"),
    }
}

fn one_of(entries: &'static [Entry]) -> Value {
    let mut one = object(&entries.iter().collect::<Vec<_>>());
    one["minProperties"] = json!(1);
    one["maxProperties"] = json!(1);
    one
}

fn steps(of: &str) -> Value {
    json!({ "type": "array", "items": { "$ref": format!("#/$defs/{of}") } })
}

fn row() -> Value {
    json!({ "type": ["object", "null"] })
}

/// A reference to a secret, and nothing else.
const SECRET: &str = r"^\s*\$\{\{\s*secrets\.[A-Za-z0-9_-]+\s*\}\}\s*$";

fn secret() -> Value {
    json!({ "type": "string", "pattern": SECRET })
}

fn text() -> Value {
    json!({ "type": "string", "pattern": r"\S" })
}

/// What begins with a reference may be any address.
fn address() -> Value {
    json!({ "type": "string", "pattern": r"^(https?://|\$\{\{)" })
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "enum": words.into_iter().collect::<Vec<_>>() })
}

fn or_reference(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "$ref": "#/$defs/reference" }] })
}

fn parameters(parameters: &'static [Parameter]) -> Value {
    let property = |parameter: &Parameter| {
        let mut shape = shape(parameter.shape);
        shape["description"] = json!(parameter.says);
        match parameter.default {
            Default::Text(text) => shape["default"] = json!(text),
            Default::Int(number) => shape["default"] = json!(number),
            Default::Flag(flag) => shape["default"] = json!(flag),
            Default::Required | Default::Absent | Default::Mode | Default::Lock => {}
        }
        (parameter.name.to_owned(), shape)
    };
    // What `defaults` may give is asked for by the parser alone.
    let is_required =
        |parameter: &&Parameter| parameter.default == Default::Required && !parameter.is_shared;
    let required: Vec<_> =
        parameters.iter().filter(is_required).map(|parameter| parameter.name).collect();
    json!({
        "type": "object",
        "properties": parameters.iter().map(property).collect::<Map<_, _>>(),
        "additionalProperties": false,
        "required": required,
    })
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Duration | Shape::File { .. } | Shape::Region | Shape::Part { .. } => {
            text()
        }
        Shape::Url => address(),
        Shape::Secret => secret(),
        Shape::Secrets => json!({ "type": "object", "additionalProperties": secret() }),
        Shape::Program | Shape::Texts => {
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
        }
        Shape::Flag => or_reference(&json!({ "type": "boolean" })),
        Shape::Int { least, most } => or_reference(&whole(least, most)),
        Shape::Choice(known) => or_reference(&words(known.iter().copied())),
        Shape::Ints { least, most } => or_reference(&json!({
            "type": "array",
            "items": or_reference(&whole(least, most)),
        })),
        Shape::Map => or_reference(&json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
        })),
        Shape::Maps(members) => or_reference(&json!({
            "type": "object",
            "additionalProperties": or_reference(&parameters(members)),
        })),
        Shape::Resource { kind, .. } => {
            let keys = crate::action::resource_keys(kind);
            let properties: Map<_, _> =
                keys.iter().map(|key| ((*key).to_owned(), text())).collect();
            json!({ "anyOf": [text(), {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "required": ["name"],
            }] })
        }
    }
}

fn whole(least: i64, most: i64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

fn merge(into: &mut Value, other: Value) {
    if let (Value::Object(into), Value::Object(other)) = (into, other) {
        into.extend(other);
    }
}
