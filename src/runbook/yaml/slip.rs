//! Broken syntax: what the slip was and where it was made, which is rarely where the parser noticed it.

use super::{
    layout::{self, Line},
    odd::{is_odd, report},
};
use crate::model::{Diagnostic, Span};
use granit_parser::{ErrorKind, ScanError};
use std::ops::Range;

pub(super) struct Slip {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) repair: Repair,
}

/// What to overwrite so that the rest can be read.
pub(super) enum Repair {
    Blank(Range<usize>),
    /// A value of unknown meaning stands here.
    Word(Range<usize>),
}

fn a_tab(at: usize) -> Diagnostic {
    let message = "a tab cannot indent a line of YAML";
    Diagnostic::at(Span::new(at, at + 1), message).hint("use spaces")
}

/// Where the parser stopped, and what it stopped in.
struct Stop<'a> {
    /// What was read: the text, in which earlier slips are overwritten.
    text: &'a str,
    at: usize,
    line: Line,
    /// All before this was understood.
    last_end: usize,
}

/// `written` is the text before earlier slips were overwritten.
pub(super) fn explain(written: &str, text: &str, error: &ScanError, last_end: usize) -> Slip {
    let at = layout::floor(text, error.marker().byte_offset().unwrap_or(text.len()));
    let stop =
        Stop { text, at, line: Line::around(text, at), last_end: layout::floor(text, last_end) };
    if let Some(slip) = stop.unquoted_reference(written) {
        return slip;
    }
    let tab = stop.tab();
    let cause = tab.is_none().then(|| stop.cause(error));
    let place = cause.as_ref().map_or(tab, |cause| cause.span.map(|span| span.start));
    let blank = layout::around(text, place.unwrap_or(at), at);
    let diagnostics = match cause {
        Some(cause) => vec![cause],
        None => layout::tabs(text, blank.clone()).map(a_tab).collect(),
    };
    Slip { diagnostics, repair: Repair::Blank(blank) }
}

