//! A step under one choice of regions and mode: references replaced, `when` decided, parameters written out.
//!
//! A check does this for every choice and keeps only the mistakes; a plan does it for one and keeps the rest. So what
//! validates is what runs.

use super::{
    ast::{OnFailure, Runbook, Step, Watched, Work},
    fields,
    found::Found,
    order::Order,
    parse,
    place::Place,
    reference::{Env, Row, Scope},
    secrecy,
};
use crate::{
    action::{self, Catalogue, Kind, Shape},
    model::{Diagnostic, Key, Mode, Node, Resource, Value},
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

/// The tables of a runbook, with their own references replaced.
pub(crate) struct Tables {
    pub(crate) vars: Node,
    regions: Node,
    modes: Node,
}

impl Tables {
    /// Variables may name the environment, and rows may name variables too. What the operator chose takes the place
    /// of a variable's own value.
    pub(crate) fn of(
        runbook: &Runbook,
        env: Option<Env<'_>>,
        chosen: &[(String, Node)],
        found: &mut Found,
    ) -> Self {
        let source = &runbook.source.text;
        let scope = Scope { source, rows: Vec::new(), env, late: None };
        let mut own = runbook.vars.clone();
        for (name, _) in chosen {
            own.set(name, Node::made(Value::Null));
        }
        let mut vars = scope.resolve(&own, found);
        for (name, node) in chosen {
            vars.set(name, node.clone());
        }
        if let Value::Map(entries) = &mut vars.value {
            for (key, node) in entries.iter_mut().filter(|(_, node)| node.value == Value::Null) {
                // It must be given, which a check does not ask for yet.
                node.value = Value::Late(format!("${{{{ vars.{} }}}}", key.text));
                if env.is_some() {
                    let message = format!("the variable `{}` has no value", key.text);
                    let hint = format!("give it one: --var {}=…", key.text);
                    found.add(Diagnostic::at(key.span, message).hint(hint));
                }
            }
        }
        let scope = Scope { source, rows: vec![vars_row(&vars)], env, late: None };
        let regions = scope.resolve(&runbook.regions, found);
        let modes = scope.resolve(&runbook.modes, found);
        Self { vars, regions, modes }
    }
}

fn vars_row(vars: &Node) -> Row<'_> {
    Row {
        root: "vars",
        noun: "variable",
        name: None,
        cells: Some(vars),
        table: vars,
        is_region: false,
    }
}

/// All that is needed to resolve steps one way.
pub(crate) struct Resolver<'a> {
    pub(crate) runbook: &'a Runbook,
    pub(crate) order: &'a Order<'a>,
    pub(crate) tables: &'a Tables,
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
    pub(crate) on_failure: OnFailure,
    pub(crate) timeout: Option<Duration>,
    /// `None` for a group.
    pub(crate) action: Option<ResolvedAction>,
}

pub(crate) struct ResolvedAction {
    pub(crate) kind: &'static Kind,
    pub(crate) with: Node,
    pub(crate) touches: Vec<Resource>,
}

