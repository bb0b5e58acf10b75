//! PostgreSQL for real: a primary and its standby are failed over by the binary, under an app that writes all the time.

mod planned;
pub mod proxy;
pub mod server;
mod unplanned;
pub mod writer;

use crate::room::Room;
use server::{PASSWORD, Pair};
use std::fs;

const STEPS: &str = "
steps:
  - id: ready
    action: postgres.check
    with: { primary: '${{ from.db }}', standby: '${{ to.db }}' }
  - id: swap
    when: mode.name == 'planned'
    action: postgres.switchover
    confirm: Swap?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
  - id: fence
    when: mode.name == 'unplanned'
    action: postgres.fence
    with: { server: '${{ from.db }}', fenced: true }
    timeout: 2s
    on_failure: owe
  - id: promote
    when: mode.name == 'unplanned'
    action: postgres.promote
    confirm: Promote?
    with: { server: '${{ to.db }}', from: '${{ from.db }}' }
    timeout: 1m
";

fn room(pair: &Pair) -> Room {
    room_at(&pair.east.address(), &pair.west.address())
}

fn room_at(east: &str, west: &str) -> Room {
    let head = format!(
        "failover: 1
runbook: db
summary: A primary and its standby
default_mode: planned
lock: db
objectives: {{ rpo: 1m }}
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults: {{ postgres: {{ user: ops, password: '${{{{ secrets.OPS }}}}', tls: off }} }}
regions: {{ east: {{ db: '{east}' }}, west: {{ db: '{west}' }} }}"
    );
    Room::holding(&(head + STEPS))
}

impl Room {
    /// Lets what was the primary follow the new one at the end.
    fn rejoin(&self, pair: &Pair, steps: &str) {
        let shell = server::shell(&pair.east).join("', '");
        let steps =
            steps.replace("SHELL", &format!("'{shell}'")).replace("PROGRAMS", &server::programs());
        let text = fs::read_to_string(&self.runbook).unwrap();
        let data = |server: &server::Server| server.data.display().to_string();
        let text = text
            .replace("regions:", "allow_commands: true\nregions:")
            .replace("{ east: { ", &format!("{{ east: {{ data: {}, ", data(&pair.east)))
            .replace("west: { ", &format!("west: {{ data: {}, ", data(&pair.west)));
        fs::write(&self.runbook, text + &steps).unwrap();
    }

    /// Nothing but that.
    fn only_rejoin(&self, pair: &Pair) {
        let text = fs::read_to_string(&self.runbook).unwrap();
        let head = text.split("\nsteps:").next().unwrap().to_owned();
        fs::write(&self.runbook, head + "\nserving: to\nsteps:").unwrap();
        self.rejoin(pair, planned::REJOIN);
    }
}
