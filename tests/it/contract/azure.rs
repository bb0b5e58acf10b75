//! Exchanges with Azure: Resource Manager, and the deployment hosts of sites.

use failover::sim::Exchange;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// All excerpts, of all files.
static EXCERPTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let operations = |(_, file): (String, Value)| file["operations"].as_array().unwrap().clone();
    super::files("azure").flat_map(operations).collect()
});

/// Resource Manager (`management.…`) and the deployment hosts of sites (`….scm.…`) have contracts.
pub(super) fn is_meant(exchange: &Exchange) -> bool {
    exchange.host.starts_with("management.") || exchange.host.contains(".scm.")
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let (path, query) =
        exchange.path_and_query.split_once('?').unwrap_or((&exchange.path_and_query, ""));
    let call = format!("{} {path}", exchange.method);
    let fits = |one: &&Value| {
        one["method"] == exchange.method.as_str() && is_path(one["path"].as_str().unwrap(), path)
    };
    let excerpt = EXCERPTS.iter().find(fits).ok_or(format!("{call}: no excerpt"))?;
    check_query(excerpt, query).map_err(|why| format!("{call}: {why}"))?;
    let Some(status) = exchange.status else { return Ok(()) };
    let (sent, response) =
        exchange.bodies.as_ref().ok_or(format!("{call}: bodies were not kept"))?;
    check_request(excerpt, sent)
        .and_then(|()| check_response(excerpt, status.as_u16(), response))
        .map_err(|why| format!("{call}: {why}"))
}

/// Paths are compared without case; `{+name}` stands for any run of segments.
fn is_path(template: &str, path: &str) -> bool {
    let pattern: Vec<_> = template.trim_matches('/').split('/').collect();
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    matches(&pattern, &segments)
}

fn matches(pattern: &[&str], segments: &[&str]) -> bool {
    match (pattern, segments) {
        ([], []) => true,
        ([first, rest @ ..], [_, ..]) if first.starts_with("{+") => {
            (1..=segments.len()).any(|count| matches(rest, &segments[count..]))
        }
        ([first, rest @ ..], [segment, others @ ..]) => {
            (first.starts_with('{') || first.eq_ignore_ascii_case(segment)) && matches(rest, others)
        }
        _ => false,
    }
}

fn check_query(excerpt: &Value, query: &str) -> Result<(), String> {
    let known = excerpt["query"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut version = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name == "api-version" {
            version = Some(value.into_owned());
        } else if !known.iter().any(|one| one.as_str().unwrap().eq_ignore_ascii_case(&name)) {
            return Err(format!("the parameter `{name}` is not of this operation"));
        }
    }
    match (excerpt["api_version"].as_str(), version) {
        (Some(pinned), version) if version.as_deref() != Some(pinned) => {
            Err(format!("api-version {version:?} instead of {pinned}"))
        }
        _ => Ok(()),
    }
}

fn check_request(excerpt: &Value, sent: &[u8]) -> Result<(), String> {
    let shape = &excerpt["request"];
    match (shape.is_null(), sent.is_empty()) {
        (true, false) => Err("a body was sent where none is taken".to_owned()),
        (false, true) if excerpt["body_required"] == true => Err("the body is missing".to_owned()),
        (_, true) => Ok(()),
        _ if shape == "bytes" => Ok(()),
        (false, false) => {
            let body =
                serde_json::from_slice(sent).map_err(|error| format!("the body sent: {error}"))?;
            check_shape(shape, &body, "sent", true)
        }
    }
}

fn check_response(
    excerpt: &Value,
    status: u16,
    response: &http::Response<bytes::Bytes>,
) -> Result<(), String> {
    let body = response.body();
    if status >= 400 {
        return check_error(excerpt, status, body);
    }
    let shape = excerpt["responses"].get(status.to_string());
    let shape = shape.ok_or(format!("the status {status} is not of this operation"))?;
    let headers =
        excerpt["headers"][status.to_string()].as_array().map(Vec::as_slice).unwrap_or_default();
    for name in headers.iter().filter_map(Value::as_str) {
        if !response.headers().contains_key(name) {
            return Err(format!("the answer {status} lacks the header `{name}`"));
        }
    }
    if shape.is_null() || shape == "any" {
        return Ok(());
    }
    let body =
        serde_json::from_slice(body).map_err(|error| format!("the body of {status}: {error}"))?;
    check_shape(shape, &body, "answered", false)
}

/// Every error of Resource Manager has a code and a message; Kudu's are texts.
fn check_error(excerpt: &Value, status: u16, body: &[u8]) -> Result<(), String> {
    if excerpt["api_version"].is_null() {
        return Ok(());
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the error {status}: {error}"))?;
    let error = if body["error"].is_object() { &body["error"] } else { &body };
    match (error["code"].as_str(), error["message"].as_str()) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(format!("the error {status} has no code and message: {body}")),
    }
}

/// A request may hold nothing that its schema does not name. An answer may: clients skip what they do not know.
fn check_shape(shape: &Value, value: &Value, at: &str, is_sent: bool) -> Result<(), String> {
    let wrong = |meant: &str| Err(format!("{at} is {value}, not {meant}"));
    match shape {
        _ if value.is_null() => Ok(()),
        Value::String(kind) => match kind.as_str() {
            "string" if !value.is_string() => wrong("a text"),
            "integer" if value.as_i64().is_none() => wrong("a whole number"),
            "number" if !value.is_number() => wrong("a number"),
            "boolean" if !value.is_boolean() => wrong("true or false"),
            _ => Ok(()),
        },
        Value::Object(shape) => check_compound(shape, value, at, is_sent),
        _ => Err(format!("{at}: the excerpt is broken: {shape}")),
    }
}

fn check_compound(
    shape: &Map<String, Value>,
    value: &Value,
    at: &str,
    is_sent: bool,
) -> Result<(), String> {
    let wrong = |meant: &str| Err(format!("{at} is {value}, not {meant}"));
    if let Some(allowed) = shape.get("one_of").and_then(Value::as_array) {
        return if allowed.contains(value) {
            Ok(())
        } else {
            wrong("one of the documented values")
        };
    }
    if let Some(item) = shape.get("list") {
        let Some(items) = value.as_array() else { return wrong("a list") };
        return items.iter().enumerate().try_for_each(|(place, one)| {
            check_shape(item, one, &format!("{at}[{place}]"), is_sent)
        });
    }
    let Some(members) = value.as_object() else { return wrong("an object") };
    if let Some(item) = shape.get("map") {
        return members
            .iter()
            .try_for_each(|(name, one)| check_shape(item, one, &format!("{at}.{name}"), is_sent));
    }
    let required =
        shape.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(name) =
        required.iter().filter_map(Value::as_str).find(|name| !members.contains_key(*name))
    {
        return Err(format!("{at} lacks `{name}`"));
    }
    for (name, one) in members {
        match shape["members"].get(name) {
            Some(member) => check_shape(member, one, &format!("{at}.{name}"), is_sent)?,
            None if is_sent => return Err(format!("{at}.{name} is not in the schema")),
            None => {}
        }
    }
    Ok(())
}
