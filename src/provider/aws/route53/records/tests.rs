use super::{
    super::sample::{
        EAST, SERVERS, WEST, WWW, alias, all_tell, change, listing, page, script, set, told,
        values, zone, zone_node,
    },
    *,
};
use crate::{
    model::Node,
    provider::dns::testing::Servers,
    provider::testing::{Script, answer, apply_first, aws_no, bound, look, missing, ok, permit},
};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

fn file(text: &str) -> Node {
    Node::map([("path", Node::text("failover-dns.json")), ("text", Node::text(text))])
}

/// A batch of one change of `www.example.com`.
fn one(action: &str, fields: &Value) -> Value {
    let mut set = json!({ "Name": "WWW.example.com", "Type": "A" });
    set.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "Action": action, "ResourceRecordSet": set })
}

fn to(value: &str) -> Value {
    json!({ "TTL": 60, "ResourceRecords": [{ "Value": value }] })
}

fn from_file(script: &Arc<Script>, changes: &[Value]) -> Arc<dyn Action> {
    let text = json!({ "Comment": "to the standby", "Changes": changes }).to_string();
    bound(&RECORDS, script, [("zone", zone_node()), ("file", file(&text))])
}

fn from_runbook<const N: usize>(
    script: &Arc<Script>,
    members: [(&str, &str); N],
) -> Arc<dyn Action> {
    let members = Node::map(members.map(|(key, text)| (key, Node::text(text))));
    let changes = Node::map([("www.example.com", members)]);
    bound(&RECORDS, script, [("zone", zone_node()), ("changes", changes)])
}

