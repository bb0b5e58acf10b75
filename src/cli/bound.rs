//! Whether the parameters of every step make an action: what only the actions themselves know of them, told before any
//! cloud is asked.

use crate::{
    action::{Aws, Catalogue, Clients, Gateway, Params, Tokens, Trouble},
    model::{Clock, Diagnostic, RunId, Seal, Secret},
    plan::{Plan, Step},
    wire::{Dns, Ears, Intent, NameServer, Request, Response, SendError, Transport},
};
use async_trait::async_trait;
use std::sync::Arc;

/// Every mistake. What is not known before the run is left for then.
pub(super) fn mistakes(plan: &Plan, catalogue: Catalogue) -> Vec<Diagnostic> {
    let clients = nowhere();
    let works = plan.steps.iter().filter_map(Step::action);
    let known = works.filter(|work| !work.with.is_late());
    let mistake = |work: &crate::plan::ActionWork| {
        let kind = catalogue.get(work.action.as_str())?;
        (kind.bind)(&Params::new(&work.with), &clients).err()
    };
    known.filter_map(mistake).collect()
}

/// Clients that reach nothing.
fn nowhere() -> Clients {
    let clock = Clock::real();
    Clients {
        transport: Arc::new(Nowhere),
        tokens: Arc::new(Nowhere),
        run: RunId::starting_at(clock.now()),
        clock,
        seal: Seal::random(),
        azure: super::world::public_azure(),
        aws: Aws::with_keys("", ""),
        clusters: Arc::new(Gateway::new("", "")),
        dns: Arc::new(Nowhere),
        secrets: Arc::new(Secret::new("")),
        ears: Ears::default(),
    }
}

struct Nowhere;

const WHY: &str = "nothing is asked while a plan is made";

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, request: Request, _: Intent<'_>) -> Result<Response, SendError> {
        Err(SendError::NotSent { host: crate::wire::host(&request), why: WHY.to_owned() })
    }
}

#[async_trait]
impl Dns for Nowhere {
    async fn ask(&self, _: NameServer<'_>, _: &[u8]) -> Result<Vec<u8>, SendError> {
        Err(SendError::NotSent { host: "a name server".to_owned(), why: WHY.to_owned() })
    }
}

#[async_trait]
impl Tokens for Nowhere {
    async fn token(&self, _: &str, _: bool) -> Result<Secret, Trouble> {
        Err(Trouble::unreachable(WHY))
    }

    fn identity(&self) -> String {
        "nobody".to_owned()
    }
}
