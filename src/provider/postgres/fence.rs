//! Keeping writers away from a primary, and letting them in again.

use super::{
    CA, DATABASE, MEANS, PASSWORD, READS, SERVER, TLS, USER,
    gate::{Gate, Means, Standing},
    server::Server,
    state::{Role, State},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static FENCE: Kind = Kind {
    name: "postgres.fence",
    summary: "Keep writers away from a PostgreSQL primary, or let them in again",
    parameters: &[
        Parameter::required("server", SERVER, "The server"),
        Parameter::required("fenced", Shape::Flag, "true keeps writers away, false lets them in"),
        USER,
        PASSWORD,
        DATABASE,
        TLS,
        CA,
        MEANS,
    ],
    observed: &["role", "means", "sessions"],
    planes: &[Plane::Data("server")],
    permissions: &[
        READS[0],
        READS[1],
        "pg_signal_backend",
        "EXECUTE ON FUNCTION pg_reload_conf",
        "pg_read_server_files and pg_write_server_files, or ALTER SYSTEM ON PARAMETER default_transaction_read_only",
    ],
    usual: Duration::from_secs(2),
    // The server has loaded its configuration, and ended the sessions, before the change is done.
    shows_within: Duration::from_secs(10),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Arc::new(Fence {
        server: Server::of(params, clients, "server")?.maybe_gone(),
        fenced: params.flag("fenced")?,
        means: Means::parse(&params.text("means")?),
    }))
}

struct Fence {
    server: Server,
    fenced: bool,
    means: Option<Means>,
}

#[async_trait]
impl Action for Fence {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let state = State::read(&self.server).await?;
        let standing = self.gate().look().await?;
        let sessions = i64::try_from(standing.sessions).unwrap_or(i64::MAX);
        let evidence = Evidence::new()
            .text("role", state.role.as_str())
            .text("means", standing.says())
            .with("sessions", Datum::Count(sessions));
        Ok(Observation::new(self.answer(&state, &standing), evidence))
    }

    async fn apply(&self, _: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        if self.fenced {
            self.gate().shut(permit).await?;
        } else {
            self.gate().open(permit).await?;
        }
        Ok(Applied::Done { request_id: None })
    }

    async fn examine(&self) -> Vec<Finding> {
        self.gate().examine().await
    }
}

impl Fence {
    fn gate(&self) -> Gate<'_> {
        Gate { server: &self.server, means: self.means }
    }

    fn answer(&self, state: &State, standing: &Standing) -> Answer {
        let is_primary = matches!(state.role, Role::Primary { .. });
        let is_so = if self.fenced {
            // A standby takes no writes, and a fence would only be in the way when it is promoted.
            !is_primary || standing.is_shut(self.means)
        } else {
            !standing.is_touched()
        };
        if is_so {
            return Answer::AsDesired;
        }
        let says = if self.fenced {
            let sessions = standing.sessions;
            format!(
                "{}: keep all but `{}` out, and end {sessions} sessions",
                self.server.name, self.server.user
            )
        } else {
            format!("{}: let everybody in again", self.server.name)
        };
        let id = if self.fenced { "fence" } else { "open" };
        Answer::Missing(vec![Change::harmless(id, Sign::Changes, says)])
    }
}
