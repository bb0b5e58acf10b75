//! Actions that need no cloud's management: checks over HTTP, of ports and of names, names themselves, programs, a person, a pause.

pub(super) mod command;
pub(super) mod dns_update;
pub(super) mod dns_wait;
pub(super) mod http_check;
pub(super) mod http_request;
pub(super) mod manual;
mod streak;
pub(super) mod tcp_check;
mod tsig;
pub(super) mod wait;
