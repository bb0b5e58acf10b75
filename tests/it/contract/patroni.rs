//! Requests to Patroni: each must be one that its documentation has, with what it has there; and so must the answers be.

use failover::sim::Exchange;
use serde_json::Value;

const PATHS: [&str; 5] = ["/cluster", "/patroni", "/config", "/switchover", "/failover"];

pub(super) fn is_meant(exchange: &Exchange) -> bool {
    PATHS.contains(&&*exchange.path_and_query)
}

fn has(list: &Value, word: &str) -> bool {
    list.as_array().unwrap().iter().any(|one| one == word)
}

/// Whether all members of an object are in the list.
fn all_in(object: &Value, list: &Value, what: &str) -> Result<(), String> {
    let object = object.as_object().ok_or_else(|| format!("{what} is no object"))?;
    match object.keys().find(|key| !has(list, key)) {
        Some(key) => Err(format!("{what} has no `{key}`")),
        None => Ok(()),
    }
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let (_, file) = super::files("patroni").next().unwrap();
    let what = format!("{} {}", exchange.method, exchange.path_and_query);
    let Some(known) = file["requests"].get(&what) else {
        return Err(format!("`{what}` is in no excerpt"));
    };
    let Some((body, response)) = &exchange.bodies else { return Ok(()) };
    if let Some(list) = known.get("body") {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        all_in(&body, list, &what)?;
        let mut needs = known["needs"].as_array().unwrap().iter().filter_map(Value::as_str);
        return match needs.find(|name| body.get(name).is_none()) {
            Some(name) => Err(format!("{what} needs `{name}`")),
            None => Ok(()),
        };
    }
    if !response.status().is_success() {
        return Ok(());
    }
    // One that breaks off is no answer.
    let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else { return Ok(()) };
    all_in(&answer, &known["answer"], &what)?;
    for member in answer["members"].as_array().into_iter().flatten() {
        all_in(member, &known["members"], "a member")?;
        let role = member["role"].as_str().unwrap_or_default();
        if !has(&known["roles"], role) {
            return Err(format!("a member is no `{role}`"));
        }
    }
    Ok(())
}
