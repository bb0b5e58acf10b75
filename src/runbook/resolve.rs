//! A step under one choice of regions and mode: references replaced, `when` decided, parameters written out.
//!
//! A check does this for every choice and keeps only the mistakes; a plan does it for one and keeps the rest. So what
//! validates is what runs.

use super::{
    ast::{OnFailure, Runbook, Step, Watched, Work},
    condition::Condition,
    fields,
    found::{Found, is_unknown},
    givens,
    order::Order,
    parse,
    place::Place,
    reference::{Env, Late, Row, Scope},
    secrecy::Secrets,
    tables::{Tables, vars_row},
    yaml::is_odd,
};
use crate::{
    action::{self, Catalogue, Effect, Kind, Needed, Shape},
    model::{Diagnostic, Key, Mode, Node, Resource, Span, Value, Vendor},
};
use std::time::Duration;

/// Reads a file that a runbook names, by its path beside the runbook; or says why it cannot be read.
pub type Files<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Which way a run goes.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) mode: Mode,
}

/// All that is needed to resolve steps one way.
pub(crate) struct Resolver<'a> {
    pub(crate) runbook: &'a Runbook,
    pub(crate) order: &'a Order<'a>,
    pub(crate) tables: &'a Tables<'a>,
    /// The tables in which what stands in no runbook is still a reference.
    pub(crate) blind: &'a Tables<'a>,
    pub(crate) way: Way<'a>,
    /// `None` in a check.
    pub(crate) env: Option<Env<'a>>,
    pub(crate) files: Files<'a>,
    pub(crate) catalogue: Catalogue,
}

/// What a step is, one way.
pub(crate) struct Resolved {
    pub(crate) title: Option<String>,
    pub(crate) confirm: Option<String>,
    /// `None` for what cannot be read, or is not known yet.
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) waive: Option<String>,
    pub(crate) timeout: Option<Duration>,
    /// `None` for a group.
    pub(crate) action: Option<ResolvedAction>,
}

pub(crate) struct ResolvedAction {
    pub(crate) kind: &'static Kind,
    pub(crate) with: Node,
    pub(crate) touches: Vec<Resource>,
    pub(crate) planes: Vec<Needed>,
}

