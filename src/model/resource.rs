//! A thing in a cloud that a runbook names.

use super::Region;
use serde::{Deserialize, Serialize};

/// Names one cloud resource, with all that is needed to find it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// The vendor's type, such as `Microsoft.Storage/storageAccounts`.
    pub kind: String,
    /// The vendor's name; a child's is `parent/child`.
    pub name: String,
    pub resource_group: String,
    pub subscription: String,
    /// The region whose row of the runbook named it, or that the step states. `None` for what is global.
    pub region: Option<Region>,
    /// Whether it is there before the run, or made by it.
    pub made_by_the_run: bool,
}
