//! Commands for HAProxy's runtime API, as requests: the balancer is the address, a line of commands is the body, and what it
//! prints comes back (HAProxy management guide, "Unix Socket commands").
//!
//! A balancer says no in a text, as it says everything: reading it is for whoever asked.

use super::{
    Request, Response, SendError, Streams,
    stream::{connect, nothing_within, place},
};
use crate::model::Clock;
use bytes::Bytes;
use http::{Method, Uri};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) const SCHEME: &str = "haproxy";
/// One that is there answers in milliseconds.
const WITHIN: Duration = Duration::from_secs(5);
/// A balancer with thousands of servers says no more.
const LONGEST: u64 = 4 << 20;
/// Commands that tell, and do nothing.
const TELL: [&str; 2] = ["show ", "get "];

/// These commands for the balancer at `HOST:PORT`. `None` for what is no such place, and for what is no one line.
pub fn runtime(place: &str, commands: &[String]) -> Option<Request> {
    let line = commands.join(";");
    let uri: Uri = format!("{SCHEME}://{place}/").parse().ok()?;
    uri.host().filter(|host| !host.is_empty()).and(uri.port_u16())?;
    let is_one_line = !line.contains(['\n', '\r']);
    let mut request = is_one_line.then(|| Request::new(Bytes::from(line)))?;
    *request.method_mut() = if is_read(&request) { Method::GET } else { Method::POST };
    *request.uri_mut() = uri;
    Some(request)
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Whether all of its commands only tell.
pub(super) fn is_read(request: &Request) -> bool {
    let Ok(line) = std::str::from_utf8(request.body()) else { return false };
    let tells = |command: &str| TELL.iter().any(|word| command.trim_start().starts_with(word));
    !line.contains(['\n', '\r']) && line.split(';').all(tells)
}

pub(super) async fn ask(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let mut line = connect((streams, clock), request, None, WITHIN).await?;
    let unanswered = |why: String| SendError::Unanswered { host: place(request), why };
    let exchange = async {
        line.write_all(&[&request.body()[..], b"\n"].concat()).await?;
        line.flush().await?;
        let mut said = Vec::new();
        // It hangs up when it has said all.
        line.take(LONGEST).read_to_end(&mut said).await?;
        Ok::<_, io::Error>(said)
    };
    let said =
        clock.within(WITHIN, exchange).await.ok_or_else(|| unanswered(nothing_within(WITHIN)))?;
    let said = said.map_err(|error| unanswered(error.to_string()))?;
    // Even the shortest answer is a line.
    if said.is_empty() {
        return Err(unanswered("it hung up without a word".to_owned()));
    }
    Ok(Response::new(Bytes::from(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_tells_is_a_read() {
        let of = |all: &[&str]| {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            runtime("lb:9999", &all).map(|request| is_read(&request))
        };
        assert_eq!(of(&["show stat", "show servers state web"]), Some(true));
        assert_eq!(of(&["show stat", "set server web/a state drain"]), Some(false));
        assert_eq!(of(&["show stat;disable server web/a"]), Some(false));
        assert_eq!(of(&["showoff"]), Some(false));
        assert_eq!(of(&["show stat\nset server web/a state drain"]), None);
    }
}
