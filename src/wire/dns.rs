//! Questions to name servers: each server by itself, with no cache between.

use super::SendError;
use crate::model::{Clock, span};
use async_trait::async_trait;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket, lookup_host},
};

const PORT: u16 = 53;
/// How long one server may take: resolvers ask the next one sooner.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a question is sent: a datagram may be lost.
const TRIES: usize = 2;
/// The bit of a message's third byte that says that its end was cut off (RFC 1035, 4.1.1).
const TRUNCATED: u8 = 0b10;

/// Which server a question goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameServer<'a> {
    /// The one of this host name or address, at its usual port unless one follows.
    Named(&'a str),
    /// The resolver that this machine uses.
    Machine,
}

/// Carries one question to one server and its answer back, both as messages of RFC 1035.
#[async_trait]
pub trait Dns: Send + Sync {
    async fn ask(&self, server: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError>;
}

/// Asks over the network: by datagram, and over a connection where the answer does not fit.
pub struct NameServers {
    pub clock: Clock,
    /// Where every question goes, whoever it is for: to something that stands in for all of them.
    pub stand_in: Option<SocketAddr>,
    /// The resolvers of this machine, as its settings name them.
    pub machine: Vec<IpAddr>,
}

impl NameServers {
    /// As the machine is set up.
    pub fn new(clock: Clock, machine: Vec<IpAddr>) -> Self {
        Self { clock, stand_in: None, machine }
    }

    async fn find(&self, server: NameServer<'_>) -> Result<SocketAddr, SendError> {
        if let Some(at) = self.stand_in {
            return Ok(at);
        }
        let name = match server {
            NameServer::Machine => {
                let why = "this machine's settings name no resolver".to_owned();
                let first = self.machine.first().map(|at| SocketAddr::new(*at, PORT));
                return first.ok_or(SendError::NotSent { host: "the resolver".to_owned(), why });
            }
            NameServer::Named(name) => name.trim_end_matches('.'),
        };
        let (host, port) = host_and_port(name);
        let not_sent = |why: String| SendError::NotSent { host: name.to_owned(), why };
        let found = self.clock.within(PATIENCE, lookup_host((host, port))).await;
        let mut all = found
            .ok_or_else(|| not_sent("its address is not found in time".to_owned()))?
            .map_err(|error| not_sent(error.to_string()))?;
        all.next().ok_or_else(|| not_sent("it has no address".to_owned()))
    }
}

#[async_trait]
impl Dns for NameServers {
    async fn ask(&self, server: NameServer<'_>, message: &[u8]) -> Result<Vec<u8>, SendError> {
        let at = self.find(server).await?;
        let host = match server {
            NameServer::Named(name) => name.trim_end_matches('.').to_owned(),
            NameServer::Machine => "the resolver".to_owned(),
        };
        let unanswered = |why: String| SendError::Unanswered { host: host.clone(), why };
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.clock.within(PATIENCE, by_datagram(at, message)).await {
                Some(Ok(answer)) if answer.get(2).is_some_and(|flags| flags & TRUNCATED != 0) => {
                    let whole = self.clock.within(PATIENCE, by_connection(at, message)).await;
                    let whole = whole.ok_or_else(|| unanswered("nothing in time".to_owned()))?;
                    return whole.map_err(|error| unanswered(error.to_string()));
                }
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => last = error.to_string(),
                None => last = format!("nothing within {}", span::show(PATIENCE)),
            }
        }
        Err(unanswered(last))
    }
}

/// `HOST` or `HOST:PORT`. An address of IPv6 stands in brackets where a port follows.
fn host_and_port(name: &str) -> (&str, u16) {
    let is_address = name.parse::<IpAddr>().is_ok();
    let (host, port) = match name.rsplit_once(':').filter(|_| !is_address) {
        Some((host, port)) => (host, port.parse().unwrap_or(PORT)),
        None => (name, PORT),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

async fn by_datagram(at: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = match at {
        SocketAddr::V4(_) => [0, 0, 0, 0].into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(at).await?;
    socket.send(message).await?;
    let mut answer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut answer).await?;
        // Another answer than the one to this question is somebody else's.
        if answer.get(..2) == message.get(..2) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn by_connection(at: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
