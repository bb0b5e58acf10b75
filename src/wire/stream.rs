//! Byte streams to servers that speak protocols of their own.

use super::{Request, SendError};
use crate::model::{Clock, span};
use async_trait::async_trait;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What can be read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Both ways to a server.
pub struct Line(Box<dyn Stream>);

impl Line {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Opens streams. Only the clients of this module use them: they ask for a permit before anything is said that changes
/// something.
#[async_trait]
pub trait Streams: Send + Sync {
    async fn open(&self, host: &str, port: u16) -> io::Result<Line>;

    /// Whether what is said leaves this process, so that others could read it on its way.
    fn is_public(&self) -> bool;
}

/// Connects to the server that a request is for, to this port where it names none.
pub(super) async fn connect(
    (streams, clock): (&dyn Streams, &Clock),
    request: &Request,
    port: Option<u16>,
    within: Duration,
) -> Result<Line, SendError> {
    let uri = request.uri();
    let not_sent = |why: String| SendError::NotSent { host: place(request), why };
    let host = uri.host().unwrap_or_default();
    // An address of IPv6 stands in brackets there.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().or(port);
    let port = port.ok_or_else(|| not_sent("no port is named".to_owned()))?;
    match clock.within(within, streams.open(host, port)).await {
        Some(Ok(line)) => Ok(line),
        Some(Err(error)) => Err(not_sent(error.to_string())),
        None => Err(not_sent(nothing_within(within))),
    }
}

/// The server that a request is for, for messages: several of one name differ by their ports.
pub(super) fn place(request: &Request) -> String {
    request.uri().authority().map_or_else(String::new, ToString::to_string)
}

pub(super) fn nothing_within(length: Duration) -> String {
    format!("nothing within {}", span::show(length))
}

/// Streams over the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sockets;

#[async_trait]
impl Streams for Sockets {
    async fn open(&self, host: &str, port: u16) -> io::Result<Line> {
        let stream = TcpStream::connect((host, port)).await?;
        // Questions are short, and each of them waits for its answer.
        stream.set_nodelay(true)?;
        Ok(Line::new(stream))
    }

    fn is_public(&self) -> bool {
        true
    }
}
