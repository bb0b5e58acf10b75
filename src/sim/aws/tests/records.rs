//! Route 53's zones and records: what is listed, changed and refused.

use super::*;
use std::time::Duration;

const WWW: &str = "www.example.com";

/// The name, type and set of everything that a listing has.
fn listed(client: &mut Client, query: &str) -> Vec<String> {
    let answer = client.read(&format!("hostedzone/{ZONE}/rrset{query}"));
    let shown = |set: &Element| {
        ["Name", "Type", "SetIdentifier"].map(|name| set.text_of(name).unwrap_or("-")).join(" ")
    };
    answer.members("ResourceRecordSets").iter().map(shown).collect()
}

fn refusal((status, answer): (u16, Element)) -> (u16, String, String) {
    (status, text(&answer, "Code").to_owned(), text(&answer, "Message").to_owned())
}

#[test]
fn a_zone_shows_its_four_servers() {
    let mut client = Client::with_zone();
    let shown = client.read(&format!("hostedzone/{ZONE}"));
    assert_eq!(shown.find("HostedZone").unwrap().text_of("Id"), Some("/hostedzone/Z0EXAMPLE"));
    assert_eq!(text(&shown, "ResourceRecordSetCount"), "2");
    let servers = shown.find("NameServers").unwrap();
    assert_eq!(servers.children.len(), 4);
    assert!(servers.children[3].text.ends_with(".co.uk"), "{servers}");
    let by_name = client.read("hostedzonesbyname?dnsname=example.com&maxitems=1");
    assert_eq!(text(&by_name, "Name"), "example.com.");
    assert_eq!(text(&client.read("hostedzone"), "Name"), "example.com.");
    let (status, code, _) = refusal(client.rest(Method::GET, "hostedzone/ZNOBODY", ""));
    assert_eq!((status, code.as_str()), (404, "NoSuchHostedZone"));
}

#[test]
fn records_are_listed_by_labels_from_the_end_and_page_by_page() {
    let mut client = Client::with_zone();
    for name in ["b.a", "a.b", "*"] {
        let set = address(&format!("{name}.example.com"), "", "192.0.2.1");
        assert_eq!(client.change(&[("CREATE", &set)]).0, 200);
    }
    let all = [
        "example.com. NS -",
        "example.com. SOA -",
        "\\052.example.com. A -",
        "b.a.example.com. A -",
        "a.b.example.com. A -",
    ];
    assert_eq!(listed(&mut client, ""), all);
    assert_eq!(listed(&mut client, "?name=b.a.example.com"), all[3..]);
    assert_eq!(listed(&mut client, "?name=example.com.&type=SOA&maxitems=2"), all[1..3]);
    let page = client.read(&format!("hostedzone/{ZONE}/rrset?maxitems=3"));
    assert_eq!(text(&page, "IsTruncated"), "true");
    assert_eq!(text(&page, "NextRecordName"), "b.a.example.com.");
    assert_eq!(text(&page, "NextRecordType"), "A");
    let (status, code, _) =
        refusal(client.rest(Method::GET, &format!("hostedzone/{ZONE}/rrset?type=A"), ""));
    assert_eq!((status, code.as_str()), (400, "InvalidInput"));
}

#[test]
fn a_change_is_pending_until_every_server_has_it() {
    let mut client = Client::with_zone();
    let (status, answer) = client.change(&[("UPSERT", &address(WWW, "", "192.0.2.1"))]);
    assert_eq!((status, text(&answer, "Status")), (200, "PENDING"));
    let id = text(&answer, "Id").to_owned();
    assert!(id.starts_with("/change/C"), "{id}");
    let get = id.trim_start_matches('/').to_owned();
    assert_eq!(text(&client.wait("29s").read(&get), "Status"), "PENDING");
    let shown = client.wait("1s").read(&get);
    assert_eq!(text(&shown, "Status"), "INSYNC");
    assert_eq!(text(&shown, "SubmittedAt"), "2026-11-20T10:00:00Z");
    assert_eq!(text(&shown, "Comment"), "why");
    let (status, code, _) = refusal(client.rest(Method::GET, "change/C0", ""));
    assert_eq!((status, code.as_str()), (404, "NoSuchChange"));
}

