//! What a step's `with` is given from the top of the runbook: values that all actions of a family share, and secrets by
//! their names.

use super::{
    ast::{Runbook, Work},
    found::{Found, is_unknown, unknown},
    reference::{Piece, pieces},
};
use crate::{
    action::{Catalogue, Kind, Shape},
    model::{Diagnostic, Key, Node, Value},
};

/// The parameters as the step and its family's defaults give them, each secret as its name.
pub(super) fn written(runbook: &Runbook, kind: &Kind, with: &Node, found: &mut Found) -> Node {
    let mut with = with.clone();
    if is_unknown(&with) {
        return with;
    }
    let shared = runbook.defaults.get(family(kind.name)).map(Node::entries).unwrap_or_default();
    for (key, node) in shared {
        let is_its = kind.parameters.iter().any(|parameter| parameter.name == key.text);
        if is_its && with.get(&key.text).is_none() {
            with.set(&key.text, node.clone());
        }
    }
    for parameter in kind.parameters {
        let Some(node) = with.get(parameter.name) else { continue };
        let node = match (parameter.shape, &node.value) {
            (Shape::Secret, _) => name(runbook, parameter.name, node, found),
            (Shape::Secrets, Value::Map(entries)) => {
                let entry = |(key, node): &(Key, Node)| {
                    (key.clone(), name(runbook, &key.text, node, found))
                };
                let entries = entries.iter().map(entry).collect();
                Node::new(Value::Map(entries), node.span)
            }
            (Shape::Program, _) if !runbook.allows_commands && !runbook.is_patched => {
                let message =
                    format!("`{}` is a program, and this runbook allows none", parameter.name);
                let hint = "whoever may change the runbook could run anything: `allow_commands: true` at its top says that this is meant";
                found.add(Diagnostic::at(node.span, message).hint(hint));
                continue;
            }
            _ => continue,
        };
        with.set(parameter.name, node);
    }
    with
}

/// `postgres` of `postgres.promote`, `azure.storage` of `azure.storage.failover`.
fn family(action: &str) -> &str {
    action.rsplit_once('.').map_or(action, |(family, _)| family)
}

/// The name of the secret that this refers to.
fn name(runbook: &Runbook, parameter: &str, node: &Node, found: &mut Found) -> Node {
    let mut wrong = |diagnostic: Diagnostic| {
        found.hole(node.span, diagnostic);
        unknown(node.span)
    };
    let text = node.as_text().unwrap_or_default();
    let path = match pieces(text).as_slice() {
        [Piece::Reference(path, _)] => path.strip_prefix("secrets."),
        _ => None,
    };
    let Some(name) = path else {
        let message = format!("`{parameter}` is a secret, and cannot stand in a runbook");
        let hint = format!(
            "write `{parameter}: ${{{{ secrets.NAME }}}}`, and under `secrets` at the top where NAME is kept"
        );
        return wrong(Diagnostic::at(node.span, message).hint(hint));
    };
    let known = || runbook.secrets.iter().map(|(key, _)| key.text.as_str());
    if !known().any(|known| known == name) && !runbook.is_patched {
        let message = format!("nothing says where the secret `{name}` is kept");
        let hint = format!(
            "say it at the top: secrets: {{ {name}: {{ env: … }} }}; or `file`, or `command`"
        );
        return wrong(Diagnostic::at(node.span, message).did_you_mean(name, known()).hint(hint));
    }
    Node::new(Value::Text(name.to_owned()), node.span)
}

/// Reports defaults that no action could take, and secrets that none asks for.
pub(super) fn check(runbook: &Runbook, catalogue: Catalogue, found: &mut Found) {
    for (key, shared) in runbook.defaults.entries() {
        let kinds = || catalogue.iter().filter(|kind| family(kind.name) == key.text);
        if kinds().next().is_none() {
            let message = format!("there are no actions `{}.…`", key.text);
            let families = catalogue.iter().map(|kind| family(kind.name));
            found.add(Diagnostic::at(key.span, message).did_you_mean(&key.text, families));
            continue;
        }
        let names = || kinds().flat_map(|kind| kind.parameters).map(|parameter| parameter.name);
        for (name, _) in shared.entries() {
            if !names().any(|known| known == name.text) {
                let message = format!("no action `{}.…` has a parameter `{}`", key.text, name.text);
                found.add(Diagnostic::at(name.span, message).did_you_mean(&name.text, names()));
            }
        }
    }
    let texts = Texts::of(runbook);
    for (key, _) in runbook.secrets.iter().filter(|_| runbook.has_all_steps) {
        if !texts.0.iter().any(|text| names_secret(text, &key.text)) {
            found.add(unused(key));
        }
    }
}

fn unused(key: &Key) -> Diagnostic {
    let message = format!("no step uses the secret `{}`", key.text);
    Diagnostic::at(key.span, message).hint("it would be asked for in every run: take it out")
}

fn names_secret(text: &str, name: &str) -> bool {
    let is_it = |piece| match piece {
        Piece::Reference(path, _) => path.strip_prefix("secrets.") == Some(name),
        Piece::Text(_) | Piece::Unclosed(_) => false,
    };
    pieces(text).into_iter().any(is_it)
}

/// Every text in the parameters of a runbook.
struct Texts<'a>(Vec<&'a str>);

impl<'a> Texts<'a> {
    fn of(runbook: &'a Runbook) -> Self {
        let mut texts = Self(Vec::new());
        texts.add(&runbook.defaults);
        let steps = runbook.steps.iter().chain(&runbook.finally);
        for step in steps.flat_map(|step| std::iter::once(step).chain(step.children())) {
            match &step.work {
                Work::Action { with, .. } | Work::Unknown { with } => texts.add(with),
                Work::Group(_) => {}
            }
        }
        texts
    }

    fn add(&mut self, node: &'a Node) {
        match &node.value {
            Value::Text(text) => self.0.push(text),
            Value::List(items) => items.iter().for_each(|item| self.add(item)),
            Value::Map(entries) => entries.iter().for_each(|(_, item)| self.add(item)),
            _ => {}
        }
    }
}
