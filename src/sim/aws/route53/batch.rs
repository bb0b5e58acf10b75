//! Batches of changes to records: all of one or nothing.
//!
//! Source: `ChangeResourceRecordSets`, Amazon Route 53 API reference 2013-04-01. The texts of the refusals are those that
//! its users quote.

use super::{
    name::{host, is_within},
    record::{Answer, RecordSet, Role, Routing, invalid},
    zone::Zone,
};
use crate::{sim::call::Refusal, wire::Element};
use jiff::Timestamp;

const MOST_RECORDS: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Upsert,
    Delete,
}

pub(super) struct Batch {
    pub comment: Option<String>,
    pub changes: Vec<(Action, RecordSet)>,
}

impl Batch {
    pub(super) fn read(root: &Element) -> Result<Self, Refusal> {
        let batch =
            root.get("ChangeBatch").ok_or_else(|| invalid("Missing field 'ChangeBatch'"))?;
        let changes = batch.members("Changes");
        if changes.is_empty() {
            return Err(invalid("The content of element 'Changes' is not complete"));
        }
        let change = |element: &Element| {
            let said = element.text_of("Action").unwrap_or_default();
            let action = match said {
                "CREATE" => Action::Create,
                "UPSERT" => Action::Upsert,
                "DELETE" => Action::Delete,
                _ => return Err(invalid(format!("Value '{said}' at 'action' is unknown"))),
            };
            let set = element.get("ResourceRecordSet");
            let set = set.ok_or_else(|| invalid("Missing field 'ResourceRecordSet' in Change"))?;
            Ok((action, RecordSet::read(said, set)?))
        };
        let changes: Vec<_> = changes.iter().map(change).collect::<Result<_, _>>()?;
        let count = |(action, set): &(Action, RecordSet)| {
            let values = match &set.answer {
                Answer::Values { values, .. } => values.len(),
                Answer::Alias { .. } => 1,
            };
            // An UPSERT counts twice.
            if *action == Action::Upsert { 2 * values } else { values }
        };
        if changes.iter().map(count).sum::<usize>() > MOST_RECORDS {
            let why = format!("Number of records limit of {MOST_RECORDS} exceeded.");
            return Err(refused(&[why]));
        }
        Ok(Self { comment: batch.text_of("Comment").map(ToOwned::to_owned), changes })
    }

    /// The records of a zone after all of it.
    pub(super) fn apply(&self, zone: &Zone, now: Timestamp) -> Result<Vec<RecordSet>, Refusal> {
        if now < zone.busy_until {
            let why =
                "The request was rejected because Route 53 was still processing a prior request.";
            return Err(Refusal::new(400, "PriorRequestNotComplete", why));
        }
        let mut records = zone.records().to_vec();
        let mut faults = self.repetitions();
        for (action, set) in &self.changes {
            faults.extend(forbidden(zone, *action, set));
            if *action != Action::Delete {
                faults.extend(set.fault());
            }
            faults.extend(carry_out(&mut records, *action, set));
        }
        if faults.is_empty() {
            let kept = self.changes.iter().filter(|(action, _)| *action != Action::Delete);
            let fault = |(_, set): &(Action, RecordSet)| {
                conflict(zone, &records, set).or_else(|| aims_at_nothing(zone, &records, set))
            };
            faults.extend(kept.filter_map(fault));
        }
        if faults.is_empty() { Ok(records) } else { Err(refused(&faults)) }
    }

    /// One set may be named twice only to be deleted first and made again.
    fn repetitions(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (place, (action, set)) in self.changes.iter().enumerate() {
            let before = self.changes[..place].iter().find(|(_, other)| other.is_same_as(set));
            let is_remade = |before: Action| before == Action::Delete && *action == Action::Create;
            if before.is_some_and(|(before, _)| !is_remade(*before)) {
                faults.push(format!(
                    "The request contains an invalid set of changes for a resource record set '{} {}'",
                    set.kind, set.name
                ));
            }
        }
        faults
    }
}

