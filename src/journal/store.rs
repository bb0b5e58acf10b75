//! Where the lines of a journal are kept.

use super::{JournalError, folder::PRIVATE_FILE};
use async_trait::async_trait;
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Keeps lines.
#[async_trait]
pub trait Store: Send {
    /// Adds lines that others may read at once, and that need not survive a power cut before the next append.
    fn note(&mut self, lines: &str) -> Result<(), JournalError>;

    /// Adds lines. Returns only once they, and all that was noted before, would survive a power cut.
    async fn append(&mut self, lines: String) -> Result<(), JournalError>;
}

/// A file on this machine.
pub struct FileStore {
    file: Arc<File>,
    path: PathBuf,
}

impl FileStore {
    /// Opens the file for adding, and cuts off what follows `whole` bytes: a torn last line.
    pub fn open(path: &Path, whole: usize) -> Result<Self, JournalError> {
        let failed = |doing| {
            move |source| JournalError::Io { doing, path: path.display().to_string(), source }
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(PRIVATE_FILE)
            .open(path)
            .map_err(failed("open the journal"))?;
        let length = file.metadata().map_err(failed("read the size of the journal"))?.len();
        if length > whole as u64 {
            file.set_len(whole as u64)
                .and_then(|()| file.sync_data())
                .map_err(failed("cut the torn last line off the journal"))?;
        }
        Ok(Self { file: Arc::new(file), path: path.to_owned() })
    }

    fn failed(&self, source: std::io::Error) -> JournalError {
        JournalError::Io {
            doing: "write the journal",
            path: self.path.display().to_string(),
            source,
        }
    }
}

#[async_trait]
impl Store for FileStore {
    fn note(&mut self, lines: &str) -> Result<(), JournalError> {
        (&*self.file).write_all(lines.as_bytes()).map_err(|source| self.failed(source))
    }

    async fn append(&mut self, lines: String) -> Result<(), JournalError> {
        let file = Arc::clone(&self.file);
        // A paused runtime waits for its blocking threads, so that virtual time does not run away from the disk.
        let written = tokio::task::spawn_blocking(move || {
            (&*file).write_all(lines.as_bytes()).and_then(|()| file.sync_data())
        })
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|source| self.failed(source))
    }
}

/// A text in memory: for rehearsals that leave nothing behind.
#[derive(Clone, Default)]
pub struct MemoryStore {
    durable: Arc<Mutex<String>>,
    /// What a power cut would take away.
    noted: String,
}

impl MemoryStore {
    /// What would survive a power cut.
    pub fn text(&self) -> String {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn note(&mut self, lines: &str) -> Result<(), JournalError> {
        self.noted.push_str(lines);
        Ok(())
    }

    async fn append(&mut self, lines: String) -> Result<(), JournalError> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        durable.push_str(&std::mem::take(&mut self.noted));
        durable.push_str(&lines);
        Ok(())
    }
}
