//! Names that must not be mixed up, each a type of its own.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name! {
    /// The id that a runbook gives to a step.
    StepId
}
name! {
    /// The name of an action, such as `azure.storage.failover`.
    ActionName
}
name! {
    /// The name of a region, a key of the runbook's `regions`.
    Region
}
name! {
    /// The name of one change of an action: the same across observations, processes and attempts.
    ChangeId
}

/// Identifies one execution of a plan.
///
/// A version 7 UUID (RFC 9562), so that runs sort by their start. People see and type only its random tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// Makes a new id that says when the run began.
    pub fn starting_at(now: jiff::Timestamp) -> Self {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let stamp = uuid::Timestamp::from_unix(
            uuid::NoContext,
            seconds,
            now.subsec_nanosecond().unsigned_abs(),
        );
        Self(Uuid::new_v7(stamp))
    }

    /// Reads the whole id, as it stands in file names.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The four characters that people see and type. Two runs may share them: look for all that match.
    pub fn short(&self) -> String {
        let whole = self.0.simple().to_string();
        whole[whole.len() - 4..].to_owned()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
