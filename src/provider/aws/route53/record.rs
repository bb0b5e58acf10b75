//! A record set, as Route 53 shows it: all of it, because an UPSERT takes away whatever it does not repeat.

use crate::{model::Region, wire::Element};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

/// What a record set holds, and its parts, in the order in which the API wants them (`ChangeResourceRecordSets`,
/// "Syntaxes": the elements must appear in the order listed).
const FIELDS: [(&str, &[&str]); 9] = [
    (
        "ResourceRecordSet",
        &[
            "Name",
            "Type",
            "SetIdentifier",
            "Weight",
            "Region",
            "GeoLocation",
            "Failover",
            "MultiValueAnswer",
            "TTL",
            "ResourceRecords",
            "AliasTarget",
            "HealthCheckId",
            "TrafficPolicyInstanceId",
            "CidrRoutingConfig",
            "GeoProximityLocation",
            "AZAffinity",
        ],
    ),
    ("ResourceRecords", &["ResourceRecord"]),
    ("ResourceRecord", &["Value"]),
    ("AliasTarget", &["HostedZoneId", "DNSName", "EvaluateTargetHealth"]),
    ("GeoLocation", &["ContinentCode", "CountryCode", "SubdivisionCode"]),
    ("CidrRoutingConfig", &["CollectionId", "LocationName"]),
    ("GeoProximityLocation", &["AWSRegion", "LocalZoneGroup", "Coordinates", "Bias"]),
    ("Coordinates", &["Latitude", "Longitude"]),
    ("AZAffinity", &["LocationType", "LocationId"]),
];

/// What makes a set one of several of its name: one of these is there whenever a `SetIdentifier` is.
const ROUTING: [&str; 7] = [
    "Weight",
    "Region",
    "GeoLocation",
    "Failover",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
];

/// What a set answers with, whether it holds values or is an alias.
const TARGET: &str = "target";

/// How long resolvers keep the answer of an alias to a load balancer (Route 53 developer guide, "Choosing between alias
/// and non-alias records").
const TTL_OF_AN_ALIAS: Duration = Duration::from_mins(1);

/// The parts that an element of a record set may have; none for one that holds a text.
pub(super) fn fields_of(element: &str) -> Option<&'static [&'static str]> {
    FIELDS.iter().find(|(name, _)| *name == element).map(|(_, fields)| *fields)
}

/// One record set. Two are equal when Route 53 would answer and check the same for both.
#[derive(Clone, Debug)]
pub(crate) struct RecordSet(Element);

impl PartialEq for RecordSet {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && self.flat() == other.flat()
    }
}

/// What tells a record set from all others of its zone.
pub(crate) type Key = (String, String, Option<String>);

impl RecordSet {
    pub(super) fn new(name: &str, kind: &str) -> Self {
        let fields = [Element::with_text("Name", name), Element::with_text("Type", kind)];
        Self(Element::new("ResourceRecordSet").with(fields))
    }

    pub(super) fn read(element: Element) -> Option<Self> {
        let is_named = element.text_of("Name").is_some() && element.text_of("Type").is_some();
        is_named.then_some(Self(element))
    }

    pub(crate) fn name(&self) -> String {
        canonical(self.text("Name").unwrap_or_default())
    }

    pub(crate) fn kind(&self) -> &str {
        self.text("Type").unwrap_or_default()
    }

    pub(crate) fn identifier(&self) -> Option<&str> {
        self.text("SetIdentifier")
    }

    pub(super) fn key(&self) -> Key {
        (self.name(), self.kind().to_owned(), self.identifier().map(ToOwned::to_owned))
    }

    /// `PRIMARY`, `SECONDARY`, or nothing.
    pub(crate) fn failover(&self) -> Option<&str> {
        self.text("Failover")
    }

    pub(crate) fn weight(&self) -> Option<u64> {
        self.text("Weight")?.parse().ok()
    }

    pub(crate) fn health_check(&self) -> Option<&str> {
        self.text("HealthCheckId")
    }

    pub(super) fn policy(&self) -> Option<&str> {
        self.text("TrafficPolicyInstanceId")
    }

