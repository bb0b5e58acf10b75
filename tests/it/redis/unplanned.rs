//! The master is lost, or seems to be.

use super::{
    Room,
    server::Flock,
    writer::{Writer, lost},
};
use rustix::process::Signal;

const LOST: (&str, &str) = ("east west", "--mode unplanned --yes");

#[test]
fn a_crash_is_left_to_the_sentinels_and_the_old_master_is_told_when_it_is_back() {
    let mut flock = Flock::start();
    let room = Room::of(&flock);
    let writer = Writer::start(&flock);
    flock.east.crash();
    let (code, said) = room.execute(LOST.0, LOST.1);
    // The old one does not answer: that is owed.
    assert_eq!(code, Some(10), "{said}");
    assert_eq!(flock.west.role(), "master");
    writer.until(50);
    flock.east.boot();
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(flock.east.role(), "slave");
    writer.until(50);
    let written = writer.stop();
    let lost = lost(&written, &flock.west);
    // What was on its way when it died: replication is asynchronous.
    assert!(lost.len() <= 5, "{} of {}", lost.len(), written.len());
}

#[test]
fn a_master_that_hangs_is_demoted_when_it_goes_on() {
    let flock = Flock::start();
    let room = Room::of(&flock);
    flock.east.signal(Signal::STOP);
    let (code, said) = room.execute(LOST.0, LOST.1);
    assert_eq!(code, Some(10), "{said}");
    assert_eq!(flock.west.role(), "master");
    flock.east.signal(Signal::CONT);
    assert_eq!(flock.east.role(), "master", "it does not know yet");
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(flock.east.role(), "slave");
    // Its sentinels would have needed ten seconds: it was told.
    assert!(said.contains("~ make"), "{said}");
}
