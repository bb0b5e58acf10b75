//! The server that both sides talk to: things that are off until somebody puts them on.
//!
//! `GET /THING` answers `on` or `off`; `PUT /THING` turns it on, after as many milliseconds as its query says.

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderName, header::HeaderValue},
    routing,
    serve::ListenerExt,
};
use failover::model::Clock;
use std::{
    collections::HashSet,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

type Things = Arc<Mutex<HashSet<String>>>;
type Reply = ([(HeaderName, HeaderValue); 1], &'static str);

/// Serves until the process ends.
pub fn serve(listener: TcpListener) {
    let things = Things::default();
    let router = Router::new().route("/{thing}", routing::get(get).put(put)).with_state(things);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener.tap_io(no_delay), router).await.unwrap();
    });
}

fn no_delay(stream: &mut tokio::net::TcpStream) {
    stream.set_nodelay(true).unwrap();
}

async fn get(State(things): State<Things>, Path(thing): Path<String>) -> Reply {
    let is_on = things.lock().unwrap().contains(&thing);
    reply(if is_on { "on" } else { "off" })
}

async fn put(
    State(things): State<Things>,
    Path(thing): Path<String>,
    RawQuery(query): RawQuery,
) -> Reply {
    let delay = query.and_then(|query| query.parse().ok()).map(Duration::from_millis);
    if let Some(delay) = delay {
        Clock::real().sleep(delay).await;
    }
    things.lock().unwrap().insert(thing);
    reply("on")
}

fn reply(body: &'static str) -> Reply {
    let id = HeaderValue::from_static("0f7c8e1a-52b0-4d0c-9d7e-7b5d5b1c9a10");
    ([(HeaderName::from_static("x-ms-request-id"), id)], body)
}
