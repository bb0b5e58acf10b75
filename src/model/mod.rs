//! The words of the domain, shared by every room above.
//!
//! Does no I/O and imports nothing of ours. What stands here has one meaning in the runbook, the code, the
//! journal and the report.

mod clock;
mod diagnostic;
mod evidence;
mod failure;
mod ids;
mod mode;
mod node;
mod resource;
mod seal;
mod secret;
pub mod span;

pub use clock::Clock;
pub use diagnostic::{Diagnostic, Label, Source, nearest};
pub use evidence::{DATA_LOSS, Datum, Evidence, MEANS};
pub use failure::{Exit, Failure, Hint, quoted};
pub use ids::{ActionName, ChangeId, Region, RunId, StepId};
pub use mode::Mode;
pub use node::{Key, Node, Span, Value};
pub use resource::{Owner, Resource, Vendor};
pub use seal::Seal;
pub use secret::{Secret, SecretSource, wipe};
