//! The simulated cloud on a port, for any HTTP client: curl, az, aws, an SDK, or `failover` itself; and its name servers
//! on the same port for datagrams, for any resolver.
//!
//! A request to a loopback address is for Resource Manager; with any other `Host` it is for that host. Absolute
//! addresses in answers begin with what the client asked, so that it can follow them.

use super::Simulated;
use crate::wire::{Request, Response, SendError};
use axum::{
    body::{Body, to_bytes},
    extract::State,
};
use futures_util::{future, stream};
use http::{StatusCode, Uri, header::HOST};
use std::io;
use tokio::net::{TcpListener, UdpSocket};

/// No request of a failover is larger.
const LARGEST: usize = 64 << 20;

/// No question of a resolver is larger (RFC 6891, 6.2.5).
const LARGEST_QUESTION: usize = 4096;

/// A port of this machine: for requests, and for questions to name servers.
pub struct Port {
    requests: TcpListener,
    questions: UdpSocket,
}

impl Port {
    /// Takes a port of the loopback address for both; any free one when it is 0.
    pub async fn bind(number: u16) -> io::Result<Self> {
        let requests = TcpListener::bind(("127.0.0.1", number)).await?;
        let questions = UdpSocket::bind(requests.local_addr()?).await?;
        Ok(Self { requests, questions })
    }

    pub fn number(&self) -> io::Result<u16> {
        Ok(self.requests.local_addr()?.port())
    }
}

/// Serves until the port fails. Its clock must not be virtual: paused time jumps over what sockets do.
pub async fn serve(simulated: Simulated, port: Port) -> io::Result<()> {
    let router = axum::Router::new().fallback(answer).with_state(simulated.clone());
    tokio::select! {
        requests = axum::serve(port.requests, router) => requests,
        questions = answer_questions(&simulated, &port.questions) => questions,
    }
}

async fn answer_questions(simulated: &Simulated, socket: &UdpSocket) -> io::Result<()> {
    let mut question = vec![0; LARGEST_QUESTION];
    loop {
        let (length, from) = match socket.recv_from(&mut question).await {
            // Who asked before is gone: that is nobody else's trouble.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => continue,
            received => received?,
        };
        let answer = simulated.with_world(|world| world.cloud().ask_any(&question[..length]));
        if let Some(answer) = answer {
            socket.send_to(&answer, from).await?;
        }
    }
}

async fn answer(
    State(simulated): State<Simulated>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let request = match absolute(request).await {
        Ok(request) => request,
        Err(status) => return plain(status),
    };
    match simulated.reach(&request).await {
        Ok(response) => whole(response),
        // To a client that reached this port, a name that does not exist is a gateway's problem.
        Err(SendError::NotSent { .. }) => plain(StatusCode::BAD_GATEWAY),
        Err(
            SendError::Unanswered { .. } | SendError::ReadOnly { .. } | SendError::NoPermit { .. },
        ) => cut(),
    }
}

/// The request with its body, and with the address that its `Host` makes of it.
async fn absolute(request: http::Request<Body>) -> Result<Request, StatusCode> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or(StatusCode::BAD_REQUEST)?;
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    parts.uri = Uri::builder()
        .scheme("http")
        .authority(host)
        .path_and_query(path)
        .build()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Request::from_parts(parts, body))
}

fn whole(response: Response) -> http::Response<Body> {
    response.map(Body::from)
}

fn plain(status: StatusCode) -> http::Response<Body> {
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer that breaks off: its body ends before it began.
fn cut() -> http::Response<Body> {
    let lost = io::Error::from(io::ErrorKind::ConnectionReset);
    let body = stream::once(future::ready(Err::<bytes::Bytes, _>(lost)));
    http::Response::new(Body::from_stream(body))
}
