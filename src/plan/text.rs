//! A plan as people read it before anything is asked of a cloud.

use super::{
    Effect, NamesFrom, Plan, Step, StepId, Work,
    late::{later_text, later_value},
    short_digest,
};
use crate::model::span;
use std::{fmt::Write, time::Duration};

const LEAST_WIDTH: usize = 80;
const MOST_WIDTH: usize = 120;
/// Ids longer than this are cut in the middle.
const ID_WIDTH: usize = 18;
/// The columns of the usual and the longest time: `~1 h 10 min  48 h`.
const USUAL_WIDTH: usize = 12;
const TIMES_WIDTH: usize = USUAL_WIDTH + 8;
const NO_WAY_BACK: &str =
    "    ── no way back from here: after this line, going back means a failback ──";

impl Plan {
    /// The offline screen, at most this many columns wide where names allow it.
    pub fn text(&self, width: usize) -> String {
        let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
        let ids = self.steps.iter().map(|step| step.id.as_str().chars().count() + indent(step));
        let screen = Screen { plan: self, width, id: ids.max().unwrap_or(0).min(ID_WIDTH) };
        let mut lines = screen.head();
        let harmful = self.steps.iter().find(|step| is_harmful(step));
        let line_before = harmful.map(|step| step.group.as_ref().unwrap_or(&step.id));
        let mut above: Option<&Step> = None;
        for step in &self.steps {
            if line_before == Some(&step.id) {
                lines.push(NO_WAY_BACK.to_owned());
            }
            if step.is_finally && above.is_none_or(|above| !above.is_finally) {
                lines.push("    ── at the end, after success and after an abort ──".to_owned());
            }
            screen.step(step, above, &mut lines);
            if step.group.is_none() {
                above = Some(step);
            }
        }
        lines.extend(screen.foot());
        lines.join("\n") + "\n"
    }
}

/// Whether a step of this group is left out of the group's question.
fn asks_by_itself(child: &Step, group: &Step) -> bool {
    child.group.as_ref() == Some(&group.id) && child.confirm.is_some()
}

fn indent(step: &Step) -> usize {
    if step.group.is_some() { 2 } else { 0 }
}

struct Screen<'a> {
    plan: &'a Plan,
    width: usize,
    /// The width of the column of ids.
    id: usize,
}

