//! What Azure asks of two servers before it swaps their roles, and what stays behind with the old primary.
//!
//! Reads only. Azure asks for equal servers as long as the old primary's region is up, also when the promotion is
//! forced. <https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote>

use super::{
    arm::Arm,
    call::Call,
    id::Id,
    postgres::{READ_ONLY, Server, Setting, replication},
};
use crate::{
    action::Finding,
    model::{Mode, Resource},
};
use futures_util::future::{join, join3};
use serde::Deserialize;

/// Parameters that size the memory which both servers share, and that must be the same.
const SYMMETRIC: [&str; 5] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
];

/// A replica that is to become the primary, and the primary until now.
pub(super) struct Pair<'a> {
    pub arm: &'a Arm,
    pub server: &'a Resource,
    pub from: &'a Resource,
    pub mode: Mode,
    /// A switchover; else the server is to stand alone, and nothing is asked of the other one.
    pub swaps: bool,
}

impl Pair<'_> {
    pub(super) async fn examine(&self, server: &Server, from: Option<&Server>) -> Vec<Finding> {
        let (name, old) = (&self.server.name, &self.from.name);
        let Some(from) = from else {
            return vec![Finding::note(format!(
                "`{old}` cannot be asked: unknown whether it is like `{name}`, and has a virtual endpoint for it"
            ))];
        };
        let (state, settings, endpoint) = join3(
            replication(self.arm, self.from, self.server),
            join(
                Setting::glimpse_all(self.arm, self.server),
                Setting::glimpse_all(self.arm, self.from),
            ),
            self.virtual_endpoint(),
        )
        .await;
        let is_up = state.as_deref() == Some("Active");
        let mut findings = Vec::new();
        if let Some(state) = state.filter(|_| self.mode == Mode::Planned && !is_up) {
            let why = format!("the replication of `{name}` is {state}, not Active");
            findings.push(Finding::blocker(why));
        }
        if self.swaps {
            findings.extend(endpoint);
            findings.extend(self.sizes(server, from, is_up));
        }
        match settings {
            (Some(own), Some(old)) => findings.extend(self.settings(&own, &old, is_up)),
            _ => findings.push(Finding::note(format!(
                "unknown whether the parameters of `{name}` are those of `{old}`"
            ))),
        }
        findings.extend(self.left_behind(server, from));
        findings
    }

    /// A difference that Azure refuses a switchover for. While the region of the old primary is lost it does not ask.
    fn refused(&self, says: String, is_up: bool) -> Finding {
        if self.mode == Mode::Planned || is_up {
            Finding::blocker(says)
        } else {
            Finding::warning(says)
        }
    }

    fn sizes(&self, server: &Server, from: &Server, is_up: bool) -> Vec<Finding> {
        let (name, old) = (&self.server.name, &self.from.name);
        let size = |server: &Server| {
            let sku = server.sku.as_ref().map(|sku| (sku.name.clone(), sku.tier.clone()));
            let storage = server.properties.storage.as_ref();
            (sku, storage.and_then(|storage| storage.get("storageSizeGB").cloned()))
        };
        let mut findings = Vec::new();
        if size(server) != size(from) {
            let says = format!(
                "`{name}` and `{old}` differ in size or storage, and a switchover wants them alike"
            );
            findings.push(self.refused(says, is_up));
        }
        // A planned run waits for nothing of the kind: it is refused by what it sees.
        if self.mode == Mode::Unplanned && from.is_out_of_service() {
            let state = from.state();
            let says = format!("`{old}` is {state}, and a switchover wants both servers Ready");
            findings.push(self.refused(says, is_up));
        }
        findings
    }

    fn settings(&self, own: &[Setting], old: &[Setting], is_up: bool) -> Vec<Finding> {
        let differs = |setting: &&Setting| {
            let other = own.iter().find(|other| other.name.eq_ignore_ascii_case(&setting.name));
            other.is_none_or(|other| other.value() != setting.value())
        };
        let is_symmetric = |setting: &&Setting| {
            SYMMETRIC.iter().any(|name| setting.name.eq_ignore_ascii_case(name))
        };
        let (unequal, left): (Vec<_>, Vec<_>) =
            old.iter().filter(differs).partition(|setting| is_symmetric(setting));
        let (name, from) = (&self.server.name, &self.from.name);
        let mut findings = Vec::new();
        if self.swaps && !unequal.is_empty() {
            let names = names(&unequal);
            let says = format!(
                "`{name}` and `{from}` differ in {names}, and a switchover wants them alike"
            );
            findings.push(self.refused(says, is_up));
        }
        let is_lost =
            |setting: &&Setting| setting.is_set() && !setting.name.eq_ignore_ascii_case(READ_ONLY);
        let left: Vec<_> = left.into_iter().filter(is_lost).collect();
        if !left.is_empty() {
            let names = names(&left);
            findings.push(Finding::warning(format!(
                "{names} of `{from}` do not move with the role: `{name}` has values of its own"
            )));
        }
        findings
    }

    /// What a server has for itself, and the new primary would lack.
    fn left_behind(&self, server: &Server, from: &Server) -> Vec<Finding> {
        let (name, old) = (&self.server.name, &self.from.name);
        let mut findings = Vec::new();
        if from.is_highly_available() && !server.is_highly_available() {
            findings.push(Finding::warning(format!(
                "`{old}` has high availability, which a promotion ends: switch it on for `{name}` afterwards"
            )));
        }
        if server.is_closed() && !from.is_closed() {
            findings.push(Finding::warning(format!(
                "the public network access of `{name}` is closed, and that of `{old}` is open"
            )));
        }
        findings
    }

    /// A switchover moves the names of a virtual endpoint, and is refused without one whose reader is the replica. It
    /// is managed through the primary, so it must be there before that one is lost.
    async fn virtual_endpoint(&self) -> Option<Finding> {
        if !self.swaps {
            return None;
        }
        let (name, from) = (&self.server.name, &self.from.name);
        let id = Id::of(self.from).then("virtualendpoints");
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

fn names(settings: &[&Setting]) -> String {
    settings.iter().map(|setting| setting.name.as_str()).collect::<Vec<_>>().join(", ")
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
