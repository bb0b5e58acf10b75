//! Subscriptions and resource groups: what must be there before anything in them is.
//!
//! Source: Resource Groups - Get (REST reference), and "Resolve resource not found errors", Microsoft Learn.

use crate::sim::{
    call::{Call, Refusal, Reply},
    cloud::Cloud,
};
use crate::{
    model::{Owner, Resource},
    plan::Plan,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A group of one subscription. Both names are compared without case (ARM, "Resource ID").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Group {
    pub subscription: String,
    pub name: String,
}

impl Group {
    fn is(&self, subscription: &str, name: &str) -> bool {
        self.subscription.eq_ignore_ascii_case(subscription) && self.name.eq_ignore_ascii_case(name)
    }
}

impl Cloud {
    /// Takes a resource group away: whoever wrote its name down wrote another one.
    pub fn lose_group(&mut self, name: &str) {
        self.groups.retain(|group| !group.name.eq_ignore_ascii_case(name));
    }

    /// The groups that a plan names, also those of what it makes: none of its actions makes a group.
    pub(in crate::sim) fn add_groups(&mut self, plan: &Plan) {
        let works = plan.steps.iter().filter_map(crate::plan::Step::action);
        for Resource { owner, .. } in works.flat_map(|work| &work.touches) {
            let Owner::Azure { subscription, resource_group } = owner else { continue };
            if !self.groups.iter().any(|known| known.is(subscription, resource_group)) {
                let (subscription, name) = (subscription.clone(), resource_group.clone());
                self.groups.push(Group { subscription, name });
            }
        }
    }
}

/// Refuses what lies in a subscription or a group that is not there.
pub(super) fn check(cloud: &Cloud, call: &Call<'_>) -> Result<(), Refusal> {
    let ["subscriptions", subscription, rest @ ..] = &call.segments()[..] else { return Ok(()) };
    let has = |group: &Group| group.subscription.eq_ignore_ascii_case(subscription);
    if !cloud.groups.iter().any(has) {
        let why = format!("The subscription '{}' could not be found.", call.path[1]);
        return Err(Refusal::new(404, "SubscriptionNotFound", why));
    }
    match rest {
        ["resourcegroups", name, ..]
            if !cloud.groups.iter().any(|group| group.is(subscription, name)) =>
        {
            let why = format!("Resource group '{}' could not be found.", call.path[3]);
            Err(Refusal::new(404, "ResourceGroupNotFound", why))
        }
        _ => Ok(()),
    }
}

pub(super) fn show(call: &Call<'_>) -> Reply {
    let (subscription, name) = (call.path[1], call.path[3]);
    let body = json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/{name}"),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus",
        "properties": { "provisioningState": "Succeeded" },
    });
    Reply::json(200, &body)
}