impl Screen<'_> {
    fn head(&self) -> Vec<String> {
        let Plan { runbook, from, to, mode, path, .. } = self.plan;
        let digest = self.plan.to_bytes().map(|bytes| Plan::digest(&bytes)).unwrap_or_default();
        let digest = short_digest(&digest);
        let left = format!("{runbook}  {from} → {to}  {mode}");
        let right = format!("{path}  plan {digest}");
        let mut lines = match self.width.checked_sub(left.chars().count() + right.chars().count()) {
            Some(gap @ 2..) => vec![format!("{left}{:gap$}{right}", "")],
            _ => vec![left, right],
        };
        lines.push("offline: no cloud was asked, so what is already done is not known".to_owned());
        for name in &self.plan.made_up {
            lines.push(format!("{name} is not set: its value here is made up"));
        }
        lines.extend(self.plan.names_from.as_ref().map(NamesFrom::says));
        lines.push(String::new());
        let margin = self.width - TIMES_WIDTH;
        lines.push(format!("{:margin$}{:<USUAL_WIDTH$}at most", "", "usually"));
        lines
    }

    fn step(&self, step: &Step, above: Option<&Step>, lines: &mut Vec<String>) {
        let asks = if step.confirm.is_some() { "?" } else { " " };
        let id = cut_middle(step.id.as_str(), self.id - indent(step));
        let start = if step.group.is_some() {
            format!("  {asks} {:<4}{id:<width$}", step.number, width = self.id - 2)
        } else {
            format!("{:>2} {asks}  {id:<width$}", step.number, width = self.id)
        };
        let room = self.width - start.chars().count() - 5;
        match &step.work {
            Work::Group { .. } => {
                let asks = match self.plan.steps.iter().any(|child| asks_by_itself(child, step)) {
                    _ if step.confirm.is_none() => "",
                    true => "asks once for the rest, then ",
                    false => "asks once, then ",
                };
                lines.push(format!("{start}    {asks}at the same time:"));
            }
            Work::Action(work) => {
                let title = step.title.as_deref().map_or(work.action.to_string(), later_text);
                let room = room - TIMES_WIDTH - 1;
                let usual = match work.usual {
                    Duration::ZERO => String::new(),
                    usual => format!("~{}", span::show(usual)),
                };
                let times = format!("{usual:<USUAL_WIDTH$}{}", span::show(work.timeout));
                let line =
                    format!("{start}  {} {:<room$}  {times}", sign(step), cut_end(&title, room));
                lines.push(line.trim_end().to_owned());
            }
        }
        let margin = " ".repeat(start.chars().count() + 4);
        for note in self.notes(step, above) {
            lines.extend(wrap(&note, room).into_iter().map(|line| format!("{margin}{line}")));
        }
    }

    /// What else there is to say of a step, each on lines of its own.
    fn notes(&self, step: &Step, above: Option<&Step>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(work) = step.action() {
            let touched = work.touched();
            let touched: Vec<&str> = touched.iter().map(|touched| touched.name.as_str()).collect();
            // What touches nothing is told by its first text: an address, instructions, a length of time.
            let first = work.with.entries().iter().find_map(|(_, node)| node.as_text());
            let object = if touched.is_empty() {
                first.map(ToOwned::to_owned)
            } else {
                Some(touched.join(", "))
            };
            let action = step.title.as_ref().map(|_| work.action.to_string());
            notes.extend(
                [action, object]
                    .into_iter()
                    .flatten()
                    .reduce(|action, object| format!("{action}: {object}")),
            );
            for (key, node) in work.with.entries().iter().filter(|(_, node)| node.is_late()) {
                notes.push(format!("{}: {}", key.text, later_value(node)));
            }
        }
        if let Some(work) = step.action().filter(|work| work.timeout < work.usual) {
            let (most, usual) = (span::show(work.timeout), span::show(work.usual));
            notes.push(format!("warning: at most {most} is less than the usual {usual}"));
        }
        if let Some(question) = &step.confirm {
            notes.push(format!("asks: {}", later_text(question)));
        }
        notes.extend(self.failure(step));
        notes.extend(waits(step, above));
        notes
    }

    fn failure(&self, step: &Step) -> Option<String> {
        use super::OnFailure;
        let mut regions =
            step.action()?.touches.iter().filter_map(|touched| touched.region.as_ref());
        let region = regions.find(|region| **region == self.plan.from).unwrap_or(&self.plan.to);
        match step.on_failure {
            OnFailure::Stop => None,
            OnFailure::Owe => Some(format!("owed if {region} cannot")),
            OnFailure::Ask => Some("asks whether to go on if it fails".to_owned()),
        }
    }

    fn foot(&self) -> Vec<String> {
        let steps = self.plan.steps.iter();
        let count = steps.clone().filter(|step| step.group.is_none()).count();
        let harmful = steps.clone().filter(|step| is_harmful(step)).count();
        let questions = steps.filter(|step| step.confirm.is_some()).count();
        let expected = self.plan.expected();
        let mut counts = plural(count, "step");
        if harmful > 0 {
            let _ = write!(counts, ", {harmful} that cannot be undone");
        }
        if questions > 0 {
            let _ = write!(counts, ", {}", plural(questions, "question"));
        }
        let mut time = format!("expected {}", span::show(expected.length));
        let longest =
            expected.path.iter().filter_map(|id| Some((id, self.plan.step(id)?.action()?.usual)));
        if let Some((id, usual)) = longest.max_by_key(|(_, usual)| *usual) {
            let _ = write!(time, ", of which {id} ~{}", span::show(usual));
        }
        let mut lines = vec![String::new(), counts, time];
        let served = self.plan.served_after().map(span::show);
        lines.extend(served.map(|after| format!("users are served again after ~{after}")));
        lines.extend(self.objectives());
        let lock = format!(
            "lock: {}, held in one state folder: it keeps no other machine out",
            self.plan.lock
        );
        lines.push(lock);
        lines
    }

    fn objectives(&self) -> Option<String> {
        let mut promises = Vec::new();
        if let Some(rto) = self.plan.objectives.rto {
            let length = self.plan.served_after().unwrap_or(self.plan.expected().length);
            let verdict =
                if length <= rto { "expected to be met" } else { "expected to be missed" };
            promises.push(format!("recovery {}  {verdict}", span::show(rto)));
        }
        if let Some(rpo) = self.plan.objectives.rpo {
            promises.push(format!("data loss {}  not known yet", span::show(rpo)));
        }
        (!promises.is_empty()).then(|| format!("objectives: {}", promises.join(" · ")))
    }
}

/// What a step waits for, when that is not all of what stands above it.
fn waits(step: &Step, above: Option<&Step>) -> Option<String> {
    if step.group.is_some() {
        return None;
    }
    let is_above = |need: &StepId| {
        above.is_some_and(|above| above.id == *need || above.children().contains(need))
    };
    let above_ends = above.is_none_or(|above| above.is_finally != step.is_finally);
    match step.needs.as_slice() {
        [] if above_ends => None,
        [] => Some("starts at once".to_owned()),
        needs if needs.iter().all(is_above) => None,
        needs => {
            let needs: Vec<&str> = needs.iter().map(StepId::as_str).collect();
            Some(format!("after {}", needs.join(", ")))
        }
    }
}

fn sign(step: &Step) -> &'static str {
    match step.action().map(|work| work.effect) {
        Some(Effect::CannotBeUndone) => "!",
        Some(Effect::Changes) => "~",
        Some(Effect::Reads) | None => "·",
    }
}

fn is_harmful(step: &Step) -> bool {
    step.action().is_some_and(|work| work.effect == Effect::CannotBeUndone)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn cut_middle(text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let tail = (room - 1) / 2;
    let head: String = text.chars().take(room - 1 - tail).collect();
    head + "…" + &text.chars().skip(length - tail).collect::<String>()
}

fn cut_end(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room - 1).collect::<String>() + "…"
}

fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > room {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
