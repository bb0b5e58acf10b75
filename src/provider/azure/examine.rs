//! What would stop a change before Azure begins it: permissions that are missing, and locks.
//!
//! A good answer here is necessary, not sufficient: deny assignments, policies and conditions are not listed by these
//! reads. What cannot be read is unknown, and is told as such.

use super::{
    arm::{Arm, PATIENCE},
    call::Call,
    error::{ArmError, NO_SUBSCRIPTION, OTHER_TENANT},
    id::Id,
};
use crate::{action::Finding, model::Resource};
use futures_util::future::{join, join_all};
use http::StatusCode;
use serde::Deserialize;

/// What an action will do to one resource: permissions in Azure's names.
pub(super) struct Need<'a> {
    pub resource: &'a Resource,
    pub permissions: Vec<&'a str>,
}

impl<'a> Need<'a> {
    pub(super) fn new(resource: &'a Resource, permissions: &[&'a str]) -> Self {
        Self { resource, permissions: permissions.to_vec() }
    }

    /// Where the need can be looked up: the resource, or its group while it is still to be made.
    fn id(&self) -> Id {
        if self.resource.made_by_the_run { Id::group(self.resource) } else { Id::of(self.resource) }
    }
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
    // At once: in a lost region each answer may be waited for in vain.
    join_all(needs.iter().map(|need| one(arm, need))).await.concat()
}

async fn one(arm: &Arm, need: &Need<'_>) -> Vec<Finding> {
    if let Some(nowhere) = place(arm, need).await {
        return vec![nowhere];
    }
    let (permissions, locks) = join(permissions(arm, need), locks(arm, need)).await;
    [permissions, locks].concat()
}

/// Whether the place is there in which the resource is looked for. A group that is misspelled is told from a resource
/// that is not there yet.
async fn place(arm: &Arm, need: &Need<'_>) -> Option<Finding> {
    let (subscription, resource_group) =
        (need.resource.subscription(), need.resource.resource_group());
    let call = Call::get(&Id::group(need.resource));
    let answer = arm.clients.clock.within(PATIENCE, arm.answer(&call)).await?.ok()?;
    if answer.status().is_success() {
        return None;
    }
    let error = ArmError::read(&answer);
    let who = arm.clients.tokens.identity();
    let says = if NO_SUBSCRIPTION.iter().any(|code| error.has_code(code)) {
        format!("{who} sees no subscription {subscription}")
    } else if error.has_code(OTHER_TENANT) {
        format!("the subscription {subscription} is in another tenant than {who}")
    } else if error.status == StatusCode::NOT_FOUND {
        format!("there is no resource group `{resource_group}` in the subscription {subscription}")
    } else {
        return None;
    };
    Some(Finding::blocker(says))
}

