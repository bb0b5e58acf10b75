//! Byte streams to servers that speak protocols of their own.

use async_trait::async_trait;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
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
