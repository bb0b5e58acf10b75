//! Actions that need no cloud's management: a check over HTTP, a person, a pause.

mod http_check;
mod manual;
mod wait;

pub(super) use http_check::HTTP_CHECK;
pub(super) use manual::MANUAL;
pub(super) use wait::WAIT;
