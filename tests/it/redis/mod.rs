//! Redis under Sentinel for real: a master is failed over by the binary, under an app that writes all the time.

mod planned;
mod server;
mod unplanned;
mod writer;

use crate::room::Room;
use server::Group;

const STEPS: &str = "
steps:
  - id: ready
    action: redis.check
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    when: mode.name == 'planned'
    timeout: 25s
  - id: swap
    action: redis.failover
    confirm: Swap?
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    timeout: 20s
  - id: demote
    action: redis.demote
    when: mode.name == 'unplanned'
    with: { server: '${{ to.cache }}', from: '${{ from.cache }}' }
    timeout: 2s
    on_failure: owe
";

fn room(group: &Group) -> Room {
    Room::holding(&(group.head() + STEPS))
}
