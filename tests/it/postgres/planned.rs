//! Both servers are there.

use super::{PASSWORD, proxy::Proxy, room, room_at, server::Pair, writer::Writer};
use crate::room::Room;

#[test]
fn a_switchover_loses_no_write() {
    let pair = Pair::start();
    let room = room(&pair);
    // The file of rules is written through SQL: whatever stands in it must survive that.
    let rules = pair.east.data.join("pg_hba.conf");
    let odd = "# it's ours; they said;\n\n# \\back\tslash \"quotes\"\n";
    let before = std::fs::read_to_string(&rules).unwrap() + odd;
    std::fs::write(&rules, &before).unwrap();
    let writer = Writer::start(&[&pair.east, &pair.west]);
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    let fenced = std::fs::read_to_string(&rules).unwrap();
    assert!(fenced.ends_with(&before) && fenced.len() > before.len(), "{fenced}");
    writer.until(20);
    let story = writer.stop();
    assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes", story.count());
    assert_eq!(pair.west.timeline(), "00000002");
    let turned_away = pair.east.ask("app", "select 1").unwrap_err();
    assert!(turned_away.contains("pg_hba.conf rejects connection"), "{turned_away}");
    assert!(!said.contains(PASSWORD) && !room.journal().contains(PASSWORD));

    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("west serves already"), "{said}");
    assert_eq!(pair.west.timeline(), "00000002");
}

#[test]
fn a_standby_that_does_not_catch_up_leaves_everything_as_it_was() {
    let mut proxy = None;
    let pair = Pair::through(|port| proxy.insert(Proxy::before(port)).port);
    let proxy = proxy.unwrap();
    let room = room(&pair);
    room.change(
        "server: '${{ to.db }}', from: '${{ from.db }}' }\n  - id: fence",
        "server: '${{ to.db }}', from: '${{ from.db }}', lag: 1h, catch_up: 1s }\n  - id: fence",
    );
    let writer = Writer::start(&[&pair.east, &pair.west]);
    proxy.stall(true);
    writer.until(20);
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("did not catch up"), "{said}");
    assert!(said.contains("takes writes again"), "{said}");
    writer.until(20);
    assert!(pair.west.is_standby());
    proxy.stall(false);
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    writer.until(20);
    let story = writer.stop();
    assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes", story.count());
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_be() {
    let pair = Pair::start();
    let room = room(&pair);
    let seen = || {
        let rules = std::fs::read_to_string(pair.east.data.join("pg_hba.conf")).unwrap();
        (rules, pair.east.administer("select pg_conf_load_time()"), pair.west.is_standby())
    };
    let before = seen();
    let (code, said) = room.execute("east west", "--dry-run");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("fence, catch up, promote"), "{said}");
    assert_eq!(seen(), before);
}

#[test]
fn a_role_that_lacks_privileges_is_told_which_before_anything_is_done() {
    let pair = Pair::start();
    let room = room(&pair);
    pair.east.administer("revoke execute on function pg_promote(boolean, integer) from ops");
    pair.west.until("the standby knows", |west| {
        west.ask("ops", "select has_function_privilege('pg_promote(boolean,integer)', 'execute')")
            .as_deref()
            == Ok("f")
    });
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("grant execute on function pg_promote(boolean, integer)"), "{said}");
}

#[test]
fn a_wrong_password_and_a_missing_one_say_so() {
    let pair = Pair::start();
    let room = room(&pair);
    room.change("{ env: OPS_PASSWORD }", "{ command: [echo, wrong horse] }");
    let (code, said) = room.execute("east west", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("password authentication failed"), "{said}");
    assert!(!said.contains("wrong horse"), "{said}");
    room.change("{ command: [echo, wrong horse] }", "{ env: NOT_SET }");
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("NOT_SET"), "{said}");
}

/// What was the primary follows the new one.
pub const REJOIN: &str = "
  - id: rejoin
    action: postgres.rejoin
    confirm: Rejoin?
    with:
      server: ${{ from.db }}
      primary: ${{ to.db }}
      shell: [SHELL]
      programs: PROGRAMS
      data: ${{ from.data }}
      replicates_as: repl
      slot: ${{ from.name }}
";

