//! What would stop a change before Azure begins it: permissions that are missing, and locks.
//!
//! A good answer here is necessary, not sufficient: deny assignments, policies and conditions are not listed by these
//! reads. What cannot be read is unknown, and is told as such.

use super::{
    arm::{Arm, Call},
    id::Id,
};
use crate::{action::Finding, model::Resource};
use serde::Deserialize;

/// What an action will do to one resource: permissions in Azure's names.
pub(super) struct Need<'a> {
    pub resource: &'a Resource,
    pub permissions: &'a [&'a str],
}

impl<'a> Need<'a> {
    pub(super) fn new(resource: &'a Resource, permissions: &'a [&'a str]) -> Self {
        Self { resource, permissions }
    }

    /// Where the need can be looked up: the resource, or its group while it is still to be made.
    fn id(&self) -> Id {
        if self.resource.made_by_the_run { Id::group(self.resource) } else { Id::of(self.resource) }
    }
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permission {
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    not_actions: Vec<String>,
}

#[derive(Deserialize)]
struct ManagementLock {
    id: String,
    name: String,
    properties: LockProperties,
}

#[derive(Deserialize)]
struct LockProperties {
    level: String,
}

pub(super) async fn examine(arm: &Arm, needs: &[Need<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for need in needs {
        findings.extend(permissions(arm, need).await);
        findings.extend(locks(arm, need).await);
    }
    findings
}

async fn permissions(arm: &Arm, need: &Need<'_>) -> Vec<Finding> {
    let name = &need.resource.name;
    let id = need.id().then("providers/Microsoft.Authorization/permissions");
    let Some(list) = arm.glimpse::<List<Permission>>(Call::get(&id)).await else {
        return vec![Finding::note(format!(
            "unknown whether we may change `{name}`: Azure does not list our permissions on it"
        ))];
    };
    let who = arm.clients.tokens.identity();
    let lacking = need.permissions.iter().filter(|wanted| !allows(&list.value, wanted));
    lacking.map(|wanted| Finding::blocker(format!("{who} lacks {wanted} on `{name}`"))).collect()
}

/// Some entry must allow it, and that same entry must not take it away again.
fn allows(permissions: &[Permission], wanted: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, wanted));
    permissions.iter().any(|entry| any(&entry.actions) && !any(&entry.not_actions))
}

/// Whether a pattern fits: `*` stands for any run of letters, `/` included, and case does not count.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

async fn locks(arm: &Arm, need: &Need<'_>) -> Vec<Finding> {
    const LOCKS: &str = "providers/Microsoft.Authorization/locks";
    // The subscription's list holds the locks of everything below it; who may not read that may read the group's.
    let scopes = [Id::subscription(need.resource), Id::group(need.resource)];
    for scope in scopes {
        if let Some(list) = arm.glimpse::<List<ManagementLock>>(Call::get(&scope.then(LOCKS))).await
        {
            return list.value.iter().filter_map(|lock| blocks(lock, need)).collect();
        }
    }
    vec![Finding::note(format!("unknown whether `{}` is locked", need.resource.name))]
}

/// A read-only lock refuses every change, and the POSTs that start one; the other kind refuses only deletions.
fn blocks(lock: &ManagementLock, need: &Need<'_>) -> Option<Finding> {
    let at = lock.id.to_ascii_lowercase().find("/providers/microsoft.authorization/locks/")?;
    let scope = &lock.id[..at];
    let level = &lock.properties.level;
    let is_stopped = |permission: &&&str| {
        let verb = permission.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        match level.to_ascii_lowercase().as_str() {
            "readonly" => verb != "read",
            "cannotdelete" => verb == "delete",
            _ => false,
        }
    };
    let stopped = need.permissions.iter().find(is_stopped)?;
    need.id().is_within(scope).then(|| {
        Finding::blocker(format!(
            "the lock `{}` ({level}) on {scope} stops {stopped} on `{}`",
            lock.name, need.resource.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_azure_reads_them() {
        let failover = "Microsoft.Storage/storageAccounts/failover/action";
        for pattern in
            ["*", "*/action", "microsoft.storage/*", "Microsoft.*/failover/action", failover]
        {
            assert!(matches(pattern, failover), "{pattern}");
        }
        for pattern in ["*/read", "Microsoft.Storage/storageAccounts", "*failover", ""] {
            assert!(!matches(pattern, failover), "{pattern}");
        }
    }

    #[test]
    fn one_entry_may_give_what_another_takes_away() {
        let entry = |actions: &[&str], not_actions: &[&str]| Permission {
            actions: actions.iter().map(ToString::to_string).collect(),
            not_actions: not_actions.iter().map(ToString::to_string).collect(),
        };
        let wanted = "Microsoft.Web/sites/stop/action";
        assert!(!allows(&[entry(&["*"], &["Microsoft.Web/*"])], wanted));
        assert!(allows(
            &[entry(&["*"], &["Microsoft.Web/*"]), entry(&["*/stop/action"], &[])],
            wanted
        ));
        assert!(!allows(&[], wanted));
    }

    #[test]
    fn a_lock_stops_what_its_level_says_and_what_lies_within() {
        let resource = Resource {
            kind: "Microsoft.Web/sites".into(),
            name: "app".into(),
            resource_group: "rg".into(),
            subscription: "s".into(),
            region: None,
            made_by_the_run: false,
        };
        let lock = |scope: &str, level: &str| ManagementLock {
            id: format!("{scope}/providers/Microsoft.Authorization/locks/keep"),
            name: "keep".into(),
            properties: LockProperties { level: level.into() },
        };
        let stop = Need::new(&resource, &["Microsoft.Web/sites/stop/Action"]);
        let delete = Need::new(&resource, &["Microsoft.Web/sites/Delete"]);
        assert!(blocks(&lock("/subscriptions/S", "ReadOnly"), &stop).is_some());
        assert!(
            blocks(&lock("/subscriptions/s/resourcegroups/rg", "CanNotDelete"), &delete).is_some()
        );
        assert!(
            blocks(&lock("/subscriptions/s/resourcegroups/rg", "CanNotDelete"), &stop).is_none()
        );
        assert!(
            blocks(&lock("/subscriptions/s/resourceGroups/other", "ReadOnly"), &stop).is_none()
        );
    }
}
