use super::{
    super::sample::{
        EAST, SERVERS, WEST, WWW, alias, all_tell, script, set, told, values, zone_node,
    },
    *,
};
use crate::{
    action::{Serves, Weight},
    model::Node,
    provider::dns::testing::Servers,
    provider::testing::{
        Script, apply_first, aws_no, aws_resource, bound, look, missing, node, ok,
    },
};
use hickory_proto::rr::RecordType;

const ATTACHED: &str = "<HealthCheckId>hc</HealthCheckId>";

fn failover(id: &str, role: &str, rest: &str) -> String {
    set(&format!("<SetIdentifier>{id}</SetIdentifier><Failover>{role}</Failover>{rest}"))
}

/// A pair whose PRIMARY leads to the east.
fn pair(on_primary: &str, on_secondary: &str) -> [String; 2] {
    [
        failover("1", "PRIMARY", &format!("{}{on_primary}", alias(EAST))),
        failover("2", "SECONDARY", &format!("{}{on_secondary}", alias(WEST))),
    ]
}

fn checked(config: &str) -> String {
    format!(
        "<GetHealthCheckResponse><HealthCheck><Id>hc</Id><HealthCheckConfig>{config}</HealthCheckConfig>\
         <HealthCheckVersion>1</HealthCheckVersion></HealthCheck></GetHealthCheckResponse>"
    )
}

/// A zone above that names these servers.
fn delegated(servers: &[&str]) -> Servers {
    Servers::default().at("machine", "com.", RecordType::NS, &["a.gtld-servers.net."]).at(
        "a.gtld-servers.net",
        "example.com.",
        RecordType::NS,
        servers,
    )
}

/// A world in which the zone is delegated, and Route 53 answers for `www` with this address.
fn world(sets: &[String], config: &str, address: &str) -> Arc<Script> {
    let servers = delegated(&SERVERS)
        .at("machine", &format!("dualstack.{EAST}."), RecordType::A, &["192.0.2.1"])
        .at("machine", &format!("dualstack.{WEST}."), RecordType::A, &["192.0.2.2"]);
    script(sets)
        .on("GET /healthcheck/hc ", ok(&checked(config)))
        .asking(all_tell(servers, &[address]))
}

const METRIC: &str = "<Type>CLOUDWATCH_METRIC</Type>";

fn action(script: &Arc<Script>, [primary, secondary]: [&str; 2]) -> Arc<dyn Action> {
    let check = node(&aws_resource("AWS::Route53::HealthCheck", "hc", None));
    let with = [
        ("zone", zone_node()),
        ("record", Node::text("www.example.com")),
        ("type", Node::text("A")),
        ("primary", Node::text(primary)),
        ("secondary", Node::text(secondary)),
        ("health_check", check),
        ("ttl", Node::text("60s")),
    ];
    bound(&FAILOVER_PAIR, script, with)
}

async fn seen(script: &Arc<Script>) -> Observation {
    action(script, [EAST, WEST]).observe(&look()).await.unwrap()
}

