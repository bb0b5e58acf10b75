//! `with:` of a step, read with types: what the plan holds, in which resources and files have been written out in full.

use crate::model::{
    Diagnostic, Key, Mode, Node, Owner, Region, Resource, Span, Value, Vendor, span,
};
use std::time::Duration;

/// A file that the plan carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// The parameters of one step of a plan. Each reader names what is wrong, and where, when a value does not fit.
pub struct Params<'a> {
    with: &'a Node,
}

impl<'a> Params<'a> {
    pub fn new(with: &'a Node) -> Self {
        Self { with }
    }

    fn node(&self, name: &str) -> Option<&'a Node> {
        self.with.get(name).filter(|node| !matches!(node.value, Value::Null))
    }

    /// Where a parameter stands; where all of them do, when it is left out.
    pub fn span(&self, name: &str) -> Span {
        self.with.get(name).map_or(self.with.span, |node| node.span)
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Diagnostic> {
        value.ok_or_else(|| {
            let span = self.span(name);
            Diagnostic::at(span, format!("the parameter `{name}` is missing or of the wrong kind"))
        })
    }

    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.node(name)?.as_text().map(ToOwned::to_owned)
    }

    pub fn text(&self, name: &str) -> Result<String, Diagnostic> {
        self.required(name, self.optional_text(name))
    }

    pub fn optional_flag(&self, name: &str) -> Option<bool> {
        match self.node(name)?.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> Result<bool, Diagnostic> {
        self.required(name, self.optional_flag(name))
    }

    pub fn optional_int(&self, name: &str) -> Option<i64> {
        match self.node(name)?.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    pub fn int(&self, name: &str) -> Result<i64, Diagnostic> {
        self.required(name, self.optional_int(name))
    }

    pub fn optional_texts(&self, name: &str) -> Option<Vec<String>> {
        let Value::List(items) = &self.node(name)?.value else { return None };
        items.iter().map(|item| item.as_text().map(ToOwned::to_owned)).collect()
    }

    pub fn texts(&self, name: &str) -> Result<Vec<String>, Diagnostic> {
        self.required(name, self.optional_texts(name))
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let Value::List(items) = &self.node(name)?.value else { return None };
        items
            .iter()
            .map(|item| match item.value {
                Value::Int(number) => Some(number),
                _ => None,
            })
            .collect()
    }

    pub fn optional_duration(&self, name: &str) -> Option<Duration> {
        span::parse(self.node(name)?.as_text()?)
    }

    pub fn duration(&self, name: &str) -> Result<Duration, Diagnostic> {
        self.required(name, self.optional_duration(name))
    }

    pub fn mode(&self, name: &str) -> Result<Mode, Diagnostic> {
        self.required(name, self.optional_text(name).as_deref().and_then(Mode::parse))
    }

    pub fn region(&self, name: &str) -> Result<Region, Diagnostic> {
        self.text(name).map(Region::new)
    }

    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        let entries = self.node(name).map(Node::entries).unwrap_or_default();
        let pair = |(key, node): &(Key, Node)| Some((key.text.clone(), node.as_text()?.to_owned()));
        entries.iter().filter_map(pair).collect()
    }

    pub fn maps(&self, name: &str) -> Vec<(String, Vec<(String, String)>)> {
        let entries = self.node(name).map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .map(|(key, node)| {
                let inner = Node::map([("inner", node.clone())]);
                (key.text.clone(), Params::new(&inner).map("inner"))
            })
            .collect()
    }

    pub fn optional_file(&self, name: &str) -> Option<File> {
        let node = self.node(name)?;
        Some(File {
            path: node.get("path")?.as_text()?.to_owned(),
            text: node.get("text")?.as_text()?.to_owned(),
        })
    }

    pub fn file(&self, name: &str) -> Result<File, Diagnostic> {
        self.required(name, self.optional_file(name))
    }

    pub fn optional_resource(&self, name: &str) -> Option<Resource> {
        resource(self.node(name)?)
    }

    pub fn resource(&self, name: &str) -> Result<Resource, Diagnostic> {
        self.required(name, self.optional_resource(name))
    }
}

/// Reads a resource as a plan holds it, written out in full.
pub fn resource(node: &Node) -> Option<Resource> {
    let text = |key: &str| node.get(key).and_then(Node::as_text).map(ToOwned::to_owned);
    let kind = text("kind")?;
    let owner = match Vendor::of(&kind) {
        Vendor::Aws => Owner::Aws { account: text("account")? },
        Vendor::Azure => Owner::Azure {
            subscription: text("subscription")?,
            resource_group: text("resource_group")?,
        },
        Vendor::Own => Owner::Own,
    };
    Some(Resource {
        kind,
        name: text("name")?,
        owner,
        region: text("region").map(Region::new),
        made_by_the_run: matches!(
            node.get("made_by_the_run").map(|node| &node.value),
            Some(Value::Bool(true))
        ),
    })
}

/// Writes a resource out in full, as a plan holds it.
pub fn resource_node(resource: &Resource, span: Span) -> Node {
    let mut node =
        Node::map([("kind", Node::text(&resource.kind)), ("name", Node::text(&resource.name))]);
    match &resource.owner {
        Owner::Azure { subscription, resource_group } => {
            node.set("resource_group", Node::text(resource_group));
            node.set("subscription", Node::text(subscription));
        }
        Owner::Aws { account } => node.set("account", Node::text(account)),
        Owner::Own => {}
    }
    node.set("made_by_the_run", Node::made(Value::Bool(resource.made_by_the_run)));
    if let Some(region) = &resource.region {
        node.set("region", Node::text(region.as_str()));
        node.region = Some(region.clone());
    }
    node.span = span;
    node
}
