//! What the steps of a plan need, and where.

use super::{PROSEWARE, choice, plan};
use crate::{model::Mode, plan::Step};
use snapbox::{assert_data_eq, str};

/// What each step needs, one in a line.
fn needs(text: &str, mode: Mode) -> String {
    let plan = plan(text, &choice("eastus", "westus", mode));
    let line = |step: &Step| {
        let planes: Vec<_> = step.action()?.planes.iter().map(ToString::to_string).collect();
        Some(format!("{}: {}\n", step.id, planes.join(", ")))
    };
    plan.steps.iter().filter_map(line).collect()
}

#[test]
fn the_steps_of_proseware_need_what_azure_says() {
    assert_data_eq!(
        needs(PROSEWARE, Mode::Unplanned),
        str![[r#"
page: centralus control, centralus data
ready: global, westus control
cut-off: global, centralus control
stop-from: eastus control
fence: eastus control
stop-to: westus control
storage: global, westus data
promote: westus control, westus data
settings: westus control
start: westus control
verify: westus data
shift: global, westus data
served: westus data

"#]]
    );
    assert_data_eq!(
        needs(PROSEWARE, Mode::Planned),
        str![[r#"
page: centralus control, centralus data
ready: global, westus control
cut-off: global, centralus control
stop-from: eastus control
fence: eastus control
stop-to: westus control
storage: global, westus data
promote: westus control, westus data, eastus data
settings: westus control
start: westus control
verify: westus data
shift: global, westus data
served: westus data
redundancy: own region control
replica: eastus control, westus control, westus data
unfence: eastus control
point-back: global, eastus control
remove-page: centralus control, global

"#]]
    );
}
