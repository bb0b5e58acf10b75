//! The folders of the runs: one each, with its plan, its journal and its report.

use super::{Entry, FileStore, Journal, JournalError, Reading, read};
use crate::model::{RunId, Seal};
use serde::de::DeserializeOwned;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The plan may hold settings of apps, so nobody else may read what is kept of a run.
const PRIVATE_FOLDER: u32 = 0o700;
pub(super) const PRIVATE_FILE: u32 = 0o600;

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

    /// Makes the folder, for nobody else to look into, unless it is there.
    pub fn make(&self) -> Result<(), JournalError> {
        if let Some(above) = self.path.parent() {
            fs::create_dir_all(above).map_err(|e| io("make the folder", above, e))?;
        }
        match DirBuilder::new().mode(PRIVATE_FOLDER).create(&self.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(io("make the folder", &self.path, error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes the folder with its plan and an empty journal. Returns once all of it would survive a power cut.
    pub fn create(&self, plan: &[u8]) -> Result<Journal, JournalError> {
        self.make()?;
        write_whole(&self.plan_path(), plan)?;
        let store = FileStore::open(&self.journal_path(), 0)?;
        self.sync()?;
        Ok(Journal::empty(Box::new(store)))
    }

    /// Keeps the key under which the journal holds secrets.
    pub fn keep_seal(&self, seal: &Seal) -> Result<(), JournalError> {
        write_whole(&self.seal_path(), seal.as_bytes())
    }

    /// The key under which the journal holds secrets; a new one when none was kept.
    pub fn seal(&self) -> Result<Seal, JournalError> {
        let path = self.seal_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(Seal::from_bytes(&bytes).unwrap_or_else(Seal::random)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seal::random()),
            Err(error) => Err(io("read the key in", &path, error)),
        }
    }

    fn seal_path(&self) -> PathBuf {
        self.path.join("seal")
    }

    /// Whether anything is kept of a run: its plan, or facts.
    pub fn holds_something(&self) -> bool {
        let has_facts = fs::metadata(self.journal_path()).is_ok_and(|journal| journal.len() > 0);
        has_facts || self.plan_path().exists()
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

    /// The folder may be the first of all: then the folders above it are as new as it is. The state folder's own parent
    /// belongs to others, and need not be ours to open.
    fn sync(&self) -> Result<(), JournalError> {
        self.path.ancestors().take(FOLDERS_OF_A_RUN).try_for_each(sync)?;
        if let Some(above) = self.path.ancestors().nth(FOLDERS_OF_A_RUN) {
            sync(above).ok();
        }
        Ok(())
    }
}

/// The run's own, `runs`, `live` or `simulated`, and the state folder.
const FOLDERS_OF_A_RUN: usize = 4;

/// Returns once what stands in this folder would survive a power cut.
fn sync(path: &Path) -> Result<(), JournalError> {
    // What is above a relative path has no name.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|e| io("make durable the folder", path, e))
}

/// Writes a file so that a reader sees the old one or the new one, whole. Returns once it would survive a power cut.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let beside = path.with_extension("part");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE_FILE)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&beside, path));
    if let Err(source) = written {
        // On a full disk half a file is only in the way.
        fs::remove_file(&beside).ok();
        return Err(io("write", path, source));
    }
    path.parent().map_or(Ok(()), sync)
}

fn io(doing: &'static str, path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Io { doing, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nobody_else_can_read_what_is_kept_of_a_run() {
        let state = tempfile::tempdir().unwrap();
        let runs = Runs::in_folder(state.path().join("live"));
        let folder = runs.folder(RunId::starting_at(jiff::Timestamp::UNIX_EPOCH));
        folder.create(b"{}").unwrap();
        write_whole(&folder.path().join("report.md"), b"# done").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        for file in ["plan.json", "journal.jsonl", "report.md"] {
            assert_eq!(mode(&folder.path().join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("report.md");
        fs::create_dir(&taken).unwrap();
        write_whole(&taken, b"# done").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
