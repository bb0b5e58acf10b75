//! What can be known of a runbook before anyone chooses regions: each mistake once, whichever choices show it.

use super::{
    ast::Runbook,
    found::Found,
    order::Order,
    resolve::{Files, Resolver, Tables, Way},
};
use crate::{action::Catalogue, model::Mode};

/// Checks names, needs and circles, and then resolves every step in every direction and mode.
pub(super) fn check(runbook: &Runbook, catalogue: Catalogue, files: Files<'_>, found: &mut Found) {
    let order = Order::of(runbook, found);
    order.check_circles(found);
    let tables = Tables::of(runbook, None, &[], found);
    for way in ways(runbook) {
        let (order, tables) = (&order, &tables);
        let resolver = Resolver { runbook, order, tables, way, env: None, files, catalogue };
        let removed = resolver.removed(found);
        for at in (0..order.steps.len()).filter(|at| !removed[*at]) {
            resolver.step(at, &removed, found);
        }
        resolver.watch(found);
    }
}

fn ways(runbook: &Runbook) -> impl Iterator<Item = Way<'_>> {
    let pairs = runbook.regions().flat_map(|from| runbook.regions().map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| from != to)
        .flat_map(|(from, to)| Mode::ALL.into_iter().map(move |mode| Way { from, to, mode }))
}
