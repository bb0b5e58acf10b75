//! What would happen, and what is known about it: the screen of a dry-run, and of every approval.

use super::{
    brief::left_to_do,
    text::{self, Page},
};
use crate::{
    action::{Answer, By, Change, Weight},
    engine::{Check, Checked, Preflight, Serving},
    model::{Mode, Node, Value, span::show},
    plan::{ActionWork, Effect, Plan, Step},
};
use std::time::Duration;

/// Steps that usually take less than this do not say how long.
const WORTH_SAYING: Duration = Duration::from_secs(5);
const NO_WAY_BACK: &str =
    "── no way back from here: after this line, going back means a failback ──";

/// The plan, step by step, with what was seen of the world.
///
/// `about` says which world, and who is asking.
pub fn dry_run(plan: &Plan, digest: &str, about: &str, seen: &Preflight, width: usize) -> String {
    let mut page = Page::default();
    let way = format!("{}  {} → {}  {}", plan.runbook, plan.from, plan.to, plan.mode);
    page.line(format_args!("{way}   {}  plan {digest}", plan.path));
    page.line(about);
    page.line(format_args!("{}\n", serves_now(seen)));
    let listed: Vec<_> =
        plan.steps.iter().map(|step| (step, lines(step, seen.check(&step.id)))).collect();
    steps(plan, &listed, width, &mut page);
    page.line("");
    totals(plan, &listed, &mut page);
    objectives(plan, seen, &mut page);
    if let Some(command) = left_to_do(plan) {
        page.line(format_args!("afterwards, once {} is back\n      {command}", plan.from));
    }
    if !plan.made_up.is_empty() {
        let names = text::list(&plan.made_up);
        page.line(format_args!("made up, because it is not set: {names}"));
    }
    findings(seen, &mut page);
    page.finish()
}

/// What a step would do: a sign and a text for each change.
struct Lines {
    says: Vec<(String, String)>,
    changes: usize,
    final_changes: usize,
}

impl Lines {
    fn one(sign: &str, says: impl Into<String>) -> Self {
        Self { says: vec![(sign.to_owned(), says.into())], changes: 0, final_changes: 0 }
    }

    fn changes(work: &ActionWork, changes: &[Change]) -> Self {
        let says = |change: &Change| {
            let by = if change.by == By::Person { " (a person does it)" } else { "" };
            (change.sign.as_str().to_owned(), format!("{}{by}", change.says))
        };
        let final_changes = match work.effect {
            Effect::CannotBeUndone => changes.iter().filter(|change| change.is_harmful()).count(),
            Effect::Reads | Effect::Changes => 0,
        };
        Self { says: changes.iter().map(says).collect(), changes: changes.len(), final_changes }
    }
}

fn lines(step: &Step, check: Option<&Check>) -> Lines {
    let Some(work) = step.action() else {
        let asks = if step.confirm.is_some() {
            "asks once, then at the same time:"
        } else {
            "at the same time:"
        };
        return Lines::one("", asks);
    };
    if work.effect == Effect::Reads {
        return Lines::one("·", reads(step, work));
    }
    if let Some(after) = late(&work.with) {
        let says = format!("{} (known after step {after})", work.action);
        return Lines::one("~", says);
    }
    let Some(check) = check else { return Lines::one("~", work.action.as_str()) };
    let mut lines = match &check.found {
        Checked::NothingToSee => Lines::one("~", work.action.as_str()),
        Checked::Unknown(why) => Lines::one("~", format!("{}: not known, {why}", work.action)),
        Checked::Seen(seen) => match &seen.answer {
            Answer::AsDesired => Lines::one("=", step.title.as_deref().unwrap_or("already so")),
            Answer::Missing(changes) | Answer::Unseen(changes) => Lines::changes(work, changes),
            Answer::NotYet { why, .. } => {
                Lines::one("~", format!("{}: not yet, {why}", work.action))
            }
            Answer::Never { why } => Lines::one("~", format!("{}: {why}", work.action)),
        },
    };
    if let Some(number) = &check.predicted_by {
        let tag = format!("(predicted: step {number} changes this)");
        lines.says.push((String::new(), tag));
    }
    lines
}

/// What a step reads or waits for, in its own words or its action's.
fn reads(step: &Step, work: &ActionWork) -> String {
    let told =
        ["url", "instructions", "for"].iter().find_map(|name| work.with.get(name)?.as_text());
    let title = step.title.as_deref().or(told);
    title.map_or_else(|| work.action.to_string(), str::to_owned)
}

