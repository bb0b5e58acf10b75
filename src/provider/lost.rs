//! What becomes of a request to which no answer came, and where secrets may be sent: the same for every client.

use crate::{
    action::{Trouble, TroubleKind, Unapplied},
    wire::SendError,
};
use http::Uri;
use std::time::Duration;

/// Why no answer came.
pub(super) enum Lost {
    /// Nothing was sent.
    Before(Trouble),
    /// It may have arrived.
    After(String),
}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Before(trouble) => trouble,
            Lost::After(why) => Self::unreachable(why),
        }
    }
}

impl From<SendError> for Lost {
    fn from(error: SendError) -> Self {
        let why = error.to_string();
        match error {
            SendError::NotSent { .. } => Self::Before(Trouble::unreachable(why)),
            SendError::ReadOnly { .. } | SendError::NoPermit { .. } => {
                Self::Before(Trouble { why, kind: TroubleKind::NotRead })
            }
            SendError::Unanswered { .. } => Self::After(why),
        }
    }
}

/// What a read that failed before a change was sent means for that change: nothing has happened yet.
pub(super) fn before_sending(trouble: Trouble, wait: Duration) -> Unapplied {
    match trouble.kind {
        TroubleKind::NotRead => Unapplied::Refused { why: trouble.why, request_id: None },
        TroubleKind::Unreachable | TroubleKind::Denied | TroubleKind::Odd => {
            Unapplied::Deferred { why: trouble.why, wait }
        }
    }
}

/// Whether nobody else can read what is sent there: it is encrypted, or does not leave this machine.
pub(super) fn keeps_secrets(uri: &Uri) -> bool {
    let is_here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    is_here || uri.scheme_str() == Some("https")
}
