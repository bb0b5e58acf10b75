//! A plan as people read it before anything is asked of a cloud.

mod layout;

use super::{
    ActionWork, Effect, NamesFrom, Needed, Plan, Step, StepId, Work,
    late::{later_text, later_value},
    short_digest,
};
use crate::model::span;
use layout::{cut_middle, longest_word, packed, wrapped};
use std::{fmt::Write, time::Duration};

const LEAST_WIDTH: usize = 80;
const MOST_WIDTH: usize = 120;
/// Ids longer than this are cut in the middle.
const ID_WIDTH: usize = 18;
/// The columns of the usual and the longest time: `~1 h 10 min  48 h`.
const USUAL_WIDTH: usize = 12;
const TIMES_WIDTH: usize = USUAL_WIDTH + 8;
/// What stands before a title besides an id: a number, a question mark and a sign.
const BEFORE_TITLE: usize = 10;
const GAP: usize = 2;
/// The column of what a step needs is at most this wide.
const NEEDS_WIDTH: usize = 20;
/// Where that column would leave less for titles, it is none: notes say it. So long is the longest name of an action.
const LEAST_TITLE: usize = 34;
const NO_WAY_BACK: &str =
    "    ── no way back from here: after this line, going back means a failback ──";

impl Plan {
    /// The offline screen, at most this many columns wide where names allow it.
    pub fn text(&self, width: usize) -> String {
        let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
        let ids = self.steps.iter().map(|step| step.id.as_str().chars().count() + indent(step));
        let screen = Screen::of(self, width, ids.max().unwrap_or(0).min(ID_WIDTH));
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
    /// The widths of the columns: of ids, of titles, and of what a step needs, where there is room for that.
    id: usize,
    title: usize,
    needs: Option<usize>,
}

impl<'a> Screen<'a> {
    fn of(plan: &'a Plan, width: usize, id: usize) -> Self {
        let title = width - BEFORE_TITLE - id - GAP - TIMES_WIDTH;
        let lines = plan.steps.iter().filter_map(Step::action).flat_map(needs);
        let widest = lines.map(|line| line.chars().count()).max();
        let beside = widest.map(|needs| (needs, title.saturating_sub(needs + GAP)));
        match beside.filter(|(_, title)| *title >= LEAST_TITLE) {
            Some((needs, title)) => Self { plan, width, id, title, needs: Some(needs) },
            None => Self { plan, width, id, title, needs: None },
        }
    }

    /// A title, what its step needs and how long that takes, each in its column.
    fn columns(&self, title: &str, needs: &str, times: &str) -> String {
        let needs = self.needs.map_or_else(String::new, |width| format!("{needs:<width$}  "));
        format!("{title:<width$}  {needs}{times}", width = self.title)
    }

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
        let times = format!("{:<USUAL_WIDTH$}at most", "usually");
        let heads = self.columns("", "needs", &times);
        lines.push(format!("{:margin$}{heads}", "", margin = BEFORE_TITLE + self.id));
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
        let margin = " ".repeat(BEFORE_TITLE + self.id);
        let room = self.width - margin.len() - 1;
        let (mut texts, needs, times) = match &step.work {
            Work::Group { .. } => (vec![self.together(step)], Vec::new(), String::new()),
            Work::Action(work) => {
                let title = step.title.as_deref().map_or(work.action.to_string(), later_text);
                let needs = self.needs.map_or_else(Vec::new, |_| needs(work));
                let title = wrapped(&title, |_| self.title);
                let title = title.iter().map(|line| cut_middle(line, self.title)).collect();
                (title, needs, times(work))
            }
        };
        for note in self.notes(step, above) {
            // Beside what is needed there is less room for a note, and for a long name there is none.
            if longest_word(&note) > self.title {
                texts.resize(texts.len().max(needs.len()), String::new());
            }
            let beside = needs.len().saturating_sub(texts.len());
            texts.extend(wrapped(&note, |line| if line < beside { self.title } else { room }));
        }
        texts.resize(texts.len().max(needs.len()), String::new());
        for (line, text) in texts.iter().enumerate() {
            let needs = needs.get(line).map(String::as_str);
            let line = match (line, needs) {
                (0, needs) => {
                    let columns = self.columns(text, needs.unwrap_or_default(), &times);
                    format!("{start}  {} {columns}", sign(step))
                }
                (_, Some(needs)) => format!("{margin}{}", self.columns(text, needs, "")),
                (_, None) => format!("{margin}{text}"),
            };
            lines.push(line.trim_end().to_owned());
        }
    }

    /// What a group says in place of a title.
    fn together(&self, step: &Step) -> String {
        let asks = match self.plan.steps.iter().any(|child| asks_by_itself(child, step)) {
            _ if step.confirm.is_none() => "",
            true => "asks once for the rest, then ",
            false => "asks once, then ",
        };
        format!("{asks}at the same time:")
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
            if self.needs.is_none() && !work.planes.is_empty() {
                notes.push(format!("needs {}", named(work).join(", ")));
            }
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
        notes.extend(self.lost(step));
        notes.extend(waits(step, above));
        notes
    }

    fn failure(&self, step: &Step) -> Option<String> {
        use super::OnFailure;
        let mut regions = step.action()?.planes.iter().filter_map(Needed::region);
        let region = regions.find(|region| **region == self.plan.from).unwrap_or(&self.plan.to);
        match step.on_failure {
            OnFailure::Stop => None,
            OnFailure::Owe => Some(format!("owed if {region} cannot")),
            OnFailure::Ask => Some("asks whether to go on if it fails".to_owned()),
        }
    }

    /// What becomes of a step that needs the region that is presumed lost.
    fn lost(&self, step: &Step) -> Option<String> {
        let region = self.plan.presumed_lost()?;
        if let Some(waived) = self.plan.waived(step) {
            return Some(format!("{region} is presumed lost; waived: {}", waived.reason));
        }
        let held = self.plan.stranded().find(|lost| lost.step.id == step.id);
        held.map(|_| format!("{region} is presumed lost: the run will not begin"))
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

/// What a step needs, as it stands in its column.
fn needs(work: &ActionWork) -> Vec<String> {
    packed(&named(work), NEEDS_WIDTH)
}

fn named(work: &ActionWork) -> Vec<String> {
    work.planes.iter().map(ToString::to_string).collect()
}

/// How long a step takes, as it stands in its columns.
fn times(work: &ActionWork) -> String {
    let usual = match work.usual {
        Duration::ZERO => String::new(),
        usual => format!("~{}", span::show(usual)),
    };
    format!("{usual:<USUAL_WIDTH$}{}", span::show(work.timeout))
}

fn sign(step: &Step) -> &'static str {
    match step.action().map(|work| work.effect) {
        Some(Effect::CannotBeUndone) => "!",
        Some(Effect::Changes) => "~",
        Some(Effect::Reads) => "·",
        None => " ",
    }
}

fn is_harmful(step: &Step) -> bool {
    step.action().is_some_and(|work| work.effect == Effect::CannotBeUndone)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
