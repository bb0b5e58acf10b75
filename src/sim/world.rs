//! A cloud and what is kept of it: in a folder beside the run's journal, or nowhere.
//!
//! `base.json` is the state at the start, `ledger.jsonl` every change that was accepted since, with its instant. The
//! line is written before the answer is given, so whatever a client knows to have happened is there when the world is
//! opened again. `requests.log` lists every request, for people.

use super::{
    cloud::{Answer, Cloud, Outage},
    ledger::Line,
};
use crate::{plan::Plan, wire::Request};
use jiff::Timestamp;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

const BASE: &str = "base.json";
const LEDGER: &str = "ledger.jsonl";
const REQUESTS: &str = "requests.log";

#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("cannot {doing} {path}")]
    Io { doing: &'static str, path: String, source: std::io::Error },
    #[error("{path} is not a simulated world of this version")]
    Unreadable { path: String, source: serde_json::Error },
    #[error("line {line} of {path} cannot be carried out again")]
    Unrepeatable { path: String, line: usize },
}

/// A simulated cloud, and where it is kept.
pub struct World {
    cloud: Cloud,
    kept: Option<Kept>,
}

struct Kept {
    ledger: File,
    ledger_path: PathBuf,
    requests: File,
}

impl World {
    /// Keeps nothing: for rehearsals that leave nothing behind.
    pub fn in_memory(cloud: Cloud) -> Self {
        Self { cloud, kept: None }
    }

    /// Begins a world in a folder, which is made.
    pub fn create(folder: &Path, cloud: Cloud) -> Result<Self, WorldError> {
        fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        let path = folder.join(BASE);
        let unreadable =
            |source| WorldError::Unreadable { path: path.display().to_string(), source };
        let base = serde_json::to_vec(&cloud).map_err(unreadable)?;
        // Written beside and renamed, so that a world is there whole or not at all.
        let part = folder.join("base.part");
        fs::write(&part, base)
            .and_then(|()| fs::rename(&part, &path))
            .map_err(io("write", &path))?;
        let ledger = folder.join(LEDGER);
        File::create(&ledger).map_err(io("make", &ledger))?;
        Ok(Self { cloud, kept: Some(Kept::open(folder)?) })
    }

    /// Opens a world as the last answer left it.
    pub fn open(folder: &Path) -> Result<Self, WorldError> {
        let cloud = read(folder)?;
        cut_torn_line(&folder.join(LEDGER))?;
        Ok(Self { cloud, kept: Some(Kept::open(folder)?) })
    }

    /// Begins a world where another ended, with what the plan names and the other one lacks.
    pub fn after(old: &Path, new: &Path, plan: &Plan, now: Timestamp) -> Result<Self, WorldError> {
        let mut cloud = read(old)?;
        cloud.advance(now);
        cloud.add_missing(plan);
        Self::create(new, cloud)
    }

    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The cloud, to be set up. What is changed here is not kept.
    pub fn cloud_mut(&mut self) -> &mut Cloud {
        &mut self.cloud
    }

    /// Begins, changes or ends the outage of a region, for good.
    pub fn set_outage(
        &mut self,
        outage: Outage,
        region: &str,
        now: Timestamp,
    ) -> Result<(), WorldError> {
        self.cloud.set_outage(outage, region, now);
        let line = Line::Outage { at: self.cloud.now(), outage, region: region.to_owned() };
        self.keep(&line)
    }

    /// Answers a request, once its change is kept.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, WorldError> {
        let answer = self.cloud.answer(request, now);
        if answer.has_changed && self.kept.is_some() {
            self.keep(&Line::change(request, self.cloud.now()))?;
        }
        Ok(answer)
    }

    fn keep(&mut self, line: &Line) -> Result<(), WorldError> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let mut text = serde_json::to_string(line).map_err(|source| WorldError::Unreadable {
            path: kept.ledger_path.display().to_string(),
            source,
        })?;
        text.push('\n');
        kept.ledger.write_all(text.as_bytes()).map_err(io("write", &kept.ledger_path))
    }

    /// Notes a request where people can see it. Losing such a line harms nothing.
    pub(super) fn note(&mut self, line: &str) {
        if let Some(kept) = &mut self.kept {
            writeln!(kept.requests, "{line}").ok();
        }
    }
}

impl Kept {
    fn open(folder: &Path) -> Result<Self, WorldError> {
        let open = |name: &str| {
            let path = folder.join(name);
            let file = OpenOptions::new().append(true).create(true).open(&path);
            file.map_err(io("open", &path))
        };
        let ledger_path = folder.join(LEDGER);
        Ok(Self { ledger: open(LEDGER)?, ledger_path, requests: open(REQUESTS)? })
    }
}

fn read(folder: &Path) -> Result<Cloud, WorldError> {
    let path = folder.join(BASE);
    let base = fs::read(&path).map_err(io("read", &path))?;
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| WorldError::Unreadable { path, source }
    };
    let mut cloud: Cloud = serde_json::from_slice(&base).map_err(unreadable(&path))?;
    let path = folder.join(LEDGER);
    let ledger = fs::read_to_string(&path).map_err(io("read", &path))?;
    // A last line without its end was not answered: the process died while it wrote.
    let whole = ledger.rfind('\n').map_or("", |end| &ledger[..end]);
    for (number, text) in whole.lines().enumerate() {
        let line: Line = serde_json::from_str(text).map_err(unreadable(&path))?;
        if !line.replay(&mut cloud) {
            let path = path.display().to_string();
            return Err(WorldError::Unrepeatable { path, line: number + 1 });
        }
    }
    Ok(cloud)
}

fn cut_torn_line(path: &Path) -> Result<(), WorldError> {
    let ledger = fs::read(path).map_err(io("read", path))?;
    let whole = ledger.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let file = OpenOptions::new().write(true).open(path).map_err(io("open", path))?;
    file.set_len(whole as u64).map_err(io("cut the torn last line off", path))
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> WorldError + use<> {
    let path = path.display().to_string();
    move |source| WorldError::Io { doing, path, source }
}
