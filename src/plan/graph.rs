//! How long a plan is expected to take.

use super::{Plan, Step, StepId};
use std::{collections::HashMap, time::Duration};

/// The longest way through a plan, if every step takes as long as it typically does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub length: Duration,
    /// The steps that make it so long, in their order. Groups and steps that take no time are left out.
    pub path: Vec<StepId>,
}

impl Plan {
    /// The critical path of the whole plan.
    pub fn expected(&self) -> Expected {
        let ends = self.ends();
        let last = ends.iter().max_by_key(|(_, end)| end.length);
        last.map(|(_, end)| end.clone()).unwrap_or_default()
    }

    /// How long until users are served again: until the last step that proves it has passed. `None` when nothing of the
    /// plan does.
    pub fn served_after(&self) -> Option<Duration> {
        let proves = |step: &&Step| step.action().is_some_and(|work| work.proves_service);
        let last = self.steps.iter().rfind(|step| !step.is_finally && proves(step))?;
        self.ends().get(&last.id).map(|end| end.length)
    }

    /// When each step is expected to end. Those of `finally` begin when all others have ended.
    fn ends(&self) -> HashMap<&StepId, Expected> {
        let mut ends = HashMap::new();
        let mut main = Expected::default();
        for is_finally in [false, true] {
            let floor = std::mem::take(&mut main);
            let mut open: Vec<_> =
                self.steps.iter().filter(|step| step.is_finally == is_finally).collect();
            // A step may need one that stands below it. A plan has no circles, so every round gets on.
            while let Some(at) = open.iter().position(|step| is_ready(step, &ends)) {
                let step = open.remove(at);
                let starts = step.needs.iter().filter_map(|need| ends.get(need));
                let start = starts.chain([&floor]).max_by_key(|start| start.length);
                let end = start.cloned().unwrap_or_default().then(step);
                if end.length > main.length {
                    main = end.clone();
                }
                ends.insert(&step.id, end);
            }
        }
        ends
    }
}

fn is_ready(step: &Step, ends: &HashMap<&StepId, Expected>) -> bool {
    step.needs.iter().all(|need| ends.contains_key(need))
}

impl Expected {
    fn then(mut self, step: &Step) -> Self {
        let usual = step.action().map_or(Duration::ZERO, |work| work.usual);
        if usual > Duration::ZERO {
            self.length += usual;
            self.path.push(step.id.clone());
        }
        self
    }
}
