//! Servers of which a plan says only that they should take connections at a port.

use super::{
    cloud::Cloud,
    line::{Door, Opened},
    seed::{Seed, region},
    simulated::Simulated,
};
use serde::{Deserialize, Serialize};

const KIND: &str = "TCP::Port";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Listener {
    place: String,
    region: String,
}

impl Listener {
    pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        for resource in seed.of_kind(KIND) {
            let place = resource.name.to_ascii_lowercase();
            if cloud.listeners.iter().all(|one| one.place != place) {
                cloud.listeners.push(Self { place, region: region(resource).unwrap_or_default() });
            }
        }
    }
}

/// Connects to whoever listens there, and says nothing. `None` where nobody does.
pub(super) fn open(cloud: &Simulated, host: &str, port: u16) -> Option<Opened> {
    // An address of IPv6 stands in brackets where a port follows.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let place = format!("{host}:{port}").to_ascii_lowercase();
    let door = cloud.with_world(|world| {
        let cloud = world.cloud();
        let listener = cloud.listeners.iter().find(|one| one.place == place)?;
        Some(if cloud.is_dark(&listener.region) { Door::Silent } else { Door::Open })
    })?;
    Some(door.open(|_| std::future::ready(Ok(()))))
}