async fn says(action: &Arc<dyn Action>) -> String {
    match action.observe(&look()).await.unwrap().answer {
        Answer::Missing(changes) => changes[0].says.clone(),
        Answer::Never { why } | Answer::NotYet { why, .. } => why,
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_sent_as_one_batch_in_the_order_of_the_api() {
    let there = [set(&values(300, &["192.0.2.1"]))];
    let script = script(&there).on("GET /rrset?name=*.example.com.", ok(&listing(&[])));
    let wild = json!({ "Action": "CREATE", "ResourceRecordSet": {
        "AliasTarget": { "EvaluateTargetHealth": false, "DNSName": WEST, "HostedZoneId": "Z1H1FL5HABSF5" },
        "Type": "A", "Name": "*.example.com",
    }});
    let action = from_file(&script, &[one("UPSERT", &to("192.0.2.2")), wild]);
    let told = "www.example.com A: 192.0.2.1 → 192.0.2.2; TTL 300 → 60; \
                *.example.com A: new, web-2.us-west-2.elb.amazonaws.com";
    assert_eq!(says(&action).await, told);

    let Ok(Applied::Accepted { handle, .. }) = apply_first(&action).await else {
        panic!("not accepted")
    };
    let body = "POST /2013-04-01/hostedzone/Z1D633PJN98FT9/rrset/ <?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
        <Comment>to the standby</Comment><Changes>\
        <Change><Action>UPSERT</Action><ResourceRecordSet><Name>WWW.example.com</Name><Type>A</Type><TTL>60</TTL>\
        <ResourceRecords><ResourceRecord><Value>192.0.2.2</Value></ResourceRecord></ResourceRecords>\
        </ResourceRecordSet></Change>\
        <Change><Action>CREATE</Action><ResourceRecordSet><Name>*.example.com</Name><Type>A</Type>\
        <AliasTarget><HostedZoneId>Z1H1FL5HABSF5</HostedZoneId><DNSName>web-2.us-west-2.elb.amazonaws.com</DNSName>\
        <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>\
        </Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    assert_eq!(script.changes(), [body]);
    assert_eq!(handle, Handle(json!({ "change": "/change/C2682N5HXP0BZ4" })));
}

#[tokio::test]
async fn a_batch_is_done_when_every_server_has_it() {
    let state = |status: &str| ok(&change("GetChangeResponse", status));
    let script = script(&[])
        .on("GET /change/C2682N5HXP0BZ4", state("PENDING"))
        .on("GET /change/C2682N5HXP0BZ4", state("INSYNC"))
        .on("GET /change/C2682N5HXP0BZ4", aws_no(404, "NoSuchChange"));
    let action = from_file(&script, &[one("CREATE", &to("192.0.2.2"))]);
    let handle = Handle(json!({ "change": "/change/C2682N5HXP0BZ4" }));
    let says = "change C2682N5HXP0BZ4 is PENDING: not every name server has it".to_owned();
    let pending = Polled::Pending { says, look_again: Duration::from_secs(5) };
    assert_eq!(action.poll(&handle).await, Ok(pending));
    assert_eq!(action.poll(&handle).await, Ok(Polled::Done));
    assert_eq!(action.poll(&handle).await, Ok(Polled::Done), "it was accepted, and is forgotten");
}

#[tokio::test]
async fn what_stands_in_the_zone_is_proven_on_every_server() {
    let there = [set(&values(60, &["192.0.2.2"]))];
    let wanted = [one("UPSERT", &to("192.0.2.2"))];
    let observe = async |script: &Arc<Script>| {
        let seen = from_file(script, &wanted).observe(&look()).await.unwrap();
        (seen.answer, seen.evidence.get("servers").map(ToString::to_string))
    };
    let good = script(&there).asking(told(&["192.0.2.2"]));
    let says = "2 of 2 answer 192.0.2.2 for 60 s".to_owned();
    assert_eq!(observe(&good).await, (Answer::AsDesired, Some(says)));

    let table = [
        (Some("192.0.2.1"), "ns-2.awsdns-00.net still answers 192.0.2.1 for 60 s"),
        (None, "no answer from ns-2.awsdns-00.net: silence"),
    ];
    for (second, expected) in table {
        let first = Servers::default().at(SERVERS[0], WWW, RecordType::A, &["192.0.2.2"]);
        let both = second
            .iter()
            .fold(first, |servers, value| servers.at(SERVERS[1], WWW, RecordType::A, &[value]));
        let script = script(&there).asking(both);
        let (Answer::NotYet { why, look_again }, _) = observe(&script).await else { panic!() };
        assert_eq!((why.as_str(), look_again.as_secs()), (expected, 5));
    }
}

#[tokio::test]
async fn an_alias_is_proven_by_the_addresses_of_its_target() {
    let there = [set(&alias(WEST))];
    let members = [
        ("alias", "dualstack.web-2.us-west-2.elb.amazonaws.com"),
        ("alias_zone", "Z35SXDOTRQ7X7K"),
    ];
    let answers = |address: &'static str| {
        let host = "dualstack.web-2.us-west-2.elb.amazonaws.com.";
        let addresses = ["192.0.2.7", "192.0.2.8"];
        let servers = Servers::default().at("machine", host, RecordType::A, &addresses);
        script(&there).asking(all_tell(servers, &[address]))
    };
    let seen = from_runbook(&answers("192.0.2.8"), members).observe(&look()).await.unwrap();
    assert_eq!(seen.answer, Answer::AsDesired);
    assert_eq!(seen.serves, Serves::Region("us-west-2".into()));
    let old = from_runbook(&answers("192.0.2.1"), members);
    assert_eq!(says(&old).await, "ns-1.awsdns-00.com still answers 192.0.2.1 for 60 s");
}

#[tokio::test]
async fn servers_that_cannot_be_asked_may_be_left_out() {
    let script = script(&[set(&values(60, &["192.0.2.2"]))]);
    let text = json!({ "Changes": [one("UPSERT", &to("192.0.2.2"))] }).to_string();
    let with = |prove| {
        let prove = Node::made(crate::model::Value::Bool(prove));
        bound(&RECORDS, &script, [("zone", zone_node()), ("file", file(&text)), ("prove", prove)])
    };
    assert!(says(&with(true)).await.contains("silence"));
    assert_eq!(with(false).observe(&look()).await.unwrap().answer, Answer::AsDesired);
}

#[tokio::test]
async fn what_a_runbook_does_not_name_stays_as_it_is() {
    let check = "<HealthCheckId>abcdef11</HealthCheckId>";
    let there = [set(&format!("{}{check}", values(300, &["192.0.2.1"])))];
    let script = script(&there);
    let action = from_runbook(&script, [("value", "192.0.2.2\n192.0.2.3")]);
    assert_eq!(says(&action).await, "www.example.com A: 192.0.2.1 → 192.0.2.2, 192.0.2.3");
    apply_first(&action).await.unwrap();
    let sent = script.changes().remove(0);
    let new = format!("<Type>A</Type>{}{check}", values(300, &["192.0.2.2", "192.0.2.3"]));
    assert!(sent.contains(&new), "{sent}");
    assert!(sent.contains("<Comment>failover 01900000-"), "{sent}");

    let there = [set(&alias(EAST))];
    let members = [("alias", WEST), ("alias_zone", "Z1H1FL5HABSF5")];
    let told = says(&from_runbook(&super::super::sample::script(&there), members)).await;
    let expected = "www.example.com A: dualstack.web-1.us-east-1.elb.amazonaws.com → \
                    web-2.us-west-2.elb.amazonaws.com; AliasTarget.HostedZoneId Z35SXDOTRQ7X7K → Z1H1FL5HABSF5";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_listing_is_read_to_its_end_and_no_further() {
    let first = page(
        &[set("<SetIdentifier>east</SetIdentifier><Weight>1</Weight>")],
        "<IsTruncated>true</IsTruncated><NextRecordName>www.example.com.</NextRecordName>\
         <NextRecordType>A</NextRecordType><NextRecordIdentifier>west</NextRecordIdentifier>",
    );
    let other =
        "<ResourceRecordSet><Name>zzz.example.com.</Name><Type>A</Type></ResourceRecordSet>";
    let second = page(
        &[set("<SetIdentifier>west</SetIdentifier><Weight>0</Weight>"), other.to_owned()],
        "<IsTruncated>true</IsTruncated><NextRecordName>zzz.example.com.</NextRecordName>",
    );
    let script = Script::new()
        .on("GET identifier=west", ok(&second))
        .on("GET /rrset?name=www", ok(&first))
        .on("GET /hostedzone/", ok(&zone()));
    let action = from_file(&script, &[one("UPSERT", &to("192.0.2.2"))]);
    let told = "www.example.com A (east) is one of several, and www.example.com A names no SetIdentifier: \
                say which of them is meant";
    assert_eq!(says(&action).await, told);
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test]
async fn a_batch_does_not_do_what_it_does_not_say() {
    let check = format!("{}<HealthCheckId>abcdef11</HealthCheckId>", values(60, &["192.0.2.1"]));
    let policy = "<TrafficPolicyInstanceId>p1</TrafficPolicyInstanceId>";
    let made = format!("{}{policy}", values(60, &["192.0.2.1"]));
    let plain = values(60, &["192.0.2.1"]);
    let stray = json!({ "Action": "UPSERT", "ResourceRecordSet":
        { "Name": "www.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{ "Value": "192.0.2.2" }] } });
    let second = one(
        "UPSERT",
        &json!({ "SetIdentifier": "b", "Weight": 1, "TTL": 60,
        "ResourceRecords": [{ "Value": "192.0.2.2" }] }),
    );
    let table: [(&str, &str, Vec<Value>, &str); 7] = [
        (
            "",
            &check,
            vec![one("UPSERT", &to("192.0.2.2"))],
            "UPSERT of www.example.com A would drop its HealthCheckId",
        ),
        (
            "",
            &made,
            vec![one("UPSERT", &to("192.0.2.2"))],
            "belongs to the traffic policy instance p1",
        ),
        (
            "",
            &plain,
            vec![one("CREATE", &to("192.0.2.2"))],
            "it is there already, with other values (192.0.2.1 → 192.0.2.2)",
        ),
        (
            "",
            &plain,
            vec![one("DELETE", &to("192.0.2.2"))],
            "must name what is there, and differs: 192.0.2.2 → 192.0.2.1",
        ),
        (
            "",
            &plain,
            vec![stray],
            "`www.example.org` is not in the zone example.com (Z1D633PJN98FT9)",
        ),
        (
            "",
            &plain,
            vec![second],
            "cannot stand beside www.example.com A, which has no SetIdentifier",
        ),
        ("AsDesired", &plain, vec![one("UPSERT", &to("192.0.2.1"))], ""),
    ];
    for (answer, there, changes, why) in table {
        let script =
            script(&[set(there)]).on("GET /rrset?name=www.example.org.", ok(&listing(&[])));
        let script = script.asking(told(&["192.0.2.1"]));
        let said = says(&from_file(&script, &changes)).await;
        assert!(said.contains(why) && said.contains(answer), "{said}");
    }
}

#[tokio::test]
async fn a_set_may_be_deleted_and_made_anew_in_one_batch() {
    let batch = [one("DELETE", &to("192.0.2.1")), one("CREATE", &to("192.0.2.2"))];
    let table: [(&[&str], &[&str]); 3] = [
        (&["192.0.2.1"], &["<Action>DELETE", "<Action>CREATE"]),
        (&[], &["<Action>CREATE"]),
        (&["192.0.2.2"], &[]),
    ];
    for (there, sent) in table {
        let sets: Vec<_> = there.iter().map(|value| set(&values(60, &[value]))).collect();
        let script = script(&sets).asking(told(&["192.0.2.2"]));
        let action = from_file(&script, &batch);
        let answer = action.observe(&look()).await.unwrap().answer;
        if sent.is_empty() {
            assert_eq!(answer, Answer::AsDesired);
            continue;
        }
        assert_eq!(missing(&answer), ["batch"]);
        apply_first(&action).await.unwrap();
        let body = script.changes().remove(0);
        assert_eq!(body.matches("<Change>").count(), sent.len(), "{body}");
        assert!(sent.iter().all(|piece| body.contains(piece)), "{body}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_answered_by_nobody() {
    let action = |script: &Arc<Script>| from_file(script, &[one("DELETE", &to("192.0.2.1"))]);
    let gone = script(&[]).asking(told(&[]));
    assert_eq!(action(&gone).observe(&look()).await.unwrap().answer, Answer::AsDesired);
    let kept = script(&[]).asking(told(&["192.0.2.1"]));
    assert_eq!(says(&action(&kept)).await, "ns-1.awsdns-00.com still answers 192.0.2.1 for 60 s");
}

#[tokio::test]
async fn what_route_53_says_to_a_batch_is_told() {
    let protected = r#"<?xml version="1.0"?><InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
        <Messages><Message>www.example.com. A is protected: ask the network team</Message></Messages></InvalidChangeBatch>"#;
    let table = [
        (answer(400, &[], protected), "Refused", "protected: ask the network team"),
        (aws_no(400, "PriorRequestNotComplete"), "Deferred", "400 PriorRequestNotComplete"),
        (aws_no(400, "Throttling"), "Deferred", "400 Throttling"),
        (aws_no(403, "AccessDenied"), "Refused", "403 AccessDenied"),
        (aws_no(500, "InternalFailure"), "InDoubt", "500 InternalFailure"),
    ];
    for (outcome, kind, why) in table {
        let script = Script::new()
            .on("POST /rrset/", outcome)
            .and(&script(&[set(&values(60, &["192.0.2.1"]))]));
        let action = from_file(&script, &[one("UPSERT", &to("192.0.2.2"))]);
        let told = format!("{:?}", apply_first(&action).await.unwrap_err());
        assert!(told.starts_with(kind) && told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn what_somebody_else_has_done_meanwhile_is_not_done_again() {
    let old = listing(&[set(&values(60, &["192.0.2.1"]))]);
    let new = listing(&[set(&values(60, &["192.0.2.2"]))]);
    let script = Script::new()
        .on("GET /rrset?name=www.example.com.", ok(&old))
        .on("GET /rrset?name=www.example.com.", ok(&new))
        .and(&script(&[]));
    let action = from_file(&script, &[one("UPSERT", &to("192.0.2.2"))]);
    let Err(Unapplied::Deferred { .. }) = apply_first(&action).await else { panic!("it was sent") };
    assert_eq!(script.changes(), [""; 0]);
}

#[tokio::test]
async fn a_zone_that_is_not_there_is_never_changed() {
    let script = Script::new().on("GET /hostedzone/", aws_no(404, "NoSuchHostedZone"));
    let action = from_file(&script, &[one("UPSERT", &to("192.0.2.2"))]);
    let why = "there is no hosted zone `Z1D633PJN98FT9` in the account 123456789012";
    assert_eq!(says(&action).await, why);
    let change = Change::harmless(BATCH, Sign::Changes, "…");
    let refused = action.apply(&change, &permit().await).await;
    assert!(matches!(refused, Err(Unapplied::Refused { .. })), "{refused:?}");
}

/// What is wrong with the parameters of a step.
fn mistake(with: &Node) -> String {
    let made = (RECORDS.bind)(&Params::new(with), &Script::new().clients());
    made.err().map(|diagnostic| diagnostic.message).unwrap_or_default()
}

#[test]
fn every_mistake_in_a_file_is_told() {
    let batch = |changes: Value| json!({ "Changes": changes }).to_string();
    let files = [
        ("{".to_owned(), "`failover-dns.json`: no JSON: EOF"),
        ("{}".to_owned(), "no list of `Changes`"),
        (
            json!({ "HostedZoneId": "Z1", "Changes": [] }).to_string(),
            "`ChangeBatch` has no member `HostedZoneId`",
        ),
        (
            batch(json!([{ "Action": "UPSRT", "ResourceRecordSet": {} }])),
            "`Changes[0].Action` is CREATE, UPSERT or DELETE",
        ),
        (batch(json!([{ "Action": "UPSERT" }])), "`Changes[0]` has no `ResourceRecordSet`"),
        (
            batch(json!([one("UPSERT", &json!({ "TTl": 60 }))])),
            "has no member `TTl`: did you mean `TTL`?",
        ),
        (
            batch(json!([one("UPSERT", &json!({ "TTL": 60 }))])),
            "needs `ResourceRecords` or `AliasTarget`",
        ),
        (
            batch(json!([one("UPSERT", &json!({ "ResourceRecords": [{ "Value": "1" }] }))])),
            "has no `TTL`",
        ),
        (
            batch(json!([one("UPSERT", &json!({ "TTL": 60, "ResourceRecords": [] }))])),
            "ResourceRecords` is empty",
        ),
        (
            batch(json!([one(
                "UPSERT",
                &json!({ "TTL": 60, "ResourceRecords": [{ "Value": null }] })
            )])),
            "[0].Value` is empty",
        ),
        (
            batch(json!([one("UPSERT", &to("192.0.2.1")), one("DELETE", &to("192.0.2.1"))])),
            "stands in it UPSERT, DELETE",
        ),
        (
            batch(
                (0..501)
                    .map(|at| {
                        json!({ "Action": "UPSERT", "ResourceRecordSet": {
            "Name": format!("{at}.example.com"), "Type": "A", "TTL": 60,
            "ResourceRecords": [{ "Value": "192.0.2.1" }] } })
                    })
                    .collect(),
            ),
            "1002 records",
        ),
    ];
    for (text, expected) in files {
        let told = mistake(&Node::map([("zone", zone_node()), ("file", file(&text))]));
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn every_mistake_in_a_step_is_told() {
    let entries: [(&[(&str, &str)], &str); 6] = [
        (&[], "has no `value` and no `alias`"),
        (&[("alias", WEST)], "has an `alias` and no `alias_zone`"),
        (&[("alias", WEST), ("alias_zone", "Z1"), ("value", "192.0.2.1")], "can have one of them"),
        (&[("alias", WEST), ("alias_zone", "Z1"), ("ttl", "60s")], "has the `ttl` of its target"),
        (&[("value", "192.0.2.1"), ("ttl", "soon")], "a `ttl` that is no length"),
        (&[("value", "192.0.2.1"), ("type", "SOA")], "a `type` that no simple record has here"),
    ];
    for (members, expected) in entries {
        let members = Node::map(members.iter().map(|(key, text)| (*key, Node::text(*text))));
        let changes = Node::map([("www.example.com", members)]);
        let told = mistake(&Node::map([("zone", zone_node()), ("changes", changes)]));
        assert!(told.contains(expected), "{told}");
    }
    assert!(mistake(&Node::map([("zone", zone_node())])).contains("needs `changes` or `file`"));
}

#[tokio::test]
async fn preflight_warns_where_no_server_can_be_asked() {
    let identity = "<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>\
                    <Account>123456789012</Account></GetCallerIdentityResult></R>";
    let script =
        script(&[set(&values(60, &["192.0.2.1"]))]).on("POST GetCallerIdentity", ok(identity));
    let findings = from_file(&script, &[one("UPSERT", &to("192.0.2.2"))]).examine().await;
    let [warning] = &findings[..] else { panic!("{findings:?}") };
    assert!(warning.says.contains("silence") && warning.says.contains("`prove: false`"));
}
