//! What the live view shows, as text: one line for each step, and above and below them how it stands with the whole.

use super::{
    lines::{interrupted, settling},
    row::{self, Progress, Row},
    status::AtWork,
    text,
    timeline::{Sample, Timeline},
};
use crate::{
    model::{
        StepId,
        span::{between, clock_time, show},
    },
    plan::Watch,
    run::{Event, Fact},
};
use jiff::Timestamp;
use std::collections::HashMap;

/// How many marks the line of what users see has.
const MARKS: u32 = 12;

/// What the view shows.
pub struct Screen {
    timeline: Timeline,
    progress: HashMap<StepId, Progress>,
    stopping: Stopping,
    at_work: AtWork,
}

/// Whether new steps are still started, and who ended that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    Interrupted,
    /// A question was answered with no, or by nobody.
    Unasked,
}

impl Screen {
    pub fn new(timeline: Timeline) -> Self {
        let (stopping, at_work) = (Stopping::No, AtWork::Somebody);
        Self { timeline, progress: HashMap::new(), stopping, at_work }
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
            Event::Stopping { is_interrupted, .. } => {
                self.stopping =
                    if *is_interrupted { Stopping::Interrupted } else { Stopping::Unasked };
            }
        }
    }

    /// Nobody is at the run from now on.
    pub(super) fn leave(&mut self) {
        (self.stopping, self.at_work) = (Stopping::No, AtWork::Nobody);
        self.progress.clear();
    }

    /// The lines, none wider than `width`, and not more than `height` if that can be.
    pub fn render(&self, now: Timestamp, width: usize, height: usize) -> Vec<String> {
        let row = |work: (&_, &_)| {
            let step: &crate::plan::Step = work.0;
            let progress = self.progress.get(&step.id);
            row::row(&self.timeline, work, progress, (self.at_work, now))
        };
        let rows: Vec<_> = self.timeline.work().map(row).collect();
        let mut tail = self.users(now, width);
        tail.extend(self.stopping().iter().flat_map(|says| text::wrap(says, width)));
        let mut lines = self.head(now, width);
        let room = height.saturating_sub(lines.len() + tail.len());
        lines.extend(collapse(&rows, width, room));
        lines.extend(tail);
        lines
    }

    fn head(&self, now: Timestamp, width: usize) -> Vec<String> {
        let plan = &self.timeline.plan;
        let name = text::middle(&plan.runbook, (width / 4).max(12));
        let promised =
            plan.objectives.rto.map_or_else(String::new, |rto| format!(" of {}", show(rto)));
        let since = self.timeline.started();
        let since = since.map(|at| format!("{}{promised}", show(between(at, now))));
        let loss = self.timeline.steps.iter().filter_map(|story| story.evidence.data_loss()).max();
        let loss = loss.filter(|loss| !loss.is_zero()).map(|loss| format!("loss ~{}", show(loss)));
        let mut parts = vec![
            format!("{name}  {} → {}", plan.from, plan.to),
            plan.mode.to_string(),
            format!("run {}", self.timeline.run.short()),
            clock_time(now),
        ];
        parts.extend(since);
        parts.extend(loss);
        text::flow(&parts, "  ", width)
    }

    fn stopping(&self) -> Option<String> {
        match self.stopping {
            Stopping::No => None,
            Stopping::Interrupted => Some(interrupted(&self.timeline)),
            Stopping::Unasked => settling(&self.timeline),
        }
    }

    fn users(&self, now: Timestamp, width: usize) -> Vec<String> {
        let watched = &self.timeline.plan.watch;
        let line = |watch: &Watch| {
            let samples: Vec<_> =
                self.timeline.samples.iter().filter(|sample| sample.watch == watch.name).collect();
            let last = samples.last()?;
            let of = if watched.len() > 1 { format!(" of {}", watch.name) } else { String::new() };
            let before = format!("users{of} now  {}  ", marks(&samples, now));
            let since = format!(" since {}", clock_time(last.at));
            let room = width.saturating_sub(before.chars().count() + since.chars().count());
            Some(format!("{before}{}{since}", text::fit(&last.says, room)))
        };
        watched.iter().filter_map(line).collect()
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
        let name = text::middle(&row.name, names);
        let before = format!(" {} {name:<names$}  {:<times$}  ", row.sign, row.time);
        let says = row.within(width.saturating_sub(before.chars().count()));
        format!("{before}{says}").trim_end().to_owned()
    };
    let over = (rows.len() + 1).saturating_sub(room);
    if rows.len() <= room {
        return rows.iter().map(line).collect();
    }
    let done = rows.iter().take_while(|row| row.sign == '✓').count().min(over);
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

#[cfg(test)]
mod tests;
