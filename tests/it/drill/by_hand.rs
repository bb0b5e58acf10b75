//! Somebody else, at a portal: does to the cloud what a run would do, and stands in no log of ours.

use failover::{
    plan::{Plan, Step},
    sim::{Outcome, Simulated},
};
use serde_json::{Value, json};

/// One thing that a person does to a resource.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    FailsOver,
    /// Without loss.
    FailsOverAsPlanned,
    /// Makes a replica the primary.
    Promotes,
    Deletes,
}

/// Does it to the resource of this name that the plan touches.
pub fn by_hand(cloud: &Simulated, plan: &Plan, deed: Deed, name: &str) {
    let option = if plan.mode == failover::model::Mode::Planned { "planned" } else { "forced" };
    let promotion = json!({ "properties": { "replica": {
        "role": "Primary", "promoteMode": "switchover", "promoteOption": option,
    } } });
    let (what, body) = match deed {
        Deed::FailsOver => ("POST /failover?api-version=2023-05-01", Value::Null),
        Deed::FailsOverAsPlanned => {
            ("POST /failover?api-version=2023-05-01&failoverType=Planned", Value::Null)
        }
        Deed::Promotes => ("PATCH ?api-version=2024-08-01", promotion),
        Deed::Deletes => ("DELETE ?api-version=2024-08-01", Value::Null),
    };
    ask(cloud, plan, name, what, &body);
}

/// Sends `METHOD rest-of-the-address` to the resource of this name, and is not refused.
pub fn ask(cloud: &Simulated, plan: &Plan, name: &str, what: &str, body: &Value) {
    let mut touched = plan.steps.iter().filter_map(Step::action).flat_map(|work| &work.touches);
    let it = touched.find(|resource| resource.name == name).unwrap();
    let (method, rest) = what.split_once(' ').unwrap();
    let url = format!(
        "https://management.azure.com/subscriptions/{}/resourceGroups/{}/providers/{}/{name}{rest}",
        it.subscription(),
        it.resource_group(),
        it.kind
    );
    let request = http::Request::builder().method(method).uri(url);
    let request = request.header("authorization", format!("Bearer {}", cloud.token()));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.body(body.into()).unwrap();
    let answer = cloud.with_world(|world| {
        let now = world.cloud().now();
        world.cloud_mut().answer(&request, now)
    });
    let Outcome::Response(response) = &answer.outcome else { panic!("{what}: {answer:?}") };
    assert!(response.status().is_success(), "{what}: {response:?}");
}

/// Sends what somebody else asks of Route 53, and is not refused.
pub fn route53(cloud: &Simulated, path: &str, body: &str) {
    cloud.with_world(|world| {
        let now = world.cloud().now();
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (day, signature) = (&date[..8], "0".repeat(64));
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/us-east-1/route53/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let request = http::Request::post(format!("https://route53.amazonaws.com/2013-04-01/{path}"))
            .header("authorization", signed)
            .header("x-amz-date", &date)
            .body(bytes::Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let answer = world.cloud_mut().answer(&request, now);
        let Outcome::Response(response) = &answer.outcome else { panic!("{path}: {answer:?}") };
        assert!(response.status().is_success(), "{path}: {response:?}");
    });
}
