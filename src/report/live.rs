//! The live view on a terminal: one line for each step, drawn again whenever something happens and while time passes.

use super::{
    lines::stopping,
    row::{self, Progress, Row},
    text,
    timeline::{Sample, Timeline},
};
use crate::{
    model::{
        StepId,
        span::{between, clock_time, show},
    },
    run::{Event, Fact},
};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many marks the line of what users see has.
const MARKS: u32 = 12;

/// What the view shows, as text.
pub struct Screen {
    timeline: Timeline,
    progress: HashMap<StepId, Progress>,
    is_stopping: bool,
}

impl Screen {
    pub fn new(timeline: Timeline) -> Self {
        Self { timeline, progress: HashMap::new(), is_stopping: false }
    }

    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Fact { at, fact } => {
                if let Fact::Step { step, .. } = fact {
                    self.progress.remove(step);
                }
                // The engine has checked the fact; a display has no say in it.
                self.timeline.take_in(*at, fact).ok();
            }
            Event::Progress { step, says, look_again, .. } => {
                let progress = Progress { says: says.clone(), look_again: *look_again };
                self.progress.insert(step.clone(), progress);
            }
            Event::Holding { step, why, .. } => {
                let says = format!("holds: {why}");
                self.progress.insert(step.clone(), Progress { says, look_again: None });
            }
            Event::Stopping { .. } => self.is_stopping = true,
        }
    }

    /// The lines, none wider than `width`, and not more than `height` if that can be.
    pub fn render(&self, now: Timestamp, width: usize, height: usize) -> Vec<String> {
        let rows: Vec<_> = self
            .timeline
            .work()
            .map(|work| row::row(&self.timeline, work, self.progress.get(&work.0.id), now))
            .collect();
        let tail: Vec<_> = self.users(now).into_iter().chain(self.stopping()).collect();
        let mut lines = vec![self.head(now)];
        lines.extend(collapse(&rows, width, height.saturating_sub(1 + tail.len())));
        lines.extend(tail);
        lines.iter().map(|line| text::fit(line, width)).collect()
    }

    fn head(&self, now: Timestamp) -> String {
        let plan = &self.timeline.plan;
        let since = self.timeline.started().map_or_else(String::new, |at| show(between(at, now)));
        let promised =
            plan.objectives.rto.map_or_else(String::new, |rto| format!(" of {}", show(rto)));
        let loss = self.timeline.steps.iter().filter_map(|story| story.evidence.data_loss()).max();
        let loss = loss.filter(|loss| !loss.is_zero());
        let loss = loss.map_or_else(String::new, |loss| format!("   loss ~{}", show(loss)));
        format!(
            "{}  {} → {}  {}   run {}  {}  {since}{promised}{loss}",
            plan.runbook,
            plan.from,
            plan.to,
            plan.mode,
            self.timeline.run.short(),
            clock_time(now),
        )
    }

    fn stopping(&self) -> Option<String> {
        self.is_stopping.then(|| stopping(&self.timeline))
    }

    fn users(&self, now: Timestamp) -> Vec<String> {
        let line = |watch: &crate::plan::Watch| {
            let samples: Vec<_> =
                self.timeline.samples.iter().filter(|sample| sample.watch == watch.name).collect();
            let last = samples.last()?;
            let (says, since) = (&last.says, clock_time(last.at));
            Some(format!("users now  {}  {says} since {since}", marks(&samples, now)))
        };
        self.timeline.plan.watch.iter().filter_map(line).collect()
    }
}

/// What users saw from the first sample until now, in marks of equal length.
fn marks(samples: &[&Sample], now: Timestamp) -> String {
    let Some(first) = samples.first() else { return String::new() };
    let each = between(first.at, now) / MARKS;
    (1..=MARKS)
        .map(|mark| {
            let until = first.at + each * mark;
            let seen = samples.iter().rfind(|sample| sample.at <= until);
            if seen.is_some_and(|sample| sample.good) { '▇' } else { '▁' }
        })
        .collect()
}

/// The rows, as many as there is room for: first what is done gives way, then what waits.
fn collapse(rows: &[Row], width: usize, room: usize) -> Vec<String> {
    let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let names = names.min(width / 4);
    let times = rows.iter().map(|row| row.time.chars().count()).max().unwrap_or_default();
    let line = |row: &Row| {
        let before = format!(
            " {} {:<names$}  {:<times$}  ",
            row.sign,
            text::fit(&row.name, names),
            row.time
        );
        let left = width.saturating_sub(before.chars().count());
        let says = text::fit(row.says.lines().next().unwrap_or_default(), left);
        format!("{before}{says}").trim_end().to_owned()
    };
    let over = (rows.len() + 1).saturating_sub(room);
    if rows.len() <= room {
        return rows.iter().map(line).collect();
    }
    let done = rows.iter().take_while(|row| "✓·".contains(row.sign)).count().min(over);
    let mut lines = Vec::new();
    if done > 0 {
        lines.push(format!("   … {done} done"));
    }
    let rest = &rows[done..];
    if lines.len() + rest.len() <= room {
        lines.extend(rest.iter().map(line));
        return lines;
    }
    let shown = room.saturating_sub(lines.len() + 1).min(rest.len());
    lines.extend(rest[..shown].iter().map(line));
    lines.push(format!("   … {} more", rest.len() - shown));
    lines
}

/// How the view looks on this terminal.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: usize,
    pub height: usize,
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
    is_hidden: bool,
}

impl Live {
    pub fn new(screen: Screen, look: Look) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self(Arc::new(Mutex::new(Drawn { screen, look, bar, is_hidden: false })))
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

    /// Makes room for a question.
    pub fn hide(&self) {
        let mut drawn = self.lock();
        drawn.is_hidden = true;
        drawn.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    pub fn show(&self) {
        let mut drawn = self.lock();
        drawn.is_hidden = false;
        drawn.bar.set_draw_target(ProgressDrawTarget::stderr());
    }

    /// Leaves the last view on the terminal.
    pub fn leave(&self, now: Timestamp) {
        let drawn = self.lock();
        drawn.bar.abandon_with_message(drawn.text(now));
    }

    fn lock(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    fn text(&self, now: Timestamp) -> String {
        let Look { width, height, has_color, mark } = self.look;
        let lines = self.screen.render(now, width - mark.len() - 1, height - 1);
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

#[cfg(test)]
mod tests;
