//! How long a plan usually takes: its longest way.

use crate::{model::StepId, plan::Plan};
use std::{collections::HashMap, time::Duration};

/// When each step usually ends, counted from the start.
#[derive(Debug)]
pub struct Expected {
    ends: HashMap<StepId, Duration>,
}

impl Expected {
    pub fn whole(&self) -> Duration {
        self.ends.values().copied().max().unwrap_or_default()
    }

    pub fn end(&self, step: &StepId) -> Option<Duration> {
        self.ends.get(step).copied()
    }
}

/// Adds up the usual times along the ways through the plan.
pub fn expected(plan: &Plan) -> Expected {
    let mut expected = Expected { ends: HashMap::new() };
    for step in &plan.steps {
        end(plan, &step.id, &mut expected.ends);
    }
    expected
}

/// A group ends with the last of its children; a plan has no cycles.
fn end(plan: &Plan, id: &StepId, ends: &mut HashMap<StepId, Duration>) -> Duration {
    if let Some(known) = ends.get(id) {
        return *known;
    }
    let Some(step) = plan.step(id) else { return Duration::ZERO };
    let start = step.needs.iter().map(|need| end(plan, need, ends)).max().unwrap_or_default();
    let own = start + step.action().map_or(Duration::ZERO, |work| work.usual);
    let ended = step.children().iter().map(|child| end(plan, child, ends)).fold(own, Duration::max);
    ends.insert(id.clone(), ended);
    ended
}