    /// How long resolvers keep its answer.
    pub(crate) fn ttl(&self) -> Duration {
        let own = self.text("TTL").and_then(|ttl| ttl.parse().ok());
        own.map_or(TTL_OF_AN_ALIAS, Duration::from_secs)
    }

    /// The zone and the name that it is an alias of.
    pub(crate) fn alias(&self) -> Option<(&str, String)> {
        let target = self.0.get("AliasTarget")?;
        Some((target.text_of("HostedZoneId")?, canonical(target.text_of("DNSName")?)))
    }

    pub(crate) fn values(&self) -> BTreeSet<String> {
        let values = self.0.members("ResourceRecords").iter();
        values.filter_map(|one| Some(normal(self.kind(), one.text_of("Value")?))).collect()
    }

    /// What it answers with, for people.
    pub(crate) fn target(&self) -> String {
        match self.alias() {
            Some((_, host)) => shown(&host).to_owned(),
            None => self.values().into_iter().collect::<Vec<_>>().join(", "),
        }
    }

    /// The region that its target is in, where the name of the target says so.
    pub(crate) fn region(&self) -> Option<Region> {
        region_of_host(&self.target())
    }

    /// What people call it.
    pub(crate) fn label(&self) -> String {
        let of_several = self.identifier().map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{} {}{of_several}", shown(&self.name()), self.kind())
    }

    /// The same with another text in one of its fields.
    #[must_use]
    pub(super) fn with(self, field: &str, text: impl Into<String>) -> Self {
        let Self(mut element) = self.without(&[field]);
        element.children.push(Element::with_text(field, text));
        Self(element)
    }

    #[must_use]
    pub(super) fn without(mut self, fields: &[&str]) -> Self {
        self.0.children.retain(|child| !fields.contains(&child.name.as_str()));
        self
    }

    /// The same with these values.
    #[must_use]
    pub(super) fn with_values<'a>(self, values: impl IntoIterator<Item = &'a str>) -> Self {
        let record =
            |value| Element::new("ResourceRecord").with([Element::with_text("Value", value)]);
        let records = Element::new("ResourceRecords").with(values.into_iter().map(record));
        let Self(element) = self.without(&["ResourceRecords", "AliasTarget"]);
        Self(element.with([records]))
    }

    /// The same as an alias. Whether the health of its target counts stays as it was.
    #[must_use]
    pub(super) fn with_alias(self, zone: &str, host: &str) -> Self {
        let evaluates = self.0.at(&["AliasTarget", "EvaluateTargetHealth"]);
        let evaluates = evaluates.map_or("false", |flag| flag.text.trim()).to_owned();
        let alias = Element::new("AliasTarget").with([
            Element::with_text("HostedZoneId", zone),
            Element::with_text("DNSName", host),
            Element::with_text("EvaluateTargetHealth", evaluates),
        ]);
        let Self(element) = self.without(&["ResourceRecords", "AliasTarget", "TTL"]);
        Self(element.with([alias]))
    }

    /// The same, answering with what another one answers with, and healthy when that one is.
    #[must_use]
    pub(super) fn in_place_of(self, other: &Self) -> Self {
        const TRAVELS: [&str; 4] = ["TTL", "ResourceRecords", "AliasTarget", "HealthCheckId"];
        let taken = other.0.children.iter().filter(|child| TRAVELS.contains(&child.name.as_str()));
        let Self(element) = self.without(&TRAVELS);
        Self(element.with(taken.cloned()))
    }

    /// As the API takes it.
    pub(super) fn element(&self) -> Element {
        ordered(&self.0)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.text_of(field)
    }

    /// Every field and its text, but those that it is told by.
    fn flat(&self) -> BTreeMap<String, String> {
        let mut flat = BTreeMap::new();
        for child in &self.0.children {
            match child.name.as_str() {
                "Name" | "Type" | "SetIdentifier" => {}
                "ResourceRecords" => {
                    flat.insert(TARGET.to_owned(), self.target());
                }
                name => leaves(name.to_owned(), child, &mut flat),
            }
        }
        flat
    }

    /// What would change if it became the other one: `192.0.2.1 → 192.0.2.2; TTL 300 → 60`.
    pub(super) fn change_to(&self, other: &Self) -> String {
        let (before, after) = (self.flat(), other.flat());
        let mut fields: Vec<_> = before.keys().chain(after.keys()).collect();
        fields.sort_by_key(|field| (*field != TARGET, field.as_str()));
        fields.dedup();
        let change = |field: &String| {
            let of = |flat: &BTreeMap<String, String>| flat.get(field).cloned();
            let (before, after) = (of(&before), of(&after));
            let name = if field == TARGET { String::new() } else { format!("{field} ") };
            let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            (before != after).then(|| format!("{name}{} → {}", text(before), text(after)))
        };
        fields.into_iter().filter_map(change).collect::<Vec<_>>().join("; ")
    }

    /// The fields that an UPSERT of the other one would take away without saying so. What makes room for something of
    /// its own kind, as values do for an alias, is meant.
    pub(super) fn lost_in(&self, other: &Self) -> Vec<String> {
        let (before, after) = (self.flat(), other.flat());
        let is_routed = ROUTING.iter().any(|field| other.0.get(field).is_some());
        let is_meant = |field: &str| {
            let whole = field.split('.').next().unwrap_or_default();
            field == "TTL" && other.alias().is_some()
                || whole == "AliasTarget" && other.alias().is_none()
                || is_routed && ROUTING.contains(&whole)
        };
        before.into_keys().filter(|field| !after.contains_key(field) && !is_meant(field)).collect()
    }
}

