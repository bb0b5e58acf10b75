//! Proseware: there, and back.

use super::run::{Drill, make};
use crate::core::run::in_virtual_time;
use failover::{engine::Ending, model::Mode, sim::Outage};

#[test]
fn an_unplanned_failover_of_proseware_ends_well() {
    in_virtual_time(async {
        let drill =
            Drill::new(make("proseware.yaml", "eastus", "westus", Mode::Unplanned), Outage::Data);
        let before = drill.preflight().await;
        println!("{before:#?}");
        let ending = drill.process().await;
        assert_eq!(ending, Some(Ending::Done), "{}", drill.story());
        assert_eq!(drill.count("/failover"), 1);
    });
}
