//! What people are told of a run: timeline, live view, plain lines, status, reports.
//!
//! Everything here is a reading of the same facts, and can fail no run. Nothing here prints: it gives texts to the command
//! line, and the live view draws through what it is given.

mod approval;
mod brief;
mod drift;
mod dry_run;
mod ended;
mod json;
mod lines;
mod listing;
mod live;
mod markdown;
mod measure;
mod paper;
mod question;
mod row;
#[cfg(test)]
pub(crate) mod sample;
mod screen;
mod status;
mod text;
mod timeline;
mod words;

pub use approval::approval;
pub use brief::summary;
pub use dry_run::dry_run;
pub use ended::{failure, standing};
pub use json::{document, ended, foreseen, line, nothing_to_do};
pub use lines::Lines;
pub use live::{Live, Look};
pub use markdown::markdown;
pub use measure::{Loss, Measures, Recovery, Verdict};
pub use paper::Terminal;
pub use question::{answers, question};
pub use screen::Screen;
pub use status::{AtWork, stands, status};
pub use text::{NO_WIDTH, hang, rows, table};
pub use timeline::{Answered, Asked, ChangeStory, End, Sample, Session, StepStory, Timeline};
