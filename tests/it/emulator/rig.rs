//! Servers go when they must and keep to themselves, and `dig` is read as it means.

use super::{Answer, Ministack, Moto, Server, dig};
use rustix::process::{Pid, test_kill_process};
use std::{
    net::UdpSocket,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

#[test]
fn a_server_ends_with_what_holds_it() {
    for server in [Ministack::start().0, Moto::start().0] {
        let process = Pid::from_child(&server.child);
        assert!(test_kill_process(process).is_ok());
        drop(server);
        assert!(test_kill_process(process).is_err());
    }
}

/// How a process ends, if it does.
fn end(child: &mut Child) -> Option<ExitStatus> {
    let give_up = Instant::now() + Duration::from_mins(1);
    while Instant::now() < give_up {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

#[test]
fn a_server_that_is_never_dropped_ends_with_the_tests() {
    for mut server in [Ministack::start().0, Moto::start().0] {
        assert!(server.child.try_wait().unwrap().is_none());
        let folder = server.folder.path().to_owned();
        // What the system does when the tests are over.
        drop(server.child.stdin.take());
        assert_eq!(end(&mut server.child).and_then(|status| status.signal()), Some(9));
        assert!(!folder.exists());
    }
}

/// Every socket of a process that listens, as `/proc/net/tcp` writes them: the address backwards, in hexadecimal digits.
#[cfg(target_os = "linux")]
fn listening(server: &Server) -> Vec<String> {
    let process = server.child.id();
    let held = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let held: Vec<_> = held
        .filter_map(|one| std::fs::read_link(one.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap();
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split_whitespace().collect();
            // 0A listens, 07 is a UDP socket without a peer.
            if ["0A", "07"].contains(&columns[3])
                && held.contains(&format!("socket:[{}]", columns[9]))
            {
                found.push(columns[1].to_owned());
            }
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_listens_on_one_port_that_nobody_else_can_reach() {
    for server in [&Ministack::shared().0, &Moto::shared().0] {
        let loopback = format!("0100007F:{:04X}", server.port);
        assert_eq!(listening(server), [loopback]);
    }
}

/// Answers one question with the same question, these flags, and these records after it.
fn answers_once(flags: [u8; 2], records: u8, rest: &'static [u8]) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut message = [0; 512];
        let (_, from) = socket.recv_from(&mut message).unwrap();
        message[2..4].copy_from_slice(&flags);
        message[7] = records;
        // No extra section, so that all after the question (its name, four bytes) is ours.
        message[11] = 0;
        let name = message[12..].iter().position(|byte| *byte == 0).unwrap();
        let end = 12 + name + 1 + 4;
        message[end..end + rest.len()].copy_from_slice(rest);
        socket.send_to(&message[..end + rest.len()], from).unwrap();
    });
    port
}

#[test]
fn dig_tells_status_authority_and_records() {
    // The name of the question, A, IN, five seconds, four bytes.
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x01";
    let answer = dig(answers_once([0x84, 0x00], 1, record), "www.example.test", "A");
    let expected = Answer {
        status: "NOERROR".to_owned(),
        is_authoritative: true,
        records: vec!["www.example.test. 5 IN A 192.0.2.1".to_owned()],
    };
    assert_eq!(answer, expected);
    let nothing = dig(answers_once([0x80, 0x03], 0, b""), "gone.example.test", "A");
    let expected =
        Answer { status: "NXDOMAIN".to_owned(), is_authoritative: false, records: Vec::new() };
    assert_eq!(nothing, expected);
}
