//! Making a replica the primary.
//!
//! A promotion sent twice could swap the roles back, so it may be sent again only while both servers have the roles that
//! they had before, and not for long: roles follow minutes after Azure has accepted.
//! <https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote>

use super::{
    OnAzure, absent,
    arm::{Arm, Sent, unapplied},
    call::Call,
    examine::Need,
    id::{Id, place},
    not_known,
    postgres::{Lag, Role, SERVER, Server, replication},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Finding, Kind, Look, Mark,
        Observation, Parameter, Params, Plane, Serves, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, Mode, Region, Resource},
};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) static PROMOTE: Kind = Kind {
    name: "azure.postgres.promote",
    summary: "Make a PostgreSQL replica the primary",
    parameters: &[
        Parameter::required("server", SERVER, "The replica that becomes primary"),
        Parameter::required("from", SERVER, "The primary until now"),
        Parameter::optional(
            "style",
            Shape::Choice(&["switchover", "standalone"]),
            "switchover swaps the roles; standalone breaks the replication",
        )
        .or(Default::Text("switchover")),
        Parameter::optional(
            "mode",
            Shape::Choice(&["planned", "unplanned"]),
            "planned: everything is replicated first; unplanned: forced",
        )
        .or(Default::Mode),
    ],
    observed: &[
        "role",
        "from_role",
        "replication",
        "lag_bytes",
        "lag_seconds",
        "lag_as_of",
        DATA_LOSS,
    ],
    planes: &[Plane::Control("server"), Plane::Data("server")],
    permissions: &NEEDS,
    // A planned switchover of an idle pair took more than 5 minutes.
    usual: Duration::from_mins(6),
    // The roles are swapped at the end of the operation, not at its beginning.
    shows_within: Duration::from_mins(10),
    // Replaying what is left can take half an hour and more.
    deadline: Duration::from_hours(1),
    effect: Effect::CannotBeUndone,
    mark_valid_for: Some(Duration::from_mins(10)),
    cured_by: &["azure.postgres.replica"],
    bind,
};

const NEEDS: [&str; 1] = ["Microsoft.DBforPostgreSQL/flexibleServers/write"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Promote {
        arm: Arm::new(clients),
        server: params.resource("server")?,
        from: params.resource("from")?,
        swaps: params.text("style")? == "switchover",
        mode: params.mode("mode")?,
    };
    Ok(action.into_action())
}

struct Promote {
    arm: Arm,
    server: Resource,
    from: Resource,
    /// A switchover; else the server is to stand alone.
    swaps: bool,
    mode: Mode,
}

#[async_trait]
impl OnAzure for Promote {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.server, &NEEDS)]
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(server) = Server::find(&self.arm, &self.server).await? else {
            return Ok(Observation::new(absent("server", &self.server), Evidence::new()));
        };
        let from = Server::glimpse(&self.arm, &self.from).await;
        let mut evidence = Evidence::new()
            .text("role", server.role().as_str())
            .text("from_role", from.as_ref().map_or("unknown", |from| from.role().as_str()));
        let mut state = None;
        if server.role() == Role::Replica && from.is_some() {
            state = replication(&self.arm, &self.from, &self.server).await;
            if let Some(state) = &state {
                evidence.set("replication", Datum::Text(state.clone()));
            }
        }
        let answer = self.answer(look, &server, from.as_ref(), state.as_deref()).await;
        if matches!(answer, Answer::Missing(_)) {
            let primary = from.as_ref().map(|_| &self.from);
            let lag = Lag::read(&self.arm, primary, &self.server, look.now).await;
            lag.add_to(&mut evidence);
            let loss = if self.mode == Mode::Planned { Some(0.0) } else { lag.loss() };
            evidence.set(DATA_LOSS, loss.map_or_else(not_known, Datum::Seconds));
        }
        let serves = self.serves(&server, from.as_ref());
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        Ok(Call::patch(&Id::of(&self.server), &self.body(false)))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let call = self.request(change).await?;
        match self.arm.try_change(&call, permit).await? {
            Sent::Accepted(response) => Ok(self.arm.accepted(&call, &response)),
            // The contract of this api-version has no `sourceServerResourceId` here, and some of the service's fronts
            // insist on it. That refusal proves that nothing happened, so the change may be sent once more.
            Sent::Rejected(error, _)
                if error.code == "MissingRequiredParameter"
                    && error.message.contains("sourceServerResourceId") =>
            {
                let call = Call::patch(&Id::of(&self.server), &self.body(true));
                self.arm.change(call, permit).await
            }
            Sent::Rejected(error, wait) => Err(unapplied(&call, &error, wait)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        let server = Server::glimpse(&self.arm, &self.server).await;
        let from = Server::glimpse(&self.arm, &self.from).await;
        let Some(server) = server.filter(|server| server.role() == Role::Replica) else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        if let Some(from) = from {
            findings.extend(self.asymmetry(&server, &from));
        }
        if self.swaps {
            findings.extend(self.virtual_endpoint().await);
        }
        if self.mode == Mode::Planned {
            let state = replication(&self.arm, &self.from, &self.server).await;
            if let Some(state) = state.filter(|state| state != "Active") {
                let name = &self.server.name;
                let why = format!("the replication of `{name}` is {state}, not Active");
                findings.push(Finding::blocker(why));
            }
        }
        findings
    }
}

