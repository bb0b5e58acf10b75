use super::*;
use crate::{
    action::{Applied, Params},
    model::{Node, Owner, Resource, Value as Plain},
    provider::testing::{
        Outcome, Script, answer, apply_first, look, missing, node, not_sent, ok, permit, resource,
        unanswered,
    },
};
use serde_json::Value;

const WEB: &str = "GET /west/apis/apps/v1/namespaces/shop/deployments/web";
const PODS: &str = "GET /west/api/v1/namespaces/shop/pods";
const HPAS: &str = "GET /west/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";
const SCALED: &str = "PATCH /west/apis/apps/v1/namespaces/shop/deployments/web/scale";

fn web(desired: i32, status: [i32; 3], observed: i64) -> Value {
    let [replicas, updated, available] = status;
    json!({
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "shop", "generation": 7, "resourceVersion": "41" },
        "spec": {
            "replicas": desired,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {},
        },
        "status": {
            "observedGeneration": observed,
            "replicas": replicas,
            "updatedReplicas": updated,
            "availableReplicas": available,
        },
    })
}

fn with_condition(mut web: Value, [name, status, reason]: [&str; 3]) -> Value {
    let condition =
        json!({ "type": name, "status": status, "reason": reason, "message": "because" });
    web["status"]["conditions"] = json!([condition]);
    web
}

fn said(value: &Value) -> Outcome {
    ok(&value.to_string())
}

fn no(code: u16, reason: &str) -> Outcome {
    let status = json!({ "kind": "Status", "reason": reason, "message": "because", "code": code });
    answer(code, &[], &status.to_string())
}

fn hpas(bounds: &[[i32; 2]]) -> Outcome {
    let one = |[least, most]: &[i32; 2]| {
        json!({
            "metadata": { "name": "web-cpu", "resourceVersion": "9" },
            "spec": {
                "scaleTargetRef": { "kind": "Deployment", "name": "web" },
                "minReplicas": least,
                "maxReplicas": most,
            },
        })
    };
    said(&json!({ "items": bounds.iter().map(one).collect::<Vec<_>>() }))
}

fn pods(status: &Value) -> Outcome {
    said(&json!({ "items": [{ "metadata": { "name": "web-1" }, "status": status }] }))
}

