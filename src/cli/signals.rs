//! Hears Ctrl-C, the end of the session and a polite kill. They all say the same.

use crate::{
    engine::Interrupter,
    model::{Exit, Failure},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};

/// The signals of this process, from the moment it is made until it is dropped.
pub(super) struct Signals {
    heard: mpsc::UnboundedReceiver<()>,
    hearing: JoinSet<()>,
}

impl Signals {
    pub(super) fn hear() -> Result<Self, Failure> {
        let (sender, heard) = mpsc::unbounded_channel();
        let mut hearing = JoinSet::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind).map_err(|error| {
                Failure::new(Exit::Bug, "cannot begin: signals cannot be heard").because(error)
            })?;
            let sender = sender.clone();
            hearing.spawn(async move {
                while signals.recv().await.is_some() && sender.send(()).is_ok() {}
            });
        }
        Ok(Self { heard, hearing })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.heard.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// What `work` comes to, unless a signal comes first: nothing has begun yet that would have to settle.
    pub(super) async fn or_leave<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.next() => {
                Err(Failure::new(Exit::Interrupted, "interrupted before anything was sent"))
            }
            done = work => done,
        }
    }

    /// Says each of them to a run: the first gently, the second at once.
    pub(super) fn tell(mut self, interrupter: Interrupter) -> JoinSet<()> {
        let mut telling = JoinSet::new();
        telling.spawn(async move {
            while self.heard.recv().await.is_some() {
                interrupter.interrupt();
            }
            self.hearing.shutdown().await;
        });
        telling
    }
}
