//! The tree to a typed runbook: which keys there are, and what kind of value each of them takes.
//!
//! Lowers as much as it can, so that a mistake in one place does not hide another. What could not be read stays in the
//! runbook as a value that is not known, so that nothing is reported that only follows from that.

mod steps;

pub(super) use steps::on_failure;

use super::{
    ast::{Azure, Objectives, Runbook, Side, VarsFrom, Watched},
    fields::Fields,
    found::{Found, unknown},
    keys,
    outputs::Tool,
    yaml::Tree,
};
use crate::model::{Diagnostic, Key, Mode, Node, SecretSource, Source, Span, Value};
use std::time::Duration;

pub(super) const VERSION: i64 = 1;
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Lowers a tree.
pub(super) fn runbook(tree: &Tree, source: &Source, found: &mut Found) -> Option<Runbook> {
    let mut fields = Fields::of("a runbook", &tree.root, &keys::names(&keys::TOP), found)?;
    fields.patched(tree.is_patched);
    version(&mut fields);
    let name = fields.required_text("runbook");
    let vars_from = vars_from(&mut fields);
    let all_modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
    let mut runbook = Runbook {
        summary: fields.text("summary").unwrap_or_default(),
        default_mode: fields.choice("default_mode", &all_modes).unwrap_or(Mode::Unplanned),
        lock: fields.text("lock").or_else(|| name.clone()).unwrap_or_default(),
        name: name.unwrap_or_default(),
        serving: fields.choice("serving", &Side::ALL).unwrap_or(Side::From),
        is_default: fields.flag("default").unwrap_or(false),
        afterwards: afterwards(&mut fields),
        objectives: objectives(&mut fields),
        azure: azure(&mut fields),
        aws_account: aws_account(&mut fields),
        allows_commands: fields.flag("allow_commands").unwrap_or(false),
        defaults: defaults(&mut fields),
        secrets: secrets(&mut fields),
        regions: regions(&mut fields),
        modes: modes(&mut fields),
        vars: vars(&mut fields, vars_from.is_some()),
        vars_from,
        watch: watch(&mut fields),
        steps: Vec::new(),
        finally: Vec::new(),
        is_patched: tree.is_patched,
        has_all_steps: true,
        source: source.clone(),
    };
    steps::lower(&mut fields, tree.is_patched, &mut runbook);
    Some(runbook)
}

fn empty() -> Node {
    Node::map([])
}

fn version(fields: &mut Fields<'_, '_>) {
    let Some(node) = fields.get("failover") else {
        let message = "a runbook begins with the version of its language";
        fields.missing("failover", message);
        return;
    };
    let message = match &node.value {
        Value::Int(VERSION) => return,
        Value::Text(text) => {
            format!(
                "the version of the language is the number `{VERSION}`, not the text \"{text}\""
            )
        }
        _ => format!("the version of the language is `{VERSION}`, not {}", node.quote()),
    };
    let hint = format!("failover: {VERSION}");
    fields.found.add(Diagnostic::at(node.span, message).hint(hint));
}

fn afterwards(fields: &mut Fields<'_, '_>) -> Option<Key> {
    let node = fields.text_node("afterwards")?;
    Some(Key { text: node.as_text()?.to_owned(), span: node.span })
}

/// A map, or what stands for one that may be written where it cannot be read.
fn map(fields: &mut Fields<'_, '_>, key: &str) -> Node {
    match fields.map(key) {
        Some(node) => node.clone(),
        None if fields.is_in_doubt(key) => unknown(Span::default()),
        None => empty(),
    }
}

/// A map of rows.
fn table(fields: &mut Fields<'_, '_>, key: &str) -> Node {
    let node = map(fields, key);
    let mut rows = Vec::new();
    for (key, row) in node.entries() {
        let row = match &row.value {
            Value::Map(_) => row.clone(),
            Value::Null => Node::new(Value::Map(Vec::new()), row.span),
            _ => {
                let message = format!("`{}` must be a map, not {}", key.text, row.describe());
                fields.found.add(Diagnostic::at(row.span, message));
                unknown(row.span)
            }
        };
        if let Some((name, _)) = row.entries().iter().find(|(cell, _)| cell.text == "name") {
            let message = "`name` stands for the row's own name, and cannot be given";
            fields.found.add(Diagnostic::at(name.span, message));
        }
        rows.push((key.clone(), row));
    }
    if matches!(node.value, Value::Map(_)) { Node::new(Value::Map(rows), node.span) } else { node }
}

fn regions(fields: &mut Fields<'_, '_>) -> Node {
    let regions = table(fields, "regions");
    if matches!(regions.value, Value::Map(_)) && regions.entries().len() < 2 {
        fields.wrong("regions", "`regions` must name two regions or more");
    }
    // Every reference to a region that is not there would say that once more.
    if regions.entries().is_empty() { unknown(regions.span) } else { regions }
}

fn modes(fields: &mut Fields<'_, '_>) -> Node {
    let mut modes = table(fields, "modes");
    let strange =
        |(key, _): &&(Key, Node)| !Mode::ALL.map(Mode::as_str).contains(&key.text.as_str());
    let strange: Vec<Key> =
        modes.entries().iter().filter(strange).map(|(key, _)| key.clone()).collect();
    for key in &strange {
        let message = format!("there is no mode `{}`", key.text);
        let known = Mode::ALL.map(Mode::as_str);
        let diagnostic = Diagnostic::at(key.span, message).did_you_mean(&key.text, known);
        fields.found.add(diagnostic.hint("the modes are `planned` and `unplanned`"));
    }
    // The mode that has no row may be the one that was meant.
    for mode in Mode::ALL.map(Mode::as_str) {
        if !strange.is_empty() && modes.get(mode).is_none() {
            modes.set(mode, unknown(Span::default()));
        }
    }
    modes
}

