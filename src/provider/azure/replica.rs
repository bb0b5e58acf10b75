//! A replica that exists and follows its primary.

use super::{
    OnAzure,
    arm::{Arm, before_sending},
    call::Call,
    examine::Need,
    id::Id,
    postgres::{Role, SERVER, Server, replicas, replication},
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Plane, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use serde_json::json;
use std::{sync::Arc, time::Duration};

pub(crate) static REPLICA: Kind = Kind {
    name: "azure.postgres.replica",
    summary: "Make sure that a PostgreSQL server has an active replica",
    parameters: &[
        Parameter::required("server", SERVER, "The replica"),
        Parameter::required("source", SERVER, "The primary that it replicates from"),
    ],
    observed: &["role", "replication"],
    // It begins with a whole copy of the source.
    planes: &[Plane::Control("server"), Plane::Control("source"), Plane::Data("source")],
    permissions: &[
        "Microsoft.DBforPostgreSQL/flexibleServers/read",
        "Microsoft.DBforPostgreSQL/flexibleServers/write",
        "Microsoft.DBforPostgreSQL/flexibleServers/replicas/read",
        "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
        "Microsoft.DBforPostgreSQL/locations/operationResults/read",
    ],
    // In another region it begins with a whole copy: minutes to hours.
    usual: Duration::from_mins(30),
    shows_within: Duration::from_mins(5),
    deadline: Duration::from_hours(6),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["azure.postgres.promote"],
    bind,
};

const SERVER_NEEDS: [&str; 4] = [
    "Microsoft.DBforPostgreSQL/flexibleServers/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/write",
    "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
    "Microsoft.DBforPostgreSQL/locations/operationResults/read",
];
const SOURCE_NEEDS: [&str; 2] = [
    "Microsoft.DBforPostgreSQL/flexibleServers/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/replicas/read",
];
/// How many replicas Azure allows when a server does not say.
const MOST_REPLICAS: usize = 5;

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Replicate {
        arm: Arm::new(clients),
        server: params.resource("server")?,
        source: params.resource("source")?,
    };
    Ok(action.into_action())
}

struct Replicate {
    arm: Arm,
    server: Resource,
    source: Resource,
}

#[async_trait]
impl OnAzure for Replicate {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.server, &SERVER_NEEDS), Need::new(&self.source, &SOURCE_NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let (name, source) = (&self.server.name, &self.source.name);
        let Some(server) = Server::find(&self.arm, &self.server).await? else {
            let says = format!("replica {name} of {source}");
            let create = Change::harmless("create", Sign::Creates, says);
            return Ok(Observation::new(Answer::Missing(vec![create]), Evidence::new()));
        };
        let mut evidence = Evidence::new().text("role", server.role().as_str());
        let not_yet = |why| Answer::NotYet { why, look_again: Duration::from_secs(30) };
        let never = |why| Answer::Never { why };
        let answer = if server.replicates_from(&self.source) {
            let state = replication(&self.arm, &self.source, &self.server).await;
            let state = state.unwrap_or_else(|| "unknown".to_owned());
            evidence.set("replication", Datum::Text(state.clone()));
            match state.as_str() {
                "Active" => Answer::AsDesired,
                "Broken" => never(format!(
                    "the replication of `{name}` is Broken: delete it by hand, and it will be made anew"
                )),
                _ => not_yet(format!("the replication of `{name}` is {state}")),
            }
        } else if server.role() == Role::Replica {
            never(format!("`{name}` is a replica, but not of `{source}`"))
        } else if self.is_reversed().await {
            not_yet(format!("`{source}` still replicates from `{name}`"))
        } else {
            never(format!(
                "`{name}` stands in the way: Azure cannot make a replica of it. When nothing in it is needed, delete it by hand, and it will be made anew"
            ))
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        let source = Server::find(&self.arm, &self.source).await.map_err(before_sending)?;
        let refused = |why| Unapplied::Refused { why, request_id: None };
        let Some(source) = source else {
            return Err(refused(format!("there is no server `{}`", self.source.name)));
        };
        let Some(region) = &self.server.region else {
            return Err(refused(format!("the runbook gives `{}` no region", self.server.name)));
        };
        if let Some(why) = self.hindrance(&source) {
            return Err(refused(why));
        }
        // Azure takes none of these from the source by itself.
        let access = if source.is_closed() { "Disabled" } else { "Enabled" };
        let sku = source.sku.map(|sku| json!({ "name": sku.name, "tier": sku.tier }));
        let mut storage = source.properties.storage.unwrap_or_default();
        // It shows an ordinary disk's type as an empty text, which it does not take.
        storage.retain(|_, value| value != "");
        let body = json!({
            "location": region,
            "sku": sku,
            "properties": {
                "createMode": "Replica",
                "sourceServerResourceId": Id::of(&self.source).as_str(),
                "storage": storage,
                "network": { "publicNetworkAccess": access },
            },
        });
        Ok(Call::put(&Id::of(&self.server), &body))
    }

    /// What would hinder making it, and what it will lack, while it is still to be made.
    async fn examine(&self) -> Vec<Finding> {
        let is_there = Server::find(&self.arm, &self.server).await.map(|found| found.is_some());
        let source = Server::glimpse(&self.arm, &self.source).await;
        let (Ok(false), Some(source)) = (is_there, source) else { return Vec::new() };
        let (name, old) = (&self.server.name, &self.source.name);
        let mut findings: Vec<_> =
            self.hindrance(&source).map(Finding::blocker).into_iter().collect();
        let count = replicas(&self.arm, &self.source).await.map_or(0, |all| all.len());
        let most = source.replicas_allowed().unwrap_or(MOST_REPLICAS);
        if count >= most {
            let says = format!("`{old}` has {count} replicas already, and may have {most}");
            findings.push(Finding::blocker(says));
        }
        findings.push(Finding::note(format!(
            "`{name}` will have parameters, firewall rules and administrators of its own: those of `{old}` do not come along"
        )));
        findings
    }
}