impl Promote {
    async fn answer(
        &self,
        look: &Look,
        server: &Server,
        from: Option<&Server>,
        replication: Option<&str>,
    ) -> Answer {
        let (name, old) = (&self.server.name, &self.from.name);
        let not_yet = |why| Answer::NotYet { why, look_again: Duration::from_secs(15) };
        let never = |why| Answer::Never { why };
        match server.role() {
            Role::Replica => {}
            Role::Alone if self.swaps => {
                return never(format!("`{name}` does not replicate from `{old}`: it stands alone"));
            }
            Role::Primary | Role::Alone => {
                return if !self.swaps || !look.settled.is_empty() || self.has_followed(from).await {
                    Answer::AsDesired
                } else if server.is_ready() {
                    never(format!(
                        "`{name}` and `{old}` are both primaries: neither replicates from the other"
                    ))
                } else {
                    not_yet(format!("`{name}` is {}", server.state()))
                };
            }
        }
        if !server.replicates_from(&self.from) {
            return never(format!("`{name}` is a replica, but not of `{old}`"));
        }
        if !server.is_ready() {
            return not_yet(format!("`{name}` is {}", server.state()));
        }
        match (replication, self.mode) {
            // When the old primary is dead its replication is broken, and that is why it is forced.
            (Some("Broken"), Mode::Planned) => {
                return never(format!(
                    "the replication of `{name}` is Broken: it must be made anew"
                ));
            }
            (Some(state), Mode::Planned) if state != "Active" => {
                return not_yet(format!("the replication of `{name}` is {state}, not Active"));
            }
            _ => {}
        }
        if let Some(from) = from.filter(|from| self.mode == Mode::Planned && !from.is_ready()) {
            return not_yet(format!("`{old}` is {}", from.state()));
        }
        Answer::Missing(vec![self.promotion(server, from)])
    }

    /// Whether the old primary follows the new one, or cannot be asked. After a forced switchover it calls itself a
    /// primary until its region is back; the new one's list of replicas knows better.
    async fn has_followed(&self, from: Option<&Server>) -> bool {
        match from {
            None => true,
            Some(from) if from.role() != Role::Primary => from.role() == Role::Replica,
            Some(_) => replication(&self.arm, &self.server, &self.from).await.is_some(),
        }
    }

    fn promotion(&self, server: &Server, from: Option<&Server>) -> Change {
        let style = if self.swaps { "switchover" } else { "standalone" };
        let says = format!("promote {}, {style}, {}", self.server.name, self.option());
        let mark = Evidence::new()
            .text("role", server.role().as_str())
            .text("from_role", from.map_or("unknown", |from| from.role().as_str()));
        Change::harmless("promote", Sign::CannotBeUndone, says).only_from(Mark(mark))
    }

