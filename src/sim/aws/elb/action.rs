//! What a listener or a rule does with a request.
//!
//! Sources: `Action`, `FixedResponseActionConfig` and `ForwardActionConfig`, Elastic Load Balancing API reference 2015-12-01;
//! "Action types for listener rules", user guide for Application Load Balancers.

use crate::{
    sim::{
        aws::asked::{Asked, leaf, members},
        call::Refusal,
    },
    wire::Element,
};
use serde::{Deserialize, Serialize};

const LARGEST_WEIGHT: u64 = 999;
pub(super) const MOST_GROUPS: usize = 5;
const MOST_ACTIONS: usize = 5;
const LONGEST_MESSAGE: usize = 1_024;
/// A week of seconds.
const LONGEST_STICKY: u64 = 604_800;
const CONTENT_TYPES: [&str; 5] =
    ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Action {
    order: Option<u64>,
    pub does: Does,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Does {
    Forward(Forward),
    Fixed(Fixed),
    Redirect(Redirect),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forward {
    /// Target groups by their ARN, with their weights.
    pub groups: Vec<(String, u64)>,
    /// For how many seconds a client stays with the group that it met.
    sticky: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fixed {
    pub status: u16,
    pub content_type: Option<String>,
    pub message: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Redirect {
    pub status: u16,
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
}

impl Action {
    pub(super) fn forward(groups: Vec<(String, u64)>) -> Self {
        Self { order: None, does: Does::Forward(Forward { groups, sticky: None }) }
    }

    /// The target groups that it sends to.
    pub(super) fn groups(&self) -> &[(String, u64)] {
        match &self.does {
            Does::Forward(forward) => &forward.groups,
            Does::Fixed(_) | Does::Redirect(_) => &[],
        }
    }

    pub(super) fn groups_mut(&mut self) -> Option<&mut Vec<(String, u64)>> {
        match &mut self.does {
            Does::Forward(forward) => Some(&mut forward.groups),
            Does::Fixed(_) | Does::Redirect(_) => None,
        }
    }

    /// Reads a list of actions, which must hold one that can be carried out.
    pub(super) fn read(asked: &Asked, list: &str) -> Result<Vec<Self>, Refusal> {
        let count = asked.count(list);
        if count > MOST_ACTIONS {
            let why = "The maximum number of actions has been reached.";
            return Err(Refusal::new(400, "TooManyActions", why));
        }
        let member = |number| Self::read_one(asked, &format!("{list}.member.{number}"));
        let actions: Vec<_> = (1..=count).map(member).collect::<Result<_, _>>()?;
        if actions.len() == 1 {
            return Ok(actions);
        }
        // What is simulated are the actions that end a request; the others only stand before one.
        Err(no_action("You must specify exactly one of forward, redirect and fixed-response"))
    }

    fn read_one(asked: &Asked, at: &str) -> Result<Self, Refusal> {
        let does = match asked.required(&format!("{at}.Type"))? {
            "forward" => Does::Forward(Forward::read(asked, at)?),
            "fixed-response" => {
                Does::Fixed(Fixed::read(asked, &format!("{at}.FixedResponseConfig"))?)
            }
            "redirect" => Does::Redirect(Redirect::read(asked, &format!("{at}.RedirectConfig"))?),
            other => return Err(no_action(&format!("The action type '{other}' is not valid"))),
        };
        Ok(Self { order: number(asked, &format!("{at}.Order"), 50_000)?, does })
    }

    pub(super) fn show(&self) -> Element {
        let (kind, parts) = match &self.does {
            Does::Forward(forward) => ("forward", forward.show()),
            Does::Fixed(fixed) => ("fixed-response", vec![fixed.show()]),
            Does::Redirect(redirect) => ("redirect", vec![redirect.show()]),
        };
        let order = self.order.map(|order| leaf("Order", order));
        Element::new("member").with([leaf("Type", kind)]).with(order).with(parts)
    }
}

impl Forward {
    fn read(asked: &Asked, at: &str) -> Result<Self, Refusal> {
        let list = format!("{at}.ForwardConfig.TargetGroups");
        let mut groups = Vec::new();
        for place in 1..=asked.count(&list) {
            let at = format!("{list}.member.{place}");
            let arn = asked.required(&format!("{at}.TargetGroupArn"))?;
            let weight = number(asked, &format!("{at}.Weight"), LARGEST_WEIGHT)?;
            groups.push((arn.to_owned(), weight.unwrap_or(1)));
        }
        match (asked.text(&format!("{at}.TargetGroupArn")), &groups[..]) {
            (Some(arn), []) => groups.push((arn.to_owned(), 1)),
            (Some(arn), [(only, _)]) if only == arn => {}
            (None, [_, ..]) => {}
            (None, []) => return Err(no_action("A forward action must name a target group")),
            (Some(_), _) => {
                let why = "TargetGroupArn must be the only target group of ForwardConfig";
                return Err(no_action(why));
            }
        }
        if groups.len() > MOST_GROUPS {
            let why = format!("A forward action can name at most {MOST_GROUPS} target groups");
            return Err(Refusal::new(400, "InvalidConfigurationRequest", why));
        }
        let sticky = format!("{at}.ForwardConfig.TargetGroupStickinessConfig");
        let is_sticky = asked.text(&format!("{sticky}.Enabled")) == Some("true");
        let seconds = number(asked, &format!("{sticky}.DurationSeconds"), LONGEST_STICKY)?;
        if is_sticky && seconds.is_none() {
            return Err(no_action("DurationSeconds must be specified when stickiness is enabled"));
        }
        Ok(Self { groups, sticky: seconds.filter(|_| is_sticky) })
    }

    fn show(&self) -> Vec<Element> {
        let tuple = |(arn, weight): &(String, u64)| {
            Element::new("member").with([leaf("TargetGroupArn", arn), leaf("Weight", weight)])
        };
        let sticky = Element::new("TargetGroupStickinessConfig")
            .with([leaf("Enabled", self.sticky.is_some())])
            .with(self.sticky.map(|seconds| leaf("DurationSeconds", seconds)));
        let config = Element::new("ForwardConfig")
            .with([members("TargetGroups", self.groups.iter().map(tuple)), sticky]);
        let only = match &self.groups[..] {
            [(arn, _)] => Some(leaf("TargetGroupArn", arn)),
            _ => None,
        };
        only.into_iter().chain([config]).collect()
    }
}

impl Fixed {
    fn read(asked: &Asked, at: &str) -> Result<Self, Refusal> {
        let status = asked.required(&format!("{at}.StatusCode"))?;
        let is_status = status.len() == 3 && status.starts_with(['2', '4', '5']);
        let status = status.parse().ok().filter(|_| is_status);
        let content_type = asked.text(&format!("{at}.ContentType")).map(ToOwned::to_owned);
        let message = asked.text(&format!("{at}.MessageBody")).map(ToOwned::to_owned);
        let is_known = |kind: &String| CONTENT_TYPES.contains(&kind.as_str());
        if !content_type.as_ref().is_none_or(is_known) {
            let known = CONTENT_TYPES.join(", ");
            return Err(invalid(&format!("ContentType must be one of {known}")));
        }
        if message.as_ref().is_some_and(|text| text.chars().count() > LONGEST_MESSAGE) {
            let why = format!("MessageBody must have a length of at most {LONGEST_MESSAGE}");
            return Err(invalid(&why));
        }
        let status = status.ok_or_else(|| invalid("StatusCode must match ^(2|4|5)\\d\\d$"))?;
        Ok(Self { status, content_type, message })
    }

    fn show(&self) -> Element {
        Element::new("FixedResponseConfig")
            .with([leaf("StatusCode", self.status)])
            .with(self.content_type.as_ref().map(|kind| leaf("ContentType", kind)))
            .with(self.message.as_ref().map(|text| leaf("MessageBody", text)))
    }

    /// The content type as it is sent.
    pub(super) fn typed(&self) -> &'static str {
        let mut known = CONTENT_TYPES.into_iter();
        known.find(|kind| Some(*kind) == self.content_type.as_deref()).unwrap_or(CONTENT_TYPES[0])
    }
}

impl Redirect {
    fn read(asked: &Asked, at: &str) -> Result<Self, Refusal> {
        let status = match asked.required(&format!("{at}.StatusCode"))? {
            "HTTP_301" => 301,
            "HTTP_302" => 302,
            _ => return Err(invalid("StatusCode must be HTTP_301 or HTTP_302")),
        };
        let part = |name: &str| {
            let said = asked.text(&format!("{at}.{name}"));
            let whole = if name == "Path" {
                "/#{path}".to_owned()
            } else {
                format!("#{{{}}}", name.to_lowercase())
            };
            said.map_or(whole, ToOwned::to_owned)
        };
        Ok(Self {
            status,
            protocol: part("Protocol"),
            host: part("Host"),
            port: part("Port"),
            path: part("Path"),
            query: part("Query"),
        })
    }

    fn show(&self) -> Element {
        Element::new("RedirectConfig").with([
            leaf("Protocol", &self.protocol),
            leaf("Port", &self.port),
            leaf("Host", &self.host),
            leaf("Path", &self.path),
            leaf("Query", &self.query),
            leaf("StatusCode", format!("HTTP_{}", self.status)),
        ])
    }
}

/// A whole number of a form that must not be larger than this.
pub(super) fn number(asked: &Asked, name: &str, most: u64) -> Result<Option<u64>, Refusal> {
    let Some(text) = asked.text(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number <= most);
    let wrong = || invalid(&format!("'{name}' must be a whole number up to {most}"));
    number.map(Some).ok_or_else(wrong)
}

pub(super) fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "ValidationError", why)
}

fn no_action(why: &str) -> Refusal {
    Refusal::new(400, "InvalidLoadBalancerAction", why)
}
