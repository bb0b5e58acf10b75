//! One run at a time under one lock, among the processes of this machine that share a state folder.

use super::JournalError;
use crate::model::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    time::Duration,
};

/// Who holds a lock: what the next one to come is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub run: RunId,
    pub who: String,
    pub host: String,
    pub process: u32,
    pub since: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another run holds the lock")]
    Held(Option<Holder>),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Holds the lock until it is dropped or its process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(folder: &Path, name: &str, holder: &Holder) -> Result<Self, LockError> {
        let path = folder.join(file_name(name));
        let failed = |doing| {
            let path = path.display().to_string();
            move |source| LockError::Journal(JournalError::Io { doing, path, source })
        };
        fs::create_dir_all(folder).map_err(failed("make the folder of the lock"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open the lock"))?;
        if !try_for_a_moment(&file).map_err(failed("take the lock"))? {
            return Err(LockError::Held(read_holder(&mut file)));
        }
        let text = serde_json::to_vec(holder).map_err(JournalError::Unwritable)?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text))
            .map_err(failed("write the lock"))?;
        Ok(Self { _file: file })
    }
}

/// Who holds this lock now, if anybody does. Changes nothing.
pub fn lock_holder(folder: &Path, name: &str) -> Result<Option<Holder>, JournalError> {
    let path = folder.join(file_name(name));
    let failed = |source| JournalError::Io {
        doing: "look at the lock",
        path: path.display().to_string(),
        source,
    };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(read_holder(&mut file)),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Somebody who only looks at a lock is in its way for an instant, so one refusal is not the last word.
fn try_for_a_moment(file: &File) -> std::io::Result<bool> {
    for pause in [2, 8, 30, 0] {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(pause)),
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
    Ok(false)
}

/// The holder may be writing its name just now; then it stays unknown.
fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// A lock's name may hold anything; its file's name must not.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let readable: String = name.chars().map(safe).collect();
    format!("{readable}-{:08x}.lock", crc32fast::hash(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder {
            run: RunId::starting_at(Timestamp::UNIX_EPOCH),
            who: "asha".into(),
            host: "bastion-2".into(),
            process: 7,
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_second_to_come_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = holder();
        let lock = Lock::take(folder.path(), "proseware", &first).unwrap();
        let refused = Lock::take(folder.path(), "proseware", &holder()).unwrap_err();
        assert!(matches!(refused, LockError::Held(Some(held)) if held == first));
        assert_eq!(lock_holder(folder.path(), "proseware").unwrap(), Some(first));
        drop(lock);
        assert_eq!(lock_holder(folder.path(), "proseware").unwrap(), None);
        Lock::take(folder.path(), "proseware", &holder()).unwrap();
    }

    #[test]
    fn names_that_look_alike_on_disk_are_different_locks() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Lock::take(folder.path(), "a/b", &holder()).unwrap();
        Lock::take(folder.path(), "a_b", &holder()).unwrap();
    }
}
