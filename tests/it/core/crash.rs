//! Where a process dies: at a journal write, or at a request; before or after it.

use async_trait::async_trait;
use failover::journal::{JournalError, MemoryStore, Store};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// Burns down by one at every point where a process can die, and then the process is dead.
#[derive(Clone)]
pub struct Fuse {
    left: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
    died: Arc<Mutex<Option<&'static str>>>,
    blown: Arc<Notify>,
    pub lines: MemoryStore,
    /// Lost when the process dies, as by a power cut.
    noted: String,
}

impl Fuse {
    pub fn new() -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            passed: Arc::default(),
            died: Arc::default(),
            blown: Arc::default(),
            lines: MemoryStore::default(),
            noted: String::new(),
        }
    }

    /// Dies at the point number `points` from now, the first being 0.
    pub fn set(&self, points: usize) {
        self.left.store(points, Ordering::SeqCst);
        *self.died.lock().unwrap() = None;
    }

    /// How many points were passed.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// Where the process died, if it did.
    pub fn died(&self) -> Option<&'static str> {
        *self.died.lock().unwrap()
    }

    pub async fn blown(&self) {
        self.blown.notified().await;
    }

    pub async fn burn(&self, here: &'static str) {
        self.passed.fetch_add(1, Ordering::SeqCst);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            *self.died.lock().unwrap() = Some(here);
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Write ahead: at every change that arrives, its fact is in the journal already.
    pub fn check_written_ahead(&self, record: u64) {
        let text = self.lines.text();
        let line = text.lines().find(|line| line.contains(&format!("\"n\":{record},")));
        assert!(
            line.is_some_and(|line| line.contains("\"change_begun\"")),
            "a change arrived with the permit of record {record}, which the journal does not hold"
        );
    }
}

#[async_trait]
impl Store for Fuse {
    fn note(&mut self, lines: &str) -> Result<(), JournalError> {
        self.noted.push_str(lines);
        Ok(())
    }

    async fn append(&mut self, lines: String) -> Result<(), JournalError> {
        self.burn("before a write").await;
        self.lines.append(std::mem::take(&mut self.noted) + &lines).await?;
        self.burn("after a write").await;
        Ok(())
    }
}