async fn permissions(arm: &Arm, need: &Need<'_>) -> Vec<Finding> {
    let name = &need.resource.name;
    let id = need.id().then("providers/Microsoft.Authorization/permissions");
    let Some(list) = arm.glimpse_list::<Permission>(Call::get(&id)).await else {
        return vec![Finding::note(format!(
            "unknown whether we may change `{name}`: Azure does not list our permissions on it"
        ))];
    };
    let who = arm.clients.tokens.identity();
    let lacking = need.permissions.iter().filter(|wanted| !allows(&list, wanted));
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

/// The subscription's list holds the locks of everything below it. Who may not read that may read the group's or the
/// resource's own; but then a lock above those stays unseen.
async fn locks(arm: &Arm, need: &Need<'_>) -> Vec<Finding> {
    const LOCKS: &str = "providers/Microsoft.Authorization/locks";
    let name = &need.resource.name;
    let scopes = [
        (Id::subscription(need.resource), None),
        (Id::group(need.resource), Some("the subscription")),
        (need.id(), Some("the subscription or the resource group")),
    ];
    for (scope, unseen) in scopes {
        let call = Call::get(&scope.then(LOCKS));
        let Some(list) = arm.glimpse_list::<ManagementLock>(call).await else { continue };
        let unseen = unseen.map(|above| {
            Finding::note(format!("unknown whether `{name}` is locked by a lock of {above}"))
        });
        return list.iter().filter_map(|lock| blocks(lock, need)).chain(unseen).collect();
    }
    vec![Finding::note(format!("unknown whether `{name}` is locked"))]
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
    use crate::model::Owner;
    use crate::provider::testing::*;
    use std::sync::Arc;

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
            owner: Owner::Azure { subscription: "s".into(), resource_group: "rg".into() },
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

    fn site() -> Resource {
        resource("Microsoft.Web/sites", "app", Some("eastus"))
    }

    async fn found(script: Arc<Script>) -> Vec<String> {
        let site = site();
        let need = [Need::new(&site, &["Microsoft.Web/sites/stop/Action"])];
        let findings = examine(&Arm::new(&script.clients()), &need).await;
        findings.into_iter().map(|found| format!("{:?}: {}", found.weight, found.says)).collect()
    }

    #[tokio::test]
    async fn a_place_that_is_not_there_is_told_by_its_name() {
        let group = "there is no resource group `rg` in the subscription sub";
        let subscription = "a tester sees no subscription sub";
        let table = [
            (no(404, "ResourceGroupNotFound"), group),
            (no(404, "SubscriptionNotFound"), subscription),
            (no(400, "InvalidSubscriptionId"), subscription),
            (
                no(401, "InvalidAuthenticationTokenTenant"),
                "the subscription sub is in another tenant than a tester",
            ),
        ];
        for (outcome, says) in table {
            let script = Script::new().on("GET /resourceGroups/rg?", outcome.clone());
            assert_eq!(found(script).await, [format!("Blocker: {says}")]);
            // Nor is a resource absent that is looked for in such a place.
            let script = Script::new().on("GET /sites/app", outcome);
            let arm = Arm::new(&script.clients());
            let absent = arm.find::<serde_json::Value>(Call::get(&Id::of(&site()))).await;
            assert!(absent.is_err(), "{absent:?}");
        }
    }

    #[tokio::test]
    async fn lists_are_read_to_their_end_and_locks_in_every_scope_that_may_be_read() {
        let page =
            |items: &str, next: &str| ok(&format!(r#"{{"value":[{items}],"nextLink":{next}}}"#));
        let here = "https://management.azure.com";
        let rg = "/subscriptions/sub/resourceGroups/rg";
        let lock = format!(
            r#"{{"id":"{rg}/providers/Microsoft.Authorization/locks/keep","name":"keep","properties":{{"level":"ReadOnly"}}}}"#
        );
        let script = Script::new()
            .on("GET /resourceGroups/rg?", ok("{}"))
            .on(
                "GET /sites/app/providers/Microsoft.Authorization/permissions",
                page("", &format!(r#""{here}/more?p=2""#)),
            )
            .on("GET /more?p=2", page(r#"{"actions":["*"]}"#, "null"))
            .on(
                "GET /subscriptions/sub/providers/Microsoft.Authorization/locks",
                answer(403, &[], ""),
            )
            .on(
                "GET /resourceGroups/rg/providers/Microsoft.Authorization/locks",
                page("", &format!(r#""{here}/more?l=2""#)),
            )
            .on("GET /more?l=2", page(&lock, r#""""#));
        let stops = "Blocker: the lock `keep` (ReadOnly) on /subscriptions/sub/resourceGroups/rg stops Microsoft.Web/sites/stop/Action on `app`";
        let unseen = "Note: unknown whether `app` is locked by a lock of the subscription";
        assert_eq!(found(script).await, [stops, unseen]);
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_given_up() {
        let next = r#"{"value":[],"nextLink":"https://management.azure.com/more"}"#;
        let script = Script::new().on("GET ", ok(next));
        let arm = Arm::new(&script.clients());
        let call = Call::get_url("https://management.azure.com/more");
        assert!(arm.list::<serde_json::Value>(call).await.unwrap_err().why.contains("has no end"));
    }
}
