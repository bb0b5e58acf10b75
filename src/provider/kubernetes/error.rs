//! What an API server says when it says no: a `Status` (Kubernetes API, "Response Status Kind"), or the page of whatever
//! stands before it.

use crate::{
    action::{Trouble, Unapplied},
    wire::{Response, retry_after},
};
use http::StatusCode;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// For how long a change is put off when the server is busy and does not say for how long.
const BUSY_PAUSE: Duration = Duration::from_secs(5);
/// The same when somebody else has changed the object a moment ago.
const CONFLICT_PAUSE: Duration = Duration::from_secs(1);
/// The longest message that is shown.
const LONGEST: usize = 300;

pub(super) struct Said {
    status: StatusCode,
    reason: String,
    message: String,
    wait: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    kind: String,
    reason: String,
    message: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        let status = response.status();
        let read = serde_json::from_slice::<Status>(response.body()).ok();
        let Status { reason, message, .. } =
            read.filter(|read| read.kind == "Status").unwrap_or_default();
        Self { status, reason, message, wait: retry_after(response) }
    }

    /// Whether the server itself says that there is no such object: a page of something else proves nothing.
    pub(super) fn is_absence(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.reason == "NotFound"
    }

    /// What became of a question.
    pub(super) fn trouble(&self, what: &str) -> Trouble {
        let why = self.told(what);
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::denied(why),
            _ => Trouble::odd(why),
        }
    }

    /// What became of a change.
    pub(super) fn unapplied(&self, what: &str) -> Unapplied {
        let why = self.told(what);
        match self.status {
            // The server does not know who asked, so it did nothing; the next one may be known.
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => {
                Unapplied::Deferred { why, wait: self.wait.unwrap_or(BUSY_PAUSE) }
            }
            StatusCode::CONFLICT => Unapplied::Deferred { why, wait: CONFLICT_PAUSE },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Unapplied::InDoubt { why, wait: self.wait }
            }
            status if status.is_client_error() => Unapplied::Refused { why, request_id: None },
            // A redirect, which is never followed: who answered here, and what did they do?
            _ => Unapplied::InDoubt { why, wait: self.wait },
        }
    }

    fn told(&self, what: &str) -> String {
        let cure = if self.status == StatusCode::UNAUTHORIZED {
            "; sign in again as the kubeconfig says, and it goes on by itself"
        } else {
            ""
        };
        format!("{what} answered {self}{cure}")
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.status.canonical_reason().unwrap_or_default();
        let reason = if self.reason.is_empty() { known } else { &self.reason };
        write!(f, "{} {reason}", self.status.as_u16())?;
        let message: String = self.message.chars().take(LONGEST).collect();
        if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
    }
}
