//! A row for what changes names on name servers of one's own.

use super::rows::{Deed, Ground, Row, SWAPPED};
use crate::drill::run::Drill;
use failover::sim::Outage;

/// A primary and a secondary that serve one zone.
pub const NAMES: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
secrets: { TSIG: { env: TSIG } }
regions:
  east: { address: 192.0.2.1, six: '2001:db8::1' }
  west: { address: 198.51.100.7, six: '2001:db8::7' }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

pub const ROWS: [Row; 1] = [Row {
    ground: &NAMES,
    kind: "dns.update",
    scene: Deed::Nothing,
    step: r"
  - id: name
    action: dns.update
    with:
      server: ns1.example.net
      servers: [ns1.example.net, 'ns2.example.net:5353']
      zone: example.test
      name: app.example.test
      a: ['${{ to.address }}']
      aaaa: ['${{ to.six }}']
      key: failover-key
      secret: ${{ secrets.TSIG }}
",
    back: Deed::Instead(SWAPPED),
}];