/// Why a zone does not let a set be changed, whatever is there.
fn forbidden(zone: &Zone, action: Action, set: &RecordSet) -> Option<String> {
    if !is_within(&set.name, &zone.name) {
        return Some(format!(
            "RRSet with DNS name {} is not permitted in zone {}",
            set.name, zone.name
        ));
    }
    let mut protections = zone.protections.iter();
    let protection = protections.find(|(name, kind, _)| (name, kind) == (&set.name, &set.kind));
    if let Some((_, _, comment)) = protection {
        return Some(format!("Resource record set {} is protected: {comment}", set.shown()));
    }
    let is_apex = set.name == zone.name;
    match set.kind.as_str() {
        "NS" if is_apex && action == Action::Delete => {
            Some("A HostedZone must contain at least one NS record for the zone itself.".to_owned())
        }
        "SOA" if action == Action::Delete => {
            Some("A HostedZone must contain exactly one SOA record.".to_owned())
        }
        "CNAME" if is_apex => Some(format!(
            "RRSet of type CNAME with DNS name {} is not permitted at apex in zone {}",
            set.name, zone.name
        )),
        _ => None,
    }
}

fn carry_out(records: &mut Vec<RecordSet>, action: Action, set: &RecordSet) -> Option<String> {
    let place = records.iter().position(|known| known.is_same_as(set));
    match (action, place) {
        (Action::Create, Some(_)) => {
            return Some(format!(
                "Tried to create resource record set {} but it already exists",
                set.shown()
            ));
        }
        (Action::Delete, None) => {
            return Some(format!(
                "Tried to delete resource record set {} but it was not found",
                set.shown()
            ));
        }
        (Action::Delete, Some(place)) if !records[place].equals(set) => {
            return Some(format!(
                "Tried to delete resource record set {} but the values provided do not match the current values",
                set.shown()
            ));
        }
        (Action::Delete, Some(place)) => {
            records.remove(place);
        }
        (Action::Upsert, Some(place)) => records[place] = set.clone(),
        (Action::Create | Action::Upsert, None) => records.push(set.clone()),
    }
    None
}

/// Why a set cannot stand beside the others.
fn conflict(zone: &Zone, records: &[RecordSet], set: &RecordSet) -> Option<String> {
    let RecordSet { name, kind, .. } = set;
    let others = || records.iter().filter(|other| other.name == *name && !other.is_same_as(set));
    if kind == "CNAME" && others().any(|other| other.kind != *kind) {
        return Some(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same DNS name in zone {}",
            zone.name
        ));
    }
    if kind != "CNAME" && others().any(|other| other.kind == "CNAME") {
        return Some(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone {}",
            zone.name
        ));
    }
    let beside = || others().filter(|other| other.kind == *kind);
    let Some(identifier) = &set.set else {
        let stands_alone = beside().next().is_none();
        return (!stands_alone).then(|| {
            format!("RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type.")
        });
    };
    let cannot = |why: String| {
        Some(format!(
            "RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} cannot be created as {why}."
        ))
    };
    let routing = set.routing.as_str();
    if beside().any(|other| other.routing.as_str() != routing) {
        return cannot(format!("a non-{routing} set exists with the same name and type"));
    }
    match set.routing {
        Routing::Failover(role) => {
            if beside().any(|other| other.routing == set.routing) {
                let role = if role == Role::Primary { "primary" } else { "secondary" };
                return cannot(format!("a failover {role} set exists with the same name and type"));
            }
            let is_alias = matches!(set.answer, Answer::Alias { .. });
            if role == Role::Primary && !is_alias && set.health_check.is_none() {
                let why =
                    "A non-alias primary ResourceRecordSet must have an associated health check.";
                return Some(why.to_owned());
            }
        }
        Routing::Weighted(_) if beside().any(|other| other.ttl() != set.ttl()) => {
            return cannot("weighted sets must contain the same TTL".to_owned());
        }
        Routing::Weighted(_) | Routing::Multivalue | Routing::Simple => {}
    }
    None
}

/// Why the target of an alias within a zone is none.
fn aims_at_nothing(zone: &Zone, records: &[RecordSet], set: &RecordSet) -> Option<String> {
    let Answer::Alias { zone: id, target, .. } = &set.answer else { return None };
    if *id != zone.id {
        return None;
    }
    let tried = format!(
        "Tried to create an alias that targets {target}, type {} in zone {id}, but",
        set.kind
    );
    if !is_within(target, &zone.name) {
        return Some(format!("{tried} the alias target name does not lie within the target zone"));
    }
    let is_there = records.iter().any(|one| one.name == *target && one.kind == set.kind);
    (!is_there || host(target) == host(&set.name))
        .then(|| format!("{tried} that target was not found"))
}

fn refused(faults: &[String]) -> Refusal {
    Refusal::new(400, "InvalidChangeBatch", format!("[{}]", faults.join(", ")))
}
