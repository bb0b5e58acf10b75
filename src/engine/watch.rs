//! Probes of the watched addresses: what users saw while the run went on.

use crate::{
    action::Clients,
    plan::Watch,
    run::{Fact, RunFact},
    wire::{Intent, Response},
};
use bytes::Bytes;
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinSet};

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Probes every watched address until the set is dropped, and tells whenever what it sees is another thing.
pub(super) fn start(
    watches: &[Watch],
    clients: &Clients,
    at_most_every: Duration,
    saw: &mpsc::UnboundedSender<Fact>,
) -> JoinSet<()> {
    let mut probes = JoinSet::new();
    for watch in watches {
        let (watch, clients, saw) = (watch.clone(), clients.clone(), saw.clone());
        probes.spawn(async move {
            let mut before = None;
            loop {
                let now = look(&watch, &clients).await;
                if before.as_ref() != Some(&now) {
                    let (good, says) = now.clone();
                    let fact = RunFact::Saw { watch: watch.name.clone(), good, says };
                    if saw.send(Fact::Run(fact)).is_err() {
                        return;
                    }
                    before = Some(now);
                }
                clients.clock.sleep(watch.every.max(at_most_every)).await;
            }
        });
    }
    probes
}

async fn look(watch: &Watch, clients: &Clients) -> (bool, String) {
    let Ok(request) = http::Request::get(&watch.url).body(Bytes::new()) else {
        return (false, "the address cannot be asked".to_owned());
    };
    let sent = clients.transport.send(request, Intent::Probe);
    match clients.clock.within(ANSWERS_WITHIN, sent).await {
        Some(Ok(response)) => judge(watch, &response),
        Some(Err(_)) | None => (false, "no answer".to_owned()),
    }
}

fn judge(watch: &Watch, response: &Response) -> (bool, String) {
    let body = String::from_utf8_lossy(response.body());
    let is_right = watch.contains.as_ref().is_none_or(|text| body.contains(text.as_str()));
    let region = response.headers().get("x-region").and_then(|value| value.to_str().ok());
    let says = match (response.status().as_u16(), region) {
        (status @ 200..300, Some(region)) => format!("{status} from {region}"),
        (status @ 200..300, None) if !is_right => format!("{status}, another page"),
        (status, _) => status.to_string(),
    };
    (response.status().is_success() && is_right, says)
}
