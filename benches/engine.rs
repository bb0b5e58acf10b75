//! What a step costs, in order and beside others, and beside the bare client that does the same.
//!
//! A step of one change sends three requests: the read that finds it missing, the change, and the read that finds it
//! done. Of its facts one is a barrier, `change_begun`, so it costs one `fdatasync`; a change that the cloud accepts
//! and works on costs a second one, `operation_accepted`. The others (`started`, `observed`, `change_settled`,
//! `finished`) are written with the next barrier. Beside these a run pays for its `started` and its `finished`.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "criterion's macros write public functions")]

mod rig {
    pub mod bare;
    pub mod model;
    pub mod opening;
    pub mod ours;
    pub mod server;
}

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use failover::plan::Plan;
use rig::{
    bare::{Bare, By, Log},
    model,
    ours::Ours,
    server,
};
use std::{net::TcpListener, thread, time::Duration};

const STEPS: usize = 50;

type Make = fn(&[String]) -> Plan;

/// Things that no other round has turned on.
struct Things {
    base: String,
    round: usize,
}

impl Things {
    fn next(&mut self) -> Vec<String> {
        self.round += 1;
        (0..STEPS).map(|thing| format!("{}/{}-{thing}", self.base, self.round)).collect()
    }
}

fn steps(criterion: &mut Criterion) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(|| server::serve(listener));
    let mut things = Things { base, round: 0 };
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ours, bare) = (Ours::new(), Bare::new());
    let first = runtime.block_on(ours.carry_out(model::in_order(&things.next()), folder.path()));
    let bytes = first.journal / STEPS;

    for (order, plan) in [("in order", model::in_order as Make), ("at once", model::at_once)] {
        let mut group = criterion.benchmark_group(format!("{STEPS} steps {order}"));
        group.throughput(Throughput::Elements(STEPS as u64)).sample_size(20);
        let mut run = || {
            let plan = plan(&things.next());
            runtime.block_on(ours.carry_out(plan, folder.path())).time
        };
        group.bench_function("ours", |bencher| bencher.iter_custom(|rounds| sum(rounds, &mut run)));
        for (name, by) in [("bare", By::TheLoop), ("bare, disk on a thread", By::AThread)] {
            let mut run = || {
                let log = Log::create(&folder.path().join("bare"), bytes, by);
                let urls = things.next();
                match order {
                    "in order" => runtime.block_on(bare.in_order(&urls, &log)),
                    _ => runtime.block_on(bare.at_once(&urls, &log)),
                }
            };
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|rounds| sum(rounds, &mut run));
            });
        }
        group.finish();
    }
}

fn sum(rounds: u64, mut run: impl FnMut() -> Duration) -> Duration {
    (0..rounds).map(|_| run()).sum()
}

criterion_group!(benches, steps);
criterion_main!(benches);
