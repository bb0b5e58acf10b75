//! What preflight finds in Azure before anything is done, so that no run begins that could not end.

use super::{faults::proseware, run::Drill};
use crate::core::run::in_virtual_time;
use failover::{action::Weight, engine::Preflight, model::Mode, sim::Outage};

/// What is found of this weight, with the step that it was found for.
fn found(preflight: &Preflight, weight: Weight) -> Vec<String> {
    let is_meant = |finding: &failover::action::Finding| finding.weight == weight;
    let all = preflight.findings().filter(|(_, finding)| is_meant(finding));
    all.map(|(step, finding)| format!("{step}: {}", finding.says)).collect()
}

#[test]
fn a_resource_group_that_is_not_there_is_told_from_what_would_be_in_it() {
    for (group, steps) in [
        ("rg-proseware-maintenance", &["page", "remove-page"][..]),
        ("rg-proseware", &["storage", "promote", "fence", "shift"][..]),
    ] {
        in_virtual_time(async {
            let drill = Drill::new(proseware(Mode::Planned), Outage::None);
            drill.cloud.with_world(|world| world.cloud_mut().lose_group(group));
            let blockers = found(&drill.preflight().await, Weight::Blocker);
            for step in steps {
                let says =
                    format!("{step}: there is no resource group `{group}` in the subscription");
                assert!(blockers.iter().any(|one| one.starts_with(&says)), "{says}: {blockers:#?}");
            }
            assert_eq!(drill.breaches(), [""; 0]);
        });
    }
}
