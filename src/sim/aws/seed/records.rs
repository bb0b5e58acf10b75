//! The zones of a plan, and the records that stand in them before a run.

use super::{Parameters, batch, gateway, hash, home, host_of, load_balancer, zone_above};
use crate::{
    model::Value,
    sim::{
        address::location,
        aws::{
            endpoint::region_of,
            route53::{Answer, RecordSet, Role, Routing, Zone, canonical, is_within},
        },
        cloud::Cloud,
        seed::Seed,
    },
};

/// The hosted zones that load balancers have in each region ("Elastic Load Balancing endpoints and quotas").
const ZONES_OF_LOAD_BALANCERS: [(&str, &str); 6] = [
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
];
const OTHER_ZONE: &str = "Z0SIMULATED";
pub(super) const USUAL_TTL: u32 = 60;

/// What a plan says of records.
pub(super) struct Records<'a> {
    pub seed: &'a Seed<'a>,
    pub steps: &'a [Parameters<'a>],
}

impl Records<'_> {
    pub(super) fn plant(&self, cloud: &mut Cloud) {
        self.add_zones(cloud);
        for step in self.steps {
            let Some(id) = step.id("zone") else { continue };
            let mut sets = match step.text("record").map(canonical) {
                None => batch::before(self.seed, *step, cloud),
                Some(record) if step.get("primary").is_some() => Self::named(*step, &record),
                Some(record) if step.get("standby").is_some() => self.stop(*step, &record),
                Some(record) if step.get("to").is_some() => self.weights(*step, &record),
                Some(_) => Vec::new(),
            };
            sets.extend(self.own_address(cloud, *step));
            plant_new(cloud, id, sets);
        }
    }

    /// A name that is only waited for, until it answers as a region does, is that of a pair: the plan changes no record,
    /// and Route 53 follows the health of what the pair stands for.
    pub(super) fn plant_what_is_awaited(&self, cloud: &mut Cloud) {
        for step in self.steps {
            let (Some(name), Some(like)) = (step.text("name"), step.text("like")) else { continue };
            let name = canonical(name);
            let zone = zone_above(std::slice::from_ref(&name));
            let Some(zone) = zone.filter(|_| cloud.zone_of(&name).is_none()) else { continue };
            let primary = alias(&load_balancer(self.seed, &self.seed.active), true);
            let mut zone = Zone::new(OTHER_ZONE, &zone);
            for set in pair(&name, primary, alias(like, true), None, ["primary", "secondary"]) {
                zone.plant(&set);
            }
            cloud.aws.names.zones.push(zone);
        }
    }

    fn add_zones(&self, cloud: &mut Cloud) {
        for step in self.steps {
            let Some(id) = step.id("zone") else { continue };
            if cloud.aws.names.zones.iter().any(|zone| zone.id == id) {
                continue;
            }
            let same = self.steps.iter().filter(|other| other.id("zone") == Some(id));
            let names: Vec<_> = same.flat_map(|other| names(*other)).collect();
            if let Some(name) = zone_above(&names) {
                cloud.aws.names.zones.push(Zone::new(id, &name));
            }
        }
    }

    /// The two records of the pattern. What answers in the standby region is the secondary.
    fn stop(&self, step: Parameters<'_>, record: &str) -> Vec<RecordSet> {
        let standby = step.region("standby").unwrap_or_default();
        let regions = [&self.seed.active, &self.seed.standby];
        let primary = regions.into_iter().find(|region| **region != standby);
        let target = |region: &str| alias(&gateway(self.seed, region), true);
        let check = step.id("health_check").map(ToOwned::to_owned);
        let primary = target(primary.map_or("", String::as_str));
        pair(record, primary, target(&standby), check, ["1", "2"])
    }

    fn named(step: Parameters<'_>, record: &str) -> Vec<RecordSet> {
        let ttl = step.get("ttl").and_then(|node| match node.value {
            Value::Int(ttl) => u32::try_from(ttl).ok(),
            _ => None,
        });
        let answer = |name: &str| {
            let target = step.text(name).unwrap_or_default();
            match ttl {
                Some(ttl) => Answer::Values { ttl, values: vec![target.to_owned()] },
                None => alias(target, true),
            }
        };
        let check = step.id("health_check").map(ToOwned::to_owned);
        let mut sets =
            pair(record, answer("primary"), answer("secondary"), check, ["primary", "secondary"]);
        if ttl.is_some() {
            for set in &mut sets {
                "CNAME".clone_into(&mut set.kind);
            }
        }
        sets
    }

    /// Two weighted records: all of the weight is on the region that serves.
    fn weights(&self, step: Parameters<'_>, record: &str) -> Vec<RecordSet> {
        let plan = self.seed.plan;
        let sides = [("from", &plan.from), ("to", &plan.to)];
        let set = |(name, region): (&str, &crate::model::Region)| {
            let region = location(region.as_str());
            let weight = if region == self.seed.active { 100 } else { 0 };
            Some(RecordSet {
                name: record.to_owned(),
                kind: "A".to_owned(),
                set: Some(step.text(name)?.to_owned()),
                routing: Routing::Weighted(weight),
                answer: alias(&load_balancer(self.seed, &region), false),
                health_check: None,
            })
        };
        sides.into_iter().filter_map(set).collect()
    }

    /// The record of a region's own address, where that lies in a zone of the plan.
    fn own_address(&self, cloud: &Cloud, step: Parameters<'_>) -> Option<RecordSet> {
        let host =
            step.text("probe").and_then(host_of).filter(|host| region_of(cloud, host).is_none())?;
        Some(RecordSet {
            name: canonical(&host),
            kind: "A".to_owned(),
            set: None,
            routing: Routing::Simple,
            answer: alias(&gateway(self.seed, &home(self.seed, step, "probe")), false),
            health_check: None,
        })
    }
}

