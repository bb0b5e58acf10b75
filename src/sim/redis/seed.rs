//! The servers and sentinels that a plan names: one master, the others its replicas.

use super::{Log, Node, Place, Redis, Watch};
use crate::{
    model::{Node as Given, Resource, Value},
    plan::Step,
    sim::{
        cloud::Cloud,
        seed::{Seed, region},
    },
};
use jiff::SignedDuration;

const KIND: &str = "Redis::Server";
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
const FIRST: u64 = 100_000;

impl Place {
    pub(super) fn of(name: &str, default: u16) -> Self {
        let (host, port) = name.rsplit_once(':').unwrap_or((name, ""));
        Self { host: host.to_ascii_lowercase(), port: port.parse().unwrap_or(default) }
    }
}

impl Redis {
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        for work in seed.plan.steps.iter().filter_map(Step::action) {
            let Some(Value::List(sentinels)) = work.with.get("sentinels").map(|node| &node.value)
            else {
                continue;
            };
            let sentinels = sentinels.iter().filter_map(Given::as_text);
            let sentinels: Vec<_> = sentinels.map(|name| Place::of(name, SENTINEL_PORT)).collect();
            let name = work.with.get("group").and_then(Given::as_text).unwrap_or_default();
            let servers: Vec<_> =
                work.touches.iter().filter(|one| one.kind.eq_ignore_ascii_case(KIND)).collect();
            add(cloud, seed, (name, sentinels), &servers);
        }
    }
}

fn add(
    cloud: &mut Cloud,
    seed: &Seed<'_>,
    (name, sentinels): (&str, Vec<Place>),
    servers: &[&Resource],
) {
    let members: Vec<_> = servers.iter().map(|one| Place::of(&one.name, PORT)).collect();
    let is_active = |one: &&&Resource| region(one).as_ref() == Some(&seed.active);
    let master = servers.iter().find(is_active).map(|one| Place::of(&one.name, PORT));
    let Some(master) = master.or_else(|| members.first().cloned()) else { return };
    let now = cloud.now;
    for (server, place) in servers.iter().zip(&members) {
        if cloud.redis.node(place).is_some() {
            continue;
        }
        cloud.redis.nodes.push(Node {
            region: region(server).unwrap_or_default(),
            run: format!("{:040x}", cloud.redis.nodes.len() + 1),
            master: (*place != master).then(|| master.clone()),
            log: Log { lsn: FIRST, at: now, rate: 0, before: 0 },
            priority: 100,
            paused_until: now - SignedDuration::from_hours(1),
            is_out_of_sight: false,
            place: place.clone(),
        });
    }
    let known = cloud.redis.watches.iter_mut().find(|watch| watch.name == name);
    if let Some(watch) = known {
        let new = |place: &Place| !watch.members.contains(place);
        let new: Vec<_> = members.into_iter().filter(new).collect();
        watch.members.extend(new);
        return;
    }
    cloud.redis.watches.push(Watch {
        name: name.to_owned(),
        sentinels,
        members,
        master,
        epoch: 0,
        since: now - SignedDuration::from_hours(24),
        switch: None,
    });
}
