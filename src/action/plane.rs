//! What an action cannot do without: which plane of a cloud, and in which region.
//!
//! A kind states its planes by its parameters; with the parameters of a step they become what that step needs, and where.

use super::{Kind, Shape, resource};
use crate::model::{Mode, Node, Region, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of a cloud that an action cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Management of what this parameter names, answered from its own region.
    Control(&'static str),
    /// The service itself, in the region of what this parameter names.
    Data(&'static str),
    /// Management by this service, which no single customer region carries.
    Global(&'static str),
    /// Management by this service, which lives in one region of the vendor wherever the resource is.
    Pinned { region: &'static str, service: &'static str },
    /// This service itself, spread over so many regions that it survives the loss of any of them.
    Spread { service: &'static str, needs: u8, of: u8 },
    /// What is needed only when the parameter `mode` is `planned`.
    WhenPlanned(&'static Self),
}

/// A plane that a step needs, in the region where it needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "plane", rename_all = "snake_case")]
pub enum Needed {
    /// Without a region, it is that of a resource of which the runbook does not say where it is.
    Control {
        region: Option<Region>,
        service: Option<String>,
    },
    Data {
        region: Option<Region>,
    },
    Global {
        service: String,
    },
    Spread {
        service: String,
        needs: u8,
        of: u8,
    },
}

impl Needed {
    /// The one region without which it is not to be had.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Control { region, .. } | Self::Data { region } => region.as_ref(),
            Self::Global { .. } | Self::Spread { .. } => None,
        }
    }
}

impl Kind {
    /// What it needs with these parameters, as a plan holds them. What is left out, or not known yet, needs nothing.
    pub fn needed(&self, with: &Node) -> Vec<Needed> {
        let mut all = Vec::new();
        for needed in self.planes.iter().filter_map(|plane| self.resolve(*plane, with)) {
            if !all.contains(&needed) {
                all.push(needed);
            }
        }
        all
    }

    fn resolve(&self, plane: Plane, with: &Node) -> Option<Needed> {
        match plane {
            Plane::Control(name) => {
                self.placed(name, with, |region| Needed::Control { region, service: None })
            }
            Plane::Data(name) => self.placed(name, with, |region| Needed::Data { region }),
            Plane::Global(service) => Some(Needed::Global { service: service.to_owned() }),
            Plane::Pinned { region, service } => Some(Needed::Control {
                region: Some(Region::new(region)),
                service: Some(service.to_owned()),
            }),
            Plane::Spread { service, needs, of } => {
                Some(Needed::Spread { service: service.to_owned(), needs, of })
            }
            Plane::WhenPlanned(plane) => {
                let mode = with.get("mode").and_then(Node::as_text);
                mode.filter(|mode| *mode == Mode::Planned.as_str())?;
                self.resolve(*plane, with)
            }
        }
    }

    /// A need where a parameter says: at its resource, in the region that it names, or where the row is from that it was
    /// taken from.
    fn placed(
        &self,
        name: &str,
        with: &Node,
        needed: impl Fn(Option<Region>) -> Needed,
    ) -> Option<Needed> {
        let node = with.get(name).filter(|node| !matches!(node.value, Value::Null))?;
        if let Some(resource) = resource(node) {
            return Some(needed(resource.region));
        }
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name)?;
        let region = match parameter.shape {
            Shape::Text | Shape::Region => node.as_text().map(Region::new),
            _ => node.region.clone(),
        };
        region.map(|region| needed(Some(region)))
    }
}

fn service(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" ({name})"))
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(parameter) => write!(f, "control, in the region of `{parameter}`"),
            Self::Data(parameter) => write!(f, "data, in the region of `{parameter}`"),
            Self::Global(name) => write!(f, "global{}", service(Some(name))),
            Self::Pinned { region, service: name } => {
                write!(f, "{region} control{}", service(Some(name)))
            }
            Self::Spread { service: name, needs, of } => {
                write!(f, "{needs} of {of} regions{}", service(Some(name)))
            }
            Self::WhenPlanned(plane) => write!(f, "when planned: {plane}"),
        }
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.region().map_or("own region", Region::as_str);
        match self {
            Self::Control { service: name, .. } => {
                write!(f, "{place} control{}", service(name.as_deref()))
            }
            Self::Data { .. } => write!(f, "{place} data"),
            Self::Global { .. } => f.write_str("global"),
            Self::Spread { service: name, needs, of } => {
                write!(f, "{needs} of {of} regions{}", service(Some(name)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::{Clients, Effect, Parameter, Params, Placed, resource_node},
        model::{Diagnostic, Owner, Resource, Span},
    };
    use std::{sync::Arc, time::Duration};

    const APP: Shape =
        Shape::Resource { kind: "Microsoft.Web/sites", placed: Placed::InARegion, made: false };

    static PARAMETERS: [Parameter; 4] = [
        Parameter::optional("app", APP, ""),
        Parameter::optional("url", Shape::Url, ""),
        Parameter::optional("region", Shape::Text, ""),
        Parameter::optional("mode", Shape::Text, ""),
    ];

    fn bind(_: &Params<'_>, _: &Clients) -> Result<Arc<dyn crate::action::Action>, Diagnostic> {
        Err(Diagnostic::whole_file("this kind is never bound"))
    }

    fn kind(planes: &'static [Plane]) -> Kind {
        Kind {
            name: "sample",
            summary: "",
            parameters: &PARAMETERS,
            observed: &[],
            planes,
            permissions: &[],
            effect: Effect::Changes,
            proves_service: false,
            usual: Duration::ZERO,
            shows_within: Duration::ZERO,
            mark_valid_for: None,
            deadline: Duration::ZERO,
            cured_by: &[],
            bind,
        }
    }

    fn app(region: Option<&str>) -> Node {
        let resource = Resource {
            kind: "Microsoft.Web/sites".to_owned(),
            name: "app".to_owned(),
            owner: Owner::Azure { subscription: "sub".to_owned(), resource_group: "rg".to_owned() },
            region: region.map(Region::from),
            made_by_the_run: false,
        };
        resource_node(&resource, Span::default())
    }

    fn needed(planes: &'static [Plane], with: &[(&str, Node)]) -> Vec<String> {
        let with = Node::map(with.iter().cloned());
        kind(planes).needed(&with).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plane_is_where_what_its_parameter_names_is() {
        let planes = &[Plane::Control("app"), Plane::Data("app"), Plane::Data("region")];
        let with = [("app", app(Some("eastus"))), ("region", Node::text("westus"))];
        assert_eq!(needed(planes, &with), ["eastus control", "eastus data", "westus data"]);
        let nowhere = [("app", app(None)), ("region", Node::made(Value::Null))];
        assert_eq!(needed(planes, &nowhere), ["own region control", "own region data"]);
        assert_eq!(needed(planes, &[]), [""; 0], "what is left out needs nothing");
    }

    #[test]
    fn an_address_is_where_the_row_is_that_it_was_taken_from() {
        let planes = &[Plane::Data("region"), Plane::Data("url")];
        let mut url = Node::text("https://app-east.example/health");
        assert_eq!(needed(planes, &[("url", url.clone())]), [""; 0]);
        url.region = Some("eastus".into());
        let with = [("url", url), ("region", Node::text("eastus"))];
        assert_eq!(needed(planes, &with), ["eastus data"], "each is said once");
    }

    #[test]
    fn some_planes_are_in_no_region_of_the_runbook_or_always_in_the_same_one() {
        let planes = &[
            Plane::Global("Traffic Manager"),
            Plane::Pinned { region: "us-east-1", service: "Route 53" },
            Plane::Spread { service: "ARC", needs: 3, of: 5 },
        ];
        let kind = kind(planes);
        let all = kind.needed(&Node::map([]));
        let shown: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["global", "us-east-1 control (Route 53)", "3 of 5 regions (ARC)"]);
        let regions: Vec<_> =
            all.iter().map(|needed| needed.region().map(Region::as_str)).collect();
        assert_eq!(regions, [None, Some("us-east-1"), None]);
    }

    #[test]
    fn what_only_a_planned_way_needs_is_needed_only_then() {
        let planes = &[Plane::WhenPlanned(&Plane::Data("app"))];
        let of = |mode| [("app", app(Some("eastus"))), ("mode", Node::text(mode))];
        assert_eq!(needed(planes, &of("planned")), ["eastus data"]);
        assert_eq!(needed(planes, &of("unplanned")), [""; 0]);
    }

    #[test]
    fn what_is_needed_is_stored_as_plain_members() {
        let all = [
            Needed::Control { region: Some("us-east-1".into()), service: Some("Route 53".into()) },
            Needed::Data { region: None },
            Needed::Spread { service: "ARC".into(), needs: 3, of: 5 },
        ];
        let stored = serde_json::to_value(&all).unwrap();
        let expected = serde_json::json!([
            { "plane": "control", "region": "us-east-1", "service": "Route 53" },
            { "plane": "data", "region": null },
            { "plane": "spread", "service": "ARC", "needs": 3, "of": 5 },
        ]);
        assert_eq!(stored, expected);
        assert_eq!(serde_json::from_value::<Vec<Needed>>(stored).unwrap(), all);
    }
}
