use super::{
    super::sample::{EAST, WEST, alias, all_tell, script, set, values, zone_node},
    *,
};
use crate::{
    model::{Node, Value},
    provider::dns::testing::Servers,
    provider::testing::{Script, apply_first, aws_no, look, missing, ok, unanswered},
};
use hickory_proto::rr::RecordType;

fn weighted(id: &str, weight: u64, rest: &str) -> String {
    set(&format!("<SetIdentifier>{id}</SetIdentifier><Weight>{weight}</Weight>{rest}"))
}

fn both(from: u64, to: u64) -> [String; 2] {
    [weighted("east", from, &alias(EAST)), weighted("west", to, &alias(WEST))]
}

fn shift<const N: usize>(script: &Arc<Script>, more: [(&str, Node); N]) -> Arc<dyn Action> {
    let mut with = Node::map([
        ("zone", zone_node()),
        ("record", Node::text("www.example.com")),
        ("type", Node::text("A")),
        ("from", Node::text("east")),
        ("to", Node::text("west")),
    ]);
    for (name, node) in more {
        with.set(name, node);
    }
    (SHIFT.bind)(&Params::new(&with), &script.clients()).unwrap()
}

async fn observe(sets: &[String]) -> Observation {
    shift(&script(sets), []).observe(&look()).await.unwrap()
}

#[tokio::test]
async fn users_move_in_stages_and_stay_as_long_as_resolvers_do() {
    let answer = observe(&both(255, 0)).await.answer;
    assert_eq!(missing(&answer), ["20 %", "40 %", "60 %", "80 %", "100 %"]);
    let Answer::Missing(changes) = answer else { unreachable!() };
    let stays: Vec<_> = changes.iter().map(|change| change.stay_before.as_secs()).collect();
    assert_eq!(stays, [0, 60, 60, 60, 60]);
    assert_eq!(changes[1].says, "www.example.com A: 40 % to west, 60 % to east");

    let slow =
        [weighted("east", 1, &values(300, &["192.0.2.1"])), weighted("west", 0, &alias(WEST))];
    for (stay, expected) in [("10s", 300), ("10m", 600)] {
        let stages = Node::made(Value::List(vec![Node::made(Value::Int(50))]));
        let action = shift(&script(&slow), [("stay", Node::text(stay)), ("stages", stages)]);
        let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else {
            panic!()
        };
        assert_eq!(changes[0].id.as_str(), "50 %");
        assert_eq!((changes[1].id.as_str(), changes[1].stay_before.as_secs()), ("100 %", expected));
    }
}

#[tokio::test]
async fn a_shift_found_in_the_middle_stays_there_and_goes_on() {
    let table: [(u64, u64, &[&str]); 4] = [
        (40, 60, &["80 %", "100 %"]),
        (0, 0, &["60 %", "80 %", "100 %"]),
        (1, 99, &["100 %"]),
        (3, 1, &["40 %", "60 %", "80 %", "100 %"]),
    ];
    for (from, to, ahead) in table {
        let seen = observe(&both(from, to)).await;
        assert_eq!(missing(&seen.answer), ahead, "{from}:{to}");
        assert_eq!(seen.serves, Serves::Nobody);
        let Answer::Missing(changes) = seen.answer else { unreachable!() };
        assert_eq!(changes[0].stay_before.as_secs(), 60);
    }
}

#[tokio::test]
async fn a_stage_is_one_batch_that_keeps_the_rest_of_both_records() {
    let check = "<HealthCheckId>hc</HealthCheckId>";
    let sets = [
        weighted("east", 100, &alias(EAST)),
        weighted("west", 0, &format!("{}{check}", alias(WEST))),
    ];
    let script = script(&sets).on("GET /healthcheck/hc ", aws_no(404, "NoSuchHealthCheck"));
    let action = shift(&script, []);
    apply_first(&action).await.unwrap();
    let body = script.changes().remove(0);
    for set in [
        weighted("west", 20, &format!("{}{check}", alias(WEST))),
        weighted("east", 80, &alias(EAST)),
    ] {
        assert!(body.contains(&set), "{set} in {body}");
    }
    assert_eq!(script.changes().len(), 1);
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let permit = crate::provider::testing::permit().await;
    action.apply(changes.last().unwrap(), &permit).await.unwrap();
    let last = script.changes().pop().unwrap();
    assert!(last.contains("<Weight>100</Weight>") && last.contains("<Weight>0</Weight>"), "{last}");
}

