//! Answers of Route 53, in the shapes of its API reference.

use crate::{
    model::Node,
    provider::{
        dns::testing::Servers,
        testing::{Script, aws_resource, node, ok},
    },
};
use hickory_proto::rr::RecordType;
use std::sync::Arc;

pub(super) const SERVERS: [&str; 2] = ["ns-1.awsdns-00.com", "ns-2.awsdns-00.net"];
/// Load balancers, as their names are told by Elastic Load Balancing.
pub(super) const EAST: &str = "web-1.us-east-1.elb.amazonaws.com";
pub(super) const WEST: &str = "web-2.us-west-2.elb.amazonaws.com";
pub(super) const WWW: &str = "www.example.com.";

pub(super) fn zone_node() -> Node {
    node(&aws_resource("AWS::Route53::HostedZone", "Z1D633PJN98FT9", None))
}

pub(super) fn zone() -> String {
    let [one, two] = SERVERS;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <GetHostedZoneResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
            <HostedZone><Id>/hostedzone/Z1D633PJN98FT9</Id><Name>example.com.</Name>
                <CallerReference>2017-03-01</CallerReference>
                <Config><PrivateZone>false</PrivateZone></Config>
                <ResourceRecordSetCount>17</ResourceRecordSetCount></HostedZone>
            <DelegationSet><NameServers><NameServer>{one}</NameServer><NameServer>{two}</NameServer>
            </NameServers></DelegationSet>
        </GetHostedZoneResponse>"#
    )
}

/// A set of `www.example.com`, with these fields beside its name and type.
pub(super) fn set(fields: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>www.example.com.</Name><Type>A</Type>{fields}</ResourceRecordSet>"
    )
}

pub(super) fn values(ttl: u32, values: &[&str]) -> String {
    let record = |value: &&str| format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>");
    let records: String = values.iter().map(record).collect();
    format!("<TTL>{ttl}</TTL><ResourceRecords>{records}</ResourceRecords>")
}

pub(super) fn alias(host: &str) -> String {
    format!(
        "<AliasTarget><HostedZoneId>Z35SXDOTRQ7X7K</HostedZoneId><DNSName>dualstack.{host}.</DNSName>\
         <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
    )
}

/// The last page of a listing.
pub(super) fn listing(sets: &[String]) -> String {
    page(sets, "<IsTruncated>false</IsTruncated>")
}

pub(super) fn page(sets: &[String], end: &str) -> String {
    format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{}</ResourceRecordSets>{end}\
         <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>",
        sets.concat()
    )
}

pub(super) fn change(element: &str, status: &str) -> String {
    format!(
        "<{element}><ChangeInfo><Id>/change/C2682N5HXP0BZ4</Id><Status>{status}</Status>\
         <SubmittedAt>2026-11-20T10:02:24Z</SubmittedAt></ChangeInfo></{element}>"
    )
}

/// A zone with these sets of `www.example.com`, that takes a batch.
pub(super) fn script(sets: &[String]) -> Arc<Script> {
    Script::new()
        .on("GET /rrset?name=www.example.com.", ok(&listing(sets)))
        .on("GET /hostedzone/Z1D633PJN98FT9 ", ok(&zone()))
        .on("POST /rrset/", ok(&change("ChangeResourceRecordSetsResponse", "PENDING")))
}

/// The servers of the zone, that answer for `www.example.com` with these addresses.
pub(super) fn all_tell(servers: Servers, values: &[&str]) -> Servers {
    SERVERS.iter().fold(servers, |servers, server| servers.at(server, WWW, RecordType::A, values))
}

pub(super) fn told(values: &[&str]) -> Servers {
    all_tell(Servers::default(), values)
}
