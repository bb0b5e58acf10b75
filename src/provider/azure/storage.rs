//! Failing a storage account over to its other region.
//!
//! A failover sent twice would move the data back, so it may be sent again only while the account still bears the mark
//! that it bore before. <https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance>

use super::{
    OnAzure, absent,
    account::{ACCOUNT, Account, Replication},
    arm::Arm,
    call::Call,
    examine::Need,
    id::{Id, place, same_place},
    not_known,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Serves, Shape, Sign, Trouble, Unapplied,
    },
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, Mode, Region, Resource, span},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static FAILOVER: Kind = Kind {
    name: "azure.storage.failover",
    summary: "Fail a storage account over to its other region",
    parameters: &[
        Parameter::required("account", ACCOUNT, "The storage account"),
        Parameter::required("to", Shape::Region, "The region that becomes primary"),
        Parameter::optional(
            "mode",
            Shape::Choice(&["planned", "unplanned"]),
            "planned: both regions are up, and nothing is lost",
        )
        .or(Default::Mode),
    ],
    observed: &[
        "primary",
        "secondary",
        "sku",
        "replication",
        "last_sync_time",
        "can_failover",
        DATA_LOSS,
    ],
    // It is there for when the primary does not answer, so starting it cannot hang on the primary's region:
    // <https://learn.microsoft.com/rest/api/storagerp/storage-accounts/failover>. What is managed otherwise does.
    planes: &[Plane::Global("Storage"), Plane::Data("to")],
    permissions: &NEEDS,
    // "typically takes about an hour", whatever its kind: the guidance above.
    usual: Duration::from_hours(1),
    // The account itself says that a failover is in progress, but not at once. Too long a wait costs minutes, too short
    // a one sends a second failover.
    shows_within: Duration::from_mins(10),
    deadline: Duration::from_hours(4),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["azure.storage.redundancy"],
    bind,
};

const NEEDS: [&str; 2] =
    ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/failover/action"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Failover {
        arm: Arm::new(clients),
        account: params.resource("account")?,
        to: params.region("to")?,
        mode: params.mode("mode")?,
    };
    Ok(action.into_action())
}

struct Failover {
    arm: Arm,
    account: Resource,
    to: Region,
    mode: Mode,
}

#[async_trait]
impl OnAzure for Failover {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.account, &NEEDS)]
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(account) = Account::read(&self.arm, &self.account).await? else {
            return Ok(Observation::new(absent("storage account", &self.account), Evidence::new()));
        };
        let answer = self.answer(&account);
        let mut evidence = account.evidence();
        if let Some(stats) = &account.properties.geo_replication_stats {
            evidence.set("can_failover", Datum::Flag(stats.can(self.mode)));
            match (self.mode, stats.last_sync()) {
                _ if matches!(answer, Answer::AsDesired) => {}
                (Mode::Planned, _) => evidence.set(DATA_LOSS, Datum::Seconds(0.0)),
                (Mode::Unplanned, Some(at)) => {
                    let loss = span::between(at, look.now).as_secs_f64();
                    evidence.set(DATA_LOSS, Datum::Seconds(loss));
                }
                (Mode::Unplanned, None) if matches!(answer, Answer::Missing(_)) => {
                    evidence.set(DATA_LOSS, not_known());
                }
                (Mode::Unplanned, None) => {}
            }
        }
        let serves = place(&account.properties.primary_location);
        Ok(Observation::new(answer, evidence).serving(Serves::Region(serves)))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        let call = Call::post(&Id::of(&self.account).then("failover"));
        Ok(match self.mode {
            Mode::Planned => call.query("failoverType", "Planned"),
            // The contract knows no other value: an unplanned failover is the one without the parameter.
            Mode::Unplanned => call,
        })
    }
}

