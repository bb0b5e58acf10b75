use super::*;
use crate::{model::Node, provider::testing::*};
use serde_json::json;

const SOURCE: &str = "arn:aws:rds:us-east-1:123456789012:db:orders";
const REPLICATES: &str = "<StatusInfos><DBInstanceStatusInfo><StatusType>read replication\
     </StatusType><Normal>true</Normal><Status>replicating</Status></DBInstanceStatusInfo></StatusInfos>";
const BROKEN: &str = "<StatusInfos><DBInstanceStatusInfo><StatusType>read replication</StatusType>\
     <Normal>false</Normal><Status>terminated</Status><Message>Replication stopped for 30 days</Message>\
     </DBInstanceStatusInfo></StatusInfos>";

fn instance(status: &str, backups: u32, more: &str) -> Outcome {
    ok(&format!(
        "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
         <DescribeDBInstancesResult><DBInstances><DBInstance>\
         <DBInstanceIdentifier>orders-west</DBInstanceIdentifier><Engine>mysql</Engine>\
         <DBInstanceStatus>{status}</DBInstanceStatus><PendingModifiedValues/>\
         <BackupRetentionPeriod>{backups}</BackupRetentionPeriod>{more}</DBInstance></DBInstances>\
         </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    ))
}

/// The same of a replica of `orders`.
fn replica(status: &str, backups: u32, more: &str) -> Outcome {
    let field = "ReadReplicaSourceDBInstanceIdentifier";
    instance(status, backups, &format!("<{field}>{SOURCE}</{field}>{more}"))
}

fn lag(points: &[(&str, i64)]) -> Outcome {
    let point = |(at, seconds): &(&str, i64)| {
        let at: Timestamp = at.parse().unwrap();
        json!({
            "Timestamp": at.as_second(),
            "Minimum": seconds,
            "Maximum": seconds,
            "Unit": "Seconds",
        })
    };
    let points: Vec<_> = points.iter().map(point).collect();
    ok(&json!({ "Label": "ReplicaLag", "Datapoints": points }).to_string())
}

fn script(replica: Outcome, lag: Outcome) -> Arc<Script> {
    Script::new()
        .on("POST DBInstanceIdentifier=orders-west", replica)
        .on("POST DBInstanceIdentifier=orders", instance("available", 7, ""))
        .on("POST GetMetricStatistics", lag)
}

fn with(mode: &str, more: &[(&str, Node)]) -> Node {
    let db = |name, region| node(&aws_resource("AWS::RDS::DBInstance", name, Some(region)));
    let mut with = Node::map([
        ("instance", db("orders-west", "us-west-2")),
        ("from", db("orders", "us-east-1")),
        ("mode", Node::text(mode)),
    ]);
    for (name, node) in more {
        with.set(name, node.clone());
    }
    with
}

fn promote(script: &Arc<Script>, mode: &str, more: &[(&str, Node)]) -> Arc<dyn Action> {
    (PROMOTE.bind)(&Params::new(&with(mode, more)), &script.clients()).unwrap()
}

fn backups(days: i64) -> (&'static str, Node) {
    ("backups", Node::made(crate::model::Value::Int(days)))
}

const LATELY: &str = "2026-11-20T10:01:00Z";

#[tokio::test]
async fn a_replica_misses_its_promotion_and_says_what_would_be_lost() {
    let points = [(LATELY, 12), ("2026-11-20T09:58:00Z", 3)];
    let script = script(replica("available", 7, REPLICATES), lag(&points))
        .on("POST PromoteReadReplica", ok("<PromoteReadReplicaResponse/>"));
    let action = promote(&script, "unplanned", &[]);
    let seen = action.observe(&look()).await.unwrap();
    let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
    assert_eq!(changes[0].says, "promote orders-west: it leaves orders for good");
    assert_eq!(changes[0].sign, Sign::CannotBeUndone);
    assert!(changes[0].is_harmful() && changes[0].stay_before.is_zero());
    assert_eq!(seen.evidence.data_loss(), Some(Duration::from_secs(12)));
    let shown = ["status", "source", "from_status", "replication", "backups", "lag_as_of"];
    let shown = shown.map(|name| seen.evidence.get(name).unwrap().to_string());
    assert_eq!(shown, ["available", "orders", "available", "replicating", "7", "10:01:00Z"]);
    assert_eq!(seen.serves, Serves::Region("us-east-1".into()));
    let asked = script.sent();
    let metric = r#""Namespace":"AWS/RDS","MetricName":"ReplicaLag","Dimensions":[{"Name":"DBInstanceIdentifier","Value":"orders-west"}]"#;
    assert!(asked[2].contains(metric), "{}", asked[2]);
    assert_eq!(script.request(2).uri().host(), Some("monitoring.us-west-2.amazonaws.com"));
}

