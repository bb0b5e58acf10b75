use super::*;
use crate::{
    action::Params,
    model::{Node, Owner, Resource},
    provider::testing::{Outcome, Script, apply_first, look, missing, node, ok, permit, resource},
};

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const SERVICE: &str = "GET /west/api/v1/namespaces/db/services/pg";
const POD: &str = "GET /west/api/v1/namespaces/db/pods/pg-1";
const PODS: &str = "GET /west/api/v1/namespaces/db/pods?";
const SLICES: &str = "GET /west/apis/discovery.k8s.io/v1/namespaces/db/endpointslices";
const LABELLED: &str = "PATCH /west/api/v1/namespaces/db/pods/pg-1";
const SELECTED: &str = "PATCH /west/api/v1/namespaces/db/services/pg";

fn said(value: &Value) -> Outcome {
    ok(&value.to_string())
}

fn service(selector: &Value) -> Outcome {
    said(&json!({ "metadata": { "resourceVersion": "5" }, "spec": { "selector": selector } }))
}

fn pod(role: &str, is_ready: bool) -> Value {
    json!({
        "metadata": {
            "name": "pg-1",
            "resourceVersion": "8",
            "labels": { "app": "pg", "role": role, POD_NAME: "pg-1" },
        },
        "status": { "conditions": [
            { "type": "Ready", "status": if is_ready { "True" } else { "False" } },
        ] },
    })
}

fn named(names: &[&str]) -> Outcome {
    let one = |name: &&str| json!({ "metadata": { "name": name } });
    said(&json!({ "items": names.iter().map(one).collect::<Vec<_>>() }))
}

fn leads_to(names: &[&str]) -> Outcome {
    let one = |name: &&str| {
        json!({
            "addresses": ["10.0.0.1"],
            "conditions": { "ready": true },
            "targetRef": { "kind": "Pod", "name": name },
        })
    };
    let mut all: Vec<_> = names.iter().map(one).collect();
    all.push(json!({
        "addresses": ["10.0.0.9"],
        "conditions": { "ready": false },
        "targetRef": { "kind": "Pod", "name": "pg-9" },
    }));
    // A second slice, of the other family of addresses.
    let slice = json!({ "addressType": "IPv4", "endpoints": all });
    said(&json!({ "items": [slice, { "addressType": "IPv6", "endpoints": all }] }))
}

fn old() -> Value {
    json!({ "app": "pg", "role": "primary", POD_NAME: "pg-0", "zone": "a" })
}

fn wanted() -> Value {
    json!({ "app": "pg", "role": "primary", POD_NAME: "pg-1" })
}

fn action(script: &Arc<Script>) -> Arc<dyn Action> {
    let place = resource("Kubernetes::Service", "west/db/pg", Some("west"));
    let resource = Resource { owner: Owner::Own, ..place };
    let with = Node::map([
        ("service", node(&resource)),
        ("pod", Node::text("pg-1")),
        ("selector", labels(&wanted())),
    ]);
    (SELECTOR.bind)(&Params::new(&with), &script.clients()).unwrap()
}

fn labels(of: &Value) -> Node {
    let mut map = Node::map([]);
    for (name, value) in of.as_object().unwrap() {
        map.set(name, Node::text(value.as_str().unwrap()));
    }
    map
}

