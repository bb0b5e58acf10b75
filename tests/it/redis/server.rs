//! A master, its replica and three sentinels: real servers, on free loopback ports.

use crate::guarded::{Guarded, free_port};
use rcgen::{CertificateParams, Issuer, KeyPair};
use redis::{Client, Connection, FromRedisValue};
use rustix::process::Signal;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
/// Of the user that the tool is.
pub const PASSWORD: &str = "correct horse";
pub const GROUP: &str = "sessions";

/// What the tool's user may do, and no more (docs/redis.md).
const ON_SERVERS: &str = "+info +client|pause +client|unpause +replicaof +acl|dryrun";
const ON_SENTINELS: &str = "+sentinel|master +sentinel|replicas +sentinel|ckquorum +sentinel|get-master-addr-by-name +sentinel|failover +acl|dryrun";

/// One server or sentinel.
pub struct Server {
    pub port: u16,
    /// Where it is heard only by who knows its authority.
    pub tls_port: u16,
    config: PathBuf,
    program: &'static str,
    guard: Option<Guarded>,
}

impl Server {
    fn start(folder: &Path, program: &'static str, port: u16, settings: &str) -> Self {
        assert!(
            Command::new(program).arg("--version").output().is_ok(),
            "no {program} is installed: tests/tools/install does it"
        );
        let place = folder.join(port.to_string());
        fs::create_dir(&place).unwrap();
        let config = place.join("redis.conf");
        let tls_port = free_port();
        let own = format!(
            "port {port}\ntls-port {tls_port}\nbind 127.0.0.1\ndir {}\npidfile {0}/pid\n",
            place.display()
        );
        fs::write(&config, own + settings).unwrap();
        let mut server = Self { port, tls_port, config, program, guard: None };
        server.boot();
        server
    }

    /// Starts it, and waits until it answers.
    pub fn boot(&mut self) {
        let mut command = Command::new(self.program);
        command.arg(&self.config).args(["--daemonize", "no"]);
        self.guard = Some(Guarded::start(&command, &self.log()));
        let give_up = Instant::now() + PATIENCE;
        while self.connect().is_err() {
            let log = fs::read_to_string(self.log()).unwrap();
            assert!(Instant::now() < give_up, "{} does not start:\n{log}", self.program);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.config.with_extension("log")
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        let client = Client::open(format!("redis://127.0.0.1:{}/", self.port))?;
        client.get_connection_with_timeout(Duration::from_secs(1))
    }

    /// A command as the user without a password, who may do everything.
    pub fn call<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut connection = self.connect().unwrap();
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut connection).unwrap()
    }

    pub fn role(&self) -> String {
        let said: Vec<redis::Value> = self.call("ROLE");
        String::from_redis_value(said[0].clone()).unwrap()
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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

/// Certifies `127.0.0.1`: writes what a server needs into a folder, and gives the authority.
pub fn certify(folder: &Path) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let own = params.signed_by(&key, &issuer).unwrap().pem();
    for (name, text) in [("ca", &authority), ("own", &own), ("key", &key.serialize_pem())] {
        fs::write(folder.join(name), text).unwrap();
    }
    authority
}

pub struct Group {
    pub east: Server,
    pub west: Server,
    pub sentinels: [Server; 3],
    pub authority: String,
    /// Removed at the end, after all of them.
    _folder: tempfile::TempDir,
}

impl Group {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = certify(folder.path());
        let tls = format!(
            "tls-ca-cert-file {0}/ca\ntls-cert-file {0}/own\ntls-key-file {0}/key\ntls-auth-clients no\n",
            folder.path().display()
        );
        let user = |may: &str| format!("user ops on \">{PASSWORD}\" {may}\n");
        let quick = "save \"\"\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n";
        let node = |settings: &str| {
            let settings = format!("{quick}{tls}{}{settings}", user(ON_SERVERS));
            Server::start(folder.path(), "redis-server", free_port(), &settings)
        };
        let east = node("");
        let west = node(&format!("replicaof 127.0.0.1 {}\n", east.port));
        let watch = format!(
            "sentinel monitor {GROUP} 127.0.0.1 {} 2
sentinel down-after-milliseconds {GROUP} 1000
sentinel failover-timeout {GROUP} 10000
{tls}{}",
            east.port,
            user(ON_SENTINELS)
        );
        let sentinels =
            [(); 3].map(|()| Server::start(folder.path(), "redis-sentinel", free_port(), &watch));
        let group = Self { east, west, sentinels, authority, _folder: folder };
        group.settle();
        group
    }

    /// How a runbook for them begins.
    pub fn head(&self) -> String {
        let (east, west) = (self.east.address(), self.west.address());
        let sentinels = self.sentinels.each_ref().map(Server::address).join("', '");
        format!(
            "failover: 1
runbook: cache
summary: A master and its replica
default_mode: planned
lock: cache
objectives: {{ rpo: 1m }}
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults:
  redis:
    group: {GROUP}
    sentinels: ['{sentinels}']
    user: ops
    password: '${{{{ secrets.OPS }}}}'
    sentinel_user: ops
    sentinel_password: '${{{{ secrets.OPS }}}}'
    tls: off
regions: {{ east: {{ cache: '{east}' }}, west: {{ cache: '{west}' }} }}"
        )
    }

    /// Waits until all sentinels know each other and the replica.
    fn settle(&self) {
        let knows = |sentinel: &Server, what: &str, count: usize| {
            let all: Vec<redis::Value> = sentinel.call(&format!("SENTINEL {what} {GROUP}"));
            all.len() == count
        };
        let give_up = Instant::now() + PATIENCE;
        while !self
            .sentinels
            .iter()
            .all(|one| knows(one, "SENTINELS", 2) && knows(one, "REPLICAS", 1))
        {
            assert!(Instant::now() < give_up, "the sentinels do not find each other");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
