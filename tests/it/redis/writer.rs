//! An app that writes all the time, to whichever server the sentinels name, for as long as that one takes it.

use super::server::{GROUP, Group, Server};
use redis::{Client, Connection, Pipeline};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(5);
/// Longer than any pause, so that a write which waits is not given up.
const WITHIN: Duration = Duration::from_secs(20);

pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Vec<Written>>>,
    thread: JoinHandle<()>,
}

/// One write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub number: u64,
    /// When it was acknowledged.
    pub at: Instant,
}

impl Writer {
    pub fn start(group: &Group) -> Self {
        let sentinels: Vec<_> = group.sentinels.iter().map(Server::address).collect();
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let app = App { sentinels, stop: Arc::clone(&stop), written: Arc::clone(&written) };
        let writer = Self { stop, written, thread: std::thread::spawn(move || app.write()) };
        writer.until(20);
        writer
    }

    /// Waits for so many more writes.
    pub fn until(&self, more: usize) {
        let count = || self.written.lock().unwrap().len();
        let (before, give_up) = (count(), Instant::now() + Duration::from_mins(1));
        while count() < before + more {
            assert!(Instant::now() < give_up, "nothing is written any more");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stop(self) -> Vec<Written> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.written.lock().unwrap().clone()
    }
}

struct App {
    sentinels: Vec<String>,
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Vec<Written>>>,
}

fn connect(address: &str) -> Option<Connection> {
    let client = Client::open(format!("redis://{address}/")).unwrap();
    let connection = client.get_connection_with_timeout(Duration::from_secs(1)).ok()?;
    connection.set_read_timeout(Some(WITHIN)).unwrap();
    Some(connection)
}

impl App {
    fn write(self) {
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(EVERY);
            let Some(mut master) = self.sentinels.iter().find_map(|one| master(one)) else {
                continue;
            };
            while !self.stop.load(Ordering::SeqCst) {
                number += 1;
                let said = redis::cmd("SET").arg(key(number)).arg(1).query::<()>(&mut master);
                if said.is_err() {
                    break;
                }
                self.written.lock().unwrap().push(Written { number, at: Instant::now() });
                std::thread::sleep(EVERY);
            }
        }
    }
}

fn key(number: u64) -> String {
    format!("write:{number}")
}

fn master(sentinel: &str) -> Option<Connection> {
    let mut sentinel = connect(sentinel)?;
    let question = ["GET-MASTER-ADDR-BY-NAME", GROUP];
    let said = redis::cmd("SENTINEL").arg(&question).query::<(String, u16)>(&mut sentinel);
    let (host, port) = said.ok()?;
    connect(&format!("{host}:{port}"))
}

/// What was acknowledged and is not there.
pub fn lost(written: &[Written], server: &Server) -> Vec<Written> {
    let mut connection = connect(&server.address()).unwrap();
    let mut all = Pipeline::new();
    for one in written {
        all.cmd("EXISTS").arg(key(one.number));
    }
    let found: Vec<bool> = all.query(&mut connection).unwrap();
    let pairs = written.iter().zip(found);
    pairs.filter(|(_, is_there)| !is_there).map(|(one, _)| *one).collect()
}
