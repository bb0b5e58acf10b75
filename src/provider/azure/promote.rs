//! Making a replica the primary.
//!
//! A promotion sent twice could swap the roles back, so it may be sent again only while both servers have the roles that
//! they had before, and not for long: roles follow minutes after Azure has accepted.
//! <https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote>

use super::{
    OnAzure, absent,
    arm::{Arm, Sent, unapplied},
    call::Call,
    examine::{Need, examine},
    id::{Id, place},
    not_known,
    postgres::{Lag, READ_ONLY, Role, SERVER, Server, Setting, replication},
    switchover::Pair,
    unknown_change,
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
use futures_util::future::join;
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
    // The replica is told, and its region has the operation. Forced, it does without the old primary; planned, it first
    // takes over what that one still has: the page above.
    planes: &[
        Plane::Control("server"),
        Plane::Data("server"),
        Plane::WhenPlanned(&Plane::Data("from")),
    ],
    permissions: &[
        "Microsoft.DBforPostgreSQL/flexibleServers/read",
        "Microsoft.DBforPostgreSQL/flexibleServers/write",
        "Microsoft.DBforPostgreSQL/flexibleServers/configurations/read",
        "Microsoft.DBforPostgreSQL/flexibleServers/configurations/write",
        "Microsoft.DBforPostgreSQL/flexibleServers/replicas/read",
        "Microsoft.DBforPostgreSQL/flexibleServers/virtualendpoints/read",
        "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
        "Microsoft.DBforPostgreSQL/locations/operationResults/read",
        "Microsoft.Insights/metrics/read",
    ],
    // A planned switchover of an idle pair took more than 5 minutes.
    usual: Duration::from_mins(6),
    // The roles are swapped at the end of the operation, not at its beginning.
    shows_within: Duration::from_mins(10),
    // Replaying what is left can take half an hour and more.
    deadline: Duration::from_hours(1),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    mark_valid_for: Some(Duration::from_mins(10)),
    cured_by: &["azure.postgres.replica"],
    bind,
};

const SERVER_NEEDS: [&str; 5] = [
    "Microsoft.DBforPostgreSQL/flexibleServers/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/write",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations/read",
    "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
    "Microsoft.DBforPostgreSQL/locations/operationResults/read",
];
/// The last ones only for a switchover, which writes to the old primary too.
const FROM_NEEDS: [&str; 5] = [
    "Microsoft.DBforPostgreSQL/flexibleServers/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/replicas/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/virtualendpoints/read",
    "Microsoft.DBforPostgreSQL/flexibleServers/write",
];
/// Where the server to be promoted is read-only.
const SETTING_NEEDS: [&str; 1] = ["Microsoft.DBforPostgreSQL/flexibleServers/configurations/write"];

const PROMOTE_ID: &str = "promote";
/// The id of the change that comes before, where the server would come up read-only.
const WRITABLE: &str = "writable";

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

/// What was seen of both servers.
struct Seen {
    server: Server,
    from: Option<Server>,
    replication: Option<String>,
    /// Whether it would come up read-only: the parameter is the server's own, and found only once it is primary.
    is_read_only: bool,
}

