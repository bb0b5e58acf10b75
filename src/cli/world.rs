//! Wires the three worlds: live, read-only and simulated.

use crate::action::Clients;
use std::time::Duration;

/// A cloud to work in: transport, clock and credentials together.
pub(super) struct World {
    pub clients: Clients,
    /// Simulated seconds in each real second, where somebody watches.
    pub pace: Option<f64>,
    /// The shortest pause between two probes of a watched address.
    pub watch_every: Duration,
    is_simulated: bool,
}

impl World {
    pub(super) fn is_simulated(&self) -> bool {
        self.is_simulated
    }
}
