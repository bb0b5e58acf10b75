//! The primary is lost, or seems to be.

use super::{PASSWORD, Room, proxy::Proxy, room, room_at, server::Pair, writer::Writer};
use rexpect::{process::WaitStatus, session::spawn_command};
use rustix::process::Signal;

const PATIENCE: Option<u64> = Some(25_000);

/// Somebody at a terminal carries an unplanned run out, is sure of what it asks, and leaves once the app writes again:
/// by itself the run would stay, and try to pay what is owed.
fn at_a_terminal(room: &Room, writer: &Writer) -> (i32, String) {
    let answers = [
        ("Type the region that will serve users", "west"),
        ("yes  it is done", "yes"),
        ("note for the report", "the rack is dark"),
        ("yes  go on", "yes"),
    ];
    let arguments =
        format!("execute east west --mode unplanned --runbook {}", room.runbook.display());
    let mut person = spawn_command(room.command(&arguments), PATIENCE).unwrap();
    let mut said = String::new();
    for (question, answer) in answers {
        said += &person.exp_string(question).unwrap_or_else(|error| panic!("{error}\n{said}"));
        person.send_line(answer).unwrap();
    }
    writer.until(20);
    person.send_control('c').unwrap();
    said += &person.exp_eof().unwrap();
    match person.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (code, said),
        other => panic!("{other:?}"),
    }
}

/// What the question announced: nothing older than this is lost.
fn announced(room: &Room) -> jiff::Timestamp {
    let journal = room.journal();
    let at = journal.rfind("\"last_commit\"").expect("it says what arrived last");
    let instant = journal[at..].split("\"instant\":\"").nth(1).unwrap().split('"').next().unwrap();
    instant.parse().unwrap_or_else(|error| panic!("{error}: {instant}"))
}

#[test]
fn a_crash_loses_no_more_than_what_was_announced() {
    let mut proxy = None;
    let mut pair = Pair::through(|port| proxy.insert(Proxy::before(port)).port);
    let proxy = proxy.unwrap();
    let room = room(&pair);
    let writer = Writer::start(&[&pair.east, &pair.west]);
    // What is written from here on arrives nowhere else.
    proxy.stall(true);
    writer.until(50);
    pair.east.crash();
    let (code, said) = at_a_terminal(&room, &writer);
    // The fence is owed.
    assert_eq!(code, 10, "{said}");
    proxy.stall(false);
    let story = writer.stop();
    let lost = story.lost(&pair.west);
    assert!(lost.len() >= 50, "only {} of {} are lost", lost.len(), story.count());
    let announced = announced(&room);
    let early: Vec<_> = lost.iter().filter(|one| one.at < announced).collect();
    assert!(early.is_empty(), "older than {announced}: {early:?}");
    assert_eq!(pair.west.timeline(), "00000002");

    // It comes back as if nothing had been, and takes writes: the fence is paid.
    pair.east.boot();
    assert_eq!(pair.east.ask("app", "select pg_is_in_recovery()").as_deref(), Ok("f"));
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    let turned_away = pair.east.ask("app", "select 1").unwrap_err();
    assert!(turned_away.contains("pg_hba.conf rejects connection"), "{turned_away}");
    assert!(!room.journal().contains(PASSWORD));

    // It has writes that the new one lacks: rewound, it follows.
    room.only_rejoin(&pair);
    let (code, said) = room.execute("east west", "--mode planned --yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(pair.east.is_standby());
    pair.west.until("it has a standby again", |west| {
        west.ask("ops", "select count(*) from pg_stat_replication").as_deref() == Ok("1")
    });
    pair.rest();
}

#[test]
fn a_primary_that_hangs_is_not_taken_for_dead() {
    let pair = Pair::start();
    let room = room(&pair);
    let writer = Writer::start(&[&pair.east, &pair.west]);
    pair.east.freeze(Signal::STOP);
    // Nobody is there to say that it is off, and a yes beforehand is to other things.
    let (code, said) = room.execute("east west", "--mode unplanned --yes --accept-loss 1h");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("cannot be asked, and may still take writes"), "{said}");
    assert!(pair.west.is_standby(), "{said}");
    // It only hung: its fence can be put up, and then nothing is lost.
    pair.east.freeze(Signal::CONT);
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    writer.until(20);
    let story = writer.stop();
    assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes", story.count());
}

#[test]
fn an_answer_to_a_promotion_that_is_lost_is_found_out() {
    let pair = Pair::start();
    let proxy = Proxy::before(pair.west.port);
    let room = room_at(&pair.east.address(), &format!("127.0.0.1:{}", proxy.port));
    proxy.swallow_the_answer_to("pg_promote(true");
    let (code, said) = room.execute("east west", "--mode unplanned --yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(room.journal().contains("change_doubted"), "{}", room.journal());
    assert_eq!(pair.west.timeline(), "00000002");
}

#[test]
fn commits_do_not_wait_for_a_standby_that_is_gone() {
    let mut pair = Pair::start();
    let room = room(&pair);
    pair.west.administer("alter system set synchronous_standby_names = 'east'");
    pair.west.administer("select pg_reload_conf()");
    let writer = Writer::start(&[&pair.east, &pair.west]);
    pair.east.crash();
    let (code, said) = at_a_terminal(&room, &writer);
    assert_eq!(code, 10, "{said}");
    drop(writer.stop());
    assert_eq!(pair.west.administer("show synchronous_standby_names"), "");
}
