//! Servers of one's own, whatever protocol they speak: how they are named and trusted, and what comes back from them.

use crate::{
    action::{Default, Parameter, Params, Shape, Trouble, Unapplied},
    model::{Diagnostic, Span},
    wire::{Response, SendError, Tls},
};
use http::{StatusCode, uri::Authority};
use serde::Deserialize;
use std::time::Duration;

/// What a server that starts, or has no room, is left alone for.
const LATER: Duration = Duration::from_secs(5);

pub(super) const TLS: Parameter = Parameter::optional(
    "tls",
    Shape::Choice(&["verify", "off"]),
    "verify: the server proves its name; off: in the clear",
)
.or(Default::Text("verify"));
pub(super) const CA: Parameter = Parameter::optional(
    "ca",
    Shape::File { most_bytes: 100_000 },
    "The authority that the server's name is proven by, in PEM; else those that this machine trusts",
);

/// How connections are kept from being read and bent, by these two.
pub(super) fn tls(params: &Params<'_>) -> Result<Tls, Diagnostic> {
    let ca = params.optional_file("ca").map(|file| file.text);
    Ok(if params.text("tls")? == "off" { Tls::Off } else { Tls::Verified { ca } })
}

/// Refuses what is no `HOST` or `HOST:PORT`.
pub(super) fn address(name: &str, span: Span) -> Result<(), Diagnostic> {
    if name.parse::<Authority>().is_ok() && !name.contains('@') {
        return Ok(());
    }
    let hint = "a server is named `HOST` or `HOST:PORT`";
    Err(Diagnostic::at(span, format!("`{name}` is no address of a server")).hint(hint))
}

/// An address, with this port where it names none.
pub(super) fn with_port(name: &str, port: u16) -> String {
    let has_port = name.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { name.to_owned() } else { format!("{name}:{port}") }
}

/// What a server says when it says no.
#[derive(Debug)]
pub(super) struct Said {
    status: StatusCode,
    pub(super) code: String,
    message: String,
}

#[derive(Deserialize)]
struct Body {
    code: String,
    message: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        let status = response.status();
        let Body { code, message } =
            serde_json::from_slice(response.body()).unwrap_or_else(|_| Body {
                code: "no code".to_owned(),
                message: format!("an answer of status {status} that is none"),
            });
        Self { status, code, message }
    }

    fn says(&self, server: &str, user: &str) -> String {
        format!("{server} says to `{user}`: {} ({})", self.message, self.code)
    }

    /// What became of a question.
    pub(super) fn trouble(&self, server: &str, user: &str) -> Trouble {
        let why = self.says(server, user);
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::denied(why),
            StatusCode::SERVICE_UNAVAILABLE => Trouble::unreachable(why),
            _ => Trouble::odd(why),
        }
    }

    /// What became of a change.
    pub(super) fn unapplied(&self, server: &str, user: &str) -> Unapplied {
        let why = self.says(server, user);
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Unapplied::Deferred { why, wait: LATER },
            status if status.is_server_error() => Unapplied::InDoubt { why, wait: None },
            _ => Unapplied::Refused { why, request_id: None },
        }
    }
}

/// A question that got no answer.
pub(super) fn unread(error: &SendError) -> Trouble {
    let kind = match error {
        SendError::NotSent { .. } | SendError::Unanswered { .. } => Trouble::unreachable,
        SendError::ReadOnly { .. } | SendError::NoPermit { .. } => Trouble::odd,
    };
    kind(error.to_string())
}

/// A change of which no answer came.
pub(super) fn unsent(error: &SendError) -> Unapplied {
    let why = error.to_string();
    match error {
        SendError::NotSent { .. } => Unapplied::Deferred { why, wait: LATER },
        SendError::Unanswered { .. } => Unapplied::InDoubt { why, wait: None },
        SendError::ReadOnly { .. } | SendError::NoPermit { .. } => {
            Unapplied::Refused { why, request_id: None }
        }
    }
}

/// A question before the first change got no answer: nothing was changed.
pub(super) fn put_off(trouble: &Trouble) -> Unapplied {
    Unapplied::Deferred { why: trouble.why.clone(), wait: Duration::from_secs(5) }
}
