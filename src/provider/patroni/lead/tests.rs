use super::*;
use crate::{
    model::{Node, Value},
    provider::testing::{Script, answer, apply_first, look, ok},
};

const CLUSTER: &str = "GET https://west:8008/cluster";
const TO: &str = "GET https://west:8008/patroni";
const FROM_OWN: &str = "GET https://east:8009/patroni";

/// A leader in the east that feeds its replica in the west.
const WELL: [&str; 3] = [
    r#"{"members": [{"name": "n1", "role": "leader", "state": "running", "timeline": 4},
        {"name": "n2", "role": "replica", "state": "streaming", "timeline": 4, "lag": 10, "tags": {"nofailover": false}}]}"#,
    r#"{"state": "running", "role": "replica", "database_system_identifier": "7", "patroni": {"version": "4.1.5", "name": "n2"}}"#,
    r#"{"state": "running", "role": "primary", "database_system_identifier": "7",
        "replication": [{"application_name": "n2", "state": "streaming"}], "patroni": {"version": "4.1.5", "name": "n1"}}"#,
];

fn with(more: &[(&'static str, Node)]) -> Node {
    let member = |name: &str| {
        Node::map([("kind", Node::text("Patroni::Member")), ("name", Node::text(name))])
    };
    let common = [
        ("server", member("west")),
        ("candidate", Node::text("n2")),
        ("from", member("east:8009")),
        ("leader", Node::text("n1")),
        ("tls", Node::text("verify")),
        ("lag_bytes", Node::made(Value::Int(1_000))),
    ];
    Node::map(common.into_iter().chain(more.iter().cloned()))
}

fn bound(kind: &Kind, script: &Arc<Script>) -> Arc<dyn Action> {
    (kind.bind)(&Params::new(&with(&[])), &script.clients()).unwrap()
}

/// All is well, but for other words in what is said.
fn but(words: [&str; 2]) -> Arc<Script> {
    let [cluster, to, from] = WELL.map(|text| text.replace(words[0], words[1]));
    Script::new().on(CLUSTER, ok(&cluster)).on(TO, ok(&to)).on(FROM_OWN, ok(&from))
}

async fn seen(kind: &Kind, script: &Arc<Script>) -> Answer {
    bound(kind, script).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn a_switchover_begins_only_when_all_is_well() {
    assert!(matches!(seen(&SWITCHOVER, &but(["", ""])).await, Answer::Missing(_)));
    for (words, why) in [
        (
            [r#""n2", "state": "streaming"}], "pa"#, r#""n2", "state": "catchup"}], "pa"#],
            "n2 does not stream from n1",
        ),
        ([r#""replication""#, r#""elsewhere""#], "n2 does not stream from n1"),
        (
            [r#""lag": 10"#, r#""lag": 1001"#],
            "n2 is streaming (replica, timeline 4, 1001 bytes behind)",
        ),
        ([r#""lag": 10"#, r#""lag": "unknown""#], "its lag is not known"),
        ([r#""streaming", "timeline": 4"#, r#""streaming", "timeline": 3"#], "timeline 3"),
        (
            [r#""state": "streaming", "timeline""#, r#""state": "stopped", "timeline""#],
            "n2 is stopped",
        ),
        ([r#""nofailover": false"#, r#""nofailover": true"#], "`nofailover`"),
        ([r#"{"members""#, r#"{"pause": true, "members""#], "`patronictl resume`"),
        (
            [r#"{"members""#, r#"{"scheduled_switchover": {"at": "soon"}, "members""#],
            "`patronictl flush`",
        ),
        ([r#""leader", "state""#, r#""replica", "state""#], "the cluster has no leader"),
        (
            [
                r#"{"members": ["#,
                r#"{"members": [{"name": "n0", "role": "sync_standby", "state": "streaming"}, "#,
            ],
            "no synchronous standby",
        ),
    ] {
        match seen(&SWITCHOVER, &but(words)).await {
            Answer::NotYet { why: said, .. } => assert!(said.contains(why), "{words:?}: {said}"),
            other => panic!("{words:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_plan_for_another_cluster_ends_at_once() {
    for (words, why) in [
        ([r#""n1", "role": "leader""#, r#""n3", "role": "leader""#], "`n3` leads, not `n1`"),
        ([r#""role": "leader""#, r#""role": "standby_leader""#], "follows another one"),
    ] {
        match seen(&SWITCHOVER, &but(words)).await {
            Answer::Never { why: said } => assert!(said.contains(why), "{said}"),
            other => panic!("{words:?}: {other:?}"),
        }
    }
    for words in [
        [r#""name": "n2"}}"#, r#""name": "n1"}}"#],
        [
            r#"identifier": "7", "patroni": {"version": "4.1.5", "name": "n2""#,
            r#"identifier": "8", "patroni": {"version": "4.1.5", "name": "n2""#,
        ],
    ] {
        let looked = bound(&SWITCHOVER, &but(words)).observe(&look()).await;
        assert!(looked.is_err(), "{words:?}: {looked:?}");
    }
}

#[tokio::test]
async fn a_failover_wants_a_mark_and_no_more_than_a_candidate() {
    let words = [r#""lag": 10"#, r#""lag": "unknown""#];
    assert!(matches!(seen(&FAILOVER, &but(words)).await, Answer::Missing(_)));
    // No member says where it is: nothing would tell later that the lead has moved.
    let answer = seen(&FAILOVER, &but([r#""timeline": 4"#, r#""elsewhere": 4"#])).await;
    assert!(matches!(answer, Answer::NotYet { .. }), "{answer:?}");
}

#[tokio::test]
async fn it_is_done_when_the_old_leader_streams_from_the_new_one() {
    let turned = [
        r#"{"members": [{"name": "n2", "role": "leader", "state": "running", "timeline": 5},
        {"name": "n1", "role": "replica", "state": "running", "timeline": 5, "lag": 0}]}"#,
        r#"{"state": "running", "role": "master", "replication": [{"application_name": "n1", "state": "streaming"}]}"#,
        r#"{"state": "running", "role": "replica"}"#,
    ];
    let alone = turned.map(|text| text.replace("\"streaming\"", "\"startup\""));
    let script = |all: [&str; 3]| {
        Script::new().on(CLUSTER, ok(all[0])).on(TO, ok(all[1])).on(FROM_OWN, ok(all[2]))
    };
    assert_eq!(seen(&SWITCHOVER, &script(turned)).await, Answer::AsDesired);
    let alone = script(alone.each_ref().map(String::as_str));
    assert!(matches!(seen(&SWITCHOVER, &alone).await, Answer::NotYet { .. }));
    assert_eq!(seen(&FAILOVER, &alone).await, Answer::AsDesired);
    // Both say that they take writes.
    let both = script([turned[0], turned[1], turned[1]]);
    assert!(matches!(seen(&FAILOVER, &both).await, Answer::NotYet { .. }));
}

#[tokio::test]
async fn what_patroni_answers_is_told_apart() {
    for (status, text) in [
        (412, "refused"),
        (401, "refused"),
        (408, "in doubt"),
        (503, "in doubt"),
        (202, "in doubt"),
        (429, "deferred"),
    ] {
        let script = but(["", ""])
            .on("POST https://west:8008/switchover", answer(status, &[], "no\n  <b>good</b>"));
        let action = bound(&SWITCHOVER, &script);
        let unapplied = apply_first(&action).await.unwrap_err();
        let said = match unapplied {
            Unapplied::Refused { why, .. } => {
                assert!(why.ends_with(&format!("answered {status}: no <b>good</b>")), "{why}");
                "refused"
            }
            Unapplied::InDoubt { .. } => "in doubt",
            Unapplied::Deferred { .. } => "deferred",
        };
        assert_eq!(said, text, "{status}");
        assert_eq!(script.changes(), [r#"POST /switchover {"leader":"n1","candidate":"n2"}"#]);
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let file = |text: &str| Node::map([("path", Node::text("ca.pem")), ("text", Node::text(text))]);
    for (more, why) in [
        (vec![("password", Node::text("PG"))], "a password belongs to a `user`"),
        (vec![("ca", file("nothing"))], "holds no certificate"),
    ] {
        let with = with(&more);
        let error = (SWITCHOVER.bind)(&Params::new(&with), &Script::new().clients()).err().unwrap();
        assert!(error.message.contains(why), "{error:?}");
    }
}
