//! How long nobody can write while a real Redis master is failed over: by the binary, and by a plain `SENTINEL FAILOVER`
//! typed by hand, in turns, with an app that writes every 5 ms; and how many acknowledged writes each of them loses.
//!
//! The fastest round of each counts. The times are the longest between two writes that were acknowledged. By hand the old
//! master goes on taking writes, so that nobody has to wait, and what it takes is lost.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
#![allow(dead_code, reason = "the tests need more of these servers than a bench does")]

#[path = "../tests/it/guarded.rs"]
mod guarded;
#[path = "../tests/it/redis/server.rs"]
mod server;
#[path = "rig/swap.rs"]
mod swap;
#[path = "../tests/it/redis/writer.rs"]
mod writer;

use server::{GROUP, Group, PASSWORD};
use std::time::Duration;
use writer::{Writer, lost};

const ROUNDS: usize = 3;
const TARGET: Duration = Duration::from_millis(1_500);

fn main() {
    let (mut waited, mut most_lost) = ([Duration::MAX; 2], [0; 2]);
    for _ in 0..ROUNDS {
        for (at, swap) in [ours as fn(&Group), by_hand].into_iter().enumerate() {
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
fn failover(swap: fn(&Group)) -> (Duration, usize) {
    let group = Group::start();
    let settles = Duration::from_secs(13);
    std::thread::sleep(settles);
    let writer = Writer::start(&group);
    swap(&group);
    writer.until(50);
    // By hand it takes the sentinels that long to turn the old master about.
    while group.east.role() == "master" {
        std::thread::sleep(Duration::from_millis(50));
    }
    writer.until(50);
    let written = writer.stop();
    let gap = written.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at)).max();
    (gap.unwrap(), lost(&written, &group.west).len())
}

fn ours(group: &Group) {
    let steps = "
steps:
  - id: swap
    action: redis.failover
    confirm: Swap?
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
";
    swap::execute(&(group.head() + steps), PASSWORD);
}

fn by_hand(group: &Group) {
    let () = group.sentinels[0].call(&format!("SENTINEL FAILOVER {GROUP}"));
}
