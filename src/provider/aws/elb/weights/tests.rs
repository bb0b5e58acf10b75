use super::{super::sample::*, *};
use crate::{
    action::Applied,
    model::{Node, Value},
    provider::testing::*,
};

const THIRD: &str =
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/third/0a1b2c3d4e5f6071";

fn weights(script: &Arc<Script>, share: i64, stages: &[i64]) -> Arc<dyn Action> {
    let stages = stages.iter().map(|stage| Node::made(Value::Int(*stage))).collect();
    let with = [
        ("listener", node(&listener())),
        ("to", node(&group(GREEN))),
        ("from", node(&group(BLUE))),
        ("share", Node::made(Value::Int(share))),
        ("stages", Node::made(Value::List(stages))),
        ("stay", Node::text("1m")),
    ];
    bound(&WEIGHTS, script, with)
}

/// A listener that forwards so, with one healthy target behind each group.
fn script(groups: &[(&str, u32)]) -> Arc<Script> {
    Script::new()
        .on("POST Action=DescribeListeners", listeners("HTTPS", &forward(groups)))
        .on("POST Action=DescribeTargetHealth", health(&[("i-1", "healthy", "")]))
}

async fn observed(groups: &[(&str, u32)], share: i64, stages: &[i64]) -> Answer {
    weights(&script(groups), share, stages).observe(&look()).await.unwrap().answer
}

fn parameters(script: &Script) -> Vec<(String, String)> {
    let line = script.sent().pop().unwrap();
    let body = line.strip_prefix("POST / ").unwrap();
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn only_weights_change_and_all_else_is_sent_back() {
    let actions = format!("{SIGN_IN}{}", forward(&[(BLUE, 100)]));
    let script = Script::new()
        .on("POST Action=DescribeListeners", listeners("HTTPS", &actions))
        .on("POST Action=ModifyListener", ok("<ModifyListenerResponse/>"));
    let action = weights(&script, 100, &[]);
    let seen = action.observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["attach", "100 %"]);
    assert_eq!(seen.evidence.get("sticky_for"), Some(&Datum::Text("5 min".to_owned())));
    let applied = apply_first(&action).await;
    assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");

    let sign_in = "DefaultActions.member.1";
    let forward = "DefaultActions.member.2";
    let oidc = format!("{sign_in}.AuthenticateOidcConfig");
    let extra = format!("{oidc}.AuthenticationRequestExtraParams.entry.1");
    let groups = format!("{forward}.ForwardConfig.TargetGroups.member");
    let sticky = format!("{forward}.ForwardConfig.TargetGroupStickinessConfig");
    let expected = [
        ("Action".to_owned(), "ModifyListener"),
        ("Version".to_owned(), "2015-12-01"),
        ("ListenerArn".to_owned(), HTTPS),
        (format!("{sign_in}.Type"), "authenticate-oidc"),
        (format!("{sign_in}.Order"), "1"),
        (format!("{oidc}.Issuer"), "https://login.example"),
        (format!("{oidc}.ClientId"), "shop"),
        (format!("{extra}.key"), "prompt"),
        (format!("{extra}.value"), "login"),
        (format!("{oidc}.UseExistingClientSecret"), "true"),
        (format!("{forward}.Type"), "forward"),
        (format!("{forward}.Order"), "2"),
        (format!("{sticky}.Enabled"), "true"),
        (format!("{sticky}.DurationSeconds"), "300"),
        (format!("{groups}.1.TargetGroupArn"), BLUE),
        (format!("{groups}.1.Weight"), "100"),
        (format!("{groups}.2.TargetGroupArn"), GREEN),
        (format!("{groups}.2.Weight"), "0"),
    ];
    let expected = expected.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(parameters(&script), expected);
}

#[tokio::test]
async fn a_rule_is_changed_alone() {
    let arn = aws_resource("AWS::ElasticLoadBalancingV2::ListenerRule", PATH, Some("us-west-2"));
    let with = [
        ("rule", node(&arn)),
        ("to", node(&group(GREEN))),
        ("from", node(&group(BLUE))),
        ("share", Node::made(Value::Int(30))),
    ];
    let forward = forward(&[(BLUE, 1), (GREEN, 0)]);
    let script = Script::new()
        .on("POST Action=DescribeRules", rules(&[rule("7", "/shop/*", &forward)], ""))
        .on("POST Action=DescribeTargetHealth", health(&[("i-1", "healthy", "")]))
        .on("POST Action=ModifyRule", ok("<ModifyRuleResponse/>"));
    apply_first(&bound(&WEIGHTS, &script, with)).await.unwrap();
    let sent = parameters(&script);
    assert_eq!(sent[2], ("RuleArn".to_owned(), PATH.to_owned()));
    let weight = |number| {
        let name = format!("Actions.member.1.ForwardConfig.TargetGroups.member.{number}.Weight");
        sent.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    };
    assert_eq!((weight(1), weight(2)), (Some("70"), Some("30")));
}

