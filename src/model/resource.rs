//! A thing in a cloud that a runbook names.

use super::Region;
use serde::{Deserialize, Serialize};

/// Names one cloud resource, with all that is needed to find it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// The vendor's type, such as `Microsoft.Storage/storageAccounts` or `AWS::ECS::Service`.
    pub kind: String,
    /// The vendor's name; a child's is `parent/child`.
    pub name: String,
    pub owner: Owner,
    /// The region whose row of the runbook named it, or that the step states. `None` for what is global.
    pub region: Option<Region>,
    /// Whether it is there before the run, or made by it.
    pub made_by_the_run: bool,
}

/// In whose books a resource stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Azure {
        subscription: String,
        resource_group: String,
    },
    Aws {
        account: String,
    },
    /// In nobody's but our own: a server that is found by its address.
    Own,
}

/// Whose clouds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Azure,
    Aws,
    /// None: it runs on whatever machines it is put on.
    Own,
}

impl Vendor {
    /// The vendor that has a type of this name.
    pub fn of(kind: &str) -> Self {
        match kind.split_once("::") {
            Some(("AWS", _)) => Self::Aws,
            Some(_) => Self::Own,
            None => Self::Azure,
        }
    }
}

impl Resource {
    pub fn vendor(&self) -> Vendor {
        match self.owner {
            Owner::Azure { .. } => Vendor::Azure,
            Owner::Aws { .. } => Vendor::Aws,
            Owner::Own => Vendor::Own,
        }
    }

    /// Azure's subscription; others have none.
    pub fn subscription(&self) -> &str {
        match &self.owner {
            Owner::Azure { subscription, .. } => subscription,
            Owner::Aws { .. } | Owner::Own => "",
        }
    }

    /// Azure's resource group; others have none.
    pub fn resource_group(&self) -> &str {
        match &self.owner {
            Owner::Azure { resource_group, .. } => resource_group,
            Owner::Aws { .. } | Owner::Own => "",
        }
    }

    /// The account of AWS; others have none.
    pub fn account(&self) -> Option<&str> {
        match &self.owner {
            Owner::Aws { account } => Some(account),
            Owner::Azure { .. } | Owner::Own => None,
        }
    }
}
