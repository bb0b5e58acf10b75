//! What the rooms below report, as people are told.

use crate::{
    engine::EngineError,
    journal::JournalError,
    model::{Exit, Failure, Hint},
};

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let failure = Self::new(Exit::Journal, error.to_string());
        match error {
            JournalError::Io { source, .. } => failure.because(source),
            JournalError::Damaged { .. } => failure.hint(Hint::says(
                "what was done from there on cannot be known; keep the folder, and compare with the cloud's own log",
            )),
            JournalError::Unwritable(source) => failure.because(source),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let bug = |error: &dyn std::fmt::Display| {
            Self::new(Exit::Bug, "failover made a mistake; nothing was sent after it")
                .because(error)
                .hint(Hint::says("report it, with the journal of the run"))
        };
        match error {
            EngineError::Journal(error) => error.into(),
            EngineError::Illegal(error) => bug(&error),
            error @ EngineError::Stalled { .. } => bug(&error),
        }
    }
}
