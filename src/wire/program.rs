//! Programs of this machine, as requests: which one and with what is the body, and how it ended is the answer.
//!
//! Nothing is given to a shell, a program gets only the part of the environment that is named, and one that does not end
//! in time is killed with everything that it has started. What it printed is kept up to a bound, its end rather than its
//! beginning.

use super::{Ears, Request, Response, SendError};
use crate::model::{Clock, Secret, span};
use bytes::Bytes;
use http::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

pub(super) const SCHEME: &str = "program";
/// How much of what a program prints is kept, of each of its outputs.
const KEPT: usize = 64 * 1024;
/// What every program may read of the environment: where programs and its own files are, and how to write.
const ENVIRONMENT: [&str; 9] =
    ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER"];

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name or path, and its arguments.
    pub argv: Vec<String>,
    /// What it reads on its standard input, beside which it reads nothing.
    pub input: String,
    /// How long it may take.
    pub within: Duration,
    pub rehearsal: Rehearsal,
}

/// What a rehearsal makes of a program, for none is run there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// How it ends, and what it prints.
    pub status: i32,
    pub output: String,
    /// What only looks, looks for this program to have been run.
    pub looks_for: Vec<String>,
}

/// Variables that it gets and that nothing keeps. Goes with a request beside its body.
#[derive(Clone, Debug, Default)]
pub struct Given(pub BTreeMap<String, Secret>);

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A request to run a program at a place. `GET` for one that is known to change nothing.
pub fn running(method: Method, place: &str, program: &Program) -> Option<Request> {
    let body = serde_json::to_vec(program).ok()?;
    let uri = format!("{SCHEME}://{place}/");
    http::Request::builder().method(method).uri(uri).body(Bytes::from(body)).ok()
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Runs programs, with the part of this environment that each may read.
pub(super) struct Programs {
    pub environment: BTreeMap<String, String>,
    pub folder: Option<PathBuf>,
}

impl Programs {
    pub(super) async fn run(
        &self,
        clock: &Clock,
        request: &Request,
    ) -> Result<Response, SendError> {
        let program: Program = serde_json::from_slice(request.body())
            .map_err(|error| not_started("a program", &error.to_string()))?;
        let name = program.argv.first().map_or("", String::as_str);
        let given = request.extensions().get::<Given>();
        let mut child =
            self.start(&program, given).map_err(|error| not_started(name, &error.to_string()))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let unanswered = |why: String| SendError::Unanswered { host: name.to_owned(), why };
        let ears = Ears::of(request);
        let hearing = wait(&mut child, &program.input, &ears);
        let ended = match clock.within(program.within, hearing).await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => return Err(unanswered(error.to_string())),
            None => {
                if let Some(group) = group {
                    kill_process_group(group, Signal::KILL).ok();
                }
                let within = span::show(program.within);
                return Err(unanswered(format!("it did not end within {within}, and was killed")));
            }
        };
        let body = serde_json::to_vec(&ended).map_err(|error| unanswered(error.to_string()))?;
        Ok(Response::new(Bytes::from(body)))
    }

    fn start(&self, program: &Program, given: Option<&Given>) -> io::Result<Child> {
        let [name, arguments @ ..] = program.argv.as_slice() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"));
        };
        let mut command = Command::new(name);
        command.args(arguments).env_clear();
        command.envs(
            ENVIRONMENT.into_iter().filter_map(|name| Some((name, self.environment.get(name)?))),
        );
        command.envs(given.into_iter().flat_map(|given| &given.0).map(|(k, v)| (k, v.expose())));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C at our terminal must not end it in the middle.
        command.process_group(0).kill_on_drop(true).spawn()
    }
}

fn not_started(name: &str, why: &str) -> SendError {
    SendError::NotSent { host: format!("`{name}`"), why: why.to_owned() }
}

async fn wait(child: &mut Child, input: &str, ears: &Ears) -> io::Result<Ended> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not want to hear it may close its input.
        stdin.write_all(input.as_bytes()).await.ok();
    }
    let (stdout, stderr, status) =
        tokio::try_join!(end_of(stdout, ears), end_of(stderr, ears), child.wait())?;
    Ok(Ended { status: status.code(), stdout, stderr })
}

