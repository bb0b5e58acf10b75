//! What must never happen to a master and its replica, in a rehearsal.

use super::run::{Drill, make};
use crate::core::run::in_virtual_time;
use failover::{engine::Ending, model::Mode, run::StepOutcome, sim::Outage};
use std::sync::Arc;
use tokio::sync::Notify;

fn drill(mode: Mode, outage: Outage) -> Drill {
    Drill::new(make("redis.yaml", "east", "west", mode), outage)
}

/// The commands that were sent and do something, without what they are for.
fn told(drill: &Drill) -> Vec<String> {
    let log = drill.cloud.log();
    let changes = log.iter().filter(|one| !one.is_read && one.scheme == "redis");
    let first = |operation: &str| {
        let all: Vec<Vec<String>> = serde_json::from_str(operation).unwrap();
        all[0].iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    changes.map(|one| first(one.operation.as_deref().unwrap())).collect()
}

#[test]
fn writes_wait_until_the_old_master_is_a_replica() {
    in_virtual_time(async {
        let drill = drill(Mode::Planned, Outage::None);
        assert_eq!(drill.process().await, Some(Ending::Done), "{}", drill.story());
        let expected = [
            "CLIENT PAUSE",
            "SENTINEL FAILOVER",
            "REPLICAOF cache-west.example.com",
            "CLIENT UNPAUSE",
        ];
        assert_eq!(told(&drill), expected);
    });
}

#[test]
fn what_the_sentinels_do_by_themselves_is_not_done_beside_them() {
    in_virtual_time(async {
        let drill = drill(Mode::Unplanned, Outage::Region);
        assert_eq!(drill.process().await, Some(Ending::Owing), "{}", drill.story());
        assert_eq!(told(&drill), [""; 0]);
        assert_eq!(drill.outcome("swap"), Some(StepOutcome::AlreadyDone), "{}", drill.story());

        // The old master is told when it is back, before they do it.
        drill.set_outage(Outage::None);
        assert_eq!(drill.until_done(2).await, Ending::Done, "{}", drill.story());
        assert_eq!(told(&drill), ["REPLICAOF cache-west.example.com"]);
    });
}

#[test]
fn writes_wait_on_when_somebody_else_is_failing_over() {
    in_virtual_time(async {
        let drill = drill(Mode::Planned, Outage::None);
        let paused = Arc::new(Notify::new());
        let pauses = Arc::clone(&paused);
        drill.cloud.tell(move |exchange| {
            if exchange.operation.as_deref().is_some_and(|operation| operation.contains("PAUSE")) {
                pauses.notify_one();
            }
        });
        tokio::join!(drill.process(), async {
            paused.notified().await;
            drill.cloud.with_world(|world| world.cloud_mut().begin_redis_failover());
        });
        assert_eq!(told(&drill)[..2], ["CLIENT PAUSE", "SENTINEL FAILOVER"], "{}", drill.story());
        assert!(!told(&drill).contains(&"CLIENT UNPAUSE".to_owned()), "{:?}", told(&drill));
    });
}
