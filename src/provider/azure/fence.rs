//! Keeping writers away from a server, as far as Azure's management can.
//!
//! What is done is told as means, never as "nobody can write": a session may still ask for a transaction that writes,
//! and only closing the network or ending the server stops one that means to.

use super::{
    OnAzure, absent,
    arm::Arm,
    call::Call,
    examine::Need,
    id::Id,
    postgres::{self, Role, SERVER, Server, Setting},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use serde_json::json;
use std::{sync::Arc, time::Duration};

pub(crate) static FENCE: Kind = Kind {
    name: "azure.postgres.fence",
    summary: "Keep writers away from a PostgreSQL server, or let them in again",
    parameters: &[
        Parameter::required("server", SERVER, "The server"),
        Parameter::required("fenced", Shape::Flag, "true keeps writers away, false lets them in"),
        Parameter::optional(
            "close_network",
            Shape::Flag,
            "Close its public network access as well",
        )
        .or(Default::Flag(false)),
    ],
    observed: &["role", "state", "read_only", "network", "means"],
    planes: &[Plane::Control("server")],
    permissions: &NEEDS,
    // A parameter takes 10 to 60 s, a restart about a minute.
    usual: Duration::from_mins(2),
    shows_within: Duration::from_mins(2),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The last one only where the network is to be closed.
const NEEDS: [&str; 7] = [
    "Microsoft.DBforPostgreSQL/flexibleServers/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations/write",
    "Microsoft.DBforPostgreSQL/flexibleServers/restart/action",
    "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
    "Microsoft.DBforPostgreSQL/locations/operationResults/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/write",
];

const READ_ONLY: &str = "read-only";
const RESTART: &str = "restart";
const NETWORK: &str = "network";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Fence {
        arm: Arm::new(clients),
        server: params.resource("server")?,
        fenced: params.flag("fenced")?,
        network: params.flag("close_network")?,
    };
    Ok(action.into_action())
}

struct Fence {
    arm: Arm,
    server: Resource,
    fenced: bool,
    network: bool,
}

/// What was seen of the server.
struct Seen {
    server: Server,
    is_read_only: bool,
}

#[async_trait]
impl OnAzure for Fence {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        let all = if self.network { &NEEDS[..] } else { &NEEDS[..6] };
        vec![Need::new(&self.server, all)]
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(server) = Server::find(&self.arm, &self.server).await? else {
            return Ok(Observation::new(absent("server", &self.server), Evidence::new()));
        };
        let parameter = Setting::read(&self.arm, &self.server, postgres::READ_ONLY).await?;
        let seen = Seen { server, is_read_only: parameter.is_on() };
        let network = if seen.server.is_closed() { "closed" } else { "open" };
        let evidence = Evidence::new()
            .text("role", seen.server.role().as_str())
            .text("state", seen.server.state())
            .with("read_only", Datum::Flag(seen.is_read_only))
            .text("network", network)
            .text("means", means(&seen, look));
        Ok(Observation::new(self.answer(&seen, look), evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let id = Id::of(&self.server);
        match change.id.as_str() {
            READ_ONLY => {
                let value = if self.fenced { "on" } else { "off" };
                Ok(Setting::set(&self.server, postgres::READ_ONLY, value))
            }
            RESTART => Ok(Call::post(&id.then("restart"))),
            NETWORK => {
                let access = if self.fenced { "Disabled" } else { "Enabled" };
                let network = json!({ "publicNetworkAccess": access });
                Ok(Call::patch(&id, &json!({ "properties": { "network": network } })))
            }
            _ => Err(unknown_change(change)),
        }
    }
}

impl Fence {
    fn answer(&self, seen: &Seen, look: &Look) -> Answer {
        // What was the primary came back as a replica: nobody can write to it, and a parameter would only be in the way
        // when it is promoted.
        if self.fenced && seen.server.role() == Role::Replica {
            return Answer::AsDesired;
        }
        let mut missing = Vec::new();
        if seen.is_read_only != self.fenced {
            missing.push(READ_ONLY);
        }
        if self.fenced
            && (!seen.is_read_only || is_settled(look, READ_ONLY))
            && !is_settled(look, RESTART)
        {
            missing.push(RESTART);
        }
        if self.network && seen.server.is_closed() != self.fenced {
            missing.push(NETWORK);
        }
        if missing.is_empty() {
            return Answer::AsDesired;
        }
        if !seen.server.is_ready() {
            let why = format!("`{}` is {}", self.server.name, seen.server.state());
            return Answer::NotYet { why, look_again: Duration::from_secs(15) };
        }
        Answer::Missing(missing.into_iter().map(|id| self.change(id)).collect())
    }

    fn change(&self, id: &'static str) -> Change {
        let says = match (id, self.fenced) {
            (READ_ONLY, true) => "new transactions read-only",
            (READ_ONLY, false) => "new transactions may write",
            (RESTART, _) => "restart, which ends open sessions",
            (_, true) => "public network access closed",
            (_, false) => "public network access open",
        };
        Change::harmless(id, Sign::Changes, format!("{}: {says}", self.server.name))
    }
}

/// Azure shows no sign of a restart, so only the journal knows that it came after the parameter.
fn is_settled(look: &Look, id: &str) -> bool {
    look.settled.iter().any(|settled| settled.as_str() == id)
}

/// By what means writers are kept away.
fn means(seen: &Seen, look: &Look) -> String {
    let mut means = Vec::new();
    if seen.server.role() == Role::Replica {
        means.push("it is a replica");
    }
    if seen.is_read_only {
        means.push("new transactions are read-only unless they ask otherwise");
        means.push(if is_settled(look, RESTART) {
            "sessions from before were ended"
        } else {
            "sessions from before may still be open"
        });
    }
    if seen.server.is_closed() {
        means.push("its public network access is closed");
    }
    if means.is_empty() { "none".to_owned() } else { means.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::{super::postgres::sample::server, *};
    use crate::model::{ChangeId, Node, Value};
    use crate::provider::testing::*;

    fn fence(script: &Arc<Script>, fenced: bool, network: bool) -> Arc<dyn Action> {
        let kind = "Microsoft.DBforPostgreSQL/flexibleServers";
        let with = [
            ("server", node(&resource(kind, "pg", Some("eastus")))),
            ("fenced", Node::made(Value::Bool(fenced))),
            ("close_network", Node::made(Value::Bool(network))),
        ];
        bound(&FENCE, script, with)
    }

    fn found(role: &str, state: &str, parameter: &str) -> Arc<Script> {
        let mut server = server("pg", role, None);
        server["properties"]["state"] = json!(state);
        Script::new()
            .on("GET /pg?", ok(&server.to_string()))
            .on("GET /pg/conf", ok(&format!(r#"{{"properties":{{"value":"{parameter}"}}}}"#)))
            .on("PATCH /pg/conf", answer(202, &[], ""))
            .on("POST /pg/restart", answer(202, &[], ""))
    }

    #[tokio::test]
    async fn a_fence_is_a_parameter_a_restart_and_the_network() {
        let script = found("Primary", "Ready", "off");
        let action = fence(&script, true, true);
        let seen = action.observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["read-only", "restart", "network"]);
        apply_first(&action).await.unwrap();
        assert!(script.changes()[0].contains("/configurations/default_transaction_read_only?"));
        assert!(
            script.changes()[0]
                .ends_with(r#"{"properties":{"value":"on","source":"user-override"}}"#)
        );
    }

    #[tokio::test]
    async fn a_restart_follows_the_parameter_that_we_set() {
        let action = fence(&found("Primary", "Ready", "on"), true, false);
        let mut look = look();
        look.settled = vec![ChangeId::new("read-only")];
        assert_eq!(missing(&action.observe(&look).await.unwrap().answer), ["restart"]);
        look.settled.push(ChangeId::new("restart"));
        let seen = action.observe(&look).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
        let means = seen.evidence.get("means").unwrap().to_string();
        assert_eq!(
            means,
            "new transactions are read-only unless they ask otherwise; sessions from before were ended"
        );
    }

    #[tokio::test]
    async fn a_fence_found_standing_does_not_claim_more_than_it_shows() {
        let seen =
            fence(&found("Primary", "Ready", "on"), true, false).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
        let means = seen.evidence.get("means").unwrap().to_string();
        assert!(means.ends_with("sessions from before may still be open"), "{means}");
    }

    #[tokio::test]
    async fn the_answer_follows_the_server() {
        let table = [
            ("GeoAsyncReplica", "Ready", "off", true, "AsDesired"),
            ("Primary", "Updating", "off", true, "NotYet"),
            ("Primary", "Ready", "on", false, "Missing"),
            ("Primary", "Ready", "off", false, "AsDesired"),
        ];
        for (role, state, parameter, fenced, expected) in table {
            let action = fence(&found(role, state, parameter), fenced, false);
            let answer = action.observe(&look()).await.unwrap().answer;
            assert!(format!("{answer:?}").starts_with(expected), "{role} {state}: {answer:?}");
        }
    }
}
