//! A connection that is opened and closed again: whether anybody is there.

use super::{Request, Response, SendError, Streams, stream::connect};
use crate::model::Clock;
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
    connect((streams, clock), request, None, OPENS_WITHIN).await?;
    Ok(Response::new(Bytes::new()))
}
