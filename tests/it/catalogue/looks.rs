//! The actions that only wait for what a cloud, a server or a name server shows.

use super::{
    aws::AWS, done, kubernetes::KUBERNETES, postgres::POSTGRES, redis::REDIS, rows::Ground,
};
use crate::{core::run::in_virtual_time, drill::run::Drill};
use failover::{
    engine::{Checked, Ending},
    run::StepOutcome,
    sim::Outage,
};

/// A step that waits, and a word of it in place of which another one lets it wait for ever.
pub(super) struct Look {
    pub kind: &'static str,
    ground: &'static Ground,
    step: &'static str,
    instead: [&'static str; 2],
    outage: Outage,
}

/// Two servers of which only their ports are known.
const PORTS: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
regions:
  east: { door: 'east.example.com:8443' }
  west: { door: 'west.example.com:8443' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

pub(super) const LOOKS: [Look; 8] = [
    Look {
        kind: "aws.cloudwatch.alarm",
        ground: &AWS,
        step: r"
  - id: look
    action: aws.cloudwatch.alarm
    with: { alarm: { name: shop-failover, region: us-west-2 }, state: OK, for: 2m }
    timeout: 5m
",
        instead: ["OK", "ALARM"],
        outage: Outage::None,
    },
    Look {
        kind: "aws.elb.targets",
        ground: &AWS,
        step: r"
  - id: look
    action: aws.elb.targets
    with: { group: '${{ vars.elb }}:targetgroup/web/${{ to.cell }}', healthy: 1 }
    timeout: 5m
",
        instead: ["healthy: 1", "healthy: 99"],
        outage: Outage::None,
    },
    Look {
        kind: "kubernetes.rollout",
        ground: &KUBERNETES,
        step: r"
  - id: look
    action: kubernetes.rollout
    with: { deployment: '${{ to.cluster }}/shop/web' }
    timeout: 5m
",
        // The API server of the region that is left does not answer.
        instead: ["to.cluster", "from.cluster"],
        outage: Outage::Data,
    },
    Look {
        kind: "kubernetes.pods_ready",
        ground: &KUBERNETES,
        step: r"
  - id: look
    action: kubernetes.pods_ready
    with: { namespace: '${{ to.cluster }}/shop', labels: { app: web }, ready: 2 }
    timeout: 5m
",
        instead: ["ready: 2", "ready: 20"],
        outage: Outage::None,
    },
    Look {
        kind: "postgres.check",
        ground: &POSTGRES,
        step: r"
  - id: look
    action: postgres.check
    with: { primary: '${{ from.db }}', standby: '${{ to.db }}', lag: 1s }
    timeout: 5m
",
        instead: ["lag: 1s", "lag: 50ms"],
        outage: Outage::None,
    },
    Look {
        kind: "redis.check",
        ground: &REDIS,
        step: r"
  - id: look
    action: redis.check
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}', lag_bytes: 500 }
    timeout: 5m
",
        instead: ["lag_bytes: 500", "lag_bytes: 5"],
        outage: Outage::None,
    },
    Look {
        kind: "tcp.check",
        ground: &PORTS,
        step: r"
  - id: look
    action: tcp.check
    with: { server: '${{ to.door }}' }
    timeout: 5m
",
        // The region that is left takes no connections.
        instead: ["to.door", "from.door"],
        outage: Outage::Data,
    },
    Look {
        kind: "dns.wait",
        ground: &AWS,
        step: r"
  - id: look
    action: dns.wait
    with: { name: shop.example.com, like: '${{ to.host }}' }
    timeout: 5m
",
        // Route 53 answers with the standby once the region is lost.
        instead: ["to.host", "from.host"],
        outage: Outage::Data,
    },
];

#[test]
fn a_look_waits_for_what_it_wants_and_changes_nothing() {
    for look in &LOOKS {
        in_virtual_time(async {
            let drill = look.ground.drill(look.step);
            drill.set_outage(look.outage);
            let found = drill.preflight().await.checks.remove(0).found;
            assert!(!matches!(found, Checked::Unknown(_)), "{}: {found:?}", look.kind);
            done(&drill).await;
            // It says nothing of the past: a new run looks anew.
            let drill = look.ground.carry_on(drill, look.step);
            done(&drill).await;
            assert_eq!(drill.outcome("look"), Some(StepOutcome::Succeeded), "{}", look.kind);
            assert_eq!(drill.changes(), [""; 0], "{}", look.kind);
        });
    }
}

#[test]
fn a_look_at_what_never_comes_fails_at_its_deadline() {
    for look in &LOOKS {
        in_virtual_time(async {
            let [right, wrong] = look.instead;
            let drill = look.ground.drill(look.step);
            drill.set_outage(look.outage);
            let drill = look.ground.carry_on(drill, &look.step.replace(right, wrong));
            let before = drill.clock.now();
            assert_eq!(drill.process().await, Some(Ending::Failed), "{}", look.kind);
            let outcome = drill.outcome("look");
            let failed = matches!(outcome, Some(StepOutcome::Failed { .. }));
            assert!(failed, "{}: {outcome:?}", look.kind);
            let waited = drill.clock.now().duration_since(before).as_secs();
            assert!((300..360).contains(&waited), "{}: {waited} s", look.kind);
            assert_eq!(drill.changes(), [""; 0], "{}", look.kind);
        });
    }
}
