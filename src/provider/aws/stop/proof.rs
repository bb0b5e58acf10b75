//! That traffic has moved: what the zone's own name servers say, and what a user gets.

use super::{Known, Stop};
use crate::{
    action::Serves,
    model::{Datum, Evidence, Region},
    provider::visit::Page,
    wire::NameServer,
};
use hickory_proto::rr::RecordType;
use std::time::Duration;

const BETWEEN_ANSWERS: Duration = Duration::from_secs(1);

/// Whether an address answers well from this region, so many times in a row.
pub(super) async fn answers(page: &Page, times: u32, region: &str) -> Result<(), String> {
    for number in 0..times {
        if number > 0 {
            page.clients.clock.sleep(BETWEEN_ANSWERS).await;
        }
        let visit = page.visit().await;
        let answered = visit.and_then(|visit| match visit.status {
            200..300 => visit.is_from(region),
            status => Err(format!("answered {status}")),
        });
        answered.map_err(|why| format!("{}: {why}", page.place()))?;
    }
    Ok(())
}

/// Who answers at the address that users know.
pub(super) async fn who_serves(stop: &Stop, seen: &mut Evidence) -> Serves {
    let Ok(visit) = stop.public.visit().await else { return Serves::Nobody };
    let Some(region) = visit.region else { return Serves::NoRole };
    seen.set("region", Datum::Text(region.clone()));
    let regions = [&stop.from, &stop.to].into_iter();
    let known = regions.into_iter().find(|known| known.as_str() == region);
    known.map_or(Serves::NoRole, |region: &Region| Serves::Region(region.clone()))
}

/// Whether the name servers and the traffic agree that the region that will serve does.
pub(super) async fn agree(stop: &Stop, known: &Known, seen: &mut Evidence) -> Result<(), String> {
    if let Some(target) = &known.target {
        authorities(stop, target, seen).await?;
    }
    answers(&stop.public, stop.answers, stop.to.as_str()).await
}

/// Whether every server of the zone gives addresses of the target. A load balancer has several, and changes them: one in
/// common is enough.
async fn authorities(stop: &Stop, target: &str, seen: &mut Evidence) -> Result<(), String> {
    let told = |trouble: crate::action::Trouble| trouble.why;
    let meant =
        stop.resolver.ask(NameServer::Machine, target, RecordType::A).await.map_err(told)?;
    let (_, servers) = stop.resolver.zone_of(&stop.record).await.map_err(told)?;
    let answers = stop.resolver.ask_each(&servers, &stop.record, RecordType::A).await;
    let mut agreeing = 0_i64;
    let mut wrong = None;
    for (server, answer) in &answers {
        match answer {
            Ok(told) if told.values.iter().any(|value| meant.values.contains(value)) => {
                agreeing += 1;
            }
            Ok(told) => {
                let values = told.values.join(", ");
                wrong = Some(format!("{server} still answers {values} for {}", stop.record));
            }
            Err(trouble) => wrong = Some(trouble.why.clone()),
        }
    }
    seen.set("servers", Datum::Text(format!("{agreeing} of {}", answers.len())));
    wrong.map_or(Ok(()), Err)
}
