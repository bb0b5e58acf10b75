//! Actions on Azure, through Azure Resource Manager.
//!
//! One file per family. `OnAzure` is the shape that they share: an action says what it reads, what it needs and which
//! request carries out a change; sending, polling and the search for locks and permissions are the same for all.
//!
//! Resource Manager itself is in every region, and hands most of what it is asked on to the service in the resource's own
//! region: so these are control planes of that region. It also keeps what it knows of a resource group in the group's
//! region, and may change nothing in the group without that, not even what is global. No runbook says where a group is, so
//! no plane says it either: keep each group where its resources are.
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/overview#resiliency-of-azure-resource-manager>

mod account;
pub(super) mod app_service;
mod arm;
mod call;
mod credential;
mod deployment;
mod error;
mod examine;
pub(super) mod fence;
mod id;
mod kept;
pub(super) mod maintenance_page;
mod operation;
mod postgres;
mod profile;
pub(super) mod promote;
pub(super) mod redundancy;
pub(super) mod remove;
pub(super) mod replica;
pub(super) mod settings;
pub(super) mod shift;
mod site;
pub(super) mod storage;
mod switchover;
pub(super) mod traffic_manager;

use crate::{
    action::{
        Action, Applied, Change, Finding, Handle, Look, Observation, Polled, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Resource},
};
use arm::Arm;
use async_trait::async_trait;
use call::Call;
pub use credential::{Credential, SignIn};
use examine::Need;
use futures_util::future::join;
use std::sync::Arc;

/// What one action adds to the shape that all actions on Azure share.
#[async_trait]
trait OnAzure: Send + Sync + Sized + 'static {
    fn arm(&self) -> &Arm;

    /// What it will do to which resources, in the vendor's names.
    fn needs(&self) -> Vec<Need<'_>>;

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble>;

    /// The request that carries out one of the changes that `observe` named. It may read, but sends nothing.
    async fn request(&self, change: &Change) -> Result<Call, Unapplied>;

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        self.arm().change(self.request(change).await?, permit).await
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        operation::poll(self.arm(), handle).await
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
impl<A: OnAzure> Action for Shared<A> {
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
        let needs = self.0.needs();
        let (needs, own) = join(examine::examine(self.0.arm(), &needs), self.0.examine()).await;
        [needs, own].concat()
    }
}

/// The answer about a resource that is not there and that the action cannot make.
fn absent(what: &str, resource: &Resource) -> crate::action::Answer {
    let why = format!(
        "there is no {what} `{}` in the resource group `{}`",
        resource.name,
        resource.resource_group()
    );
    crate::action::Answer::Never { why }
}

/// What stands for a loss of data that nobody can foresee: it is not the same as none.
fn not_known() -> Datum {
    Datum::Text("not known".to_owned())
}

/// A change that this action never named: the journal belongs to another version.
fn unknown_change(change: &Change) -> Unapplied {
    let why = format!("this action has no change `{}`", change.id);
    Unapplied::Refused { why, request_id: None }
}
