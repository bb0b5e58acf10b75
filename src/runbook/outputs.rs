//! What Terraform or OpenTofu keeps under names: the outputs of a root module, each of them a variable too.
//!
//! They are asked for once, when a plan is made; a check knows none of them. A plan is stored, so the value of a
//! sensitive output is left behind where the outputs are read, and whatever refers to it is a mistake.

use super::{ast::VarsFrom, found::unknown};
use crate::model::{Diagnostic, Key, Node, Span, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What keeps outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    Terraform,
    OpenTofu,
}

impl Tool {
    pub const ALL: [(&'static str, Self); 2] =
        [("terraform", Self::Terraform), ("opentofu", Self::OpenTofu)];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        }
    }

    /// What its program is called.
    pub fn program(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::OpenTofu => "tofu",
        }
    }
}

/// Tells the outputs of a root module, by its folder beside the runbook, as `terraform output -json` prints them; or
/// why they cannot be read.
pub type Outputs<'a> = &'a dyn Fn(Tool, &str) -> Result<Vec<u8>, Unread>;

/// Why outputs cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub why: String,
    /// What the program itself says, in its lines.
    pub says: Vec<String>,
    /// What to do about it.
    pub hint: String,
}

impl Unread {
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), says: Vec::new(), hint: hint.into() }
    }

    fn in_one_line(&self) -> String {
        let first = self.says.first().map(|line| format!(": {line}"));
        format!("{}{}", self.why, first.unwrap_or_default())
    }
}

/// Makes up a value for a variable, by its path.
pub(crate) type Invent<'a> = &'a dyn Fn(&str) -> String;

/// What is known of the variables that stand in no runbook.
pub(crate) enum Outside<'a> {
    /// There are none.
    Nothing,
    /// Each may be there, and be anything.
    Open,
    /// Each is still a reference.
    Blind,
    Read(&'a VarsFrom, Vec<Output>),
    /// They cannot be read. What is needed of them is made up, where that may be.
    Unread(&'a VarsFrom, Unread, Option<Invent<'a>>),
}

pub(crate) struct Output {
    name: String,
    /// `None` for a sensitive one.
    value: Option<Node>,
}

impl<'a> Outside<'a> {
    /// Asks for the outputs that a runbook's variables come from.
    pub(crate) fn read(
        from: Option<&'a VarsFrom>,
        outputs: Outputs<'_>,
        invent: Option<Invent<'a>>,
    ) -> Self {
        let Some(from) = from else { return Self::Nothing };
        let text = outputs(from.tool, &from.folder.text);
        match text.and_then(|text| read(from, &text)) {
            Ok(outputs) => Self::Read(from, outputs),
            Err(unread) => Self::Unread(from, unread, invent),
        }
    }

    /// Why they could not be read.
    pub(crate) fn unread(&self) -> Option<String> {
        match self {
            Self::Unread(_, unread, _) => Some(unread.in_one_line()),
            Self::Nothing | Self::Open | Self::Blind | Self::Read(..) => None,
        }
    }

    /// What a path of `vars` names, or as much of it as its first name does; `None` when that is no output.
    pub(super) fn variable(&self, path: &[&str], place: Span) -> Option<Result<Node, Diagnostic>> {
        let (name, deeper) = path.split_first()?;
        Some(match self {
            Self::Nothing => return None,
            Self::Open => Ok(unknown(place)),
            Self::Blind => Ok(Node::new(Value::Late(format!("${{{{ vars.{name} }}}}")), place)),
            Self::Read(from, outputs) => {
                let output = outputs.iter().find(|output| output.name == *name)?;
                output.value.clone().ok_or_else(|| sensitive(from, name, place))
            }
            Self::Unread(_, _, Some(invent)) => {
                let made_up = Node::text(invent(&path.join(".")));
                Ok(deeper.iter().rev().fold(made_up, |inner, key| Node::map([(*key, inner)])))
            }
            Self::Unread(from, unread, None) => Err(unreadable(from, unread)),
        })
    }

    /// What the operator's own value for a variable must be like: nothing where any will do. `None` when there is no
    /// such output.
    pub(crate) fn like(&self, name: &str) -> Option<Result<Node, Diagnostic>> {
        match self {
            Self::Unread(from, ..) => Some(Ok(Node::new(Value::Null, from.folder.span))),
            Self::Read(from, _) => self.variable(&[name], from.folder.span),
            Self::Nothing | Self::Open | Self::Blind => None,
        }
    }

