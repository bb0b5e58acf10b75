//! Every point where a real run can die: what is resumed ends well, and nothing harmful is sent twice.

use super::run::{Drill, make};
use crate::core::run::in_virtual_time;
use failover::{engine::Ending, model::Mode, plan::Plan, sim::Outage};

struct Case {
    file: &'static str,
    mode: Mode,
    outage: Outage,
}

const CASES: [Case; 4] = [
    Case { file: "proseware.yaml", mode: Mode::Unplanned, outage: Outage::Data },
    Case { file: "proseware.yaml", mode: Mode::Planned, outage: Outage::None },
    Case { file: "proseware-web.yaml", mode: Mode::Unplanned, outage: Outage::Data },
    Case { file: "proseware-web.yaml", mode: Mode::Planned, outage: Outage::None },
];

fn sweep(case: &Case) {
    let plan: Plan = make(case.file, "eastus", "westus", case.mode);
    let (points, once) = in_virtual_time(async {
        let drill = Drill::new(plan.clone(), case.outage);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        (drill.fuse.passed(), drill.harm())
    });
    let mut places = Vec::new();
    for point in 0..points {
        in_virtual_time(async {
            let drill = Drill::new(plan.clone(), case.outage);
            drill.fuse.set(point);
            assert_eq!(drill.process().await, None, "point {point} was not reached");
            places.push(drill.fuse.died().unwrap());
            let ending = drill.until_done(4).await;
            let story = || format!("point {point} of {}\n{}", case.file, drill.story());
            assert_eq!(ending, Ending::Done, "{}", story());
            assert_eq!(drill.harm(), once, "{}", story());
        });
    }
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 4, "{places:?}");
}

#[test]
fn an_unplanned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&CASES[0]);
}

#[test]
fn a_planned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&CASES[1]);
}

#[test]
fn the_web_app_alone_that_dies_anywhere_is_resumed() {
    sweep(&CASES[2]);
    sweep(&CASES[3]);
}
