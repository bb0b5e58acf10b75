//! HAProxy for real: users who come all the time are moved by the binary, through two balancers.

mod server;

use crate::room::Room;
use rustix::process::{Pid, Signal, kill_process};
use server::{Site, visit};
use std::{process::Stdio, thread, time::Duration};

const SHIFT: &str = "
  - id: users
    action: haproxy.shift
    with: { from: ['${{ from.server }}'], to: ['${{ to.server }}'], stages: [25, 50], stay: 2s }
    timeout: 20s
";

fn room(site: &Site, steps: &str) -> Room {
    let [one, other] = [0, 1].map(|at: usize| site.balancers[at].address());
    Room::holding(&format!(
        "failover: 1
runbook: site
summary: Users behind two balancers
default_mode: planned
lock: site
defaults: {{ haproxy: {{ balancers: ['{one}', '{other}'], backend: web }} }}
regions: {{ east: {{ server: east }}, west: {{ server: west }} }}
steps:{steps}"
    ))
}

fn weights(site: &Site) -> [[u64; 2]; 2] {
    [0, 1].map(|at: usize| ["east", "west"].map(|server| site.balancers[at].weight(server)))
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn users_are_moved_there_and_back_and_none_meets_an_error() {
    let site = Site::start();
    let room = room(&site, SHIFT);
    for (way, region, expected) in
        [("east west", "west", [0, 100]), ("west east", "east", [100, 0])]
    {
        let (code, said) = room.execute(way, "--yes");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(weights(&site), [expected; 2]);
        // Of what was asked on the way, nothing failed.
        let seen = site.seen();
        assert!(seen.len() > 100, "{}", seen.len());
        assert!(seen.iter().all(Result::is_ok), "{seen:?}");
        let last = site.next(40);
        assert!(last.iter().all(|one| one == region), "{last:?}");
    }
}

#[test]
fn a_run_that_is_killed_between_two_stages_goes_on_from_there() {
    let site = Site::start();
    let room = room(&site, SHIFT);
    let runbook = room.runbook.display();
    let mut command = room.command(&format!("execute east west --yes --runbook {runbook}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    while weights(&site) != [[75, 25]; 2] {
        thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    // A quarter, more or less.
    let west = site.next(200).iter().filter(|one| *one == "west").count();
    assert!((20..90).contains(&west), "{west} of 200");
    let (code, said) = room.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(weights(&site), [[0, 100]; 2]);
}

#[test]
fn nobody_is_sent_to_a_region_that_is_not_well() {
    let site = Site::start();
    let room = room(&site, &SHIFT.replace("20s", "3s"));
    site.west.sicken();
    thread::sleep(Duration::from_secs(1));
    let (code, said) = room.execute("east west", "--yes");
    assert_ne!(code, Some(0), "{said}");
    assert!(in_one_line(&said).contains("`web/west` is DOWN"), "{said}");
    assert_eq!(weights(&site), [[100, 0]; 2]);
}

#[test]
fn with_a_balancer_that_is_silent_nothing_is_begun() {
    let site = Site::start();
    let room = room(&site, &SHIFT.replace("20s", "3s"));
    site.balancers[1].signal(Signal::STOP);
    let (code, said) = room.execute("east west", "--yes");
    site.balancers[1].signal(Signal::CONT);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains(&site.balancers[1].address()), "{said}");
    assert_eq!(weights(&site), [[100, 0]; 2]);
}

#[test]
fn what_is_drained_finishes_what_it_has_begun() {
    let site = Site::start();
    let step = "
  - id: drain
    action: haproxy.server
    with: { server: east, state: drain, sessions: 0 }
    timeout: 20s
";
    let share = "
  - id: half
    action: haproxy.shift
    with: { from: [east], to: [west], stages: [100] }
";
    let room = room(&site, step);
    // Users need somewhere to go.
    let other = self::room(&site, share);
    let port = site.balancers[0].users;
    site.east.think_for(Duration::from_secs(3));
    let slow = thread::spawn(move || visit(port));
    thread::sleep(Duration::from_millis(300));
    let (code, said) = other.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = room.execute("east west", "--yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("sessions"), "{said}");
    assert!(slow.is_finished(), "the step did not wait for it");
    assert_eq!(slow.join().unwrap(), Ok("east".to_owned()));
}
