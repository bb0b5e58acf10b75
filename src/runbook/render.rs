//! Mistakes as people read them: what, where, the line itself with a caret, and what to do.

use crate::model::{Diagnostic, Source, Span};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;

/// How many mistakes are printed; the rest are counted.
const SHOWN: usize = 20;

/// All mistakes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    pub source: Source,
    pub found: Vec<Diagnostic>,
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Mistakes {
    /// As text that ends with a line break, with colors if asked for.
    pub fn render(&self, is_styled: bool) -> String {
        let lines = Lines::of(&self.source.text);
        let renderer = if is_styled { Renderer::styled() } else { Renderer::plain() };
        let mut parts: Vec<String> = self
            .found
            .iter()
            .take(SHOWN)
            .map(|diagnostic| self.one(&renderer, &lines, diagnostic))
            .collect();
        if self.found.len() > SHOWN {
            parts.push(format!("{} errors; the first {SHOWN} are shown\n", self.found.len()));
        }
        parts.join("\n")
    }

    fn one(&self, renderer: &Renderer, lines: &Lines<'_>, diagnostic: &Diagnostic) -> String {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str());
        let mut snippets = Vec::new();
        let labels = diagnostic.labels.iter().map(|label| (label.span, Some(&*label.says)));
        let places = diagnostic.span.map(|span| (span, None)).into_iter().chain(labels);
        // Lines far apart in a long file are shown each by itself: only what is passed is read.
        for (span, says) in places {
            let window = lines.window(span);
            let kind = match says {
                None => AnnotationKind::Primary,
                Some(_) => AnnotationKind::Context,
            };
            let annotation = kind.span(window.part).label(says);
            snippets.push(
                Snippet::source(window.text)
                    .path(self.source.path.as_str())
                    .line_start(window.number)
                    .annotation(annotation),
            );
        }
        let mut text = renderer.render(&[title.elements(snippets)]);
        if diagnostic.span.is_none() {
            text.push_str("\n  --> ");
            text.push_str(&self.source.path);
        }
        for hint in &diagnostic.hints {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text.push('\n');
        text
    }
}

/// Where each line of a text begins, so that a place is found without counting lines anew.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// The one line that a place begins in.
struct Window<'a> {
    text: &'a str,
    number: usize,
    /// The place within it.
    part: std::ops::Range<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn window(&self, span: Span) -> Window<'a> {
        let at = floor(self.text, span.start);
        let line = self.starts.partition_point(|start| *start <= at) - 1;
        let start = self.starts[line];
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = self.text[start..end].trim_end_matches('\r');
        let first = (at - start).min(text.len());
        let last = floor(self.text, span.end).clamp(at, start + text.len().max(first)) - start;
        Window { text, number: line + 1, part: first..last.max(first) }
    }
}

/// The nearest position at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
