//! IAM's policy simulator. Source: `SimulatePrincipalPolicy`, IAM API reference 2010-05-08.

use super::{
    asked::{Asked, leaf, members},
    sts::principal,
};
use crate::{
    sim::{
        call::{Refusal, Replied},
        cloud::Cloud,
    },
    wire::Element,
};

pub(super) fn answer(cloud: &Cloud, asked: &Asked) -> Replied {
    if asked.operation != "SimulatePrincipalPolicy" {
        return Err(asked.no_such_operation());
    }
    let source = asked.required("PolicySourceArn")?;
    if source != principal(&cloud.aws.account) {
        return Err(Refusal::new(404, "NoSuchEntity", format!("{source} does not exist.")));
    }
    let result = |name: &str| {
        let is_forbidden = cloud.aws.forbidden.iter().any(|one| one == name);
        let decision = if is_forbidden { "explicitDeny" } else { "allowed" };
        Element::new("member").with([
            leaf("EvalActionName", name),
            leaf("EvalResourceName", "*"),
            leaf("EvalDecision", decision),
        ])
    };
    let results = asked.list("ActionNames").into_iter().map(result);
    Ok(asked.result([leaf("IsTruncated", false), members("EvaluationResults", results)]))
}
