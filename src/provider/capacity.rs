//! How much of something there should be.
//!
//! A number means "at least": a region that runs more than that has a reason for it, and an outage is no time to take
//! its capacity away.

use crate::{
    action::{Default, Parameter, Params, Shape},
    model::Diagnostic,
};

pub(super) const EXACTLY: Parameter = Parameter::optional(
    "exactly",
    Shape::Flag,
    "Take away what is more than that, too; without it nothing is scaled in",
)
.or(Default::Flag(false));

/// Whether a number is met by more, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    AtLeast,
    Exactly,
}

impl Meant {
    pub(super) fn by(params: &Params<'_>) -> Result<Self, Diagnostic> {
        Ok(if params.flag(EXACTLY.name)? { Self::Exactly } else { Self::AtLeast })
    }

    /// What becomes of a number when this one is wanted.
    pub(super) fn of(self, now: i64, wanted: i64) -> i64 {
        match self {
            Self::AtLeast => now.max(wanted),
            Self::Exactly => wanted,
        }
    }
}
