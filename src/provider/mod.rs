//! The actions, one file per family, and the catalogue that lists them.
//!
//! Each speaks its vendor's own wire format over the transport that it was given, and knows nothing of plans, runs or
//! worlds.

pub mod aws;
pub mod azure;
mod capacity;
mod dns;
mod errand;
mod haproxy;
pub mod kubernetes;
mod lost;
mod own;
mod patroni;
mod plain;
mod postgres;
mod program;
mod redis;
#[cfg(test)]
mod testing;
mod visit;

use crate::action::{Catalogue, Change, Kind, Unapplied};

static KINDS: [&Kind; 52] = [
    &aws::stop::TRIGGER,
    &aws::metric::METRIC,
    &aws::alarm::ALARM,
    &aws::route53::HEALTH_CHECK,
    &aws::route53::RECORDS,
    &aws::route53::FAILOVER_PAIR,
    &aws::route53::SHIFT,
    &aws::ecs::SCALE,
    &aws::elb::targets::TARGETS,
    &aws::elb::weights::WEIGHTS,
    &aws::elb::fixed_response::FIXED_RESPONSE,
    &aws::autoscaling::CAPACITY,
    &aws::rds::PROMOTE,
    &aws::routing_control::ROUTING_CONTROL,
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
    &haproxy::SERVER,
    &haproxy::SHIFT,
    &kubernetes::exec::EXEC,
    &kubernetes::patch::PATCH,
    &kubernetes::pods_ready::PODS_READY,
    &kubernetes::rollout::ROLLOUT,
    &kubernetes::scale::SCALE,
    &kubernetes::service::SELECTOR,
    &patroni::FAILOVER,
    &patroni::SWITCHOVER,
    &postgres::CHECK,
    &postgres::FENCE,
    &postgres::PROMOTE,
    &postgres::REJOIN,
    &postgres::SWITCHOVER,
    &redis::CHECK,
    &redis::DEMOTE,
    &redis::FAILOVER,
    &plain::command::COMMAND,
    &plain::dns_update::DNS_UPDATE,
    &plain::dns_wait::DNS_WAIT,
    &plain::http_check::HTTP_CHECK,
    &plain::http_request::HTTP_REQUEST,
    &plain::tcp_check::TCP_CHECK,
    &plain::manual::MANUAL,
    &plain::wait::WAIT,
];

/// Every action that this program knows.
pub fn catalogue() -> Catalogue {
    Catalogue(&KINDS)
}

/// A change that this action never named: the journal belongs to another version.
fn unknown_change(change: &Change) -> Unapplied {
    let why = format!("this action has no change `{}`", change.id);
    Unapplied::Refused { why, request_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Kind, Placed, Plane, Shape};
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

    /// Whether a plane's parameter can say where it is.
    fn is_placed(kind: &Kind, plane: Plane) -> bool {
        let shape = |name| kind.parameters.iter().find(|p| p.name == name).map(|p| p.shape);
        match plane {
            Plane::Control(name) => matches!(shape(name), Some(Shape::Resource { .. })),
            Plane::Data(name) => match shape(name) {
                Some(Shape::Resource { placed, .. } | Shape::Part { placed, .. }) => {
                    placed != Placed::Globally
                }
                Some(Shape::Region | Shape::Url) => true,
                Some(Shape::Text) => name == "region",
                _ => false,
            },
            Plane::WhenPlanned(plane) => {
                let modes = &["planned", "unplanned"][..];
                matches!(shape("mode"), Some(Shape::Choice(words)) if words == modes)
                    && is_placed(kind, *plane)
            }
            Plane::Global(_) | Plane::Pinned { .. } | Plane::Spread { .. } => true,
        }
    }

    /// What asks nothing of any region needs none, nor what is found by addresses that no row says.
    const LOCAL: [&str; 7] =
        ["command", "dns.update", "dns.wait", "haproxy.server", "haproxy.shift", "manual", "wait"];

    #[test]
    fn every_plane_of_an_action_is_somewhere() {
        for kind in catalogue().iter() {
            for plane in kind.planes {
                assert!(is_placed(kind, *plane), "{}: {plane}", kind.name);
            }
            let is_local = LOCAL.contains(&kind.name);
            assert_eq!(kind.planes.is_empty(), is_local, "{}", kind.name);
        }
    }
}