    /// The names of the outputs that were read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let outputs = match self {
            Self::Read(_, outputs) => outputs.as_slice(),
            Self::Nothing | Self::Open | Self::Blind | Self::Unread(..) => &[],
        };
        outputs.iter().map(|output| output.name.as_str())
    }

    /// Reports variables that have a value in the runbook, and one outside of it as well.
    pub(crate) fn twice(&self, vars: &Node) -> Vec<Diagnostic> {
        let Self::Read(from, _) = self else { return Vec::new() };
        let has_value = |(_, node): &&(Key, Node)| node.value != Value::Null;
        let is_output = |key: &Key| self.names().any(|name| name == key.text);
        let twice = vars.entries().iter().filter(has_value).filter(|(key, _)| is_output(key));
        let wrong = |(key, _): &(Key, Node)| {
            let (name, tool) = (&key.text, from.tool.name());
            let message = format!("`{name}` has a value here, and is an output of {tool} as well");
            Diagnostic::at(key.span, message)
                .label(from.folder.span, "the outputs come from here")
                .hint(format!("rename one of them; `{name}:` without a value takes the output's"))
        };
        twice.map(wrong).collect()
    }

    /// What else to say of a variable that is not there.
    pub(super) fn explain(&self, missing: Diagnostic, name: &str) -> Diagnostic {
        let Self::Read(from, _) = self else { return missing };
        if !missing.hints.is_empty() {
            return missing;
        }
        let missing = missing.did_you_mean(name, self.names());
        if !missing.hints.is_empty() {
            return missing;
        }
        let (program, folder) = (from.tool.program(), &from.folder.text);
        missing.hint(format!(
            "an output is there once it was applied: try `{program} output` in `{folder}`"
        ))
    }

    /// Whether what stands in no runbook is still a reference, whatever it names.
    pub(super) fn is_blind(&self) -> bool {
        matches!(self, Self::Blind)
    }
}

fn sensitive(from: &VarsFrom, name: &str, place: Span) -> Diagnostic {
    let tool = from.tool.name();
    Diagnostic::at(place, format!("the output `{name}` is sensitive, and a plan is stored"))
        .hint("let what needs the secret read it where it is kept, such as in a Key Vault")
        .hint(format!("if it is none, let {tool} put it out without `sensitive`"))
}

fn unreadable(from: &VarsFrom, unread: &Unread) -> Diagnostic {
    let VarsFrom { tool, folder } = from;
    let why = &unread.why;
    let mut message = format!("the outputs of {} cannot be read: {why}", tool.name());
    for line in &unread.says {
        message = format!("{message}\n{line}");
    }
    Diagnostic::at(folder.span, message)
        .hint(unread.hint.as_str())
        .hint("or give each name that is needed of them: --var NAME=…")
}

/// Reads what `terraform output -json` prints: <https://developer.hashicorp.com/terraform/cli/commands/output>.
fn read(from: &VarsFrom, text: &[u8]) -> Result<Vec<Output>, Unread> {
    let program = from.tool.program();
    // What was printed may hold secrets: no part of it is repeated.
    let odd = |what: &str| {
        let hint = format!("try `{program} output -json` in `{}`", from.folder.text);
        Unread::new(format!("`{program} output -json` printed {what}"), hint)
    };
    // Terraform 1.15 lets warnings follow: https://github.com/hashicorp/terraform/issues/38512.
    let all = match serde_json::Deserializer::from_slice(text).into_iter().next() {
        Some(Ok(Json::Object(all))) => all,
        Some(Ok(_)) => return Err(odd("no object")),
        Some(Err(error)) => {
            let (line, column) = (error.line(), error.column());
            return Err(odd(&format!("no JSON: line {line}, column {column}")));
        }
        None => return Err(odd("nothing")),
    };
    let mut outputs = Vec::new();
    for (name, output) in &all {
        let (Some(Json::Bool(is_sensitive)), Some(value)) =
            (output.get("sensitive"), output.get("value"))
        else {
            return Err(odd(&format!("no `sensitive` and no `value` of `{name}`")));
        };
        // What is null has no value, and is not there.
        if *is_sensitive || !value.is_null() {
            let value = (!is_sensitive).then(|| node(value, from.folder.span));
            outputs.push(Output { name: name.clone(), value });
        }
    }
    Ok(outputs)
}

fn node(json: &Json, span: Span) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::INFINITY)), Value::Int),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(|item| node(item, span)).collect()),
        Json::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (Key { text: key.clone(), span }, node(value, span)))
                .collect(),
        ),
    };
    Node::new(value, span)
}
