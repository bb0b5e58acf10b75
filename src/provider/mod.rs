//! The actions, one file per family, and the catalogue that lists them.
//!
//! Each speaks its vendor's own wire format over the transport that it was given, and knows nothing of plans, runs or
//! worlds.

pub mod azure;
mod plain;

use crate::action::{Catalogue, Kind};

static KINDS: [&Kind; 5] =
    [&azure::FAILOVER, &azure::REDUNDANCY, &plain::HTTP_CHECK, &plain::MANUAL, &plain::WAIT];

/// Every action that this program knows.
pub fn catalogue() -> Catalogue {
    Catalogue(&KINDS)
}
