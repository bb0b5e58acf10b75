//! Bytes to text: what is refused before anything is parsed.

use crate::model::{Diagnostic, Span};

const BYTES_LIMIT: usize = 8_000_000;

/// The text, without a byte-order mark. A file that is not UTF-8 is read as far as it goes, so that the mistake can
/// be pointed at.
pub(in crate::runbook) fn decode(bytes: &[u8]) -> (String, Option<Diagnostic>) {
    let whole = |message: String| (String::new(), Some(Diagnostic::whole_file(message)));
    if bytes.len() > BYTES_LIMIT {
        let megabytes = bytes.len() / 1_000_000;
        return whole(format!("the file is {megabytes} MB large, and a runbook may have 8 MB"));
    }
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, _, 0, ..] = bytes {
        return whole("the file is UTF-16: save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let (text, broken) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(error) => {
            let good = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes).into_owned();
            let span = Span::new(good, good + '\u{FFFD}'.len_utf8());
            (text, Some(Diagnostic::at(span, "this is not UTF-8").hint("save the file as UTF-8")))
        }
    };
    let nul = text.find('\0').map(|at| {
        Diagnostic::at(Span::new(at, at + 1), "a NUL byte: this does not look like a text")
    });
    (text, broken.or(nul))
}
