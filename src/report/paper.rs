//! What the live view is drawn on.
//!
//! Left to itself, indicatif fills each line to the last column and trusts that nobody but it moves the cursor. The
//! terminal's echo of `^C` does, and so does a window that is made narrower: each left the head of the view behind. So a
//! frame is taken in whole, and drawn from where the last one began, however wide the terminal is by then.

use indicatif::TermLike;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How to reach the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Its columns and its lines, which may change at any time.
    pub size: fn() -> (usize, usize),
    pub write: fn(&str),
}

/// A place on the terminal that is drawn on again and again. Clones draw on the same one.
#[derive(Clone, Debug)]
pub(super) struct Paper(Arc<Mutex<Sheet>>);

#[derive(Debug)]
struct Sheet {
    terminal: Terminal,
    /// The frame that is being taken in.
    lines: Vec<String>,
    /// How long each line of the last frame is.
    drawn: Vec<usize>,
}

impl Paper {
    pub(super) fn new(terminal: Terminal) -> Self {
        let sheet = Sheet { terminal, lines: Vec::new(), drawn: Vec::new() };
        Self(Arc::new(Mutex::new(sheet)))
    }

    /// Leaves the last frame where it stands: what comes next begins below it.
    pub(super) fn leave(&self) {
        let mut sheet = self.lock();
        if !sheet.drawn.is_empty() {
            sheet.drawn.clear();
            (sheet.terminal.write)("\n");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sheet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sheet {
    /// Draws what was taken in over the last frame.
    fn draw(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let text = over(&self.drawn, &lines, (self.terminal.size)().0);
        self.drawn = lines.iter().map(|line| console_width(line)).collect();
        (self.terminal.write)(&text);
    }
}

/// What draws these lines over those that are this long, on a terminal of this width.
///
/// The cursor stands at the beginning of the last line, before and after it: what a key echoes there breaks no line.
fn over(drawn: &[usize], lines: &[String], width: usize) -> String {
    let above = drawn.split_last().map(|(_, above)| above).unwrap_or_default();
    // A terminal that was made narrower has broken the lines that no longer fit.
    let rows: usize = above.iter().map(|length| length.div_ceil(width.max(1)).max(1)).sum();
    let up = if rows > 0 { format!("\x1b[{rows}A") } else { String::new() };
    format!("\r{up}{}\x1b[J\r", lines.join("\x1b[K\n"))
}

/// How many columns a line takes that may be colored.
fn console_width(line: &str) -> usize {
    anstream::adapter::strip_str(line).map(|part| part.chars().count()).sum()
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        u16::try_from((self.lock().terminal.size)().0).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from((self.lock().terminal.size)().1).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)
    }

    /// Each line comes alone, and after it the blanks that fill it up.
    fn write_str(&self, line: &str) -> io::Result<()> {
        if !line.trim_matches(' ').is_empty() {
            self.lock().lines.push(line.to_owned());
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.lock().draw();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_last_one() {
        assert_eq!(over(&[], &lines(&["a", "b"]), 80), "\ra\x1b[K\nb\x1b[J\r");
        assert_eq!(over(&[1, 1], &lines(&["a"]), 80), "\r\x1b[1Aa\x1b[J\r");
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_broken_count_as_often_as_they_were() {
        assert_eq!(over(&[70, 10, 70], &lines(&["a"]), 40), "\r\x1b[3Aa\x1b[J\r");
    }

    #[test]
    fn color_takes_no_place() {
        assert_eq!(console_width(" \x1b[32m✓\x1b[0m page"), 7);
    }
}
