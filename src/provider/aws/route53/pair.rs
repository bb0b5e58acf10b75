//! A failover pair: one name, of which Route 53 answers the PRIMARY set while its health check is healthy, and else the
//! SECONDARY one.
//!
//! Such a pair is the commonest thing to be almost right: a check that is not attached switches nothing, one that probes
//! the name it switches reports on whoever answers, and a zone that nobody is sent to answers to nobody.

use super::{
    super::{
        OnAws,
        call::Call,
        client::{Aws, before_sending},
        service::ROUTE_53_REGION,
        there_is_no, unknown_change,
    },
    CHANGES_CHECKED_RECORDS, CONTROL_PLANE, Desk, PROVE, RECORD, Sought, TYPE, ZONE,
    batch::{self, Edit},
    check::{self, HealthCheck},
    never, plan,
    record::{RecordSet, canonical, normal, shown},
    refused, silence,
    zone::Zone,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Handle, Kind, Look,
        Observation, Parameter, Params, Polled, Serves, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource, span},
    wire::Response,
};
use async_trait::async_trait;
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

pub(crate) static FAILOVER_PAIR: Kind = Kind {
    name: "aws.route53.failover_pair",
    summary: "Prove a PRIMARY and a SECONDARY record and what switches them, and put them right",
    parameters: &[
        ZONE,
        RECORD,
        TYPE,
        Parameter::required(
            "primary",
            Shape::Text,
            "What the PRIMARY record answers with: the name that it is an alias of, or its values",
        ),
        Parameter::required("secondary", Shape::Text, "The same of the SECONDARY record"),
        Parameter::required(
            "health_check",
            check::HEALTH_CHECK,
            "The health check that switches, which the PRIMARY record must carry",
        ),
        Parameter::optional(
            "ttl",
            Shape::Duration,
            "The longest that resolvers may keep an answer",
        )
        .or(Default::Text("60s")),
        PROVE,
    ],
    observed: &["primary", "secondary", "health_check", "delegation", "ttl", "servers", "serves"],
    planes: &[CONTROL_PLANE],
    permissions: &CHANGES_CHECKED_RECORDS,
    // As for any records.
    usual: Duration::from_mins(1),
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["aws.route53.records"],
    bind,
};

const PAIR: &str = "pair";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = FailoverPair {
        desk: Desk::new(params, clients)?,
        record: canonical(&params.text("record")?),
        kind: params.text("type")?,
        primary: params.text("primary")?,
        secondary: params.text("secondary")?,
        check: params.resource("health_check")?,
        ttl: params.duration("ttl")?,
    };
    Ok(action.into_action())
}

struct FailoverPair {
    desk: Desk,
    record: String,
    kind: String,
    primary: String,
    secondary: String,
    check: Resource,
    ttl: Duration,
}

/// Everything that the pair stands on.
struct Found {
    zone: Zone,
    sets: Vec<RecordSet>,
    check: HealthCheck,
}

impl Found {
    /// Whether this set answers for no other reason than that the primary's endpoint is unwell.
    fn follows_its_endpoint(&self, set: &RecordSet) -> bool {
        let is_said = self.check.is_inverted() || !self.check.asks_an_endpoint();
        set.failover() == Some("SECONDARY") && !is_said
    }
}

#[async_trait]
impl OnAws for FailoverPair {
    fn aws(&self) -> &Aws {
        &self.desk.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        FAILOVER_PAIR.permissions
    }

    fn region(&self) -> &str {
        ROUTE_53_REGION
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let found = match self.find().await? {
            Ok(found) => found,
            Err(why) => return Ok(never(why)),
        };
        let mut evidence = evidence(&found);
        if let Some(why) = self.hindrance(&found, &mut evidence).await? {
            return Ok(Observation::new(Answer::Never { why }, evidence));
        }
        let edits = match self.missing(&found) {
            Ok(edits) => edits,
            Err(why) => return Ok(Observation::new(Answer::Never { why }, evidence)),
        };
        let sets: Vec<_> = found.sets.iter().collect();
        let heard = self.desk.hear(&found.zone, (&self.record, &self.kind), &sets).await;
        let mut answer = if edits.is_empty() {
            Answer::AsDesired
        } else {
            Answer::Missing(vec![change(&edits, &found)])
        };
        let Some(heard) = heard else { return Ok(Observation::new(answer, evidence)) };
        evidence.set("servers", Datum::Text(heard.says()));
        if let Some(set) = heard.chosen() {
            evidence.set("serves", Datum::Text(set.target()));
        }
        if let (Answer::AsDesired, Some(why)) = (&answer, heard.hindrance()) {
            answer = Answer::NotYet { why, look_again: super::ASK_AGAIN };
        }
        // Where Route 53 went by itself, nobody has seen to what else the region needs: the role was not moved there.
        let follows = heard.chosen().is_some_and(|set| found.follows_its_endpoint(set));
        let serves = if follows { Serves::NoRole } else { heard.serves() };
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        if change.id.as_str() != PAIR {
            return Err(unknown_change(change));
        }
        let found = self.find().await.map_err(before_sending)?.map_err(refused)?;
        let edits = self.missing(&found).map_err(refused)?;
        self.desk.request(&found.zone, None, &edits)
    }

