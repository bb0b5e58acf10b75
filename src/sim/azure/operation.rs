//! Long-running operations, in the three styles of the services that have them.
//!
//! Sources: ARM RPC, "Asynchronous Operations", and recordings of az for what each service really sends.

use super::{
    postgres::{self, Duty},
    storage,
    web::{self, Task},
};
use crate::sim::{
    address::Address,
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fmt::Write, sync::LazyLock, time::Duration};
use uuid::Uuid;

/// How long an operation's address answers after its end.
const REMEMBERED: Duration = Duration::from_hours(24);
/// What the addresses of storage begin their query with.
const MONITOR: &str = "monitor=true&";

/// A change that takes its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Operation {
    pub id: String,
    pub subscription: String,
    pub location: String,
    pub started: Timestamp,
    pub ends: Timestamp,
    pub work: Work,
    pub progress: Progress,
    /// Whether it ends without having brought anything about.
    pub is_doomed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Progress {
    Running,
    Succeeded,
    Failed,
}

/// What an operation brings about at its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Work {
    StorageFailover { account: Address, planned: bool },
    Postgres { server: Address, duty: Duty },
    Web { site: Address, task: Task },
}

impl Operation {
    /// When something is due of it.
    pub(in crate::sim) fn due(&self) -> Option<Timestamp> {
        (self.progress == Progress::Running).then_some(self.ends)
    }

    /// Whether its address is the one that was given out, signature and all.
    fn is_asked_by(&self, call: &Call<'_>) -> bool {
        let version = call.parameter("api-version").unwrap_or_default();
        let query = call.query();
        query.strip_prefix(MONITOR).unwrap_or(query) == signed(&self.id, &version)
    }
}

impl Cloud {
    /// Begins an operation, and gives its id.
    pub(in crate::sim) fn begin(
        &mut self,
        subscription: &str,
        location: &str,
        work: Work,
        takes: Duration,
    ) -> String {
        let id = guid(self.accepted);
        self.operations.push(Operation {
            id: id.clone(),
            subscription: subscription.to_owned(),
            location: location.to_owned(),
            started: self.now,
            ends: self.now + takes,
            work,
            progress: Progress::Running,
            is_doomed: false,
        });
        id
    }

    /// Lets the operation that was begun last fail at its end.
    pub(in crate::sim) fn doom_the_last(&mut self) {
        if let Some(operation) = self.operations.last_mut() {
            operation.is_doomed = true;
        }
    }

    /// How an operation stands.
    pub(super) fn progress_of(&self, id: &str) -> Option<Progress> {
        self.operations.iter().find(|one| one.id == id).map(|one| one.progress)
    }

    /// The work that is under way now.
    pub(in crate::sim) fn under_way(&self) -> impl Iterator<Item = &Work> {
        let running = |one: &&Operation| one.progress == Progress::Running;
        self.operations.iter().filter(running).map(|one| &one.work)
    }

    /// Ends every operation that is due now.
    pub(in crate::sim) fn finish_operations(&mut self) {
        for place in 0..self.operations.len() {
            let operation = &self.operations[place];
            if operation.due().is_none_or(|due| due > self.now) {
                continue;
            }
            self.operations[place].progress = match operation.work.clone() {
                _ if operation.is_doomed => Progress::Failed,
                Work::StorageFailover { account, planned } => {
                    storage::finish_failover(self, &account, planned)
                }
                Work::Postgres { server, duty } => postgres::finish(self, &server, duty),
                Work::Web { site, task } => web::finish(self, &site, task),
            };
        }
    }

    fn operation(&self, call: &Call<'_>, id: &str) -> Result<&Operation, Refusal> {
        let known = self.operations.iter().find(|one| one.id.eq_ignore_ascii_case(id));
        let Some(operation) = known.filter(|one| self.now <= one.ends + REMEMBERED) else {
            let why = format!("The operation '{id}' was not found.");
            return Err(Refusal::new(404, "NotFound", why));
        };
        if !operation.is_asked_by(call) {
            let why = "The signature of the operation's address is not valid.";
            return Err(Refusal::new(403, "InvalidOperationSignature", why));
        }
        Ok(operation)
    }
}

