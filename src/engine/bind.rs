//! From a step of the plan to an action with its clients.

use crate::{
    action::{Action, Catalogue, Clients, Params},
    model::{Datum, Mode, Resource, StepId},
    plan::{self, Plan, Step},
    run::RunState,
    wire::Bounded,
};
use std::{sync::Arc, time::Duration};

/// How long a read of the failed region may take in an unplanned run: it must not hold us.
const DEAD_REGION_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Makes a step's action of its parameters, now that all it refers to is known.
pub(super) fn bind(
    step: &Step,
    catalogue: Catalogue,
    plan: &Plan,
    clients: Clients,
    state: &RunState,
) -> Result<Arc<dyn Action>, String> {
    let work = step.action().ok_or("a group has no action")?;
    let kind = catalogue
        .get(work.action.as_str())
        .ok_or_else(|| format!("this version of failover has no action `{}`", work.action))?;
    let observed =
        |id: &StepId, name: &str| -> Option<Datum> { state.step(id)?.evidence.get(name).cloned() };
    let with = plan::late(&work.with, &observed)
        .map_err(|step| format!("it needs what step `{step}` reads, and that is not known"))?;
    // What has no region of its own may be carried by the lost one.
    let may_be_lost = |resource: &Resource| resource.region.as_ref() != Some(&plan.to);
    let mut clients = clients;
    if plan.mode == Mode::Unplanned && work.touches.iter().any(may_be_lost) {
        clients.transport = Arc::new(Bounded::new(
            Arc::clone(&clients.transport),
            clients.clock.clone(),
            DEAD_REGION_ANSWERS_WITHIN,
        ));
    }
    (kind.bind)(&Params::new(&with), &clients).map_err(|mistake| mistake.message)
}
