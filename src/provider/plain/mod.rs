//! Actions that need no cloud's management: a check over HTTP, a person, a pause.

pub(super) mod http_check;
pub(super) mod manual;
pub(super) mod wait;
