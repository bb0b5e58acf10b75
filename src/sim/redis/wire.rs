//! A server's side of a connection (redis.io, "Redis serialization protocol specification"). What a client sends is a
//! list of texts, which is read as a reply would be.

use super::Place;
use crate::{
    sim::{
        line::{Door, Opened},
        simulated::Simulated,
    },
    wire::{Request, commands},
};
use combine::stream::Decoder;
use http::Method;
use redis::Value as Said;
use serde_json::Value;
use std::io;
use tokio::io::{AsyncWriteExt, DuplexStream};

/// Connects to a server or a sentinel. `None` where there is none.
pub(in crate::sim) fn open(cloud: &Simulated, host: &str, port: u16) -> Option<Opened> {
    let place = Place::of(&format!("{host}:{port}"), port);
    let door = cloud.with_world(|world| {
        let cloud = world.cloud();
        if cloud.redis.watches.iter().any(|watch| watch.sentinels.contains(&place)) {
            return Some(Door::Open);
        }
        let node = cloud.redis.node(&place)?;
        Some(if cloud.is_dark(&node.region) { Door::Silent } else { Door::Open })
    })?;
    let cloud = cloud.clone();
    Some(door.open(|stream| serve(cloud, stream, format!("{}:{}", place.host, place.port))))
}

async fn serve(cloud: Simulated, mut stream: DuplexStream, place: String) -> io::Result<()> {
    let mut decoder = Decoder::new();
    loop {
        let said = redis::parse_redis_value_async(&mut decoder, &mut stream).await;
        let Ok(Said::Array(words)) = said else { return Ok(()) };
        let text = |word: &Said| match word {
            Said::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let words: Vec<_> = words.iter().map(text).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let request: Option<Request> = commands(Method::POST, &place, &[&words]);
        let Some(request) = request else { return Ok(()) };
        // Whoever meets no answer meets the end of the connection.
        let Ok(response) = cloud.reach(&request).await else { return Ok(()) };
        let Ok(body) = serde_json::from_slice::<Value>(response.body()) else { return Ok(()) };
        let mut out = Vec::new();
        match &body {
            Value::Array(all) => encode(&mut out, all.first().unwrap_or(&Value::Null)),
            error => {
                let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                out.extend_from_slice(
                    format!("-{} {}\r\n", text("code"), text("message")).as_bytes(),
                );
            }
        }
        stream.write_all(&out).await?;
    }
}

fn encode(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) if text == "OK" => out.extend_from_slice(b"+OK\r\n"),
        Value::String(text) => {
            out.extend_from_slice(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
        }
        Value::Array(items) => {
            out.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
            for item in items {
                encode(out, item);
            }
        }
        _ => out.extend_from_slice(b"$-1\r\n"),
    }
}
