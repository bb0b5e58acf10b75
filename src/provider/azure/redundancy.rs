//! Making a storage account geo-redundant again, which a failover undoes.

use super::{
    OnAzure, absent,
    account::{ACCOUNT, Account, Replication},
    arm::Arm,
    call::Call,
    examine::Need,
    id::Id,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use serde_json::json;
use std::{sync::Arc, time::Duration};

pub(crate) static REDUNDANCY: Kind = Kind {
    name: "azure.storage.redundancy",
    summary: "Make a storage account geo-redundant",
    parameters: &[
        Parameter::required("account", ACCOUNT, "The storage account"),
        Parameter::required(
            "sku",
            Shape::Choice(&["Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"]),
            "The redundancy that it should have",
        ),
        Parameter::optional(
            "wait_until_live",
            Shape::Flag,
            "Wait until everything has been copied, which takes hours or days",
        )
        .or(Default::Flag(false))
        // How long the copy takes is Azure's affair: hours, and days for a large account.
        .longer(Duration::from_hours(4), Duration::from_hours(48)),
    ],
    observed: &["primary", "secondary", "sku", "replication", "last_sync_time"],
    // An account is managed where it was made, also after a failover:
    // <https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance>, "Storage resource provider".
    planes: &[Plane::Control("account")],
    permissions: &NEEDS,
    // A PATCH that answers when it is done, in seconds.
    usual: Duration::from_secs(10),
    shows_within: Duration::from_mins(5),
    // Enough for the change itself.
    deadline: Duration::from_mins(30),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const NEEDS: [&str; 2] =
    ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Redundancy {
        arm: Arm::new(clients),
        account: params.resource("account")?,
        sku: params.text("sku")?,
        wait_until_live: params.flag("wait_until_live")?,
    };
    Ok(action.into_action())
}

struct Redundancy {
    arm: Arm,
    account: Resource,
    sku: String,
    wait_until_live: bool,
}

#[async_trait]
impl OnAzure for Redundancy {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.account, &NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        Ok(match Account::read(&self.arm, &self.account).await? {
            Some(account) => Observation::new(self.answer(&account), account.evidence()),
            None => Observation::new(absent("storage account", &self.account), Evidence::new()),
        })
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        Ok(Call::patch(&Id::of(&self.account), &json!({ "sku": { "name": self.sku } })))
    }
}

impl Redundancy {
    fn answer(&self, account: &Account) -> Answer {
        let (name, sku) = (&self.account.name, &account.sku.name);
        let not_yet = |why| Answer::NotYet { why, look_again: Duration::from_mins(1) };
        if account.is_failing_over() {
            return not_yet(format!("`{name}` is failing over"));
        }
        if sku.eq_ignore_ascii_case(&self.sku) {
            let stats = account.properties.geo_replication_stats.as_ref();
            return match stats {
                _ if !self.wait_until_live => Answer::AsDesired,
                Some(stats) if stats.is_live() => Answer::AsDesired,
                stats => {
                    let status = stats.map_or("Unavailable", Replication::status);
                    not_yet(format!("`{name}` is being copied: replication is {status}"))
                }
            };
        }
        if let Some(why) = self.hindrance(sku) {
            return Answer::Never { why: format!("`{name}` is {sku}, {why}") };
        }
        let says = format!("{name}: {sku} → {}", self.sku);
        Answer::Missing(vec![Change::harmless("redundancy", Sign::Changes, says)])
    }

    /// Copies in another region are a switch. Copies in other zones are not: they take a migration of hours or days,
    /// which Azure starts on request. <https://learn.microsoft.com/azure/storage/common/redundancy-migration>
    fn hindrance(&self, sku: &str) -> Option<String> {
        let is_zonal = |sku: &str| sku.to_ascii_uppercase().contains("ZRS");
        let wanted = &self.sku;
        if !sku.to_ascii_lowercase().starts_with("standard_") {
            return Some("which has no copy in another region".to_owned());
        }
        (is_zonal(sku) != is_zonal(wanted)).then(|| {
            let [geo, readable] = if is_zonal(sku) { ["GZRS", "RAGZRS"] } else { ["GRS", "RAGRS"] };
            format!(
                "which becomes {wanted} by a conversion only; a change makes it Standard_{geo} or Standard_{readable}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::account::sample::account, *};
    use crate::model::{Node, Value};
    use crate::provider::testing::*;

    fn redundancy(script: &Arc<Script>, sku: &str, wait: bool) -> Arc<dyn Action> {
        let account = resource("Microsoft.Storage/storageAccounts", "stproseware", None);
        let with = [
            ("account", node(&account)),
            ("sku", Node::text(sku)),
            ("wait_until_live", Node::made(Value::Bool(wait))),
        ];
        bound(&REDUNDANCY, script, with)
    }

    #[tokio::test]
    async fn redundancy_is_asked_for_and_waited_for() {
        let bare = account(|a| a["sku"]["name"] = json!("Standard_LRS"));
        let script = Script::new().on("GET geo", ok(&bare)).on("PATCH stproseware", ok(&bare));
        apply_first(&redundancy(&script, "Standard_RAGRS", true)).await.unwrap();
        assert!(script.changes()[0].ends_with(r#"{"sku":{"name":"Standard_RAGRS"}}"#));

        let copying =
            account(|a| a["properties"]["geoReplicationStats"]["status"] = json!("Bootstrap"));
        let script = Script::new().on("GET geo", ok(&copying));
        let seen = redundancy(&script, "Standard_RAGRS", true).observe(&look()).await.unwrap();
        assert!(matches!(seen.answer, Answer::NotYet { .. }));
        let seen = redundancy(&script, "Standard_RAGRS", false).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn only_what_azure_can_switch_is_switched() {
        let table = [
            ("Standard_LRS", "Standard_GRS", "Missing"),
            ("Standard_GRS", "Standard_RAGRS", "Missing"),
            ("Standard_ZRS", "Standard_RAGZRS", "Missing"),
            ("Standard_RAGZRS", "Standard_GZRS", "Missing"),
            ("Standard_LRS", "Standard_GZRS", "Never"),
            ("Standard_ZRS", "Standard_GRS", "Never"),
            ("Standard_GZRS", "Standard_RAGRS", "Never"),
            ("Premium_ZRS", "Standard_GZRS", "Never"),
        ];
        for (found, wanted, expected) in table {
            let account = account(|a| a["sku"]["name"] = found.into());
            let script = Script::new().on("GET geo", ok(&account));
            let seen = redundancy(&script, wanted, false).observe(&look()).await.unwrap();
            let answer = format!("{:?}", seen.answer);
            assert!(answer.starts_with(expected), "{found} → {wanted}: {answer}");
        }
    }
}
