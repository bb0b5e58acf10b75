//! A primary name server and its secondary: real servers, on free loopback ports.

use crate::{
    emulator::dig::dig,
    guarded::{Guarded, free_port},
};
use data_encoding::BASE64;
use rustix::process::Signal;
use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
pub const ZONE: &str = "example.test";
pub const KEY: &str = "failover-key";

/// One server.
pub struct Server {
    pub port: u16,
    config: PathBuf,
    guard: Option<Guarded>,
}

/// Free for datagrams, too.
fn free_for_both() -> u16 {
    let mut ports = std::iter::repeat_with(free_port);
    ports.find(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

impl Server {
    fn start(folder: &Path, name: &str, port: u16, zone: &str, options: &str) -> Self {
        assert!(
            Command::new("named").arg("-v").output().is_ok(),
            "no named is installed: tests/tools/install does it"
        );
        let place = folder.join(name);
        fs::create_dir_all(&place).unwrap();
        let (key, place) = (folder.join("key.conf"), place.display());
        let text = format!(
            r#"include "{}";
options {{
  directory "{place}"; pid-file "{place}/pid"; session-keyfile "{place}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; {options}
}};
controls {{ }};
zone "{ZONE}" {{ {zone} }};
"#,
            key.display()
        );
        let config = folder.join(name).join("named.conf");
        fs::write(&config, text).unwrap();
        let mut server = Self { port, config, guard: None };
        server.boot();
        server
    }

    /// Starts it, and waits until it answers for the zone.
    pub fn boot(&mut self) {
        let mut command = Command::new("named");
        command.arg("-g").arg("-c").arg(&self.config);
        self.guard = Some(Guarded::start(&command, &self.log()));
        let give_up = Instant::now() + PATIENCE;
        while !self.answers() {
            let log = fs::read_to_string(self.log()).unwrap();
            assert!(Instant::now() < give_up, "named does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        let arguments =
            ["-r", "@127.0.0.1", "-p", &port, "+short", "+tries=1", "+time=1", ZONE, "SOA"];
        let output = Command::new("dig").args(arguments).output();
        let output = output.unwrap_or_else(|why| panic!("dig: {why}; tests/run installs it"));
        output.status.success() && !output.stdout.is_empty()
    }

    fn log(&self) -> PathBuf {
        self.config.with_extension("log")
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The values of a name, and for how many seconds they may be kept.
    pub fn told(&self, name: &str, kind: &str) -> Vec<String> {
        let records = dig(self.port, name, kind).records;
        let mut told: Vec<_> = records
            .iter()
            .map(|record| {
                let words: Vec<_> = record.split(' ').collect();
                format!("{} {}", words[1], words.last().unwrap())
            })
            .collect();
        told.sort();
        told
    }

    /// Sends a signal to the server itself.
    pub fn signal(&self, signal: Signal) {
        self.guard.as_ref().unwrap().signal(signal);
    }

    /// `kill -9`.
    pub fn crash(&mut self) {
        self.signal(Signal::KILL);
        self.guard.take().unwrap().bury();
    }
}

/// A zone on both.
pub struct Names {
    pub primary: Server,
    pub secondary: Server,
    /// In base64.
    pub secret: String,
    /// Removed at the end, after both.
    _folder: tempfile::TempDir,
}

impl Names {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret =
            BASE64.encode(&[Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat());
        let key = format!("key \"{KEY}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n");
        fs::write(folder.path().join("key.conf"), key).unwrap();
        fs::create_dir(folder.path().join("primary")).unwrap();
        let zone = format!(
            "$TTL 5
@ SOA ns1.{ZONE}. host.{ZONE}. 1 60 30 3600 5
@ NS ns1.{ZONE}.
@ NS ns2.{ZONE}.
ns1 A 127.0.0.1
ns2 A 127.0.0.1
app A 192.0.2.1
old CNAME app
"
        );
        fs::write(folder.path().join("primary/zone"), zone).unwrap();
        let [first, second] = [free_for_both(), free_for_both()];
        let primary = Server::start(
            folder.path(),
            "primary",
            first,
            &format!(
                "type primary; file \"zone\"; update-policy {{ grant {KEY} subdomain {ZONE}. ANY; }};"
            ),
            &format!(
                "notify explicit; notify-delay 0; also-notify {{ 127.0.0.1 port {second}; }}; allow-transfer {{ 127.0.0.1; }};"
            ),
        );
        let secondary = Server::start(
            folder.path(),
            "secondary",
            second,
            &format!(
                "type secondary; file \"copy\"; primaries port {first} {{ 127.0.0.1; }}; allow-notify {{ 127.0.0.1; }};"
            ),
            "",
        );
        Self { primary, secondary, secret, _folder: folder }
    }
}
