//! Metrics, which come a while after what they measure (Azure Monitor, Metrics - List).

use super::{
    operation::instant,
    postgres::{KIND, Server},
};
use crate::sim::{
    address::{Address, find},
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::time::Duration;

/// How far metrics are behind: they come one to three minutes late.
const LATE: Duration = Duration::from_mins(2);
/// A request's points are bounded.
const MOST: i64 = 1_440;

pub(super) fn answer(cloud: &Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let server = find(&cloud.servers, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    let names = call.parameter("metricnames").unwrap_or_default();
    let aggregation = call.parameter("aggregation").unwrap_or_else(|| "Average".to_owned());
    let aggregation = aggregation.split(',').next().unwrap_or_default().to_ascii_lowercase();
    let (start, end) = timespan(call)?;
    let mut metrics = Vec::new();
    for name in names.split(',').map(str::trim) {
        let (unit, shown) = match name {
            "physical_replication_delay_in_seconds" => ("Seconds", "Read Replica Lag"),
            "physical_replication_delay_in_bytes" => ("Bytes", "Max Physical Replication Lag"),
            _ => {
                let why = format!(
                    "Failed to find metric configuration for provider: Microsoft.DBforPostgreSQL, resource Type: flexibleServers, metric: {name}."
                );
                return Err(Refusal::new(400, "BadRequest", why));
            }
        };
        let points =
            (start..end).take(usize::try_from(MOST).unwrap_or_default()).filter_map(|minute| {
                let at = Timestamp::from_second(minute * 60).ok()?;
                let mut point = json!({ "timeStamp": instant(at) });
                // A minute without a value has only its time.
                if let Some(value) = value(cloud, server, name, at) {
                    point[&aggregation] = json!(value);
                }
                Some(point)
            });
        let data: Vec<Value> = points.collect();
        metrics.push(json!({
            "id": format!("{}/providers/Microsoft.Insights/metrics/{name}", at.id(KIND)),
            "type": "Microsoft.Insights/metrics",
            "name": { "value": name, "localizedValue": shown },
            "unit": unit,
            "timeseries": [{ "metadatavalues": [], "data": data }],
            "errorCode": "Success",
        }));
    }
    let body = json!({
        "cost": 0,
        "timespan": call.parameter("timespan"),
        "interval": "PT1M",
        "namespace": KIND,
        "value": metrics,
    });
    Ok(Reply::json(200, &body))
}

/// The first minute that is asked for, and the one after the last.
fn timespan(call: &Call<'_>) -> Result<(i64, i64), Refusal> {
    let Some(said) = call.parameter("timespan") else {
        let hour = call.now - 1.hour();
        return Ok((hour.as_second() / 60, call.now.as_second() / 60));
    };
    let instant =
        |text: &str| text.parse::<Timestamp>().ok().map(|at| at.as_second().div_euclid(60));
    said.split_once('/').and_then(|(start, end)| Some((instant(start)?, instant(end)?))).ok_or_else(
        || Refusal::new(400, "BadRequest", format!("The timespan '{said}' is not valid.")),
    )
}

/// The value of a minute, once it is known. A replica whose primary is out falls behind by a second each second.
fn value(cloud: &Cloud, server: &Server, name: &str, minute: Timestamp) -> Option<f64> {
    if minute + LATE > cloud.now {
        return None;
    }
    let is_out = |location: &str| cloud.is_dark(location) && minute >= cloud.blackout.since;
    if is_out(&server.location) {
        return None;
    }
    if name == "physical_replication_delay_in_bytes" {
        return server
            .source
            .is_none()
            .then(|| f64::from((minute.as_second() / 60 % 7) as i32) * 16_384.0);
    }
    let source = find(&cloud.servers, server.source.as_ref()?)?;
    let behind = minute.duration_since(cloud.blackout.since).as_secs_f64().max(0.0);
    Some(if is_out(&source.location) { 2.0 + behind } else { 2.0 })
}
