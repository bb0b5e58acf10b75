//! The folders of the runs: one each, with its plan, its journal and its report.

use super::{Entry, FileStore, Journal, JournalError, Reading, read};
use crate::model::RunId;
use serde::de::DeserializeOwned;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// All runs of one state folder.
#[derive(Clone, Debug)]
pub struct Runs {
    root: PathBuf,
}

impl Runs {
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the locks are.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub fn folder(&self, run: RunId) -> Folder {
        Folder { path: self.root.join("runs").join(run.to_string()) }
    }

    /// The ids of all runs, the oldest first.
    pub fn list(&self) -> Result<Vec<RunId>, JournalError> {
        let path = self.root.join("runs");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io("list the runs in", &path, source)),
        };
        let name =
            |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        let mut runs: Vec<_> =
            entries.filter_map(name).filter_map(|name| RunId::parse(&name)).collect();
        runs.sort_unstable();
        Ok(runs)
    }
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn journal_path(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    fn plan_path(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// Makes the folder with its plan and an empty journal. Returns once all of it would survive a power cut.
    pub fn create(&self, plan: &[u8]) -> Result<Journal, JournalError> {
        fs::create_dir_all(&self.path).map_err(|e| io("make the folder", &self.path, e))?;
        write_whole(&self.plan_path(), plan)?;
        let store = FileStore::open(&self.journal_path(), 0)?;
        self.sync()?;
        Ok(Journal::empty(Box::new(store)))
    }

    /// The bytes of the stored plan.
    pub fn plan(&self) -> Result<Vec<u8>, JournalError> {
        let path = self.plan_path();
        fs::read(&path).map_err(|e| io("read the plan", &path, e))
    }

    /// Reads the journal without touching it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Reading<T>, JournalError> {
        let path = self.journal_path();
        let bytes = fs::read(&path).map_err(|e| io("read the journal", &path, e))?;
        read(&bytes)
    }

    /// Opens the journal to go on with it. The caller holds the lock.
    pub fn open<T: DeserializeOwned>(&self) -> Result<(Vec<Entry<T>>, Journal), JournalError> {
        let reading = self.read()?;
        let store = FileStore::open(&self.journal_path(), reading.whole)?;
        let journal = Journal::at_end_of(Box::new(store), &reading);
        Ok((reading.entries, journal))
    }

    fn sync(&self) -> Result<(), JournalError> {
        for path in [Some(self.path.as_path()), self.path.parent()].into_iter().flatten() {
            let synced = File::open(path).and_then(|folder| folder.sync_all());
            synced.map_err(|e| io("make durable the folder", path, e))?;
        }
        Ok(())
    }
}

/// Writes a file so that a reader sees the old one or the new one, whole.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let beside = path.with_extension("part");
    File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| io("write", path, source))
}

fn io(doing: &'static str, path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Io { doing, path: path.display().to_string(), source }
}
