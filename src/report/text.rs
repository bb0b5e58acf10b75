//! How texts are made to fit: prose is broken between words, names give way in their middle, columns are aligned.
//!
//! A number stays with its unit, and what stands between backticks is one word: both lose their meaning when they are cut.

use std::fmt::{Display, Write as _};

/// Where nothing has to fit: what is read by a program has no width.
pub const NO_WIDTH: usize = 10_000;

/// A column that is narrower than this is no column: its texts stand on lines of their own.
const LEAST_COLUMN: usize = 24;
/// As much of a name as tells it from others.
const LEAST_NAME: usize = 9;
const UNITS: [&str; 11] = ["ms", "s", "min", "h", "d", "%", "B", "kB", "MB", "GB", "TB"];

/// The text in one line of at most `width` characters. Long names give way first, and then the end of the text.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let mut over = text.chars().count().saturating_sub(width);
    while over > 0 {
        let names = words.iter_mut().filter(|word| is_name(word));
        let Some(longest) = names.max_by_key(|word| word.chars().count()) else { break };
        let length = longest.chars().count();
        let kept = length.saturating_sub(over).max(length * 3 / 4).max(LEAST_NAME);
        *longest = middle(longest, kept);
        over = over.saturating_sub(length - kept);
    }
    let whole = words.join(" ");
    if whole.chars().count() <= width {
        return whole;
    }
    let mut kept = String::new();
    for word in &words {
        if kept.chars().count() + word.chars().count() + " …".chars().count() > width {
            break;
        }
        kept = kept + word + " ";
    }
    if kept.is_empty() { middle(&words[0], width) } else { kept + "…" }
}

/// Whether both ends of a word tell it from others, so that its middle may be left out.
fn is_name(word: &str) -> bool {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.chars().count() > LEAST_NAME
        && inner.contains(|c: char| !c.is_alphanumeric())
        && inner.contains(char::is_alphabetic)
}

/// A name in at most `width` characters, with both ends.
pub(super) fn middle(name: &str, width: usize) -> String {
    let count = name.chars().count();
    if count <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = kept.div_ceil(2);
    let tail = kept - head;
    let mut cut: String = name.chars().take(head).collect();
    cut.push('…');
    cut.extend(name.chars().skip(count - tail));
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

    /// A text beside what stands before it, in lines of at most `width` characters.
    pub(super) fn beside(&mut self, before: &str, text: &str, width: usize) {
        for line in hang(before, text, width) {
            self.line(line);
        }
    }

    /// Parts that are never broken.
    pub(super) fn flow(&mut self, parts: &[String], gap: &str, width: usize) {
        for line in flow(parts, gap, width) {
            self.line(line);
        }
    }

    /// A command to paste, never broken: below the text beside it if there is room, else as far left as commands stand.
    pub(super) fn command(&mut self, indent: usize, command: &str, width: usize) {
        let has_room = indent + command.chars().count() <= width;
        let indent = if has_room { indent } else { indent.min(6) };
        self.line(format_args!("{:indent$}{command}", ""));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Rows of cells, each column as wide as its widest cell, two spaces apart.
pub fn rows(rows: &[Vec<String>]) -> String {
    table(rows, NO_WIDTH)
}

/// Rows of cells. The last cell of a row is broken between words where the row would be wider than `width`.
pub fn table(rows: &[Vec<String>], width: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| {
        rows.iter().filter(move |row| column + 1 < row.len()).map(move |row| &row[column])
    };
    let widths: Vec<_> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or_default())
        .collect();
    rows.iter().flat_map(|row| row_lines(row, &widths, width)).fold(String::new(), |all, line| {
        let line = line.trim_end();
        all + line + "\n"
    })
}

fn row_lines(row: &[String], widths: &[usize], width: usize) -> Vec<String> {
    let Some((last, columns)) = row.split_last() else { return vec![String::new()] };
    let padded = |(cell, width): (&String, &usize)| format!("{cell:<width$}  ");
    let before = columns.iter().zip(widths).map(padded).collect::<Vec<_>>().concat();
    let room = width.saturating_sub(before.chars().count());
    if last.chars().count() <= room || room >= LEAST_COLUMN {
        return hang(&before, last, width);
    }
    let mut lines = vec![before];
    lines.extend(hang("      ", last, width));
    lines
}

/// The text in lines of at most `width` characters, broken between words. A word that is longer stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    if length(text) <= width && !text.contains('\n') {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for (gap, unit) in units(text) {
        match lines.last_mut() {
            Some(line) if length(line) + gap + length(&unit) <= width => {
                *line = format!("{line}{:gap$}{unit}", "");
            }
            Some(_) => lines.push(unit),
            None => lines.push(format!("{:gap$}{unit}", "")),
        }
    }
    lines
}

