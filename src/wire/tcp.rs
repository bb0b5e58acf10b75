//! A connection that is opened and closed again: whether anybody is there.

use super::{Request, Response, SendError, Streams};
use crate::model::{Clock, span};
use bytes::Bytes;
use http::Uri;
use std::time::Duration;

pub(super) const SCHEME: &str = "tcp";

/// How long a connection may take. People who wait longer have left.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

/// Asks whether anybody takes connections at `HOST:PORT`. `None` for what is no such place.
pub fn knock(place: &str) -> Option<Request> {
    let uri: Uri = format!("{SCHEME}://{place}/").parse().ok()?;
    uri.host().filter(|host| !host.is_empty()).and(uri.port_u16())?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    Some(request)
}

pub(super) async fn ask(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let uri = request.uri();
    let place = uri.authority().map_or_else(String::new, ToString::to_string);
    let not_sent = |why: String| SendError::NotSent { host: place.clone(), why };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().ok_or_else(|| not_sent("no port is named".to_owned()))?;
    match clock.within(OPENS_WITHIN, streams.open(host, port)).await {
        Some(Ok(_)) => Ok(Response::new(Bytes::new())),
        Some(Err(error)) => Err(not_sent(error.to_string())),
        None => Err(not_sent(format!("nothing within {}", span::show(OPENS_WITHIN)))),
    }
}