/// `Location`: 202 while it runs, then what the synchronous call would have answered.
pub(super) fn result(cloud: &Cloud, call: &Call<'_>, id: &str) -> Replied {
    let operation = cloud.operation(call, id)?;
    match operation.progress {
        Progress::Running => {
            // The same address again: Location must come with every 202 (ARM RPC).
            let here = format!("{}{}?{}", call.base, call.request.uri().path(), call.query());
            let reply = Reply::empty(202).with("location", here);
            // PostgreSQL sends no Retry-After; storage sends 17 (seen in recordings of az).
            Ok(if operation.is_storage() { reply.with("retry-after", "17") } else { reply })
        }
        Progress::Failed => Err(Refusal::new(409, "OperationFailed", operation.failure())),
        Progress::Succeeded => Ok(Reply::empty(200)),
    }
}

/// `Azure-AsyncOperation`: always 200; the body tells.
pub(super) fn status(cloud: &Cloud, call: &Call<'_>, id: &str) -> Replied {
    let operation = cloud.operation(call, id)?;
    let mut body = json!({
        "name": operation.id,
        "status": match operation.progress {
            Progress::Running => "InProgress",
            Progress::Succeeded => "Succeeded",
            Progress::Failed => "Failed",
        },
        "startTime": instant(operation.started),
    });
    if operation.progress != Progress::Running {
        body["endTime"] = json!(instant(operation.ends));
    }
    match operation.progress {
        Progress::Succeeded => body["properties"] = Value::Null,
        Progress::Failed => {
            body["error"] = json!({ "code": "OperationFailed", "message": operation.failure() });
        }
        Progress::Running => {}
    }
    Ok(Reply::json(200, &body))
}

impl Operation {
    fn is_storage(&self) -> bool {
        matches!(self.work, Work::StorageFailover { .. })
    }

    fn failure(&self) -> String {
        let why = if self.is_doomed {
            "an internal error occurred"
        } else {
            "the other region could not be reached"
        };
        format!("The operation '{}' failed: {why}.", self.id)
    }
}

/// The query of an operation's address: four to five kilobytes, to be sent back byte for byte.
pub(super) fn signed(id: &str, version: &str) -> String {
    // The certificate is the same for all, and made once: polls are most of what a long rehearsal sends.
    static CERTIFICATE: LazyLock<String> = LazyLock::new(|| {
        let mut text = String::new();
        scramble(&mut text, 1, 3_600);
        text
    });
    let mut query =
        format!("api-version={version}&t=639171{:012}&c=MIIH", seed(id) % 1_000_000_000_000);
    query.push_str(&CERTIFICATE);
    query.push_str("&s=");
    scramble(&mut query, seed(id) ^ seed(version), 342);
    query.push_str("&h=");
    scramble(&mut query, seed(id) ^ 0x5bd1, 43);
    query
}

/// The same for storage.
pub(super) fn monitored(id: &str, version: &str) -> String {
    format!("{MONITOR}{}", signed(id, version))
}

/// Letters that look like a signature. Nobody needs them to be one: they only have to come back unaltered.
fn scramble(text: &mut String, seed: u64, length: usize) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = seed | 1;
    text.extend((0..length).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[usize::try_from(state >> 58).unwrap_or_default()])
    }));
}

/// The hash of Fowler, Noll and Vo.
pub(super) fn seed(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The guid of the change with this number.
pub(in crate::sim) fn guid(number: u64) -> String {
    let mut name = String::from("failover simulated azure ");
    let _ = write!(name, "{number}");
    let (high, low) =
        (seed(&name), seed(&name).rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    Uuid::from_u64_pair(high, low).to_string()
}

/// An instant as Azure writes most of them.
pub(in crate::sim) fn instant(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
