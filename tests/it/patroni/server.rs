//! Two members of a Patroni cluster on one etcd: real servers, on free loopback ports.

use crate::{
    guarded::{Guarded, free_port},
    postgres::server::{self as postgres, PASSWORD, SHELL, give_away, owned_folder},
    redis::server::certify,
    room::Room,
};
use rustix::process::{Signal, geteuid};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_mins(1);
/// Of the cluster's lock, in seconds: a crash is noticed when it ends. Patroni takes no less.
const TTL: u64 = 20;

/// Which Patroni.
#[derive(Clone, Copy, Debug)]
pub enum Version {
    /// Debian's.
    Three,
    /// That of tests/tools/patroni.txt.
    Four,
}

pub struct Member {
    pub api: u16,
    pub database: postgres::Server,
    config: PathBuf,
    guard: Option<Guarded>,
}

pub struct Cluster {
    pub east: Member,
    pub west: Member,
    version: Version,
    folder: tempfile::TempDir,
    _etcd: Guarded,
}

impl Cluster {
    pub fn start(version: Version) -> Self {
        for program in ["etcd", "patroni"] {
            let found = Command::new(program).arg("--version").output();
            assert!(found.is_ok(), "no {program} is installed: tests/tools/install does it");
        }
        let folder = owned_folder();
        let [client, peer] =
            [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let mut etcd = Command::new("etcd");
        etcd.arg("--data-dir").arg(folder.path().join("etcd")).args(["--unsafe-no-fsync"]);
        for (flag, value) in [
            ("--listen-client-urls", client.clone()),
            ("--advertise-client-urls", client.clone()),
            ("--listen-peer-urls", peer.clone()),
            ("--initial-advertise-peer-urls", peer.clone()),
            ("--initial-cluster", format!("default={peer}")),
        ] {
            etcd.args([flag, &value]);
        }
        let etcd = Guarded::start(&etcd, &folder.path().join("etcd.log"));
        if matches!(version, Version::Four) {
            bring_near(folder.path());
        }
        let store = client.strip_prefix("http://").unwrap();
        let east = Member::start(folder.path(), "east", version, store);
        // The first one makes the cluster, and the other copies it.
        east.until("it leads", |member| member.status("/primary") == 200);
        let west = Member::start(folder.path(), "west", version, store);
        let cluster = Self { east, west, version, folder, _etcd: etcd };
        cluster.until_whole();
        let database = &cluster.east.database;
        database.administer(&format!("create role app login password '{PASSWORD}'"));
        database.administer("create database app owner app");
        database.ask("app", "create table writes (n bigint primary key)").unwrap();
        cluster
    }

    /// Until one leads and the other follows it.
    pub fn until_whole(&self) {
        for member in [&self.east, &self.west] {
            member.until("both are well", |_| {
                let said = self.east.get("/cluster");
                said.contains("\"leader\"")
                    && said.matches("\"lag\": 0").count() == 1
                    && !said.contains("stopped")
                    && !said.contains("starting")
            });
        }
    }

    /// Puts a balancer before both APIs that proves its name, and lets a runbook reach them by way of it.
    pub fn over_tls(&self, room: &Room) -> Guarded {
        let folder = self.folder.path();
        let authority = certify(folder);
        fs::write(room.runbook.with_file_name("ca.pem"), authority).unwrap();
        let [own, key] = ["own", "key"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        let certificate = folder.join("both");
        fs::write(&certificate, own + &key).unwrap();
        let certificate = certificate.display();
        let balanced = [&self.east, &self.west].map(|member| {
            let (port, api) = (free_port(), member.api);
            room.change(&member.address(), &format!("127.0.0.1:{port}"));
            format!("listen {api}\n bind 127.0.0.1:{port} ssl crt {certificate}\n server it 127.0.0.1:{api}\n")
        });
        room.change("tls: off", "ca: ca.pem");
        let path = folder.join("balancer.cfg");
        let times =
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n";
        fs::write(&path, times.to_owned() + &balanced.concat()).unwrap();
        let mut haproxy = Command::new("/usr/sbin/haproxy");
        haproxy.arg("-db").arg("-f").arg(&path);
        Guarded::start(&haproxy, &folder.join("balancer.log"))
    }

    /// What was crashed comes back.
    pub fn boot_east(&mut self) {
        let (version, folder) = (self.version, self.folder.path().to_owned());
        self.east.boot(version, &folder);
    }
}

/// Puts the newer Patroni where whoever owns the databases may read it.
fn bring_near(folder: &Path) {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/patroni/lib");
    let python = fs::read_dir(tools).map(|all| all.map(|one| one.unwrap().path()).next());
    let packages = python.ok().flatten().map(|python| python.join("site-packages"));
    let packages = packages.filter(|packages| packages.join("patroni").exists());
    let packages = packages.unwrap_or_else(|| {
        panic!("no Patroni is below {tools}: tests/tools/install puts it there")
    });
    let to = folder.join("packages");
    assert!(Command::new("cp").arg("-r").arg(packages).arg(&to).status().unwrap().success());
}

impl Member {
    fn start(folder: &Path, name: &str, version: Version, store: &str) -> Self {
        let (api, port) = (free_port(), free_port());
        let data = folder.join(name);
        let config = folder.join(format!("{name}.yml"));
        let (data_text, sockets) = (data.display(), folder.display());
        let programs = postgres::programs();
        let text = format!(
            r#"
scope: shop
name: {name}
restapi:
  listen: 127.0.0.1:{api}
  connect_address: 127.0.0.1:{api}
  authentication: {{ username: ops, password: {PASSWORD} }}
etcd3: {{ hosts: ["{store}"] }}
bootstrap:
  dcs:
    ttl: {TTL}
    loop_wait: 2
    retry_timeout: 3
    postgresql:
      use_pg_rewind: true
      parameters: {{ wal_log_hints: "on", fsync: "off" }}
  initdb: [{{ encoding: UTF8 }}, {{ locale: C }}, no-sync]
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {data_text}
  bin_dir: {programs}
  pgpass: {sockets}/{name}.pgpass
  pg_hba:
    - local all all trust
    - host all all 127.0.0.1/32 scram-sha-256
    - host replication all 127.0.0.1/32 scram-sha-256
  authentication:
    superuser: {{ username: postgres, password: {PASSWORD} }}
    replication: {{ username: repl, password: {PASSWORD} }}
    rewind: {{ username: rewind, password: {PASSWORD} }}
  parameters: {{ unix_socket_directories: {sockets} }}
"#
        );
        fs::write(&config, text).unwrap();
        give_away(&config);
        let database = postgres::Server::of_others(port, data);
        let mut member = Self { api, database, config, guard: None };
        member.boot(version, folder);
        member
    }

    fn boot(&mut self, version: Version, folder: &Path) {
        let mut words: Vec<String> = Vec::new();
        if geteuid().is_root() {
            words.extend(SHELL.map(str::to_owned));
        }
        let packages = format!("PYTHONPATH={}", folder.join("packages").display());
        match version {
            Version::Three => words.extend(["patroni"].map(str::to_owned)),
            Version::Four => {
                let words_of = ["env", &packages, "/usr/bin/python3", "-m", "patroni"];
                words.extend(words_of.map(str::to_owned));
            }
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(&self.config);
        self.guard = Some(Guarded::start(&command, &self.log()));
    }

    fn log(&self) -> PathBuf {
        self.config.with_extension("log")
    }

    /// `kill -9` of both: Patroni, and then its database.
    pub fn crash(&mut self) {
        self.guard.as_ref().unwrap().signal(Signal::KILL);
        self.database.signal(Signal::KILL);
        self.guard.take().unwrap().bury();
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.api)
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.api))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    }

    fn get(&self, path: &str) -> String {
        self.ask(path).unwrap_or_default()
    }

    fn status(&self, path: &str) -> u16 {
        self.get(path).split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    pub fn leads(&self) -> bool {
        self.status("/primary") == 200
    }

    pub fn timeline(&self) -> String {
        self.database.administer("select timeline_id from pg_control_checkpoint()")
    }

    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_so(self) {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(Instant::now() < give_up, "it never came that {what}:\n{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