    fn accepted(&self, response: &Response) -> Applied {
        batch::accepted(response)
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        self.desk.poll(handle).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let Ok(Ok(found)) = self.find().await else { return Vec::new() };
        let sets: Vec<_> = found.sets.iter().collect();
        let heard = self.desk.hear(&found.zone, (&self.record, &self.kind), &sets).await;
        let slow = found.sets.iter().filter(|set| set.ttl() > self.ttl).map(|set| {
            let [now, most] = [set.ttl(), self.ttl].map(span::show);
            Finding::warning(format!(
                "resolvers keep {} for {now}, longer than {most}: users follow that much later",
                set.label()
            ))
        });
        let inverted = found.check.is_inverted().then(|| {
            Finding::warning(format!(
                "{} is inverted: what is well counts as unhealthy",
                found.check.id
            ))
        });
        slow.chain(inverted).chain(silence(heard.as_ref())).collect()
    }
}

impl FailoverPair {
    async fn find(&self) -> Sought<Found> {
        let (zone, sets) = match self.desk.sets(&self.record, &self.kind).await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let check = HealthCheck::find(&self.desk.aws, &self.check.name).await?;
        let check = check.ok_or_else(|| there_is_no("health check", &self.check));
        Ok(check.map(|check| Found { zone, sets, check }))
    }

    /// What no batch can put right.
    async fn hindrance(
        &self,
        found: &Found,
        evidence: &mut Evidence,
    ) -> Result<Option<String>, Trouble> {
        let id = &found.check.id;
        if found.check.is_disabled() {
            return Ok(Some(format!(
                "the health check {id} is disabled: Route 53 takes it for healthy whatever happens, and never switches"
            )));
        }
        if let Some(probing) = found.check.probing(&self.desk.aws, &self.record).await? {
            let name = shown(&self.record);
            return Ok(Some(format!(
                "the health check {probing} probes {name}, the name that it switches: it reports on whoever answers"
            )));
        }
        Ok(self.stray_delegation(&found.zone, evidence).await)
    }

    /// Whether the zone above sends nobody to this zone's servers. Where it cannot be asked, nothing is known.
    async fn stray_delegation(&self, zone: &Zone, evidence: &mut Evidence) -> Option<String> {
        if zone.is_private || !self.desk.proves {
            return None;
        }
        let (above, servers) = match self.desk.resolver.delegation(&zone.name).await {
            Ok(told) => told,
            Err(trouble) => {
                evidence.set("delegation", Datum::Text(format!("not known: {}", trouble.why)));
                return None;
            }
        };
        let named: BTreeSet<_> = servers.iter().map(|server| canonical(server)).collect();
        let own: BTreeSet<_> = zone.servers.iter().cloned().collect();
        evidence.set("delegation", Datum::Text(list(&named)));
        let (name, above) = (shown(&zone.name), shown(&above));
        match named.is_empty() {
            _ if named == own => None,
            true => {
                Some(format!("the zone {above} does not delegate {name}: nobody asks its servers"))
            }
            false => Some(format!(
                "the zone {above} delegates {name} to {}, and the zone {} is answered by {}",
                list(&named),
                zone.id,
                list(&own)
            )),
        }
    }

