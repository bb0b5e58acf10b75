use super::{super::sample::*, *};
use crate::{
    model::{Node, Value},
    provider::testing::*,
};

const BODY: &str = "<h1>Back soon</h1>\n<p>1 & 2</p>";
const SHOWN: &str = "&lt;h1&gt;Back soon&lt;/h1&gt;\r\n&lt;p&gt;1 &amp; 2&lt;/p&gt;";

fn with(on: bool) -> Node {
    let file = Node::map([("path", Node::text("page.html")), ("text", Node::text(BODY))]);
    Node::map([
        ("listener", node(&listener())),
        ("on", Node::made(Value::Bool(on))),
        ("page", file),
        ("priority", Node::made(Value::Int(2))),
    ])
}

fn action(script: &Arc<Script>, on: bool) -> Arc<dyn Action> {
    (FIXED_RESPONSE.bind)(&Params::new(&with(on)), &script.clients()).unwrap()
}

fn script(known: &[String]) -> Arc<Script> {
    Script::new()
        .on("POST Action=DescribeListeners", listeners("HTTPS", &forward(&[(BLUE, 1)])))
        .on("POST Action=DescribeRules", rules(known, ""))
}

fn own() -> String {
    rule("2", "*", &fixed(503, "text/html", SHOWN))
}

async fn observed(known: &[String], on: bool) -> Answer {
    action(&script(known), on).observe(&look()).await.unwrap().answer
}

fn sent(script: &Script) -> Vec<(String, String)> {
    let line = script.sent().pop().unwrap();
    let body = line.strip_prefix("POST / ").unwrap();
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn the_page_is_a_rule_of_its_own_before_all_others() {
    let others = [rule("7", "/shop/*", &forward(&[(BLUE, 1)]))];
    let script = script(&others).on("POST Action=CreateRule", ok("<CreateRuleResponse/>"));
    apply_first(&action(&script, true)).await.unwrap();
    let config = "Actions.member.1.FixedResponseConfig";
    let expected = [
        ("Action", "CreateRule"),
        ("Version", "2015-12-01"),
        ("ListenerArn", HTTPS),
        ("Priority", "2"),
        ("Conditions.member.1.Field", "path-pattern"),
        ("Conditions.member.1.Values.member.1", "*"),
        ("Actions.member.1.Type", "fixed-response"),
        (&format!("{config}.StatusCode"), "503"),
        (&format!("{config}.ContentType"), "text/html"),
        (&format!("{config}.MessageBody"), BODY),
    ];
    assert_eq!(sent(&script), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn deleting_the_rule_puts_everything_back() {
    let script = script(&[own()]).on("POST Action=DeleteRule", ok("<DeleteRuleResponse/>"));
    apply_first(&action(&script, false)).await.unwrap();
    let expected = [("Action", "DeleteRule"), ("Version", "2015-12-01"), ("RuleArn", PATH)];
    assert_eq!(sent(&script), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn another_page_is_changed_into_this_one() {
    let other = rule("2", "*", &fixed(503, "text/html", "Gone"));
    let script = script(&[other]).on("POST Action=ModifyRule", ok("<ModifyRuleResponse/>"));
    apply_first(&action(&script, true)).await.unwrap();
    let sent = sent(&script);
    assert_eq!(sent[2], ("RuleArn".to_owned(), PATH.to_owned()));
    assert_eq!(sent.last().unwrap().1, BODY);
}

#[tokio::test]
async fn the_answer_follows_the_rule_of_that_priority() {
    let foreign = rule("2", "/shop/*", &forward(&[(BLUE, 1)]));
    let health = rule("2", "/health", &fixed(200, "text/plain", "ok"));
    let plain = rule("2", "*", &fixed(503, "text/plain", SHOWN));
    let late = rule("9", "*", &fixed(503, "text/html", SHOWN));
    let table = [
        (vec![own()], true, "AsDesired"),
        (vec![], false, "AsDesired"),
        (vec![foreign.clone()], false, "AsDesired"),
        (vec![plain], true, "Missing"),
        (vec![late], true, "Missing"),
        (vec![foreign], true, "Never"),
        (vec![health], true, "Never"),
    ];
    for (known, on, expected) in table {
        let answer = observed(&known, on).await;
        assert!(format!("{answer:?}").starts_with(expected), "{known:?} {on}: {answer:?}");
    }
}

#[tokio::test]
async fn a_listener_that_cannot_answer_says_why() {
    let gone = format!("there is no listener `{HTTPS}` in us-west-2 in the account 123456789012");
    let table = [
        (aws_no(400, "ListenerNotFound"), gone),
        (
            listeners("TLS", &forward(&[(BLUE, 1)])),
            "the listener of `shop` speaks TLS: only HTTP and HTTPS can be answered with a page"
                .to_owned(),
        ),
    ];
    for (outcome, why) in table {
        let script = Script::new().on("POST Action=DescribeListeners", outcome);
        let seen = action(&script, true).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::Never { why });
    }
}

#[tokio::test]
async fn rules_before_the_page_are_told_beforehand() {
    let first = rule("1", "/shop/*", &forward(&[(BLUE, 1)]));
    let script = script(&[first]).on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
    let findings = action(&script, true).examine().await.split_off(1);
    let says = "rules before the page go on answering: priority 1";
    assert_eq!(findings, [Finding::warning(says)]);
}

#[test]
fn a_page_or_a_text_is_given_and_is_short() {
    let mistake = |with: &Node| {
        let bound = bind(&Params::new(with), &Script::new().clients());
        bound.err().map(|mistake| mistake.message)
    };
    let mut neither = with(true);
    neither.set("page", Node::made(Value::Null));
    let needs = "`aws.elb.fixed_response` needs either a `page` or a `text`";
    assert_eq!(mistake(&neither).as_deref(), Some(needs));
    let mut both = with(true);
    both.set("text", Node::text("soon"));
    assert_eq!(mistake(&both).as_deref(), Some(needs));
    let mut long = neither.clone();
    long.set("text", Node::text("é".repeat(1025)));
    let says = "`text` has 1025 characters, and AWS takes 1024 at most";
    assert_eq!(mistake(&long).as_deref(), Some(says));
    long.set("text", Node::text("é".repeat(1024)));
    assert_eq!(mistake(&long), None);
    neither.set("on", Node::made(Value::Bool(false)));
    assert_eq!(mistake(&neither), None, "what is taken away needs no text");
}