#[tokio::test]
async fn no_more_users_are_sent_to_what_is_unhealthy() {
    let observation = |status: &str| {
        format!(
            "<HealthCheckObservation><StatusReport><Status>{status}</Status></StatusReport></HealthCheckObservation>"
        )
    };
    let check = "<GetHealthCheckResponse><HealthCheck><HealthCheckConfig><Type>HTTP</Type></HealthCheckConfig>\
                 <HealthCheckVersion>1</HealthCheckVersion></HealthCheck></GetHealthCheckResponse>";
    for (status, expected) in [("Success: 200", "Missing"), ("Failure: timeout", "NotYet")] {
        let west =
            weighted("west", 20, &format!("{}<HealthCheckId>hc</HealthCheckId>", alias(WEST)));
        let status = format!(
            "<R><HealthCheckObservations>{}</HealthCheckObservations></R>",
            observation(status)
        );
        let script = script(&[weighted("east", 80, &alias(EAST)), west])
            .on("GET /healthcheck/hc ", ok(check))
            .on("GET /healthcheck/hc/status", ok(&status));
        let seen = shift(&script, []).observe(&look()).await.unwrap();
        assert!(format!("{:?}", seen.answer).starts_with(expected), "{:?}", seen.answer);
        assert!(seen.evidence.get("health").is_some());
    }
}

#[tokio::test]
async fn the_end_is_proven_on_every_server() {
    let world = |address: &'static str| {
        let servers = Servers::default()
            .at("machine", &format!("dualstack.{EAST}."), RecordType::A, &["192.0.2.1"])
            .at("machine", &format!("dualstack.{WEST}."), RecordType::A, &["192.0.2.2"]);
        script(&both(0, 100)).asking(all_tell(servers, &[address]))
    };
    let seen = shift(&world("192.0.2.2"), []).observe(&look()).await.unwrap();
    assert_eq!(seen.answer, Answer::AsDesired);
    assert_eq!(seen.serves, Serves::Region("us-west-2".into()));
    let evidence = |name: &str| seen.evidence.get(name).unwrap().to_string();
    assert_eq!(
        (evidence("share"), evidence("weights")),
        ("100 %".to_owned(), "east 0, west 100".to_owned())
    );
    let answer = shift(&world("192.0.2.1"), []).observe(&look()).await.unwrap().answer;
    let why = "ns-1.awsdns-00.com still answers 192.0.2.1 for 60 s".to_owned();
    assert_eq!(answer, Answer::NotYet { why, look_again: Duration::from_secs(5) });
    assert_eq!(observe(&both(100, 0)).await.serves, Serves::Region("us-east-1".into()));
}

#[tokio::test]
async fn what_cannot_be_shifted_is_told() {
    let third = [both(100, 0).concat(), weighted("blue", 10, &alias(EAST))];
    let simple = [set(&values(60, &["192.0.2.1"]))];
    let half = [weighted("east", 1, &alias(EAST))];
    let table: [(&[String], &str); 4] = [
        (&third, "www.example.com A (blue) gets users too: set its weight to 0 first"),
        (&simple, "has no weighted record `east`; it has www.example.com A"),
        (&half, "has no weighted record `west`; it has www.example.com A (east)"),
        (&[], "there is no record www.example.com A in the zone example.com"),
    ];
    for (sets, expected) in table {
        let answer = observe(sets).await.answer;
        let Answer::Never { why } = &answer else { panic!("{answer:?}") };
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_a_stage_in_doubt() {
    let script = Script::new().on("POST /rrset/", unanswered()).and(&script(&both(1, 0)));
    let applied = apply_first(&shift(&script, [])).await;
    assert!(matches!(applied, Err(Unapplied::InDoubt { .. })), "{applied:?}");
}

#[test]
fn nobody_is_moved_to_where_they_are() {
    let with = Node::map([("from", Node::text("east")), ("to", Node::text("east"))]);
    let made = (SHIFT.bind)(&Params::new(&with), &Script::new().clients());
    assert_eq!(made.err().unwrap().message, "users cannot be moved from `east` to itself");
}