/// The step that the first late reference in these parameters waits for.
fn late(with: &Node) -> Option<&str> {
    match &with.value {
        Value::Late(text) => text.split_once("steps.").map(|(_, rest)| {
            rest.split(|c: char| c == '.' || c.is_whitespace() || c == '}').next().unwrap_or(rest)
        }),
        Value::List(items) => items.iter().find_map(late),
        Value::Map(entries) => entries.iter().find_map(|(_, node)| late(node)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => None,
    }
}

fn steps(plan: &Plan, listed: &[(&Step, Lines)], width: usize, page: &mut Page) {
    let names = listed.iter().map(|(step, _)| step.id.as_str().chars().count()).max();
    let names = names.unwrap_or_default().clamp(4, width / 4);
    let mut has_warned = false;
    for (step, lines) in listed {
        let is_last_way_back = !has_warned && loses_the_way_back(plan, step, listed);
        if is_last_way_back {
            has_warned = true;
            page.line(format_args!("    {NO_WAY_BACK}"));
        }
        let asks = if step.confirm.is_some() { "?" } else { " " };
        let depth = if step.group.is_some() { "   " } else { "" };
        let number = format!("{depth}{:>2} {asks}", step.number);
        let mut before = format!("{number:<5} {:<names$}", text::fit(step.id.as_str(), names));
        let tail = tail(step);
        for (place, (sign, says)) in lines.says.iter().enumerate() {
            let tail = if place == 0 { tail.as_str() } else { "" };
            let used = before.chars().count() + tail.chars().count() + 8;
            let room = width.saturating_sub(used).max(20);
            let sign = if sign.is_empty() { String::new() } else { format!("{sign} ") };
            let says = format!("{sign}{}", text::fit(says, room));
            page.line(format_args!("{before}  {says:<room$}    {tail}", room = room + 2));
            before = " ".repeat(before.chars().count());
        }
    }
}

/// How long it usually takes, and what happens when it cannot be done.
fn tail(step: &Step) -> String {
    use crate::plan::OnFailure;
    let usual = step.action().map(|work| work.usual).filter(|usual| *usual >= WORTH_SAYING);
    let usual = usual.map(|usual| format!("~{}", show(usual)));
    let otherwise = match step.on_failure {
        OnFailure::Stop => None,
        OnFailure::Owe => Some("owed if it cannot".to_owned()),
        OnFailure::Ask => Some("asks if it cannot".to_owned()),
    };
    let parts: Vec<_> = usual.into_iter().chain(otherwise).collect();
    parts.join(", ")
}

/// Whether this step, or one of its group, is the first that would do what cannot be undone.
fn loses_the_way_back(plan: &Plan, step: &Step, listed: &[(&Step, Lines)]) -> bool {
    let is_final = |id| listed.iter().any(|(step, lines)| step.id == id && lines.final_changes > 0);
    let children = plan.step(&step.id).map(Step::children).unwrap_or_default();
    is_final(step.id.clone()) || children.iter().cloned().any(is_final)
}

fn totals(plan: &Plan, listed: &[(&Step, Lines)], page: &mut Page) {
    let sum =
        |part: fn(&Lines) -> usize| listed.iter().map(|(_, lines)| part(lines)).sum::<usize>();
    let steps = listed.iter().filter(|(step, _)| step.group.is_none()).count();
    let questions = plan.steps.iter().filter(|step| step.confirm.is_some()).count();
    page.line(format_args!(
        "{}, {}, {} that cannot be undone, {}",
        text::count(steps, "step"),
        text::count(sum(|lines| lines.changes), "change"),
        sum(|lines| lines.final_changes),
        text::count(questions, "question")
    ));
    let expected = plan.expected();
    let longest = expected.path.iter().filter_map(|id| Some((id, plan.step(id)?.action()?.usual)));
    if let Some((id, usual)) = longest.max_by_key(|(_, usual)| *usual) {
        let served = plan.served_after().filter(|served| *served < expected.length);
        let served = served.map_or_else(String::new, |served| {
            format!("; users are served again after ~{}", show(served))
        });
        let whole = show(expected.length);
        page.line(format_args!("expected {whole}, of which {id} ~{}{served}", show(usual)));
    }
}

fn objectives(plan: &Plan, seen: &Preflight, page: &mut Page) {
    let mut parts = Vec::new();
    if let Some(rto) = plan.objectives.rto {
        let fits = if plan.served_after().unwrap_or_else(|| plan.expected().length) <= rto {
            "met"
        } else {
            "missed"
        };
        parts.push(format!("recovery {}  {fits} if all goes as usual", show(rto)));
    }
    if let Some(rpo) = plan.objectives.rpo {
        let loss = match seen.data_loss() {
            None if plan.mode == Mode::Planned => "none is expected".to_owned(),
            None => "not known".to_owned(),
            Some(loss) if loss.is_zero() => "met (none)".to_owned(),
            Some(loss) if loss <= rpo => format!("met ({})", show(loss)),
            Some(loss) => format!("missed ({})", show(loss)),
        };
        parts.push(format!("data loss {}  {loss}", show(rpo)));
    }
    if !parts.is_empty() {
        page.line(format_args!("objectives: {}", parts.join(" · ")));
    }
}

fn serves_now(seen: &Preflight) -> String {
    match &seen.serving {
        Serving::Agree(region) => format!("serves now: {region}"),
        Serving::Partly { region, but } => {
            let but = but.iter().map(|(step, says)| format!("{step} {says}"));
            format!("serves now: {region} holds the data; {}", text::list(but))
        }
        Serving::Disagree(says) => {
            let says = says.iter().map(|(step, region)| format!("{region} says {step}"));
            format!("serves now: {}", text::list(says))
        }
        Serving::Nobody => "serves now: not known".to_owned(),
    }
}

fn findings(seen: &Preflight, page: &mut Page) {
    let count = |weight| seen.findings().filter(|(_, finding)| finding.weight == weight).count();
    let summary = [
        text::count(count(Weight::Blocker), "blocker"),
        text::count(count(Weight::Warning), "warning"),
        text::count(count(Weight::Note), "note"),
    ];
    page.line(format_args!("\npreflight: {}", summary.join(", ")));
    let mut all: Vec<_> = seen.findings().collect();
    all.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.weight));
    let rows: Vec<_> = all
        .into_iter()
        .map(|(step, finding)| {
            let weight = match finding.weight {
                Weight::Blocker => "  blocker",
                Weight::Warning => "  warning",
                Weight::Note => "  note",
            };
            vec![weight.to_owned(), step.to_string(), finding.says.clone()]
        })
        .collect();
    page.lines(&text::rows(&rows));
}

#[cfg(test)]
mod tests;
