//! Where actions stand: the default ones of a listener, or those of a rule.

use super::{Aws, flatten, query};
use crate::{action::Trouble, model::Resource, provider::aws::call::Call, wire::Element};

#[derive(Clone, Debug)]
pub(super) enum Place {
    Listener(Resource),
    Rule(Resource),
}

impl Place {
    pub(super) fn resource(&self) -> &Resource {
        match self {
            Self::Listener(resource) | Self::Rule(resource) => resource,
        }
    }

    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Listener(_) => "listener",
            Self::Rule(_) => "rule",
        }
    }

    /// Its actions as AWS shows them; none when the place is not there.
    pub(super) async fn actions(
        &self,
        aws: &Aws,
        region: &str,
    ) -> Result<Option<Vec<Element>>, Trouble> {
        let (operation, list, missing, actions) = match self {
            Self::Listener(_) => {
                ("DescribeListeners", "ListenerArns", "ListenerNotFound", "DefaultActions")
            }
            Self::Rule(_) => ("DescribeRules", "RuleArns", "RuleNotFound", "Actions"),
        };
        let parameters = [(format!("{list}.member.1"), self.resource().name.clone())];
        let call = query(region, operation, &parameters);
        let answer = aws.find_xml(&call, &[missing]).await?;
        Ok(answer.and_then(|answer| Some(answer.find(actions)?.children.clone())))
    }

    /// Puts these actions in the place of all that are there: AWS knows no other way.
    pub(super) fn replace(&self, region: &str, actions: &[Element]) -> Call {
        let (operation, own, list) = match self {
            Self::Listener(_) => ("ModifyListener", "ListenerArn", "DefaultActions"),
            Self::Rule(_) => ("ModifyRule", "RuleArn", "Actions"),
        };
        let mut parameters = vec![(own.to_owned(), self.resource().name.clone())];
        for (action, number) in actions.iter().zip(1..) {
            flatten(&format!("{list}.member.{number}"), &with_its_secret(action), &mut parameters);
        }
        query(region, operation, &parameters)
    }
}

/// AWS never shows the secret of a sign-in, and keeps it only when it is told to.
fn with_its_secret(action: &Element) -> Element {
    let mut action = action.clone();
    let config = action.children.iter_mut().find(|child| child.name == "AuthenticateOidcConfig");
    if let Some(config) = config {
        config.children.retain(|child| child.name != "UseExistingClientSecret");
        config.children.push(Element::with_text("UseExistingClientSecret", "true"));
    }
    action
}

/// The groups that an action forwards to, with their weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forward(Vec<(String, u64)>);

impl Forward {
    /// Of these actions the one that forwards; a place has one at most.
    pub(super) fn among(actions: &[Element]) -> Option<Self> {
        let action = actions.iter().find(|action| is_forward(action))?;
        let weight = |group: &Element| group.text_of("Weight")?.parse().ok();
        let pair = |group: &Element| {
            Some((group.text_of("TargetGroupArn")?.to_owned(), weight(group).unwrap_or(1)))
        };
        let config = action.get("ForwardConfig").map(|config| config.members("TargetGroups"));
        let groups: Vec<_> = config.unwrap_or_default().iter().filter_map(pair).collect();
        let single = || Some((action.text_of("TargetGroupArn")?.to_owned(), 1));
        Some(Self(if groups.is_empty() { single().into_iter().collect() } else { groups }))
    }

    pub(super) fn weight(&self, arn: &str) -> Option<u64> {
        self.0.iter().find(|(known, _)| known == arn).map(|(_, weight)| *weight)
    }

    /// A group beside these two that gets users.
    pub(super) fn third(&self, pair: [&str; 2]) -> Option<&str> {
        let is_third =
            |(arn, weight): &&(String, u64)| *weight > 0 && !pair.contains(&arn.as_str());
        self.0.iter().find(is_third).map(|(arn, _)| arn.as_str())
    }
}

/// How long a user stays with the group that answered first.
pub(super) fn stickiness(actions: &[Element]) -> Option<u64> {
    let action = actions.iter().find(|action| is_forward(action))?;
    let config = action.at(&["ForwardConfig", "TargetGroupStickinessConfig"])?;
    config
        .text_of("DurationSeconds")
        .filter(|_| config.text_of("Enabled") == Some("true"))?
        .parse()
        .ok()
}

/// The same actions, with these weights; everything else stays as it was read.
pub(super) fn weighted(actions: &[Element], weights: &[(&str, u64)]) -> Vec<Element> {
    let mut actions = actions.to_vec();
    let Some(action) = actions.iter_mut().find(|action| is_forward(action)) else { return actions };
    let single = action.text_of("TargetGroupArn").map(ToOwned::to_owned);
    // It may be named here only while it is the only one.
    action.children.retain(|child| child.name != "TargetGroupArn");
    let config = child(action, "ForwardConfig");
    let groups = child(config, "TargetGroups");
    if let Some(single) = single.filter(|_| groups.children.is_empty()) {
        groups.children.push(group(&single, 1));
    }
    for (arn, weight) in weights {
        let known =
            groups.children.iter_mut().find(|one| one.text_of("TargetGroupArn") == Some(*arn));
        match known {
            Some(known) => child(known, "Weight").text = weight.to_string(),
            None => groups.children.push(group(arn, *weight)),
        }
    }
    actions
}

fn is_forward(action: &Element) -> bool {
    action.text_of("Type") == Some("forward")
}

fn group(arn: &str, weight: u64) -> Element {
    Element::new("member").with([
        Element::with_text("TargetGroupArn", arn),
        Element::with_text("Weight", weight.to_string()),
    ])
}

/// The child of this name, made when it is not there.
fn child<'a>(element: &'a mut Element, name: &str) -> &'a mut Element {
    let place = element.children.iter().position(|child| child.name == name);
    let place = place.unwrap_or_else(|| {
        element.children.push(Element::new(name));
        element.children.len() - 1
    });
    &mut element.children[place]
}
