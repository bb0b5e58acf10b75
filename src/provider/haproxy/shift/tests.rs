use super::*;
use crate::{
    model::{Node, Value},
    provider::{
        haproxy::balancer::tests::said,
        testing::{Script, apply_first, look, missing, ok},
    },
};

fn texts(all: &[&str]) -> Node {
    Node::made(Value::List(all.iter().map(|text| Node::text(*text)).collect()))
}

fn shift(script: &Arc<Script>, from: &[&str], to: &[&str], stages: &[i64]) -> Arc<dyn Action> {
    let stages = stages.iter().map(|stage| Node::made(Value::Int(*stage))).collect();
    let with = Node::map([
        ("balancers", texts(&["lb-1:9999", "lb-2:9999"])),
        ("backend", Node::text("web")),
        ("from", texts(from)),
        ("to", texts(to)),
        ("stages", Node::made(Value::List(stages))),
        ("stay", Node::text("1m")),
    ]);
    (SHIFT.bind)(&Params::new(&with), &script.clients()).unwrap()
}

/// Both balancers, each with these weights of `east` and `west`.
fn weighing(one: [u64; 2], other: [u64; 2]) -> Arc<Script> {
    let both =
        |[east, west]: [u64; 2]| said(&[("east", "UP", 0, east, 3), ("west", "UP", 0, west, 0)]);
    Script::new()
        .on("GET haproxy://lb-1", ok(&both(one)))
        .on("GET haproxy://lb-2", ok(&both(other)))
        .on("POST haproxy://lb", ok("\n\n"))
}

async fn seen(script: &Arc<Script>) -> Answer {
    shift(script, &["east"], &["west"], &[25, 50]).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn each_stage_is_at_every_balancer_before_the_next_begins() {
    let script = weighing([100, 0], [100, 0]);
    let answer = seen(&script).await;
    let Answer::Missing(changes) = &answer else { panic!("{answer:?}") };
    let says: Vec<_> = changes
        .iter()
        .map(|one| format!("{} after {}", one.says, one.stay_before.as_secs()))
        .collect();
    assert_eq!(
        says,
        [
            "web at lb-1:9999: 0 → 25 % to west after 0",
            "web at lb-2:9999: 0 → 25 % to west after 0",
            "web at lb-1:9999: 25 → 50 % to west after 60",
            "web at lb-2:9999: 25 → 50 % to west after 0",
            "web at lb-1:9999: 50 → 100 % to west after 60",
            "web at lb-2:9999: 50 → 100 % to west after 0",
        ]
    );
    let action = shift(&script, &["east"], &["west"], &[25, 50]);
    apply_first(&action).await.unwrap();
    let line = "POST / set server web/west weight 25;set server web/east weight 75";
    assert_eq!(script.changes(), [line]);
}

#[tokio::test]
async fn a_balancer_that_is_ahead_waits_for_the_others() {
    let answer = seen(&weighing([75, 25], [100, 0])).await;
    assert_eq!(missing(&answer)[..2], ["25 % lb-2:9999", "50 % lb-1:9999"]);
    let answer = seen(&weighing([75, 25], [75, 25])).await;
    let Answer::Missing(changes) = &answer else { panic!("{answer:?}") };
    assert_eq!(changes[0].id.as_str(), "50 % lb-1:9999");
    assert_eq!(changes[0].stay_before, Duration::from_mins(1), "who moved stays for a while");
    assert_eq!(seen(&weighing([0, 100], [0, 256])).await, Answer::AsDesired);
}

#[tokio::test]
async fn rounded_parts_are_known_again() {
    let east = ["e1", "e2", "e3"];
    let script = Script::new();
    let action = shift(&script, &east, &["west"], &[50]);
    // 17 each is as near to a third of 50 as a weight can be.
    let at_half = said(&[
        ("e1", "UP", 0, 17, 0),
        ("e2", "UP", 0, 17, 0),
        ("e3", "UP", 0, 17, 0),
        ("west", "UP", 0, 50, 0),
    ]);
    script.on("GET haproxy://lb", ok(&at_half));
    let answer = action.observe(&look()).await.unwrap().answer;
    assert_eq!(missing(&answer), ["100 % lb-1:9999", "100 % lb-2:9999"]);
}

#[tokio::test]
async fn nobody_is_sent_to_a_server_that_is_not_well_or_shared_with_a_third() {
    for (third, west, expected) in [
        (("spare", "UP", 0, 100, 0), "UP", "sends users of `web` to `spare` too"),
        (("spare", "UP", 0, 0, 0), "DOWN", "`web/west` is DOWN (Layer7 check passed)"),
        (("spare", "UP", 0, 0, 0), "DRAIN", "`web/west` is DRAIN"),
    ] {
        let text = said(&[("east", "UP", 0, 100, 3), ("west", west, 0, 0, 0), third]);
        let script = Script::new().on("GET haproxy://lb", ok(&text));
        let why = match seen(&script).await {
            Answer::Never { why } | Answer::NotYet { why, .. } => why,
            other => panic!("{other:?}"),
        };
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn weights_alone_serve_nobody() {
    let at_the_end = |west| said(&[("east", "UP", 0, 0, 0), ("west", west, 0, 100, 3)]);
    for (west, is_done) in [("UP", true), ("DOWN", false)] {
        let script = Script::new().on("GET haproxy://lb", ok(&at_the_end(west)));
        assert_eq!(seen(&script).await == Answer::AsDesired, is_done, "{west}");
    }
}

#[tokio::test]
async fn what_was_refused_in_the_middle_is_looked_at_again() {
    let script = Script::new()
        .on("GET haproxy://lb", ok(&said(&[("east", "UP", 0, 100, 3), ("west", "UP", 0, 0, 0)])))
        .on("POST haproxy://lb", ok("\nNo such server.\n\n"));
    let doubt = apply_first(&shift(&script, &["east"], &["west"], &[25])).await.unwrap_err();
    assert!(matches!(doubt, Unapplied::InDoubt { .. }), "{doubt:?}");
}

#[test]
fn a_server_cannot_give_users_to_itself() {
    let with = Node::map([
        ("balancers", texts(&["lb-1:9999"])),
        ("backend", Node::text("web")),
        ("from", texts(&["east", "west"])),
        ("to", texts(&["west"])),
        ("stay", Node::text("1m")),
    ]);
    let refused = (SHIFT.bind)(&Params::new(&with), &Script::new().clients()).err().unwrap();
    assert_eq!(refused.message, "`west` can not both give users up and receive them");
}
