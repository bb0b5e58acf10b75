//! Messages to one name server over a connection (RFC 1035, 4.2.2): updates of a zone, and questions that are signed.

use super::{
    Request, Response, SendError, Streams,
    stream::{connect, nothing_within, place},
};
use crate::model::Clock;
use bytes::Bytes;
use http::{Method, Uri};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) const SCHEME: &str = "dns";
const PORT: u16 = 53;
/// How long a server may take to take a connection, and to answer: an update is written to a disk first.
const WITHIN: Duration = Duration::from_secs(10);

/// A message for the server `HOST` or `HOST:PORT`, which is about this name. `None` for what is no such place.
pub fn message(place: &str, about: &str, bytes: Vec<u8>) -> Option<Request> {
    let uri: Uri = format!("{SCHEME}://{place}/{about}").parse().ok()?;
    uri.host().filter(|host| !host.is_empty())?;
    let mut request = Request::new(Bytes::from(bytes));
    *request.method_mut() = if asks(request.body()) { Method::GET } else { Method::POST };
    *request.uri_mut() = uri;
    Some(request)
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Whether it only asks, as the message itself says.
pub(super) fn is_read(request: &Request) -> bool {
    asks(request.body())
}

/// A standard query (RFC 1035, 4.1.1: bits one to four of the third byte are 0).
fn asks(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags >> 3 == 0)
}

pub(super) async fn ask(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let mut line = connect((streams, clock), request, Some(PORT), WITHIN).await?;
    let unanswered = |why: String| SendError::Unanswered { host: place(request), why };
    let exchange = async {
        let message = request.body();
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        line.write_all(&[&length.to_be_bytes(), &message[..]].concat()).await?;
        line.flush().await?;
        let length = line.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        line.read_exact(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer =
        clock.within(WITHIN, exchange).await.ok_or_else(|| unanswered(nothing_within(WITHIN)))?;
    let answer = answer.map_err(|error| unanswered(error.to_string()))?;
    // Another answer than the one to this message proves nothing.
    if answer.get(..2) != request.body().get(..2) {
        return Err(unanswered("it answered something else".to_owned()));
    }
    Ok(Response::new(Bytes::from(answer)))
}
