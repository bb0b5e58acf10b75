//! What a plan says of the resources of AWS that it touches.

use crate::{
    model::{Node, Resource, Value},
    plan::{ActionWork, Step},
    sim::seed::{Seed, region},
};

impl<'a> Seed<'a> {
    /// The steps that touch a resource of this kind.
    pub(super) fn steps_on(&self, kind: &str) -> impl Iterator<Item = &'a ActionWork> {
        let works = self.plan.steps.iter().filter_map(Step::action);
        works.filter(move |work| work.touches.iter().any(|one| one.kind == kind))
    }

    /// The largest number that a step on a resource of this kind gives to a parameter.
    pub(super) fn largest(&self, kind: &str, parameter: &str) -> Option<u64> {
        let number = |work: &ActionWork| match work.with.get(parameter)?.value {
            Value::Int(number) => u64::try_from(number).ok(),
            _ => None,
        };
        self.steps_on(kind).filter_map(number).max()
    }

    /// Where a resource is; what says nothing is where users are served.
    pub(super) fn region_of(&self, resource: &Resource) -> String {
        region(resource).unwrap_or_else(|| self.active.clone())
    }
}

/// The texts of a parameter, however deep they stand.
pub(super) fn texts_in(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Text(text) => vec![text],
        Value::List(items) => items.iter().flat_map(texts_in).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, item)| texts_in(item)).collect(),
        _ => Vec::new(),
    }
}
