//! Security Token Service: who asks. Source: `GetCallerIdentity`, AWS STS API reference 2011-06-15.

use super::asked::{Asked, leaf};
use crate::sim::{call::Replied, cloud::Cloud};

pub(super) fn answer(cloud: &Cloud, asked: &Asked) -> Replied {
    if asked.operation != "GetCallerIdentity" {
        return Err(asked.no_such_operation());
    }
    let account = &cloud.aws.account;
    Ok(asked.result([
        leaf("Arn", principal(account)),
        leaf("UserId", "AIDASIMULATED"),
        leaf("Account", account),
    ]))
}

/// The one user that there is.
pub(super) fn principal(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/operator")
}
