//! The master is lost, or seems to be.

use super::{
    room,
    server::Group,
    writer::{Writer, lost},
};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const LOST: (&str, &str) = ("east west", "--mode unplanned --yes");

/// The loss that a run has told of first, when it had looked and nothing was changed.
fn announced(journal: &str) -> Duration {
    let said = journal.split("\"data_loss\",{\"seconds\":").nth(1).expect("no loss was said");
    let seconds = said.split('}').next().unwrap().parse().unwrap();
    assert!(seconds > 0.0, "it says that nothing can be lost");
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_crash_is_left_to_the_sentinels_and_the_old_master_is_told_when_it_is_back() {
    let mut group = Group::start();
    let room = room(&group);
    let writer = Writer::start(&group);
    group.east.crash();
    let crashed = Instant::now();
    let (code, said) = room.execute(LOST.0, LOST.1);
    // The old one does not answer: that is owed.
    assert_eq!(code, Some(10), "{said}");
    assert_eq!(group.west.role(), "master");
    writer.until(50);
    group.east.boot();
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(group.east.role(), "slave");
    writer.until(50);
    let written = writer.stop();
    let lost = lost(&written, &group.west);
    // What was on its way when it died: replication is asynchronous.
    assert!(lost.len() <= 5, "{} of {}", lost.len(), written.len());
    // No older than what the run has said may be lost; what was acknowledged since the crash is there, also what came after
    // it was back.
    let announced = announced(&room.journal());
    let early: Vec<_> = lost.iter().filter(|one| one.at + announced < crashed).collect();
    assert!(early.is_empty(), "more than {announced:?} before: {early:?}");
    assert!(lost.iter().all(|one| one.at < crashed), "{lost:?}, and it crashed {crashed:?}");
}

#[test]
fn a_master_that_hangs_is_demoted_when_it_goes_on() {
    let group = Group::start();
    let room = room(&group);
    group.east.signal(Signal::STOP);
    let (code, said) = room.execute(LOST.0, LOST.1);
    assert_eq!(code, Some(10), "{said}");
    assert_eq!(group.west.role(), "master");
    group.east.signal(Signal::CONT);
    assert_eq!(group.east.role(), "master", "it does not know yet");
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(group.east.role(), "slave");
    // Its sentinels would have needed ten seconds: it was told.
    assert!(said.contains("~ make"), "{said}");
}

#[test]
fn a_master_that_is_none_of_theirs_is_left_alone() {
    let (group, other) = (Group::start(), Group::start());
    let () = other.east.call("SET all-that-it-has 1");
    let room = room(&group);
    room.change(&group.east.address(), &other.east.address());
    let (code, said) = room.execute(LOST.0, LOST.1);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("is a master, but the sentinels say"), "{said}");
    assert_eq!((&*group.east.role(), &*other.east.role()), ("master", "master"));
    assert_eq!(other.east.call::<u8>("EXISTS all-that-it-has"), 1);
}
