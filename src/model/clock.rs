//! The one source of time. Nobody else reads a clock or sleeps.

use super::span;
use jiff::{SignedDuration, Timestamp};
use std::{fmt, future::Future, pin::pin, time::Duration};
use tokio::{sync::watch, time::Instant};

/// Tells the time and waits: the world's own time, a faster one that a person can watch, or virtual time that
/// passes only while nothing else is to be done.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    Real,
    Paced(watch::Sender<Pace>),
    Virtual { origin: Timestamp, started: Instant },
}

/// At the real instant `since` it was `at`, and `rate` seconds have passed in each real second from then on.
#[derive(Clone, Copy)]
struct Pace {
    at: Timestamp,
    since: Instant,
    rate: f64,
}

impl Pace {
    fn now(&self) -> Timestamp {
        let passed = self.since.elapsed().as_secs_f64() * self.rate;
        self.at + SignedDuration::from_secs_f64(passed)
    }

    /// The real instant at which it will be `until`. Absolute, so that error does not add up.
    fn instant(&self, until: Timestamp) -> Instant {
        let ahead = until.duration_since(self.at).as_secs_f64() / self.rate;
        self.since + Duration::try_from_secs_f64(ahead).unwrap_or_default()
    }
}

impl Clock {
    /// The world's own time.
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    /// Begins at `origin` and runs `rate` times as fast as the world.
    pub fn paced(origin: Timestamp, rate: f64) -> Self {
        Self(Kind::Paced(watch::Sender::new(Pace { at: origin, since: Instant::now(), rate })))
    }

    /// Begins at `origin` and jumps to the next timer whenever nothing else is to be done.
    ///
    /// Pauses the time of the current-thread runtime that it is called on. Such a world must offer no network, no
    /// process and no socket: paused time jumps over whatever another thread is doing for it.
    pub fn virtual_from(origin: Timestamp) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that pauses time")]
        tokio::time::pause();
        Self(Kind::Virtual { origin, started: Instant::now() })
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
            Kind::Real => Timestamp::now(),
            Kind::Paced(pace) => pace.borrow().now(),
            Kind::Virtual { origin, started } => *origin + started.elapsed(),
        }
    }

    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual { .. })
    }

    /// Changes how fast a paced clock runs; other clocks keep their own time.
    pub fn set_pace(&self, rate: f64) {
        if let Kind::Paced(pace) = &self.0 {
            pace.send_modify(|pace| {
                *pace = Pace { at: pace.now(), since: Instant::now(), rate };
            });
        }
    }

    pub async fn sleep(&self, length: Duration) {
        self.sleep_until(self.now() + length).await;
    }

    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Kind::Virtual { .. } => tokio::time::sleep(span::between(self.now(), until)).await,
            // The world's clock may be set while we sleep, so it is asked again.
            Kind::Real => loop {
                let left = span::between(self.now(), until);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(30))).await;
            },
            Kind::Paced(pace) => {
                let mut changes = pace.subscribe();
                loop {
                    let current = *changes.borrow_and_update();
                    if current.now() >= until {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep_until(current.instant(until)) => {}
                        _ = changes.changed() => {}
                    }
                }
            }
        }
    }

    /// What `work` came to, or `None` when it took longer than `length`.
    pub async fn within<T>(&self, length: Duration, work: impl Future<Output = T>) -> Option<T> {
        let work = pin!(work);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(length) => None,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn virtual_time_passes_without_waiting() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        clock.sleep(Duration::from_hours(4)).await;
        assert_eq!(clock.now().as_second(), 4 * 3_600);
    }

    #[tokio::test]
    async fn work_that_takes_too_long_is_given_up() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let slow = clock.sleep(Duration::from_secs(11));
        assert_eq!(clock.within(Duration::from_secs(10), slow).await, None);
        assert_eq!(clock.within(Duration::from_secs(10), async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_paced_clock_keeps_its_time_when_the_pace_changes() {
        let clock = Clock::paced(Timestamp::UNIX_EPOCH, 1_000.0);
        clock.sleep(Duration::from_secs(10)).await;
        let before = clock.now();
        clock.set_pace(0.001);
        let after = clock.now();
        assert!(before.as_second() >= 10);
        assert!(after >= before && after.as_second() - before.as_second() < 100);
    }
}
