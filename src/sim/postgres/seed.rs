//! The servers that a plan names: one active, the others streaming from it.

use super::{Instance, Log, SESSIONS, Service, hba};
use crate::{
    model::{Node, Resource},
    plan::Step,
    sim::{
        cloud::Cloud,
        seed::{Seed, region},
    },
};
use jiff::SignedDuration;
use std::collections::BTreeMap;

pub(in crate::sim) const KIND: &str = "PostgreSQL::Server";
const FIRST: u64 = 0x3000_0060;

impl Instance {
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let place = |resource: &Resource| {
            let (host, port) = resource.name.rsplit_once(':').unwrap_or((&resource.name, "5432"));
            (host.to_owned(), port.parse().unwrap_or(5432))
        };
        let is_active = |resource: &&Resource| region(resource).as_ref() == Some(&seed.active);
        let primary = seed.of_kind(KIND).find(is_active).map(place);
        let now = cloud.now;
        let mut roles = vec!["app".to_owned(), "postgres".to_owned()];
        for work in seed.plan.steps.iter().filter_map(Step::action) {
            let user = work.with.get("user").and_then(Node::as_text);
            roles.extend(
                user.filter(|user| !roles.iter().any(|one| one == user)).map(str::to_owned),
            );
        }
        for resource in seed.of_kind(KIND) {
            let (host, port) = place(resource);
            if cloud.instance(&host, port).is_some() {
                continue;
            }
            let is_primary = Some((&host, &port)) == primary.as_ref().map(|(h, p)| (h, p));
            let upstream = primary.clone().filter(|_| !is_primary);
            let slots =
                seed.of_kind(KIND).map(place).filter(|place| *place != (host.clone(), port));
            let slots = slots.map(|(host, _)| slot(&host)).filter(|_| is_primary).collect();
            cloud.instances.push(Self {
                region: region(resource).unwrap_or_default(),
                system: "7300000000000000001".to_owned(),
                timeline: 1,
                upstream,
                log: Log { lsn: FIRST, at: now, rate: 0, before: 0 },
                hba: hba::WITHOUT_A_FENCE.to_owned(),
                hba_loaded: hba::WITHOUT_A_FENCE.to_owned(),
                hba_written: now - SignedDuration::from_hours(1),
                auto: BTreeMap::new(),
                loaded: BTreeMap::new(),
                conf_loaded: now,
                slots,
                sessions: if is_primary { SESSIONS } else { 0 },
                roles: roles.clone(),
                checkpoint: 1,
                is_diverged: false,
                service: Service::Running,
                has_signal: !is_primary,
                host,
                port,
            });
        }
    }
}

/// The slot that a standby keeps on its primary.
pub(super) fn slot(host: &str) -> String {
    host.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}
