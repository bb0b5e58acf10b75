//! Record sets, and how they are written in XML.
//!
//! Source: `ResourceRecordSet`, Amazon Route 53 API reference 2013-04-01.

use super::name::canonical;
use crate::{
    sim::{aws::asked::leaf, call::Refusal},
    wire::Element,
};
use hickory_proto::rr::{RData, RecordType};
use serde::{Deserialize, Serialize};

const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS",
    "TLSA", "SSHFP", "SVCB", "HTTPS",
];
/// How long the answer of an alias may be kept: as long as its target's, which is this of a load balancer.
pub(in crate::sim) const ALIAS_TTL: u32 = 60;

/// Record sets of one name and type whose `set` tells them apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sim) struct RecordSet {
    /// Canonical.
    pub name: String,
    pub kind: String,
    pub set: Option<String>,
    pub routing: Routing,
    pub answer: Answer,
    pub health_check: Option<String>,
}

/// By what one of several sets of the same name and type is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Routing {
    Simple,
    Weighted(u8),
    Failover(Role),
    Multivalue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sim) enum Role {
    Primary,
    Secondary,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Answer {
    Values {
        ttl: u32,
        values: Vec<String>,
    },
    /// What another name answers.
    Alias {
        zone: String,
        /// Canonical.
        target: String,
        evaluates_health: bool,
    },
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Secondary => "SECONDARY",
        }
    }
}

impl Routing {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Weighted(_) => "weighted",
            Self::Failover(_) => "failover",
            Self::Multivalue => "multivalue answer",
        }
    }
}

impl RecordSet {
    pub(in crate::sim) fn ttl(&self) -> u32 {
        match self.answer {
            Answer::Values { ttl, .. } => ttl,
            Answer::Alias { .. } => ALIAS_TTL,
        }
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        (&self.name, &self.kind, &self.set) == (&other.name, &other.kind, &other.set)
    }

    /// Whether all that they say is equal; the order of values says nothing.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut set = set.clone();
            if let Answer::Values { values, .. } = &mut set.answer {
                values.sort();
            }
            set
        };
        sorted(self) == sorted(other)
    }

    /// How the service names it in its messages.
    pub(super) fn shown(&self) -> String {
        let set =
            self.set.as_ref().map_or_else(String::new, |set| format!(", set-identifier='{set}'"));
        format!("[name='{}', type='{}'{set}]", self.name, self.kind)
    }

    /// Reads one as an action has it. What contradicts itself is refused.
    pub(super) fn read(action: &str, element: &Element) -> Result<Self, Refusal> {
        let text = |name: &str| element.text_of(name).map(ToOwned::to_owned);
        let required = |name: &str| {
            text(name).ok_or_else(|| invalid(format!("Missing field '{name}' in Change")))
        };
        let (name, kind, set) =
            (canonical(&required("Name")?), required("Type")?, text("SetIdentifier"));
        let known = set.as_deref().unwrap_or("null");
        let change = format!(
            "Change with [Action={action}, Name={name}, Type={kind}, SetIdentifier={known}]"
        );
        if !TYPES.contains(&kind.as_str()) {
            return Err(invalid(format!("Value '{kind}' at 'type' failed to satisfy constraint")));
        }
        let routing = read_routing(element, &change)?;
        match (&set, routing) {
            (None, Routing::Simple) => {}
            (None, _) => return Err(invalid(format!("Missing field 'SetIdentifier' in {change}"))),
            (Some(_), Routing::Simple) => {
                let one = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, or CidrRoutingConfig]";
                return Err(invalid(format!(
                    "Expected exactly one of {one}, but found none in {change}"
                )));
            }
            (Some(_), _) => {}
        }
        let answer = read_answer(element, &kind, &change)?;
        Ok(Self { name, kind, set, routing, answer, health_check: text("HealthCheckId") })
    }

    pub(super) fn show(&self) -> Element {
        let mut shown = vec![leaf("Name", &self.name), leaf("Type", &self.kind)];
        shown.extend(self.set.as_ref().map(|set| leaf("SetIdentifier", set)));
        match self.routing {
            Routing::Simple => {}
            Routing::Weighted(weight) => shown.push(leaf("Weight", weight)),
            Routing::Failover(role) => shown.push(leaf("Failover", role.as_str())),
            Routing::Multivalue => shown.push(leaf("MultiValueAnswer", true)),
        }
        match &self.answer {
            Answer::Values { ttl, values } => {
                let record = |value| Element::new("ResourceRecord").with([leaf("Value", value)]);
                shown.push(leaf("TTL", ttl));
                shown.push(Element::new("ResourceRecords").with(values.iter().map(record)));
            }
            Answer::Alias { zone, target, evaluates_health } => {
                shown.push(Element::new("AliasTarget").with([
                    leaf("HostedZoneId", zone),
                    leaf("DNSName", target),
                    leaf("EvaluateTargetHealth", evaluates_health),
                ]));
            }
        }
        shown.extend(self.health_check.as_ref().map(|check| leaf("HealthCheckId", check)));
        Element::new("ResourceRecordSet").with(shown)
    }

    /// What is wrong with its values, in the service's words.
    pub(super) fn fault(&self) -> Option<String> {
        let Answer::Values { values, .. } = &self.answer else { return None };
        let kind: RecordType = self.kind.parse().ok()?;
        let (problem, why) = match kind {
            RecordType::A => ("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address"),
            RecordType::AAAA => {
                ("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")
            }
            RecordType::CNAME if values.len() > 1 => {
                return Some(fatal("CNAMERRDATAMultiple", "Only one value is allowed", &values[1]));
            }
            RecordType::CNAME | RecordType::NS | RecordType::MX | RecordType::TXT => {
                ("InvalidRRDATA", "Value is not valid for this type")
            }
            // Others are taken as they are: nobody switches traffic with them.
            _ => return None,
        };
        let is_wrong = |value: &&String| RData::try_from_str(kind, value).is_err();
        values.iter().find(is_wrong).map(|value| fatal(problem, why, value))
    }
}