    /// What one batch puts right, or why none can.
    fn missing(&self, found: &Found) -> Result<Vec<Edit>, String> {
        let (primary, secondary) = self.pair(&found.sets)?;
        let check = &found.check.id;
        let new_primary =
            self.with_target(primary, &self.primary, secondary)?.with("HealthCheckId", check);
        let new_secondary = self.with_target(secondary, &self.secondary, primary)?;
        // With the same check on both, both are unhealthy at once, and then Route 53 answers the PRIMARY.
        let new_secondary = match new_secondary.health_check() {
            Some(id) if id == check => new_secondary.without(&["HealthCheckId"]),
            _ => new_secondary,
        };
        let wanted = [(primary, new_primary), (secondary, new_secondary)];
        let differs = wanted.into_iter().filter(|(now, wanted)| *now != wanted);
        Ok(differs.map(|(_, wanted)| Edit::upsert(wanted)).collect())
    }

    /// The PRIMARY and the SECONDARY, when they are all there is.
    fn pair<'a>(&self, sets: &'a [RecordSet]) -> Result<(&'a RecordSet, &'a RecordSet), String> {
        let of = |role: &str| -> Vec<&RecordSet> {
            sets.iter().filter(|set| set.failover() == Some(role)).collect()
        };
        let other = sets.iter().find(|set| set.failover().is_none());
        match (&of("PRIMARY")[..], &of("SECONDARY")[..], other) {
            ([primary], [secondary], None) => Ok((primary, secondary)),
            (_, _, Some(other)) => Err(format!("{} belongs to no failover pair", other.label())),
            (primaries, secondaries, None) => {
                let names = |sets: &[&RecordSet]| {
                    let names = sets.iter().filter_map(|set| set.identifier());
                    names.collect::<Vec<_>>().join(", ")
                };
                Err(format!(
                    "{} {} has {} PRIMARY ({}) and {} SECONDARY ({}) records, and needs one of each",
                    shown(&self.record),
                    self.kind,
                    primaries.len(),
                    names(primaries),
                    secondaries.len(),
                    names(secondaries)
                ))
            }
        }
    }

    /// A set of the pair, answering with this target. A health check that is not the pair's own watches a target, and goes
    /// with it.
    fn with_target(
        &self,
        set: &RecordSet,
        target: &str,
        other: &RecordSet,
    ) -> Result<RecordSet, String> {
        let new = if answers_with(set, target) {
            set.clone()
        } else if answers_with(other, target) {
            set.clone().in_place_of(other)
        } else {
            let values: Vec<_> = values(target).collect();
            let is_address = |value: &&str| value.parse::<IpAddr>().is_ok();
            let fits = self.kind == "CNAME" || values.iter().all(is_address);
            if set.alias().is_some() || !fits {
                return Err(format!(
                    "{} leads to {}, and no record of the pair leads to {target}: `aws.route53.records` can set an alias",
                    set.label(),
                    set.target()
                ));
            }
            set.clone().with_values(values)
        };
        let is_slow = new.alias().is_none() && new.ttl() > self.ttl;
        Ok(if is_slow { new.with("TTL", self.ttl.as_secs().to_string()) } else { new })
    }
}

fn values(target: &str) -> impl Iterator<Item = &str> {
    target.split([',', ' ', '\n']).filter(|value| !value.is_empty())
}

fn answers_with(set: &RecordSet, target: &str) -> bool {
    // The console writes the name of a load balancer so, and Elastic Load Balancing does not.
    let plain = |host: &str| canonical(host.strip_prefix("dualstack.").unwrap_or(host));
    if let Some((_, host)) = set.alias() {
        return plain(&host) == plain(target.trim());
    }
    let wanted: BTreeSet<_> = values(target).map(|value| normal(set.kind(), value)).collect();
    set.values() == wanted
}

fn evidence(found: &Found) -> Evidence {
    let of = |role: &str| found.sets.iter().find(|set| set.failover() == Some(role));
    let target = |role| of(role).map_or_else(|| "none".to_owned(), RecordSet::target);
    let attached = of("PRIMARY").and_then(RecordSet::health_check).unwrap_or("none");
    let mut evidence = Evidence::new()
        .text("primary", target("PRIMARY"))
        .text("secondary", target("SECONDARY"))
        .text("health_check", attached);
    if let Some(longest) = found.sets.iter().map(RecordSet::ttl).max() {
        evidence.set("ttl", Datum::Seconds(longest.as_secs_f64()));
    }
    evidence
}

fn change(edits: &[Edit], found: &Found) -> Change {
    let told = edits.iter().map(|edit| plan::says(edit, &found.sets));
    Change::harmless(PAIR, Sign::Changes, told.collect::<Vec<_>>().join("; "))
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
