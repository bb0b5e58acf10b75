//! The steps of a plan with what was seen of them: a line for each change, and below it what else there is to know.

use super::{text, words};
use crate::{
    action::{Answer, By, Change},
    engine::{Check, Checked, Preflight},
    model::span::show,
    plan::{self, ActionWork, Effect, OnFailure, Plan, Step},
};
use std::time::Duration;

/// Steps that usually take less than this do not say how long.
const WORTH_SAYING: Duration = Duration::from_secs(5);
/// What a change says has at least this much room before its time.
const LEAST_ROOM: usize = 40;
const GAP: usize = 3;

/// What is known of a plan's steps before anything is done.
pub(super) struct Listing<'a> {
    plan: &'a Plan,
    entries: Vec<Entry<'a>>,
}

/// What a step would do.
struct Entry<'a> {
    step: &'a Step,
    says: Vec<Said>,
    changes: usize,
    final_changes: usize,
    /// Whether it will change just that.
    is_exact: bool,
}

/// A text, and what stands before it: a sign, or as many blanks.
struct Said {
    before: &'static str,
    text: String,
}

impl<'a> Listing<'a> {
    pub(super) fn new(plan: &'a Plan, seen: &Preflight) -> Self {
        let entries = plan.steps.iter().map(|step| {
            let mut entry = Entry::new(step, seen.check(&step.id));
            if let Some(waived) = plan.waived(step) {
                entry.say("  ", format!("({waived})"));
            }
            entry
        });
        Self { plan, entries: entries.collect() }
    }

    /// How many changes were seen to be missing.
    pub(super) fn changes(&self) -> usize {
        self.entries.iter().map(|entry| entry.changes).sum()
    }

    /// How many of them cannot be undone.
    pub(super) fn final_changes(&self) -> usize {
        self.entries.iter().map(|entry| entry.final_changes).sum()
    }

    /// Whether no step may turn out to change more, or less, than was seen.
    pub(super) fn is_exact(&self) -> bool {
        self.entries.iter().all(|entry| entry.is_exact)
    }

    /// The lines of the screen.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let columns = self.columns(width);
        let mut lines = Vec::new();
        let mut has_warned = false;
        for entry in &self.entries {
            if !has_warned && self.loses_the_way_back(entry.step) {
                has_warned = true;
                lines.push(no_way_back(width));
            }
            lines.extend(entry.lines(&columns));
        }
        lines
    }

    fn columns(&self, width: usize) -> Columns {
        let names = self.longest(|entry| entry.step.id.as_str().chars().count());
        let names = names.clamp(4, (width / 4).max(4));
        let start = self.longest(|entry| entry.start(names));
        let says = self.longest(|entry| entry.start(names) + entry.length());
        let room = |tells| {
            let tails = self.longest(|entry| entry.tail(tells).chars().count());
            width.saturating_sub(tails + GAP).max(start + GAP)
        };
        let tells_otherwise = says <= room(true) || room(true) >= start + LEAST_ROOM;
        let times = says.min(room(tells_otherwise)) + GAP;
        Columns { names, times, tells_otherwise }
    }

    fn longest(&self, length: impl Fn(&Entry<'a>) -> usize) -> usize {
        self.entries.iter().map(length).max().unwrap_or_default()
    }

    /// Whether this step, or one of its group, would do what cannot be undone.
    fn loses_the_way_back(&self, step: &Step) -> bool {
        let children = self.plan.step(&step.id).map(Step::children).unwrap_or_default();
        let is_it = |entry: &&Entry| entry.step.id == step.id || children.contains(&entry.step.id);
        self.entries.iter().filter(is_it).any(|entry| entry.final_changes > 0)
    }
}

fn no_way_back(width: usize) -> String {
    let long = "    ── no way back from here: after this line, going back means a failback ──";
    let short = "    ── no way back from here but a failback ──";
    if long.chars().count() <= width { long } else { short }.to_owned()
}

/// Where the columns are.
struct Columns {
    /// How wide that of the names is.
    names: usize,
    /// Where that of the times begins.
    times: usize,
    /// Whether what happens when a step cannot be done stands beside its time; else it stands below.
    tells_otherwise: bool,
}

impl<'a> Entry<'a> {
    fn new(step: &'a Step, check: Option<&Check>) -> Self {
        let mut entry =
            Self { step, says: Vec::new(), changes: 0, final_changes: 0, is_exact: true };
        match step.action() {
            None => {
                let asks = if step.confirm.is_some() { "asks once, then " } else { "" };
                entry.say("", format!("{asks}at the same time:"));
            }
            Some(work) if work.effect == Effect::Reads => entry.say("· ", reads(step, work)),
            Some(work) => entry.works(work, check),
        }
        entry
    }

