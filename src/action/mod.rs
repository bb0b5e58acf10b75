//! The seam between the engine and the providers.
//!
//! An action says what should be true of the world. It never says "run this": [`Action::observe`] reads the world and
//! names the changes that are missing, the engine decides whether and when one of them is applied, and only a
//! [`Permit`] from the journal lets it be sent.

mod check;
mod clients;
mod kind;
mod params;
mod plane;

pub use check::{check, check_part, check_url, resource_keys};
pub use clients::{
    Aws, AwsKeys, Clients, Cluster, Clusters, Endpoints, Gateway, Keys, Secrets, Tokens,
};
pub use kind::{Bind, Catalogue, Default, Effect, Kind, Parameter, Placed, Shape, Times, Within};
pub use params::{File, Params, resource, resource_node};
pub use plane::{Needed, Plane};

use crate::{
    journal::Permit,
    model::{ChangeId, Evidence, Region},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One step's action, bound to its typed parameters and its clients.
#[async_trait]
pub trait Action: Send + Sync {
    /// Reads the world, and changes nothing.
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble>;

    /// Sends one change. An error of the transport after the first byte was sent must become
    /// [`Unapplied::InDoubt`], never [`Unapplied::Refused`].
    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied>;

    /// Asks the cloud how an accepted operation stands. Only the cloud says that one failed.
    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        Err(Trouble::odd(format!("this action has no operations, and was asked about {handle:?}")))
    }

    /// Looks for what would stop the step later: missing permissions, locks, prerequisites. Reads only.
    async fn examine(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// What an observation may need to know of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub now: Timestamp,
    /// When the last change of this step settled, or else when its attempt began.
    pub since: Timestamp,
    /// The changes of this step that have settled, for what the world itself cannot tell.
    pub settled: Vec<ChangeId>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub answer: Answer,
    /// Comes with every answer: what people and references read.
    pub evidence: Evidence,
    /// Who holds the role now that this action moves.
    pub serves: Serves,
}

/// Who holds a role: users, or the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// This action moves no role, or cannot tell who holds it.
    NoRole,
    /// No region alone: users see a page, or several regions have them.
    Nobody,
    Region(Region),
}

impl Observation {
    pub fn new(answer: Answer, evidence: Evidence) -> Self {
        Self { answer, evidence, serves: Serves::NoRole }
    }

    #[must_use]
    pub fn serving(mut self, serves: Serves) -> Self {
        self.serves = serves;
        self
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    AsDesired,
    /// These changes would make it so, in this order.
    Missing(Vec<Change>),
    /// The world cannot tell; only the journal knows which of these were done.
    Unseen(Vec<Change>),
    /// Something is under way, or an earlier step may cure it.
    NotYet {
        why: String,
        look_again: Duration,
    },
    /// No waiting will help.
    Never {
        why: String,
    },
}

/// One thing that an action would send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Stable across observations and processes.
    pub id: ChangeId,
    /// What it does, in one line for people, with its sign: `+` creates, `~` changes, `!` cannot be undone.
    pub says: String,
    pub sign: Sign,
    pub repeat: Repeat,
    /// Stay in the present state at least this long before this change.
    pub stay_before: Duration,
    pub by: By,
}

impl Change {
    pub fn harmless(id: impl Into<String>, sign: Sign, says: impl Into<String>) -> Self {
        Self {
            id: ChangeId::new(id),
            says: says.into(),
            sign,
            repeat: Repeat::Harmless,
            stay_before: Duration::ZERO,
            by: By::Cloud,
        }
    }

    #[must_use]
    pub fn only_from(mut self, mark: Mark) -> Self {
        self.repeat = Repeat::OnlyFrom(mark);
        self
    }

    #[must_use]
    pub fn after_staying(mut self, length: Duration) -> Self {
        self.stay_before = length;
        self
    }

    /// Whether sending it twice could do harm.
    pub fn is_harmful(&self) -> bool {
        matches!(self.repeat, Repeat::OnlyFrom(_) | Repeat::Never)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    Creates,
    Changes,
    CannotBeUndone,
}

impl Sign {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creates => "+",
            Self::Changes => "~",
            Self::CannotBeUndone => "!",
        }
    }
}

/// When a change may be sent again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Whenever it is still missing: a declarative PUT.
    Harmless,
    /// Only while the world's mark is what it was when the change was begun.
    OnlyFrom(Mark),
    /// Meant to be repeated this often, until it shows or the step's deadline has passed.
    Every(Duration),
    /// Never: when in doubt, only the operator can say.
    Never,
}

/// What the world shows of whether a harmful change has happened: it moves when the change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub Evidence);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Cloud,
    Person,
}

/// Where to ask about an operation that a cloud has accepted. Only the action that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub serde_json::Value);

#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    Done { request_id: Option<String> },
    Accepted { handle: Handle, request_id: Option<String> },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Unapplied {
    /// The cloud said no: nothing has changed.
    Refused { why: String, request_id: Option<String> },
    /// The cloud said "later" before it began: nothing has changed.
    Deferred { why: String, wait: Duration },
    /// Nobody knows whether it reached the cloud, which may want to be left alone for a while.
    InDoubt { why: String, wait: Option<Duration> },
}

impl Unapplied {
    pub fn why(&self) -> &str {
        match self {
            Self::Refused { why, .. } | Self::Deferred { why, .. } | Self::InDoubt { why, .. } => {
                why
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Polled {
    Done,
    Pending { says: String, look_again: Duration },
    Failed { why: String },
}

/// A read that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    pub why: String,
    pub kind: TroubleKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// No answer came.
    Unreachable,
    /// The cloud wants to know who is asking (401), or will not tell this caller (403).
    Denied,
    /// This read is refused in a read-only world, so its answer is unknown.
    NotRead,
    /// An answer came that says nothing useful.
    Odd,
}

impl Trouble {
    pub fn unreachable(why: impl Into<String>) -> Self {
        Self { why: why.into(), kind: TroubleKind::Unreachable }
    }

    pub fn denied(why: impl Into<String>) -> Self {
        Self { why: why.into(), kind: TroubleKind::Denied }
    }

    pub fn odd(why: impl Into<String>) -> Self {
        Self { why: why.into(), kind: TroubleKind::Odd }
    }
}

/// Something that preflight should tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub weight: Weight,
    pub says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    Note,
    Warning,
    Blocker,
}

impl Finding {
    pub fn blocker(says: impl Into<String>) -> Self {
        Self { weight: Weight::Blocker, says: says.into() }
    }

    pub fn warning(says: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, says: says.into() }
    }

    pub fn note(says: impl Into<String>) -> Self {
        Self { weight: Weight::Note, says: says.into() }
    }

    /// Makes a warning of a blocker, where the run can go on without what it blocks.
    pub fn soften(&mut self) {
        self.weight = self.weight.min(Weight::Warning);
    }
}
