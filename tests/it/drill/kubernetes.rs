//! The system of clusters, databases and caches in three regions: there, and back to what was repaired, in a rehearsal.

use super::run::{Drill, make};
use crate::core::run::in_virtual_time;
use failover::{engine::Ending, model::Mode, run::StepOutcome, sim::Outage};

const RUNBOOK: &str = "kubernetes-postgres.yaml";
const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-central-1"];

fn ways() -> impl Iterator<Item = (&'static str, &'static str)> {
    let from = |from| REGIONS.into_iter().filter(move |to| *to != from).map(move |to| (from, to));
    REGIONS.into_iter().flat_map(from)
}

/// The pods of the app in a region that are asked for.
fn pods(drill: &Drill, region: &str) -> u64 {
    let world = drill.cloud.with_world(|world| serde_json::to_value(world.cloud()).unwrap());
    let all = world["kubernetes"]["deployments"].as_array().unwrap().clone();
    let its = |one: &&serde_json::Value| one["key"]["context"] == region;
    all.iter().find(its).unwrap()["replicas"].as_u64().unwrap()
}

#[test]
fn every_region_can_take_over_from_every_other_as_planned() {
    for (from, to) in ways() {
        in_virtual_time(async {
            let drill = Drill::new(make(RUNBOOK, from, to, Mode::Planned), Outage::None);
            let ending = drill.process().await;
            assert_eq!(ending, Some(Ending::Done), "{from} {to}\n{}", drill.story());
            assert_eq!((pods(&drill, from), pods(&drill, to)), (2, 10));
            assert_eq!(drill.breaches(), [""; 0]);
        });
    }
}

#[test]
fn a_lost_region_is_fenced_when_it_is_back_and_gets_its_users_again() {
    in_virtual_time(async {
        let [east, west, _] = REGIONS;
        let drill = Drill::new(make(RUNBOOK, east, west, Mode::Unplanned), Outage::Region);
        assert_eq!(drill.process().await, Some(Ending::Owing), "{}", drill.story());
        assert_eq!(drill.outcome("promote-db"), Some(StepOutcome::Succeeded), "{}", drill.story());
        drill.set_outage(Outage::None);
        assert_eq!(drill.until_done(2).await, Ending::Done, "{}", drill.story());

        // The role of Redis has moved a moment ago: what says so must have passed.
        drill.clock.sleep(std::time::Duration::from_hours(1)).await;
        let back = drill.then(make("restore-primary.yaml", west, east, Mode::Planned));
        assert_eq!(back.process().await, Some(Ending::Done), "{}", back.story());
        assert_eq!((pods(&back, west), pods(&back, east)), (2, 10));
        assert_eq!(back.breaches(), [""; 0]);
    });
}

#[test]
fn no_database_is_swapped_before_the_pods_are_there() {
    in_virtual_time(async {
        let drill =
            Drill::new(make(RUNBOOK, "us-east-1", "us-west-2", Mode::Planned), Outage::None);
        drill.cloud.with_world(|world| world.cloud_mut().fill_nodes("web"));
        assert_eq!(drill.process().await, Some(Ending::Failed), "{}", drill.story());
        let outcome = drill.outcome("pods");
        let Some(StepOutcome::Failed { why }) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("Unschedulable"), "{why}");
        assert_eq!(drill.outcome("swap-db"), None);
    });
}