#[tokio::test]
async fn a_promotion_keeps_backups_for_as_long_as_before() {
    let table = [
        (7, vec![], "&BackupRetentionPeriod=7"),
        (0, vec![backups(3)], "&BackupRetentionPeriod=3"),
        (0, vec![], ""),
    ];
    for (kept, more, sent) in table {
        let script = Script::new()
            .on("POST PromoteReadReplica", ok("<PromoteReadReplicaResponse/>"))
            .and(&script(replica("available", kept, REPLICATES), lag(&[])));
        apply_first(&promote(&script, "unplanned", &more)).await.unwrap();
        let expected = format!(
            "POST / Action=PromoteReadReplica&Version=2014-10-31&DBInstanceIdentifier=orders-west{sent}"
        );
        assert_eq!(script.sent().pop().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_lag_that_nobody_knows_is_a_loss_that_nobody_knows() {
    let table = [
        lag(&[]),
        lag(&[(LATELY, -1)]),
        lag(&[("2026-11-20T09:40:00Z", 0)]),
        aws_no(403, "AccessDenied"),
    ];
    for outcome in table {
        let script = script(replica("available", 7, REPLICATES), outcome);
        let seen = promote(&script, "unplanned", &[]).observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["promote"]);
        let unknown = Datum::Text("not known".to_owned());
        assert_eq!(seen.evidence.get(DATA_LOSS), Some(&unknown));
    }
}

#[tokio::test]
async fn a_planned_promotion_waits_until_nothing_lags() {
    let at_most = [("lag_at_most", Node::text("5m"))];
    let lags = "`orders-west` lags by 12 s, and a planned promotion takes 0 s";
    let unknown = "`orders-west` has no ReplicaLag in CloudWatch of the last 3 min";
    let broken = "`orders-west` does not replicate: terminated, Replication stopped for 30 days";
    let none = &[][..];
    let table = [
        ((LATELY, 0), REPLICATES, none, None),
        ((LATELY, 280), REPLICATES, &at_most, None),
        ((LATELY, 12), REPLICATES, none, Some(lags)),
        (("2026-11-20T09:59:00Z", 0), REPLICATES, none, Some(unknown)),
        ((LATELY, -1), REPLICATES, none, Some(unknown)),
        ((LATELY, 0), BROKEN, none, Some(broken)),
    ];
    for (point, info, more, why) in table {
        let script = script(replica("available", 7, info), lag(&[point]));
        let answer = promote(&script, "planned", more).observe(&look()).await.unwrap().answer;
        if let Some(why) = why.map(str::to_owned) {
            assert_eq!(answer, Answer::NotYet { why, look_again: LOOK_AGAIN });
        } else {
            let Answer::Missing(changes) = answer else { panic!("{answer:?}") };
            // What is seen by then was measured after the step began.
            assert_eq!(changes[0].stay_before, RECENT);
        }
    }
}

#[tokio::test]
async fn a_planned_promotion_turns_backups_on_first() {
    let modify = ok("<ModifyDBInstanceResponse/>");
    let script = Script::new()
        .on("POST Action=ModifyDBInstance", modify)
        .and(&script(replica("available", 0, REPLICATES), lag(&[(LATELY, 0)])));
    let action = promote(&script, "planned", &[backups(3)]);
    let seen = action.observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["backups", "promote"]);
    apply_first(&action).await.unwrap();
    let sent = "POST / Action=ModifyDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders-west\
                &BackupRetentionPeriod=3&ApplyImmediately=true";
    assert_eq!(script.sent().pop().unwrap(), sent);

    let pending = "<PendingModifiedValues><BackupRetentionPeriod>3</BackupRetentionPeriod></PendingModifiedValues>";
    let described = replica("available", 0, REPLICATES).unwrap();
    let body = String::from_utf8(described.body().to_vec()).unwrap();
    let body = body.replace("<PendingModifiedValues/>", pending);
    let script = self::script(ok(&body), lag(&[(LATELY, 0)]));
    let seen = promote(&script, "planned", &[backups(3)]).observe(&look()).await.unwrap();
    let why = "the backups of `orders-west` are being turned on".to_owned();
    assert_eq!(seen.answer, Answer::NotYet { why, look_again: LOOK_AGAIN });
}

#[tokio::test]
async fn the_answer_follows_the_status() {
    let not_yet = |status: &str| {
        let why = format!("`orders-west` is {status}");
        Answer::NotYet { why, look_again: LOOK_AGAIN }
    };
    let never = |why: &str| Answer::Never { why: format!("`orders-west` {why}") };
    let cluster = "<DBClusterIdentifier>aurora</DBClusterIdentifier>";
    let table = [
        (instance("available", 1, ""), Answer::AsDesired),
        (instance("backing-up", 1, ""), Answer::AsDesired),
        (instance("rebooting", 1, ""), not_yet("rebooting")),
        (replica("backing-up", 1, REPLICATES), not_yet("backing-up")),
        (replica("modifying", 1, REPLICATES), not_yet("modifying")),
        (replica("stopped", 1, REPLICATES), never("is stopped, and must be available first")),
        (
            replica("storage-full", 1, REPLICATES),
            never("is storage-full, and must be available first"),
        ),
        (
            instance("available", 1, cluster),
            never("is an instance of the cluster `aurora`, and is not promoted by itself"),
        ),
        (
            aws_no(404, "DBInstanceNotFound"),
            Answer::Never {
                why:
                    "there is no DB instance `orders-west` in us-west-2 in the account 123456789012"
                        .to_owned(),
            },
        ),
    ];
    for (outcome, expected) in table {
        let script = script(outcome, lag(&[(LATELY, 0)]));
        let seen = promote(&script, "unplanned", &[]).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, expected);
    }
}

