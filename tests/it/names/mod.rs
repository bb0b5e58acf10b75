//! Name servers for real: a name is moved by the binary, on a primary and its secondary.

mod server;

use crate::room::Room;
use rustix::process::Signal;
use server::{KEY, Names, ZONE};
use std::process::Stdio;

/// A desk whose runbook moves `app` to the region's own addresses.
struct Place {
    room: Room,
    names: Names,
}

impl Place {
    fn new() -> Self {
        let names = Names::start();
        let room = Room::holding(&format!(
            "failover: 1
runbook: names
summary: A name that leads somewhere else
default_mode: planned
lock: names
secrets: {{ TSIG: {{ env: TSIG_SECRET }} }}
regions:
  east: {{ address: 192.0.2.1, six: '2001:db8::1' }}
  west: {{ address: 198.51.100.7, six: '2001:db8::7' }}
steps:
  - id: name
    action: dns.update
    with:
      server: '{}'
      servers: ['{0}', '{}']
      zone: {ZONE}
      name: app.{ZONE}
      a: ['${{{{ to.address }}}}']
      aaaa: ['${{{{ to.six }}}}']
      ttl: 7s
      key: {KEY}
      secret: ${{{{ secrets.TSIG }}}}
    timeout: 20s
",
            names.primary.address(),
            names.secondary.address(),
        ));
        Self { room, names }
    }

    fn call(&self, arguments: &str) -> (Option<i32>, String) {
        self.call_as(&self.names.secret, arguments)
    }

    fn call_as(&self, secret: &str, arguments: &str) -> (Option<i32>, String) {
        let mut command = self.room.command(arguments);
        command.env("TSIG_SECRET", secret).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = [output.stderr, output.stdout].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), said.concat())
    }

    fn execute(&self, way: &str) -> (Option<i32>, String) {
        self.call(&format!("execute {way} --yes --runbook {}", self.room.runbook.display()))
    }

    /// What both servers say of the name.
    fn told(&self) -> [Vec<String>; 2] {
        let name = format!("app.{ZONE}");
        [&self.names.primary, &self.names.secondary]
            .map(|server| [server.told(&name, "A"), server.told(&name, "AAAA")].concat())
    }
}

fn both(values: &[&str]) -> [Vec<String>; 2] {
    [(); 2].map(|()| values.iter().map(|value| (*value).to_owned()).collect())
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_name_moves_there_and_back_on_every_server() {
    let place = Place::new();
    let (code, said) = place.execute("east west");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.told(), both(&["7 198.51.100.7", "7 2001:db8::7"]));
    let kept = place.room.journal();
    assert!(!kept.contains(&place.names.secret), "the key stands in the journal");
    // What is so already is not sent again.
    let (code, said) = place.execute("east west");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("name  already so"), "{said}");
    let (code, said) = place.execute("west east");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.told(), both(&["7 192.0.2.1", "7 2001:db8::1"]));
}

#[test]
fn a_dry_run_signs_a_question_and_changes_nothing() {
    let place = Place::new();
    let before = place.told();
    let runbook = place.room.runbook.display();
    let (code, said) = place.call(&format!("execute east west --dry-run --runbook {runbook}"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.told(), before);
}

#[test]
fn another_key_is_found_before_anything_begins() {
    let place = Place::new();
    let runbook = place.room.runbook.display().to_string();
    let other = data_encoding::BASE64.encode(b"another key of just that length!");
    for (secret, expected) in
        [(other.as_str(), "it knows another key of this name"), ("not base64", "is not in base64")]
    {
        let (code, said) =
            place.call_as(secret, &format!("execute east west --yes --runbook {runbook}"));
        assert_eq!(code, Some(4), "{said}");
        assert!(in_one_line(&said).contains(expected), "{said}");
        assert!(!said.contains(secret), "{said}");
    }
    place.room.change(&format!("key: {KEY}"), "key: nobody");
    let (code, said) = place.execute("east west");
    assert_eq!(code, Some(4), "{said}");
    assert!(in_one_line(&said).contains("it does not know this key"), "{said}");
    assert_eq!(place.told(), both(&["5 192.0.2.1"]));
}

#[test]
fn a_server_that_does_not_follow_is_named_and_waited_for() {
    let place = Place::new();
    place.names.secondary.signal(Signal::STOP);
    let (code, said) = place.execute("east west");
    assert_eq!(code, Some(6), "{said}");
    let address = place.names.secondary.address();
    assert!(in_one_line(&said).contains(&address), "{said}");
    place.names.secondary.signal(Signal::CONT);
    let (code, said) = place.call("resume --yes");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.told(), both(&["7 198.51.100.7", "7 2001:db8::7"]));
}

#[test]
fn a_primary_that_dies_in_the_middle_is_asked_again_when_it_is_back() {
    let mut place = Place::new();
    place.names.primary.crash();
    let (code, said) = place.execute("east west");
    assert_ne!(code, Some(0), "{said}");
    place.names.primary.boot();
    let (code, said) = place.execute("east west");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.told(), both(&["7 198.51.100.7", "7 2001:db8::7"]));
}

#[test]
fn a_name_that_stands_for_another_gets_no_addresses() {
    let place = Place::new();
    place.room.change(&format!("name: app.{ZONE}"), &format!("name: old.{ZONE}"));
    let (code, said) = place.execute("east west");
    assert_ne!(code, Some(0), "{said}");
    assert!(in_one_line(&said).contains("cannot have both"), "{said}");
    let name = format!("old.{ZONE}");
    assert_eq!(place.names.primary.told(&name, "CNAME"), [format!("5 app.{ZONE}.")]);
}
