//! A mistake in a runbook, and where it stands.

use super::Span;
use std::sync::Arc;

/// A file that was read: what diagnostics point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As the operator wrote it, for messages.
    pub path: String,
    pub text: Arc<str>,
}

/// A place that explains a mistake further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub says: String,
}

/// One mistake: what, where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub message: String,
    /// Where; `None` when it is about the file as a whole.
    pub span: Option<Span>,
    /// Other places that belong to it, such as the first of two equal ids.
    pub labels: Vec<Label>,
    pub hints: Vec<String>,
}

impl Diagnostic {
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: Some(span), labels: Vec::new(), hints: Vec::new() }
    }

    pub fn whole_file(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, labels: Vec::new(), hints: Vec::new() }
    }

    #[must_use]
    pub fn label(mut self, span: Span, says: impl Into<String>) -> Self {
        self.labels.push(Label { span, says: says.into() });
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds "did you mean", when one of the known names is near enough.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(typed, known) {
            Some(name) => {
                let hint = format!("did you mean `{name}`?");
                self.hint(hint)
            }
            None => self,
        }
    }
}

/// The known name that is nearest to what was typed, if it is near: at most a third of its letters differ.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed.to_lowercase().chars().collect();
    let allowed = (typed.len() / 3).max(1).min(typed.len().saturating_sub(1));
    known
        .into_iter()
        .filter(|name| name.chars().count().abs_diff(typed.len()) <= allowed)
        .map(|name| (distance(&typed, &name.to_lowercase().chars().collect::<Vec<_>>()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of letters to insert, leave out, change or swap with a neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![vec![0; width]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..width {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let known = ["fence-primary", "promote", "storage"];
        assert_eq!(nearest("fence-primry", known), Some("fence-primary"));
        assert_eq!(nearest("pormote", known), Some("promote"));
        assert_eq!(nearest("Storage", known), Some("storage"));
    }

    #[test]
    fn an_unlike_name_finds_nothing() {
        assert_eq!(nearest("verify", ["fence-primary", "promote"]), None);
        assert_eq!(nearest("", ["ab"]), None);
        assert_eq!(nearest("c", ["a", "b"]), None);
    }
}
