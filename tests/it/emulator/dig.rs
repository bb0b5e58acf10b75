//! What a DNS server on a loopback port answers, as the real `dig` reads it.

use crate::binary::Called;
use std::process::Command;

/// One answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// `NOERROR`, `NXDOMAIN`, …
    pub status: String,
    /// Whether the server speaks for the zone itself.
    pub is_authoritative: bool,
    /// `www.example. 5 IN A 192.0.2.1`, in the order of the answer.
    pub records: Vec<String>,
}

/// Asks once, without recursion. No answer is a failure of the test.
pub fn dig(port: u16, name: &str, kind: &str) -> Answer {
    let output = Command::new("dig")
        // Not as the settings of this machine's user would have it.
        .arg("-r")
        .args(["@127.0.0.1", "-p", &port.to_string()])
        .args(["+norecurse", "+tries=1", "+noall", "+comments", "+answer"])
        .args([name, kind])
        .output();
    let output = output.unwrap_or_else(|why| panic!("dig: {why}; tests/run installs it"));
    let called = Called::from(output);
    assert_eq!(called.code, Some(0), "dig {name} {kind}\n{}", called.stdout);
    let after =
        |mark: &str| called.stdout.split(mark).nth(1).unwrap().split([',', ';']).next().unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_record = |line: &&str| !line.is_empty() && !line.starts_with(';');
    Answer {
        status: after("status: ").to_owned(),
        is_authoritative: after("flags: ").split(' ').any(|flag| flag == "aa"),
        records: called.stdout.lines().filter(is_record).map(words).collect(),
    }
}
