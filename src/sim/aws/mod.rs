//! AWS: its front doors, and the services behind them.
//!
//! Written from the vendor's API references and user guides; each file names its own.

mod arn;
mod asked;
mod autoscaling;
mod cloudwatch;
mod ecs;
pub(super) mod elb;
pub(super) mod endpoint;
mod iam;
mod rds;
pub(super) mod route53;
mod routing_control;
mod scaling;
mod seed;
mod signature;
mod sts;
mod tree;

use super::{
    call::{Call, Refusal, Replied, Reply},
    cloud::{Cloud, Outage},
    fault::FAULT,
    reached::Reached,
};
use asked::Asked;
use cloudwatch::Watch;
pub use ecs::Breaker;
pub use elb::TargetHealth;
use jiff::Timestamp;
use route53::Names;
pub use routing_control::EndpointFault;
pub(super) use seed::seed;
use serde::{Deserialize, Serialize};
pub(super) use signature::Scope;
use std::collections::BTreeMap;

/// What one account holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Aws {
    account: String,
    /// What a policy forbids the caller, in IAM's names.
    forbidden: Vec<String>,
    watch: Watch,
    names: Names,
    /// Which region serves at a host that does not say so in its name.
    places: BTreeMap<String, String>,
    /// What the app calls itself.
    service: String,
    services: Vec<ecs::Service>,
    scalable: Vec<scaling::Target>,
    elb: elb::Elb,
    scaling_groups: Vec<autoscaling::Group>,
    databases: Vec<rds::Instance>,
    routing: routing_control::Cluster,
}

impl Aws {
    /// The account that a plan names.
    pub(super) fn settle(&mut self, account: &str) {
        account.clone_into(&mut self.account);
    }
}

/// When something is due next.
pub(super) fn next_due(cloud: &Cloud) -> Option<Timestamp> {
    let (aws, now) = (&cloud.aws, cloud.now);
    let services = aws.services.iter().filter_map(|one| one.due(now)).min();
    let idle = aws.scalable.iter().filter_map(|one| one.due(&aws.services)).min();
    let instances = aws.scaling_groups.iter().filter_map(|one| one.crew.due(now)).min();
    let databases = aws.databases.iter().filter_map(rds::Instance::due).min();
    let capacity = [services, idle, instances, databases, aws.elb.due(now)];
    let names = [aws.watch.next_due(), route53::next_due(cloud), endpoint::next_due(cloud)];
    capacity.into_iter().chain(names).flatten().min()
}

/// Does what is due now.
pub(super) fn keep_time(cloud: &mut Cloud) {
    let (aws, now) = (&mut cloud.aws, cloud.now);
    aws.watch.look(now);
    aws.services.iter_mut().for_each(|one| one.pass(now));
    aws.scalable.iter().for_each(|one| one.pass(&mut aws.services, now));
    aws.databases.iter_mut().for_each(|one| one.pass(now));
    route53::keep_time(cloud);
}

/// Draws the consequences of what has changed.
pub(super) fn refresh(cloud: &mut Cloud) {
    route53::refresh(cloud);
}

impl Cloud {
    /// Takes a permission of AWS from the caller.
    pub fn forbid(&mut self, permission: &str) {
        self.aws.forbidden.push(permission.to_owned());
    }

    /// Moves the caller's keys to another account: somebody took the wrong profile.
    pub fn move_to_account(&mut self, account: &str) {
        self.aws.settle(account);
    }
}

/// Takes a signed request to its service, and any other to the app at its host; `None` when it is not for AWS.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    let Some(scope) = Scope::of(call) else { return endpoint::answer(cloud, call) };
    // Management of a region answers unless the region is gone as a whole. What is global lives in us-east-1.
    if cloud.blackout.kind == Outage::Region && cloud.is_dark(&scope.region) {
        return Some(Reached::Nobody);
    }
    if let Some(reached) = routing_control::refuses(cloud, call, &scope) {
        return Some(reached);
    }
    let asked = match Asked::read(call, scope, cloud.accepted) {
        Ok(asked) => asked,
        Err(reply) => return Some(Reached::Reply(reply)),
    };
    let replied = asked.admit(call).and_then(|()| route(cloud, call, &asked));
    Some(Reached::Reply(asked.dress(replied)))
}

/// What a front end says to a signed request in place of its service. `None` when it is not for AWS.
///
/// The codes are those of "Common Errors", in the API reference of each service. Who asks too often is told so with a 400.
pub(super) fn refusal(call: &Call<'_>, status: u16) -> Option<Reply> {
    let asked = match Asked::read(call, Scope::of(call)?, 0) {
        Ok(asked) => asked,
        Err(reply) => return Some(reply),
    };
    let (status, code) = match status {
        401 => (403, "ExpiredTokenException"),
        403 => (403, "AccessDeniedException"),
        429 => (400, "ThrottlingException"),
        500 => (500, "InternalFailure"),
        503 => (503, "ServiceUnavailable"),
        status => (status, "InjectedFault"),
    };
    Some(asked.dress(Err(Refusal::new(status, code, FAULT))))
}

fn route(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked) -> Replied {
    asked.authorize(&cloud.aws.forbidden, call)?;
    match asked.scope.service.as_str() {
        "sts" => sts::answer(cloud, asked),
        "iam" => iam::answer(cloud, asked),
        "monitoring" => cloudwatch::answer(cloud, asked),
        "route53" => route53::answer(cloud, call, asked),
        "ecs" => ecs::answer(cloud, asked),
        "autoscaling" => autoscaling::answer(cloud, asked),
        "rds" => rds::answer(cloud, asked),
        "route53-recovery-cluster" => routing_control::answer(cloud, call, asked),
        "elasticloadbalancing" => elb::answer(cloud, asked),
        "application-autoscaling" => scaling::answer(cloud, asked),
        _ => Err(asked.no_such_operation()),
    }
}

/// An instant as the Query protocol writes it.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests;
