use super::*;
use crate::{
    action::TroubleKind,
    model::{Clock, Node},
    provider::testing::*,
    wire::{Intent, Request, Transport},
};
use jiff::Timestamp;
use std::future::pending;

const REGIONS: [&str; 5] =
    ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2"];
const PANEL: &str = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b";

fn control(name: &str) -> String {
    format!("{PANEL}/routingcontrol/{name}")
}

fn host(region: &str) -> String {
    format!("https://host-{region}.cluster.routing-control.amazonaws.com/v1")
}

fn with(endpoints: &[&str], more: &[(&str, Node)]) -> Node {
    let kind = "AWS::Route53RecoveryControl::RoutingControl";
    let of = |name, region| node(&aws_resource(kind, &control(name), Some(region)));
    let mut addresses = Node::map([]);
    for region in endpoints {
        addresses.set(region, Node::text(host(region)));
    }
    let mut with = Node::map([
        ("endpoints", addresses),
        ("on", of("west", "us-west-2")),
        ("off", of("east", "us-east-1")),
    ]);
    for (name, node) in more {
        with.set(name, node.clone());
    }
    with
}

fn switch(clients: &Clients) -> Arc<dyn Action> {
    (ROUTING_CONTROL.bind)(&Params::new(&with(&REGIONS, &[])), clients).unwrap()
}

fn shown(name: &str, state: &str) -> Outcome {
    let arn = control(name);
    ok(&json!({
        "RoutingControlArn": arn,
        "RoutingControlState": state,
        "RoutingControlName": format!("{name}-cell"),
    })
    .to_string())
}

/// What a row of a script must hold to be the question for one control, at one endpoint or at all.
fn asked(region: Option<&str>, name: &str) -> String {
    let operation = "ToggleCustomerAPI.GetRoutingControlState";
    let place = region.map(|region| format!("{}/ ", host(region))).unwrap_or_default();
    format!("POST {place}{operation} {{\"RoutingControlArn\":\"{}\"", control(name))
}

/// All endpoints show this state of the control to be turned on, and that of the other one.
fn script(on: &str, off: &str) -> Arc<Script> {
    Script::new()
        .on(&asked(None, "west"), shown("west", on))
        .on(&asked(None, "east"), shown("east", off))
}

fn no(code: &str, message: &str) -> Outcome {
    answer(400, &[], &json!({ "__type": code, "message": message }).to_string())
}

const UPDATE: &str = "POST UpdateRoutingControlStates";

fn updates(script: &Script) -> Vec<Request> {
    let is_update = |request: &Request| {
        request.headers()["x-amz-target"] == "ToggleCustomerAPI.UpdateRoutingControlStates"
    };
    let all = (0..script.sent().len()).map(|place| script.request(place));
    all.filter(is_update).collect()
}

/// The same clients in virtual time, with endpoints that take what they are sent and never answer.
fn hanging(script: &Arc<Script>, regions: &'static [&'static str], clock: &Clock) -> Clients {
    let transport = Arc::new(Hanging { regions, script: script.clone() });
    Clients { transport, clock: clock.clone(), ..script.clients() }
}

struct Hanging {
    regions: &'static [&'static str],
    script: Arc<Script>,
}

#[async_trait]
impl Transport for Hanging {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Outcome {
        let host = request.uri().host().unwrap();
        if self.regions.iter().any(|region| host.contains(region)) {
            pending::<()>().await;
        }
        self.script.send(request, intent).await
    }
}

#[tokio::test]
async fn both_states_change_in_one_call_that_its_endpoints_region_signs() {
    let script = Script::new().on(UPDATE, ok("{}")).and(&script("Off", "On"));
    let action = switch(&script.clients());
    let seen = action.observe(&look()).await.unwrap();
    let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
    assert_eq!(changes[0].says, "west-cell Off → On, east-cell On → Off");
    action.apply(&changes[0], &permit().await).await.unwrap();
    let [update] = &updates(&script)[..] else { panic!("one update") };
    let (west, east) = (control("west"), control("east"));
    let body = format!(
        r#"{{"UpdateRoutingControlStateEntries":[{{"RoutingControlArn":"{west}","RoutingControlState":"On"}},{{"RoutingControlArn":"{east}","RoutingControlState":"Off"}}]}}"#
    );
    assert_eq!(update.body(), &body);
    assert_eq!(update.headers()["content-type"], "application/x-amz-json-1.0");
    let signed = update.headers()["authorization"].to_str().unwrap().to_owned();
    let host = update.uri().host().unwrap().to_owned();
    let region = REGIONS.iter().find(|region| host.contains(*region)).unwrap();
    assert!(signed.contains(&format!("/{region}/route53-recovery-cluster/aws4_request")));
}