impl<'a> Resolver<'a> {
    /// What a value may refer to before a run.
    pub(crate) fn scope(&self) -> Scope<'a> {
        let Tables { vars, regions, modes } = self.tables;
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
        Scope { source: &self.runbook.source.text, rows, env: self.env, late: None }
    }

    /// Which steps `when` leaves out, groups with their children; a group goes when all its children do.
    pub(crate) fn removed(&self, found: &mut Found) -> Vec<bool> {
        let scope = self.scope();
        let steps = &self.order.steps;
        let mut removed: Vec<bool> = steps
            .iter()
            .map(|placed| match &placed.step.when {
                Some(when) => when.holds(&scope, found) == Some(false),
                None => false,
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
        let ancestors = |id: &str, name: &str| self.late((id, name), &earlier, removed);
        // A question is asked when its own step and the steps of its group have been looked at.
        let own = |other: usize| other == at || self.order.steps[other].group == Some(at);
        let asked = |id: &str, name: &str| {
            self.late((id, name), &|other| own(other) || earlier(other), removed)
        };
        let work = Scope { late: Some(&ancestors), ..self.scope() };
        let question = Scope { late: Some(&asked), ..self.scope() };
        let text = |node: &Option<Node>, scope: &Scope<'_>, found: &mut Found| {
            let node = scope.resolve(node.as_ref()?, found);
            match node.value {
                Value::Text(text) | Value::Late(text) => Some(text),
                _ => {
                    let message = format!("this must be a text, not {}", node.quote());
                    found.add(Diagnostic::at(node.span, message));
                    None
                }
            }
        };
        let known = |node: &Option<Node>, found: &mut Found| {
            let node = early.resolve(node.as_ref()?, found);
            (!node.is_late()).then_some(node)
        };
        let on_failure = known(&step.on_failure, found);
        let timeout = known(&step.timeout, found);
        Resolved {
            title: text(&step.title, &work, found),
            confirm: text(&step.confirm, &question, found),
            on_failure: on_failure
                .and_then(|node| parse::on_failure(&node, found))
                .unwrap_or(OnFailure::Stop),
            timeout: timeout.and_then(|node| fields::duration("timeout", &node, found)),
            action: match &step.work {
                Work::Action { name, with } => self.action(name, with, &work, found),
                Work::Group(_) | Work::Unknown => None,
            },
        }
    }

    fn action(
        &self,
        name: &Key,
        with: &Node,
        scope: &Scope<'_>,
        found: &mut Found,
    ) -> Option<ResolvedAction> {
        let written = with;
        let with = scope.resolve(written, found);
        let Some(kind) = self.catalogue.get(&name.text) else {
            let known = self.catalogue.iter().map(|kind| kind.name);
            let message = format!("there is no action `{}`", name.text);
            found.add(Diagnostic::at(name.span, message).did_you_mean(&name.text, known));
            return None;
        };
        secrecy::check(self.runbook, kind, written, found);
        for diagnostic in action::check(kind, &with) {
            found.add(diagnostic);
        }
        let is_resource = |shape: &Shape| matches!(shape, Shape::Resource { .. });
        let names_resources = kind.parameters.iter().any(|parameter| is_resource(&parameter.shape));
        let place = Place {
            azure: if names_resources { self.azure(found) } else { (None, None) },
            regions: &self.tables.regions,
            way: self.way,
            lock: &self.runbook.lock,
            files: self.files,
        };
        let (with, touches) = place.write_out(kind, &with, found);
        Some(ResolvedAction { kind, with, touches })
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

    /// What is watched, and at which addresses.
    pub(crate) fn watch(&self, found: &mut Found) -> Vec<(&Watched, String)> {
        let scope = self.scope();
        let mut watch = Vec::new();
        for watched in &self.runbook.watch {
            let url = scope.resolve(&watched.url, found);
            match &url.value {
                Value::Text(text) => watch.push((watched, text.clone())),
                Value::Late(_) => {}
                _ => found.add(Diagnostic::at(url.span, "`url` must be a text")),
            }
        }
        watch
    }

    /// Whether a step may name what another one has read, which must be known by then.
    fn late(
        &self,
        (id, name): (&str, &str),
        is_known: &dyn Fn(usize) -> bool,
        removed: &[bool],
    ) -> Result<(), Diagnostic> {
        let Some(other) = self.order.find(id) else {
            let message = format!("`{id}` is not a step of this runbook");
            return Err(Diagnostic::whole_file(message).did_you_mean(id, self.order.ids()));
        };
        let step: &Step = self.order.steps[other].step;
        if !is_known(other) {
            let message = format!("step `{id}` is not finished before this one starts");
            return Err(Diagnostic::whole_file(message).label(step.id.span, "the step"));
        }
        if removed[other] {
            let message = format!("step `{id}` is not always part of the plan, and this one is");
            return Err(Diagnostic::whole_file(message).label(step.id.span, "has a `when`"));
        }
        let Work::Action { name: action, .. } = &step.work else {
            return Err(Diagnostic::whole_file(format!("`{id}` is a group, and reads nothing")));
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
