//! What would happen, and what is known about it: the screen of a dry-run, and of every approval.

use super::{
    approval::loss_when_asked,
    brief::left_to_do,
    listing::Listing,
    text::{self, Page},
};
use crate::{
    action::{Serves, Weight},
    engine::{Checked, Preflight, Serving},
    model::{Mode, Region, span::show},
    plan::Plan,
};

/// The plan, step by step, with what was seen of the world.
///
/// `about` says which world, and who is asking.
pub fn dry_run(
    plan: &Plan,
    digest: &str,
    (about, is_simulated): (&str, bool),
    seen: &Preflight,
    width: usize,
) -> String {
    let mut page = Page::default();
    let way = format!("{}  {} → {}  {}", plan.runbook, plan.from, plan.to, plan.mode);
    let head = [way, format!("{}  plan {digest}", plan.path)];
    page.flow(&head, "   ", width);
    page.beside("", about, width);
    page.beside("serves now: ", &serves_now(seen), width);
    page.line("");
    let listing = Listing::new(plan, seen);
    listing.lines(width).iter().for_each(|line| page.line(line));
    page.line("");
    totals(plan, &listing, width, &mut page);
    objectives(plan, seen, width, &mut page);
    if let Some(command) = left_to_do(plan) {
        page.line(format_args!("afterwards, once {} is back", plan.from));
        // Without its world the command would be for the live one.
        let world = if is_simulated { " --simulate --after RUN" } else { "" };
        page.command(6, &format!("{command}{world}"), width);
    }
    if let Some(names) = &plan.names_from {
        page.beside("", &names.says(), width);
    }
    if !plan.made_up.is_empty() {
        let names = text::list(&plan.made_up);
        page.beside("", &format!("made up, because it is not set: {names}"), width);
    }
    findings(seen, width, &mut page);
    page.finish()
}

fn totals(plan: &Plan, listing: &Listing<'_>, width: usize, page: &mut Page) {
    let steps = plan.steps.iter().filter(|step| step.group.is_none()).count();
    let questions = plan.steps.iter().filter(|step| step.confirm.is_some()).count();
    let least = if listing.is_exact() { "" } else { "at least " };
    let parts = [
        text::count(steps, "step"),
        format!("{least}{}", text::count(listing.changes(), "change")),
        format!("{} that cannot be undone", listing.final_changes()),
        text::count(questions, "question"),
    ];
    page.beside("", &parts.join(", "), width);
    let expected = plan.expected();
    let longest = expected.path.iter().filter_map(|id| Some((id, plan.step(id)?.action()?.usual)));
    if let Some((id, usual)) = longest.max_by_key(|(_, usual)| *usual) {
        let whole = show(expected.length);
        let mut parts = vec![format!("expected {whole}, of which {id} ~{}", show(usual))];
        let served = plan.served_after().filter(|served| *served < expected.length);
        let served = served.map(show);
        parts.extend(served.map(|served| format!("users are served again after ~{served}")));
        page.beside("", &parts.join("; "), width);
    }
}

fn objectives(plan: &Plan, seen: &Preflight, width: usize, page: &mut Page) {
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
        let then = loss_when_asked(plan, seen);
        let loss = match seen.data_loss() {
            None if plan.mode == Mode::Planned => "none is expected".to_owned(),
            None => "not known".to_owned(),
            Some(loss) if loss.is_zero() => "met (none)".to_owned(),
            Some(loss) => {
                let verdict = match then {
                    _ if loss > rpo => "missed",
                    Some(then) if then > rpo => "in danger",
                    _ => "met",
                };
                let then = then
                    .map_or_else(String::new, |then| format!(", ~{} when it is asked", show(then)));
                format!("{verdict} ({} so far{then})", show(loss))
            }
        };
        parts.push(format!("data loss {}  {loss}", show(rpo)));
    }
    if !parts.is_empty() {
        let mut label = "objectives: ";
        for line in text::flow(&parts, " · ", width.saturating_sub(label.len())) {
            page.beside(label, &line, width);
            label = "            ";
        }
    }
}

fn serves_now(seen: &Preflight) -> String {
    match &seen.serving {
        Serving::Agree(region) => match text::list(who_says(seen, region)).as_str() {
            "" => region.to_string(),
            who if who.contains(' ') => format!("{region} ({who} agree)"),
            who => format!("{region} ({who} says so)"),
        },
        Serving::Partly { region, but } => {
            let but = but.iter().map(|(step, says)| format!("{step} {says}"));
            format!("{region} holds the data; {}", text::list(but))
        }
        Serving::Disagree(says) => {
            text::list(says.iter().map(|(step, region)| format!("{region} says {step}")))
        }
        Serving::Nobody => "not known".to_owned(),
    }
}

/// The steps that have seen this region serve.
fn who_says<'a>(seen: &'a Preflight, region: &'a Region) -> impl Iterator<Item = String> + 'a {
    let says_so = |found: &Checked| match found {
        Checked::Seen(seen) => seen.serves == Serves::Region(region.clone()),
        Checked::NothingToSee | Checked::Unknown(_) => false,
    };
    seen.checks.iter().filter(move |check| says_so(&check.found)).map(|c| c.step.to_string())
}

fn findings(seen: &Preflight, width: usize, page: &mut Page) {
    let count = |weight| seen.findings().filter(|(_, finding)| finding.weight == weight).count();
    let summary = [
        format!("preflight: {}", text::count(seen.looks(), "look")),
        text::count(count(Weight::Blocker), "blocker"),
        text::count(count(Weight::Warning), "warning"),
        text::count(count(Weight::Note), "note"),
    ];
    page.line("");
    page.beside("", &summary.join(", "), width);
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
    page.lines(&text::table(&rows, width));
}

#[cfg(test)]
mod tests;
