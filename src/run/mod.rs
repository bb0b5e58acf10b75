//! What happened in a run, and where that leaves it.
//!
//! A run is a plan and a journal of facts. Its state is the fold of the facts and nothing else: status, report, resume and
//! every display are readings of the same facts.

mod event;
mod fact;
mod state;

pub use event::Event;
pub use fact::{Answer, Fact, Question, RunFact, RunOutcome, StepFact, StepOutcome};
pub use state::{Agreement, Deferral, IllegalFact, Life, RunState, Settled, StepState};
