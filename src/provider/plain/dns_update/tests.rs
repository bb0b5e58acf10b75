use super::*;
use crate::{
    action::Params,
    model::{Node, Value},
    provider::{
        dns::testing::Servers,
        testing::{Outcome, Script, answer, apply_first, look, not_sent, unanswered},
    },
};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;

const NAME: &str = "app.example.com.";
const NS: [&str; 2] = ["ns1.example.com", "ns2.example.com"];

fn texts(all: &[&str]) -> Node {
    Node::made(Value::List(all.iter().map(|text| Node::text(*text)).collect()))
}

fn with(more: &[(&'static str, Node)]) -> Node {
    let mut with = Node::map([
        ("server", Node::text(NS[0])),
        ("servers", texts(&NS)),
        ("zone", Node::text("example.com")),
        ("name", Node::text("app.example.com")),
        ("ttl", Node::text("60s")),
        ("key", Node::text("failover-key")),
        ("secret", Node::text("TSIG")),
        ("algorithm", Node::text("hmac-sha256")),
    ]);
    for (name, value) in more {
        with.set(name, value.clone());
    }
    with
}

fn moved() -> Node {
    with(&[("a", texts(&["198.51.100.7", "198.51.100.8"]))])
}

fn bound_to(script: &Arc<Script>, with: &Node) -> Result<Arc<dyn Action>, Diagnostic> {
    (DNS_UPDATE.bind)(&Params::new(with), &script.clients())
}

/// Servers that say this of the name, and nothing of any other type.
fn servers(a: &[&str]) -> Servers {
    Servers::default().on(NAME, RecordType::A, a)
}

async fn observed(servers: Servers, with: &Node) -> Answer {
    let script = Script::new().asking(servers);
    bound_to(&script, with).unwrap().observe(&look()).await.unwrap().answer
}

#[tokio::test]
async fn the_primary_says_what_is_missing_and_all_servers_when_it_is_done() {
    let answer = observed(servers(&["192.0.2.1"]), &moved()).await;
    let Answer::Missing(changes) = answer else { panic!("{answer:?}") };
    let says = "app.example.com: A 192.0.2.1 → 198.51.100.7, 198.51.100.8, kept for 1 min";
    assert_eq!(changes[0].says, says);

    let all = &["198.51.100.8", "198.51.100.7"];
    assert_eq!(observed(servers(all), &moved()).await, Answer::AsDesired);
    let lags = Servers::default().at(NS[0], NAME, RecordType::A, all).at(
        NS[1],
        NAME,
        RecordType::A,
        &["192.0.2.1"],
    );
    let answer = observed(lags, &moved()).await;
    let Answer::NotYet { why, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(why, "ns2.example.com still answers 192.0.2.1 for app.example.com");
}

#[tokio::test]
async fn a_name_has_addresses_or_another_name() {
    let other = Servers::default().on(NAME, RecordType::CNAME, &["lb.example.net."]);
    let answer = observed(other, &moved()).await;
    let Answer::Never { why } = answer else { panic!("{answer:?}") };
    assert_eq!(why, "app.example.com has CNAME lb.example.net., and cannot have both");
}

#[tokio::test]
async fn what_was_read_must_still_be_there_and_is_replaced_as_a_whole() {
    let refused = coded(ResponseCode::Refused);
    for (before, prerequisites) in [
        (&["192.0.2.1", "192.0.2.2"][..], &["IN 192.0.2.1", "IN 192.0.2.2"][..]),
        (&[], &["NONE UPDATE"]),
    ] {
        let script = Script::new().asking(servers(before)).on("POST dns://", refused.clone());
        apply_first(&bound_to(&script, &moved()).unwrap()).await.unwrap_err();
        let sent = script.request(0);
        assert_eq!(sent.uri().to_string(), "dns://ns1.example.com/app.example.com");
        let message = Message::from_vec(sent.body()).unwrap();
        let shown = |records: &[Record]| -> Vec<String> {
            let one = |record: &Record| {
                let ttl = if record.ttl == 0 { String::new() } else { format!("{} ", record.ttl) };
                format!("{ttl}{} {}", record.dns_class, record.data)
            };
            records.iter().map(one).collect()
        };
        assert_eq!(message.metadata.op_code, OpCode::Update);
        assert_eq!(message.zones()[0].name().to_ascii(), "example.com.");
        assert_eq!(shown(message.prerequisites()), prerequisites);
        let updates = ["ANY UPDATE", "60 IN 198.51.100.7", "60 IN 198.51.100.8"];
        assert_eq!(shown(message.updates()), updates);
        let signature = &message.signature().unwrap().data;
        assert_eq!(signature.algorithm, TsigAlgorithm::HmacSha256);
    }
}

/// An answer that nobody signed.
fn coded(code: ResponseCode) -> Outcome {
    let mut message = Message::response(7, OpCode::Update);
    message.metadata.response_code = code;
    answer(200, &[], "").map(|response| response.map(|_| message.to_vec().unwrap().into()))
}

#[tokio::test]
async fn what_an_answer_says_of_an_update_is_not_mixed_up() {
    let of = async |outcome: Outcome| {
        let script = Script::new().asking(servers(&["192.0.2.1"])).on("POST dns://", outcome);
        apply_first(&bound_to(&script, &moved()).unwrap()).await.unwrap_err()
    };
    let changed = of(coded(ResponseCode::NXRRSet)).await;
    assert!(matches!(changed, Unapplied::Deferred { .. }), "{changed:?}");
    assert!(changed.why().contains("somebody else has changed"), "{changed:?}");
    for code in [ResponseCode::Refused, ResponseCode::NotAuth, ResponseCode::NotZone] {
        let refused = of(coded(code)).await;
        assert!(matches!(refused, Unapplied::Refused { .. }), "{refused:?}");
    }
    // Whoever says yes must prove to be the one that knows the key.
    for outcome in [coded(ResponseCode::NoError), coded(ResponseCode::ServFail), unanswered()] {
        let doubt = of(outcome).await;
        assert!(matches!(doubt, Unapplied::InDoubt { .. }), "{doubt:?}");
    }
    let unsent = of(not_sent()).await;
    assert!(matches!(unsent, Unapplied::Deferred { .. }), "{unsent:?}");
}

#[tokio::test]
async fn addresses_of_the_other_family_are_not_forgotten() {
    let both = servers(&["192.0.2.1"]).on(NAME, RecordType::AAAA, &["2001:db8::1"]);
    let script = Script::new().asking(both).on("GET dns://", coded(ResponseCode::NotAuth));
    let findings = bound_to(&script, &moved()).unwrap().examine().await;
    let says: Vec<_> = findings.iter().map(|finding| finding.says.as_str()).collect();
    assert_eq!(
        says,
        [
            "ns1.example.com: it does not serve this zone, or not to this key",
            "app.example.com has AAAA 2001:db8::1 too, and some users go there: say `aaaa` as well",
        ]
    );
}

#[test]
fn what_makes_no_records_is_refused() {
    let table = [
        (with(&[]), "`dns.update` needs `a`, `aaaa` or both, or else `cname`"),
        (
            with(&[("a", texts(&["192.0.2.1"])), ("cname", Node::text("x.example"))]),
            "`dns.update` needs `a`, `aaaa` or both, or else `cname`",
        ),
        (with(&[("a", texts(&["2001:db8::1"]))]), "`2001:db8::1` is no A record"),
        (
            with(&[("a", texts(&["192.0.2.1"])), ("name", Node::text("app.example.org"))]),
            "`app.example.org` is not in the zone `example.com`",
        ),
        (
            with(&[("a", texts(&["192.0.2.1"])), ("server", Node::text("ns 1"))]),
            "`ns 1` is no address of a server",
        ),
    ];
    for (with, expected) in table {
        let refused = bound_to(&Script::new(), &with).err().unwrap();
        assert_eq!(refused.message, expected);
    }
}
