//! Nothing is wrong, and nothing may be lost.

use super::{
    over_tls, room,
    server::{GROUP, Group, certify},
    writer::{Writer, lost},
};
use crate::{postgres::proxy::Proxy, room::Room};
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn a_planned_failover_there_and_back_loses_nothing() {
    let group = Group::start();
    let room = room(&group);
    let writer = Writer::start(&group);
    for (way, master, replica) in [
        ("east west", &group.west, &group.east),
        // Sentinels that are still putting roles right would undo a second one: the check waits.
        ("west east", &group.east, &group.west),
    ] {
        let (code, said) = room.execute(way, "--yes");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!((&*master.role(), &*replica.role()), ("master", "slave"), "{way}");
        writer.until(50);
    }
    let written = writer.stop();
    assert!(written.len() > 200, "{}", written.len());
    assert_eq!(lost(&written, &group.east).len(), 0, "of {}", written.len());
}

#[test]
fn a_replica_that_is_never_chosen_keeps_the_run_from_beginning() {
    let group = Group::start();
    let room = room(&group);
    let () = group.west.call("CONFIG SET replica-priority 0");
    // The sentinels hear of it by themselves, within ten seconds.
    let heard = || {
        let all: Vec<Vec<String>> = group.sentinels[0].call(&format!("SENTINEL REPLICAS {GROUP}"));
        let at = all[0].iter().position(|word| word == "slave-priority").unwrap();
        all[0][at + 1] == "0"
    };
    while !heard() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let (code, said) = room.execute("east west", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("its replica-priority is 0"), "{said}");
    assert_eq!(group.east.role(), "master");
}

#[test]
fn without_a_majority_of_sentinels_nothing_begins() {
    let group = Group::start();
    let room = room(&group);
    for sentinel in &group.sentinels[..2] {
        sentinel.signal(Signal::STOP);
    }
    let (code, said) = room.execute("east west", "--yes");
    for sentinel in &group.sentinels[..2] {
        sentinel.signal(Signal::CONT);
    }
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("only 1 of 3 sentinels"), "{said}");
    assert_eq!(group.east.role(), "master");
}

#[test]
fn a_wrong_password_is_said_to_be_wrong() {
    let group = Group::start();
    let room = room(&group);
    let arguments = format!("execute east west --yes --runbook {}", room.runbook.display());
    let output = room.command(&arguments).env("OPS_PASSWORD", "wrong battery").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("WRONGPASS"), "{said}");
    assert!(!said.contains("battery"), "{said}");
    assert_eq!(group.east.role(), "master");
}

#[test]
fn an_answer_of_a_sentinel_that_is_lost_costs_no_write_and_no_second_failover() {
    let group = Group::start();
    let room = room(&group);
    let sentinel = &group.sentinels[0];
    let proxy = Proxy::before(sentinel.port);
    room.change(&sentinel.address(), &format!("127.0.0.1:{}", proxy.port));
    let epoch = || {
        let all: Vec<String> = group.sentinels[1].call(&format!("SENTINEL MASTER {GROUP}"));
        let at = all.iter().position(|word| word == "config-epoch").unwrap();
        all[at + 1].parse::<u64>().unwrap()
    };
    let before = epoch();
    let writer = Writer::start(&group);
    proxy.swallow_the_answer_to("FAILOVER");
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    writer.until(50);
    let written = writer.stop();
    assert_eq!(lost(&written, &group.west).len(), 0, "of {}", written.len());
    assert_eq!(epoch(), before + 1);
}

#[test]
fn two_operators_at_two_machines_lose_no_write() {
    for apart in [0, 150] {
        let group = Group::start();
        let rooms = [room(&group), room(&group)];
        let writer = Writer::start(&group);
        let apart = Duration::from_millis(apart);
        let ended = Room::together(rooms.each_ref(), "east west", "--yes", apart);
        assert!(ended.iter().any(|(code, _)| *code == Some(0)), "{apart:?}: {ended:?}");
        assert_eq!((&*group.west.role(), &*group.east.role()), ("master", "slave"), "{apart:?}");
        writer.until(50);
        let written = writer.stop();
        assert_eq!(lost(&written, &group.west).len(), 0, "of {}, {apart:?}", written.len());
    }
}

#[test]
fn over_tls_every_server_proves_its_name() {
    let group = Group::start();
    let room = over_tls(&group);
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((&*group.west.role(), &*group.east.role()), ("master", "slave"));

    let folder = tempfile::tempdir().unwrap();
    let other = certify(folder.path());
    std::fs::write(room.runbook.with_file_name("ca.pem"), other).unwrap();
    let (code, said) = room.execute("west east", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!((&*group.west.role(), &*group.east.role()), ("master", "slave"));
}
