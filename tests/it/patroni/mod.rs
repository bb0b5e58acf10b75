//! Patroni for real, of both versions: the lead is moved by the binary, under an app that writes all the time.

mod server;

use crate::{
    postgres::{proxy::Proxy, writer::Writer},
    redis::server::certify,
    room::Room,
};
use server::{Cluster, Version};
use std::time::Duration;

const STEPS: &str = "
steps:
  - id: swap
    when: mode.name == 'planned'
    action: patroni.switchover
    confirm: Swap?
    with: { server: '${{ to.api }}', candidate: '${{ to.node }}', from: '${{ from.api }}', leader: '${{ from.node }}' }
    timeout: 1m
  - id: take
    when: mode.name == 'unplanned'
    action: patroni.failover
    confirm: Fail over?
    with: { server: '${{ to.api }}', candidate: '${{ to.node }}', from: '${{ from.api }}', leader: '${{ from.node }}' }
    timeout: 2m
";

/// A runbook for this cluster, whose western member is asked at this address.
fn room(cluster: &Cluster, west: &str) -> Room {
    let east = cluster.east.address();
    let head = format!(
        "failover: 1
runbook: db
summary: A leader and a replica
default_mode: planned
lock: db
objectives: {{ rpo: 1m }}
secrets: {{ OPS: {{ env: OPS_PASSWORD }} }}
defaults: {{ patroni: {{ user: ops, password: '${{{{ secrets.OPS }}}}', tls: off }} }}
regions: {{ east: {{ node: east, api: '{east}' }}, west: {{ node: west, api: '{west}' }} }}"
    );
    Room::holding(&(head + STEPS))
}

/// There with a wrong password, there by two operators of whom one gets no answer, and back: nothing is lost, and nothing
/// is done twice.
fn there_and_back(version: Version) {
    let cluster = Cluster::start(version);
    let proxy = Proxy::before(cluster.west.api);
    let room = room(&cluster, &format!("127.0.0.1:{}", proxy.port));
    let writer = Writer::start(&[&cluster.east.database, &cluster.west.database]);

    let execute = format!("execute east west --yes --runbook {}", room.runbook.display());
    let output = room.command(&execute).env("OPS_PASSWORD", "wrong battery").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("answered 401"), "{said}");
    assert!(!said.contains("battery"), "{said}");
    assert!(cluster.east.leads(), "{version:?}");

    // Another machine is at it at the same time, with an operator who hears of nothing.
    proxy.swallow_the_answer_to("POST /switchover");
    let other = self::room(&cluster, &cluster.west.address());
    let ended = Room::together([&room, &other], "east west", "--yes", Duration::from_millis(300));
    assert_eq!(ended[0].0, Some(0), "{version:?}: {}\n{}", ended[0].1, ended[1].1);
    assert!(cluster.west.leads() && !cluster.east.leads(), "{version:?}");
    writer.until(50);

    let (code, said) = room.execute("west east", "--yes");
    assert_eq!(code, Some(0), "{version:?}: {said}");
    assert!(cluster.east.leads() && !cluster.west.leads(), "{version:?}");
    writer.until(50);

    let story = writer.stop();
    assert!(story.count() > 200, "{}", story.count());
    assert_eq!(story.lost(&cluster.east.database).len(), 0, "of {}", story.count());
    cluster.east.database.administer("checkpoint");
    assert_eq!(cluster.east.timeline(), "3", "each way has begun one");
    assert!(!room.journal().contains("correct horse"), "a password is in the journal");
}

/// How many seconds of writes a question said that may be lost.
fn announced(journal: &str) -> f64 {
    let asked = journal.split("\"asked\"").nth(1).expect("nobody was asked");
    let seconds = asked.split("\"data_loss\",{\"seconds\":").nth(1).expect("no loss was said");
    seconds.split('}').next().unwrap().parse().unwrap()
}

#[test]
fn a_switchover_there_and_back_loses_nothing_with_patroni_3() {
    there_and_back(Version::Three);
}

#[test]
fn a_switchover_there_and_back_loses_nothing_with_patroni_4() {
    there_and_back(Version::Four);
}

#[test]
fn a_leader_that_was_killed_is_failed_over_once_its_lock_has_ended() {
    let mut cluster = Cluster::start(Version::Four);
    let room = room(&cluster, &cluster.west.address());
    let writer = Writer::start(&[&cluster.east.database, &cluster.west.database]);
    let crashed = failover::model::Clock::real().now();
    cluster.east.crash();

    // It holds its lock still, and nobody hears what is asked until that ends.
    let (code, said) = room.execute("east west", "--yes --mode unplanned --accept-loss 1h");
    assert_eq!(code, Some(0), "{said}");
    assert!(cluster.west.leads(), "{said}");
    writer.until(20);
    let story = writer.stop();
    // Nothing is lost that is older than the question said.
    let announced = announced(&room.journal());
    let oldest = crashed - jiff::SignedDuration::from_secs_f64(announced);
    let lost = story.lost(&cluster.west.database);
    assert!(lost.iter().all(|one| one.at >= oldest), "{announced} s before {crashed}: {lost:?}");

    // What was killed follows whoever leads, and can be given the lead again: here by APIs that prove their names.
    cluster.boot_east();
    cluster.until_whole();
    let _balancer = cluster.over_tls(&room);
    let (code, said) = room.execute("west east", "--yes --mode unplanned --accept-loss 1h");
    assert_eq!(code, Some(0), "{said}");
    assert!(cluster.east.leads(), "{said}");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(room.runbook.with_file_name("ca.pem"), certify(folder.path())).unwrap();
    let (code, said) = room.execute("east west", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("certificate"), "{said}");
    std::fs::write(room.runbook.with_file_name("ca.pem"), "nothing").unwrap();
    let (code, said) = room.execute("east west", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("`ca` holds no certificate"), "{said}");
    assert!(cluster.east.leads(), "{said}");
}
