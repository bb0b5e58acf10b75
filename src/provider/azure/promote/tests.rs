use super::{
    super::postgres::sample::{SERVERS, metric, replicas, server, setting},
    *,
};
use crate::provider::testing::*;
use crate::{action::Weight, model::Node};

const KIND: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

fn promote(script: &Arc<Script>, style: &str, mode: &str) -> Arc<dyn Action> {
    let with = [
        ("server", node(&resource(KIND, "pg-westus", Some("westus")))),
        ("from", node(&resource(KIND, "pg-eastus", Some("eastus")))),
        ("style", Node::text(style)),
        ("mode", Node::text(mode)),
    ];
    bound(&PROMOTE, script, with)
}

fn pair(to: &str, from: &str) -> Arc<Script> {
    let source = |role: &str, other| if role.contains("Replica") { Some(other) } else { None };
    let west = server("pg-westus", to, source(to, "pg-eastus"));
    let east = server("pg-eastus", from, source(from, "pg-westus"));
    Script::new()
        .on("GET /pg-westus?", ok(&west.to_string()))
        .on("GET /pg-eastus?", ok(&east.to_string()))
        .on("GET /default_transaction_read_only?", ok(&setting(READ_ONLY, "off")))
        .on("GET /pg-eastus/replicas", ok(&replicas(west, "Active")))
        .on("GET _in_seconds", ok(&metric("2026-11-20T10:00:00Z", 30.0)))
        .on("GET _in_bytes", ok(&metric("2026-11-20T10:00:00Z", 312_000.0)))
}

#[tokio::test]
async fn a_replica_misses_its_promotion_and_says_what_would_be_lost() {
    let script = pair("GeoAsyncReplica", "Primary");
    let seen = promote(&script, "switchover", "unplanned").observe(&look()).await.unwrap();
    let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
    assert_eq!(changes[0].says, "promote pg-westus, switchover, forced");
    assert!(changes[0].is_harmful());
    let shown = |name: &str| seen.evidence.get(name).unwrap().to_string();
    assert_eq!(shown("lag_bytes"), "312 kB");
    assert_eq!(shown("lag_as_of"), "10:00:00Z");
    assert_eq!(shown("replication"), "Active");
    assert_eq!(seen.evidence.data_loss(), Some(Duration::from_secs(30)));
    assert_eq!(seen.serves, Serves::Region("eastus".into()));
}

