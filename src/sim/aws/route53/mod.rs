//! Route 53: hosted zones, records, health checks, and what the zones' servers answer.
//!
//! Source: Amazon Route 53 API reference 2013-04-01. Its control plane is in us-east-1.

pub(in crate::sim) mod answers;
mod batch;
mod check;
mod health;
mod name;
mod record;
mod zone;

pub(super) use check::{HealthCheck, Kind};
pub(in crate::sim) use name::{canonical, host, is_within, parent};
pub(in crate::sim) use record::{Answer, RecordSet};
pub(super) use record::{Role, Routing};
pub(in crate::sim) use zone::{SLOWEST, Zone};

use super::{
    asked::{Asked, leaf},
    endpoint::hash,
};
use crate::{
    sim::{
        call::{Call, Refusal, Replied},
        cloud::Cloud,
    },
    wire::Element,
};
use batch::Batch;
use jiff::Timestamp;
use record::invalid;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zone::{Change, key};

const MOST_RECORDS: usize = 300;
const MOST_ZONES: usize = 100;
const MOST_CHECKS: usize = 100;

/// What Route 53 keeps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Names {
    pub zones: Vec<Zone>,
    pub checks: Vec<HealthCheck>,
    changes: Vec<Change>,
}

/// What a request asks for, by its method and its path.
pub(super) fn operation(call: &Call<'_>) -> &'static str {
    match (call.method().as_str(), call.path.get(1..).unwrap_or_default()) {
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        ("GET", ["healthcheck"]) => "ListHealthChecks",
        ("GET", ["healthcheck", _]) => "GetHealthCheck",
        ("POST", ["healthcheck", _]) => "UpdateHealthCheck",
        ("GET", ["healthcheck", _, "status"]) => "GetHealthCheckStatus",
        _ => "",
    }
}

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    let id = call.path.get(2).copied().unwrap_or_default();
    match asked.operation.as_str() {
        "ListHostedZones" => list_zones(cloud, call, asked),
        "ListHostedZonesByName" => list_zones_by_name(cloud, call, asked),
        "GetHostedZone" => {
            let zone = zone(cloud, id)?;
            let servers = zone.servers.iter().map(|server| leaf("NameServer", server));
            let servers = Element::new("NameServers").with(servers);
            let shown = [zone.show(), Element::new("DelegationSet").with([servers])];
            Ok(asked.document("GetHostedZoneResponse", shown))
        }
        "ListResourceRecordSets" => list_records(zone(cloud, id)?, call, asked),
        "ChangeResourceRecordSets" => change_records(cloud, call, asked, id),
        "GetChange" => {
            let change = cloud.aws.names.changes.iter().find(|change| change.id == id);
            let unknown = || {
                Refusal::new(404, "NoSuchChange", format!("Could not find resource with ID: {id}"))
            };
            let shown = change.ok_or_else(unknown)?.show(cloud.now);
            Ok(asked.document("GetChangeResponse", [shown]))
        }
        "ListHealthChecks" => list_checks(cloud, call, asked),
        "GetHealthCheck" => {
            let shown = show_check(cloud, check(cloud, id)?);
            Ok(asked.document("GetHealthCheckResponse", [shown]))
        }
        "UpdateHealthCheck" => update_check(cloud, call, asked, id),
        "GetHealthCheckStatus" => {
            let shown = check(cloud, id)?.observations(cloud);
            Ok(asked.document("GetHealthCheckStatusResponse", [shown]))
        }
        _ => Err(asked.no_such_operation()),
    }
}

/// When something is due next.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    let arrivals = cloud.aws.names.zones.iter().filter_map(|zone| zone.next_arrival(cloud.now));
    arrivals.chain(health::next_due(cloud)).min()
}

/// Does what is due now.
pub(super) fn keep_time(cloud: &mut Cloud) {
    health::follow_alarms(cloud);
}

/// Draws the consequences of what has changed.
pub(super) fn refresh(cloud: &mut Cloud) {
    health::visit_endpoints(cloud);
}

fn body(call: &Call<'_>, root: &str) -> Result<Element, Refusal> {
    let text = std::str::from_utf8(call.request.body()).unwrap_or_default();
    let read = Element::read(text).filter(|read| read.name == root);
    read.ok_or_else(|| {
        Refusal::new(400, "InvalidInput", format!("Invalid XML ; {root} is expected."))
    })
}