impl Failover {
    fn answer(&self, account: &Account) -> Answer {
        let name = &self.account.name;
        let properties = &account.properties;
        let not_yet = |why| Answer::NotYet { why, look_again: Duration::from_secs(30) };
        let never = |why| Answer::Never { why };
        if account.is_failing_over() {
            let primary = place(&properties.primary_location);
            return not_yet(format!("`{name}` is failing over; its primary is {primary}"));
        }
        if same_place(&properties.primary_location, self.to.as_str()) {
            return Answer::AsDesired;
        }
        if let Some(state) = properties.provisioning_state.as_deref().filter(|s| *s != "Succeeded")
        {
            return not_yet(format!("`{name}` is {state}"));
        }
        let Some(secondary) = &properties.secondary_location else {
            let sku = &account.sku.name;
            return never(format!(
                "`{name}` is {sku}: it has no copy in {} to fail over to",
                self.to
            ));
        };
        if !same_place(secondary, self.to.as_str()) {
            return never(format!(
                "the copy of `{name}` is in {}, not in {}",
                place(secondary),
                self.to
            ));
        }
        match &properties.geo_replication_stats {
            Some(stats) => match self.hindrance(stats) {
                Some(why) => never(why),
                None => Answer::Missing(vec![self.failover(account, stats)]),
            },
            None => not_yet(format!("Azure does not say how the copy of `{name}` stands")),
        }
    }

    /// Why the copy cannot become primary now.
    fn hindrance(&self, stats: &Replication) -> Option<String> {
        let (name, to, status) = (&self.account.name, &self.to, stats.status());
        // In an outage replication stops being Live by itself; then Azure's own word and a known loss are enough. A
        // first copy that is still under way is never enough.
        let is_cut_off = self.mode == Mode::Unplanned
            && status.eq_ignore_ascii_case("Unavailable")
            && stats.last_sync().is_some();
        let is_whole = stats.is_live() || is_cut_off && stats.can(self.mode);
        if !is_whole {
            return Some(format!(
                "replication of `{name}` is {status}, not Live: {to} does not hold everything yet, and what it lacks would be lost"
            ));
        }
        (!stats.can(self.mode)).then(|| {
            format!(
                "Azure does not allow a {} failover of `{name}` now (replication is {status})",
                self.mode
            )
        })
    }

    fn failover(&self, account: &Account, stats: &Replication) -> Change {
        let before = &account.sku.name;
        let how = match stats.sku_after(self.mode).filter(|after| *after != before) {
            Some(after) => format!("; {before} → {after}"),
            None => format!(", {}", self.mode),
        };
        let says = format!("fail {} over to {}{how}", self.account.name, self.to);
        Change::harmless("failover", Sign::CannotBeUndone, says).only_from(account.mark())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::account::sample::account, *};
    use crate::provider::testing::*;
    use crate::{action::Applied, model::Node};
    use serde_json::{Value, json};

    fn failover(script: &Arc<Script>, mode: &str) -> Arc<dyn Action> {
        let account = resource("Microsoft.Storage/storageAccounts", "stproseware", None);
        let with =
            [("account", node(&account)), ("to", Node::text("westus")), ("mode", Node::text(mode))];
        bound(&FAILOVER, script, with)
    }

    async fn observe(mode: &str, change: impl Fn(&mut Value)) -> Observation {
        let script = Script::new().on("GET geoReplicationStats", ok(&account(change)));
        failover(&script, mode).observe(&look()).await.unwrap()
    }

    #[tokio::test]
    async fn an_account_whose_primary_is_elsewhere_misses_a_failover() {
        let seen = observe("unplanned", |_| {}).await;
        let Answer::Missing(changes) = seen.answer else { panic!("{:?}", seen.answer) };
        assert_eq!(
            changes[0].says,
            "fail stproseware over to westus; Standard_RAGRS → Standard_LRS"
        );
        assert_eq!(changes[0].sign, Sign::CannotBeUndone);
        assert!(changes[0].is_harmful());
        assert_eq!(seen.evidence.data_loss(), Some(Duration::from_secs(252)));
        assert_eq!(seen.serves, Serves::Region("eastus".into()));
    }

