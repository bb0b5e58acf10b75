//! `with:` as a plan holds it: defaults filled in, files read, resources written out in full.

use super::{
    found::Found,
    resolve::{Files, Way},
};
use crate::{
    action::{self, Default, Kind, Parameter, Placed, Shape},
    model::{Diagnostic, Node, Owner, Region, Resource, Value, Vendor},
};

/// What a step's parameters get from around them.
pub(crate) struct Place<'a> {
    /// The default subscription and resource group.
    pub(crate) azure: (Option<String>, Option<String>),
    /// The account of all AWS resources.
    pub(crate) aws_account: Option<String>,
    pub(crate) regions: &'a Node,
    pub(crate) way: Way<'a>,
    pub(crate) lock: &'a str,
    pub(crate) files: Files<'a>,
}

impl Place<'_> {
    /// Writes out what has the right shape; the rest was reported before.
    pub(crate) fn write_out(
        &self,
        kind: &Kind,
        with: &Node,
        found: &mut Found,
    ) -> (Node, Vec<Resource>) {
        let mut out = Node::new(Value::Map(Vec::new()), with.span);
        let mut touches = Vec::new();
        // A part needs the resource that it is a part of.
        let is_part = |parameter: &&Parameter| matches!(parameter.shape, Shape::Part { .. });
        let wholes = kind.parameters.iter().filter(|parameter| !is_part(parameter));
        for parameter in wholes.chain(kind.parameters.iter().filter(is_part)) {
            let Some(node) = with.get(parameter.name).cloned().or_else(|| self.default(parameter))
            else {
                continue;
            };
            let node = match parameter.shape {
                Shape::File { most_bytes } => self.file(&node, most_bytes, found),
                Shape::Region => self.region(node, found),
                Shape::Resource { kind, placed, made } => {
                    let region = with.get("region").and_then(Node::as_text);
                    let shell = Shell { parameter: parameter.name, kind, placed, made, region };
                    self.resource(&shell, &node, found)
                }
                Shape::Part { .. } if node.is_late() => {
                    check_early(parameter.name, &node, found);
                    None
                }
                Shape::Part { of, kind, placed } => {
                    let whole = out.get(of).and_then(action::resource);
                    whole.map(|whole| part(parameter.name, kind, placed, (&whole, &node), found))
                }
                _ => Some(node),
            };
            let Some(node) = node else { continue };
            touches.extend(action::resource(&node));
            out.set(parameter.name, node);
        }
        (out, touches)
    }

    fn default(&self, parameter: &Parameter) -> Option<Node> {
        Some(match parameter.default {
            Default::Required | Default::Absent => return None,
            Default::Text(text) => Node::text(text),
            Default::Int(number) => Node::made(Value::Int(number)),
            Default::Flag(flag) => Node::made(Value::Bool(flag)),
            Default::Mode => Node::text(self.way.mode.as_str()),
            Default::Lock => Node::text(self.lock),
        })
    }

    fn file(&self, node: &Node, most_bytes: u64, found: &mut Found) -> Option<Node> {
        let path = node.as_text()?;
        let text = match (self.files)(path) {
            Ok(text) => text,
            Err(why) => {
                let message = format!("the file `{path}` cannot be read: {why}");
                let hint = "its path begins in the folder of the runbook";
                found.add(Diagnostic::at(node.span, message).hint(hint));
                return None;
            }
        };
        if text.len() as u64 > most_bytes {
            let message = format!("the file `{path}` is larger than {} kB", most_bytes / 1_000);
            found.add(Diagnostic::at(node.span, message));
            return None;
        }
        let file = Node::map([("path", Node::text(path)), ("text", Node::text(text))]);
        Some(Node { span: node.span, ..file })
    }

    fn region(&self, node: Node, found: &mut Found) -> Option<Node> {
        let name = node.as_text()?;
        let known = || self.regions.entries().iter().map(|(key, _)| key.text.as_str());
        if !known().any(|known| known == name) {
            let message = format!("`{name}` is not a region of this runbook");
            found.add(Diagnostic::at(node.span, message).did_you_mean(name, known()));
        }
        Some(node)
    }

    fn resource(&self, shell: &Shell<'_>, node: &Node, found: &mut Found) -> Option<Node> {
        if node.is_late() {
            check_early(shell.parameter, node, found);
            return None;
        }
        let name = node.as_text().or_else(|| node.get("name")?.as_text())?;
        let owner = match Vendor::of(shell.kind) {
            Vendor::Azure => self.in_azure(name, node, found),
            Vendor::Aws => self.in_aws(name, node, found),
            Vendor::Own => Some(Owner::Own),
        };
        let region = match shell.placed {
            Placed::Globally => None,
            Placed::InARegion => {
                let named = || node.region.clone().or_else(|| node.get("name")?.region.clone());
                // A name of another kind may begin with an ARN and say nothing of our regions by it.
                let arn = Arn::read(name).filter(|_| Vendor::of(shell.kind) == Vendor::Aws);
                let in_arn = arn.map(|arn| Region::new(arn.region));
                in_arn.or_else(named).or_else(|| own(node, "region").map(Region::new))
            }
            Placed::ByParameter => shell.region.map(Region::new),
        };
        if region.is_none() && shell.placed == Placed::InARegion {
            found.add(
                unplaced(shell.parameter, name, node)
                    .hint(format!("or say it: {}: {{ name: {name}, region: … }}", shell.parameter)),
            );
        }
        let resource = Resource {
            kind: shell.kind.to_owned(),
            name: name.to_owned(),
            owner: owner?,
            region,
            made_by_the_run: shell.made,
        };
        Some(action::resource_node(&resource, node.span))
    }

    fn in_azure(&self, name: &str, node: &Node, found: &mut Found) -> Option<Owner> {
        let (subscription, resource_group) = &self.azure;
        let mut place = |key: &str, default: &Option<String>| {
            let said = own(node, key).or_else(|| default.clone());
            if said.is_none() {
                let message = format!("nothing says in which {key} `{name}` is");
                let hint =
                    format!("azure: {{ {key}: … }} says it for all that does not say it itself");
                found.add(Diagnostic::at(node.span, message).hint(hint));
            }
            said
        };
        let subscription = place("subscription", subscription);
        let resource_group = place("resource_group", resource_group);
        Some(Owner::Azure { subscription: subscription?, resource_group: resource_group? })
    }

    fn in_aws(&self, name: &str, node: &Node, found: &mut Found) -> Option<Owner> {
        let Some(account) = self.aws_account.clone() else {
            let message = format!("nothing says in which account `{name}` is");
            let hint = "`aws: { account: \"…\" }` at the top says it for all of them, and keeps the run out of any other";
            found.add(Diagnostic::at(node.span, message).hint(hint));
            return None;
        };
        let stray = Arn::read(name).map(|arn| arn.account).filter(|its| *its != account);
        if let Some(stray) = stray.filter(|_| !account.is_empty()) {
            let message =
                format!("`{name}` is in the account {stray}, and this runbook is for {account}");
            found.add(Diagnostic::at(node.span, message));
        }
        Some(Owner::Aws { account })
    }
}