fn scale(script: &Arc<Script>, more: &[(&'static str, Plain)]) -> Arc<dyn Action> {
    let place = resource("Kubernetes::Deployment", "west/shop/web", Some("west"));
    let resource = Resource { owner: Owner::Own, ..place };
    let mut with = Node::map([
        ("deployment", node(&resource)),
        ("replicas", Node::made(Plain::Int(4))),
        ("exactly", Node::made(Plain::Bool(false))),
    ]);
    for (name, value) in more {
        with.set(name, Node::made(value.clone()));
    }
    (SCALE.bind)(&Params::new(&with), &script.clients()).unwrap()
}

async fn observed(web: &Value) -> Answer {
    let script = Script::new().on(WEB, said(web)).on(PODS, said(&json!({ "items": [] })));
    scale(&script, &[]).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn both_counts_are_set_each_on_the_version_that_was_read() {
    let script = Script::new()
        .on(WEB, said(&web(1, [1, 1, 1], 7)))
        .on(HPAS, hpas(&[[2, 10]]))
        .on(SCALED, said(&json!({})))
        .on("PATCH /west/apis/autoscaling/v2", said(&json!({})));
    let action = scale(&script, &[("minimum", Plain::Int(4))]);
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let says: Vec<_> = changes.iter().map(|change| change.says.as_str()).collect();
    let keeps = "shop/web: its autoscaler keeps 2 → 4 pods or more";
    assert_eq!(says, ["shop/web: 1 → 4 pods", keeps]);
    for change in &changes {
        let applied = action.apply(change, &permit().await).await;
        assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");
    }
    let path = "/west/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web-cpu";
    assert_eq!(
        script.changes(),
        [
            format!(
                "{SCALED} {}",
                r#"{"metadata":{"resourceVersion":"41"},"spec":{"replicas":4}}"#
            ),
            format!(
                "PATCH {path} {}",
                r#"{"metadata":{"resourceVersion":"9"},"spec":{"minReplicas":4}}"#
            ),
        ]
    );
    let sent = script.request(1);
    assert_eq!(sent.headers()["authorization"], "Bearer hush");
    assert!(sent.headers()["authorization"].is_sensitive());
    let patch = script.request(3);
    assert_eq!(patch.headers()["content-type"], "application/merge-patch+json");
}

#[tokio::test]
async fn it_is_done_only_when_all_that_was_asked_for_is_available() {
    assert_eq!(observed(&web(4, [4, 4, 4], 7)).await, Answer::AsDesired);
    assert_eq!(observed(&web(5, [5, 5, 5], 7)).await, Answer::AsDesired, "more is as good");
    let waits = [
        (web(4, [4, 4, 4], 6), "was changed, and its controller has not seen it yet"),
        (web(4, [4, 3, 3], 7), "has 3 of 4 pods of its newest kind"),
        (web(4, [5, 4, 4], 7), "still has 1 pods too many"),
        (web(4, [4, 4, 3], 7), "has 3 of 4 pods available"),
    ];
    for (web, expected) in waits {
        let answer = observed(&web).await;
        let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(why, format!("`shop/web` {expected}"));
    }
    assert_eq!(missing(&observed(&web(3, [4, 4, 4], 6)).await), ["replicas"]);
}

#[tokio::test]
async fn what_cannot_get_on_is_not_waited_for() {
    let stuck = |condition| with_condition(web(4, [4, 4, 3], 7), condition);
    for condition in [
        ["Progressing", "False", "ProgressDeadlineExceeded"],
        ["ReplicaFailure", "True", "FailedCreate"],
    ] {
        let answer = observed(&stuck(condition)).await;
        let Answer::Never { why } = answer else { panic!("{answer:?}") };
        assert_eq!(why, format!("`shop/web` cannot get on: {}: because", condition[2]));
    }
    let going_on = stuck(["Progressing", "True", "ReplicaSetUpdated"]);
    assert!(matches!(observed(&going_on).await, Answer::NotYet { .. }));
    let unseen =
        with_condition(web(4, [4, 4, 3], 6), ["Progressing", "False", "ProgressDeadlineExceeded"]);
    assert!(matches!(observed(&unseen).await, Answer::NotYet { .. }), "of the last generation");
    let mut paused = web(4, [4, 3, 4], 7);
    paused["spec"]["paused"] = true.into();
    assert!(matches!(observed(&paused).await, Answer::Never { .. }));
}

#[tokio::test]
async fn the_pod_that_waits_says_for_what() {
    let unscheduled = json!({ "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room",
    }] });
    let state = |state: Value| {
        json!({ "containerStatuses": [{
            "name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": state,
        }] })
    };
    let pulled =
        state(json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such" } }));
    let ended = state(json!({ "terminated": { "reason": "Error", "exitCode": 3 } }));
    let starting = state(json!({ "waiting": { "reason": "ContainerCreating" } }));
    for (status, expected) in [
        (unscheduled, "; pod `web-1`: Unschedulable: no room"),
        (pulled, "; pod `web-1`: ImagePullBackOff: no such"),
        (ended, "; pod `web-1`: Error: `app` ended with status 3"),
        (starting, ""),
    ] {
        let script = Script::new().on(WEB, said(&web(4, [4, 4, 3], 7))).on(PODS, pods(&status));
        let answer = scale(&script, &[]).observe(&look()).await.unwrap().answer;
        let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(why, format!("`shop/web` has 3 of 4 pods available{expected}"));
        assert!(script.sent()[1].contains("labelSelector=app%3Dweb"), "{:?}", script.sent());
    }
}

#[tokio::test]
async fn a_deployment_that_is_not_there_is_named() {
    let script = Script::new().on(WEB, no(404, "NotFound"));
    let answer = scale(&script, &[]).observe(&look()).await.unwrap().answer;
    let why = "there is no Deployment `web` in the namespace `shop` of `west`".to_owned();
    assert_eq!(answer, Answer::Never { why });
    // A page of whatever stands before the server proves nothing.
    let script = Script::new().on(WEB, answer404());
    let trouble = scale(&script, &[]).observe(&look()).await.unwrap_err();
    assert!(trouble.why.contains("answered 404 Not Found"), "{}", trouble.why);
}

fn answer404() -> Outcome {
    answer(404, &[], "<html>nothing here</html>")
}

#[tokio::test]
async fn what_an_answer_says_of_a_change_is_not_mixed_up() {
    let of = async |outcome: Outcome| {
        let script = Script::new().on(WEB, said(&web(1, [1, 1, 1], 7))).on(SCALED, outcome);
        let unapplied = apply_first(&scale(&script, &[])).await.unwrap_err();
        (unapplied, script.changes().len())
    };
    let (conflict, sent) = of(no(409, "Conflict")).await;
    assert!(matches!(conflict, Unapplied::Deferred { .. }), "{conflict:?}");
    assert_eq!(sent, 1);
    let (busy, _) = of(answer(429, &[("retry-after", "7")], "")).await;
    let seven = Duration::from_secs(7);
    assert!(matches!(busy, Unapplied::Deferred { wait, .. } if wait == seven), "{busy:?}");
    let (forbidden, _) = of(no(403, "Forbidden")).await;
    assert!(matches!(forbidden, Unapplied::Refused { .. }), "{forbidden:?}");
    assert!(forbidden.why().ends_with("answered 403 Forbidden: because"), "{forbidden:?}");
    // Who is not known did nothing, so it is sent again, with another credential.
    let (unknown, sent) = of(no(401, "Unauthorized")).await;
    assert!(matches!(unknown, Unapplied::Deferred { .. }), "{unknown:?}");
    assert_eq!(sent, 2);
    for outcome in
        [unanswered(), no(500, "InternalError"), no(504, "Timeout"), answer(301, &[], "")]
    {
        let (doubt, sent) = of(outcome).await;
        assert!(matches!(doubt, Unapplied::InDoubt { .. }), "{doubt:?}");
        assert_eq!(sent, 1);
    }
    let (unsent, _) = of(not_sent()).await;
    assert!(matches!(unsent, Unapplied::Deferred { .. }), "{unsent:?}");
}

#[tokio::test]
async fn a_minimum_above_the_maximum_is_refused_before_anything_is_sent() {
    let script = Script::new().on(WEB, said(&web(1, [1, 1, 1], 7))).on(HPAS, hpas(&[[1, 3]]));
    let action = scale(&script, &[("minimum", Plain::Int(4))]);
    let answer = action.observe(&look()).await.unwrap().answer;
    let Answer::Never { why } = answer else { panic!("{answer:?}") };
    assert!(why.contains("raise its maximum first"), "{why}");
}

async fn findings(web: &Value, bounds: &[[i32; 2]], more: &[(&'static str, Plain)]) -> Vec<String> {
    let allowed = json!({ "spec": {}, "status": { "allowed": true } });
    let script = Script::new()
        .on("POST selfsubjectaccessreviews", answer(201, &[], &allowed.to_string()))
        .on(WEB, said(web))
        .on(HPAS, hpas(bounds));
    scale(&script, more).examine().await.into_iter().map(|finding| finding.says).collect()
}

#[tokio::test]
async fn who_would_set_it_back_is_told() {
    let plain = web(1, [1, 1, 1], 7);
    assert_eq!(findings(&plain, &[], &[]).await, [""; 0]);
    assert_eq!(findings(&plain, &[[4, 10]], &[]).await, [""; 0]);
    let down =
        "its autoscaler may take `shop/web` from 4 down to 2 pods again: `minimum: 4` prevents it";
    assert_eq!(findings(&plain, &[[2, 10]], &[]).await, [down]);
    let capped = "its autoscaler lets `shop/web` run 3 pods at most, and takes 4 down to that";
    assert_eq!(findings(&plain, &[[4, 3]], &[]).await, [capped]);
    let minimum = [("minimum", Plain::Int(4))];
    let none = "nothing scales `shop/web` by itself, so `minimum` sets nothing";
    assert_eq!(findings(&plain, &[], &minimum).await, [none]);
    assert_eq!(findings(&plain, &[[2, 10]], &minimum).await, [""; 0]);

    let mut owned = plain.clone();
    owned["metadata"]["annotations"] = json!({ "argocd.argoproj.io/tracking-id": "shop:apps" });
    let said = findings(&owned, &[], &[]).await;
    assert!(said[0].starts_with("Argo CD keeps `shop/web` as it is written elsewhere"), "{said:?}");
}

#[tokio::test]
async fn what_no_role_allows_blocks() {
    let denied = json!({ "spec": {}, "status": { "allowed": false, "reason": "no role" } });
    let script = Script::new()
        .on("POST selfsubjectaccessreviews", answer(201, &[], &denied.to_string()))
        .on("GET ", no(403, "Forbidden"));
    let findings = scale(&script, &[]).examine().await;
    assert_eq!(findings.len(), 4, "{findings:?}");
    let last = "this caller may not patch deployments.apps/scale in the namespace `shop`: no role";
    assert_eq!(findings[3], Finding::blocker(last));
    // Where it cannot be asked, nothing is known.
    let script = Script::new()
        .on("POST selfsubjectaccessreviews", no(403, "Forbidden"))
        .on("GET ", no(403, "Forbidden"));
    let findings = scale(&script, &[]).examine().await;
    assert!(findings[0].says.starts_with("unknown whether this caller may"), "{findings:?}");
}

#[test]
fn a_place_that_names_no_context_is_refused() {
    let with = Node::map([
        ("deployment", node(&resource("Kubernetes::Deployment", "shop/web", Some("west")))),
        ("replicas", Node::made(Plain::Int(4))),
    ]);
    let refused = (SCALE.bind)(&Params::new(&with), &Script::new().clients()).err().unwrap();
    assert_eq!(refused.message, "`deployment` must be CONTEXT/NAMESPACE/NAME, not `shop/web`");
}
