//! A row for each action on AWS that changes something.

use super::rows::{Deed, Ground, Row, SWAPPED};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// Every row stands in the world that its own step expects.
pub const AWS: Ground = Ground {
    head: r#"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
aws: { account: "111122223333" }
regions:
  us-east-1:
    service: shop/web
    group: web
    database: shop-east
    host: web-111.us-east-1.elb.amazonaws.com
    endpoint: https://primary.shop.example.com/
    cell: 1111111111111111
  us-west-2:
    service: shop/web
    group: web
    database: shop-west
    host: web-222.us-west-2.elb.amazonaws.com
    endpoint: https://standby.shop.example.com/
    cell: 2222222222222222
vars:
  zone: Z0SHOPEXAMPLE
  check: 0a1b2c3d-0000-4000-8000-000000000001
  elb: arn:aws:elasticloadbalancing:us-west-2:111122223333
  controls: arn:aws:route53-recovery-control::111122223333:controlpanel/1111222233334444555566667777888a/routingcontrol
  endpoints:
    us-east-1: https://host-a.us-east-1.cluster.routing-control.amazonaws.com/v1
    us-west-2: https://host-b.us-west-2.cluster.routing-control.amazonaws.com/v1
    eu-west-1: https://host-c.eu-west-1.cluster.routing-control.amazonaws.com/v1
    ap-northeast-1: https://host-d.ap-northeast-1.cluster.routing-control.amazonaws.com/v1
    ap-southeast-2: https://host-e.ap-southeast-2.cluster.routing-control.amazonaws.com/v1
steps:
"#,
    way: ["us-east-1", "us-west-2"],
    world: |plan| Drill::new(plan, Outage::None),
};

const FEWER: &[(&str, &str)] = &[("4", "1"), ("exactly: false", "exactly: true")];

fn delete_replica(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().delete_database("us-west-2", "shop-west"));
}

pub const ROWS: [Row; 12] = [
    Row {
        ground: &AWS,
        kind: "aws.stop.trigger",
        scene: Deed::Nothing,
        step: r"
  - id: stop
    action: aws.stop.trigger
    with:
      alarm: { name: shop-failover, region: us-west-2 }
      namespace: StopPattern
      metric: FailoverToSecondary
      dimensions: { service: shop }
      health_check: ${{ vars.check }}
      zone: ${{ vars.zone }}
      record: shop.example.com
      standby: us-west-2
      from: ${{ from.name }}
      to: ${{ to.name }}
      probe: ${{ to.endpoint }}
      url: https://shop.example.com/
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.cloudwatch.metric",
        scene: Deed::Nothing,
        step: r"
  - id: metric
    action: aws.cloudwatch.metric
    with: { region: '${{ to.name }}', namespace: Shop, metric: Failover, value: 1 }
",
        back: Deed::Instead(&[("value: 1", "value: 0")]),
    },
    Row {
        ground: &AWS,
        kind: "aws.route53.health_check",
        scene: Deed::Nothing,
        step: r"
  - id: check
    action: aws.route53.health_check
    with: { health_check: '${{ vars.check }}', inverted: true, want: unhealthy }
",
        back: Deed::Instead(&[("true", "false"), ("unhealthy", "healthy")]),
    },
    Row {
        ground: &AWS,
        kind: "aws.route53.records",
        scene: Deed::Nothing,
        step: r"
  - id: records
    action: aws.route53.records
    with:
      zone: ${{ vars.zone }}
      changes:
        www.shop.example.com: { type: CNAME, value: '${{ to.host }}', ttl: 60s }
        api.shop.example.com: { type: CNAME, value: '${{ to.host }}', ttl: 60s }
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.route53.failover_pair",
        // The simulated pair stands as its step wants it.
        scene: Deed::Instead(SWAPPED),
        step: r"
  - id: pair
    action: aws.route53.failover_pair
    with:
      zone: ${{ vars.zone }}
      record: shop.example.com
      primary: ${{ from.host }}
      secondary: ${{ to.host }}
      health_check: ${{ vars.check }}
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.route53.shift",
        scene: Deed::Nothing,
        step: r"
  - id: shift
    action: aws.route53.shift
    with: { zone: '${{ vars.zone }}', record: shop.example.com, from: '${{ from.name }}', to: '${{ to.name }}' }
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.arc.routing_control",
        scene: Deed::Nothing,
        step: r"
  - id: routing
    action: aws.arc.routing_control
    with:
      endpoints: ${{ vars.endpoints }}
      on: ${{ vars.controls }}/${{ to.cell }}
      off: ${{ vars.controls }}/${{ from.cell }}
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.ecs.scale",
        scene: Deed::Nothing,
        step: r"
  - id: tasks
    action: aws.ecs.scale
    with: { service: '${{ to.service }}', count: 4, minimum: 4, exactly: false }
",
        back: Deed::Instead(FEWER),
    },
    Row {
        ground: &AWS,
        kind: "aws.elb.weights",
        scene: Deed::Nothing,
        step: r"
  - id: weights
    action: aws.elb.weights
    with:
      listener: ${{ vars.elb }}:listener/app/web/0123456789abcdef/fedcba9876543210
      from: ${{ vars.elb }}:targetgroup/web/${{ from.cell }}
      to: ${{ vars.elb }}:targetgroup/web/${{ to.cell }}
      stages: [25, 50]
",
        back: Deed::Instead(SWAPPED),
    },
    Row {
        ground: &AWS,
        kind: "aws.elb.fixed_response",
        scene: Deed::Nothing,
        step: r"
  - id: page
    action: aws.elb.fixed_response
    with:
      listener: ${{ vars.elb }}:listener/app/web/0123456789abcdef/fedcba9876543210
      on: true
      text: Back in an hour
",
        back: Deed::Instead(&[("on: true", "on: false"), ("text: Back in an hour", "")]),
    },
    Row {
        ground: &AWS,
        kind: "aws.autoscaling.capacity",
        scene: Deed::Nothing,
        step: r"
  - id: instances
    action: aws.autoscaling.capacity
    with: { group: '${{ to.group }}', desired: 4, min: 4, max: 4, exactly: false }
",
        back: Deed::Instead(FEWER),
    },
    Row {
        ground: &AWS,
        kind: "aws.rds.promote",
        scene: Deed::Nothing,
        step: r"
  - id: promote
    confirm: Now?
    action: aws.rds.promote
    with: { instance: '${{ to.database }}', from: '${{ from.database }}', backups: 7, lag_at_most: 5s }
",
        back: Deed::ByHand(delete_replica),
    },
];
