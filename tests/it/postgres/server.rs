//! A primary and a standby that streams from it: real servers, on free loopback ports.

use crate::guarded::{Guarded, free_port};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_mins(1);
/// Of the role that the tool logs in as, and of the app's.
pub const PASSWORD: &str = "correct horse";

/// Where the programs of the newest server are that is installed.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let all = fs::read_dir("/usr/lib/postgresql").map(|all| all.map(|one| one.unwrap().path()));
    let newest = all.into_iter().flatten().map(|one| one.join("bin")).max();
    newest.filter(|bin| bin.join("postgres").exists()).unwrap_or_else(|| {
        panic!("no PostgreSQL server is installed below /usr/lib/postgresql: tests/tools/install does it")
    })
});

/// What the role of the tool is granted, and no more (docs/postgres.md).
const GRANTS: &str = "
    create role ops login password 'correct horse' in role
      pg_monitor, pg_signal_backend, pg_checkpoint, pg_read_server_files, pg_write_server_files;
    grant execute on function pg_promote(boolean, integer) to ops;
    grant execute on function pg_reload_conf() to ops;
    grant execute on function pg_read_file(text) to ops;
    grant execute on function pg_stat_file(text) to ops;
    grant execute on function pg_hba_file_rules() to ops;
    grant select on pg_hba_file_rules to ops;
    grant alter system on parameter default_transaction_read_only to ops;
    grant alter system on parameter synchronous_standby_names to ops;
    grant alter system on parameter primary_conninfo to ops;
    grant alter system on parameter primary_slot_name to ops;
    alter role ops replication;
    create role app login password 'correct horse';
    create role repl login replication password 'correct horse';
    grant execute on function pg_ls_dir(text, boolean, boolean) to repl;
    grant execute on function pg_stat_file(text, boolean) to repl;
    grant execute on function pg_read_binary_file(text) to repl;
    grant execute on function pg_read_binary_file(text, bigint, bigint, boolean) to repl;
    create database app owner app;
";

const SETTINGS: &str = "
    listen_addresses = '127.0.0.1'
    fsync = off
    wal_log_hints = on
    max_wal_senders = 10
    wal_keep_size = 256MB
    wal_receiver_status_interval = 1s
    wal_retrieve_retry_interval = 200ms
    log_min_messages = warning
";

/// One server and its folder.
pub struct Server {
    pub port: u16,
    pub data: PathBuf,
    guard: Option<Guarded>,
}

/// What runs a program as the user that owns the server's files.
pub const SHELL: [&str; 5] =
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"];

/// What runs a program on a server's machine: it finds the passwords that the server needs.
pub fn shell(server: &Server) -> Vec<String> {
    let passwords = server.data.with_file_name("pgpass").display().to_string();
    let as_owner = SHELL.into_iter().filter(|_| geteuid().is_root()).map(str::to_owned);
    as_owner.chain(["env".to_owned(), format!("PGPASSFILE={passwords}")]).collect()
}

/// Where the programs of the server are.
pub fn programs() -> String {
    PROGRAMS.display().to_string()
}

