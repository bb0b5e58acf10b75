//! Programs in containers, over a real WebSocket.

use super::{PLUGIN, Place, REFUSED, credential, server::Manner, token};
use crate::kubernetes::server::TOKEN;
use std::fs;

const RUNBOOK: &str = "failover: 1
runbook: warm
summary: A warm cache in the region that takes over
default_mode: planned
lock: warm
allow_commands: true
regions: { east: { cluster: prod-east }, west: { cluster: prod-west } }
steps:
  - id: warm
    action: kubernetes.exec
    with:
      pod: ${{ to.cluster }}/shop/cache-0
      container: redis
      run: [sh, -c, RUN]
      within: 20s
";
/// A step has failed (README, \"Exit codes\").
const FAILED: i32 = 6;

/// A desk whose runbook runs this, which leaves a line in a file each time.
fn place(run: &str, user: &str) -> Place {
    let place = Place::holding(RUNBOOK, user);
    let mark = place.folder().join("mark");
    let script = format!("'echo once >> {}; {run}'", mark.display());
    place.room.change("RUN", &script);
    place
}

/// How often it was run.
fn times(place: &Place) -> usize {
    fs::read_to_string(place.folder().join("mark")).unwrap_or_default().lines().count()
}

fn one_line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_program_is_run_in_its_container_by_servers_old_and_new() {
    for manner in [Manner::Told, Manner::Older] {
        let place = place("echo 40 keys", &token());
        place.server.end_programs(manner);
        let (code, said) = place.execute();
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(times(&place), 1);
        assert!(one_line(&said).contains("in `redis` of shop/cache-0"), "{said}");
        assert!(said.contains("prints: 40 keys"), "{said}");
        assert!(!place.room.journal().contains(TOKEN));
    }
}

#[test]
fn one_that_fails_says_how_with_its_last_words() {
    let place = place("echo no such host >&2; exit 7", &token());
    let (code, said) = place.execute();
    assert_eq!(code, Some(FAILED), "{said}");
    assert!(one_line(&said).contains("`sh` ended with status 7: no such host"), "{said}");
    assert_eq!(times(&place), 1);
}

#[test]
fn one_whose_end_nobody_has_heard_is_not_run_again() {
    for manner in [Manner::HungUp, Manner::NotStarted] {
        let place = place("echo 40 keys", &token());
        place.server.end_programs(manner);
        let (code, said) = place.execute();
        assert_ne!(code, Some(0), "{said}");
        let why = match manner {
            Manner::NotStarted => "failed to exec in container",
            _ => "before it said how the program ended",
        };
        assert!(one_line(&said).contains(why), "{said}");
        let before = times(&place);
        place.server.end_programs(Manner::Told);
        let (code, said) = place.call("resume --yes");
        assert_ne!(code, Some(0), "{said}");
        assert_eq!(times(&place), before, "{said}");
    }
}

#[test]
fn another_program_can_say_what_has_become_of_it() {
    let place = place("echo 40 keys", &token());
    let observe = format!("observe: [test, -s, {}]", place.folder().join("mark").display());
    place.room.change("within: 20s", &observe);
    let once = place.execute();
    assert_eq!(once.0, Some(0), "{}", once.1);
    let again = place.execute();
    assert_eq!(again.0, Some(0), "{}", again.1);
    assert_eq!(times(&place), 1, "{}", again.1);
}

#[test]
fn one_that_takes_too_long_is_no_longer_waited_for() {
    let place = place("exec sleep 3", &token());
    place.room.change("within: 20s", "within: 1s");
    let (code, said) = place.execute();
    assert_ne!(code, Some(0), "{said}");
    assert!(one_line(&said).contains("it did not end within 1 s, and may run on"), "{said}");
    assert_eq!(times(&place), 1);
}

#[test]
fn a_token_that_has_died_before_it_begins_is_asked_for_again() {
    let place = place("echo 40 keys", PLUGIN);
    place.plugin(&format!(
        "test -e \"$0.old\" && echo '{}' || {{ touch \"$0.old\"; echo '{}'; }}",
        credential(TOKEN),
        credential("dead"),
    ));
    let (code, said) = place.execute();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(times(&place), 1);
}

#[test]
fn nothing_begins_without_the_right_to_run_it_or_its_container() {
    let place = place("true", &token());
    place.server.cloud.with_world(|world| {
        world.cloud_mut().forbid_in_clusters("create pods/exec");
    });
    let (code, said) = place.execute();
    assert_eq!(code, Some(REFUSED), "{said}");
    let expected = "may not create pods/exec in the namespace `shop`";
    assert!(one_line(&said).contains(expected), "{said}");

    let place = self::place("true", &token());
    place.room.change("container: redis", "container: radis");
    let (code, said) = place.execute();
    assert_eq!(code, Some(REFUSED), "{said}");
    let expected = "has no container `radis`; it has `app`, `redis`";
    assert!(one_line(&said).contains(expected), "{said}");

    let place = self::place("true", &token());
    place.room.change("allow_commands: true\n", "");
    let (code, said) = place.execute();
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("allow_commands: true"), "{said}");
}
