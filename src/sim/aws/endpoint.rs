//! What answers at the addresses of AWS: an app in every region, behind load balancers and gateways.
//!
//! Sources: "DNS name" of load balancers (Elastic Load Balancing user guides); "Regional custom domain names" (API
//! Gateway developer guide), for the shape of their names.

use super::{
    elb::front::{Shown, Visit},
    route53::{answers::Server, canonical},
};
use crate::sim::{call::Call, cloud::Cloud, reached::Reached};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{net::Ipv4Addr, time::Duration};

const SUFFIX: &str = ".amazonaws.com";
/// How long the health checks of a load balancer take to find its targets gone: two in a row, 30 s apart.
const NOTICED_AFTER: Duration = Duration::from_mins(1);

/// The hash of Fowler, Noll and Vo, over several parts.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The two addresses behind a name of the vendor's: always the same, of the network that is for tests (RFC 2544).
pub(in crate::sim) fn addresses(host: &str) -> [Ipv4Addr; 2] {
    ["a", "b"].map(|zone| {
        let [.., high, low, last] = hash(&[host, zone]).to_be_bytes();
        Ipv4Addr::new(198, 18 + high % 2, low, last)
    })
}

/// The region that serves at a host: the one in its name, or the one that was said of it.
pub(in crate::sim) fn region_of<'a>(cloud: &'a Cloud, host: &'a str) -> Option<&'a str> {
    let said = || cloud.aws.places.get(host).map(String::as_str);
    let in_name = || host.strip_suffix(SUFFIX)?.split('.').find(|label| is_region(label));
    in_name().or_else(said)
}

/// Whether a label is built as the names of regions are: `us-west-2`, `us-gov-east-1`.
pub(super) fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, middle @ .., number] = &parts[..] else { return false };
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    area.len() == 2
        && is_word(area)
        && !middle.is_empty()
        && middle.iter().all(is_word)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Whether Route 53 takes what an alias stands for to be well: it learns from the target's own health checks.
pub(super) fn is_well_to_route_53(cloud: &Cloud, host: &str) -> bool {
    let is_noticed = cloud.now >= cloud.blackout.since + NOTICED_AFTER;
    if shown(cloud, host, &Visit { host, path: "/" }) == Some(Shown::Unavailable) {
        return false;
    }
    !is_noticed || region_of(cloud, host).is_none_or(|region| !cloud.is_dark(region))
}

/// When Route 53 notices that the targets in a region are gone.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    Some(cloud.blackout.since + NOTICED_AFTER).filter(|at| *at > cloud.now)
}

/// What a client gets that looks a name up anew; nothing where the region is dark or nobody answers.
pub(super) fn page(cloud: &Cloud, host: &str) -> Option<Value> {
    let name = canonical(host);
    let target = match cloud.zone_of(&name) {
        Some(zone) => {
            let targets = Server { cloud, zone, number: 0 }.leads_to(&name, 0);
            targets.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(target, _)| target)
        }
        None => None,
    };
    let target = target.unwrap_or_else(|| host.to_owned());
    match shown(cloud, &target, &Visit { host, path: "/" })? {
        Shown::App(region) => Some(json!({ "service": cloud.aws.service, "region": region })),
        Shown::Page { .. } | Shown::Unavailable | Shown::Silence => None,
    }
}

/// What most visitors are shown at a target; `None` when it is none of AWS's.
fn shown(cloud: &Cloud, target: &str, visit: &Visit<'_>) -> Option<Shown> {
    seen_at(cloud, target, visit).map(|shares| shares.into_iter().next().map(|(shown, _)| shown))?
}

/// What visitors are shown at a target, in shares: by its load balancer, or else by the app of its region.
pub(in crate::sim) fn seen_at(
    cloud: &Cloud,
    target: &str,
    visit: &Visit<'_>,
) -> Option<Vec<(Shown, f64)>> {
    cloud.app_answers(target, visit).or_else(|| {
        let region = region_of(cloud, target)?;
        let is_dark = cloud.is_dark(region);
        let shown = if is_dark { Shown::Silence } else { Shown::App(region.to_owned()) };
        Some(vec![(shown, 1.0)])
    })
}

/// The answer of an app; `None` when the host is none of AWS's.
pub(in crate::sim) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    let is_public = cloud.zone_of(&canonical(&call.host)).is_some();
    let target = if is_public { cloud.resolve(&call.host) } else { Some(call.host.clone()) };
    let Some(target) = target else { return Some(Reached::Nowhere) };
    let path = call.request.uri().path();
    match shown(cloud, &target, &Visit { host: &call.host, path }) {
        // A name that leads out of this world ends there.
        None => is_public.then_some(Reached::Nowhere),
        Some(shown) => Some(shown.answer(cloud, path)),
    }
}