impl<'a> Resolver<'a> {
    /// What a value may refer to before a run.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.scope_of(self.tables, self.env)
    }

    fn scope_of(&self, tables: &'a Tables<'a>, env: Option<Env<'a>>) -> Scope<'a> {
        let Tables { vars, regions, modes, outside } = tables;
        let row = |root, noun, table: &'a Node, name: &'a str, is_region| Row {
            root,
            noun,
            name: Some(name),
            cells: table.get(name),
            table,
            is_region,
        };
        let rows = vec![
            row("from", "region", regions, self.way.from, true),
            row("to", "region", regions, self.way.to, true),
            row("mode", "mode", modes, self.way.mode.as_str(), false),
            vars_row(vars),
        ];
        Scope { source: &self.runbook.source.text, rows, env, late: None, outside }
    }

    /// Which steps `when` leaves out, groups with their children; a group goes when all its children do.
    ///
    /// `undecided` is what counts for a condition that depends on what is not known yet.
    pub(crate) fn removed(&self, undecided: bool, found: &mut Found) -> Vec<bool> {
        let scope = self.scope();
        let steps = &self.order.steps;
        let mut removed: Vec<bool> = steps
            .iter()
            .map(|placed| match &placed.step.when {
                Some(when) if when.is_readable() => match when.holds(&scope) {
                    Ok(holds) => !holds.unwrap_or(undecided),
                    Err(diagnostic) => {
                        found.add(diagnostic);
                        false
                    }
                },
                Some(_) | None => false,
            })
            .collect();
        for (at, placed) in steps.iter().enumerate() {
            let children = at + 1..=at + placed.step.children().len();
            if removed[at] {
                removed[children].fill(true);
            } else if !children.is_empty() && removed[children].iter().all(|removed| *removed) {
                removed[at] = true;
            }
        }
        removed
    }

    /// Resolves one step that is not left out.
    pub(crate) fn step(&self, at: usize, removed: &[bool], found: &mut Found) -> Resolved {
        let step = self.order.steps[at].step;
        let early = self.scope();
        let earlier = |other| self.order.precedes(other, at);
        // Whether a step is always there that is read by one which may not be there itself says nothing.
        let is_readable = step.when.as_ref().is_none_or(Condition::is_readable);
        let none_removed = vec![false; removed.len()];
        let removed = if is_readable { removed } else { &none_removed };
        let ancestors = |id: &str, name: &str| self.late((id, name), &earlier, removed);
        // A question is asked when its own step and the steps of its group have been looked at.
        let own = |other: usize| other == at || self.order.steps[other].group == Some(at);
        let asked = |id: &str, name: &str| {
            self.late((id, name), &|other| own(other) || earlier(other), removed)
        };
        let work = Scope { late: Some(&ancestors), ..self.scope() };
        let question = Scope { late: Some(&asked), ..self.scope() };
        let known = |node: &Option<Node>, found: &mut Found| {
            let node = early.resolve(node.as_ref()?, found);
            (!node.is_late()).then_some(node)
        };
        let on_failure = match step.on_failure {
            None => Some(OnFailure::Stop),
            Some(_) => {
                known(&step.on_failure, found).and_then(|node| parse::on_failure(&node, found))
            }
        };
        let timeout = known(&step.timeout, found);
        let resolved = Resolved {
            title: text("title", step.title.as_ref(), &work, found),
            confirm: text("confirm", step.confirm.as_ref(), &question, found),
            on_failure,
            waive: text("waive", step.waive.as_ref(), &early, found),
            timeout: timeout.and_then(|node| fields::length("timeout", &node, found)),
            action: match &step.work {
                Work::Action { name, with } => self.action(name, with, &work, found),
                Work::Unknown { with } => {
                    work.resolve(with, found);
                    None
                }
                Work::Group(_) => None,
            },
        };
        self.check_harm(at, &resolved, found);
        check_waiver(step, &resolved, found);
        resolved
    }

    /// What cannot be undone is asked for, and never tried again by itself.
    fn check_harm(&self, at: usize, resolved: &Resolved, found: &mut Found) {
        let placed = &self.order.steps[at];
        let Work::Action { name, .. } = &placed.step.work else { return };
        let effect = resolved.action.as_ref().map(|action| action.kind.effect);
        if effect != Some(Effect::CannotBeUndone) {
            return;
        }
        if let (Some(OnFailure::Owe), Some(node)) = (resolved.on_failure, &placed.step.on_failure) {
            let message = format!("`{}` cannot be undone, and cannot be owed", name.text);
            let hint = "what is owed is tried again by itself: write `stop` or `ask`";
            found.add(Diagnostic::at(node.span, message).hint(hint));
        }
        let group = placed.group.map(|group| self.order.steps[group].step);
        let asks = |step: &Step| step.confirm.is_some();
        if !asks(placed.step) && !group.is_some_and(asks) {
            let message = format!("`{}` cannot be undone, and must be asked for", name.text);
            let hint = match group {
                Some(_) => "give the step a `confirm`, or its group",
                None => "give the step a `confirm`",
            };
            found.add(Diagnostic::at(name.span, message).hint(hint));
        }
    }

    fn action(
        &self,
        name: &Key,
        with: &Node,
        scope: &Scope<'_>,
        found: &mut Found,
    ) -> Option<ResolvedAction> {
        let Some(kind) = self.catalogue.get(&name.text) else {
            let known = self.catalogue.iter().map(|kind| kind.name);
            let message = format!("there is no action `{}`", name.text);
            found.add(Diagnostic::at(name.span, message).did_you_mean(&name.text, known));
            scope.resolve(with, found);
            return None;
        };
        let written = &givens::written(self.runbook, kind, with, found);
        let with = scope.resolve(written, found);
        if is_unknown(&with) {
            return None;
        }
        found.extend(self.secrets(scope.late).of(kind, written, &with));
        let check = if self.runbook.is_patched { action::check_part } else { action::check };
        found.extend(check(kind, &with));
        let names_a = |vendor: Vendor| {
            let is_one = |shape: &Shape| match shape {
                Shape::Resource { kind, .. } => Vendor::of(kind) == vendor,
                _ => false,
            };
            kind.parameters.iter().any(|parameter| is_one(&parameter.shape))
        };
        let place = Place {
            azure: if names_a(Vendor::Azure) { self.azure(found) } else { (None, None) },
            aws_account: self.aws_account(found).filter(|_| names_a(Vendor::Aws)),
            regions: &self.tables.regions,
            way: self.way,
            lock: &self.runbook.lock,
            files: self.files,
        };
        let (with, touches) = place.write_out(kind, &with, found);
        let planes = kind.needed(&with);
        Some(ResolvedAction { kind, with, touches, planes })
    }

    /// The subscription and resource group of what names none of its own.
    fn azure(&self, found: &mut Found) -> (Option<String>, Option<String>) {
        let scope = self.scope();
        // What cannot be resolved is reported here, once, and not again for everything that leans on it.
        let mut text = |node: &Option<Node>| {
            let node = scope.resolve(node.as_ref()?, found);
            Some(node.as_text().unwrap_or_default().to_owned())
        };
        let azure = &self.runbook.azure;
        (text(&azure.subscription), text(&azure.resource_group))
    }

    /// The account that AWS resources are in.
    fn aws_account(&self, found: &mut Found) -> Option<String> {
        let node = self.scope().resolve(self.runbook.aws_account.as_ref()?, found);
        Some(node.as_text().unwrap_or_default().to_owned())
    }

    /// What is watched, and at which addresses.
    pub(crate) fn watch(&self, found: &mut Found) -> Vec<(&Watched, String)> {
        let scope = self.scope();
        let mut watch = Vec::new();
        for watched in &self.runbook.watch {
            let url = scope.resolve(&watched.url, found);
            found.extend(action::check_url("url", &url));
            found.extend(self.secrets(None).address("url", &watched.url));
            if let Value::Text(text) = url.value {
                watch.push((watched, text));
            }
        }
        watch
    }

    fn secrets<'s>(&'s self, late: Option<Late<'s>>) -> Secrets<'s> {
        Secrets { blind: Scope { late, ..self.scope_of(self.blind, None) }, env: self.env }
    }

    /// Whether a step may name what another one has read, which must be known by then.
    fn late(
        &self,
        (id, name): (&str, &str),
        is_known: &dyn Fn(usize) -> bool,
        removed: &[bool],
    ) -> Result<(), Diagnostic> {
        let has_all = self.runbook.has_all_steps;
        let Some(other) = self.order.find(id) else {
            if !has_all {
                return Ok(());
            }
            let message = format!("`{id}` is not a step of this runbook");
            return Err(Diagnostic::whole_file(message).did_you_mean(id, self.order.ids()));
        };
        let step: &Step = self.order.steps[other].step;
        if has_all && !is_known(other) {
            let message = format!("step `{id}` is not finished before this one starts");
            return Err(Diagnostic::whole_file(message).label(step.id.span, "the step"));
        }
        if removed[other] {
            let message = format!("step `{id}` is not always part of the plan, and this one is");
            return Err(Diagnostic::whole_file(message).label(step.id.span, "has a `when`"));
        }
        let action = match &step.work {
            Work::Action { name, .. } => name,
            Work::Unknown { .. } => return Ok(()),
            Work::Group(_) => {
                let message = format!("`{id}` is a group, and reads nothing");
                return Err(Diagnostic::whole_file(message));
            }
        };
        match self.catalogue.get(&action.text) {
            Some(kind) if !kind.observed.contains(&name) => {
                let known = || kind.observed.iter().copied();
                let message = format!("`{}` reads no `{name}`", kind.name);
                let diagnostic = Diagnostic::whole_file(message).did_you_mean(name, known());
                Err(match (kind.observed, diagnostic.hints.as_slice()) {
                    ([_, ..], []) => {
                        diagnostic.hint(format!("it reads {}", fields::listed(known(), " and ")))
                    }
                    _ => diagnostic,
                })
            }
            _ => Ok(()),
        }
    }
}

