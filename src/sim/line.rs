//! Connections to simulated servers, in process.

use super::simulated::Simulated;
use crate::wire::Line;
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

pub(super) const BUFFER: usize = 64 * 1024;
/// How long nobody answers before a connection is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// How a server takes whoever comes.
pub(super) enum Door {
    Open,
    Refuses,
    Silent,
}

/// What became of a connection. `Err` with how long that takes.
pub(super) type Opened = Result<Line, Silence>;

pub(super) enum Silence {
    Refused,
    Long,
}

impl Silence {
    pub(super) async fn end(self, cloud: &Simulated) -> io::Error {
        match self {
            Self::Refused => io::Error::new(io::ErrorKind::ConnectionRefused, "refused"),
            Self::Long => {
                cloud.sleep(SILENCE).await;
                io::Error::new(io::ErrorKind::TimedOut, "nobody answers")
            }
        }
    }
}

impl Door {
    pub(super) fn open<F>(self, serve: impl FnOnce(DuplexStream) -> F) -> Opened
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        match self {
            Self::Refuses => Err(Silence::Refused),
            Self::Silent => Err(Silence::Long),
            Self::Open => {
                let (client, server) = duplex(BUFFER);
                Ok(Line::new(Served { client, server: Some(Box::pin(serve(server))) }))
            }
        }
    }
}

/// The client's end, which carries the server along and ends it when it is dropped.
struct Served {
    client: DuplexStream,
    server: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

impl Served {
    fn carry_on(&mut self, context: &mut Context<'_>) {
        if let Some(server) = &mut self.server
            && server.as_mut().poll(context).is_ready()
        {
            self.server = None;
        }
    }
}

impl AsyncRead for Served {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.carry_on(context);
        Pin::new(&mut self.client).poll_read(context, buffer)
    }
}

impl AsyncWrite for Served {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.client).poll_write(context, bytes);
        self.carry_on(context);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_shutdown(context)
    }
}
