//! How texts are made to fit: names are cut in the middle, columns are aligned.

use std::fmt::{Display, Write as _};

/// The text in at most `width` characters, cut in the middle: both ends of a name tell it from others.
pub fn fit(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = kept.div_ceil(2);
    let tail = kept - head;
    let mut cut: String = text.chars().take(head).collect();
    cut.push('…');
    cut.extend(text.chars().skip(count - tail));
    cut
}

/// A text that grows by whole lines, none of which ends in blanks.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn line(&mut self, text: impl Display) {
        let start = self.0.len();
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{text}");
        let end = self.0[start..].trim_end_matches(' ').len();
        self.0.truncate(start + end);
        self.0.push('\n');
    }

    pub(super) fn lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Rows of cells, each column as wide as its widest cell, two spaces apart.
pub fn rows(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<_> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// The text in lines of at most `width` characters, broken between words.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, width)),
        }
    }
    lines
}

/// `1 change`, `2 changes`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_both_ends() {
        assert_eq!(fit("app-proseware-westus", 12), "app-pr…estus");
        assert_eq!(fit("storage", 12), "storage");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = [["a", "bcd"], ["abc", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(rows(&cells), "a    bcd\nabc\n");
    }
}
