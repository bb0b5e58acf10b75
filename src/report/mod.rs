//! What people are told of a run: timeline, live view, plain lines, status, reports.
//!
//! Everything here is a reading of the same facts, and can fail no run. Nothing here prints but the live view, which
//! draws on the terminal; the rest gives texts to the command line.

mod brief;
mod dry_run;
mod ended;
mod json;
mod lines;
mod live;
mod markdown;
mod measure;
mod question;
mod row;
#[cfg(test)]
pub(crate) mod sample;
mod status;
mod text;
mod timeline;
mod words;

pub use brief::summary;
pub use dry_run::dry_run;
pub use ended::{failure, standing};
pub use json::{document, ended, foreseen, line, nothing_to_do};
pub use lines::Lines;
pub use live::{Live, Look, Screen};
pub use markdown::markdown;
pub use measure::{Loss, Measures, Recovery, Verdict};
pub use question::{answers, question};
pub use status::{AtWork, stands, status};
pub use text::{hang, rows};
pub use timeline::{Answered, Asked, ChangeStory, End, Sample, Session, StepStory, Timeline};
