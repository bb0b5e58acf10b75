//! Elastic Load Balancing: listeners, their rules, and the targets behind them.
//!
//! Source: Elastic Load Balancing API reference, 2015-12-01.

pub(in crate::provider) mod fixed_response;
mod place;
pub(in crate::provider) mod targets;
pub(in crate::provider) mod weights;

use super::{call::Call, client::Aws, service::ELB};
use crate::{
    action::{Params, Placed, Shape, Trouble},
    model::{Diagnostic, Resource},
    wire::Element,
};
use std::time::Duration;

pub(super) const GROUP: Shape = in_a_region("AWS::ElasticLoadBalancingV2::TargetGroup");
pub(super) const LISTENER: Shape = in_a_region("AWS::ElasticLoadBalancingV2::Listener");
pub(super) const RULE: Shape = in_a_region("AWS::ElasticLoadBalancingV2::ListenerRule");

/// How the SDKs' waiters ask about targets: `TargetInService` 40 times, every 15 s.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

const fn in_a_region(kind: &'static str) -> Shape {
    Shape::Resource { kind, placed: Placed::InARegion, made: false }
}

/// A resource that AWS knows by its ARN alone: of this type, as an ARN writes it.
fn by_arn(params: &Params<'_>, name: &str, of: &str) -> Result<Resource, Diagnostic> {
    let resource = params.resource(name)?;
    if resource.name.starts_with("arn:") && resource.name.contains(&format!(":{of}/")) {
        return Ok(resource);
    }
    let example = format!("arn:aws:elasticloadbalancing:REGION:ACCOUNT:{of}/…");
    let message = format!("`{name}` must be an ARN such as `{example}`, not `{}`", resource.name);
    Err(Diagnostic::at(params.span(name), message))
}

/// What people call it: the name of a target group, or of the load balancer that a listener or a rule is on.
fn short(arn: &str) -> &str {
    let place = if arn.contains(":targetgroup/") { 1 } else { 2 };
    arn.split('/').nth(place).unwrap_or(arn)
}

fn query(region: &str, operation: &'static str, parameters: &[(String, String)]) -> Call {
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Call::query(&ELB, region, operation, pairs)
}

/// An element as parameters of the Query protocol, below this name: the members of lists and the entries of maps are
/// numbered.
fn flatten(name: &str, element: &Element, into: &mut Vec<(String, String)>) {
    if element.children.is_empty() {
        if !element.text.is_empty() {
            into.push((name.to_owned(), element.text.clone()));
        }
        return;
    }
    for (child, number) in element.children.iter().zip(1..) {
        let name = match child.name.as_str() {
            list @ ("member" | "entry") => format!("{name}.{list}.{number}"),
            member => format!("{name}.{member}"),
        };
        flatten(&name, child, into);
    }
}

/// How a target is.
struct Target {
    id: String,
    state: String,
    reason: String,
    description: String,
}

impl Target {
    fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }

    /// Whether it should serve. What is being deregistered (`draining`) or was never put to use (`unused`) is no part of
    /// the whole; what fails its health checks is, also while its last connections end (`unhealthy.draining`).
    fn counts(&self) -> bool {
        !matches!(self.state.as_str(), "draining" | "unused")
    }

    fn says(&self) -> String {
        let detail = if self.description.is_empty() { &self.reason } else { &self.description };
        let Self { id, state, .. } = self;
        if detail.is_empty() {
            format!("{id} is {state}")
        } else {
            format!("{id} is {state}: {detail}")
        }
    }
}

/// The targets of a group; none when there is no such group.
async fn targets_of(
    aws: &Aws,
    region: &str,
    group: &Resource,
) -> Result<Option<Vec<Target>>, Trouble> {
    let parameters = [("TargetGroupArn", group.name.as_str())];
    let call = Call::query(&ELB, region, "DescribeTargetHealth", parameters);
    let Some(answer) = aws.find_xml(&call, &["TargetGroupNotFound"]).await? else {
        return Ok(None);
    };
    let all = answer.find("TargetHealthDescriptions").map(|all| all.children.as_slice());
    let text = |target: &Element, path: [&str; 2]| {
        target.at(&path).map(|element| element.text.trim().to_owned()).unwrap_or_default()
    };
    let target = |target: &Element| Target {
        id: text(target, ["Target", "Id"]),
        state: text(target, ["TargetHealth", "State"]),
        reason: text(target, ["TargetHealth", "Reason"]),
        description: text(target, ["TargetHealth", "Description"]),
    };
    Ok(Some(all.unwrap_or_default().iter().map(target).collect()))
}

/// All rules of a listener, in no order; none when there is no such listener.
async fn rules_of(
    aws: &Aws,
    region: &str,
    listener: &str,
) -> Result<Option<Vec<Element>>, Trouble> {
    let mut rules = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("ListenerArn", listener)];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let call = Call::query(&ELB, region, "DescribeRules", parameters);
        let Some(answer) = aws.find_xml(&call, &["ListenerNotFound"]).await? else {
            return Ok(None);
        };
        let page = answer.find("Rules").map(|page| page.children.clone());
        rules.extend(page.unwrap_or_default());
        marker = answer.find("NextMarker").map(|next| next.text.trim().to_owned());
        if marker.as_ref().is_none_or(String::is_empty) {
            return Ok(Some(rules));
        }
    }
}

/// What ELB answers, for tests.
#[cfg(test)]
mod sample;
