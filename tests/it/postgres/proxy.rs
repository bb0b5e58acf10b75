//! A network that can be cut: a relay in front of a server.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Passes everything on, until it is told otherwise. Its threads end with the tests.
pub struct Proxy {
    pub port: u16,
    fate: Arc<Fate>,
}

#[derive(Default)]
struct Fate {
    /// Nothing gets through, and nobody is told.
    is_stalled: AtomicBool,
    /// Who says this is heard, and hears nothing any more.
    deaf: Mutex<Option<String>>,
}

impl Proxy {
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), fate: Arc::default() };
        let fate = Arc::clone(&proxy.fate);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                relay(&client, &server, &fate);
            }
        });
        proxy
    }

    pub fn stall(&self, is_stalled: bool) {
        self.fate.is_stalled.store(is_stalled, Ordering::SeqCst);
    }

    /// The next one who says this gets no answer: the connection ends once the server has had time to act.
    pub fn swallow_the_answer_to(&self, what: &str) {
        *self.fate.deaf.lock().unwrap() = Some(what.to_owned());
    }
}

fn relay(client: &TcpStream, server: &TcpStream, fate: &Arc<Fate>) {
    let is_deaf = Arc::new(AtomicBool::new(false));
    let ends = [(client, server, true), (server, client, false)];
    for (from, to, is_question) in ends {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let (fate, is_deaf) = (Arc::clone(fate), Arc::clone(&is_deaf));
        std::thread::spawn(move || pump(from, to, is_question, &fate, &is_deaf));
    }
}

fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    is_question: bool,
    fate: &Fate,
    is_deaf: &AtomicBool,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        while fate.is_stalled.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = &buffer[..length];
        if is_question {
            let mut deaf = fate.deaf.lock().unwrap();
            let is_it = |what: &String| String::from_utf8_lossy(said).contains(what.as_str());
            if deaf.as_ref().is_some_and(is_it) {
                *deaf = None;
                is_deaf.store(true, Ordering::SeqCst);
            }
        } else if is_deaf.load(Ordering::SeqCst) {
            break;
        }
        if length == 0 || to.write_all(said).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        stream.shutdown(Shutdown::Both).ok();
    }
}
