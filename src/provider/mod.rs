//! The actions, one file per family, and the catalogue that lists them.
//!
//! Each speaks its vendor's own wire format over the transport that it was given, and knows nothing of plans, runs or
//! worlds.

pub mod aws;
pub mod azure;
mod dns;
mod plain;
#[cfg(test)]
mod testing;
mod visit;

use crate::action::{Catalogue, Kind};

static KINDS: [&Kind; 19] = [
    &aws::stop::TRIGGER,
    &aws::metric::METRIC,
    &aws::alarm::ALARM,
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
    &plain::dns_wait::DNS_WAIT,
    &plain::http_check::HTTP_CHECK,
    &plain::manual::MANUAL,
    &plain::wait::WAIT,
];

/// Every action that this program knows.
pub fn catalogue() -> Catalogue {
    Catalogue(&KINDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Shape;
    use std::collections::HashSet;

    #[test]
    fn the_catalogue_names_only_what_is_in_it() {
        let names: HashSet<_> = catalogue().iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len(), "two actions share a name");
        for kind in catalogue().iter() {
            let parameters: HashSet<_> = kind.parameters.iter().map(|p| p.name).collect();
            assert_eq!(parameters.len(), kind.parameters.len(), "{}", kind.name);
            assert!(kind.cured_by.iter().all(|name| names.contains(name)), "{}", kind.name);
            assert!(kind.usual < kind.deadline, "{}", kind.name);
            for parameter in kind.parameters {
                if let Shape::Part { of, .. } = parameter.shape {
                    assert!(parameters.contains(of), "{}: {of}", kind.name);
                }
            }
        }
    }
}