    #[tokio::test]
    async fn a_loss_that_azure_does_not_tell_is_not_known() {
        let replication = |a: &mut Value| {
            a["properties"]["geoReplicationStats"]["lastSyncTime"] = json!("0001-01-01T00:00:00Z");
        };
        let seen = observe("unplanned", replication).await;
        assert_eq!(seen.evidence.get(DATA_LOSS), Some(&not_known()), "{seen:?}");
        let seen = observe("planned", replication).await;
        assert_eq!(seen.evidence.data_loss(), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_planned_failover_loses_nothing() {
        let seen = observe("planned", |_| {}).await;
        assert_eq!(seen.evidence.data_loss(), Some(Duration::ZERO));
        let Answer::Missing(changes) = seen.answer else { panic!("{:?}", seen.answer) };
        assert_eq!(changes[0].says, "fail stproseware over to westus, planned");
    }

    #[tokio::test]
    async fn the_answer_follows_the_account() {
        type Edit = fn(&mut Value);
        let table: [(&str, Edit, &str); 8] = [
            ("unplanned", |a| a["properties"]["primaryLocation"] = json!("westus"), "AsDesired"),
            ("unplanned", |a| a["properties"]["failoverInProgress"] = json!(true), "NotYet"),
            (
                "unplanned",
                |a| a["properties"]["provisioningState"] = json!("ResolvingDNS"),
                "NotYet",
            ),
            ("unplanned", |a| a["properties"]["secondaryLocation"] = Value::Null, "Never"),
            ("unplanned", |a| a["properties"]["secondaryLocation"] = json!("centralus"), "Never"),
            (
                "unplanned",
                |a| a["properties"]["geoReplicationStats"]["status"] = json!("Bootstrap"),
                "Never",
            ),
            (
                "unplanned",
                |a| a["properties"]["geoReplicationStats"]["canFailover"] = json!(false),
                "Never",
            ),
            (
                "planned",
                |a| a["properties"]["geoReplicationStats"]["canPlannedFailover"] = json!(false),
                "Never",
            ),
        ];
        for (mode, edit, expected) in table {
            let answer = observe(mode, edit).await.answer;
            assert!(format!("{answer:?}").starts_with(expected), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_copy_cut_off_by_the_outage_may_become_primary() {
        let cut_off = |mode| {
            observe(mode, |a| {
                a["properties"]["geoReplicationStats"]["status"] = json!("Unavailable");
            })
        };
        assert_eq!(missing(&cut_off("unplanned").await.answer), ["failover"]);
        assert!(matches!(cut_off("planned").await.answer, Answer::Never { .. }));
    }

    #[tokio::test]
    async fn the_mark_moves_with_a_failover() {
        let mark = |edit: fn(&mut Value)| {
            let account: Account = serde_json::from_str(&account(edit)).unwrap();
            account.mark()
        };
        let before = mark(|_| {});
        assert_eq!(before, mark(|a| a["properties"]["primaryLocation"] = json!("eastus")));
        assert_ne!(before, mark(|a| a["properties"]["failoverInProgress"] = json!(true)));
        assert_ne!(
            before,
            mark(|a| a["properties"]["lastGeoFailoverTime"] = json!("2026-11-20T10:00:00Z"))
        );
    }

    #[tokio::test]
    async fn only_a_planned_failover_names_its_type() {
        let path = "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/stproseware/failover?api-version=2023-05-01";
        let location = "https://management.azure.com/op?t=1&c=%2B";
        for (mode, query) in [("unplanned", ""), ("planned", "&failoverType=Planned")] {
            let script = Script::new()
                .on("GET geoReplicationStats", ok(&account(|_| {})))
                .on("POST /failover", answer(202, &[("location", location)], ""))
                .on("GET /op", answer(200, &[], ""));
            let action = failover(&script, mode);
            let Ok(Applied::Accepted { handle, .. }) = apply_first(&action).await else {
                panic!("not accepted");
            };
            assert_eq!(script.changes(), [format!("POST {path}{query}")]);
            assert_eq!(action.poll(&handle).await, Ok(crate::action::Polled::Done));
        }
    }
}
