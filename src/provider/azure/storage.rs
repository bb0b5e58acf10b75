//! Storage accounts: failing one over to its other region, and making it geo-redundant again.
//!
//! A failover sent twice would move the data back, so it may be sent again only while the account still bears the mark
//! that it bore before. <https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance>

use super::{
    OnAzure, absent,
    arm::{Arm, Call},
    examine::Need,
    id::{Id, place, same_place},
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Kind, Look, Mark, Observation, Parameter, Params,
        Placed, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, Mode, Region, Resource, span},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const ACCOUNT: Shape = Shape::Resource {
    kind: "Microsoft.Storage/storageAccounts",
    placed: Placed::Globally,
    made: false,
};

pub static FAILOVER: Kind = Kind {
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
    planes: &[Plane::Global("account")],
    permissions: &FAILOVER_NEEDS,
    // "typically takes about an hour", whatever its kind: the guidance above.
    usual: Duration::from_hours(1),
    // The account itself says that a failover is in progress, but not at once. Too long a wait costs minutes, too short
    // a one sends a second failover.
    shows_within: Duration::from_mins(10),
    deadline: Duration::from_hours(4),
    mark_valid_for: None,
    cured_by: &["azure.storage.redundancy"],
    bind: bind_failover,
};

pub static REDUNDANCY: Kind = Kind {
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
        .or(Default::Flag(false)),
    ],
    observed: &["primary", "secondary", "sku", "replication", "last_sync_time"],
    planes: &[Plane::Global("account")],
    permissions: &REDUNDANCY_NEEDS,
    // A PATCH that answers when it is done, in seconds.
    usual: Duration::from_secs(10),
    shows_within: Duration::from_mins(5),
    // Enough for the change itself; a runbook that waits for the copy sets a timeout of its own.
    deadline: Duration::from_mins(30),
    mark_valid_for: None,
    cured_by: &[],
    bind: bind_redundancy,
};

const FAILOVER_NEEDS: [&str; 1] = ["Microsoft.Storage/storageAccounts/failover/action"];
const REDUNDANCY_NEEDS: [&str; 1] = ["Microsoft.Storage/storageAccounts/write"];

fn bind_failover(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Failover {
        arm: Arm::new(clients),
        account: params.resource("account")?,
        to: params.region("to")?,
        mode: params.mode("mode")?,
    };
    Ok(action.into_action())
}

fn bind_redundancy(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Redundancy {
        arm: Arm::new(clients),
        account: params.resource("account")?,
        sku: params.text("sku")?,
        wait_until_live: params.flag("wait_until_live")?,
    };
    Ok(action.into_action())
}

#[derive(Deserialize)]
struct Account {
    sku: Sku,
    properties: Properties,
}

#[derive(Deserialize)]
struct Sku {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    provisioning_state: Option<String>,
    primary_location: String,
    secondary_location: Option<String>,
    geo_replication_stats: Option<Replication>,
    /// Present only while one runs.
    failover_in_progress: Option<bool>,
    last_geo_failover_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replication {
    status: Option<String>,
    last_sync_time: Option<Timestamp>,
    can_failover: Option<bool>,
    can_planned_failover: Option<bool>,
    post_failover_redundancy: Option<String>,
    post_planned_failover_redundancy: Option<String>,
}

impl Replication {
    fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("Unavailable")
    }

    fn is_live(&self) -> bool {
        self.status().eq_ignore_ascii_case("Live")
    }

    /// Azure writes the year 1 when it does not know.
    fn last_sync(&self) -> Option<Timestamp> {
        self.last_sync_time.filter(|at| *at > Timestamp::UNIX_EPOCH)
    }

    fn can(&self, mode: Mode) -> bool {
        let can = match mode {
            Mode::Planned => self.can_planned_failover,
            Mode::Unplanned => self.can_failover,
        };
        can.unwrap_or(false)
    }

    fn sku_after(&self, mode: Mode) -> Option<&str> {
        match mode {
            Mode::Planned => self.post_planned_failover_redundancy.as_deref(),
            Mode::Unplanned => self.post_failover_redundancy.as_deref(),
        }
    }
}

