//! The tables of a runbook: what `from`, `to`, `mode` and `vars` name.

use super::{
    ast::Runbook,
    found::Found,
    outputs::Outside,
    reference::{Env, Row, Scope},
};
use crate::model::{Diagnostic, Node, Value};

/// The tables of a runbook, with their own references replaced.
pub(crate) struct Tables<'a> {
    pub(super) vars: Node,
    pub(super) regions: Node,
    pub(super) modes: Node,
    pub(super) outside: &'a Outside<'a>,
}

impl<'a> Tables<'a> {
    /// Variables may name the environment, and rows may name variables too. What the operator chose takes the place
    /// of a variable's own value.
    pub(crate) fn of(
        runbook: &Runbook,
        env: Option<Env<'_>>,
        (chosen, outside): (&[(String, Node)], &'a Outside<'a>),
        found: &mut Found,
    ) -> Self {
        let source = &runbook.source.text;
        let scope = Scope { source, rows: Vec::new(), env, late: None, outside };
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
                match outside.variable(&[&key.text], key.span) {
                    Some(Ok(output)) => *node = output,
                    Some(Err(diagnostic)) => found.add(diagnostic),
                    None if env.is_some() => {
                        let message = format!("the variable `{}` has no value", key.text);
                        let hint = format!("give it one: --var {}=…", key.text);
                        found.add(Diagnostic::at(key.span, message).hint(hint));
                    }
                    None => {}
                }
            }
        }
        let scope = Scope { source, rows: vec![vars_row(&vars)], env, late: None, outside };
        let regions = scope.resolve(&runbook.regions, found);
        let modes = scope.resolve(&runbook.modes, found);
        Self { vars, regions, modes, outside }
    }

    /// The same tables as long as nobody has said what the environment holds, what the operator chose and what the
    /// outputs are: all of it stands in them as references.
    pub(crate) fn blind(runbook: &Runbook, chosen: &[(String, Node)]) -> Self {
        let nothing = |(name, _): &(String, Node)| (name.clone(), Node::made(Value::Null));
        let chosen: Vec<_> = chosen.iter().map(nothing).collect();
        // Whatever is wrong with them was found with the values in them.
        let outside = if runbook.vars_from.is_some() { &Outside::Blind } else { &Outside::Nothing };
        Self::of(runbook, None, (&chosen, outside), &mut Found::default())
    }
}

pub(super) fn vars_row(vars: &Node) -> Row<'_> {
    Row {
        root: "vars",
        noun: "variable",
        name: None,
        cells: Some(vars),
        table: vars,
        is_region: false,
    }
}