#[tokio::test]
async fn a_replica_of_another_primary_is_left_alone() {
    let script = script(replica("available", 7, REPLICATES), lag(&[]));
    let other = aws_resource("AWS::RDS::DBInstance", "orders-2", Some("us-east-1"));
    let more = [("from", node(&other))];
    let seen = promote(&script, "unplanned", &more).observe(&look()).await.unwrap();
    let why = "`orders-west` is a replica of `orders`, not of `orders-2`".to_owned();
    assert_eq!(seen.answer, Answer::Never { why });
}

#[tokio::test]
async fn an_old_primary_that_cannot_be_asked_holds_nothing() {
    let script = Script::new()
        .on("POST DBInstanceIdentifier=orders-west", replica("available", 7, REPLICATES))
        .on("POST DBInstanceIdentifier=orders", unanswered())
        .on("POST GetMetricStatistics", lag(&[]));
    let seen = promote(&script, "unplanned", &[]).observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["promote"]);
    assert_eq!(seen.evidence.get("from_status"), Some(&Datum::Text("unknown".to_owned())));
}

#[tokio::test]
async fn the_mark_moves_with_the_source_and_the_status() {
    let mark = async |outcome| {
        let script = script(outcome, lag(&[]));
        let seen = promote(&script, "unplanned", &[]).observe(&look()).await.unwrap();
        match seen.answer {
            Answer::Missing(changes) => Some(changes[0].repeat.clone()),
            _ => None,
        }
    };
    let before = mark(replica("available", 7, REPLICATES)).await;
    assert_eq!(mark(replica("available", 7, REPLICATES)).await, before);
    assert_eq!(mark(replica("modifying", 7, REPLICATES)).await, None);
    let body = String::from_utf8(replica("available", 7, "").unwrap().body().to_vec()).unwrap();
    let moved = ok(&body.replace(SOURCE, "arn:aws:rds:eu-west-1:123456789012:db:orders"));
    assert_ne!(mark(moved).await, before);
}

#[tokio::test]
async fn a_replica_without_backups_is_told_of_beforehand() {
    let table = [(0, vec![], 1), (0, vec![backups(3)], 0), (7, vec![], 0)];
    for (kept, more, warnings) in table {
        let script = script(replica("available", kept, REPLICATES), lag(&[]))
            .on("POST GetCallerIdentity", aws_no(403, "AccessDenied"));
        let findings = promote(&script, "planned", &more).examine().await.split_off(1);
        assert_eq!(findings.len(), warnings, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.says.contains("sets `backups`")));
    }
}
