//! What name servers and resolvers are told.

use super::*;

const NS: RecordType = RecordType::NS;
const A: RecordType = RecordType::A;

#[test]
fn each_server_learns_of_a_change_in_its_own_time() {
    let mut client = Client::with_zone();
    assert_eq!(client.change(&[("UPSERT", &address("www.example.com", "", "192.0.2.1"))]).0, 200);
    let mut knowing = Vec::new();
    for time in ["10:00:02", "10:00:03", "10:00:10", "10:00:20", "10:00:26"] {
        client.until(time);
        let servers: Vec<_> = (0..4).map(|number| client.server(number)).collect();
        let knows = servers.iter().filter(|server| {
            !client.ask(NameServer::Named(server), "www.example.com.", A).records.is_empty()
        });
        knowing.push(knows.count());
    }
    assert_eq!(knowing, [0, 1, 2, 3, 4]);
}

#[test]
fn a_server_answers_for_its_zone_alone() {
    let mut client = Client::with_zone();
    let server = client.server(1);
    let named = NameServer::Named(&server);
    let heard = client.ask(named, "example.com.", RecordType::SOA);
    assert!(heard.is_final && heard.records[0].contains("awsdns-hostmaster"), "{heard:?}");
    let heard = client.ask(named, "nobody.example.com.", A);
    assert_eq!((heard.code, heard.records.len()), (ResponseCode::NXDomain, 0));
    assert!(heard.authorities[0].contains("SOA"), "{heard:?}");
    // The name is there, and has nothing of this type.
    assert_eq!(client.ask(named, "example.com.", A).code, ResponseCode::NoError);
    assert_eq!(client.ask(named, "example.net.", A).code, ResponseCode::Refused);
    let cloud = client.cloud();
    let question = Message::query().to_vec().unwrap();
    assert_eq!(cloud.ask_name_server(NameServer::Named("ns.nowhere.net"), &question), None);
    assert_eq!(cloud.ask_name_server(named, b"no message"), None);
}

#[test]
fn a_resolver_follows_the_delegation_of_the_parent() {
    let mut client = Client::with_zone();
    let heard = client.ask(NameServer::Machine, "example.com.", NS);
    assert_eq!(heard.records.len(), 4);
    assert!(!heard.is_final);
    assert_eq!(client.ask(NameServer::Machine, "www.example.com.", NS).records, [""; 0]);
    client.cloud().delegate_elsewhere(ZONE, &["ns1.other.net"]);
    let heard = client.ask(NameServer::Machine, "example.com.", NS);
    assert_eq!(heard.records, ["example.com. 172800 IN NS ns1.other.net."]);
    let heard = client.ask(NameServer::Named("ns1.other.net."), "www.example.com.", A);
    assert_eq!(heard.code, ResponseCode::Refused);
}

#[test]
fn an_alias_answers_with_the_addresses_of_its_target() {
    let mut client = Client::with_pair(probing());
    let server = client.server(0);
    let of = |heard: &Heard| {
        let address = |record: &String| record.rsplit(' ').next().unwrap().to_owned();
        heard.records.iter().map(address).collect::<Vec<_>>()
    };
    let pair = client.ask(NameServer::Named(&server), "www.example.com.", A);
    let target = client.ask(NameServer::Machine, &format!("{EAST_HOST}."), A);
    assert_eq!(of(&pair), of(&target));
    assert_eq!(pair.records.len(), 2);
    assert!(pair.records[0].starts_with("www.example.com. 60 IN A 198."), "{pair:?}");
    let aaaa = client.ask(NameServer::Named(&server), "www.example.com.", RecordType::AAAA);
    assert_eq!((aaaa.code, aaaa.records.len()), (ResponseCode::NoError, 0));
}

#[test]
fn another_name_is_followed_out_of_the_zone_by_a_resolver_only() {
    let mut client = Client::with_zone();
    let set = format!(
        "<Name>www.example.com</Name><Type>CNAME</Type><TTL>30</TTL><ResourceRecords><ResourceRecord><Value>{EAST_HOST}</Value></ResourceRecord></ResourceRecords>"
    );
    assert_eq!(client.change(&[("CREATE", &set)]).0, 200);
    client.wait("1m");
    let server = client.server(0);
    let heard = client.ask(NameServer::Named(&server), "www.example.com.", A);
    assert_eq!(heard.records, [format!("www.example.com. 30 IN CNAME {EAST_HOST}.")]);
    assert_eq!(client.ask(NameServer::Machine, "www.example.com.", A).records.len(), 3);
}

#[test]
fn weights_are_answered_in_their_shares_and_the_same_question_at_one_instant_alike() {
    let mut client = Client::with_zone();
    let weighted = |set: &str, weight: u8, value: &str| {
        let extra = format!("<SetIdentifier>{set}</SetIdentifier><Weight>{weight}</Weight>");
        address("www.example.com", &extra, value)
    };
    let (east, west) = (weighted("east", 80, "192.0.2.1"), weighted("west", 20, "192.0.2.2"));
    assert_eq!(client.change(&[("CREATE", &east), ("CREATE", &west)]).0, 200);
    client.wait("1m");
    let server = client.server(0);
    let mut in_the_west = 0;
    for _ in 0..1_000 {
        let heard = client.wait("1s").ask(NameServer::Named(&server), "www.example.com.", A);
        assert_eq!(client.ask(NameServer::Named(&server), "www.example.com.", A), heard);
        in_the_west += usize::from(heard.records[0].ends_with("192.0.2.2"));
    }
    assert!((150..250).contains(&in_the_west), "{in_the_west} of 1000");
    // Nought for all means equal shares for all.
    let nought = weighted("east", 0, "192.0.2.1");
    assert_eq!(
        client.change(&[("UPSERT", &nought), ("UPSERT", &weighted("west", 0, "192.0.2.2"))]).0,
        200
    );
    client.wait("1m");
    let mut in_the_east = 0;
    for _ in 0..1_000 {
        let heard = client.wait("1s").ask(NameServer::Named(&server), "www.example.com.", A);
        in_the_east += usize::from(heard.records[0].ends_with("192.0.2.1"));
    }
    assert!((430..570).contains(&in_the_east), "{in_the_east} of 1000");
}

#[test]
fn a_stand_in_answers_for_all_by_whether_recursion_is_wanted() {
    let mut client = Client::with_zone();
    client.change(&[("CREATE", &address("www.example.com", "", "192.0.2.1"))]);
    client.wait("10s");
    let mut heard = Vec::new();
    for wants_recursion in [true, false] {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii("www.example.com.").unwrap(), A));
        question.metadata.recursion_desired = wants_recursion;
        let answer = client.cloud().ask_any(&question.to_vec().unwrap()).unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        heard.push((answer.answers.len(), answer.metadata.authoritative));
    }
    // The slowest server of the zone does not know it yet.
    assert_eq!(heard, [(1, false), (0, true)]);
}
