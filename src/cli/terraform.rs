//! Asks Terraform or OpenTofu for the outputs of a root module: in a process that only reads, and that must end.

use super::carry;
use crate::{
    model::{Clock, quoted, span},
    runbook::{Tool, Unread},
};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

const WITHIN: Duration = Duration::from_mins(1);
/// As much as a runbook may have.
const MOST_BYTES: u64 = 8_000_000;
/// Of what the program says of a failure.
const MOST_LINES: usize = 6;
const LONGEST_LINE: usize = 160;
/// With these set, it would say more than what failed.
const LOGS: [&str; 3] = ["TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER"];

/// What `terraform output -json` prints in this folder.
pub(super) fn outputs(tool: Tool, folder: &Path) -> Result<Vec<u8>, Unread> {
    Asked { tool, program: tool.program().as_ref(), folder, within: WITHIN }.outputs()
}

struct Asked<'a> {
    tool: Tool,
    program: &'a OsStr,
    folder: &'a Path,
    within: Duration,
}

/// A process that has ended.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Asked<'_> {
    fn outputs(&self) -> Result<Vec<u8>, Unread> {
        if !self.folder.is_dir() {
            let why = format!("there is no folder {}", self.folder.display());
            return Err(Unread::new(why, "its path begins in the folder of the runbook"));
        }
        let runtime = carry::runtime().map_err(|failure| self.broken(&failure))?;
        runtime.block_on(self.run())
    }

    async fn run(&self) -> Result<Vec<u8>, Unread> {
        let mut child = self.start().map_err(|error| self.not_started(&error))?;
        let ended = Clock::real().within(self.within, wait(&mut child)).await;
        let Ended { status, stdout, stderr } = match ended {
            Some(Ok(ended)) => ended,
            broken_off => {
                // It may have ended by itself meanwhile.
                child.kill().await.ok();
                return Err(match broken_off {
                    Some(Err(error)) => self.broken(&error),
                    _ => self.endless(),
                });
            }
        };
        if status.success() {
            return Ok(stdout);
        }
        let says = last_words(&String::from_utf8_lossy(&stderr));
        let mut unread = self.unread(match says.as_slice() {
            [] => format!("`{}` failed with {status}", self.command()),
            _ => format!("`{}` failed", self.command()),
        });
        unread.says = says;
        Err(unread)
    }

    fn start(&self) -> io::Result<Child> {
        let mut chdir = OsString::from("-chdir=");
        chdir.push(self.folder);
        let mut command = Command::new(self.program);
        command
            .arg(chdir)
            .args(["output", "-json", "-no-color"])
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in LOGS {
            command.env_remove(name);
        }
        command.spawn()
    }

    /// What was called, as people type it.
    fn command(&self) -> String {
        format!("{} output", self.tool.program())
    }

    fn unread(&self, why: impl Into<String>) -> Unread {
        let folder = quoted(&self.folder.display().to_string());
        let hint = format!("try it: {} -chdir={folder} output", self.tool.program());
        Unread::new(why, hint)
    }

    fn not_started(&self, error: &io::Error) -> Unread {
        let (name, program) = (self.tool.name(), self.tool.program());
        match error.kind() {
            io::ErrorKind::NotFound => {
                Unread::new(format!("`{program}` is not on the PATH"), format!("install {name}"))
            }
            _ => self.unread(format!("`{program}` cannot be started: {error}")),
        }
    }

    fn endless(&self) -> Unread {
        let within = span::show(self.within);
        self.unread(format!("`{}` did not end within {within}, and was stopped", self.command()))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> Unread {
        self.unread(format!("`{}` could not be heard out: {error}", self.command()))
    }
}

async fn wait(child: &mut Child) -> io::Result<Ended> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) =
        tokio::try_join!(all_of(stdout, "stdout"), all_of(stderr, "stderr"), child.wait())?;
    Ok(Ended { status, stdout, stderr })
}

async fn all_of(stream: Option<impl AsyncRead + Unpin>, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MOST_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        let what = format!("there are more than {} MB on its {name}", MOST_BYTES / 1_000_000);
        return Err(io::Error::other(what));
    }
    Ok(bytes)
}

/// What a failure came to: from the first error on, or else the end of what was said, without frames and controls.
fn last_words(text: &str) -> Vec<String> {
    let bare = |line: &str| {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let line = line.trim_matches(|c: char| c.is_whitespace() || "╷│╵".contains(c));
        match line.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        }
    };
    let lines: Vec<_> = text.lines().map(bare).filter(|line| !line.is_empty()).collect();
    let error = lines.iter().position(|line| line.starts_with("Error"));
    let start = error.unwrap_or(lines.len().saturating_sub(MOST_LINES));
    lines.into_iter().skip(start).take(MOST_LINES).collect()
}

#[cfg(test)]
mod tests;
