//! What comes from the environment may be secret, and a plan is stored: it may name things, and be no app setting, no
//! connection string, and no part of an address that carries secrets.
//!
//! What the operator gives with `--var` was typed, and an output that is not sensitive is shown by Terraform as well:
//! they are kept out only of what by its name is secret. Where a value comes from is seen by resolving it before
//! anybody has said what the environment holds: what then is still a reference stands in no runbook, however many rows
//! it went through.

use super::{
    found::Found,
    reference::{Env, Piece, Scope, pieces},
};
use crate::{
    action::{Kind, Shape},
    model::{Diagnostic, Node, Value},
};

const KEY_VAULT: &str = "the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`";

/// What a setting is called whose value is secret.
const SECRET: [&str; 7] = ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "CONN"];

/// Finds out where the values of a step come from.
pub(super) struct Secrets<'a> {
    /// Knows neither the environment nor what the operator and the outputs give.
    pub(super) blind: Scope<'a>,
    /// `None` in a check.
    pub(super) env: Option<Env<'a>>,
}

impl Secrets<'_> {
    /// Reports what must not get into a plan with the parameters of an action, as they are written and as they are.
    pub(super) fn of(&self, kind: &Kind, written: &Node, with: &Node) -> Vec<Diagnostic> {
        let is_looked_at = |shape| matches!(shape, Shape::Map | Shape::Maps(_) | Shape::Url);
        if !kind.parameters.iter().any(|parameter| is_looked_at(parameter.shape)) {
            return Vec::new();
        }
        let blind = self.resolve(written);
        let mut found = Vec::new();
        for parameter in kind.parameters {
            let Some(node) = blind.get(parameter.name) else { continue };
            let entries = node.entries().iter();
            match parameter.shape {
                Shape::Map => {
                    found.extend(entries.filter_map(|(key, value)| setting(&key.text, value)));
                    // A map that comes from outside as a whole is known by its own names.
                    let whole = with.get(parameter.name).map(Node::entries).unwrap_or_default();
                    found.extend(whole.iter().filter_map(|(key, _)| setting(&key.text, node)));
                }
                Shape::Maps(_) => {
                    let entries = entries.map(|(_, entry)| entry);
                    let members = entries.clone().flat_map(Node::entries).map(|(_, value)| value);
                    let all = std::iter::once(node).chain(entries).chain(members);
                    found.extend(all.filter_map(connection_string));
                }
                Shape::Url => found.extend(self.parts(parameter.name, node)),
                _ => {}
            }
        }
        found
    }

    /// Reports what must not get into a plan with an address.
    pub(super) fn address(&self, name: &str, url: &Node) -> Option<Diagnostic> {
        self.parts(name, &self.resolve(url))
    }

    fn resolve(&self, node: &Node) -> Node {
        // What cannot be resolved is reported where it is resolved for good.
        self.blind.resolve(node, &mut Found::default())
    }

    fn parts(&self, name: &str, node: &Node) -> Option<Diagnostic> {
        let Value::Late(text) = &node.value else { return None };
        let wrong = |message: String| {
            Some(Diagnostic::at(node.span, message).hint("addresses are shown and stored"))
        };
        let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            return wrong(format!("`{name}` can hold no user name and no password"));
        }
        let mut is_query = false;
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => is_query |= text.contains(['?', '#']),
                Piece::Reference(path, _) => {
                    let Some(Origin::Environment(variable)) = origin(path) else { continue };
                    let value = self.env.and_then(|env| env(variable)).unwrap_or_default();
                    if is_query || value.contains(['?', '#']) {
                        let message =
                            format!("the query of `{name}` cannot come from the environment");
                        return wrong(message);
                    }
                }
                Piece::Unclosed(_) => {}
            }
        }
        None
    }
}

/// Where a value comes from that stands in no runbook.
enum Origin<'a> {
    Environment(&'a str),
    /// The name of a variable: the operator gives it, or an output does.
    Variable(&'a str),
}

fn origin(path: &str) -> Option<Origin<'_>> {
    match path.split_once('.')? {
        ("env", name) => Some(Origin::Environment(name)),
        ("vars", name) => Some(Origin::Variable(name)),
        _ => None,
    }
}

fn origins(node: &Node) -> impl Iterator<Item = Origin<'_>> {
    let text = match &node.value {
        Value::Late(text) => text,
        _ => "",
    };
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Reference(path, _) => origin(path),
        Piece::Text(_) | Piece::Unclosed(_) => None,
    })
}

fn setting(key: &str, node: &Node) -> Option<Diagnostic> {
    let name = key.to_uppercase();
    let is_secret = SECRET.iter().any(|word| name.contains(word));
    let message = origins(node).find_map(|origin| match origin {
        Origin::Environment(_) => {
            Some("what comes from the environment cannot be a setting here".to_owned())
        }
        Origin::Variable(variable) if is_secret => {
            Some(format!("the variable `{variable}` cannot be the setting `{key}`"))
        }
        Origin::Variable(_) => None,
    })?;
    Some(Diagnostic::at(node.span, message).hint(KEY_VAULT))
}

fn connection_string(node: &Node) -> Option<Diagnostic> {
    let message = match origins(node).next()? {
        Origin::Environment(_) => {
            "what comes from the environment cannot be a connection string here".to_owned()
        }
        Origin::Variable(variable) => {
            format!("the variable `{variable}` cannot be a connection string")
        }
    };
    Some(Diagnostic::at(node.span, message).hint(KEY_VAULT))
}
