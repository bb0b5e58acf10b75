//! What a plan's world is before a run, and what of it is kept.

use super::*;
use serde_json::json;

const SERVICE: &str = "AWS::ECS::Service";
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const DB: &str = "AWS::RDS::DBInstance";
const PANEL: &str =
    "arn:aws:route53-recovery-control::111122223333:controlpanel/abc/routingcontrol";

/// A plan that names one of everything in either region.
fn everything(from: &str, to: &str) -> Plan {
    let scale = Node::map([
        ("count", number(4)),
        ("min", number(2)),
        ("max", number(8)),
        ("desired", number(4)),
        ("on", Node::text(format!("{PANEL}/{to}"))),
        ("off", Node::text(format!("{PANEL}/{from}"))),
        ("database", Node::text("shop")),
    ]);
    let touches = [SERVICE, GROUP, DB].map(|kind| [(kind, "shop", EAST), (kind, "shop", WEST)]);
    let mut promote = step(scale, &touches.concat());
    if let Work::Action(work) = &mut promote.work {
        work.action = "aws.rds.promote".into();
    }
    Plan { from: from.into(), to: to.into(), ..plan(vec![promote]) }
}

/// How many tasks and instances a region runs, whether its database is a replica, and whether it is turned on.
fn region(client: &mut Client, region: &str) -> (u64, usize, bool, String) {
    let asked = json!({ "services": ["shop"] });
    let shown = client
        .json_to((region, "ecs"), "AmazonEC2ContainerServiceV20141113.DescribeServices", &asked)
        .1;
    let tasks = shown["services"][0]["runningCount"].as_u64().unwrap();
    let (_, groups) = client.query((region, "autoscaling"), "Action=DescribeAutoScalingGroups");
    let instances = groups.find("Instances").unwrap().children.len();
    let (_, databases) = client.query((region, "rds"), "Action=DescribeDBInstances");
    let is_replica = databases.find("ReadReplicaSourceDBInstanceIdentifier").is_some();
    let asked = json!({ "RoutingControlArn": format!("{PANEL}/{region}") });
    let get = "ToggleCustomerAPI.GetRoutingControlState";
    let control = client.json_to((region, "route53-recovery-cluster"), get, &asked).1;
    (tasks, instances, is_replica, control["RoutingControlState"].as_str().unwrap().to_owned())
}

#[test]
fn the_region_that_is_left_is_active_whichever_it_is() {
    let (active, standby) = ((4, 4, false, "On".to_owned()), (1, 1, true, "Off".to_owned()));
    for (from, to) in [(EAST, WEST), (WEST, EAST)] {
        let cloud = Cloud::seeded(&everything(from, to), Outage::None, start());
        let mut client = Client::of(cloud);
        assert_eq!(region(&mut client, from), active, "{from}");
        assert_eq!(region(&mut client, to), standby, "{to}");
    }
}

#[test]
fn a_world_that_is_opened_again_goes_on_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::seeded(&everything(EAST, WEST), Outage::None, start());
    let world = World::create(folder.path(), cloud).unwrap();
    let mut client = Client { world, now: start() };
    let asked = json!({ "service": "shop", "desiredCount": 4 });
    client.json("ecs", "AmazonEC2ContainerServiceV20141113.UpdateService", &asked);
    client.wait("10s");
    let form = "Action=UpdateAutoScalingGroup&AutoScalingGroupName=shop&MinSize=3&MaxSize=3";
    assert_eq!(client.query((WEST, "autoscaling"), form).0, 200);
    let form = "Action=PromoteReadReplica&DBInstanceIdentifier=shop";
    assert_eq!(client.query((WEST, "rds"), form).0, 200);
    let flip = json!({ "UpdateRoutingControlStateEntries": [
        { "RoutingControlArn": format!("{PANEL}/{EAST}"), "RoutingControlState": "Off" },
        { "RoutingControlArn": format!("{PANEL}/{WEST}"), "RoutingControlState": "On" },
    ] });
    client.json("route53-recovery-cluster", "ToggleCustomerAPI.UpdateRoutingControlStates", &flip);
    let mut again = Client { world: World::open(folder.path()).unwrap(), now: client.now };
    for length in ["20s", "1m", "10m"] {
        let states = [&mut client, &mut again]
            .map(|client| serde_json::to_value(client.wait(length).cloud()).unwrap());
        assert_eq!(states[0], states[1], "{length}");
    }
    assert_eq!(region(&mut again, WEST), (4, 3, false, "On".to_owned()));
}
