//! How requests reach a cloud: one trait, and the worlds behind it.
//!
//! Refuses to send anything that changes something without a [`Permit`], which only a durable fact gives.

mod clients;
mod container;
mod dns;
mod ears;
mod haproxy;
mod message;
mod network;
mod patience;
mod program;
mod read_only;
mod redis;
mod sql;
mod statement;
mod stream;
mod talk;
mod tcp;
mod xml;

pub use clients::Trust;
pub use container::InContainer;
pub use dns::{Dns, NameServer, NameServers};
pub use ears::Ears;
pub use haproxy::runtime;
pub use message::message;
pub use network::Network;
pub use patience::{Bounded, Patient};
pub use program::{Ended, Given, Program, Rehearsal, running};
pub use read_only::{ReadOnly, check};
pub use redis::commands;
pub use sql::{each, statements};
pub use stream::{Line, Sockets, Stream, Streams};
pub use talk::{Login, Tls};
pub use tcp::knock;
pub use xml::Element;

use crate::{
    journal::Permit,
    model::{Clock, span},
};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822};
use std::time::Duration;

pub type Request = http::Request<Bytes>;
pub type Response = http::Response<Bytes>;

/// Carries one request to its host and one answer back. Never sends anything twice, never follows a redirect, and
/// whoever reaches a cloud asks [`check`] first.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError>;
}

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub enum Intent<'a> {
    /// Changes nothing.
    Read,
    /// Changes nothing, and is sent once: whatever comes back is what was to be seen.
    Probe,
    /// Changes something, and its fact is durable.
    Change(&'a Permit),
}

impl Intent<'_> {
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read | Self::Probe)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No byte of it left this machine.
    #[error("cannot reach {host}: {why}")]
    NotSent { host: String, why: String },
    /// It may have arrived; no whole answer came back.
    #[error("no answer from {host}: {why}")]
    Unanswered { host: String, why: String },
    /// This world sends reads only.
    #[error("{method} {path} was not sent: this world is read-only")]
    ReadOnly { method: String, path: String },
    /// It was said to be a read, and is none.
    #[error("{method} {path} was not sent: it may change something, and no fact permits it")]
    NoPermit { method: String, path: String },
}

/// Puts a request to the server that it is for, in the protocol that its address names. `None` for what HTTP carries.
pub async fn converse(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Option<Result<Response, SendError>> {
    match request.uri().scheme_str() {
        Some(sql::SCHEME) => Some(sql::ask(streams, clock, request).await),
        Some(redis::SCHEME) => Some(redis::ask(streams, clock, request).await),
        Some(haproxy::SCHEME) => Some(haproxy::ask(streams, clock, request).await),
        Some(message::SCHEME) => Some(message::ask(streams, clock, request).await),
        Some(tcp::SCHEME) => Some(tcp::ask(streams, clock, request).await),
        _ => None,
    }
}

/// A server that asks for more is asked again after this: the most that ARM promises to ask for (ARM RPC, "Retry-After").
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// How long a server asks us to wait, within reason: `x-ms-retry-after-ms`, `retry-after-ms`, then `Retry-After` in seconds
/// or as a date.
///
/// The order is that of azure-core's retry policy. A date is taken from the server's own `Date`: our clocks may differ.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let number = |name: &str| -> Option<u64> {
        response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
    };
    number("x-ms-retry-after-ms")
        .or_else(|| number("retry-after-ms"))
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
        .or_else(|| Some(span::between(date(response, "date")?, date(response, "retry-after")?)))
        .map(|wait| wait.min(LONGEST_WAIT))
}

/// A header that is an HTTP date: `Fri, 20 Nov 2026 10:00:00 GMT`.
fn date(response: &Response, name: &str) -> Option<Timestamp> {
    let text = response.headers().get(name)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The host of a request, for messages.
pub fn host(request: &Request) -> String {
    request.uri().host().unwrap_or("an unnamed host").to_owned()
}

/// An error and its causes in one line: reqwest's own text hides why.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_makes_us_wait_for_hours() {
        let asked = |name: &str, value: &str| {
            let response = http::Response::builder().header(name, value).body(Bytes::new());
            retry_after(&response.unwrap())
        };
        assert_eq!(asked("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("x-ms-retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(asked("retry-after", "18446744073709551615"), Some(LONGEST_WAIT));
        assert_eq!(asked("retry-after", "soon"), None);
        assert_eq!(asked("retry-after", "Fri, 20 Nov 2026 10:00:47 GMT"), None, "after what?");
    }

    #[test]
    fn a_date_is_read_by_the_servers_own_clock() {
        let asked = |until: &str| {
            let response = http::Response::builder()
                .header("date", "Fri, 20 Nov 2026 10:00:00 GMT")
                .header("retry-after", until)
                .body(Bytes::new());
            retry_after(&response.unwrap())
        };
        assert_eq!(asked("Fri, 20 Nov 2026 10:00:47 GMT"), Some(Duration::from_secs(47)));
        assert_eq!(asked("Fri, 20 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("Sat, 21 Nov 2026 10:00:00 GMT"), Some(LONGEST_WAIT));
    }
}
