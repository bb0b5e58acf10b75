//! Who asks: the account and the name that AWS knows the keys by.

use super::{call::Call, client::Aws, service::STS};
use crate::action::{Clients, Trouble};

/// Whom AWS takes the owner of the keys for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

/// Asks the security token service of this region: the global one is in us-east-1, which may be what is lost.
pub async fn caller(clients: &Clients, region: &str) -> Result<Caller, Trouble> {
    let call = Call::query(&STS, region, "GetCallerIdentity", []);
    let answer = Aws::new(clients).xml(&call).await?;
    let text = |name: &str| answer.find(name).map(|element| element.text.clone());
    match (text("Account"), text("Arn")) {
        (Some(account), Some(arn)) => Ok(Caller { account, arn }),
        _ => Err(Trouble::odd(format!("{}: the answer names no account", call.says()))),
    }
}
