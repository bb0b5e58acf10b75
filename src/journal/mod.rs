//! Durable records, whatever they say. Knows nothing of steps or clouds.
//!
//! A journal is a file of JSON lines to which lines are only ever added. Each line carries a checksum of itself and the
//! hash of the line before, so that nothing can be changed, left out or put in without being noticed. A process that
//! died while writing leaves at most one torn line, the last and without an end; that line is forgotten, because nothing
//! was done in its name. Any other damage is refused.
//!
//! The room gives out [`Permit`]s: proof that a fact is on disk. There is no other way to get one.

mod folder;
mod lock;
mod record;
mod store;

pub use folder::{Folder, Runs, write_whole};
pub use lock::{Holder, Lock, LockError, lock_holder};
pub use record::{Entry, Reading, read};
pub use store::{FileStore, MemoryStore, Store};

use jiff::Timestamp;
use record::Chain;
use serde::Serialize;

/// The journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("line {line} of the journal is damaged: {why}")]
    Damaged { line: usize, why: String },
    #[error("a record cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
}

/// Proof that the fact of a change is durable. Only [`Receipt::permit`] makes one.
#[derive(Debug)]
pub struct Permit {
    record: u64,
}

impl Permit {
    /// The number of the record that allows the change.
    pub fn record(&self) -> u64 {
        self.record
    }
}

/// What an append gives back.
#[derive(Debug)]
pub struct Receipt {
    first: u64,
    count: u64,
    durable: bool,
}

impl Receipt {
    /// The permit that the record at this place of the batch gives; none unless the batch is on disk.
    pub fn permit(&self, place: usize) -> Option<Permit> {
        let place = u64::try_from(place).ok()?;
        (self.durable && place < self.count).then_some(Permit { record: self.first + place })
    }
}

/// Whether an append returns only once the batch would survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On disk with the next durable append at the latest; until then a power cut may take it away.
    WithTheNext,
    Now,
}

/// The open journal of one run.
pub struct Journal {
    store: Box<dyn Store>,
    chain: Chain,
    /// Whether there are lines that a power cut would take away.
    has_notes: bool,
}

impl Journal {
    /// Opens a journal at the end of what was read from it.
    pub fn at_end_of<T>(store: Box<dyn Store>, reading: &Reading<T>) -> Self {
        Self { store, chain: reading.chain.clone(), has_notes: false }
    }

    /// Opens an empty journal.
    pub fn empty(store: Box<dyn Store>) -> Self {
        Self { store, chain: Chain::default(), has_notes: false }
    }

    /// Adds records. With [`Durability::Now`] it returns only once they, and all before them, are on disk: one write and
    /// one `fdatasync` for the whole batch.
    ///
    /// # Errors
    /// After an error the journal's state on disk is unknown: nothing may be done any more in this run's name.
    pub async fn append<T: Serialize>(
        &mut self,
        at: Timestamp,
        facts: &[T],
        durability: Durability,
    ) -> Result<Receipt, JournalError> {
        let first = self.chain.next();
        let mut lines = String::new();
        for fact in facts {
            self.chain.write(at, fact, &mut lines).map_err(JournalError::Unwritable)?;
        }
        let durable = durability == Durability::Now;
        if !durable && !lines.is_empty() {
            self.store.note(&lines)?;
            self.has_notes = true;
        } else if durable && (self.has_notes || !lines.is_empty()) {
            self.store.append(lines).await?;
            self.has_notes = false;
        }
        Ok(Receipt { first, count: facts.len() as u64, durable })
    }
}
