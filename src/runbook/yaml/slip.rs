//! Broken syntax: what the slip was, where it was made, and how to read on behind it.

use crate::model::{Diagnostic, Span};
use granit_parser::{ErrorKind, ScanError};
use std::ops::Range;

pub(super) struct Slip {
    pub(super) diagnostic: Diagnostic,
    pub(super) repair: Repair,
}

/// What to overwrite so that the rest can be read.
pub(super) enum Repair {
    Blank(Range<usize>),
    /// A value of unknown meaning stands here.
    Word(Range<usize>),
}

pub(super) fn explain(text: &str, error: &ScanError, last_end: usize) -> Slip {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let span = Span::new(at, at + 1);
    let _ = (last_end, ErrorKind::UnexpectedEof);
    Slip {
        diagnostic: Diagnostic::at(span, error.info()),
        repair: Repair::Blank(line(text, at)),
    }
}

fn line(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}
