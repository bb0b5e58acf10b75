//! Planned or unplanned.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether `from` is reachable and is drained without loss, or is presumed lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Planned,
    Unplanned,
}

impl Mode {
    pub const ALL: [Self; 2] = [Self::Planned, Self::Unplanned];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unplanned => "unplanned",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