    fn option(&self) -> &'static str {
        match self.mode {
            Mode::Planned => "planned",
            Mode::Unplanned => "forced",
        }
    }

    fn body(&self, with_source: bool) -> Value {
        let (role, mode) =
            if self.swaps { ("Primary", "switchover") } else { ("None", "standalone") };
        let replica = json!({ "role": role, "promoteMode": mode, "promoteOption": self.option() });
        let mut properties = json!({ "replica": replica });
        if with_source {
            properties["sourceServerResourceId"] = json!(Id::of(&self.from).as_str());
        }
        json!({ "properties": properties })
    }

    /// The region of the primary, when there is exactly one. Of servers that stand alone nobody can tell which one the
    /// app writes to.
    fn serves(&self, server: &Server, from: Option<&Server>) -> Serves {
        let of = |server: &Server, resource: &Resource| -> Region {
            resource.region.clone().unwrap_or_else(|| place(&server.location))
        };
        match (server.role(), from.map(Server::role)) {
            (Role::Primary, None | Some(Role::Replica)) => Serves::Region(of(server, &self.server)),
            (Role::Replica, None) => {
                self.from.region.clone().map_or(Serves::NoRole, Serves::Region)
            }
            (Role::Replica, Some(Role::Primary)) => {
                from.map_or(Serves::NoRole, |from| Serves::Region(of(from, &self.from)))
            }
            _ if self.swaps => Serves::Nobody,
            _ => Serves::NoRole,
        }
    }

    /// A switchover wants servers of one size; when it is forced, Azure asks that only while the old primary is up.
    fn asymmetry(&self, server: &Server, from: &Server) -> Option<Finding> {
        let size = |server: &Server| {
            let sku = server.sku.as_ref().map(|sku| (sku.name.clone(), sku.tier.clone()));
            let storage = server.properties.storage.as_ref();
            (sku, storage.and_then(|storage| storage.get("storageSizeGB").cloned()))
        };
        (self.swaps && size(server) != size(from)).then(|| {
            let says = format!(
                "`{}` and `{}` differ in size or storage, and a switchover wants them alike",
                self.server.name, self.from.name
            );
            match self.mode {
                Mode::Planned => Finding::blocker(says),
                Mode::Unplanned => Finding::warning(says),
            }
        })
    }

    /// A switchover moves the names of a virtual endpoint, and is refused without one whose reader is the replica. It
    /// is managed through the primary, so it must be there before that one is lost.
    async fn virtual_endpoint(&self) -> Option<Finding> {
        let (name, from) = (&self.server.name, &self.from.name);
        let id = Id::of(&self.from).then("virtualendpoints");
        let Some(list) = self.arm.glimpse_list::<VirtualEndpoint>(Call::get(&id)).await else {
            return Some(Finding::note(format!(
                "unknown whether `{from}` has a virtual endpoint for `{name}`"
            )));
        };
        let mut members = list.iter().flat_map(|endpoint| &endpoint.properties.members);
        let is_member = members.any(|member| member.eq_ignore_ascii_case(name));
        (!is_member).then(|| {
            Finding::blocker(format!(
                "`{from}` has no virtual endpoint whose reader is `{name}`: a switchover needs one"
            ))
        })
    }
}

