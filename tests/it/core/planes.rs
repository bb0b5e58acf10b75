//! A run that presumes a region lost is not begun for a step that needs it.

use super::run::{plan, step};
use failover::{
    model::Mode,
    plan::{Needed, OnFailure, Plan, Side, Step, Work},
};

fn control(region: &str) -> Needed {
    Needed::Control { region: Some(region.into()), service: None }
}

fn data(region: &str) -> Needed {
    Needed::Data { region: Some(region.into()) }
}

/// A step that cannot be done without these planes.
fn needing(planes: &[Needed]) -> Step {
    let mut step = step("put", "app");
    if let Work::Action(work) = &mut step.work {
        work.planes = planes.to_vec();
    }
    step
}

/// What of its one step keeps an unplanned run, from `east` to `west`, from being begun.
fn held(plan: &Plan) -> Vec<String> {
    plan.stranded().map(|lost| lost.to_string()).collect()
}

#[test]
fn what_needs_the_region_that_is_left_holds_an_unplanned_run() {
    let global = Needed::Global { service: "names".to_owned() };
    let spread = Needed::Spread { service: "switches".to_owned(), needs: 3, of: 5 };
    let pinned = |region: &str| Needed::Control {
        region: Some(region.into()),
        service: Some("names".to_owned()),
    };
    let nowhere = Needed::Control { region: None, service: None };
    for (planes, expected) in [
        (vec![control("east")], Some("needs east control, presumed lost")),
        (vec![global.clone(), data("east")], Some("needs east data, presumed lost")),
        (
            vec![control("east"), control("west"), data("east")],
            Some("needs east control, east data, presumed lost"),
        ),
        (vec![pinned("east")], Some("needs east control (names), presumed lost")),
        (vec![pinned("north")], None),
        (vec![control("west"), data("west")], None),
        (vec![global, spread, nowhere], None),
        (vec![], None),
    ] {
        let plan = plan(vec![needing(&planes)]);
        let expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(held(&plan), expected, "{planes:?}");
    }
}

#[test]
fn a_run_that_presumes_nothing_lost_is_held_by_nothing() {
    let unplanned = plan(vec![needing(&[control("east")])]);
    assert_eq!(held(&unplanned).len(), 1);
    let planned = Plan { mode: Mode::Planned, ..unplanned.clone() };
    assert_eq!(held(&planned), [""; 0]);
    let afterwards = Plan { serving: Side::To, ..unplanned };
    assert_eq!(held(&afterwards), [""; 0]);
}

#[test]
fn what_may_wait_is_not_held_and_what_is_waived_is_told_with_its_reason() {
    let needing = || needing(&[control("east")]);
    for (on_failure, is_held) in
        [(OnFailure::Stop, true), (OnFailure::Ask, true), (OnFailure::Owe, false)]
    {
        let plan = plan(vec![Step { on_failure, ..needing() }]);
        assert_eq!(held(&plan).len(), usize::from(is_held), "{on_failure:?}");
    }
    let waive = Some("a copy answers".to_owned());
    let waived = plan(vec![Step { waive, ..needing() }]);
    assert_eq!(held(&waived), [""; 0]);
    let told = |plan: &Plan| plan.waived(&plan.steps[0]).map(|waived| waived.to_string());
    let says = "needs east control, presumed lost; waived: a copy answers";
    assert_eq!(told(&waived).as_deref(), Some(says));
    let planned = Plan { mode: Mode::Planned, ..waived };
    assert_eq!(told(&planned), None, "nothing was waived where nothing is presumed lost");
}