    fn works(&mut self, work: &ActionWork, check: Option<&Check>) {
        let action = &work.action;
        if let Err(after) = plan::late(&work.with, &|_, _| None) {
            return self.guess(format!("{action} (known after step {after})"));
        }
        let Some(check) = check else { return self.guess(action.to_string()) };
        match &check.found {
            Checked::NothingToSee => self.guess(action.to_string()),
            Checked::Unknown(why) => self.guess(format!("{action}: not known, {why}")),
            Checked::Seen(seen) => match &seen.answer {
                Answer::AsDesired => {
                    let title = self.step.title.as_deref().unwrap_or("already so");
                    // What an earlier step changes is not so for good.
                    let is_final = check.predicted_by.is_none();
                    self.say(if is_final { "= " } else { "~ " }, title.to_owned());
                }
                Answer::Missing(changes) | Answer::Unseen(changes) => {
                    self.changes(work, changes);
                    let loses = self.final_changes > 0;
                    let losing = words::losing(&seen.evidence, "so far").filter(|_| loses);
                    if let Some(losing) = losing {
                        self.say("  ", losing);
                    }
                }
                Answer::NotYet { why, .. } => self.guess(format!("{action}: not yet, {why}")),
                Answer::Never { why } => self.guess(format!("{action}: {why}")),
            },
        }
        if let Some(number) = &check.predicted_by {
            let is_so = matches!(&check.found, Checked::Seen(s) if s.answer == Answer::AsDesired);
            let now = if is_so { "so now; " } else { "" };
            self.say("  ", format!("({now}predicted: step {number} changes this)"));
            self.is_exact = false;
        }
    }

    fn say(&mut self, before: &'static str, text: String) {
        self.says.push(Said { before, text });
    }

    fn guess(&mut self, text: String) {
        self.say("~ ", text);
        self.is_exact = false;
    }

    fn changes(&mut self, work: &ActionWork, changes: &[Change]) {
        for change in changes {
            let by = if change.by == By::Person { " (a person does it)" } else { "" };
            let sign = match change.sign.as_str() {
                "+" => "+ ",
                "!" => "! ",
                _ => "~ ",
            };
            self.say(sign, format!("{}{by}", change.says));
        }
        self.changes = changes.len();
        self.final_changes = match work.effect {
            Effect::CannotBeUndone => changes.iter().filter(|change| change.is_harmful()).count(),
            Effect::Reads | Effect::Changes => 0,
        };
    }

    fn number(&self) -> String {
        let asks = if self.step.confirm.is_some() { "?" } else { " " };
        let depth = if self.step.group.is_some() { "   " } else { "" };
        format!("{:<5}", format!("{depth}{:>2} {asks}", self.step.number))
    }

    /// Where its texts begin.
    fn start(&self, names: usize) -> usize {
        self.number().chars().count() + 1 + names + 2
    }

    /// How long its longest text is.
    fn length(&self) -> usize {
        let length = |said: &Said| said.before.len() + said.text.chars().count();
        self.says.iter().map(length).max().unwrap_or_default()
    }

    fn lines(&self, columns: &Columns) -> Vec<String> {
        let Columns { names, times, tells_otherwise } = *columns;
        let name = text::middle(self.step.id.as_str(), names);
        let mut before = format!("{} {name:<names$}  ", self.number());
        let blanks = " ".repeat(before.chars().count());
        let mut tail = self.tail(tells_otherwise);
        let mut lines = Vec::new();
        let below = otherwise(self.step).filter(|_| !tells_otherwise);
        let below = below.map(|says| Said { before: "  ", text: format!("({says})") });
        for said in self.says.iter().chain(&below) {
            let begin = format!("{before}{}", said.before);
            for line in text::hang(&begin, &said.text, times - GAP) {
                // A name that is longer than its column leaves its time to the next line.
                let has_room = line.chars().count() < times;
                let tail = if has_room { std::mem::take(&mut tail) } else { String::new() };
                lines.push(format!("{line:<times$}{tail}").trim_end().to_owned());
            }
            before.clone_from(&blanks);
        }
        if !tail.is_empty() {
            lines.push(format!("{:times$}{tail}", ""));
        }
        lines
    }

    /// How long it usually takes, and, where there is room for it, what happens when it cannot be done.
    fn tail(&self, tells_otherwise: bool) -> String {
        let usual = self.step.action().map(|work| work.usual);
        let usual = usual.filter(|usual| *usual >= WORTH_SAYING);
        let usual = usual.map(|usual| format!("~{}", show(usual)));
        let otherwise = otherwise(self.step).filter(|_| tells_otherwise).map(str::to_owned);
        usual.into_iter().chain(otherwise).collect::<Vec<_>>().join(", ")
    }
}

fn otherwise(step: &Step) -> Option<&'static str> {
    match step.on_failure {
        OnFailure::Stop => None,
        OnFailure::Owe => Some("owed if it cannot"),
        OnFailure::Ask => Some("asks if it cannot"),
    }
}

/// What a step reads or waits for, in its own words or its action's.
fn reads(step: &Step, work: &ActionWork) -> String {
    let told =
        ["url", "instructions", "for"].iter().find_map(|name| work.with.get(name)?.as_text());
    let title = step.title.as_deref().or(told);
    title.map_or_else(|| work.action.to_string(), str::to_owned)
}