#[derive(Deserialize)]
struct VirtualEndpoint {
    properties: Members,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    members: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            postgres::sample::{SERVERS, metric, replicas, server},
            testing::*,
        },
        *,
    };
    use crate::model::Node;

    const KIND: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

    fn promote(script: &Arc<Script>, style: &str, mode: &str) -> Arc<dyn Action> {
        let with = [
            ("server", node(&resource(KIND, "pg-westus", Some("westus")))),
            ("from", node(&resource(KIND, "pg-eastus", Some("eastus")))),
            ("style", Node::text(style)),
            ("mode", Node::text(mode)),
        ];
        bound(&PROMOTE, script, with)
    }

    fn pair(to: &str, from: &str) -> Arc<Script> {
        let source = |role: &str, other| if role.contains("Replica") { Some(other) } else { None };
        let west = server("pg-westus", to, source(to, "pg-eastus"));
        let east = server("pg-eastus", from, source(from, "pg-westus"));
        Script::new()
            .on("GET /pg-westus?", ok(&west.to_string()))
            .on("GET /pg-eastus?", ok(&east.to_string()))
            .on("GET /pg-eastus/replicas", ok(&replicas(west, "Active")))
            .on("GET _in_seconds", ok(&metric("2026-11-20T10:00:00Z", 30.0)))
            .on("GET _in_bytes", ok(&metric("2026-11-20T10:00:00Z", 312_000.0)))
    }

    #[tokio::test]
    async fn a_replica_misses_its_promotion_and_says_what_would_be_lost() {
        let script = pair("GeoAsyncReplica", "Primary");
        let seen = promote(&script, "switchover", "unplanned").observe(&look()).await.unwrap();
        let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
        assert_eq!(changes[0].says, "promote pg-westus, switchover, forced");
        assert!(changes[0].is_harmful());
        let shown = |name: &str| seen.evidence.get(name).unwrap().to_string();
        assert_eq!(shown("lag_bytes"), "312 kB");
        assert_eq!(shown("lag_as_of"), "10:00:00Z");
        assert_eq!(shown("replication"), "Active");
        assert_eq!(seen.evidence.data_loss(), Some(Duration::from_secs(30)));
        assert_eq!(seen.serves, Serves::Region("eastus".into()));
    }

    #[tokio::test]
    async fn the_answer_follows_the_roles() {
        let table = [
            (
                "switchover",
                "Primary",
                "GeoAsyncReplica",
                "AsDesired",
                Serves::Region("westus".into()),
            ),
            ("switchover", "Primary", "Primary", "Never", Serves::Nobody),
            ("switchover", "None", "Primary", "Never", Serves::Nobody),
            ("standalone", "None", "Primary", "AsDesired", Serves::NoRole),
        ];
        for (style, to, from, expected, serves) in table {
            let script = pair(to, from).on("GET /pg-westus/replicas", ok(r#"{"value":[]}"#));
            let seen = promote(&script, style, "unplanned").observe(&look()).await.unwrap();
            assert!(
                format!("{:?}", seen.answer).starts_with(expected),
                "{style} {to} {from}: {seen:?}"
            );
            assert_eq!(seen.serves, serves);
        }
    }

    #[tokio::test]
    async fn an_old_primary_that_cannot_be_asked_holds_nothing() {
        let west = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
        let lost = |west: &Value| {
            Script::new()
                .on("GET /pg-westus?", ok(&west.to_string()))
                .on("GET pg-westus/providers", ok(r#"{"value":[]}"#))
                .on("GET pg-eastus", unanswered())
        };
        let seen = promote(&lost(&west), "switchover", "unplanned").observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["promote"]);
        assert_eq!(seen.evidence.get(DATA_LOSS), Some(&not_known()), "no metrics");
        let west = server("pg-westus", "Primary", None);
        let seen = promote(&lost(&west), "switchover", "unplanned").observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
        assert_eq!(seen.serves, Serves::Region("westus".into()));
    }

    #[tokio::test]
    async fn the_source_is_named_only_when_azure_asks_for_it() {
        let missing = r#"{"error":{"code":"MissingRequiredParameter","message":"'properties.sourceServerResourceId' must be specified"}}"#;
        let operation = ("azure-asyncoperation", "https://management.azure.com/op");
        let script = pair("GeoAsyncReplica", "Primary")
            .on("PATCH pg-westus", answer(400, &[], missing))
            .on("PATCH pg-westus", answer(202, &[operation], r#"{"operation":"X"}"#));
        let applied = apply_first(&promote(&script, "switchover", "planned")).await;
        assert!(matches!(applied, Ok(Applied::Accepted { .. })), "{applied:?}");
        let replica =
            r#""replica":{"role":"Primary","promoteMode":"switchover","promoteOption":"planned"}"#;
        let sent = script.changes();
        assert!(sent[0].ends_with(&format!(r#"{{"properties":{{{replica}}}}}"#)), "{}", sent[0]);
        let source = format!(r#""sourceServerResourceId":"{SERVERS}/pg-eastus""#);
        assert!(
            sent[1].ends_with(&format!(r#"{{"properties":{{{replica},{source}}}}}"#)),
            "{}",
            sent[1]
        );
    }

    #[tokio::test]
    async fn standing_alone_needs_no_role() {
        let script = pair("GeoAsyncReplica", "Primary").on("PATCH pg-westus", answer(202, &[], ""));
        apply_first(&promote(&script, "standalone", "unplanned")).await.unwrap();
        assert!(
            script.changes()[0]
                .contains(r#"{"role":"None","promoteMode":"standalone","promoteOption":"forced"}"#)
        );
    }

    #[tokio::test]
    async fn what_a_switchover_needs_is_looked_for_beforehand() {
        let mut small = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
        small["sku"]["name"] = json!("Standard_D2ds_v5");
        let script = Script::new()
            .on("GET /resourceGroups/rg?", ok("{}"))
            .on("GET Microsoft.Authorization", answer(404, &[], ""))
            .on("GET /pg-westus?", ok(&small.to_string()))
            .on("GET /pg-eastus?", ok(&server("pg-eastus", "Primary", None).to_string()))
            .on("GET /virtualendpoints", ok(r#"{"value":[]}"#))
            .on("GET /replicas", ok(r#"{"value":[]}"#));
        // Two sizes hinder a forced switchover only while the old primary is up.
        for (mode, expected) in [("planned", 2), ("unplanned", 1)] {
            let findings = promote(&script, "switchover", mode).examine().await;
            let blockers = findings.iter().filter(|f| f.weight == crate::action::Weight::Blocker);
            assert_eq!(blockers.count(), expected, "{findings:?}");
            assert!(findings.iter().any(|f| f.says.contains("differ in size")), "{findings:?}");
        }
    }
}
