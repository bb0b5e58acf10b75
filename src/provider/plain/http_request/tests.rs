use super::*;
use crate::{
    action::Params,
    model::{Node, Value},
    provider::testing::{Outcome, Script, answer, look, not_sent, ok, permit, unanswered},
};

const URL: &str = "https://hooks.example/notify?key=hidden";
const SENT: &str = "POST https://hooks.example/notify";

fn with(more: &[(&'static str, Node)]) -> Node {
    let mut with = Node::map([
        ("url", Node::text(URL)),
        ("method", Node::text("POST")),
        ("body", Node::text(r#"{"text":"it begins"}"#)),
        ("bearer", Node::text("TOKEN")),
        ("harmless", Node::made(Value::Bool(false))),
    ]);
    for (name, value) in more {
        with.set(name, value.clone());
    }
    with
}

fn bound_to(script: &Arc<Script>, with: &Node) -> Result<Arc<dyn Action>, Diagnostic> {
    (HTTP_REQUEST.bind)(&Params::new(with), &script.clients())
}

async fn applied(script: &Arc<Script>, with: &Node) -> Result<Applied, Unapplied> {
    let action = bound_to(script, with).unwrap();
    let change = match action.observe(&look()).await.unwrap().answer {
        Answer::Unseen(changes) | Answer::Missing(changes) => changes[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(change.says, "POST https://hooks.example/notify", "a query may hold a key");
    action.apply(&change, &permit().await).await
}

#[tokio::test]
async fn it_is_sent_once_with_what_it_must_hold() {
    let script = Script::new().on(SENT, answer(202, &[], ""));
    applied(&script, &with(&[])).await.unwrap();
    assert_eq!(script.sent(), [r#"POST /notify?key=hidden {"text":"it begins"}"#]);
    let sent = script.request(0);
    assert_eq!(sent.headers()["content-type"], "application/json");
    assert_eq!(sent.headers()["authorization"], "Bearer hush");
    assert!(sent.headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn what_an_answer_says_of_it_is_not_mixed_up() {
    let of = async |outcome: Outcome, more: &[(&'static str, Node)]| {
        let script = Script::new().on(SENT, outcome);
        let unapplied = applied(&script, &with(more)).await.unwrap_err();
        assert!(!unapplied.why().contains("hidden"), "{unapplied:?}");
        unapplied
    };
    for status in [400, 401, 404] {
        let refused = of(answer(status, &[], ""), &[]).await;
        assert!(matches!(refused, Unapplied::Refused { .. }), "{refused:?}");
    }
    let busy = of(answer(429, &[("retry-after", "7")], ""), &[]).await;
    let seven = Duration::from_secs(7);
    assert!(matches!(busy, Unapplied::Deferred { wait, .. } if wait == seven), "{busy:?}");
    assert!(matches!(of(not_sent(), &[]).await, Unapplied::Deferred { .. }));
    let strict = [("status", Node::made(Value::Int(201)))];
    let telling = [("contains", Node::text("posted"))];
    for (outcome, more) in [
        (answer(302, &[], ""), &[][..]),
        (answer(408, &[], ""), &[]),
        (answer(503, &[], ""), &[]),
        (unanswered(), &[]),
        (ok("posted"), &strict),
        (ok("queued"), &telling),
    ] {
        let doubt = of(outcome, more).await;
        assert!(matches!(doubt, Unapplied::InDoubt { .. }), "{doubt:?}");
    }
}

#[tokio::test]
async fn another_address_says_whether_it_is_needed() {
    let of = async |outcome: Outcome| {
        let script = Script::new().on("GET https://hooks.example/state", outcome);
        let more = [
            ("observe", Node::text("https://hooks.example/state")),
            ("observe_contains", Node::text("begun")),
        ];
        let action = bound_to(&script, &with(&more)).unwrap();
        action.observe(&look()).await.map(|seen| seen.answer)
    };
    assert_eq!(of(ok(r#"{"state":"begun"}"#)).await, Ok(Answer::AsDesired));
    for outcome in [ok("{}"), answer(404, &[], "")] {
        assert!(matches!(of(outcome).await, Ok(Answer::Missing(_))));
    }
    for outcome in [answer(403, &[], ""), answer(500, &[], ""), answer(302, &[], "")] {
        assert!(of(outcome).await.is_err());
    }
}

#[tokio::test]
async fn it_is_repeated_only_where_the_runbook_says_that_it_may_be() {
    for (flag, repeat) in [(true, Repeat::Harmless), (false, Repeat::Never)] {
        let with = with(&[("harmless", Node::made(Value::Bool(flag)))]);
        let action = bound_to(&Script::new(), &with).unwrap();
        let Answer::Unseen(changes) = action.observe(&look()).await.unwrap().answer else {
            panic!()
        };
        assert_eq!(changes[0].repeat, repeat);
        assert_eq!(action.examine().await.is_empty(), flag);
    }
}

#[tokio::test]
async fn a_secret_goes_over_https_only() {
    let plain = with(&[("url", Node::text("http://hooks.example/notify"))]);
    let action = bound_to(&Script::new(), &plain).unwrap();
    let Answer::Unseen(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let refused = action.apply(&changes[0], &permit().await).await.unwrap_err();
    let why = "http://hooks.example/notify: a secret is sent over https only".to_owned();
    assert_eq!(refused, Unapplied::Refused { why, request_id: None });
}

#[test]
fn a_secret_does_not_stand_among_the_headers() {
    let headers = Node::map([("Authorization", Node::text("Bearer abc"))]);
    let refused = bound_to(&Script::new(), &with(&[("headers", headers)])).err().unwrap();
    assert_eq!(refused.message, "`Authorization` holds a secret");
}