#[async_trait]
impl OnAzure for Promote {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        let from = if self.swaps { &FROM_NEEDS[..] } else { &FROM_NEEDS[..3] };
        vec![Need::new(&self.server, &SERVER_NEEDS), Need::new(&self.from, from)]
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(server) = Server::find(&self.arm, &self.server).await? else {
            return Ok(Observation::new(absent("server", &self.server), Evidence::new()));
        };
        let from = Server::glimpse(&self.arm, &self.from).await;
        let mut evidence = Evidence::new()
            .text("role", server.role().as_str())
            .text("from_role", from.as_ref().map_or("unknown", |from| from.role().as_str()));
        let mut seen = Seen { server, from, replication: None, is_read_only: false };
        if seen.server.role() == Role::Replica {
            if seen.from.is_some() {
                seen.replication = replication(&self.arm, &self.from, &self.server).await;
            }
            if let Some(state) = &seen.replication {
                evidence.set("replication", Datum::Text(state.clone()));
            }
            seen.is_read_only = self.is_read_only().await?;
        }
        let answer = self.answer(look, &seen).await;
        if matches!(answer, Answer::Missing(_)) {
            let primary = seen.from.as_ref().map(|_| &self.from);
            let lag = Lag::read(&self.arm, primary, &self.server, look.now).await;
            lag.add_to(&mut evidence);
            let loss = if self.mode == Mode::Planned { Some(0.0) } else { lag.loss() };
            evidence.set(DATA_LOSS, loss.map_or_else(not_known, Datum::Seconds));
        }
        let serves = self.serves(&seen.server, seen.from.as_ref());
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        match change.id.as_str() {
            WRITABLE => Ok(Setting::set(&self.server, READ_ONLY, "off")),
            PROMOTE_ID => Ok(Call::patch(&Id::of(&self.server), &self.body(false))),
            _ => Err(unknown_change(change)),
        }
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
        let (server, from) =
            join(Server::glimpse(&self.arm, &self.server), Server::glimpse(&self.arm, &self.from))
                .await;
        let Some(server) = server.filter(|server| server.role() == Role::Replica) else {
            return Vec::new();
        };
        let Self { arm, server: resource, from: old, mode, swaps } = self;
        let pair = Pair { arm, server: resource, from: old, mode: *mode, swaps: *swaps };
        let mut findings = pair.examine(&server, from.as_ref()).await;
        if self.is_read_only().await.is_ok_and(|is_read_only| is_read_only) {
            findings.extend(examine(arm, &[Need::new(resource, &SETTING_NEEDS)]).await);
        }
        findings
    }
}

impl Promote {
    /// In an unplanned run a parameter that cannot be read must not keep the database away.
    async fn is_read_only(&self) -> Result<bool, Trouble> {
        match Setting::read(&self.arm, &self.server, READ_ONLY).await {
            Ok(setting) => Ok(setting.is_on()),
            Err(_) if self.mode == Mode::Unplanned => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn answer(&self, look: &Look, seen: &Seen) -> Answer {
        let (name, old) = (&self.server.name, &self.from.name);
        let Seen { server, from, replication, is_read_only } = seen;
        let not_yet = |why| Answer::NotYet { why, look_again: Duration::from_secs(15) };
        let never = |why| Answer::Never { why };
        match server.role() {
            Role::Replica => {}
            Role::Alone if self.swaps => {
                return never(format!("`{name}` does not replicate from `{old}`: it stands alone"));
            }
            Role::Primary | Role::Alone => {
                let is_ours = look.settled.iter().any(|id| id.as_str() == PROMOTE_ID);
                return if !self.swaps || is_ours || self.has_followed(from.as_ref()).await {
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
        let is_planned = self.mode == Mode::Planned;
        let hindered = [(Some(server), name), (from.as_ref().filter(|_| is_planned), old)];
        for (server, name) in hindered {
            let Some(server) = server.filter(|server| !server.is_ready()) else { continue };
            let why = format!("`{name}` is {}", server.state());
            return if server.is_out_of_service() {
                never(format!("{why}, and must be Ready first"))
            } else {
                not_yet(why)
            };
        }
        match replication.as_deref().filter(|state| is_planned && *state != "Active") {
            // When the old primary is dead its replication is broken, and that is why it is forced.
            Some("Broken") => {
                never(format!("the replication of `{name}` is Broken: it must be made anew"))
            }
            Some(state) => not_yet(format!("the replication of `{name}` is {state}, not Active")),
            None => {
                // What can be taken back comes first: nobody can write to a replica either way.
                let writable = is_read_only.then(|| {
                    let says = format!("{name}: new transactions may write");
                    Change::harmless(WRITABLE, Sign::Changes, says)
                });
                let promotion = self.promotion(server, from.as_ref());
                Answer::Missing(writable.into_iter().chain([promotion]).collect())
            }
        }
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
        Change::harmless(PROMOTE_ID, Sign::CannotBeUndone, says).only_from(Mark(mark))
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
}

#[cfg(test)]
mod tests;