/// A program, as the user that owns the server's files: the server refuses to run as root.
fn program(name: &str) -> Command {
    let path = PROGRAMS.join(name);
    let mut command = if geteuid().is_root() {
        let mut command = Command::new(SHELL[0]);
        command.args(&SHELL[1..]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.env("LC_ALL", "C.UTF-8").env("PGPASSWORD", PASSWORD).current_dir("/");
    command
}

fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim_end().to_owned()
}

impl Server {
    /// One that somebody else starts and stops.
    pub fn of_others(port: u16, data: PathBuf) -> Self {
        Self { port, data, guard: None }
    }

    fn start(port: u16, data: PathBuf) -> Self {
        let socket = data.parent().unwrap().display().to_string();
        let own = format!("port = {port}\nunix_socket_directories = '{socket}'\n");
        append(&data.join("postgresql.conf"), &own);
        let mut server = Self { port, data, guard: None };
        server.boot();
        server
    }

    /// Starts it, and waits until it lets somebody in.
    pub fn boot(&mut self) {
        let mut command = program("postgres");
        command.arg("-D").arg(&self.data);
        self.guard = Some(Guarded::start(&command, &self.log()));
        let give_up = Instant::now() + PATIENCE;
        let ready = || {
            let mut ready = program("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            ready.status().unwrap().success()
        };
        while !ready() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(Instant::now() < give_up, "the server does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// What it has complained of.
    pub fn said(&self) -> String {
        let own = fs::read_to_string(self.log()).unwrap_or_default();
        let folder = format!("{}.failover/failover.log", self.data.display());
        own + &fs::read_to_string(folder).unwrap_or_default()
    }

    fn pid(&self) -> Pid {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap()).unwrap()
    }

    /// Sends a signal to the server itself.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Stops it and all of its processes where they are, as a machine that hangs; or lets them go on.
    pub fn freeze(&self, signal: Signal) {
        let pid = self.pid();
        let children = format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero());
        let children = fs::read_to_string(children).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        let all = children.filter_map(Pid::from_raw).chain([pid]);
        all.for_each(|pid| kill_process(pid, signal).unwrap_or_default());
    }

    /// `kill -9`: nothing is written out.
    pub fn crash(&mut self) {
        self.signal(Signal::KILL);
        self.guard.take().unwrap().bury();
        // Its processes end when they notice; until then the port is theirs.
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            assert!(Instant::now() < give_up, "a killed server goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A question, as this role, over the network.
    pub fn ask(&self, role: &str, sql: &str) -> Result<String, String> {
        let output = self.psql(&format!("host=127.0.0.1 user={role}"), sql);
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The same as its superuser, from its own machine.
    pub fn administer(&self, sql: &str) -> String {
        let host = self.data.parent().unwrap().display();
        let output = self.psql(&format!("host={host} user=postgres"), sql);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn psql(&self, who: &str, sql: &str) -> Output {
        let database = if who.contains("user=app") { "app" } else { "postgres" };
        let place = format!("{who} port={} dbname={database} connect_timeout=5", self.port);
        let mut psql = program("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &place, "-c", sql]);
        psql.stdin(Stdio::null()).output().unwrap()
    }

    pub fn timeline(&self) -> String {
        self.ask("ops", "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)").unwrap()
    }

    pub fn is_standby(&self) -> bool {
        self.ask("ops", "select pg_is_in_recovery()").unwrap() == "t"
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

pub struct Pair {
    pub east: Server,
    pub west: Server,
    /// Removed at the end, after both.
    _folder: tempfile::TempDir,
}

/// A data folder with nothing in it, made once and copied.
static EMPTY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = owned_folder();
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    run(program("initdb").arg("-D").arg(folder.path().join("data")).args([
        "-U",
        "postgres",
        "--no-sync",
        "--no-instructions",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--pwfile",
        password.to_str().unwrap(),
    ]));
    folder
});

pub fn owned_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    give_away(folder.path());
    folder
}

/// To the user that the servers run as.
pub fn give_away(path: &Path) {
    if geteuid().is_root() {
        run(Command::new("chown").arg("postgres:").arg(path));
    }
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

impl Pair {
    /// Stops what the tool has started: no guard is at it.
    pub fn rest(&mut self) {
        for server in [&mut self.east, &mut self.west] {
            let data = server.data.to_str().unwrap();
            run(program("pg_ctl").args(["stop", "-m", "immediate", "-D", data]));
        }
    }

    pub fn start() -> Self {
        Self::through(|east| east)
    }

    /// The standby reaches its primary at the port that `way` makes of the primary's own.
    pub fn through(way: impl FnOnce(u16) -> u16) -> Self {
        let folder = owned_folder();
        let [east, west] = ["east", "west"].map(|name| folder.path().join(name));
        run(Command::new("cp").arg("-a").arg(EMPTY.path().join("data")).arg(&east));
        append(&east.join("postgresql.conf"), SETTINGS);
        let passwords = folder.path().join("pgpass");
        fs::write(
            &passwords,
            format!(
                "*:*:*:*:{PASSWORD}
"
            ),
        )
        .unwrap();
        fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
        give_away(&passwords);
        let hba = "host replication repl 127.0.0.1/32 scram-sha-256\n";
        let path = east.join("pg_hba.conf");
        fs::write(&path, fs::read_to_string(&path).unwrap() + hba).unwrap();
        let east = Server::start(free_port(), east);
        for statement in GRANTS.split(';').filter(|one| !one.trim().is_empty()) {
            east.administer(statement);
        }
        east.ask("app", "create table writes (n bigint primary key)").unwrap();
        let west = Self::follower(&east, way(east.port), &west);
        Self { east, west, _folder: folder }
    }

    /// A standby of a server, which it reaches at this port.
    fn follower(of: &Server, at: u16, data: &Path) -> Server {
        let place = format!("host=127.0.0.1 port={at} user=repl password='{PASSWORD}'");
        let mut copy = program("pg_basebackup");
        copy.arg("-D").arg(data).args(["-d", &place, "-R", "-X", "stream", "-C", "-S", "west"]);
        run(copy.args(["-c", "fast", "--no-sync"]));
        let west = Server::start(free_port(), data.to_owned());
        of.until("its standby streams", |of| {
            of.administer("select count(*) from pg_stat_replication where state = 'streaming'")
                == "1"
        });
        west
    }
}

impl Server {
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_so(self) {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(Instant::now() < give_up, "it never came that {what}:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
