//! The tables of a runbook: what `from`, `to`, `mode` and `vars` name.

use super::{
    ast::Runbook,
    found::Found,
    reference::{Env, Row, Scope},
};
use crate::model::{Diagnostic, Node, Value};

/// The tables of a runbook, with their own references replaced.
pub(crate) struct Tables {
    pub(super) vars: Node,
    pub(super) regions: Node,
    pub(super) modes: Node,
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

    /// The same tables as long as nobody has said what the environment holds and what the operator chose: both stand in
    /// them as references.
    pub(crate) fn blind(runbook: &Runbook, chosen: &[(String, Node)]) -> Self {
        let nothing = |(name, _): &(String, Node)| (name.clone(), Node::made(Value::Null));
        let chosen: Vec<_> = chosen.iter().map(nothing).collect();
        // Whatever is wrong with them was found with the values in them.
        Self::of(runbook, None, &chosen, &mut Found::default())
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