async fn answered(script: &Arc<Script>) -> Answer {
    action(script).observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn the_pod_is_labelled_first_and_then_it_is_selected() {
    let script = Script::new()
        .on(PODS, named(&[]))
        .on(PODS, named(&[]))
        .on(PODS, named(&["pg-1"]))
        .on(SERVICE, service(&old()))
        .on(POD, said(&pod("replica", true)))
        .on(POD, said(&pod("replica", true)))
        .on(POD, said(&pod("primary", true)))
        .on(SLICES, leads_to(&["pg-0"]))
        .on(LABELLED, said(&json!({})))
        .on(SELECTED, said(&json!({})));
    let action = action(&script);
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let says: Vec<_> = changes.iter().map(|change| change.says.as_str()).collect();
    let selects = format!(
        "db/pg: select app=pg,role=primary,{POD_NAME}=pg-0,zone=a → app=pg,role=primary,{POD_NAME}=pg-1"
    );
    assert_eq!(says, ["db/pg-1: label role=primary", &selects]);
    for change in &changes {
        action.apply(change, &permit().await).await.unwrap();
    }
    let labelled = r#"{"metadata":{"resourceVersion":"8","labels":{"role":"primary"}}}"#;
    let selected = format!(
        r#"{{"metadata":{{"resourceVersion":"5"}},"spec":{{"selector":{{"app":"pg","role":"primary","{POD_NAME}":"pg-1","zone":null}}}}}}"#
    );
    assert_eq!(
        script.changes(),
        [format!("{LABELLED} {labelled}"), format!("{SELECTED} {selected}")]
    );
}

#[tokio::test]
async fn it_is_done_when_it_leads_to_that_pod_and_to_no_other() {
    for (names, expected) in [
        (&["pg-1"][..], None),
        (&["pg-0"], Some("`db/pg` still leads to pg-0")),
        (&["pg-0", "pg-1"], Some("`db/pg` still leads to pg-0, pg-1")),
        (&[], Some("`db/pg` still leads to no pod")),
    ] {
        let script = Script::new()
            .on(PODS, named(&["pg-1"]))
            .on(SERVICE, service(&wanted()))
            .on(POD, said(&pod("primary", true)))
            .on(SLICES, leads_to(names));
        match (answered(&script).await, expected) {
            (Answer::AsDesired, None) => {}
            (Answer::NotYet { why, .. }, Some(expected)) => assert_eq!(why, expected),
            (answer, _) => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_selector_that_fits_a_second_pod_is_never_sent() {
    let script = Script::new()
        .on(PODS, named(&["pg-0", "pg-1"]))
        .on(SERVICE, service(&old()))
        .on(POD, said(&pod("primary", true)));
    let answer = answered(&script).await;
    let Answer::Never { why } = answer else { panic!("{answer:?}") };
    assert!(
        why.starts_with("the selector fits pg-0 too, and users would be sent to both"),
        "{why}"
    );
    assert_eq!(script.changes(), [""; 0]);
}

#[tokio::test]
async fn a_pod_that_is_not_ready_is_waited_for() {
    let script = Script::new().on(SERVICE, service(&old())).on(POD, said(&pod("primary", false)));
    let answer = answered(&script).await;
    let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(why, "`db/pg-1` is not ready");
}

#[tokio::test]
async fn what_has_changed_since_the_look_keeps_a_selector_from_being_sent() {
    // It was ready and labelled, and is neither any more.
    for (then, expected) in [
        (pod("primary", false), "`db/pg-1` is not ready"),
        (pod("replica", true), "`db/pg-1` has lost a label"),
    ] {
        let script = Script::new()
            .on(PODS, named(&["pg-1"]))
            .on(SERVICE, service(&old()))
            .on(POD, said(&pod("primary", true)))
            .on(POD, said(&then))
            .on(SLICES, leads_to(&["pg-0"]));
        let unapplied = apply_first(&action(&script)).await.unwrap_err();
        assert!(matches!(unapplied, Unapplied::Deferred { .. }), "{unapplied:?}");
        assert_eq!(unapplied.why(), expected);
        assert_eq!(script.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_service_without_a_selector_is_left_alone() {
    let script = Script::new().on(SERVICE, service(&json!({})));
    let answer = answered(&script).await;
    let Answer::Never { why } = answer else { panic!("{answer:?}") };
    assert!(why.starts_with("`db/pg` selects no pods"), "{why}");
}

#[tokio::test]
async fn labels_that_die_with_their_pod_are_told_of() {
    let allowed = json!({ "spec": {}, "status": { "allowed": true } });
    let script = Script::new()
        .on("POST selfsubjectaccessreviews", said(&allowed))
        .on(SERVICE, service(&old()))
        .on(POD, said(&pod("replica", true)));
    let findings = action(&script).examine().await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].says.contains("are lost when it is made anew"), "{findings:?}");
}

#[tokio::test]
async fn a_pod_that_joins_the_others_when_it_is_labelled_is_told_of() {
    let allowed = json!({ "spec": {}, "status": { "allowed": true } });
    for (now, joins) in [
        (json!({ "role": "primary" }), true),
        (json!({ "app": "pg", "role": "primary" }), true),
        (json!({ "app": "pg", "role": "primary", POD_NAME: "pg-0" }), false),
        (json!({ "app": "pg" }), false),
    ] {
        let script = Script::new()
            .on("POST selfsubjectaccessreviews", said(&allowed))
            .on(SERVICE, service(&now))
            .on(POD, said(&pod("replica", true)));
        let findings = action(&script).examine().await;
        let says =
            |finding: &Finding| finding.says.contains("beside the pods that it leads to now");
        assert_eq!(findings.iter().any(says), joins, "{now}: {findings:?}");
    }
}

#[test]
fn what_can_be_no_label_is_refused() {
    for (name, value) in [("role", "a,b"), ("a=b", "c"), ("", "x")] {
        let place = resource("Kubernetes::Service", "west/db/pg", Some("west"));
        let mut selector = Node::map([]);
        selector.set(name, Node::text(value));
        let with = Node::map([
            ("service", node(&place)),
            ("pod", Node::text("pg-1")),
            ("selector", selector),
        ]);
        let refused = (SELECTOR.bind)(&Params::new(&with), &Script::new().clients()).err().unwrap();
        assert_eq!(refused.message, format!("`{name}: {value}` can be no label"));
    }
}

#[tokio::test]
async fn only_a_missing_selector_is_sent_when_the_pod_has_its_labels() {
    let script = Script::new()
        .on(PODS, named(&["pg-1"]))
        .on(SERVICE, service(&old()))
        .on(POD, said(&pod("primary", true)))
        .on(SLICES, leads_to(&["pg-0"]));
    assert_eq!(missing(&answered(&script).await), ["selector"]);
}
