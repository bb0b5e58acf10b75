//! The actions, one file per family, and the catalogue that lists them.
//!
//! Each speaks its vendor's own wire format over the transport that it was given, and knows nothing of plans, runs or
//! worlds.

pub mod azure;
mod plain;

use crate::action::{Catalogue, Kind};

static KINDS: [&Kind; 15] = [
    &azure::maintenance_page::MAINTENANCE_PAGE,
    &azure::remove::REMOVE,
    &azure::app_service::START,
    &azure::app_service::STOP,
    &azure::settings::SETTINGS,
    &azure::traffic_manager::ENDPOINT,
    &azure::shift::SHIFT,
    &azure::storage::FAILOVER,
    &azure::redundancy::REDUNDANCY,
    &azure::fence::FENCE,
    &azure::promote::PROMOTE,
    &azure::replica::REPLICA,
    &plain::http_check::HTTP_CHECK,
    &plain::manual::MANUAL,
    &plain::wait::WAIT,
];

/// Every action that this program knows.
pub fn catalogue() -> Catalogue {
    Catalogue(&KINDS)
}
