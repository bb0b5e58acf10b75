//! Redis under Sentinel for real: a master is failed over by the binary, under an app that writes all the time.

mod planned;
pub mod server;
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

/// The same, by TLS.
fn over_tls(group: &Group) -> Room {
    let room = room(group);
    for one in group.sentinels.iter().chain([&group.east, &group.west]) {
        room.change(&one.address(), &format!("127.0.0.1:{}", one.tls_port));
    }
    room.change("tls: off", "ca: ca.pem");
    std::fs::write(room.runbook.with_file_name("ca.pem"), &group.authority).unwrap();
    room
}
