//! Actions on AWS.
//!
//! One file per family. `OnAws` is the shape that they share: an action says what it reads, what it needs and which
//! request carries out a change; sending it and the search for permissions are the same for all.

pub(super) mod alarm;
pub(super) mod autoscaling;
mod call;
mod caller;
mod client;
mod cloudwatch;
mod credential;
pub(super) mod ecs;
pub(super) mod elb;
mod error;
pub(super) mod metric;
mod permissions;
pub(super) mod rds;
pub(super) mod route53;
pub(super) mod routing_control;
mod service;
pub(super) mod stop;

use super::unknown_change;
use crate::{
    action::{
        Action, Answer, Applied, Change, Finding, Handle, Look, Observation, Polled, Trouble,
        Unapplied,
    },
    journal::Permit,
    model::Resource,
    wire::Response,
};
use async_trait::async_trait;
use call::Call;
pub use caller::{Caller, caller};
use client::Aws;
pub use credential::Chain;
use futures_util::future::join;
use std::sync::Arc;

/// What one action adds to the shape that all actions on AWS share.
#[async_trait]
trait OnAws: Send + Sync + Sized + 'static {
    fn aws(&self) -> &Aws;

    /// What it asks and changes, in the names of IAM.
    fn permissions(&self) -> &'static [&'static str];

    /// A region that this action works in, whose token service says who is asking.
    fn region(&self) -> &str;

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble>;

    /// The request that carries out one of the changes that `observe` named. It may read, but sends nothing.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied>;

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let call = self.request(change).await?;
        let response = self.aws().try_change(&call, permit).await?;
        Ok(self.accepted(&response))
    }

    /// What an accepted change leaves to be watched.
    fn accepted(&self, response: &Response) -> Applied {
        Applied::Done { request_id: client::request_id(response) }
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        Err(Trouble::odd(format!("this action has no operations, and was asked about {handle:?}")))
    }

    /// What else would stop the step later.
    async fn examine(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn into_action(self) -> Arc<dyn Action> {
        Arc::new(Shared(self))
    }
}

struct Shared<A>(A);

#[async_trait]
impl<A: OnAws> Action for Shared<A> {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        self.0.observe(look).await
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        self.0.apply(change, permit).await
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        self.0.poll(handle).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let (aws, region) = (self.0.aws(), self.0.region());
        let permissions = permissions::examine(aws, region, self.0.permissions());
        let (permissions, own) = join(permissions, self.0.examine()).await;
        [permissions, own].concat()
    }
}

/// The answer about a resource that is not there and that the action cannot make.
fn absent(what: &str, resource: &Resource) -> Answer {
    Answer::Never { why: there_is_no(what, resource) }
}

fn there_is_no(what: &str, resource: &Resource) -> String {
    let place = resource.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
    let account = resource.account().unwrap_or_default();
    format!("there is no {what} `{}`{place} in the account {account}", resource.name)
}

/// The region that a resource is in; the runbook was not taken without one.
fn region_of(resource: &Resource) -> String {
    resource.region.as_ref().map(ToString::to_string).unwrap_or_default()
}
