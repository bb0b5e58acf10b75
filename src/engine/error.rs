//! What ends the engine's work by force.

use crate::{journal::JournalError, run::IllegalFact};

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A fact that cannot follow from what came before: a mistake in the engine, or a journal of another plan.
    #[error(transparent)]
    Illegal(#[from] IllegalFact),
    /// Nothing is in hand, no timer runs, no question is open, and the run is not at its end.
    #[error("the run stands still at {steps}, and nothing could ever move it")]
    Stalled { steps: String },
}