/// Makes a name that users know lead to the region that serves, and to the other one when its targets are gone.
pub(super) fn publish(cloud: &mut Cloud, seed: &Seed<'_>, host: &str) {
    let name = canonical(host);
    let [active, standby] =
        [&seed.active, &seed.standby].map(|region| alias(&gateway(seed, region), true));
    let sets = pair(&name, active, standby, None, ["1", "2"]);
    let known = cloud.zone_of(&name).map(|zone| zone.id.clone());
    let id = known.unwrap_or_else(|| {
        let above = zone_above(std::slice::from_ref(&name)).unwrap_or_else(|| name.clone());
        let id = format!("Z{:019X}", hash(&[&above]));
        cloud.aws.names.zones.push(Zone::new(&id, &above));
        id
    });
    plant_new(cloud, &id, sets);
}

/// Puts records into a zone, where it has none of their names: what an earlier run left there stays.
fn plant_new(cloud: &mut Cloud, id: &str, sets: Vec<RecordSet>) {
    let Some(zone) = cloud.aws.names.zones.iter_mut().find(|zone| zone.id == id) else { return };
    let is_new = |set: &RecordSet| {
        is_within(&set.name, &zone.name) && zone.records().iter().all(|one| one.name != set.name)
    };
    let fresh: Vec<_> = sets.into_iter().filter(is_new).collect();
    for set in &fresh {
        zone.plant(set);
    }
}

/// The names that a step wants records of in its zone.
fn names(step: Parameters<'_>) -> Vec<String> {
    let record = step.text("record").map(canonical);
    record.into_iter().chain(batch::names(step)).collect()
}

fn pair(
    record: &str,
    primary: Answer,
    secondary: Answer,
    check: Option<String>,
    sets: [&str; 2],
) -> Vec<RecordSet> {
    let set = |set: &str, role, answer, health_check| RecordSet {
        name: record.to_owned(),
        kind: "A".to_owned(),
        set: Some(set.to_owned()),
        routing: Routing::Failover(role),
        answer,
        health_check,
    };
    vec![
        set(sets[0], Role::Primary, primary, check),
        set(sets[1], Role::Secondary, secondary, None),
    ]
}

/// An alias for a name of the vendor's.
pub(super) fn alias(target: &str, evaluates_health: bool) -> Answer {
    let is_there = |(region, _): &&(&str, &str)| target.contains(&format!(".{region}.elb."));
    let zone = ZONES_OF_LOAD_BALANCERS.iter().find(is_there).map_or(OTHER_ZONE, |(_, zone)| zone);
    Answer::Alias { zone: zone.to_owned(), target: canonical(target), evaluates_health }
}