#[test]
fn a_way_there_and_back_loses_no_write_and_ends_with_a_standby() {
    let mut pair = Pair::start();
    let room = room(&pair);
    room.rejoin(&pair, REJOIN);
    let writer = Writer::start(&[&pair.east, &pair.west]);
    for (way, timeline) in [("east west", "00000002"), ("west east", "00000003")] {
        let (code, said) = room.execute(way, "--yes");
        assert_eq!(code, Some(0), "{said}\n{}{}", pair.east.said(), pair.west.said());
        writer.until(20);
        let [new, old] =
            if way.ends_with("west") { [&pair.west, &pair.east] } else { [&pair.east, &pair.west] };
        assert_eq!(new.timeline(), timeline);
        assert!(old.is_standby());
        let port = old.ask("ops", "show port").unwrap();
        assert_eq!(port, old.port.to_string(), "its settings are its own");
    }
    let story = writer.stop();
    assert_eq!(story.lost(&pair.east).len(), 0, "of {} writes", story.count());
    pair.east.until("its standby has all of it", |east| {
        east.ask(
            "ops",
            "select count(*) from pg_stat_replication where replay_lsn = pg_current_wal_lsn()",
        )
        .as_deref()
            == Ok("1")
    });
    assert_eq!(pair.west.ask("ops", "select pg_is_in_recovery()").as_deref(), Ok("t"));
    pair.rest();
}

#[test]
fn a_role_that_may_not_write_files_puts_up_the_weaker_fence_and_says_so() {
    let pair = Pair::start();
    let room = room(&pair);
    pair.east.administer("revoke pg_write_server_files from ops");
    let writer = Writer::start(&[&pair.east, &pair.west]);
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the fence of"), "{said}");
    assert!(said.contains("can only be a weak one"), "{said}");
    writer.until(20);
    let story = writer.stop();
    assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes", story.count());
    let refused = pair.east.ask("app", "insert into writes values (-1)").unwrap_err();
    assert!(refused.contains("read-only transaction"), "{refused}");
}

#[test]
fn a_standby_that_is_not_there_is_told_before_anything_is_done() {
    let pair = Pair::start();
    let room = room_at(&pair.east.address(), "127.0.0.1:1");
    for mode in ["planned", "unplanned"] {
        let (code, said) = room.execute("east west", &format!("--yes --mode {mode}"));
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("cannot reach 127.0.0.1:1"), "{said}");
    }
    pair.east.ask("app", "insert into writes values (1)").unwrap();
}

#[test]
fn two_operators_at_two_machines_leave_one_primary_and_lose_nothing() {
    for apart in [0, 400] {
        let pair = Pair::start();
        let rooms = [room(&pair), room(&pair)];
        let writer = Writer::start(&[&pair.east, &pair.west]);
        let apart = std::time::Duration::from_millis(apart);
        let ended = Room::together(rooms.each_ref(), "east west", "--yes", apart);
        assert!(ended.iter().any(|(code, _)| *code == Some(0)), "{apart:?}: {ended:?}");
        assert!(!pair.west.is_standby(), "{apart:?}");
        writer.until(20);
        let story = writer.stop();
        assert_eq!(story.lost(&pair.west).len(), 0, "of {} writes, {apart:?}", story.count());
        assert_eq!(pair.west.timeline(), "00000002");
        let turned_away = pair.east.ask("app", "select 1").unwrap_err();
        assert!(turned_away.contains("pg_hba.conf rejects connection"), "{turned_away}");
    }
}

/// The other one comes when this one has looked, and before it promotes.
#[test]
fn a_standby_that_somebody_else_promotes_meanwhile_keeps_the_fence_of_the_old_primary() {
    let mut proxy = None;
    let pair = Pair::through(|port| proxy.insert(Proxy::before(port)).port);
    let proxy = proxy.unwrap();
    let room = room(&pair);
    room.change(
        "server: '${{ to.db }}', from: '${{ from.db }}' }\n  - id: fence",
        "server: '${{ to.db }}', from: '${{ from.db }}', lag: 1h, catch_up: 5s }\n  - id: fence",
    );
    let writer = Writer::start(&[&pair.east]);
    proxy.stall(true);
    writer.until(20);
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| room.execute("east west", "--yes"));
        pair.east.until("it is fenced", |east| east.ask("app", "select 1").is_err());
        pair.west.administer("select pg_promote()");
        run.join().unwrap()
    });
    proxy.stall(false);
    writer.stop();
    assert_eq!(run.0, Some(6), "{}", run.1);
    assert!(run.1.contains("promoted by somebody else"), "{}", run.1);
    assert!(pair.east.ask("app", "select 1").is_err(), "two primaries take writes");
}