#[test]
fn an_upsert_replaces_the_whole_set() {
    let mut client = Client::with_pair(probing());
    let set = "<Name>www.example.com</Name><Type>A</Type><SetIdentifier>1</SetIdentifier><Failover>PRIMARY</Failover><AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>other.us-east-1.elb.amazonaws.com</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>";
    assert_eq!(client.change(&[("UPSERT", set)]).0, 200);
    let answer = client.read(&format!("hostedzone/{ZONE}/rrset?name={WWW}&type=A"));
    let primary = &answer.members("ResourceRecordSets")[0];
    assert_eq!(text(primary, "DNSName"), "other.us-east-1.elb.amazonaws.com.");
    assert_eq!(text(primary, "EvaluateTargetHealth"), "true");
    assert_eq!(primary.text_of("HealthCheckId"), None, "the health check was left out");
}

#[test]
fn a_batch_is_carried_out_as_a_whole_or_not_at_all() {
    let mut client = Client::with_zone();
    let (good, bad) = (address(WWW, "", "192.0.2.1"), address("www.example.net", "", "192.0.2.1"));
    let (status, code, message) = refusal(client.change(&[("CREATE", &good), ("CREATE", &bad)]));
    assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"));
    assert_eq!(
        message,
        "[RRSet with DNS name www.example.net. is not permitted in zone example.com.]"
    );
    assert_eq!(listed(&mut client, "").len(), 2);
    let name = "<Name>www.example.com</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>a.example.net</Value></ResourceRecord></ResourceRecords>";
    assert_eq!(client.change(&[("CREATE", &good)]).0, 200);
    // Deleting first makes room in the same batch.
    assert_eq!(client.change(&[("DELETE", &good), ("CREATE", name)]).0, 200);
    assert_eq!(listed(&mut client, "?name=www.example.com"), ["www.example.com. CNAME -"]);
}

#[test]
fn what_the_records_do_not_allow_is_refused_in_the_services_words() {
    let other = address(WWW, "", "192.0.2.2");
    let primary = "<SetIdentifier>3</SetIdentifier><Failover>PRIMARY</Failover>";
    let weighted = "<SetIdentifier>3</SetIdentifier><Weight>1</Weight>";
    let canonical_name = |name: &str| {
        format!(
            "<Name>{name}</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>a.example.net</Value></ResourceRecord></ResourceRecords>"
        )
    };
    for (action, set, message) in [
        (
            "CREATE",
            address("a.example.com", "", "192.0.2.1"),
            "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists",
        ),
        (
            "DELETE",
            address("b.example.com", "", "192.0.2.1"),
            "Tried to delete resource record set [name='b.example.com.', type='A'] but it was not found",
        ),
        (
            "DELETE",
            address("a.example.com", "", "192.0.2.9"),
            "Tried to delete resource record set [name='a.example.com.', type='A'] but the values provided do not match the current values",
        ),
        (
            "CREATE",
            address("b.example.com", "", "192.0.2.999"),
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2.999''",
        ),
        (
            "UPSERT",
            other,
            "RRSet with DNS name www.example.com., type A cannot be created as other RRSets exist with the same name and type.",
        ),
        (
            "UPSERT",
            address(WWW, weighted, "192.0.2.1"),
            "RRSet with DNS name www.example.com., type A, SetIdentifier 3 cannot be created as a non-weighted set exists with the same name and type.",
        ),
        (
            "UPSERT",
            address(WWW, &format!("{primary}<HealthCheckId>check-1</HealthCheckId>"), "192.0.2.1"),
            "RRSet with DNS name www.example.com., type A, SetIdentifier 3 cannot be created as a failover primary set exists with the same name and type.",
        ),
        (
            "CREATE",
            address("b.example.com", primary, "192.0.2.1"),
            "A non-alias primary ResourceRecordSet must have an associated health check.",
        ),
        (
            "UPSERT",
            canonical_name("a.example.com"),
            "RRSet of type CNAME with DNS name a.example.com. is not permitted as it conflicts with other records with the same DNS name in zone example.com.",
        ),
        (
            "UPSERT",
            canonical_name("example.com"),
            "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
        ),
    ] {
        let mut client = Client::with_pair(probing());
        assert_eq!(client.change(&[("CREATE", &address("a.example.com", "", "192.0.2.1"))]).0, 200);
        let (status, code, said) = refusal(client.change(&[(action, &set)]));
        assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"), "{said}");
        assert!(said.starts_with(&format!("[{message}")), "{said}");
    }
}

