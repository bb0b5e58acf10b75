//! What can be known of a runbook before anyone chooses regions: each mistake once, whichever choices show it.

use super::{
    ast::Runbook,
    found::Found,
    givens,
    lost::Lost,
    order::Order,
    outputs::Outside,
    resolve::{Files, Resolver, Way},
    tables::Tables,
};
use crate::{
    action::Catalogue,
    model::{Diagnostic, Mode},
};

/// Checks names, needs and circles, and then resolves every step in every direction and mode. Hands back what is no
/// mistake of every run, and still stands in the way of some: the steps that need the region that these presume lost.
pub(super) fn check(
    runbook: &Runbook,
    catalogue: Catalogue,
    files: Files<'_>,
    found: &mut Found,
) -> Vec<Diagnostic> {
    let order = Order::of(runbook, found);
    if runbook.has_all_steps {
        order.check_circles(found);
    }
    check_afterwards(runbook, files, found);
    check_questions(runbook, found);
    givens::check(runbook, catalogue, found);
    let outside = if runbook.vars_from.is_some() { &Outside::Open } else { &Outside::Nothing };
    let tables = Tables::of(runbook, None, (&[], outside), found);
    let blind = Tables::blind(runbook, &[]);
    let mut lost: Vec<Lost> = order.steps.iter().map(|_| Lost::default()).collect();
    for way in ways(runbook) {
        let (order, tables, blind) = (&order, &tables, &blind);
        let resolver = Resolver { runbook, order, tables, blind, way, env: None, files, catalogue };
        let all = resolver.removed(true, found);
        let least = resolver.removed(false, found);
        // What depends on the environment or on the operator may go either way.
        let is_decided = all == least;
        for removed in [all, least].iter().take(if is_decided { 1 } else { 2 }) {
            for at in (0..order.steps.len()).filter(|at| !removed[*at]) {
                let resolved = resolver.step(at, removed, found);
                lost[at].add(&resolver, at, &resolved);
            }
        }
        resolver.watch(found);
    }
    let steps = order.steps.iter().zip(&lost);
    steps.filter_map(|(placed, lost)| lost.told(&placed.called())).collect()
}

/// Every direction and mode. A runbook that lacks regions has one way all the same, so that its steps are looked at.
fn ways(runbook: &Runbook) -> Vec<Way<'_>> {
    let regions: Vec<&str> = runbook.regions().collect();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for from in &regions {
        pairs.extend(regions.iter().filter(|to| *to != from).map(|to| (*from, *to)));
    }
    if pairs.is_empty() {
        let only = regions.first().copied().unwrap_or_default();
        pairs.push((only, only));
    }
    let modes = |(from, to)| Mode::ALL.into_iter().map(move |mode| Way { from, to, mode });
    pairs.into_iter().flat_map(modes).collect()
}

fn check_afterwards(runbook: &Runbook, files: Files<'_>, found: &mut Found) {
    let Some(file) = &runbook.afterwards else { return };
    if let Err(why) = files(&file.text) {
        let message = format!("the runbook `{}` cannot be read: {why}", file.text);
        let hint = "its path begins in the folder of this runbook";
        found.add(Diagnostic::at(file.span, message).hint(hint));
    }
}

/// A step of a group that asks a question of its own is left out of its group's question.
fn check_questions(runbook: &Runbook, found: &mut Found) {
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let children = step.children();
        let Some(confirm) = &step.confirm else { continue };
        if !children.is_empty() && children.iter().all(|child| child.confirm.is_some()) {
            let message = "nobody would be asked this: each step of the group asks its own";
            found.add(Diagnostic::at(confirm.span, message));
        }
    }
}
