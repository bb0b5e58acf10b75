//! The language: text to [`Runbook`].
//!
//! Every mistake of a file is reported together, with its place, before any cloud is asked. Nothing here reads a file,
//! the environment, an output or the catalogue of actions by itself: they are passed in.

mod ast;
mod check;
mod condition;
mod fields;
mod found;
mod keys;
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
pub(crate) use order::Order;
pub(crate) use outputs::{Invent, Outside};
pub(crate) use reference::{Piece, pieces};
pub(crate) use resolve::{Resolved, ResolvedAction, Resolver, Way};
pub(crate) use tables::Tables;
pub(crate) use yaml::plain_value;

use crate::{action::Catalogue, model::Source};

/// Reads and checks a runbook, in every direction and mode.
///
/// `path` is what messages call it; `files` reads what stands beside it.
pub fn load(
    path: &str,
    bytes: &[u8],
    catalogue: Catalogue,
    files: Files<'_>,
) -> Result<Runbook, Mistakes> {
    let (text, broken) = yaml::decode(bytes);
    let source = Source { path: path.to_owned(), text: text.into() };
    let mut found = Found::default();
    let runbook = match broken {
        Some(diagnostic) => {
            found.add(diagnostic);
            None
        }
        None => lower(&source, catalogue, files, &mut found),
    };
    match runbook {
        Some(runbook) if found.is_empty() => Ok(runbook),
        _ => Err(Mistakes { source, found: found.into_list() }),
    }
}

fn lower(
    source: &Source,
    catalogue: Catalogue,
    files: Files<'_>,
    found: &mut Found,
) -> Option<Runbook> {
    let tree = yaml::read(&source.text, found)?;
    let runbook = parse::runbook(&tree, source, found)?;
    check::check(&runbook, catalogue, files, found);
    Some(runbook)
}
