//! How long nobody can write while a real primary and its standby are swapped: by the binary, and by the same SQL typed
//! into psql, in turns, with an app that writes every 5 ms.
//!
//! The fastest round of each counts. The times are the longest between two writes that were acknowledged.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
#![allow(dead_code, reason = "the tests need more of these servers than a bench does")]

#[path = "../tests/it/guarded.rs"]
mod guarded;
#[path = "../tests/it/postgres/server.rs"]
mod server;
#[path = "rig/swap.rs"]
mod swap;
#[path = "../tests/it/postgres/writer.rs"]
mod writer;

use server::{PASSWORD, Pair, Server};
use std::time::Duration;
use writer::{Writer, Written};

const ROUNDS: usize = 5;
/// What the gap may be of that by hand.
const TARGET: f64 = 1.5;

fn main() {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, swap) in best.iter_mut().zip([ours as fn(&Pair), by_hand]) {
            *best = (*best).min(gap(swap));
        }
    }
    let [ours, hand] = best;
    let ratio = ours.as_secs_f64() / hand.as_secs_f64();
    let met = if ratio <= TARGET { "yes" } else { "no" };
    println!("{:34}{:>10}{:>11}{:>7}{:>10}{:>5}", "", "ours", "by hand", "ratio", "target", "met");
    println!(
        "{:34}{:>10}{:>11}{ratio:>7.2}{:>10}{met:>5}",
        "PostgreSQL swapped, writes waited",
        format!("{:.0} ms", ours.as_secs_f64() * 1e3),
        format!("{:.0} ms", hand.as_secs_f64() * 1e3),
        format!("<= {TARGET} x"),
    );
}

/// The longest time without a write in a swap that loses none.
fn gap(swap: fn(&Pair)) -> Duration {
    let pair = Pair::start();
    let writer = Writer::start(&[&pair.east, &pair.west]);
    swap(&pair);
    writer.until(50);
    let story = writer.stop();
    assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes", story.count());
    let between = |pair: &[Written]| pair[1].at.duration_since(pair[0].at).unsigned_abs();
    story.0.windows(2).map(between).max().unwrap()
}

fn ours(pair: &Pair) {
    let text = format!(
        "failover: 1
runbook: db
default_mode: planned
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults: {{ postgres: {{ user: ops, password: '${{{{ secrets.OPS }}}}', tls: off }} }}
regions: {{ east: {{ db: '{}' }}, west: {{ db: '{}' }} }}
steps:
  - id: swap
    action: postgres.switchover
    confirm: Swap?
    with: {{ server: '${{{{ to.db }}}}', from: '${{{{ from.db }}}}' }}
",
        pair.east.address(),
        pair.west.address()
    );
    swap::execute(&text, PASSWORD);
}

/// The same steps, each typed into a psql of its own.
fn by_hand(pair: &Pair) {
    let ask = |server: &Server, sql: &str| server.ask("ops", sql).unwrap();
    ask(&pair.east, "checkpoint");
    let rules = pair.east.data.join("pg_hba.conf");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("host all app all reject\n{text}")).unwrap();
    ask(&pair.east, "select pg_reload_conf()");
    ask(&pair.east, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    let end = ask(&pair.east, "select pg_current_wal_lsn()");
    while ask(&pair.west, &format!("select pg_last_wal_replay_lsn() >= '{end}'")) != "t" {}
    assert_eq!(ask(&pair.west, "select pg_promote(true, 60)"), "t");
}
