//! The lay of a broken text: its lines, quotes and brackets, as far as they can be told without a parser.

use std::ops::Range;

/// One line of a text, without its line break.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Line {
    pub(super) fn around(text: &str, at: usize) -> Self {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        Self { start, end }
    }

    /// Where it says something: between its indentation and the spaces at its end.
    pub(super) fn content(self, text: &str) -> Range<usize> {
        let line = &text[self.start..self.end];
        let start = self.start + line.len() - line.trim_start().len();
        start..(self.start + line.trim_end().len()).max(start)
    }

    /// The first tab of its indentation.
    pub(super) fn tab(self, text: &str) -> Option<usize> {
        let indent = self.start..self.content(text).start;
        text[indent].find('\t').map(|tab| self.start + tab)
    }

    pub(super) fn has_key(self, text: &str) -> bool {
        let content = &text[self.content(text)];
        content.contains(": ") || content.ends_with(':')
    }

    /// A tab, which cannot be there, stands for more than people use to indent.
    fn indent(self, text: &str) -> usize {
        let indent = &text[self.start..self.content(text).start];
        indent.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum()
    }

    fn is_blank(self, text: &str) -> bool {
        let content = &text[self.content(text)];
        content.is_empty() || content.starts_with('#')
    }

    fn is_item(self, text: &str) -> bool {
        let content = &text[self.content(text)];
        content == "-" || content.starts_with("- ")
    }

    fn next(self, text: &str) -> Option<Self> {
        (self.end < text.len()).then(|| Self::around(text, self.end + 1))
    }
}

/// The first tab in the indentation of each line of a part.
pub(super) fn tabs(text: &str, part: Range<usize>) -> impl Iterator<Item = usize> {
    let first = Some(Line::around(text, part.start));
    let lines = std::iter::successors(first, |line| line.next(text));
    lines.take_while(move |line| line.start < part.end).filter_map(|line| line.tab(text))
}

/// The nearest line above that says something.
pub(super) fn line_above(text: &str, line: Line) -> Option<Line> {
    let mut line = line;
    while line.start > 0 {
        line = Line::around(text, line.start - 1);
        if !line.is_blank(text) {
            return Some(line);
        }
    }
    None
}

/// What to leave out so that the rest can be read: the item of a list, or the key of the outermost map, that the slip
/// is in. Reaches past the place where the parser stopped when there is nothing else left to overwrite.
pub(super) fn around(text: &str, slip: usize, stop: usize) -> Range<usize> {
    let mut first = Line::around(text, slip);
    let mut line = first;
    while !first.is_item(text) {
        let Some(above) = line_above(text, line) else { break };
        line = above;
        if line.indent(text) < first.indent(text) {
            first = line;
        }
    }
    let mut end = first.end;
    while let Some(next) = Line::around(text, end).next(text) {
        if !next.is_blank(text) && next.indent(text) <= first.indent(text) && next.start > slip {
            break;
        }
        end = next.end;
    }
    if text[first.start..end].trim().is_empty() {
        end = end.max(Line::around(text, stop).end);
    }
    first.start..end
}

/// The quote that is open between two places, by its opening mark.
pub(super) fn open_quote(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while let Some(opening) = text[at..to].find(['"', '\'']).map(|found| at + found) {
        let mark = &text[opening..=opening];
        let before = text[..opening].chars().next_back();
        if !before.is_none_or(|c| c.is_whitespace() || "[{,:".contains(c)) {
            at = opening + 1;
            continue;
        }
        match text[opening + 1..to].find(mark).map(|close| opening + 1 + close) {
            // It is closed on its own line, and something may follow it there.
            Some(close) if close + 1 < to && !text[opening..close].contains('\n') => at = close + 1,
            _ => return Some(opening),
        }
    }
    None
}

/// The innermost bracket that is open at a place.
pub(super) fn opening(text: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, c) in text[..at].char_indices().rev() {
        match c {
            ']' | '}' => depth += 1,
            '[' | '{' if depth == 0 => return Some(place),
            '[' | '{' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The plain value of a collection in brackets that a reference at this place of the line is a part of.
pub(super) fn scalar_around(line: &str, reference: usize) -> Option<Range<usize>> {
    let start = line[..reference].rfind(['{', '[', ',', ' ']).map_or(0, |before| before + 1);
    let mut end = reference;
    loop {
        let rest = &line[end..];
        if rest.starts_with("${{") {
            end += rest.find("}}")? + 2;
        } else {
            match rest.chars().next() {
                None | Some(',' | '}' | ']') => break,
                Some(c) => end += c.len_utf8(),
            }
        }
    }
    Some(start..start + line[start..end].trim_end().len())
}

/// The line with every reference in quotes.
pub(super) fn quote_references(line: &str) -> String {
    let mut quoted = String::new();
    let mut at = 0;
    while let Some(reference) = line[at..].find("${{").map(|found| at + found) {
        let Some(scalar) = scalar_around(line, reference).filter(|scalar| scalar.start >= at)
        else {
            break;
        };
        let has_quotes = line[scalar.clone()].contains(['"', '\'']);
        let mark = if has_quotes { "" } else { "\"" };
        quoted.push_str(&line[at..scalar.start]);
        quoted.extend([mark, &line[scalar.clone()], mark]);
        at = scalar.end;
    }
    quoted + &line[at..]
}

/// The nearest position at or before `at` where a character begins.
pub(super) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