fn leaves(path: String, element: &Element, flat: &mut BTreeMap<String, String>) {
    let text = element.text.trim();
    if path == "AliasTarget.DNSName" {
        flat.insert(TARGET.to_owned(), shown(&canonical(text)).to_owned());
    } else if element.children.is_empty() && !text.is_empty() {
        flat.insert(path, text.to_owned());
    } else {
        for child in &element.children {
            leaves(format!("{path}.{}", child.name), child, flat);
        }
    }
}

fn ordered(element: &Element) -> Element {
    let fields = fields_of(&element.name).unwrap_or_default();
    let mut children: Vec<_> = element.children.iter().map(ordered).collect();
    children.sort_by_key(|child| {
        fields.iter().position(|field| *field == child.name).unwrap_or(fields.len())
    });
    Element { children, ..element.clone() }
}

/// A name as it is compared: in lower case, with its last dot, and with no escape that need not be (Route 53 developer
/// guide, "DNS domain name format": it answers `\052` for `*`).
pub(crate) fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    let mut rest = name.trim();
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix('\\').and_then(|rest| rest.get(..3));
        let code = code.and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) if code.is_ascii_graphic() && !matches!(code, b'.' | b'\\') => {
                out.push(char::from(code));
                rest = &rest[4..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out.make_ascii_lowercase();
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

/// A name without the last dot, as people read it.
pub(crate) fn shown(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// A value as it is compared: addresses in one way of writing, and host names in lower case and without the last dot.
pub(super) fn normal(kind: &str, value: &str) -> String {
    let value = value.trim();
    match kind {
        "A" | "AAAA" => {
            value.parse::<IpAddr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string())
        }
        "CNAME" | "NS" | "PTR" | "MX" | "SRV" => {
            let words = value.split_whitespace().map(|word| shown(word).to_lowercase());
            words.collect::<Vec<_>>().join(" ")
        }
        _ => value.to_owned(),
    }
}

/// `dualstack.web-1.us-east-1.elb.amazonaws.com` is in us-east-1.
fn region_of_host(host: &str) -> Option<Region> {
    let is_number = |part: &str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit());
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_region = |label: &&str| match label.split('-').collect::<Vec<_>>()[..] {
        [ref words @ .., number] => {
            words.len() > 1 && is_number(number) && words.iter().all(is_word)
        }
        [] => false,
    };
    let host = host.strip_suffix(".amazonaws.com")?;
    host.rsplit('.').find(is_region).map(Region::new)
}
