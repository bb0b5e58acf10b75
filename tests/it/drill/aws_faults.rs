//! What goes wrong on AWS, a row for each, and what becomes of a run that meets it.

use super::{by_hand::route53, refused::told, run::Drill};
use crate::{
    catalogue::{
        self,
        aws::{AWS, ROWS},
    },
    core::run::in_virtual_time,
};
use failover::{
    engine::Ending,
    run::Event,
    sim::{Breaker, Cloud, EndpointFault, Fault, Mishap, Simulated},
};
use http::StatusCode;
use std::{collections::BTreeSet, time::Duration};

const CHECK: &str = "0a1b2c3d-0000-4000-8000-000000000001";
const PANEL: &str =
    "arn:aws:route53-recovery-control::111122223333:controlpanel/1111222233334444555566667777888a";
const FIVE: [&str; 5] = [
    "host-a.us-east-1",
    "host-b.us-west-2",
    "host-c.eu-west-1",
    "host-d.ap-northeast-1",
    "host-e.ap-southeast-2",
];

/// What is out of order, or goes out of order while the run is under way.
enum Spoilt {
    /// The step names something else: these words in place of those.
    Step(&'static str, &'static str),
    /// Somebody has changed the world.
    World(fn(&Simulated)),
    /// Requests whose address has this part go wrong, from one to another of them.
    Calls(&'static str, [u32; 2], Mishap),
}

/// How a run ends.
enum Becomes {
    /// It does what it should all the same.
    Done,
    /// The same, once somebody has done what it asks for in these words.
    DoneOnce(&'static str),
    /// It fails, and these words are told. Nothing was changed.
    FailsUntouched(&'static str),
    /// It fails after something was changed, and these words are told.
    Fails(&'static str),
    /// It goes on for as long as AWS does, and says that it is late.
    Holds(&'static str),
}
use Becomes::{Done, DoneOnce, Fails, FailsUntouched, Holds};
use Spoilt::{Calls, Step, World};

/// Longer than any step may take.
const A_DAY: Duration = Duration::from_hours(24);

struct Row {
    /// The action of the catalogue whose step it is.
    kind: &'static str,
    spoilt: Spoilt,
    becomes: Becomes,
}

const fn row(kind: &'static str, spoilt: Spoilt, becomes: Becomes) -> Row {
    Row { kind, spoilt, becomes }
}

fn change(cloud: &Simulated, change: impl FnOnce(&mut Cloud)) {
    cloud.with_world(|world| change(world.cloud_mut()));
}

/// Sets a member of the health check.
fn set_check(cloud: &Simulated, member: &str) {
    let body = format!("<UpdateHealthCheckRequest>{member}</UpdateHealthCheckRequest>");
    route53(cloud, &format!("healthcheck/{CHECK}"), &body);
}

fn let_endpoints_fail(cloud: &Simulated, endpoints: &[&str], fault: EndpointFault) {
    for endpoint in endpoints {
        let host = format!("{endpoint}.cluster.routing-control.amazonaws.com");
        change(cloud, |cloud| cloud.let_endpoint_fail(&host, fault));
    }
}

const THROTTLED: Mishap = Mishap::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after: None };
const LOGIN: &str = "sign in again (`aws sso login`";
const EXPIRED: Mishap = Mishap::Status { code: StatusCode::UNAUTHORIZED, retry_after: None };

/// What is not there.
fn absent() -> Vec<Row> {
    vec![
        row(
            "aws.stop.trigger",
            Step("shop-failover", "shop-fail-over"),
            FailsUntouched("there is no alarm"),
        ),
        row(
            "aws.stop.trigger",
            Step("${{ vars.zone }}", "Z0NOBODY"),
            FailsUntouched("there is no hosted zone `Z0NOBODY`"),
        ),
        row(
            "aws.stop.trigger",
            Step("${{ vars.check }}", "0a1b2c3d-0000-4000-8000-00000000000f"),
            FailsUntouched("00000000000f"),
        ),
        row(
            "aws.route53.health_check",
            Step("${{ vars.check }}", "0a1b2c3d-0000-4000-8000-00000000000f"),
            FailsUntouched("00000000000f"),
        ),
        row(
            "aws.route53.records",
            Step("${{ vars.zone }}", "Z0NOBODY"),
            FailsUntouched("there is no hosted zone `Z0NOBODY`"),
        ),
        row(
            "aws.route53.failover_pair",
            Step("${{ vars.zone }}", "Z0NOBODY"),
            FailsUntouched("there is no hosted zone `Z0NOBODY`"),
        ),
        row(
            "aws.route53.shift",
            Step("${{ vars.zone }}", "Z0NOBODY"),
            FailsUntouched("there is no hosted zone `Z0NOBODY`"),
        ),
        row(
            "aws.ecs.scale",
            Step("'${{ to.service }}'", "{ name: shop/nobody, region: us-west-2 }"),
            FailsUntouched("shop/nobody"),
        ),
        row(
            "aws.autoscaling.capacity",
            Step("'${{ to.group }}'", "{ name: nobody, region: us-west-2 }"),
            FailsUntouched("nobody"),
        ),
        row(
            "aws.rds.promote",
            Step("'${{ to.database }}'", "{ name: nobody, region: us-west-2 }"),
            FailsUntouched("nobody"),
        ),
        row(
            "aws.elb.weights",
            Step(
                "app/web/0123456789abcdef/fedcba9876543210",
                "app/web/0123456789abcdef/0000000000000000",
            ),
            FailsUntouched("0000000000000000"),
        ),
        row(
            "aws.ecs.scale",
            World(|cloud| change(cloud, |cloud| cloud.delete_service("us-west-2", "shop/web"))),
            FailsUntouched("INACTIVE"),
        ),
    ]
}

/// What is wired wrongly.
fn miswired() -> Vec<Row> {
    vec![
        row(
            "aws.stop.trigger",
            Step("namespace: StopPattern", "namespace: StopPatten"),
            FailsUntouched("watches StopPattern"),
        ),
        row(
            "aws.stop.trigger",
            World(|cloud| set_check(cloud, "<Disabled>true</Disabled>")),
            FailsUntouched("disabled"),
        ),
        row(
            "aws.stop.trigger",
            World(|cloud| set_check(cloud, "<Inverted>true</Inverted>")),
            FailsUntouched("inverted"),
        ),
        row(
            "aws.route53.health_check",
            World(|cloud| set_check(cloud, "<Disabled>true</Disabled>")),
            FailsUntouched("disabled"),
        ),
        row(
            "aws.stop.trigger",
            Step("record: shop.example.com", "record: www.shop.example.com"),
            FailsUntouched("0 PRIMARY"),
        ),
    ]
}

/// What AWS refuses, or never gets done.
fn refused() -> Vec<Row> {
    vec![
        row(
            "aws.route53.records",
            World(|cloud| {
                change(cloud, |cloud| {
                    cloud.protect_record(
                        "Z0SHOPEXAMPLE",
                        "api.shop.example.com",
                        "CNAME",
                        "frozen",
                    );
                });
            }),
            FailsUntouched("frozen"),
        ),
        row(
            "aws.route53.records",
            World(|cloud| change(cloud, |cloud| cloud.stall_zone("Z0SHOPEXAMPLE"))),
            Holds("is PENDING: not every name server has it; that is longer than its timeout"),
        ),
        row(
            "aws.stop.trigger",
            Calls("?PutMetricData", [1, 500], Mishap::Pretend),
            FailsUntouched("it never showed"),
        ),
        row(
            "aws.arc.routing_control",
            World(|cloud| {
                let control = |cell| format!("{PANEL}/routingcontrol/{cell}");
                let [on, gate] = ["2222222222222222", "3333333333333333"].map(control);
                change(cloud, |cloud| {
                    cloud.gate_routing_controls(&gate, &[&on]);
                });
            }),
            FailsUntouched("does not allow these states"),
        ),
        row(
            "aws.ecs.scale",
            World(|cloud| {
                change(cloud, |cloud| {
                    cloud.let_deployment_fail("us-west-2", "shop/web", Breaker::RollsBack);
                });
            }),
            Fails("circuit breaker"),
        ),
        row(
            "aws.autoscaling.capacity",
            World(|cloud| {
                change(cloud, |cloud| cloud.suspend_process("us-west-2", "web", "Launch"));
            }),
            FailsUntouched("Launch"),
        ),
    ]
}

/// The five endpoints.
fn endpoints() -> Vec<Row> {
    vec![
        row(
            "aws.arc.routing_control",
            World(|cloud| let_endpoints_fail(cloud, &FIVE[..1], EndpointFault::Hangs)),
            Done,
        ),
        row(
            "aws.arc.routing_control",
            World(|cloud| let_endpoints_fail(cloud, &FIVE[..4], EndpointFault::Hangs)),
            Done,
        ),
        row(
            "aws.arc.routing_control",
            World(|cloud| let_endpoints_fail(cloud, &FIVE, EndpointFault::Hangs)),
            FailsUntouched("endpoint"),
        ),
    ]
}

/// Busy, broken off, signed out.
fn disturbed() -> Vec<Row> {
    vec![
        row("aws.stop.trigger", Calls("amazonaws.com", [1, 4], THROTTLED), Done),
        row("aws.stop.trigger", Calls("?DescribeAlarms", [2, 2], Mishap::CutOff), Done),
        row("aws.route53.records", Calls("/rrset", [1, 1], Mishap::CutOff), Done),
        row("aws.ecs.scale", Calls("?UpdateService", [1, 1], Mishap::CutOff), Done),
        row("aws.rds.promote", Calls("?PromoteReadReplica", [1, 1], Mishap::CutOff), Done),
        row("aws.ecs.scale", Calls("amazonaws.com", [3, 40], EXPIRED), DoneOnce(LOGIN)),
        row("aws.rds.promote", Calls("amazonaws.com", [4, 60], EXPIRED), DoneOnce(LOGIN)),
        row("aws.ecs.scale", Calls("?UpdateService", [1, 30], EXPIRED), DoneOnce(LOGIN)),
    ]
}

fn rows() -> impl Iterator<Item = Row> {
    [absent(), miswired(), refused(), endpoints(), disturbed()].into_iter().flatten()
}

#[test]
fn whatever_goes_wrong_on_aws_is_met() {
    for (number, row) in rows().enumerate() {
        let step = ROWS.iter().find(|known| known.kind == row.kind).unwrap().step;
        let world = in_virtual_time(async {
            let drill = AWS.drill(step);
            if let World(spoil) = &row.spoilt {
                spoil(&drill.cloud);
            }
            drill.cloud.with_world(|world| world.cloud().clone())
        });
        let (old, new) = if let Step(old, new) = row.spoilt { (old, new) } else { ("", "") };
        assert!(step.contains(old), "{old}");
        let plan = AWS.plan(&step.replace(old, new));
        in_virtual_time(async {
            let drill = Drill::within(world, plan);
            if let Calls(path, [first, last], mishap) = &row.spoilt {
                for nth in *first..=*last {
                    let (path, mishap) = ((*path).to_owned(), mishap.clone());
                    drill.cloud.fault(Fault { method: None, path, nth, mishap });
                }
            }
            let ending = tokio::select! {
                ending = drill.process() => ending,
                () = drill.clock.sleep(A_DAY) => None,
            };
            let story = format!("row {number}, {}\n{}", row.kind, drill.story());
            let changed = drill.cloud.log().iter().any(|exchange| exchange.has_changed);
            match row.becomes {
                Done | DoneOnce(_) => {
                    assert_eq!(ending, Some(Ending::Done), "{story}");
                    assert_eq!(drill.harm()[1], usize::from(row.kind == "aws.rds.promote"));
                    let told = format!("{:?}", drill.events.lock().unwrap());
                    let asks = if let DoneOnce(asks) = row.becomes { asks } else { "" };
                    assert!(told.contains(asks), "{story}");
                }
                FailsUntouched(why) | Fails(why) => {
                    assert_eq!(ending, Some(Ending::Failed), "{story}");
                    let told = told(&drill, Ending::Failed);
                    assert!(told.contains(why), "{told}\n{story}");
                    assert_eq!(changed, matches!(row.becomes, Fails(_)), "{story}");
                }
                Holds(why) => {
                    assert_eq!(ending, None, "{story}");
                    let events = drill.events.lock().unwrap();
                    let tells = |event: &Event| matches!(event, Event::Progress { says, .. } if says.contains(why));
                    assert!(events.iter().any(tells), "{:?}\n{story}", events.last());
                }
            }
        });
    }
}

/// Each thing that a run asks of AWS.
fn asked(row: &catalogue::rows::Row) -> BTreeSet<String> {
    in_virtual_time(async {
        let drill = AWS.drill(row.step);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        let log = drill.cloud.log().into_iter().filter(|one| one.host.ends_with("amazonaws.com"));
        log.map(|one| {
            let path = one.path_and_query.split('?').next().unwrap_or_default().to_owned();
            format!("{path}?{}", one.operation.unwrap_or_default())
        })
        .collect()
    })
}

#[test]
fn every_action_gets_there_when_each_call_is_throttled() {
    for row in &ROWS {
        let asked = asked(row);
        assert!(asked.len() > 1, "{}: {asked:?}", row.kind);
        in_virtual_time(async {
            let drill = AWS.drill(row.step);
            for (path, nth) in asked.iter().flat_map(|path| [(path, 1), (path, 2)]) {
                let (path, mishap) = (path.clone(), THROTTLED);
                drill.cloud.fault(Fault { method: None, path, nth, mishap });
            }
            let ending = drill.process().await;
            assert_eq!(ending, Some(Ending::Done), "{}\n{}", row.kind, drill.story());
        });
    }
}