impl Stop<'_> {
    fn cause(&self, error: &ScanError) -> Diagnostic {
        use ErrorKind as E;
        match error.kind() {
            E::UnclosedQuotedScalar
            | E::InvalidQuotedScalarIndent
            | E::DocumentIndicatorInQuotedScalar
            | E::InvalidTrailingSingleQuotedScalar
            | E::InvalidTrailingDoubleQuotedScalar => self.quote(),
            E::SimpleKeyExpected | E::InvalidSimpleKey => self.no_colon(self.line),
            E::MappingValueNotAllowed => self.second_colon(),
            E::ExpectedBlockSequenceEntry
            | E::ExpectedBlockMappingKey
            | E::InvalidIndentation
            | E::MappingKeyNotAllowed => self.out_of_line(),
            E::ExpectedFlowMappingSeparator
            | E::ExpectedFlowSequenceSeparator
            | E::InvalidColonPlacement
            | E::UnclosedFlowCollection { .. }
            | E::UnexpectedEofFlowSequence
            | E::UnexpectedEofFlowMapping
            | E::UnexpectedEofImplicitFlowMapping
            | E::BlockEntryInFlowCollection
            | E::InvalidFlowScalarIndent => self.bracket(),
            E::MisplacedFlowCollectionEnd | E::MismatchedFlowCollectionEnd { .. } => {
                self.here(1, "this bracket closes nothing")
            }
            E::UnexpectedCharacter { character } if is_odd(*character) => {
                let at = self.at + self.text[self.at..].find(*character).unwrap_or_default();
                report(*character, Span::new(at, at + character.len_utf8()))
            }
            E::UnexpectedCharacter { character } => self
                .here(character.len_utf8(), format!("a text cannot begin with `{character}`"))
                .hint("put it in quotes"),
            E::MissingAnchorOrAliasName => {
                let sign = self.text[self.at..].chars().next().unwrap_or('*');
                self.here(1, format!("a text cannot begin with `{sign}`")).hint("put it in quotes")
            }
            E::BlockSequenceEntryNotAllowed => {
                self.here(1, "a list begins on a line of its own, below its key")
            }
            E::UnknownQuotedScalarEscape | E::InvalidQuotedScalarHexEscape => self
                .here(1, "this text has an escape that is not known")
                .hint("in single quotes everything stands for itself"),
            E::RecursionLimitExceeded => self.here(1, super::too_deep()),
            E::DirectiveDisallowed => self.here(1, "directives are not part of the language"),
            _ => self.here(1, error.info()),
        }
    }

    fn here(&self, length: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(Span::new(self.at, self.at + length), message)
    }

    fn content(&self, line: Line) -> Span {
        let content = line.content(self.text);
        Span::new(content.start, content.end)
    }

    /// `{ app: ${{ to.app }} }`: to YAML, the braces of the reference open two more maps.
    fn unquoted_reference(&self, written: &str) -> Option<Slip> {
        let before = self.text[..self.at].strip_suffix('$')?;
        if !self.text[self.at..].starts_with("{{") {
            return None;
        }
        let line = self.line.start..self.line.end;
        let scalar = layout::scalar_around(&self.text[line.clone()], before.len() - line.start)?;
        let scalar = scalar.start + line.start..scalar.end + line.start;
        let bracket = match layout::opening(self.text, self.at).map(|at| &self.text[at..=at]) {
            Some("[") => "[ ]",
            _ => "{ }",
        };
        let value = &self.text[scalar.clone()];
        let message = format!("`{value}` must be in quotes inside `{bracket}`");
        let hint = layout::quote_references(written[line].trim());
        let diagnostic = Diagnostic::at(Span::new(scalar.start, scalar.end), message).hint(hint);
        Some(Slip { diagnostics: vec![diagnostic], repair: Repair::Word(scalar) })
    }

    /// A tab before the first character of this line, or of the one that the parser had not reached yet.
    fn tab(&self) -> Option<usize> {
        let next = Line::around(self.text, (self.line.end + 1).min(self.text.len()));
        [self.line, next].iter().find_map(|line| line.tab(self.text))
    }

    fn quote(&self) -> Diagnostic {
        let Some(opening) = layout::open_quote(self.text, self.last_end, self.at) else {
            return self.here(1, "the quoted text has ended before this");
        };
        if opening < self.line.start || self.at >= self.text.trim_end().len() {
            let end = Line::around(self.text, opening).content(self.text).end;
            return Diagnostic::at(Span::new(opening, end), "this quote is never closed");
        }
        let mark = &self.text[opening..=opening];
        let hint = match mark {
            "'" => "a single quote inside single quotes is written twice: ''",
            _ => "a double quote inside double quotes is written \\\"",
        };
        self.here(1, "the quoted text has ended before this").hint(hint)
    }

    /// A line that would be a key, if it had a colon.
    fn no_colon(&self, line: Line) -> Diagnostic {
        let content = line.content(self.text);
        let text = &self.text[content.clone()];
        let key = text.trim_start_matches("- ");
        let start = content.end - key.len();
        if let Some((name, value)) = key.split_once(':').filter(|(_, value)| !value.is_empty()) {
            let place = Span::new(start + name.len(), start + name.len() + 1);
            let hint = format!("{name}: {}", value.trim_start());
            return Diagnostic::at(place, "a space is missing after this `:`").hint(hint);
        }
        let (name, value) = key.split_once(' ').unwrap_or((key, ""));
        let place = Span::new(start, start + name.len());
        let hint = format!("{name}: {value}");
        Diagnostic::at(place, format!("a `:` is missing after `{name}`")).hint(hint.trim_end())
    }

    /// A colon where a value has begun: in a text without quotes, or below a key that lacks its own.
    fn second_colon(&self) -> Diagnostic {
        let content = self.line.content(self.text);
        if let Some(colon) = self.text[content.start..self.at].find(": ") {
            let value = content.start + colon + 2..content.end;
            let text = self.text[value.clone()].trim_start();
            let message = "a text that holds `: ` must be in quotes";
            let hint = format!("{}: \"{text}\"", &self.text[content.start..content.start + colon]);
            let place = Span::new(value.end - text.len(), value.end);
            return Diagnostic::at(place, message).hint(hint);
        }
        match layout::line_above(self.text, self.line) {
            Some(above) if !above.has_key(self.text) => self.no_colon(above),
            _ => self.out_of_line(),
        }
    }

    fn out_of_line(&self) -> Diagnostic {
        let message = "this line does not line up with what stands above it";
        let hint = "keys of one map stand exactly below each other, and so do the `-` of one list";
        Diagnostic::at(self.content(self.line), message).hint(hint)
    }

    fn bracket(&self) -> Diagnostic {
        match layout::opening(self.text, self.at) {
            Some(at) if at < self.line.start || self.at >= self.text.trim_end().len() => {
                let bracket = &self.text[at..=at];
                let message = format!("this `{bracket}` is never closed");
                Diagnostic::at(Span::new(at, at + 1), message)
            }
            Some(at) if &self.text[at..=at] == "[" => {
                self.here(1, "a `,` or the closing `]` is missing before this")
            }
            _ => self.here(1, "a `,` or the closing `}` is missing before this"),
        }
    }
}