fn fatal(problem: &str, why: &str, value: &str) -> String {
    format!(
        "Invalid Resource Record: 'FATAL problem: {problem} ({why}) encountered with '{value}''"
    )
}

fn read_routing(element: &Element, change: &str) -> Result<Routing, Refusal> {
    let mut found = Vec::new();
    if let Some(weight) = element.text_of("Weight") {
        let weight = weight.parse().map_err(|_| {
            invalid(format!("Value '{weight}' at 'weight' must be between 0 and 255 in {change}"))
        });
        found.push(Routing::Weighted(weight?));
    }
    match element.text_of("Failover") {
        None => {}
        Some("PRIMARY") => found.push(Routing::Failover(Role::Primary)),
        Some("SECONDARY") => found.push(Routing::Failover(Role::Secondary)),
        Some(other) => {
            return Err(invalid(format!("Value '{other}' at 'failover' is unknown in {change}")));
        }
    }
    if element.text_of("MultiValueAnswer") == Some("true") {
        found.push(Routing::Multivalue);
    }
    let others = ["Region", "GeoLocation", "CidrRoutingConfig", "GeoProximityLocation"];
    if let Some(other) = others.iter().find(|name| element.get(name).is_some()) {
        return Err(invalid(format!("Routing by '{other}' is not simulated, in {change}")));
    }
    match found[..] {
        [] => Ok(Routing::Simple),
        [one] => Ok(one),
        _ => {
            let one =
                "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, or CidrRoutingConfig]";
            Err(invalid(format!(
                "Expected exactly one of {one}, but found more than one in {change}"
            )))
        }
    }
}

fn read_answer(element: &Element, kind: &str, change: &str) -> Result<Answer, Refusal> {
    let ttl = element.text_of("TTL");
    let records = element.get("ResourceRecords");
    let alias = element.get("AliasTarget");
    match (ttl, records, alias) {
        (Some(ttl), Some(records), None) => {
            let ttl = ttl.parse().ok().filter(|ttl| *ttl <= i32::MAX.unsigned_abs());
            let ttl = ttl.ok_or_else(|| invalid(format!("The TTL is out of range in {change}")))?;
            let values = records.children.iter().filter_map(|record| record.text_of("Value"));
            let values: Vec<_> = values.map(ToOwned::to_owned).collect();
            if values.is_empty() {
                return Err(invalid(format!(
                    "The content of element 'ResourceRecords' is not complete in {change}"
                )));
            }
            Ok(Answer::Values { ttl, values })
        }
        (None, None, Some(alias)) => {
            let required = |name: &str| {
                let missing =
                    || invalid(format!("Missing field '{name}' of 'AliasTarget' in {change}"));
                alias.text_of(name).ok_or_else(missing)
            };
            if ["NS", "SOA"].contains(&kind) {
                return Err(invalid(format!(
                    "A set of type {kind} cannot be an alias, in {change}"
                )));
            }
            Ok(Answer::Alias {
                zone: required("HostedZoneId")?.to_owned(),
                target: canonical(required("DNSName")?),
                evaluates_health: required("EvaluateTargetHealth")? == "true",
            })
        }
        (None, None, None) => {
            let one =
                "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
            Err(invalid(format!("Expected exactly one of {one}, but found none in {change}")))
        }
        (None, Some(_), None) => Err(invalid(format!("Missing field 'TTL' in {change}"))),
        (Some(_), None, None) => {
            Err(invalid(format!("Missing field 'ResourceRecords' in {change}")))
        }
        (_, _, Some(_)) => {
            let one =
                "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
            Err(invalid(format!(
                "Expected exactly one of {one}, but found more than one in {change}"
            )))
        }
    }
}

pub(super) fn invalid(why: impl AsRef<str>) -> Refusal {
    Refusal::new(400, "InvalidInput", format!("Invalid request: {}", why.as_ref()))
}
