//! A server that the tests have started, and that ends with them.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A port of this machine on which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub struct Guarded(Option<Child>);

impl Guarded {
    /// Starts a program under a guard, and adds what it says to this file.
    pub fn start(program: &Command, log: &Path) -> Self {
        let guard = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/guard.py");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new("python3");
        command.args([guard, ""]).arg(program.get_program()).args(program.get_args());
        command.env("LC_ALL", "C.UTF-8").current_dir("/");
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(Some(command.spawn().unwrap()))
    }

    /// Sends a signal to the server itself.
    pub fn signal(&self, signal: Signal) {
        let guard = self.0.as_ref().unwrap().id();
        let children = fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).unwrap();
        let pid = children.split_whitespace().next().unwrap().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end of a server that was killed.
    pub fn bury(&mut self) {
        self.0.take().unwrap().wait().unwrap();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(mut guard) = self.0.take() {
            drop(guard.stdin.take());
            guard.wait().unwrap();
        }
    }
}