fn says(answer: &Answer) -> &str {
    match answer {
        Answer::Missing(changes) => &changes[0].says,
        Answer::Never { why } | Answer::NotYet { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pair_that_is_right_says_who_serves() {
    for (address, host, region) in
        [("192.0.2.1", EAST, "us-east-1"), ("192.0.2.2", WEST, "us-west-2")]
    {
        let seen = seen(&world(&pair(ATTACHED, ""), METRIC, address)).await;
        assert_eq!(seen.answer, Answer::AsDesired);
        assert_eq!(seen.serves, Serves::Region(region.into()));
        let evidence = |name: &str| seen.evidence.get(name).unwrap().to_string();
        assert_eq!(evidence("serves"), format!("dualstack.{host}"));
        assert_eq!(evidence("delegation"), SERVERS.join(", "));
        assert_eq!(evidence("health_check"), "hc");
        assert_eq!(evidence("ttl"), "1 min");
    }
}

#[tokio::test]
async fn a_check_is_attached_to_the_primary_alone() {
    let table = [
        (pair("", ""), "www.example.com A (1): HealthCheckId none → hc"),
        (
            pair("<HealthCheckId>old</HealthCheckId>", ""),
            "www.example.com A (1): HealthCheckId old → hc",
        ),
        (pair(ATTACHED, ATTACHED), "www.example.com A (2): HealthCheckId hc → none"),
    ];
    for (sets, expected) in table {
        let script = world(&sets, METRIC, "192.0.2.1");
        let action = action(&script, [EAST, WEST]);
        let answer = action.observe(&look()).await.unwrap().answer;
        assert_eq!((missing(&answer), says(&answer)), (vec!["pair"], expected));
        apply_first(&action).await.unwrap();
        let body = script.changes().remove(0);
        assert_eq!(body.matches("<Action>UPSERT</Action>").count(), 1, "{body}");
        assert!(
            body.contains("<EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_pair_the_wrong_way_round_is_swapped_in_one_batch() {
    let script = world(&pair("<HealthCheckId>east</HealthCheckId>", ATTACHED), METRIC, "192.0.2.1");
    let action = action(&script, [WEST, EAST]);
    apply_first(&action).await.unwrap();
    let body = script.changes().remove(0);
    let primary = format!(
        "<SetIdentifier>1</SetIdentifier><Failover>PRIMARY</Failover>{}{ATTACHED}",
        alias(WEST)
    );
    let secondary = format!(
        "<SetIdentifier>2</SetIdentifier><Failover>SECONDARY</Failover>{}<HealthCheckId>east</HealthCheckId>",
        alias(EAST)
    );
    assert!(body.contains(&primary) && body.contains(&secondary), "{body}");
}

#[tokio::test]
async fn values_are_set_and_kept_no_longer_than_they_may() {
    let sets = [
        failover("1", "PRIMARY", &format!("{}{ATTACHED}", values(300, &["192.0.2.1"]))),
        failover("2", "SECONDARY", &values(60, &["192.0.2.9"])),
    ];
    let script = world(&sets, METRIC, "192.0.2.1");
    let action = action(&script, ["192.0.2.1", "192.0.2.2, 192.0.2.3"]);
    let expected = "www.example.com A (1): TTL 300 → 60; www.example.com A (2): 192.0.2.9 → 192.0.2.2, 192.0.2.3";
    assert_eq!(says(&action.observe(&look()).await.unwrap().answer), expected);

    let identity = "<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>\
                    <Account>123456789012</Account></GetCallerIdentityResult></R>";
    let script = script.on("POST GetCallerIdentity", ok(identity));
    let findings = self::action(&script, [EAST, WEST]).examine().await;
    let [slow] = &findings[..] else { panic!("{findings:?}") };
    let expected = "resolvers keep www.example.com A (1) for 5 min, longer than 1 min: users follow that much later";
    assert_eq!((slow.weight, slow.says.as_str()), (Weight::Warning, expected));
}

#[tokio::test]
async fn what_no_batch_can_put_right_is_told() {
    let own =
        "<Type>HTTPS</Type><FullyQualifiedDomainName>WWW.example.com</FullyQualifiedDomainName>";
    let by_address = "<Type>HTTPS</Type><FullyQualifiedDomainName>www.example.com</FullyQualifiedDomainName>\
                      <IPAddress>192.0.2.1</IPAddress>";
    let disabled = "<Type>HTTP</Type><Disabled>true</Disabled>";
    let good = pair(ATTACHED, "");
    let two = [failover("1", "PRIMARY", &alias(EAST)), failover("2", "PRIMARY", &alias(WEST))];
    let other =
        [failover("1", "PRIMARY", &alias("web-3.eu-west-1.elb.amazonaws.com")), good[1].clone()];
    let simple = [set(&values(60, &["192.0.2.1"]))];
    let table: [(&[String], &str, &str); 7] = [
        (&good, own, "hc probes www.example.com, the name that it switches"),
        (&good, by_address, ""),
        (&good, disabled, "hc is disabled"),
        (&two, METRIC, "has 2 PRIMARY (1, 2) and 0 SECONDARY () records"),
        (
            &other,
            METRIC,
            "www.example.com A (1) leads to dualstack.web-3.eu-west-1.elb.amazonaws.com, and no record",
        ),
        (&simple, METRIC, "www.example.com A belongs to no failover pair"),
        (&[], METRIC, "there is no record www.example.com A in the zone example.com"),
    ];
    for (sets, config, expected) in table {
        let answer = seen(&world(sets, config, "192.0.2.1")).await.answer;
        if expected.is_empty() {
            assert_eq!(answer, Answer::AsDesired);
            continue;
        }
        let Answer::Never { why } = &answer else { panic!("{answer:?}") };
        assert!(why.contains(expected), "{why}");
    }
    let script = script(&good).on("GET /healthcheck/hc ", aws_no(404, "NoSuchHealthCheck"));
    assert!(says(&seen(&script).await.answer).contains("there is no health check `hc`"));
}

#[tokio::test]
async fn a_zone_that_nobody_is_sent_to_is_told() {
    let world = |servers: &[&str]| {
        script(&pair(ATTACHED, ""))
            .on("GET /healthcheck/hc ", ok(&checked(METRIC)))
            .asking(delegated(servers))
    };
    let table: [(&[&str], &str); 2] = [
        (
            &["ns-9.awsdns-00.org"],
            "the zone com delegates example.com to ns-9.awsdns-00.org, and the zone Z1D633PJN98FT9 is \
             answered by ns-1.awsdns-00.com, ns-2.awsdns-00.net",
        ),
        (&[], "the zone com does not delegate example.com: nobody asks its servers"),
    ];
    for (servers, expected) in table {
        let answer = seen(&world(servers)).await.answer;
        assert_eq!(answer, Answer::Never { why: expected.to_owned() });
    }
}

#[tokio::test]
async fn a_zone_above_that_does_not_answer_holds_nothing() {
    let sets = pair(ATTACHED, "");
    let script = script(&sets).on("GET /healthcheck/hc ", ok(&checked(METRIC)));
    let seen = seen(&script.asking(told(&["192.0.2.1"]))).await;
    assert_eq!(seen.answer, Answer::AsDesired);
    let delegation = seen.evidence.get("delegation").unwrap().to_string();
    assert_eq!(delegation, "not known: no answer from machine: silence");
    assert_eq!(seen.serves, Serves::NoRole, "the addresses of the targets are not known");
}

#[tokio::test]
async fn a_pair_is_proven_on_every_server() {
    let sets = pair(ATTACHED, "");
    let answer = seen(&world(&sets, METRIC, "192.0.2.66")).await.answer;
    assert_eq!(says(&answer), "ns-1.awsdns-00.com still answers 192.0.2.66 for 60 s");
    let first = Servers::default().at(SERVERS[0], WWW, RecordType::A, &["192.0.2.1"]);
    let half = script(&sets).on("GET /healthcheck/hc ", ok(&checked(METRIC))).asking(first);
    assert_eq!(says(&seen(&half).await.answer), "no answer from ns-2.awsdns-00.net: silence");
}