#[tokio::test]
async fn the_answer_follows_both_states() {
    let table = [
        ("On", "Off", "AsDesired", Serves::Region("us-west-2".into())),
        ("Off", "On", "Missing", Serves::Region("us-east-1".into())),
        ("On", "On", "Missing", Serves::Nobody),
        ("Off", "Off", "Missing", Serves::Nobody),
    ];
    for (on, off, expected, serves) in table {
        let seen = switch(&script(on, off).clients()).observe(&look()).await.unwrap();
        assert!(format!("{:?}", seen.answer).starts_with(expected), "{on} {off}: {seen:?}");
        assert_eq!(seen.serves, serves);
        assert_eq!(seen.evidence.get("off").unwrap().to_string(), off);
    }
}

#[tokio::test]
async fn a_change_counts_when_a_second_endpoint_shows_it() {
    let all = script("On", "Off");
    let seen = switch(&all.clients()).observe(&look()).await.unwrap();
    let seen_by = seen.evidence.get("seen_by").unwrap().to_string();
    let (one, other) = seen_by.split_once(", ").unwrap();
    assert!(one != other && REGIONS.contains(&one) && REGIONS.contains(&other), "{seen_by}");

    // Whichever is asked first shows the change, and no other one does.
    let first = script("Off", "On");
    let (west, east) = (asked(None, "west"), asked(None, "east"));
    let script = Script::new()
        .on(&west, shown("west", "On"))
        .on(&west, shown("west", "Off"))
        .on(&east, shown("east", "Off"))
        .on(&east, shown("east", "On"))
        .and(&first);
    let seen = switch(&script.clients()).observe(&look()).await.unwrap();
    let Answer::NotYet { why, .. } = seen.answer else { panic!("{seen:?}") };
    assert!(why.ends_with("does not yet"), "{why}");
}

#[tokio::test]
async fn one_endpoint_that_answers_is_enough() {
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let four = &REGIONS[..4];
    let one = &REGIONS[..1];
    for regions in [one, four] {
        let script = Script::new().on(UPDATE, ok("{}")).and(&script("Off", "On"));
        let action = switch(&hanging(&script, regions, &clock));
        apply_first(&action).await.unwrap();
        assert_eq!(updates(&script).len(), 1);
    }
    let script = script("On", "Off");
    let seen = switch(&hanging(&script, four, &clock)).observe(&look()).await.unwrap();
    assert_eq!(seen.answer, Answer::AsDesired);
    assert_eq!(seen.evidence.get("seen_by").unwrap().to_string(), REGIONS[4]);
}

#[tokio::test]
async fn five_endpoints_that_hang_are_trouble_and_doubt() {
    let script = script("Off", "On");
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let action = switch(&hanging(&script, &REGIONS, &clock));
    let trouble = action.observe(&look()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unreachable);
    let expected = "none of the cluster's endpoints answered: ";
    assert!(trouble.why.starts_with(expected), "{}", trouble.why);
    for region in REGIONS {
        let says = format!("GetRoutingControlState in {region}: no answer within 3 s");
        assert!(trouble.why.contains(&says), "{}", trouble.why);
    }
    let change = Change::harmless(SWITCH, Sign::Changes, "switch");
    let applied = action.apply(&change, &permit().await).await;
    assert!(matches!(applied, Err(Unapplied::InDoubt { .. })), "{applied:?}");
}