#[tokio::test]
async fn the_answer_follows_the_roles() {
    let table = [
        ("switchover", "Primary", "GeoAsyncReplica", "AsDesired", Serves::Region("westus".into())),
        ("switchover", "Primary", "Primary", "Never", Serves::Nobody),
        ("switchover", "None", "Primary", "Never", Serves::Nobody),
        ("standalone", "None", "Primary", "AsDesired", Serves::NoRole),
    ];
    for (style, to, from, expected, serves) in table {
        let script = pair(to, from).on("GET /pg-westus/replicas", ok(r#"{"value":[]}"#));
        let seen = promote(&script, style, "unplanned").observe(&look()).await.unwrap();
        assert!(
            format!("{:?}", seen.answer).starts_with(expected),
            "{style} {to} {from}: {seen:?}"
        );
        assert_eq!(seen.serves, serves);
    }
}

#[tokio::test]
async fn an_old_primary_that_cannot_be_asked_holds_nothing() {
    let west = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
    let lost = |west: &Value| {
        Script::new()
            .on("GET /pg-westus?", ok(&west.to_string()))
            .on("GET pg-westus/providers", ok(r#"{"value":[]}"#))
            .on("GET pg-westus/configurations/", ok(&setting(READ_ONLY, "off")))
            .on("GET pg-eastus", unanswered())
    };
    let seen = promote(&lost(&west), "switchover", "unplanned").observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["promote"]);
    assert_eq!(seen.evidence.get(DATA_LOSS), Some(&not_known()), "no metrics");
    let west = server("pg-westus", "Primary", None);
    let seen = promote(&lost(&west), "switchover", "unplanned").observe(&look()).await.unwrap();
    assert_eq!(seen.answer, Answer::AsDesired);
    assert_eq!(seen.serves, Serves::Region("westus".into()));
}

#[tokio::test]
async fn the_source_is_named_only_when_azure_asks_for_it() {
    let missing = r#"{"error":{"code":"MissingRequiredParameter","message":"'properties.sourceServerResourceId' must be specified"}}"#;
    let operation = ("azure-asyncoperation", "https://management.azure.com/op");
    let script = pair("GeoAsyncReplica", "Primary")
        .on("PATCH pg-westus", answer(400, &[], missing))
        .on("PATCH pg-westus", answer(202, &[operation], r#"{"operation":"X"}"#));
    let applied = apply_first(&promote(&script, "switchover", "planned")).await;
    assert!(matches!(applied, Ok(Applied::Accepted { .. })), "{applied:?}");
    let replica =
        r#""replica":{"role":"Primary","promoteMode":"switchover","promoteOption":"planned"}"#;
    let sent = script.changes();
    assert!(sent[0].ends_with(&format!(r#"{{"properties":{{{replica}}}}}"#)), "{}", sent[0]);
    let source = format!(r#""sourceServerResourceId":"{SERVERS}/pg-eastus""#);
    assert!(
        sent[1].ends_with(&format!(r#"{{"properties":{{{replica},{source}}}}}"#)),
        "{}",
        sent[1]
    );
}

#[tokio::test]
async fn standing_alone_needs_no_role() {
    let script = pair("GeoAsyncReplica", "Primary").on("PATCH pg-westus", answer(202, &[], ""));
    apply_first(&promote(&script, "standalone", "unplanned")).await.unwrap();
    assert!(
        script.changes()[0]
            .contains(r#"{"role":"None","promoteMode":"standalone","promoteOption":"forced"}"#)
    );
}

#[tokio::test]
async fn a_server_that_would_come_up_read_only_is_made_writable_first() {
    let script = Script::new()
        .on("GET /default_transaction_read_only?", ok(&setting(READ_ONLY, "on")))
        .on("PATCH /default_transaction_read_only?", answer(202, &[], ""));
    let other = pair("GeoAsyncReplica", "Primary");
    let script = script.and(&other);
    let action = promote(&script, "switchover", "unplanned");
    let seen = action.observe(&look()).await.unwrap();
    assert_eq!(missing(&seen.answer), ["writable", "promote"]);
    apply_first(&action).await.unwrap();
    let sent = script.changes();
    assert!(sent[0].contains("/pg-westus/configurations/default_transaction_read_only?"));
    assert!(sent[0].contains(r#""value":"off""#), "{}", sent[0]);
    // It was this change that settled, and not the promotion.
    let mut look = look();
    look.settled = vec![crate::model::ChangeId::new(WRITABLE)];
    let both = pair("Primary", "Primary").on("GET /pg-westus/replicas", ok(EMPTY));
    let answer = promote(&both, "switchover", "unplanned").observe(&look).await.unwrap().answer;
    assert!(matches!(answer, Answer::Never { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_holds_up_a_planned_run_only() {
    for (mode, goes_on) in [("planned", false), ("unplanned", true)] {
        let script = Script::new()
            .on("GET /default_transaction_read_only?", no(500, "InternalServerError"))
            .and(&pair("GeoAsyncReplica", "Primary"));
        let seen = promote(&script, "switchover", mode).observe(&look()).await;
        assert_eq!(seen.is_ok(), goes_on, "{mode}: {seen:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_out_of_service_is_not_waited_for() {
    let table = [
        ("planned", "Stopped", "Ready", "Never"),
        ("unplanned", "Disabled", "Ready", "Never"),
        ("planned", "Ready", "Stopped", "Never"),
        ("unplanned", "Ready", "Stopped", "Missing"),
        ("planned", "Updating", "Ready", "NotYet"),
        ("planned", "Ready", "Starting", "NotYet"),
    ];
    for (mode, to, from, expected) in table {
        let mut west = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
        let mut east = server("pg-eastus", "Primary", None);
        west["properties"]["state"] = json!(to);
        east["properties"]["state"] = json!(from);
        let script = Script::new()
            .on("GET /pg-westus?", ok(&west.to_string()))
            .on("GET /pg-eastus?", ok(&east.to_string()))
            .and(&pair("GeoAsyncReplica", "Primary"));
        let seen = promote(&script, "switchover", mode).observe(&look()).await.unwrap();
        let answer = format!("{:?}", seen.answer);
        assert!(answer.starts_with(expected), "{mode} {to} {from}: {answer}");
    }
}

const EMPTY: &str = r#"{"value":[]}"#;

/// What is found beforehand of these two, whose replication stands so.
async fn found(mode: &str, west: &Value, state: &str, settings: [String; 2]) -> Vec<Finding> {
    let mut east = server("pg-eastus", "Primary", None);
    east["properties"]["highAvailability"] = json!({ "mode": "ZoneRedundant" });
    let [own, old] = settings.map(|one| format!(r#"{{"value":[{one}]}}"#));
    let script = Script::new()
        .on("GET /resourceGroups/rg?", ok("{}"))
        .on("GET Microsoft.Authorization", answer(403, &[], ""))
        .on("GET /pg-westus?", ok(&west.to_string()))
        .on("GET /pg-eastus?", ok(&east.to_string()))
        .on("GET /configurations/default", ok(&setting(READ_ONLY, "off")))
        .on("GET /pg-westus/configurations?", ok(&own))
        .on("GET /pg-eastus/configurations?", ok(&old))
        .on("GET /virtualendpoints", ok(EMPTY))
        .on("GET /replicas", ok(&replicas(west.clone(), state)));
    promote(&script, "switchover", mode).examine().await
}

#[tokio::test]
async fn what_a_switchover_needs_is_looked_for_beforehand() {
    let mut small = server("pg-westus", "GeoAsyncReplica", Some("pg-eastus"));
    small["sku"]["name"] = json!("Standard_D2ds_v5");
    let settings = || {
        let old = [setting("max_connections", "500"), setting("work_mem", "8192")];
        [setting("max_connections", "859"), old.join(",")]
    };
    // Unequal servers hinder a forced switchover only while the old primary is up.
    let table = [
        ("planned", "Active", [3, 2]),
        ("unplanned", "Active", [3, 2]),
        ("unplanned", "Broken", [1, 4]),
        ("planned", "Catchup", [4, 2]),
    ];
    for (mode, state, expected) in table {
        let findings = found(mode, &small, state, settings()).await;
        let count = |weight| findings.iter().filter(|f| f.weight == weight).count();
        let counts = [Weight::Blocker, Weight::Warning].map(count);
        assert_eq!(counts, expected, "{mode} {state}: {findings:#?}");
        for says in ["differ in size", "differ in max_connections", "work_mem of", "high avail"] {
            assert!(findings.iter().any(|f| f.says.contains(says)), "{says}: {findings:#?}");
        }
    }
}
