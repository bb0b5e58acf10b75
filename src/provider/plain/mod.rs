//! Actions that need no cloud's management: checks over HTTP and of names, programs, a person, a pause.

pub(super) mod command;
pub(super) mod dns_wait;
pub(super) mod http_check;
pub(super) mod manual;
pub(super) mod wait;
