//! What a row of the catalogue says: the world that an action needs, its step, and what undoes it.

use crate::drill::run::{Drill, planned};
use failover::{model::Mode, plan::Plan};

/// Where a row stands.
pub struct Ground {
    /// A runbook before its steps.
    pub head: &'static str,
    pub way: [&'static str; 2],
    /// A drill of this plan, or of another in whose world it may stand.
    pub world: fn(Plan) -> Drill,
}

impl Ground {
    pub fn plan(&self, steps: &str) -> Plan {
        let text = format!("{}{steps}", self.head);
        planned("row.yaml", text.as_bytes(), self.way, Mode::Planned)
    }

    /// The drill of these steps, in a world of its own.
    pub fn drill(&self, steps: &str) -> Drill {
        self.carry_on((self.world)(self.plan(steps)), steps)
    }

    /// The drill of these steps, in the world of another.
    pub fn carry_on(&self, drill: Drill, steps: &str) -> Drill {
        drill.then(self.plan(steps))
    }
}

/// What brings the world from one state to another.
#[derive(Clone, Copy)]
pub enum Deed {
    Nothing,
    /// Steps of a runbook.
    Steps(&'static str),
    /// The row's own step with other words in place of these.
    Instead(&'static [(&'static str, &'static str)]),
    /// Something that no action does.
    ByHand(fn(&Drill)),
}

/// The way back.
pub const SWAPPED: &[(&str, &str)] = &[("to.", "~"), ("from.", "to."), ("~", "from.")];

pub struct Row {
    pub ground: &'static Ground,
    pub kind: &'static str,
    /// What is done before, so that it has something to do.
    pub scene: Deed,
    /// The step itself.
    pub step: &'static str,
    /// What makes it needed once more.
    pub back: Deed,
}