/// Parts that are never broken, in lines of at most `width` characters where that can be.
pub(super) fn flow<T: AsRef<str>>(parts: &[T], gap: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().map(AsRef::as_ref).filter(|part| !part.is_empty()) {
        let length = |text: &str| text.chars().count();
        match lines.last_mut() {
            Some(line) if length(line) + length(gap) + length(part) <= width => {
                line.push_str(gap);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

/// A text, broken between words, with `before` before its first line and as many blanks before the rest.
pub fn hang(before: &str, text: &str, width: usize) -> Vec<String> {
    let indent = before.chars().count();
    let mut before = before.to_owned();
    let mut lines = Vec::new();
    for line in wrap(text, width.saturating_sub(indent).max(1)) {
        lines.push(format!("{before}{line}"));
        before = " ".repeat(indent);
    }
    if lines.is_empty() {
        lines.push(before);
    }
    lines
}

/// What a line may not be broken within, and how many blanks stand before it: words, numbers with their units, and what
/// stands between backticks.
fn units(text: &str) -> Vec<(usize, String)> {
    let mut gaps = Vec::new();
    let mut words = Vec::new();
    let mut gap = 0;
    for word in text.split(char::is_whitespace) {
        if !word.is_empty() {
            gaps.push(gap);
            words.push(word);
            gap = 0;
        }
        gap += 1;
    }
    let mut units: Vec<(usize, String)> = Vec::new();
    for (at, (gap, word)) in gaps.into_iter().zip(&words).enumerate() {
        let is_open = |(_, unit): &(usize, String)| unit.matches('`').count() % 2 == 1;
        let is_closed_later = words[at..].iter().any(|word| word.contains('`'));
        let is_quoted = units.last().is_some_and(is_open) && is_closed_later;
        let joins = is_quoted || belongs(&words, at) || at > 0 && words[at - 1] == "→";
        match units.last_mut().filter(|_| joins) {
            Some((_, unit)) => *unit = format!("{unit} {word}"),
            None => units.push((gap, (*word).to_owned())),
        }
    }
    units
}

/// Whether a word is the unit of the number before it, or the second number of a length of time.
fn belongs(words: &[&str], at: usize) -> bool {
    let is_number = |word: &str| word.trim_start_matches(['~', '(']).parse::<f64>().is_ok();
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches([',', ';', ':', '.', ')']));
    let before = |steps: usize| at.checked_sub(steps).map(|at| words[at]);
    let is_second = is_number(words[at])
        && words.get(at + 1).is_some_and(|word| is_unit(word))
        && before(1).is_some_and(|word| UNITS.contains(&word))
        && before(2).is_some_and(is_number);
    is_second || is_unit(words[at]) && before(1).is_some_and(is_number)
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
    fn names_give_way_before_numbers_and_words_do() {
        let text = "tm-proseware/primary-region: 20 % to app-proseware-maintenance";
        assert_eq!(fit(text, 50), "tm-prosewa…ry-region: 20 % to app-prosew…intenance");
        let long = "no answer from management.azure.com: nothing within 10 s";
        assert_eq!(fit(long, 40), "no answer from mana…com: nothing …");
        for width in 1..70 {
            let cut = fit(text, width);
            assert!(cut.chars().count() <= width, "{width}: {cut}");
        }
    }

    #[test]
    fn lines_are_broken_between_words_and_never_within_a_number_or_a_command() {
        let text = "lag 6 min 27 s, gone is 13 min 4 s; type `failover resume 7f3c` now";
        assert_eq!(
            wrap(text, 20),
            ["lag 6 min 27 s, gone", "is 13 min 4 s; type", "`failover resume 7f3c`", "now"]
        );
        assert_eq!(
            wrap("stproseware-is-a-long-name it is", 8),
            ["stproseware-is-a-long-name", "it is"]
        );
        assert_eq!(wrap("02:00:00Z  go  asks: go on", 20), ["02:00:00Z  go  asks:", "go on"]);
        assert_eq!(wrap("a ` alone binds nothing", 8), ["a `", "alone", "binds", "nothing"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = [["a", "bcd"], ["abc", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(rows(&cells), "a    bcd\nabc\n");
    }

    #[test]
    fn the_last_cell_is_broken_between_words_or_stands_below() {
        let cells = [vec!["storage".to_owned(), "what was written since is lost".to_owned()]];
        assert_eq!(table(&cells, 34), "storage  what was written since is\n         lost\n");
        assert_eq!(table(&cells, 24), "storage\n      what was written\n      since is lost\n");
    }
}
