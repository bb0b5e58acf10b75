//! Two balancers before an app in each region: real servers, on free loopback ports.

use crate::guarded::{Guarded, free_port};
use rustix::process::Signal;
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Says where it is, after as long as it is told to think. Its threads end with the tests.
pub struct App {
    pub port: u16,
    is_well: Arc<AtomicBool>,
    thinks: Arc<AtomicU64>,
}

impl App {
    fn start(region: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let app = Self {
            port: listener.local_addr().unwrap().port(),
            is_well: Arc::new(AtomicBool::new(true)),
            thinks: Arc::default(),
        };
        let (is_well, thinks) = (Arc::clone(&app.is_well), Arc::clone(&app.thinks));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (is_well, thinks) = (Arc::clone(&is_well), Arc::clone(&thinks));
                thread::spawn(move || answer(&mut stream, region, &is_well, &thinks));
            }
        });
        app
    }

    pub fn sicken(&self) {
        self.is_well.store(false, Ordering::SeqCst);
    }

    pub fn think_for(&self, length: Duration) {
        self.thinks.store(u64::try_from(length.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

fn answer(stream: &mut TcpStream, region: &str, is_well: &AtomicBool, thinks: &AtomicU64) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or_default();
    let is_check = request[..length].starts_with(b"GET /check");
    if !is_check {
        thread::sleep(Duration::from_millis(thinks.load(Ordering::SeqCst)));
    }
    let status = if is_well.load(Ordering::SeqCst) { "200 OK" } else { "503 Sick" };
    let body = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{region}",
        region.len()
    );
    // Who hung up wants no answer.
    stream.write_all(body.as_bytes()).ok();
}

/// One HAProxy.
pub struct Balancer {
    pub users: u16,
    pub runtime: u16,
    guard: Guarded,
}

impl Balancer {
    fn start(folder: &Path, [east, west]: [&App; 2]) -> Self {
        assert!(
            Command::new("haproxy").arg("-v").output().is_ok(),
            "no haproxy is installed: tests/tools/install does it"
        );
        let (users, runtime) = (free_port(), free_port());
        let config = folder.join(format!("{users}.cfg"));
        let text = format!(
            "global
  stats socket ipv4@127.0.0.1:{runtime} level admin
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
frontend users
  bind 127.0.0.1:{users}
  default_backend web
backend web
  option httpchk GET /check
  default-server check inter 100 fall 2 rise 1
  server east 127.0.0.1:{} weight 100
  server west 127.0.0.1:{} weight 0
",
            east.port, west.port
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&config);
        let guard = Guarded::start(&command, &config.with_extension("log"));
        let balancer = Self { users, runtime, guard };
        let give_up = Instant::now() + PATIENCE;
        while !balancer.is_up() {
            assert!(Instant::now() < give_up, "haproxy does not start");
            thread::sleep(Duration::from_millis(20));
        }
        balancer
    }

    /// Whether it is there, and its checks know both servers.
    fn is_up(&self) -> bool {
        let Ok(text) = say(self.runtime, "show stat") else { return false };
        text.lines().filter(|line| line.starts_with("web,") && line.contains("L7OK")).count() == 2
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.runtime)
    }

    /// What it was told that a server weighs.
    pub fn weight(&self, server: &str) -> u64 {
        let said = say(self.runtime, &format!("get weight web/{server}")).unwrap();
        said.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Sends a signal to the balancer itself.
    pub fn signal(&self, signal: Signal) {
        self.guard.signal(signal);
    }
}

/// A line to a runtime API, and what it prints.
fn say(port: u16, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// One user's request: the region that answered.
pub fn visit(port: u16) -> Result<String, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n";
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
    if text.starts_with("HTTP/1.1 200") { Ok(body) } else { Err(text) }
}

/// Both balancers, and users who come through each of them all the time.
pub struct Site {
    pub east: App,
    pub west: App,
    pub balancers: [Balancer; 2],
    seen: Arc<Mutex<Vec<Result<String, String>>>>,
    stop: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

impl Site {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (east, west) = (App::start("east"), App::start("west"));
        let balancers = [(); 2].map(|()| Balancer::start(folder.path(), [&east, &west]));
        let site = Self {
            east,
            west,
            balancers,
            seen: Arc::default(),
            stop: Arc::default(),
            _folder: folder,
        };
        for balancer in &site.balancers {
            let (port, seen, stop) =
                (balancer.users, Arc::clone(&site.seen), Arc::clone(&site.stop));
            thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let answer = visit(port);
                    seen.lock().unwrap().push(answer);
                    thread::sleep(Duration::from_millis(10));
                }
            });
        }
        site
    }

    /// The answers since the last time.
    pub fn seen(&self) -> Vec<Result<String, String>> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The regions of the next so many answers.
    pub fn next(&self, count: usize) -> Vec<String> {
        self.seen();
        let mut all = Vec::new();
        while all.len() < count {
            thread::sleep(Duration::from_millis(20));
            all.extend(self.seen().into_iter().map(Result::unwrap));
        }
        all
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
