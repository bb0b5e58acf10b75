//! What does the work behind a service: tasks of ECS, instances of an Auto Scaling group, pods of a Deployment.
//!
//! Each is asked for, is up after a while, and leaves after a while when it is told to. A crew changes only when it is
//! asked for another size; how many of it are up follows from the time.

use super::id::digits;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the first of those that are asked for takes.
const STARTS: Duration = Duration::from_secs(40);
/// Over how long the others follow it, and how far apart at most.
const FOLLOW: Duration = Duration::from_mins(1);
const APART: Duration = Duration::from_secs(15);
/// How long the connections of one that leaves are drained.
const LEAVES: Duration = Duration::from_secs(30);
/// How long a load balancer looks at one that is up before it sends anybody there.
pub(super) const SEEN_WELL: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Worker {
    pub id: String,
    pub number: u64,
    pub up_from: Timestamp,
    /// When it was told to leave.
    leaving: Option<Timestamp>,
}

impl Worker {
    fn gone_at(&self) -> Option<Timestamp> {
        self.leaving.map(|told| told + LEAVES)
    }

    /// The availability zone that it is in.
    pub(super) fn zone(&self, region: &str) -> String {
        let letter = ["a", "b", "c"][usize::try_from(self.number % 3).unwrap_or_default()];
        format!("{region}{letter}")
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    pub(super) fn is_up(&self, now: Timestamp) -> bool {
        self.up_from <= now
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crew {
    /// What tells its ids from those of any other.
    name: String,
    hired: u64,
    workers: Vec<Worker>,
}

impl Crew {
    /// A crew of this size that has been up for long.
    pub(super) fn standing(name: &str, size: u64, since: Timestamp) -> Self {
        let mut crew = Self { name: name.to_owned(), hired: 0, workers: Vec::new() };
        (0..size).for_each(|_| crew.hire(since));
        crew
    }

    fn hire(&mut self, up_from: Timestamp) {
        self.hired += 1;
        let id = digits(&format!("{} {}", self.name, self.hired), 17);
        self.workers.push(Worker { id, number: self.hired, up_from, leaving: None });
    }

    /// Those that are there: on their way, up, or leaving.
    pub(super) fn present(&self, now: Timestamp) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(move |worker| worker.gone_at().is_none_or(|gone| gone > now))
    }

    pub(super) fn running(&self, now: Timestamp) -> u64 {
        self.present(now).filter(|worker| worker.is_up(now)).count() as u64
    }

    pub(super) fn pending(&self, now: Timestamp) -> u64 {
        self.present(now).filter(|worker| !worker.is_up(now)).count() as u64
    }

    /// How many stay.
    pub(super) fn size(&self) -> u64 {
        self.workers.iter().filter(|worker| !worker.is_leaving()).count() as u64
    }

    /// Asks for another size: the new ones follow each other, and the newest leave first.
    pub(super) fn resize(&mut self, size: u64, now: Timestamp) {
        self.workers.retain(|worker| worker.gone_at().is_none_or(|gone| gone > now));
        let missing = size.saturating_sub(self.size());
        let apart = FOLLOW / u32::try_from(missing).unwrap_or(u32::MAX).max(1);
        for number in 0..u32::try_from(missing).unwrap_or(u32::MAX) {
            self.hire(now + STARTS + apart.min(APART) * number);
        }
        let over = usize::try_from(self.size().saturating_sub(size)).unwrap_or(usize::MAX);
        let staying = self.workers.iter_mut().rev().filter(|worker| !worker.is_leaving());
        staying.take(over).for_each(|worker| worker.leaving = Some(now));
        // One that never came up leaves at once.
        self.workers.retain(|worker| !worker.is_leaving() || worker.is_up(now));
    }

    /// The next instant at which one is up, is seen to be well by a load balancer, or is gone.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let instants = self.workers.iter().flat_map(|worker| {
            [Some(worker.up_from), Some(worker.up_from + SEEN_WELL), worker.gone_at()]
        });
        instants.flatten().filter(|at| *at > now).min()
    }
}
