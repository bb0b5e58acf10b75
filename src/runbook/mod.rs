//! The language: text to [`Runbook`].
//!
//! Every mistake of a file is reported together, with its place, before any cloud is asked. Nothing here reads a file,
//! the environment, an output or the catalogue of actions by itself: they are passed in.

mod ast;
mod check;
mod condition;
mod fields;
mod found;
mod givens;
mod keys;
mod lost;
mod order;
mod outputs;
mod parse;
mod place;
mod reference;
mod render;
mod resolve;
mod schema;
mod secrecy;
mod tables;
#[cfg(test)]
mod tests;
mod yaml;

pub use ast::{Objectives, OnFailure, Runbook, Side};
pub use outputs::{Outputs, Tool, Unread};
pub use reference::Env;
pub use render::Mistakes;
pub use resolve::Files;
pub use schema::schema;

pub(crate) use found::Found;
pub(crate) use lost::{is_excused, lost_with, presumed_lost};
pub(crate) use order::Order;
pub(crate) use outputs::{Invent, Outside};
pub(crate) use reference::{Piece, pieces};
pub(crate) use resolve::{Resolved, ResolvedAction, Resolver, Way};
pub(crate) use tables::Tables;
pub(crate) use yaml::plain_value;

use crate::{
    action::Catalogue,
    model::{Diagnostic, Source},
};

/// Reads and checks a runbook, in every direction and mode.
///
/// `path` is what messages call it; `files` reads what stands beside it.
pub fn load(
    path: &str,
    bytes: &[u8],
    catalogue: Catalogue,
    files: Files<'_>,
) -> Result<Runbook, Mistakes> {
    Reading::of(path, bytes, catalogue, files).outcome()
}

/// Reads and checks a runbook, and counts it a mistake as well when a run of it would not be begun, because it needs the
/// region that it presumes lost. Whoever begins a run asks that of the one way that it goes.
pub fn validate(
    path: &str,
    bytes: &[u8],
    catalogue: Catalogue,
    files: Files<'_>,
) -> Result<Runbook, Mistakes> {
    let mut reading = Reading::of(path, bytes, catalogue, files);
    reading.found.extend(std::mem::take(&mut reading.stranded));
    reading.outcome()
}

/// What came of reading a runbook.
struct Reading {
    source: Source,
    runbook: Option<Runbook>,
    found: Found,
    /// The steps for which some run of it would not be begun.
    stranded: Vec<Diagnostic>,
}

impl Reading {
    fn of(path: &str, bytes: &[u8], catalogue: Catalogue, files: Files<'_>) -> Self {
        let (text, broken) = yaml::decode(bytes);
        let source = Source { path: path.to_owned(), text: text.into() };
        let (runbook, found, stranded) = (None, Found::default(), Vec::new());
        let mut reading = Self { source, runbook, found, stranded };
        match broken {
            Some(diagnostic) => reading.found.add(diagnostic),
            None => reading.lower(catalogue, files),
        }
        reading
    }

    fn lower(&mut self, catalogue: Catalogue, files: Files<'_>) {
        let Self { source, runbook, found, stranded } = self;
        let Some(tree) = yaml::read(&source.text, found) else { return };
        *runbook = parse::runbook(&tree, source, found);
        if let Some(runbook) = runbook {
            *stranded = check::check(runbook, catalogue, files, found);
        }
    }

    fn outcome(self) -> Result<Runbook, Mistakes> {
        match self.runbook {
            Some(runbook) if self.found.is_empty() => Ok(runbook),
            _ => Err(Mistakes { source: self.source, found: self.found.into_list() }),
        }
    }
}
