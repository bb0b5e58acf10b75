use super::*;
use crate::{
    action::Params,
    model::{Node, Owner, Resource},
    provider::testing::{Script, answer, apply_first, look, node, ok, resource},
};
use serde_json::json;

const JOB: &str = "GET /west/apis/batch/v1/namespaces/shop/cronjobs/nightly";
const PATCHED: &str = "PATCH /west/apis/batch/v1/namespaces/shop/cronjobs/nightly";

fn bound_to(
    script: &Arc<Script>,
    [api, kind, patch]: [&str; 3],
) -> Result<Arc<dyn Action>, Diagnostic> {
    let place = resource("Kubernetes::Object", "west/shop/nightly", Some("west"));
    let with = Node::map([
        ("object", node(&Resource { owner: Owner::Own, ..place })),
        ("api", Node::text(api)),
        ("resource", Node::text(kind)),
        ("patch", Node::text(patch)),
    ]);
    (PATCH.bind)(&Params::new(&with), &script.clients())
}

fn suspend(script: &Arc<Script>) -> Arc<dyn Action> {
    bound_to(script, ["batch/v1", "cronjobs", r#"{"spec":{"suspend":true,"old":null}}"#]).unwrap()
}

fn job(spec: &Value) -> String {
    json!({ "metadata": { "resourceVersion": "3", "name": "nightly" }, "spec": spec }).to_string()
}

#[tokio::test]
async fn what_differs_is_named_and_patched_on_the_version_that_was_read() {
    let script = Script::new()
        .on(JOB, ok(&job(&json!({ "suspend": false, "old": 1, "schedule": "@daily" }))))
        .on(PATCHED, ok("{}"));
    let action = suspend(&script);
    let seen = action.observe(&look()).await.unwrap();
    let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
    assert_eq!(changes[0].says, "shop/nightly: patch spec.suspend, spec.old");
    apply_first(&action).await.unwrap();
    let body = r#"{"spec":{"suspend":true,"old":null},"metadata":{"resourceVersion":"3"}}"#;
    assert_eq!(script.changes(), [format!("{PATCHED} {body}")]);
}

#[tokio::test]
async fn what_the_patch_does_not_say_may_be_anything() {
    let same = job(&json!({ "suspend": true, "schedule": "@daily" }));
    let script = Script::new().on(JOB, ok(&same));
    assert_eq!(suspend(&script).observe(&look()).await.unwrap().answer, Answer::AsDesired);
    let missing = r#"{"kind":"Status","reason":"NotFound","code":404}"#;
    let script = Script::new().on(JOB, answer(404, &[], missing));
    let seen = suspend(&script).observe(&look()).await.unwrap().answer;
    let Answer::Never { why } = seen else { panic!("{seen:?}") };
    assert_eq!(why, "there is no cronjobs.batch `nightly` in the namespace `shop` of `west`");
}

#[test]
fn members_are_compared_as_a_merge_patch_would_leave_them() {
    let object = json!({ "a": { "b": [1, 2], "c": "x" }, "n": null });
    for (patch, expected) in [
        (json!({ "a": { "b": [1, 2] } }), &[][..]),
        (json!({ "a": { "b": [1] } }), &["a.b"]),
        (json!({ "a": { "c": null, "d": null }, "n": null }), &["a.c"]),
        (json!({ "a": { "c": { "d": 1 } }, "z": 1 }), &["a.c.d", "z"]),
        (json!({ "z": {}, "a": {} }), &["z"]),
    ] {
        let mut differs = Vec::new();
        compare(&patch, Some(&object), "", &mut differs);
        assert_eq!(differs, expected, "{patch}");
    }
}

#[test]
fn what_no_patch_may_say_is_refused() {
    for (given, expected) in [
        (["apps/v1/x", "cronjobs", "{}"], "`apps/v1/x` is no API"),
        (["v1", "cron jobs", "{}"], "`cron jobs` is no resource"),
        (["v1", "secrets", "{}"], "a secret cannot be patched: its patch would stand in the plan"),
        (["v1", "pods", r#"{"status":{}}"#], "`patch` cannot change `status`"),
        (["v1", "pods", r#"{"metadata":{"name":"x"}}"#], "`patch` cannot change `metadata.name`"),
        (["v1", "pods", r#"{"metadata":null}"#], "`patch` cannot change `metadata`"),
    ] {
        let refused = bound_to(&Script::new(), given).err().unwrap();
        assert_eq!(refused.message, expected);
    }
    let refused = bound_to(&Script::new(), ["v1", "pods", "spec: 1"]).err().unwrap();
    assert!(refused.message.starts_with("`patch` is no JSON object"), "{}", refused.message);
}
