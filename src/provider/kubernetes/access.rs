//! Whether the caller may do what a step will do: the cluster says it of itself (`SelfSubjectAccessReview`,
//! `authorization.k8s.io/v1`).
//!
//! A yes is necessary, not sufficient: admission looks at a request only when it comes.

use super::client::{Api, Call};
use crate::action::{Clients, Finding, Trouble};
use futures_util::future::join_all;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use serde_json::{Value, json};
use std::time::Duration;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// A note is not worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn examine(api: &Api, namespace: &str, permissions: &[&str]) -> Vec<Finding> {
    let reviews = permissions.iter().map(|permission| review(api, namespace, permission));
    let asked = api.clients.clock.within(PATIENCE, join_all(reviews)).await;
    let unknown = |why: &str| {
        let all = permissions.join(", ");
        Finding::note(format!("unknown whether this caller may {all}: {why}"))
    };
    let Some(answers) = asked else { return vec![unknown("no answer in time")] };
    let mut findings = Vec::new();
    for answer in answers {
        match answer {
            Ok(finding) => findings.extend(finding),
            Err(trouble) => return vec![unknown(&trouble.why)],
        }
    }
    findings
}

/// Whether a cluster answers, and knows who is asking.
pub async fn sign_in(clients: &Clients, context: &str) -> Result<(), Trouble> {
    review(&Api::new(clients, context), "default", "list pods").await.map(|_| ())
}

async fn review(api: &Api, namespace: &str, permission: &str) -> Result<Option<Finding>, Trouble> {
    let call = Call::create(REVIEWS, &asked(namespace, permission));
    let review: SelfSubjectAccessReview = api.get(&call).await?;
    let status = review.status.unwrap_or_default();
    if status.allowed {
        return Ok(None);
    }
    let why = status.reason.filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let says = format!("this caller may not {permission} in the namespace `{namespace}`{why}");
    Ok(Some(Finding::blocker(says)))
}

/// The review of a `VERB RESOURCE.GROUP/SUBRESOURCE`.
fn asked(namespace: &str, permission: &str) -> Value {
    let (verb, what) = permission.split_once(' ').unwrap_or((permission, ""));
    let (what, subresource) = what.split_once('/').unwrap_or((what, ""));
    let (resource, group) = what.split_once('.').unwrap_or((what, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "namespace": namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_taken_apart() {
        let of = |permission: &str| {
            let asked = asked("shop", permission);
            let all = asked["spec"]["resourceAttributes"].clone();
            ["verb", "group", "resource", "subresource"]
                .map(|name| all[name].as_str().unwrap().to_owned())
        };
        assert_eq!(of("patch deployments.apps/scale"), ["patch", "apps", "deployments", "scale"]);
        assert_eq!(of("list pods"), ["list", "", "pods", ""]);
        let group = "discovery.k8s.io";
        assert_eq!(
            of("list endpointslices.discovery.k8s.io"),
            ["list", group, "endpointslices", ""]
        );
    }
}
