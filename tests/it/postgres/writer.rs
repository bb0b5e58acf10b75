//! An app that writes all the time, to whichever server takes writes.

use super::server::{PASSWORD, Server};
use failover::model::Clock;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio_postgres::{Client, NoTls};

const EVERY: Duration = Duration::from_millis(5);
const WITHIN: Duration = Duration::from_secs(2);

pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Vec<Written>>>,
    thread: JoinHandle<()>,
}

/// One write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub number: u64,
    /// When it was sent.
    pub at: jiff::Timestamp,
}

/// What was acknowledged, in order.
pub struct Story(pub Vec<Written>);

impl Writer {
    pub fn start(servers: &[&Server]) -> Self {
        let hosts = servers.iter().map(|_| "127.0.0.1").collect::<Vec<_>>().join(",");
        let ports = servers.iter().map(|one| one.port.to_string()).collect::<Vec<_>>().join(",");
        let place = format!(
            "host={hosts} port={ports} user=app password='{PASSWORD}' dbname=app connect_timeout=1 target_session_attrs=read-write"
        );
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let app = App { place, stop: Arc::clone(&stop), written: Arc::clone(&written) };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(app.write());
        });
        let writer = Self { stop, written, thread };
        writer.until(20);
        writer
    }

    /// Waits for so many more writes.
    pub fn until(&self, more: usize) {
        let count = || self.written.lock().unwrap().len();
        let (before, give_up) = (count(), Instant::now() + Duration::from_secs(30));
        while count() < before + more {
            assert!(Instant::now() < give_up, "nothing is written any more");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stop(self) -> Story {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        Story(self.written.lock().unwrap().clone())
    }
}

struct App {
    place: String,
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Vec<Written>>>,
}

impl App {
    async fn write(self) {
        let (clock, mut number) = (Clock::real(), 0);
        while !self.stop.load(Ordering::SeqCst) {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.place, NoTls).await {
                tokio::select! {
                    _ = connection => {}
                    () = self.session(&client, &mut number) => {}
                }
            }
            clock.sleep(EVERY).await;
        }
    }

    /// Ends with the first write that fails.
    async fn session(&self, client: &Client, number: &mut u64) {
        let clock = Clock::real();
        while !self.stop.load(Ordering::SeqCst) {
            *number += 1;
            let at = clock.now();
            let insert = format!("insert into writes values ({number})");
            match clock.within(WITHIN, client.simple_query(&insert)).await {
                Some(Ok(_)) => {
                    self.written.lock().unwrap().push(Written { number: *number, at });
                }
                _ => return,
            }
            clock.sleep(EVERY).await;
        }
    }
}

impl Story {
    /// What was acknowledged and is not there.
    pub fn lost(&self, server: &Server) -> Vec<Written> {
        let there = server.ask("app", "select n from writes").unwrap();
        let there: HashSet<u64> = there.lines().map(|line| line.parse().unwrap()).collect();
        self.0.iter().filter(|one| !there.contains(&one.number)).copied().collect()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}