#[test]
fn what_contradicts_itself_is_no_input() {
    let mut client = Client::with_zone();
    let set = "[Action=UPSERT, Name=www.example.com., Type=A, SetIdentifier=";
    for (set, message) in [
        (
            address(WWW, "<Weight>1</Weight>", "192.0.2.1"),
            format!("Invalid request: Missing field 'SetIdentifier' in Change with {set}null]"),
        ),
        (
            address(WWW, "<SetIdentifier>a</SetIdentifier>", "192.0.2.1"),
            format!(
                "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, or CidrRoutingConfig], but found none in Change with {set}a]"
            ),
        ),
        (
            format!("<Name>{WWW}</Name><Type>A</Type>"),
            format!(
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with {set}null]"
            ),
        ),
    ] {
        let (status, code, said) = refusal(client.change(&[("UPSERT", &set)]));
        assert_eq!((status, code.as_str(), said), (400, "InvalidInput", message));
    }
    let (status, code, _) =
        refusal(client.rest(Method::POST, &format!("hostedzone/{ZONE}/rrset"), "<Change"));
    assert_eq!((status, code.as_str()), (400, "InvalidInput"));
}

#[test]
fn a_health_check_that_is_not_there_is_refused() {
    let mut client = Client::with_zone();
    let extra = "<SetIdentifier>1</SetIdentifier><Failover>PRIMARY</Failover>";
    let set = address(WWW, extra, "192.0.2.1") + "<HealthCheckId>nobody</HealthCheckId>";
    let (status, code, message) = refusal(client.change(&[("UPSERT", &set)]));
    assert_eq!((status, code.as_str()), (404, "NoSuchHealthCheck"));
    assert_eq!(message, "A health check with id nobody does not exist.");
}

#[test]
fn protected_records_busy_zones_and_stalled_changes_are_as_they_are_set() {
    let mut client = Client::with_zone();
    client.cloud().protect_record(ZONE, WWW, "A", "ask the network team");
    let set = address(WWW, "", "192.0.2.1");
    let (status, code, message) = refusal(client.change(&[("UPSERT", &set)]));
    assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"));
    assert!(message.contains("ask the network team"), "{message}");
    let set = address("a.example.com", "", "192.0.2.1");
    client.cloud().keep_zone_busy(ZONE, Duration::from_secs(5));
    let (status, code, _) = refusal(client.change(&[("UPSERT", &set)]));
    assert_eq!((status, code.as_str()), (400, "PriorRequestNotComplete"));
    client.wait("5s").cloud().stall_zone(ZONE);
    let (status, answer) = client.change(&[("UPSERT", &set)]);
    assert_eq!(status, 200);
    let get = text(&answer, "Id").trim_start_matches('/').to_owned();
    assert_eq!(text(&client.wait("1h").read(&get), "Status"), "PENDING");
    let [first, last] = [0, 3].map(|number| client.server(number));
    let heard = client.ask(NameServer::Named(&first), "a.example.com.", RecordType::A);
    assert_eq!(heard.records, ["a.example.com. 60 IN A 192.0.2.1"]);
    let heard = client.ask(NameServer::Named(&last), "a.example.com.", RecordType::A);
    assert_eq!(heard.records, [""; 0]);
}

#[test]
fn a_permission_that_is_taken_away_is_missed() {
    let mut client = Client::with_zone();
    client.cloud().forbid("route53:ChangeResourceRecordSets");
    let set = address(WWW, "", "192.0.2.1");
    let (status, code, _) = refusal(client.change(&[("UPSERT", &set)]));
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert_eq!(listed(&mut client, "").len(), 2);
}