fn zone<'a>(cloud: &'a Cloud, id: &str) -> Result<&'a Zone, Refusal> {
    let found = cloud.aws.names.zones.iter().find(|zone| zone.id == id);
    found.ok_or_else(|| {
        Refusal::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
    })
}

fn zone_mut<'a>(cloud: &'a mut Cloud, id: &str) -> Option<&'a mut Zone> {
    cloud.aws.names.zones.iter_mut().find(|zone| zone.id == id)
}

fn check<'a>(cloud: &'a Cloud, id: &str) -> Result<&'a HealthCheck, Refusal> {
    let found = cloud.aws.names.checks.iter().find(|check| check.id == id);
    found.ok_or_else(|| no_such_check(id))
}

fn no_such_check(id: &str) -> Refusal {
    Refusal::new(404, "NoSuchHealthCheck", format!("A health check with id {id} does not exist."))
}

fn show_check(cloud: &Cloud, check: &HealthCheck) -> Element {
    let alarm = check.alarm.as_ref();
    check.show(alarm.and_then(|(region, name)| cloud.aws.watch.alarm(region, name)))
}

/// As many of a list as are asked for, and whether more follow.
fn page<T>(
    call: &Call<'_>,
    most: usize,
    all: Vec<T>,
) -> Result<(usize, Vec<T>, Option<T>), Refusal> {
    let wanted = match call.parameter("maxitems") {
        None => most,
        Some(said) => {
            said.parse().map_err(|_| invalid(format!("MaxItems '{said}' is no number")))?
        }
    };
    let wanted = wanted.clamp(1, most);
    let mut rest = all.into_iter();
    let page = rest.by_ref().take(wanted).collect();
    Ok((wanted, page, rest.next()))
}

fn list_zones(cloud: &Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    let marker = call.parameter("marker").unwrap_or_default();
    let all = &cloud.aws.names.zones;
    let after = all.iter().skip_while(|zone| !marker.is_empty() && zone.id != marker).collect();
    let (most, page, next) = page(call, MOST_ZONES, after)?;
    let mut shown = vec![
        Element::new("HostedZones").with(page.iter().map(|zone| zone.show())),
        leaf("Marker", &marker),
        leaf("IsTruncated", next.is_some()),
    ];
    shown.extend(next.map(|zone| leaf("NextMarker", &zone.id)));
    shown.push(leaf("MaxItems", most));
    Ok(asked.document("ListHostedZonesResponse", shown))
}

fn list_zones_by_name(cloud: &Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    let from = call.parameter("dnsname").map(|name| canonical(&name));
    let id = call.parameter("hostedzoneid").unwrap_or_default();
    let mut all: Vec<&Zone> = cloud.aws.names.zones.iter().collect();
    all.sort_by(|a, b| (name::order(&a.name), &a.id).cmp(&(name::order(&b.name), &b.id)));
    if let Some(from) = &from {
        all.retain(|zone| (name::order(&zone.name), &zone.id) >= (name::order(from), &id));
    }
    let (most, page, next) = page(call, MOST_ZONES, all)?;
    let mut shown = vec![Element::new("HostedZones").with(page.iter().map(|zone| zone.show()))];
    shown.extend(from.map(|from| leaf("DNSName", from)));
    shown.push(leaf("IsTruncated", next.is_some()));
    if let Some(zone) = next {
        shown.push(leaf("NextDNSName", &zone.name));
        shown.push(leaf("NextHostedZoneId", &zone.id));
    }
    shown.push(leaf("MaxItems", most));
    Ok(asked.document("ListHostedZonesByNameResponse", shown))
}

