//! What comes from the environment may be secret, and a plan is stored: it may name things, and be no app setting, no
//! connection string, and no part of an address that carries secrets.
//!
//! What the operator gives with `--var` was typed, and is kept out only of what by its name is secret. Where a value
//! comes from is seen by resolving it before anybody has said what the environment holds: what then is still a
//! reference stands in no runbook, however many rows it went through.

use super::{
    found::Found,
    reference::{Env, Piece, Scope, pieces},
};
use crate::{
    action::{Kind, Shape},
    model::{Diagnostic, Key, Node, Value},
};

const KEY_VAULT: &str = "the plan is stored, and the value may be secret: let the app read it from Key Vault, with `@Microsoft.KeyVault(SecretUri=…)`";

/// What a setting is called whose value is secret.
const SECRET: [&str; 7] = ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "CONN"];

/// Finds out where the values of a step come from.
pub(super) struct Secrets<'a> {
    /// Knows neither the environment nor what the operator chose.
    pub(super) blind: Scope<'a>,
    /// `None` in a check.
    pub(super) env: Option<Env<'a>>,
}

impl Secrets<'_> {
    /// Reports what must not get into a plan with the parameters of an action.
    pub(super) fn of(&self, kind: &Kind, with: &Node) -> Vec<Diagnostic> {
        let with = self.resolve(with);
        let mut found = Vec::new();
        for parameter in kind.parameters {
            let Some(node) = with.get(parameter.name) else { continue };
            match parameter.shape {
                Shape::Map => found.extend(node.entries().iter().filter_map(setting)),
                Shape::Maps(_) => {
                    let members = node.entries().iter().flat_map(|(_, entry)| entry.entries());
                    found.extend(members.filter_map(|(_, value)| connection_string(value)));
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
    /// The name of a variable.
    Operator(&'a str),
}

fn origin(path: &str) -> Option<Origin<'_>> {
    match path.split_once('.')? {
        ("env", name) => Some(Origin::Environment(name)),
        ("vars", name) => Some(Origin::Operator(name)),
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

fn setting((key, node): &(Key, Node)) -> Option<Diagnostic> {
    let name = key.text.to_uppercase();
    let is_secret = SECRET.iter().any(|word| name.contains(word));
    let message = origins(node).find_map(|origin| match origin {
        Origin::Environment(_) => {
            Some("what comes from the environment cannot be a setting here".to_owned())
        }
        Origin::Operator(variable) if is_secret => {
            Some(format!("the variable `{variable}` cannot be the setting `{}`", key.text))
        }
        Origin::Operator(_) => None,
    })?;
    Some(Diagnostic::at(node.span, message).hint(KEY_VAULT))
}

fn connection_string(node: &Node) -> Option<Diagnostic> {
    let message = match origins(node).next()? {
        Origin::Environment(_) => {
            "what comes from the environment cannot be a connection string here".to_owned()
        }
        Origin::Operator(variable) => {
            format!("the variable `{variable}` cannot be a connection string")
        }
    };
    Some(Diagnostic::at(node.span, message).hint(KEY_VAULT))
}