fn own(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::as_text).map(ToOwned::to_owned)
}

/// What the name of an AWS resource says of it, when it is an Amazon Resource Name:
/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` (IAM User Guide, "Identify AWS resources with Amazon Resource Names").
struct Arn<'a> {
    region: &'a str,
    account: &'a str,
}

impl<'a> Arn<'a> {
    fn read(name: &'a str) -> Option<Self> {
        let mut parts = name.splitn(6, ':');
        let ("arn", _, _) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
        let (region, account) = (parts.next()?, parts.next()?);
        parts.next().filter(|_| !region.is_empty()).map(|_| Self { region, account })
    }
}

/// What the action says of a resource.
struct Shell<'a> {
    parameter: &'static str,
    kind: &'static str,
    placed: Placed,
    made: bool,
    /// The parameter `region` of the step.
    region: Option<&'a str>,
}

/// A resource must be known before the run; only in a check, the environment may still be to come.
fn check_early(parameter: &str, node: &Node, found: &mut Found) {
    let waits = |node: &Node| match &node.value {
        Value::Late(text) => text.contains("steps."),
        _ => false,
    };
    if waits(node) || node.entries().iter().any(|(_, node)| waits(node)) {
        let message = format!("`{parameter}` must be known before the run");
        found.add(Diagnostic::at(node.span, message));
    }
}

fn part(
    parameter: &str,
    kind: &str,
    placed: Placed,
    (whole, node): (&Resource, &Node),
    found: &mut Found,
) -> Node {
    let name = node.as_text().unwrap_or_default();
    if node.region.is_none() && placed == Placed::InARegion {
        found.add(unplaced(parameter, name, node));
    }
    let resource = Resource {
        kind: kind.to_owned(),
        name: format!("{}/{name}", whole.name),
        region: node.region.clone(),
        ..whole.clone()
    };
    action::resource_node(&resource, node.span)
}

fn unplaced(parameter: &str, name: &str, node: &Node) -> Diagnostic {
    let message = format!("nothing says in which region `{name}` is");
    Diagnostic::at(node.span, message).hint(format!(
        "name it in the rows of `regions`, and write `{parameter}: ${{{{ from.… }}}}` or `${{{{ to.… }}}}`"
    ))
}