fn objectives(fields: &mut Fields<'_, '_>) -> Objectives {
    let Some(node) = fields.map("objectives") else { return Objectives::default() };
    let known = keys::names(&keys::OBJECTIVES);
    let Some(mut inner) = Fields::of("`objectives`", node, &known, fields.found) else {
        return Objectives::default();
    };
    Objectives { rto: inner.length("rto"), rpo: inner.duration("rpo") }
}

pub(super) const CREDENTIALS: [(&str, &str); 4] =
    [("cli", "cli"), ("managed", "managed"), ("workload", "workload"), ("secret", "secret")];

fn azure(fields: &mut Fields<'_, '_>) -> Azure {
    let is_in_doubt = fields.is_in_doubt("azure");
    let node = fields.map("azure").cloned().unwrap_or_else(empty);
    let known = keys::names(&keys::AZURE);
    let Some(mut inner) = Fields::of("`azure`", &node, &known, fields.found) else {
        return Azure::default();
    };
    let credential = inner.choice("credential", &CREDENTIALS).map(ToOwned::to_owned);
    let mut place = |key| {
        let is_lost = is_in_doubt || inner.get(key).is_some() || inner.is_in_doubt(key);
        inner.text_node(key).or_else(|| is_lost.then(|| unknown(Span::default())))
    };
    Azure {
        subscription: place("subscription"),
        resource_group: place("resource_group"),
        credential,
    }
}

fn aws_account(fields: &mut Fields<'_, '_>) -> Option<Node> {
    let is_in_doubt = fields.is_in_doubt("aws");
    let node = fields.map("aws").cloned().unwrap_or_else(empty);
    let mut inner = Fields::of("`aws`", &node, &keys::names(&keys::AWS), fields.found)?;
    let is_lost = is_in_doubt || inner.get("account").is_some() || inner.is_in_doubt("account");
    inner.text_node("account").or_else(|| is_lost.then(|| unknown(Span::default())))
}

/// Maps of parameters, by family.
fn defaults(fields: &mut Fields<'_, '_>) -> Node {
    let families = map(fields, "defaults");
    for (key, shared) in families.entries() {
        if !matches!(shared.value, Value::Map(_)) {
            let message = format!("`{}` must be a map, not {}", key.text, shared.describe());
            fields.found.add(Diagnostic::at(shared.span, message));
        }
    }
    families
}

fn secrets(fields: &mut Fields<'_, '_>) -> Vec<(Key, SecretSource)> {
    let entries = fields.map("secrets").map(Node::entries).unwrap_or_default();
    let mut secrets = Vec::new();
    for (key, node) in entries {
        let what = format!("`{}`", key.text);
        let known = keys::names(&keys::SECRET);
        let Some(mut inner) = Fields::of(&what, node, &known, fields.found) else { continue };
        let env = inner.text("env").map(SecretSource::Env);
        let file = inner.text("file").map(SecretSource::File);
        let command = inner.texts("command").map(SecretSource::Command);
        match [env, file, command].into_iter().flatten().collect::<Vec<_>>().as_slice() {
            [source] => secrets.push((key.clone(), source.clone())),
            [] => inner.missing("env", "a secret is kept in `env`, in a `file`, or by a `command`"),
            [..] => inner.wrong("command", "a secret is kept in one place, and not in two"),
        }
    }
    secrets
}

/// Where outputs are meant and it cannot be read which, each name may be one of them.
fn vars(fields: &mut Fields<'_, '_>, has_outputs: bool) -> Node {
    let vars = map(fields, "vars");
    let is_meant = fields.get("vars_from").is_some() || fields.is_misspelled("vars_from");
    if is_meant && !has_outputs { unknown(Span::default()) } else { vars }
}

fn vars_from(fields: &mut Fields<'_, '_>) -> Option<VarsFrom> {
    let node = fields.map("vars_from")?;
    let known = keys::names(&keys::VARS_FROM);
    let mut inner = Fields::of("`vars_from`", node, &known, fields.found)?;
    let named = Tool::ALL.into_iter().filter(|(key, _)| inner.get(key).is_some());
    match named.collect::<Vec<_>>().as_slice() {
        [(key, tool)] => {
            let node = inner.text_node(key)?;
            let folder = Key { text: node.as_text()?.to_owned(), span: node.span };
            return Some(VarsFrom { tool: *tool, folder });
        }
        [] if inner.strays().next().is_none() => {
            inner.missing("terraform", "`vars_from` needs `terraform` or `opentofu`");
        }
        [] => {}
        [..] => inner.wrong("opentofu", "`vars_from` names one root module, and not two"),
    }
    None
}

fn watch(fields: &mut Fields<'_, '_>) -> Vec<Watched> {
    let entries = fields.map("watch").map(Node::entries).unwrap_or_default();
    let mut watch = Vec::new();
    for (key, node) in entries {
        let what = format!("`{}`", key.text);
        let known = keys::names(&keys::WATCH);
        let Some(mut inner) = Fields::of(&what, node, &known, fields.found) else {
            continue;
        };
        let every = inner.length("every").unwrap_or(WATCH_EVERY);
        let contains = inner.text("contains");
        let Some(url) = inner.get("url").cloned() else {
            inner.missing("url", "what is watched needs a `url`");
            continue;
        };
        watch.push(Watched { name: key.text.clone(), url, every, contains });
    }
    watch
}
