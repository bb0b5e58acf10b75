//! How fast a whole Proseware failover is rehearsed in process, on one core.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "criterion's macros write public functions")]

mod rig {
    pub mod opening;
    pub mod rehearsal;
}

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use failover::model::Mode;
use rig::rehearsal::{proseware, rehearse};
use std::sync::Arc;

fn proseware_failover(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("proseware");
    group.throughput(Throughput::Elements(1));
    for (name, mode) in [("unplanned", Mode::Unplanned), ("planned", Mode::Planned)] {
        let plan = Arc::new(proseware(mode));
        group.bench_function(name, |bencher| bencher.iter(|| rehearse(&plan)));
    }
    group.finish();
}

criterion_group!(benches, proseware_failover);
criterion_main!(benches);
