//! Every point where a real run can die: what is resumed ends well, and nothing harmful is sent twice.

use super::run::{Drill, make, night};
use crate::core::run::in_virtual_time;
use failover::{
    engine::Ending,
    model::Mode,
    plan::Plan,
    sim::{Cloud, Outage},
};
use std::time::Duration;

const THERE: [&str; 2] = ["eastus", "westus"];
const BACK: [&str; 2] = ["westus", "eastus"];

struct Case {
    /// The mode of the move that had been made before, if one had.
    after: Option<Mode>,
    file: &'static str,
    way: [&'static str; 2],
    mode: Mode,
    outage: Outage,
}

impl Case {
    const fn new(file: &'static str, mode: Mode, outage: Outage) -> Self {
        Self { after: None, file, way: THERE, mode, outage }
    }

    fn plan(&self) -> Plan {
        let [from, to] = self.way;
        make(self.file, from, to, self.mode)
    }

    /// The world that the run meets.
    async fn world(&self, plan: &Plan) -> Cloud {
        let Some(mode) = self.after else { return Cloud::seeded(plan, self.outage, night()) };
        let outage = if mode == Mode::Planned { Outage::None } else { Outage::Data };
        let before = Drill::new(make("proseware.yaml", "eastus", "westus", mode), outage);
        assert_eq!(before.process().await, Some(Ending::Done), "{}", before.story());
        before.set_outage(self.outage);
        // Metrics and users follow what has moved.
        before.clock.sleep(Duration::from_hours(1)).await;
        let now = before.then(plan.clone());
        now.cloud.with_world(|world| world.cloud().clone())
    }

    /// How it ends while the outage lasts.
    fn ending(&self) -> Ending {
        if self.outage == Outage::Region { Ending::Owing } else { Ending::Done }
    }
}

fn sweep(case: &Case) {
    let plan = case.plan();
    let world = in_virtual_time(case.world(&plan));
    let (points, once) = in_virtual_time(async {
        let drill = Drill::within(world.clone(), plan.clone());
        assert_eq!(drill.process().await, Some(case.ending()), "{}", drill.story());
        (drill.fuse.passed(), drill.harm())
    });
    let mut places = Vec::new();
    for point in 0..points {
        in_virtual_time(async {
            let drill = Drill::within(world.clone(), plan.clone());
            drill.fuse.set(point);
            assert_eq!(drill.process().await, None, "point {point} was not reached");
            places.push(drill.fuse.died().unwrap());
            let ending = drill.until_done(4).await;
            let story = || format!("point {point} of {}\n{}", case.file, drill.story());
            assert_eq!(ending, case.ending(), "{}", story());
            if ending == Ending::Owing {
                drill.set_outage(Outage::None);
                assert_eq!(drill.until_done(2).await, Ending::Done, "{}", story());
            }
            assert_eq!(drill.harm(), once, "{}", story());
        });
    }
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 4, "{places:?}");
}

#[test]
fn an_unplanned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&Case::new("proseware.yaml", Mode::Unplanned, Outage::Data));
}

#[test]
fn a_planned_proseware_that_dies_anywhere_is_resumed() {
    sweep(&Case::new("proseware.yaml", Mode::Planned, Outage::None));
}

#[test]
fn a_proseware_with_debts_that_dies_anywhere_is_resumed_and_pays() {
    sweep(&Case::new("proseware.yaml", Mode::Unplanned, Outage::Region));
}

#[test]
fn a_failback_that_dies_anywhere_is_resumed() {
    let there = Case::new("proseware.yaml", Mode::Planned, Outage::None);
    sweep(&Case { after: Some(Mode::Planned), way: BACK, ..there });
}

#[test]
fn a_protection_that_dies_anywhere_is_resumed() {
    let protection = Case::new("proseware-reprotect.yaml", Mode::Planned, Outage::None);
    sweep(&Case { after: Some(Mode::Unplanned), ..protection });
}

#[test]
fn the_web_app_alone_that_dies_anywhere_is_resumed() {
    sweep(&Case::new("proseware-web.yaml", Mode::Unplanned, Outage::Data));
    sweep(&Case::new("proseware-web.yaml", Mode::Planned, Outage::None));
}
