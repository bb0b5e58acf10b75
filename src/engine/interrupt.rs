//! How somebody outside says stop.

use tokio::sync::watch;

/// How hard it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    #[default]
    None,
    /// Start nothing new, let what runs settle.
    Gently,
    /// Stop now; what runs goes on in the cloud.
    AtOnce,
}

/// The end that says it. Clones say it to the same run.
#[derive(Clone)]
pub struct Interrupter(watch::Sender<Force>);

impl Interrupter {
    pub fn new() -> (Self, Interrupts) {
        let (sender, receiver) = watch::channel(Force::None);
        (Self(sender), Interrupts(receiver))
    }

    /// The first time gently, then at once.
    pub fn interrupt(&self) {
        self.0.send_modify(|force| {
            *force = match force {
                Force::None => Force::Gently,
                Force::Gently | Force::AtOnce => Force::AtOnce,
            };
        });
    }
}

/// The end that hears it.
#[derive(Clone)]
pub struct Interrupts(watch::Receiver<Force>);

impl Interrupts {
    /// Waits for the next one. Never returns when nobody can say it any more.
    pub(super) async fn next(&mut self) -> Force {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.0.borrow_and_update()
    }
}
