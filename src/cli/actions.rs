//! `failover actions`: what steps can do.

use super::Desk;
use crate::{
    action::{Default, Kind, Parameter, Shape},
    model::{Exit, Failure, Hint, span::show},
    provider,
    report::rows,
};
use clap::Args;

/// List the actions, or show one with its parameters
#[derive(Args)]
pub(super) struct Actions {
    /// The action to show, such as `azure.storage.failover`
    name: Option<String>,
}

impl Actions {
    pub(super) fn carry_out(&self, desk: &Desk) -> Result<Exit, Failure> {
        let catalogue = provider::catalogue();
        let Some(name) = &self.name else {
            let cells: Vec<_> = catalogue
                .iter()
                .map(|kind| vec![kind.name.to_owned(), kind.summary.to_owned()])
                .collect();
            desk.say.data(&rows(&cells));
            return Ok(Exit::Done);
        };
        let Some(kind) = catalogue.get(name) else {
            let failure = Failure::new(Exit::CommandLine, format!("there is no action `{name}`"));
            return Err(match catalogue.nearest(name) {
                Some(near) => failure.hint(Hint::says(format!("did you mean `{near}`?"))),
                None => failure.hint(Hint::run("list them", "failover actions")),
            });
        };
        desk.say.data(&describe(kind));
        Ok(Exit::Done)
    }
}

fn describe(kind: &Kind) -> String {
    let parameters: Vec<_> = kind.parameters.iter().map(parameter).collect();
    let mut parts = vec![format!("{}\n  {}\n", kind.name, kind.summary)];
    parts.push(format!("parameters\n{}", rows(&parameters)));
    parts.push(format!("usually {}, at most {}\n", show(kind.usual), show(kind.deadline)));
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (title, lines) in [
        ("observed", names(kind.observed)),
        ("needs", kind.planes.iter().map(ToString::to_string).collect()),
        ("permissions", names(kind.permissions)),
    ] {
        if !lines.is_empty() {
            parts.push(format!("{title}\n  {}\n", lines.join("\n  ")));
        }
    }
    parts.join("\n")
}

fn parameter(parameter: &Parameter) -> Vec<String> {
    let default = match parameter.default {
        Default::Required => "required".to_owned(),
        Default::Absent => "optional".to_owned(),
        Default::Text(text) => format!("default {text}"),
        Default::Int(number) => format!("default {number}"),
        Default::Flag(flag) => format!("default {flag}"),
        Default::Mode => "default: the run's mode".to_owned(),
        Default::Lock => "default: the runbook's lock".to_owned(),
    };
    let name = format!("  {}", parameter.name);
    vec![name, shape(parameter.shape), default, parameter.says.to_owned()]
}

fn shape(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Int { least, most } => format!("{least} to {most}"),
        Shape::Duration => "length of time".to_owned(),
        Shape::Url => "address".to_owned(),
        Shape::Choice(words) => words.join(" or "),
        Shape::Ints { least, most } => format!("list of {least} to {most}"),
        Shape::Map => "map of texts".to_owned(),
        Shape::Maps(members) => {
            let members: Vec<_> = members.iter().map(|member| member.name).collect();
            format!("map of {}", members.join(" and "))
        }
        Shape::File { .. } => "file".to_owned(),
        Shape::Secret => "secret".to_owned(),
        Shape::Secrets => "map of secrets".to_owned(),
        Shape::Program | Shape::Texts => "list of texts".to_owned(),
        Shape::Region => "region".to_owned(),
        Shape::Resource { .. } => "resource".to_owned(),
        Shape::Part { of, .. } => format!("part of {of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_action_needs_is_listed_where_it_needs_anything() {
        let said = |name: &str| describe(provider::catalogue().get(name).unwrap());
        let needs = "
needs
  control, in the region of `server`
  data, in the region of `server`
  when planned: data, in the region of `from`

";
        let promote = said("azure.postgres.promote");
        assert!(promote.contains(needs), "{promote}");
        let endpoint = said("azure.traffic_manager.endpoint");
        assert!(endpoint.contains("\n  global (Traffic Manager)\n"), "{endpoint}");
        assert!(!said("wait").contains("needs"));
    }
}
