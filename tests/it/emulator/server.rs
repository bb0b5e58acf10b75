//! A server that other people wrote, on a free loopback port, for as long as the tests want it.

use super::python;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_mins(1);
/// What it printed, in its folder.
const LOG: &str = "log";

/// Ends when it is dropped. One that is shared never is: it ends with the pipe to its input, and so with the tests.
pub struct Server {
    pub child: Child,
    pub port: u16,
    pub folder: tempfile::TempDir,
}

impl Server {
    /// Starts a Python module with what a port needs, and waits until the page answers. If somebody takes the port
    /// meanwhile, another is tried.
    pub fn start(module: &str, health: &str, set_port: impl Fn(&mut Command, u16)) -> Self {
        let mut logs = Vec::new();
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let folder = tempfile::tempdir().unwrap();
            let mut command = python::script("serve.py");
            command.arg(folder.path()).arg(module);
            set_port(&mut command, port);
            let mut server = Self::spawn(command, port, folder);
            if server.is_up(health) {
                return server;
            }
            logs.push(std::fs::read_to_string(server.folder.path().join(LOG)).unwrap());
        }
        panic!("{module} does not start:\n{}", logs.join("\n"));
    }

    fn spawn(mut command: Command, port: u16, folder: tempfile::TempDir) -> Self {
        let log = File::create(folder.path().join(LOG)).unwrap();
        let child = command
            .current_dir(folder.path())
            .env("TMPDIR", folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, port, folder }
    }

    fn is_up(&mut self, health: &str) -> bool {
        let give_up = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() && Instant::now() < give_up {
            let answer = self.send(&format!("GET {health}"), "", "").unwrap_or_default();
            if answer.split(' ').nth(1) == Some("200") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The answer to a plain request, with its head. Each header is a whole line.
    pub fn send(&self, call: &str, headers: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // In this version an answer ends with its connection, and is never cut in chunks.
        let head = format!("{call} HTTP/1.0\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        stream.write_all((head + body).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Once its end is known, its number may be somebody else's.
        if self.child.try_wait().is_ok_and(|end| end.is_none()) {
            let _ended = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _status = self.child.wait();
        }
    }
}