/// The end of what is printed; the rest is read and forgotten, for a pipe that is full would stop the program.
async fn end_of(stream: Option<impl AsyncRead + Unpin>, ears: &Ears) -> io::Result<String> {
    let mut tail = Tail::heard_by(ears);
    let Some(mut stream) = stream else { return Ok(tail.text()) };
    let mut buffer = vec![0; KEPT];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(tail.text());
        }
        tail.push(&buffer[..length]);
    }
}

/// The end of what is printed, whose lines are heard as they come.
pub(super) struct Tail {
    kept: Vec<u8>,
    /// The line that has not ended yet.
    line: Vec<u8>,
    ears: Ears,
}

impl Tail {
    pub(super) fn heard_by(ears: &Ears) -> Self {
        Self { kept: Vec::new(), line: Vec::new(), ears: ears.clone() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * KEPT {
            self.cut();
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        self.ears.hear(&String::from_utf8_lossy(&self.line));
        self.line.clear();
    }

    fn cut(&mut self) {
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
    }

    pub(super) fn text(mut self) -> String {
        if !self.line.is_empty() {
            self.tell();
        }
        self.cut();
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn programs() -> Programs {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [pair("PATH", "/usr/bin:/bin"), pair("TZ", "a"), pair("SECRET", "b")];
        Programs { environment: environment.into(), folder: None }
    }

    async fn run(script: &str, within: Duration) -> Result<Ended, SendError> {
        let argv = ["sh", "-c", script].map(str::to_owned).into();
        let program =
            Program { argv, input: String::new(), within, rehearsal: Rehearsal::default() };
        let mut request = running(Method::POST, "here", &program).unwrap();
        let given = BTreeMap::from([("GIVEN".to_owned(), Secret::new("g"))]);
        request.extensions_mut().insert(Given(given));
        let response = programs().run(&Clock::real(), &request).await?;
        Ok(serde_json::from_slice(response.body()).unwrap())
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_program_says_how_it_ended_and_what_it_printed() {
        let ended = run("echo out; echo err >&2; exit 7", LONG).await.unwrap();
        assert_eq!((ended.status, &*ended.stdout, &*ended.stderr), (Some(7), "out\n", "err\n"));
        assert_eq!(run("kill -9 $$", LONG).await.unwrap().status, None);
        let ended = run("head -c 300000 /dev/zero | tr '\\0' x; echo end", LONG).await.unwrap();
        assert_eq!(ended.stdout.len(), KEPT);
        assert!(ended.stdout.ends_with("xend\n"));
    }

    #[tokio::test]
    async fn each_line_is_heard_as_it_is_printed() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let ears = Ears::new(move |line| hears.lock().unwrap().push(line.to_owned()));
        let mut tail = Tail::heard_by(&ears);
        tail.push(b"one\ntw");
        assert_eq!(*heard.lock().unwrap(), ["one\n"]);
        tail.push(b"o\n\nth");
        tail.push(&vec![b'r'; 3 * KEPT]);
        assert_eq!(*heard.lock().unwrap(), ["one\n", "two\n", "\n"]);
        assert_eq!(tail.text().len(), KEPT);
        let heard = heard.lock().unwrap();
        assert_eq!(heard[3].len(), KEPT);
        assert!(heard[3].starts_with("thr"));
    }

    #[tokio::test]
    async fn a_program_reads_what_it_may_and_nothing_else() {
        let ended = run("echo $TZ-$SECRET-$GIVEN", LONG).await.unwrap();
        assert_eq!(ended.stdout, "a--g\n");
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; touch {}) & sleep 20", mark.display());
        let error = run(&script, Duration::from_millis(300)).await.unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        #[expect(clippy::disallowed_methods, reason = "a real process is given time to do wrong")]
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn one_that_is_not_there_was_not_started() {
        let argv = vec!["no-such-program".to_owned()];
        let program =
            Program { argv, input: String::new(), within: LONG, rehearsal: Rehearsal::default() };
        let request = running(Method::POST, "here", &program).unwrap();
        let error = programs().run(&Clock::real(), &request).await.unwrap_err();
        assert!(matches!(error, SendError::NotSent { .. }), "{error}");
    }
}