impl Replicate {
    /// Why this program cannot make a replica of such a server.
    fn hindrance(&self, source: &Server) -> Option<String> {
        let (name, old) = (&self.server.name, &self.source.name);
        if source.sku.as_ref().is_some_and(|sku| sku.tier.eq_ignore_ascii_case("Burstable")) {
            return Some(format!("`{old}` is Burstable, and such a server has no replicas"));
        }
        source.is_private().then(|| {
            format!(
                "`{old}` is in a virtual network: `{name}` needs a subnet and a DNS zone of its own, and is to be made by hand"
            )
        })
    }

    /// Whether the two replicate the other way round, which a promotion turns about.
    async fn is_reversed(&self) -> bool {
        let source = Server::glimpse(&self.arm, &self.source).await;
        source.is_some_and(|source| source.replicates_from(&self.server))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::postgres::sample::{SERVERS, replicas, server},
        *,
    };
    use crate::action::Weight;
    use crate::provider::testing::*;

    const KIND: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

    fn replica(script: &Arc<Script>) -> Arc<dyn Action> {
        let with = [
            ("server", node(&resource(KIND, "pg-eastus", Some("eastus")))),
            ("source", node(&resource(KIND, "pg-westus", Some("westus")))),
        ];
        bound(&REPLICA, script, with)
    }

    #[tokio::test]
    async fn a_replica_that_is_not_there_is_made_like_its_source() {
        let mut source = server("pg-westus", "Primary", None);
        source["properties"]["storage"]["type"] = json!("");
        let script = Script::new()
            .on("GET /pg-eastus?", answer(404, &[], ""))
            .on("GET /pg-westus?", ok(&source.to_string()))
            .on("PUT /pg-eastus?", answer(202, &[], ""));
        apply_first(&replica(&script)).await.unwrap();
        let sent = script.changes().remove(0);
        assert!(sent.contains(
            r#""location":"eastus","sku":{"name":"Standard_D4ds_v5","tier":"GeneralPurpose"}"#
        ));
        assert!(sent.contains(&format!(
            r#""createMode":"Replica","sourceServerResourceId":"{SERVERS}/pg-westus""#
        )));
        assert!(sent.contains(r#""storage":{"storageSizeGB":128,"autoGrow":"Enabled"}"#));
        assert!(sent.contains(r#""network":{"publicNetworkAccess":"Enabled"}"#));
    }

    #[tokio::test]
    async fn what_azure_makes_no_replica_of_is_told_beforehand() {
        type Edit = fn(&mut serde_json::Value);
        let edits: [(&str, Edit); 3] = [
            ("is Burstable", |west| west["sku"]["tier"] = json!("Burstable")),
            ("is in a virtual network", |west| {
                west["properties"]["network"]["delegatedSubnetResourceId"] =
                    json!("…/subnets/data");
            }),
            ("has 1 replicas already, and may have 1", |west| {
                west["properties"]["replica"]["capacity"] = json!(1);
            }),
        ];
        for (says, edit) in edits {
            let mut west = server("pg-westus", "Primary", None);
            edit(&mut west);
            let other = server("pg-other", "GeoAsyncReplica", Some("pg-westus"));
            let script = Script::new()
                .on("GET /resourceGroups/rg?", ok("{}"))
                .on("GET Microsoft.Authorization", answer(403, &[], ""))
                .on("GET /pg-eastus?", answer(404, &[], ""))
                .on("GET /pg-westus?", ok(&west.to_string()))
                .on("GET /pg-westus/replicas", ok(&replicas(other, "Active")));
            let findings = replica(&script).examine().await;
            let blockers = findings.iter().filter(|found| found.weight == Weight::Blocker);
            let blockers: Vec<_> = blockers.map(|found| found.says.as_str()).collect();
            assert!(matches!(&blockers[..], [one] if one.contains(says)), "{says}: {blockers:?}");
            assert!(findings.iter().any(|found| found.says.contains("firewall rules")));
        }
    }

    #[tokio::test]
    async fn the_answer_follows_what_is_found() {
        let follows = || server("pg-eastus", "GeoAsyncReplica", Some("pg-westus"));
        let table = [
            (follows(), "Active", "AsDesired"),
            (follows(), "Catchup", "NotYet"),
            (follows(), "Broken", "Never"),
            (server("pg-eastus", "GeoAsyncReplica", Some("pg-other")), "Active", "Never"),
            (server("pg-eastus", "Primary", None), "Active", "Never"),
        ];
        for (east, state, expected) in table {
            let script = Script::new()
                .on("GET /pg-eastus?", ok(&east.to_string()))
                .on("GET /pg-westus?", ok(&server("pg-westus", "Primary", None).to_string()))
                .on("GET /pg-westus/replicas", ok(&replicas(east, state)));
            let answer = replica(&script).observe(&look()).await.unwrap().answer;
            assert!(format!("{answer:?}").starts_with(expected), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_pair_the_other_way_round_waits_for_the_promotion() {
        let west = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
        let script = Script::new()
            .on("GET /pg-eastus?", ok(&server("pg-eastus", "Primary", None).to_string()))
            .on("GET /pg-westus?", ok(&west.to_string()));
        let answer = replica(&script).observe(&look()).await.unwrap().answer;
        assert!(matches!(answer, Answer::NotYet { .. }), "{answer:?}");
    }
}
