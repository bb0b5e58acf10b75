//! What no emulator has: name servers that answer as Route 53's do for a pair of failover records, and the two regions'
//! pages. The records and the state of the alarm are the emulator's own.

use super::{Account, Ministack, StopStack};
use hickory_proto::{
    op::{Message, MessageType, OpCode},
    rr::{RData, Record, RecordType},
};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Arc,
};

const EAST: (&str, &str) = ("us-east-1", "192.0.2.1");
const WEST: (&str, &str) = ("us-west-2", "192.0.2.2");

/// Runs until the tests end.
pub struct Plane {
    pub name_server: u16,
    /// The page that users know, and those of the regions themselves.
    pub public: u16,
    pub east: u16,
    pub west: u16,
}

impl Plane {
    pub fn of(account: &Account, stack: &StopStack) -> Self {
        let state = Arc::new(State {
            key: account.key.clone(),
            record: stack.record.clone(),
            alarm: stack.alarm.clone(),
        });
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let name_server = socket.local_addr().unwrap().port();
        let names = Arc::clone(&state);
        std::thread::spawn(move || names.answer_names(&socket));
        let public = serve(move || state.serving().0);
        Self { name_server, public, east: serve(|| EAST.0), west: serve(|| WEST.0) }
    }
}

/// Serves a page that names a region, on a free port.
fn serve(region: impl Fn() -> &'static str + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever asks may go away in the middle.
            answer_page(stream, region()).ok();
        }
    });
    port
}

fn answer_page(mut stream: TcpStream, region: &str) -> std::io::Result<()> {
    let _asked = stream.read(&mut [0; 4096])?;
    let body = format!(r#"{{"service":"stop-demo","region":"{region}"}}"#);
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())
}

struct State {
    key: String,
    record: String,
    alarm: String,
}

impl State {
    /// The primary, unless the alarm that its health check follows is in alarm (Route 53 developer guide, "Active-passive
    /// failover").
    fn serving(&self) -> (&'static str, &'static str) {
        let headers = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={}/20260101/{}/monitoring/aws4_request\r\n",
            self.key, WEST.0
        );
        let body =
            format!("Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1={}", self.alarm);
        let answer = Ministack::shared().0.send("POST /", &headers, &body).unwrap();
        assert!(answer.contains("<StateValue>"), "{answer}");
        if answer.contains("<StateValue>ALARM<") { WEST } else { EAST }
    }

    fn answer_names(&self, socket: &UdpSocket) {
        let mut message = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut message).unwrap();
            let question = Message::from_vec(&message[..length]).unwrap();
            let query = question.queries[0].clone();
            let mut answer =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            answer.add_query(query.clone());
            let value = self.value(&query.name().to_string(), query.query_type());
            if let Some(value) = value {
                let data = RData::try_from_str(query.query_type(), &value).unwrap();
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
            socket.send_to(&answer.to_vec().unwrap(), from).unwrap();
        }
    }

    fn value(&self, name: &str, kind: RecordType) -> Option<String> {
        let zone = self.record.split_once('.').unwrap().1;
        match kind {
            RecordType::NS if name == zone => Some("ns-1.stop-demo.example.".to_owned()),
            RecordType::A if name == self.record => Some(self.serving().1.to_owned()),
            RecordType::A => {
                let region = [EAST, WEST].into_iter().find(|(region, _)| name.contains(region))?;
                Some(region.1.to_owned())
            }
            _ => None,
        }
    }
}
