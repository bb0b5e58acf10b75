//! The simulated cloud on a port, for any HTTP client: curl, az, an SDK, or `failover` itself.
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
use tokio::net::TcpListener;

/// No request of a failover is larger.
const LARGEST: usize = 64 << 20;

/// Serves until the listener fails. Its clock must not be virtual: paused time jumps over what sockets do.
pub async fn serve(simulated: Simulated, listener: TcpListener) -> std::io::Result<()> {
    let router = axum::Router::new().fallback(answer).with_state(simulated);
    axum::serve(listener, router).await
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
    let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = stream::once(future::ready(Err::<bytes::Bytes, _>(lost)));
    http::Response::new(Body::from_stream(body))
}
