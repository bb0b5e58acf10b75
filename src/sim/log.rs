//! A log that is written at a rate, and that others follow.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far the log has come: at an instant, and in each second since and before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Log {
    pub lsn: u64,
    pub at: Timestamp,
    pub rate: u64,
    pub before: u64,
}

impl Log {
    pub(super) fn lsn(&self, at: Timestamp) -> u64 {
        let micros = |length: SignedDuration| u64::try_from(length.as_micros()).unwrap_or(0);
        let written = |rate: u64, length| rate * micros(length) / 1_000_000;
        if at >= self.at {
            self.lsn + written(self.rate, at.duration_since(self.at))
        } else {
            self.lsn.saturating_sub(written(self.before, self.at.duration_since(at)))
        }
    }

    /// Goes on at another rate.
    pub(super) fn turn(&mut self, now: Timestamp, rate: u64) {
        if rate != self.rate {
            *self = Self { lsn: self.lsn(now), at: now, rate, before: self.rate };
        }
    }
}