impl Account {
    async fn read(arm: &Arm, account: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(account)).query("$expand", "geoReplicationStats")).await
    }

    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new()
            .text("primary", place(&self.properties.primary_location).as_str())
            .text("sku", &self.sku.name);
        if let Some(secondary) = &self.properties.secondary_location {
            evidence.set("secondary", Datum::Text(place(secondary).to_string()));
        }
        if let Some(stats) = &self.properties.geo_replication_stats {
            evidence.set("replication", Datum::Text(stats.status().to_owned()));
            if let Some(at) = stats.last_sync() {
                evidence.set("last_sync_time", Datum::Instant(at));
            }
        }
        evidence
    }

    /// Changes when a failover happens, and while one runs.
    fn mark(&self) -> Mark {
        let properties = &self.properties;
        let last = properties.last_geo_failover_time.as_deref().unwrap_or("never");
        Mark(
            Evidence::new()
                .text("primaryLocation", place(&properties.primary_location).as_str())
                .text("sku", &self.sku.name)
                .text("lastGeoFailoverTime", last)
                .with("failoverInProgress", Datum::Flag(self.is_failing_over())),
        )
    }

    fn is_failing_over(&self) -> bool {
        self.properties.failover_in_progress.unwrap_or(false)
    }
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
        vec![Need::new(&self.account, &FAILOVER_NEEDS)]
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
                (Mode::Unplanned, None) => {}
            }
        }
        let serves = place(&account.properties.primary_location);
        Ok(Observation::new(answer, evidence).serving(Some(serves)))
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
        if !stats.is_live() && !(is_cut_off && stats.can(self.mode)) {
            return Some(format!(
                "the copy of `{name}` in {to} is not complete (replication is {status}, not Live): failing over now would lose what has not been copied"
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
        let mut says = format!("fail {} over to {}", self.account.name, self.to);
        match stats.sku_after(self.mode).filter(|after| *after != before) {
            Some(after) => says.push_str(&format!("; {before} → {after}")),
            None => says.push_str(&format!(", {}", self.mode)),
        }
        Change::harmless("failover", Sign::CannotBeUndone, says).only_from(account.mark())
    }
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
        vec![Need::new(&self.account, &REDUNDANCY_NEEDS)]
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
        // Zone redundancy is not a switch: it takes a migration of hours or days that Azure starts on request.
        if self.sku.contains("GZRS") && !sku.contains("ZRS") || !sku.starts_with("Standard_") {
            let why = format!(
                "`{name}` is {sku}, which cannot become {} by a change of its redundancy",
                self.sku
            );
            return Answer::Never { why };
        }
        let says = format!("{name}: {sku} → {}", self.sku);
        Answer::Missing(vec![Change::harmless("redundancy", Sign::Changes, says)])
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::{action::Applied, model::Node};
    use serde_json::Value;

    /// AZURE's own sample, changed as the test needs.
    fn account(change: impl Fn(&mut Value)) -> String {
        let mut account = json!({
            "location": "eastus",
            "sku": { "name": "Standard_RAGRS", "tier": "Standard" },
            "properties": {
                "provisioningState": "Succeeded",
                "primaryLocation": "East US",
                "secondaryLocation": "westus",
                "geoReplicationStats": {
                    "status": "Live",
                    "lastSyncTime": "2026-11-20T09:58:12Z",
                    "canFailover": true,
                    "canPlannedFailover": true,
                    "postFailoverRedundancy": "Standard_LRS",
                    "postPlannedFailoverRedundancy": "Standard_RAGRS",
                },
            },
        });
        change(&mut account);
        account.to_string()
    }

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
        assert_eq!(seen.serves, Some(Region::from("eastus")));
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
                a["properties"]["geoReplicationStats"]["status"] = json!("Unavailable")
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

    fn redundancy(script: &Arc<Script>, sku: &str, wait: bool) -> Arc<dyn Action> {
        let account = resource("Microsoft.Storage/storageAccounts", "stproseware", None);
        let with = [
            ("account", node(&account)),
            ("sku", Node::text(sku)),
            ("wait_until_live", Node::made(crate::model::Value::Bool(wait))),
        ];
        bound(&REDUNDANCY, script, with)
    }

    #[tokio::test]
    async fn redundancy_is_asked_for_and_waited_for() {
        let bare = account(|a| a["sku"]["name"] = json!("Standard_LRS"));
        let script = Script::new().on("GET geo", ok(&bare)).on("PATCH stproseware", ok(&bare));
        apply_first(&redundancy(&script, "Standard_RAGRS", true)).await.unwrap();
        assert!(script.changes()[0].ends_with(r#"{"sku":{"name":"Standard_RAGRS"}}"#));

        let never = redundancy(&script, "Standard_GZRS", true).observe(&look()).await.unwrap();
        assert!(matches!(never.answer, Answer::Never { .. }));

        let copying =
            account(|a| a["properties"]["geoReplicationStats"]["status"] = json!("Bootstrap"));
        let script = Script::new().on("GET geo", ok(&copying));
        let seen = redundancy(&script, "Standard_RAGRS", true).observe(&look()).await.unwrap();
        assert!(matches!(seen.answer, Answer::NotYet { .. }));
        let seen = redundancy(&script, "Standard_RAGRS", false).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
    }
}