fn list_records(zone: &Zone, call: &Call<'_>, asked: &Asked) -> Replied {
    let name = call.parameter("name").map(|name| canonical(&name));
    let kind = call.parameter("type").unwrap_or_default();
    let set = call.parameter("identifier").unwrap_or_default();
    if name.is_none() && !kind.is_empty() || kind.is_empty() && !set.is_empty() {
        return Err(invalid("A start needs a name before a type, and a type before an identifier"));
    }
    let mut all: Vec<&RecordSet> = zone.records().iter().collect();
    all.sort_by(|a, b| key(a).cmp(&key(b)));
    if let Some(name) = &name {
        let start = (name::order(name), kind.as_str(), set.as_str());
        all.retain(|set| key(set) >= start);
    }
    let (most, page, next) = page(call, MOST_RECORDS, all)?;
    let mut shown = vec![
        Element::new("ResourceRecordSets").with(page.iter().map(|set| set.show())),
        leaf("IsTruncated", next.is_some()),
    ];
    if let Some(next) = next {
        shown.extend([leaf("NextRecordName", &next.name), leaf("NextRecordType", &next.kind)]);
        shown.extend(next.set.as_ref().map(|set| leaf("NextRecordIdentifier", set)));
    }
    shown.push(leaf("MaxItems", most));
    Ok(asked.document("ListResourceRecordSetsResponse", shown))
}

fn change_records(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked, id: &str) -> Replied {
    let zone = zone(cloud, id)?;
    let batch = Batch::read(&body(call, "ChangeResourceRecordSetsRequest")?)?;
    let named = batch.changes.iter().filter(|(action, _)| *action != batch::Action::Delete);
    let mut checks = named.filter_map(|(_, set)| set.health_check.as_ref());
    if let Some(unknown) = checks.find(|id| check(cloud, id).is_err()) {
        return Err(no_such_check(unknown));
    }
    let records = batch.apply(zone, cloud.now)?;
    let (now, number) = (cloud.now, cloud.accepted.to_string());
    let change = Change {
        id: format!("C{:019X}", hash(&["change", &number])),
        submitted: now,
        is_stalled: zone.stalls,
        comment: batch.comment,
    };
    let shown = change.show(now);
    if let Some(zone) = zone_mut(cloud, id) {
        zone.replace(records, now);
    }
    cloud.aws.names.changes.push(change);
    Ok(asked.document("ChangeResourceRecordSetsResponse", [shown]))
}

fn list_checks(cloud: &Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    let marker = call.parameter("marker").unwrap_or_default();
    let all = &cloud.aws.names.checks;
    let after = all.iter().skip_while(|check| !marker.is_empty() && check.id != marker).collect();
    let (most, page, next): (_, Vec<&HealthCheck>, _) = page(call, MOST_CHECKS, after)?;
    let shown = page.into_iter().map(|check| show_check(cloud, check));
    let mut shown = vec![
        Element::new("HealthChecks").with(shown),
        leaf("Marker", &marker),
        leaf("IsTruncated", next.is_some()),
    ];
    shown.extend(next.map(|check| leaf("NextMarker", &check.id)));
    shown.push(leaf("MaxItems", most));
    Ok(asked.document("ListHealthChecksResponse", shown))
}

fn update_check(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked, id: &str) -> Replied {
    let mut changed = check(cloud, id)?.clone();
    changed.take(&body(call, "UpdateHealthCheckRequest")?, cloud.now)?;
    let shown = show_check(cloud, &changed);
    if let Some(place) = cloud.aws.names.checks.iter_mut().find(|check| check.id == id) {
        *place = changed;
    }
    Ok(asked.document("UpdateHealthCheckResponse", [shown]))
}

impl Cloud {
    /// Protects the records of a name and a type against every change, and says why.
    pub fn protect_record(&mut self, zone: &str, name: &str, kind: &str, comment: &str) {
        let protection = (canonical(name), kind.to_owned(), comment.to_owned());
        if let Some(zone) = zone_mut(self, zone) {
            zone.protections.push(protection);
        }
    }

    /// Lets a zone be at work on another request for so long.
    pub fn keep_zone_busy(&mut self, zone: &str, length: Duration) {
        let until = self.now + length;
        if let Some(zone) = zone_mut(self, zone) {
            zone.busy_until = until;
        }
    }

    /// Lets changes of a zone stay pending from now on: one of its servers does not learn of them.
    pub fn stall_zone(&mut self, zone: &str) {
        if let Some(zone) = zone_mut(self, zone) {
            zone.stalls = true;
        }
    }

    /// Lets the parent of a zone name other servers than its own.
    pub fn delegate_elsewhere(&mut self, zone: &str, servers: &[&str]) {
        if let Some(zone) = zone_mut(self, zone) {
            zone.delegated_to = Some(servers.iter().map(|server| (*server).to_owned()).collect());
        }
    }
}
