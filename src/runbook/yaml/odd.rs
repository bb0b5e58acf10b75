//! Characters that nobody sees, and that change what people see: of a runbook in review, and on a screen at night.

use crate::model::{Diagnostic, Span};

/// Control characters, and those that turn the direction of a text (UAX #9, "explicit formatting").
pub(in crate::runbook) fn is_odd(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t');
    is_control || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn report(c: char, span: Span) -> Diagnostic {
    let what = if c.is_control() {
        "a control character"
    } else {
        "a character that turns the text around"
    };
    Diagnostic::at(span, format!("{what} cannot stand in a runbook: U+{:04X}", u32::from(c)))
}
