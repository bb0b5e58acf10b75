//! How long nobody can write while a real Redis master is failed over: by the binary, and by a plain `SENTINEL FAILOVER`
//! typed by hand, in turns, with an app that writes every 5 ms; and how many acknowledged writes each of them loses.
//!
//! The fastest round of each counts. The times are the longest between two writes that were acknowledged. By hand the old
//! master goes on taking writes, so that nobody has to wait, and what it takes is lost.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
#![allow(dead_code, reason = "the tests need more of these servers than a bench does")]

#[path = "../tests/it/redis/server.rs"]
mod server;
#[path = "../tests/it/redis/writer.rs"]
mod writer;

use server::{Flock, GROUP, PASSWORD, Server};
use std::{
    process::{Command, Stdio},
    time::Duration,
};
use writer::{Writer, lost};

const ROUNDS: usize = 3;
const TARGET: Duration = Duration::from_millis(1_500);

fn main() {
    let (mut waited, mut most_lost) = ([Duration::MAX; 2], [0; 2]);
    for _ in 0..ROUNDS {
        for (at, swap) in [ours as fn(&Flock), by_hand].into_iter().enumerate() {
            let (gap, lost) = failover(swap);
            waited[at] = waited[at].min(gap);
            most_lost[at] = most_lost[at].max(lost);
        }
    }
    let ms = |length: Duration| format!("{:.0} ms", length.as_secs_f64() * 1e3);
    let met = if waited[0] <= TARGET && most_lost[0] == 0 { "yes" } else { "no" };
    println!("{:34}{:>10}{:>11}{:>12}{:>5}", "", "ours", "by hand", "target", "met");
    println!(
        "{:34}{:>10}{:>11}{:>12}{met:>5}",
        "Redis failed over, writes waited",
        ms(waited[0]),
        ms(waited[1]),
        format!("<= {}", ms(TARGET))
    );
    println!("{:34}{:>10}{:>11}{:>12}", "  acknowledged and lost", most_lost[0], most_lost[1], 0);
}

/// The longest time without a write, and how many were lost.
fn failover(swap: fn(&Flock)) -> (Duration, usize) {
    let flock = Flock::start();
    let settles = Duration::from_secs(13);
    std::thread::sleep(settles);
    let writer = Writer::start(&flock);
    swap(&flock);
    writer.until(50);
    // By hand it takes the sentinels that long to turn the old master about.
    while flock.east.role() == "master" {
        std::thread::sleep(Duration::from_millis(50));
    }
    writer.until(50);
    let written = writer.stop();
    let gap = written.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at)).max();
    (gap.unwrap(), lost(&written, &flock.west).len())
}

fn ours(flock: &Flock) {
    let folder = tempfile::tempdir().unwrap();
    let runbook = folder.path().join("cache.yaml");
    let sentinels = flock.sentinels.each_ref().map(Server::address).join("', '");
    let text = format!(
        "failover: 1
runbook: cache
default_mode: planned
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
regions: {{ east: {{ cache: '{}' }}, west: {{ cache: '{}' }} }}
steps:
  - id: swap
    action: redis.failover
    confirm: Swap?
    with: {{ server: '${{{{ to.cache }}}}', from: '${{{{ from.cache }}}}' }}
",
        flock.east.address(),
        flock.west.address()
    );
    std::fs::write(&runbook, text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_failover"))
        .args(["execute", "east", "west", "--yes", "--runbook"])
        .arg(&runbook)
        .env("OPS_PASSWORD", PASSWORD)
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

fn by_hand(flock: &Flock) {
    let () = flock.sentinels[0].call(&format!("SENTINEL FAILOVER {GROUP}"));
}
