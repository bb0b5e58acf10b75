//! What displays hear while a run goes on.

use super::Fact;
use crate::model::StepId;
use jiff::Timestamp;
use serde::Serialize;

/// Facts are durable and never left out; the rest may be replaced by what comes after it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Fact {
        at: Timestamp,
        fact: Fact,
    },
    /// What a step is waiting for, until when it will look again, or what its program prints.
    Progress {
        at: Timestamp,
        step: StepId,
        says: String,
        look_again: Option<Timestamp>,
    },
    /// A step needs somebody outside: a login, a permission. It goes on by itself once it has it.
    Holding {
        at: Timestamp,
        step: StepId,
        why: String,
    },
    /// No new steps are started any more.
    Stopping {
        at: Timestamp,
        running: Vec<StepId>,
        /// Whether somebody interrupts the run; else a question was answered with no, or by nobody.
        is_interrupted: bool,
    },
}
