//! Databases: a replica in another region, and its promotion.

use super::*;
use std::time::Duration;

const DB: &str = "AWS::RDS::DBInstance";

/// A replica in the west of the east's database, which the plan promotes.
fn client(outage: Outage) -> Client {
    let with = Node::map([("instance", Node::map([("name", Node::text("shop-west"))]))]);
    let mut step = step(with, &[(DB, "shop-west", WEST), (DB, "shop-east", EAST)]);
    if let Work::Action(work) = &mut step.work {
        work.action = "aws.rds.promote".into();
    }
    Client::of(Cloud::seeded(&plan(vec![step]), outage, start()))
}

fn ask(client: &mut Client, region: &str, operation: &str, form: &str) -> (u16, Element) {
    client.query((region, "rds"), &format!("Action={operation}&Version=2014-10-31&{form}"))
}

fn change(client: &mut Client, operation: &str, more: &str) -> (u16, String) {
    let form = format!("DBInstanceIdentifier=shop-west{more}");
    let (status, answer) = ask(client, WEST, operation, &form);
    (status, text(&answer, "Code").to_owned())
}

/// The status of the replica, what it is a replica of, and for how many days its backups are kept.
fn replica(client: &mut Client) -> [String; 3] {
    let (status, answer) =
        ask(client, WEST, "DescribeDBInstances", "DBInstanceIdentifier=Shop-West");
    assert_eq!(status, 200, "{answer}");
    let instance = answer.find("DBInstance").unwrap();
    let names =
        ["DBInstanceStatus", "ReadReplicaSourceDBInstanceIdentifier", "BackupRetentionPeriod"];
    names.map(|name| instance.text_of(name).unwrap_or_default().to_owned())
}

const SOURCE: &str = "arn:aws:rds:us-east-1:111122223333:db:shop-east";

#[test]
fn a_replica_across_regions_names_its_source_by_arn() {
    let mut client = client(Outage::None);
    assert_eq!(replica(&mut client), ["available", SOURCE, "0"]);
    let (_, source) =
        ask(&mut client, EAST, "DescribeDBInstances", "DBInstanceIdentifier=shop-east");
    let its = text(&source, "ReadReplicaDBInstanceIdentifier");
    assert_eq!(its, "arn:aws:rds:us-west-2:111122223333:db:shop-west");
    assert_eq!(text(&source, "ReadReplicaSourceDBInstanceIdentifier"), "");
    let (status, answer) =
        ask(&mut client, EAST, "DescribeDBInstances", "DBInstanceIdentifier=shop-west");
    assert_eq!((status, text(&answer, "Code")), (404, "DBInstanceNotFound"));
}

#[test]
fn a_promotion_takes_minutes_and_cannot_be_taken_back() {
    let mut client = client(Outage::None);
    assert_eq!(change(&mut client, "PromoteReadReplica", ""), (200, String::new()));
    assert_eq!(replica(&mut client), ["modifying", SOURCE, "1"]);
    let again = (400, "InvalidDBInstanceState".to_owned());
    assert_eq!(change(&mut client, "PromoteReadReplica", ""), again);
    assert_eq!(replica(client.wait("60s")), ["rebooting", SOURCE, "1"]);
    assert_eq!(replica(client.wait("75s")), ["backing-up", "", "1"]);
    assert_eq!(replica(client.wait("90s")), ["available", "", "1"]);
    assert_eq!(change(&mut client, "PromoteReadReplica", ""), again);
    let (_, source) =
        ask(&mut client, EAST, "DescribeDBInstances", "DBInstanceIdentifier=shop-east");
    assert_eq!(text(&source, "ReadReplicaDBInstanceIdentifier"), "");
}

#[test]
fn only_an_available_replica_is_promoted() {
    let mut client = client(Outage::None);
    client.cloud().let_database_be(WEST, "shop-west", "backing-up", Duration::from_mins(2));
    let (status, code) = change(&mut client, "PromoteReadReplica", "");
    assert_eq!((status, code.as_str()), (400, "InvalidDBInstanceState"));
    client.wait("2m");
    assert_eq!(
        change(&mut client, "PromoteReadReplica", "&BackupRetentionPeriod=36").1,
        "InvalidParameterValue"
    );
    assert_eq!(change(&mut client, "PromoteReadReplica", "&BackupRetentionPeriod=7").0, 200);
    assert_eq!(replica(&mut client)[2], "7");
    let (status, answer) =
        ask(&mut client, WEST, "PromoteReadReplica", "DBInstanceIdentifier=shop");
    assert_eq!((status, text(&answer, "Code")), (404, "DBInstanceNotFound"));
}

#[test]
fn backups_are_switched_on_at_once_only_when_that_is_asked() {
    let mut client = client(Outage::None);
    assert_eq!(change(&mut client, "ModifyDBInstance", "&BackupRetentionPeriod=7").0, 200);
    assert_eq!(replica(client.wait("10m")), ["available", SOURCE, "0"]);
    let now = "&BackupRetentionPeriod=7&ApplyImmediately=true";
    assert_eq!(change(&mut client, "ModifyDBInstance", now).0, 200);
    assert_eq!(replica(&mut client)[0], "modifying");
    assert_eq!(replica(client.wait("60s"))[0], "backing-up");
    assert_eq!(replica(client.wait("90s")), ["available", SOURCE, "7"]);
}

/// The last lag that the metric of an instance shows.
fn lag(client: &mut Client, region: &str, id: &str) -> Option<f64> {
    let instant = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (start, end) = (instant(client.now - Duration::from_mins(3)), instant(client.now));
    let form = format!(
        "Action=GetMetricStatistics&Version=2010-08-01&Namespace=AWS%2FRDS&MetricName=ReplicaLag&Dimensions.member.1.Name=DBInstanceIdentifier&Dimensions.member.1.Value={id}&StartTime={start}&EndTime={end}&Period=60&Statistics.member.1=Maximum"
    );
    let (status, answer) = client.query((region, "monitoring"), &form);
    assert_eq!(status, 200, "{answer}");
    let points = answer.find("Datapoints").unwrap().children.last()?;
    text(points, "Maximum").parse().ok()
}

#[test]
fn a_replica_falls_behind_a_source_that_is_out() {
    let mut client = client(Outage::None);
    assert_eq!(lag(&mut client, WEST, "shop-west"), Some(1.0));
    assert_eq!(lag(&mut client, EAST, "shop-east"), None);
    client.cloud().let_replica_lag(WEST, "shop-west", 40.0);
    let now = client.now;
    client.world.set_outage(Outage::Data, EAST, now).unwrap();
    client.wait("2m");
    assert_eq!(lag(&mut client, WEST, "shop-west"), Some(160.0));
    change(&mut client, "PromoteReadReplica", "");
    client.wait("5m");
    assert_eq!(lag(&mut client, WEST, "shop-west"), None);
}
