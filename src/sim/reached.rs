//! How far a request came.

use super::call::Reply;

/// Where a request got to.
pub(super) enum Reached {
    Reply(Reply),
    /// The connection hangs.
    Nobody,
    /// There is no such host.
    Nowhere,
}

impl From<Option<Reply>> for Reached {
    fn from(reply: Option<Reply>) -> Self {
        reply.map_or(Self::Nobody, Self::Reply)
    }
}
