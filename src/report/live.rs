//! The live view on a terminal: drawn again whenever something happens and while time passes.

use super::{
    paper::{Paper, Terminal},
    screen::Screen,
};
use crate::run::Event;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the view looks on this terminal.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub terminal: Terminal,
    pub has_color: bool,
    /// What stands before every line.
    pub mark: &'static str,
}

/// The view itself. Clones draw on the same terminal.
#[derive(Clone)]
pub struct Live(Arc<Mutex<Drawn>>);

struct Drawn {
    screen: Screen,
    look: Look,
    bar: ProgressBar,
    paper: Paper,
    is_hidden: bool,
}

impl Live {
    pub fn new(screen: Screen, look: Look) -> Self {
        let paper = Paper::new(look.terminal);
        let target = ProgressDrawTarget::term_like(Box::new(paper.clone()));
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self(Arc::new(Mutex::new(Drawn { screen, look, bar, paper, is_hidden: false })))
    }

    pub fn hear(&self, event: &Event) {
        self.lock().screen.hear(event);
    }

    pub fn draw(&self, now: Timestamp) {
        let drawn = self.lock();
        if !drawn.is_hidden {
            drawn.bar.set_message(drawn.text(now));
        }
    }

    /// Makes room for a question, below the view as it stands now.
    pub fn hide(&self, now: Timestamp) {
        self.draw(now);
        let mut drawn = self.lock();
        drawn.is_hidden = true;
        drawn.paper.leave();
    }

    pub fn show(&self) {
        self.lock().is_hidden = false;
    }

    /// Leaves the last view on the terminal.
    pub fn leave(&self, now: Timestamp) {
        let mut drawn = self.lock();
        drawn.screen.leave();
        drawn.bar.abandon_with_message(drawn.text(now));
        drawn.paper.leave();
    }

    fn lock(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    fn text(&self, now: Timestamp) -> String {
        let Look { terminal, has_color, mark } = self.look;
        let (columns, rows) = (terminal.size)();
        let width = columns.saturating_sub(mark.len() + 1);
        let lines = self.screen.render(now, width, rows.saturating_sub(1));
        let line = |line: &String| {
            let painted = if has_color { paint(line) } else { line.clone() };
            format!("{mark}{painted}")
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Colors the sign: it repeats what the sign says.
fn paint(line: &str) -> String {
    let color = |sign| match sign {
        '✓' => Some(AnsiColor::Green),
        '!' | '?' => Some(AnsiColor::Yellow),
        '✗' => Some(AnsiColor::Red),
        '◐' => Some(AnsiColor::Cyan),
        _ => None,
    };
    let sign = line.strip_prefix(' ').and_then(|rest| rest.chars().next());
    match sign.and_then(|sign| Some((sign, color(sign)?))) {
        Some((sign, color)) => {
            let style: Style = color.on_default();
            line.replacen(sign, &format!("{style}{sign}{style:#}"), 1)
        }
        None => line.to_owned(),
    }
}
