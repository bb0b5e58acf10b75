//! What comes from the environment may be secret, and a plan is stored: it may name things, and be no app setting.

use super::{
    ast::Runbook,
    found::Found,
    reference::{Piece, pieces},
};
use crate::{
    action::{Kind, Shape},
    model::{Diagnostic, Node, Value},
};

/// Reports every setting whose value comes from the environment, by whichever way.
pub(super) fn check(runbook: &Runbook, kind: &Kind, with: &Node, found: &mut Found) {
    let holds_values = |shape: &Shape| matches!(shape, Shape::Map | Shape::Maps(_));
    for parameter in kind.parameters.iter().filter(|parameter| holds_values(&parameter.shape)) {
        if let Some(values) = with.get(parameter.name) {
            report(runbook, values, found);
        }
    }
}

fn report(runbook: &Runbook, node: &Node, found: &mut Found) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|(_, node)| report(runbook, node, found)),
        Value::Text(text) if comes_from_env(runbook, text) => found.add(
            Diagnostic::at(node.span, "what comes from the environment cannot be a setting here")
                .hint("the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`"),
        ),
        _ => {}
    }
}

fn comes_from_env(runbook: &Runbook, text: &str) -> bool {
    pieces(text).iter().any(|piece| {
        let Piece::Reference(path, _) = piece else { return false };
        let mut parts = path.trim().split('.');
        match (parts.next(), parts.next()) {
            (Some("env"), _) => true,
            (Some("vars"), Some(name)) => runbook.vars.get(name).is_some_and(holds_env),
            (Some("from" | "to"), Some(cell)) => {
                let rows = runbook.regions.entries().iter();
                rows.filter_map(|(_, row)| row.get(cell)).any(holds_env)
            }
            (Some("mode"), Some(cell)) => {
                let rows = runbook.modes.entries().iter();
                rows.filter_map(|(_, row)| row.get(cell)).any(holds_env)
            }
            _ => false,
        }
    })
}

fn holds_env(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => pieces(text).iter().any(
            |piece| matches!(piece, Piece::Reference(path, _) if path.trim().starts_with("env.")),
        ),
        Value::Map(entries) => entries.iter().any(|(_, node)| holds_env(node)),
        Value::List(items) => items.iter().any(holds_env),
        _ => false,
    }
}
