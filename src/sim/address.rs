//! Where a resource lives in Azure, and the names of its regions.

use serde::{Deserialize, Serialize};

/// Names one top-level resource of a kind. Azure compares all three without case (ARM, "Resource ID").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Address {
    pub subscription: String,
    pub group: String,
    pub name: String,
}

impl Address {
    pub(super) fn id(&self, kind: &str) -> String {
        let Self { subscription, group, name } = self;
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
    }

    /// The address in an id of this kind.
    pub(super) fn in_id(id: &str, kind: &str) -> Option<Self> {
        let parts: Vec<&str> = id.trim_matches('/').split('/').collect();
        let [s, subscription, g, group, p, namespace, types, name] = parts[..] else { return None };
        let shape = [(s, "subscriptions"), (g, "resourceGroups"), (p, "providers")];
        let fits = shape.iter().all(|(said, meant)| said.eq_ignore_ascii_case(meant))
            && kind.eq_ignore_ascii_case(&format!("{namespace}/{types}"));
        fits.then(|| Self {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            name: name.to_owned(),
        })
    }

    pub(super) fn beside(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.group.eq_ignore_ascii_case(&other.group)
            && self.subscription.eq_ignore_ascii_case(&other.subscription)
    }
}

/// What lives at an address.
pub(super) trait Addressed {
    fn address(&self) -> &Address;
}

pub(super) fn find<'a, T: Addressed>(all: &'a [T], at: &Address) -> Option<&'a T> {
    all.iter().find(|one| one.address() == at)
}

pub(super) fn find_mut<'a, T: Addressed>(all: &'a mut [T], at: &Address) -> Option<&'a mut T> {
    all.iter_mut().find(|one| one.address() == at)
}

/// A location as ARM compares it: `Canada Central` is `canadacentral`.
pub(super) fn location(text: &str) -> String {
    text.chars().filter(|c| *c != ' ').flat_map(char::to_lowercase).collect()
}

const DISPLAYED: [(&str, &str); 12] = [
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
    ("centralus", "Central US"),
    ("northcentralus", "North Central US"),
    ("southcentralus", "South Central US"),
    ("northeurope", "North Europe"),
    ("westeurope", "West Europe"),
    ("uksouth", "UK South"),
    ("canadacentral", "Canada Central"),
];

/// A location as some services show it, whatever they were sent.
pub(super) fn displayed(location: &str) -> &str {
    DISPLAYED.iter().find(|(name, _)| *name == location).map_or(location, |(_, shown)| shown)
}