#[tokio::test]
async fn what_an_endpoint_did_not_answer_is_looked_at_before_it_is_sent_again() {
    let change = Change::harmless(SWITCH, Sign::Changes, "switch");
    let table = [("On", "Off", 1), ("Off", "On", 2)];
    for (on, off, expected) in table {
        let script =
            Script::new().on(UPDATE, unanswered()).on(UPDATE, ok("{}")).and(&script(on, off));
        let applied = switch(&script.clients()).apply(&change, &permit().await).await;
        assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");
        assert_eq!(updates(&script).len(), expected, "{on} {off}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_away_for_a_while_is_passed_over() {
    let away = || no("EndpointTemporarilyUnavailableException", "Try another endpoint.");
    let change = Change::harmless(SWITCH, Sign::Changes, "switch");
    let script = Script::new().on(UPDATE, away()).on(UPDATE, ok("{}"));
    switch(&script.clients()).apply(&change, &permit().await).await.unwrap();
    assert_eq!(updates(&script).len(), 2);

    let script = Script::new().on(UPDATE, away());
    let applied = switch(&script.clients()).apply(&change, &permit().await).await;
    assert!(matches!(applied, Err(Unapplied::Deferred { .. })), "{applied:?}");
    assert_eq!(updates(&script).len(), 5);
}

#[tokio::test]
async fn a_safety_rule_that_says_no_is_heard() {
    let rule = "The assertion rule at-least-one-on does not allow this.";
    let script = Script::new().on(UPDATE, no("ConflictException", rule));
    let change = Change::harmless(SWITCH, Sign::Changes, "switch");
    let applied = switch(&script.clients()).apply(&change, &permit().await).await;
    let Err(Unapplied::Refused { why, .. }) = applied else { panic!("{applied:?}") };
    assert!(why.ends_with(&format!("answered 400 Conflict: {rule}")), "{why}");
    assert_eq!(updates(&script).len(), 1, "no other endpoint is asked for another answer");
}

#[tokio::test]
async fn what_all_endpoints_would_say_is_asked_once() {
    let gone = no("ResourceNotFoundException", "Not found");
    let script = Script::new().on(&asked(None, "west"), gone);
    let seen = switch(&script.clients()).observe(&look()).await.unwrap();
    let Answer::Never { why } = seen.answer else { panic!("{seen:?}") };
    assert!(why.contains(&control("west")), "{why}");

    let denied = no("AccessDeniedException", "no");
    let script = Script::new().on(&asked(None, "west"), denied);
    let trouble = switch(&script.clients()).observe(&look()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Denied);
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_takes_no_signature_is_passed_over() {
    let no = || no("InvalidSignatureException", "Credential should be scoped to a valid region.");
    let slip = Script::new().on(&asked(None, "west"), no()).on(&asked(None, "west"), no());
    let script = slip.on(&asked(None, "west"), shown("west", "Off")).and(&script("Off", "On"));
    let seen = switch(&script.clients()).observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["switch"]);

    let script = Script::new().on(&asked(None, "west"), no());
    let trouble = switch(&script.clients()).observe(&look()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Denied, "signing in again is what helps");
}

#[tokio::test]
async fn rules_are_overridden_only_with_a_reason() {
    let rule = format!("{PANEL}/safetyrule/1f2e");
    let rules = Node::map([("at-least-one", Node::text(&rule))]);
    let reason = Node::text("both cells are down");
    let both = with(&REGIONS, &[("override", rules.clone()), ("reason", reason.clone())]);
    let script = Script::new().on(UPDATE, ok("{}")).and(&script("Off", "On"));
    let action = (ROUTING_CONTROL.bind)(&Params::new(&both), &script.clients()).unwrap();
    let Answer::Missing(changes) = action.observe(&look()).await.unwrap().answer else { panic!() };
    let says =
        "west-cell Off → On, east-cell On → Off, whatever at-least-one says: both cells are down";
    assert_eq!(changes[0].says, says);
    action.apply(&changes[0], &permit().await).await.unwrap();
    let body = String::from_utf8(updates(&script)[0].body().to_vec()).unwrap();
    assert!(body.ends_with(&format!(r#""SafetyRulesToOverride":["{rule}"]}}"#)), "{body}");

    let together = "`override` and its `reason` are given together, or neither is";
    let table = [
        (with(&REGIONS, &[("override", rules)]), together),
        (with(&REGIONS, &[("reason", reason)]), together),
        (with(&[], &[]), "`endpoints` names none"),
        (
            with(&[], &[("endpoints", Node::map([("us-east-1", Node::text("host-1"))]))]),
            "the endpoint in us-east-1 must be an address, not `host-1`",
        ),
    ];
    for (with, message) in table {
        let Err(mistake) = bind(&Params::new(&with), &script.clients()) else { panic!() };
        assert_eq!(mistake.message, message);
    }
}

#[tokio::test]
async fn both_on_and_too_few_endpoints_are_told_of_beforehand() {
    let script = script("On", "On").on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
    let few = with(&REGIONS[..3], &[]);
    let action = (ROUTING_CONTROL.bind)(&Params::new(&few), &script.clients()).unwrap();
    let says: Vec<_> = action.examine().await.into_iter().map(|finding| finding.says).collect();
    let expected = [
        "a cluster has 5 endpoints, and the step names 3",
        "both routing controls are On: users are let into both regions",
    ];
    assert_eq!(says[1..], expected);
}