/// What needs no region cannot do without one.
fn check_waiver(step: &Step, resolved: &Resolved, found: &mut Found) {
    let (Some(node), Some(action)) = (&step.waive, &resolved.action) else { return };
    if action.planes.is_empty() && !action.with.is_late() {
        let message = format!(
            "there is nothing to waive: `{}` needs no plane of any region here",
            action.kind.name
        );
        let hint =
            "`waive` says why a step can be done without the region that is lost: take it out";
        found.add(Diagnostic::at(node.span, message).hint(hint));
    }
}

/// A text that people are shown.
fn text(key: &str, node: Option<&Node>, scope: &Scope<'_>, found: &mut Found) -> Option<String> {
    let node = scope.resolve(node?, found);
    let text = match &node.value {
        Value::Text(text) | Value::Late(text) => text.trim(),
        _ => {
            let message = format!("`{key}` must be a text, not {}", node.quote());
            found.add(Diagnostic::at(node.span, message));
            return None;
        }
    };
    if text.is_empty() && !node.is_late() {
        found.add(fields::empty(key, node.span));
    }
    let is_shown = |c: char| !is_odd(c) && (key != "title" || !matches!(c, '\n' | '\t'));
    if !text.chars().all(is_shown) {
        found.add(unshown(key, node.span));
    }
    Some(text.to_owned())
}

fn unshown(key: &str, span: Span) -> Diagnostic {
    let what = if key == "title" { "a line break or a character" } else { "a character" };
    Diagnostic::at(span, format!("`{key}` holds {what} that cannot be shown in it"))
}