#[tokio::test]
async fn users_move_in_stages_and_stay_between_them() {
    let begin = observed(&[(BLUE, 1), (GREEN, 0)], 100, &[20, 60]).await;
    let Answer::Missing(changes) = begin else { panic!("{begin:?}") };
    let stays: Vec<_> = changes.iter().map(|change| change.stay_before.as_secs()).collect();
    assert_eq!(stays, [0, 60, 60]);
    let says = "the listener of `shop`: 20 % → 60 % to green";
    assert_eq!(changes[1].says, says);

    let half = observed(&[(BLUE, 40), (GREEN, 60)], 100, &[20, 60]).await;
    let Answer::Missing(changes) = half else { panic!("{half:?}") };
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].id.as_str(), changes[0].stay_before.as_secs()), ("100 %", 60));
}

#[tokio::test]
async fn the_answer_follows_the_weights() {
    let table = [
        (vec![(BLUE, 0), (GREEN, 5)], 100, vec![]),
        (vec![(GREEN, 1)], 100, vec![]),
        (vec![(BLUE, 1)], 0, vec![]),
        (vec![(BLUE, 7), (GREEN, 3)], 30, vec![]),
        // All weights at 0 is no share at all.
        (vec![(BLUE, 0), (GREEN, 0)], 100, vec!["100 %"]),
        (vec![(GREEN, 1)], 0, vec!["attach", "0 %"]),
    ];
    for (groups, share, expected) in table {
        let answer = observed(&groups, share, &[]).await;
        if expected.is_empty() {
            assert_eq!(answer, Answer::AsDesired, "{groups:?}");
        } else {
            assert_eq!(missing(&answer), expected, "{groups:?}");
        }
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_group_without_a_healthy_target() {
    let waiting = |targets: &[(&str, &str, &str)]| {
        Script::new()
            .on(
                "POST Action=DescribeListeners",
                listeners("HTTPS", &forward(&[(BLUE, 1), (GREEN, 0)])),
            )
            .on("POST Action=DescribeTargetHealth", health(targets))
    };
    let table = [
        (
            vec![("i-2", "initial", "Elb.InitialHealthChecking")],
            "`green` has no healthy target: i-2 is initial: because",
        ),
        (vec![], "`green` has no healthy target"),
    ];
    for (targets, why) in table {
        let script = waiting(&targets);
        let seen = weights(&script, 100, &[]).observe(&look()).await.unwrap();
        let why = why.to_owned();
        assert_eq!(seen.answer, Answer::NotYet { why, look_again: LOOK_AGAIN });
        assert!(script.sent()[1].contains("%2Fgreen%2F"), "the group that receives is asked");
    }
}

#[tokio::test]
async fn what_cannot_be_shifted_says_why() {
    let gone = format!("there is no listener `{HTTPS}` in us-west-2 in the account 123456789012");
    let page = listeners("HTTPS", &fixed(503, "text/plain", "Back soon"));
    let table = [
        (aws_no(400, "ListenerNotFound"), gone),
        (page, "the listener of `shop` forwards to no target group".to_owned()),
        (
            listeners("HTTPS", &forward(&[(THIRD, 1)])),
            "the listener of `shop` forwards neither to `green` nor to `blue`".to_owned(),
        ),
        (
            listeners("HTTPS", &forward(&[(BLUE, 1), (THIRD, 1)])),
            "the listener of `shop` forwards to `third` too".to_owned(),
        ),
    ];
    for (outcome, why) in table {
        let script = Script::new().on("POST Action=DescribeListeners", outcome);
        let seen = weights(&script, 100, &[]).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::Never { why });
    }
}

#[tokio::test]
async fn rules_that_forward_as_before_are_told_beforehand() {
    let other = rule("7", "/cart/*", &forward(&[(BLUE, 1)]));
    let more = rule("9", "/pay/*", &forward(&[(GREEN, 1)]));
    let script = script(&[(BLUE, 1), (GREEN, 0)])
        .on("POST Action=DescribeRules", rules(&[other], "<NextMarker>more</NextMarker>"))
        .on("POST Action=DescribeRules", rules(&[more], ""))
        .on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
    let findings = weights(&script, 100, &[]).examine().await.split_off(1);
    let says: Vec<_> = findings.iter().map(|finding| finding.says.as_str()).collect();
    let expected = [
        "the listener of `shop` is sticky: who was answered by `blue` stays there for up to 5 min",
        "rules of the same listener forward to `blue` too, and stay as they are: priority 7",
    ];
    assert_eq!(says, expected);
}

#[test]
fn a_listener_or_a_rule_is_named_and_not_both() {
    let with = Node::map([("to", node(&group(GREEN))), ("from", node(&group(BLUE)))]);
    let Err(mistake) = bind(&Params::new(&with), &Script::new().clients()) else { panic!() };
    assert_eq!(mistake.message, "`aws.elb.weights` needs either a `listener` or a `rule`");
}
