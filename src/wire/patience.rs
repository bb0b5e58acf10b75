//! Reads are tried again, or given up in time; changes are sent once, and waited for.

use super::{Intent, Request, Response, SendError, Transport, host, read_only::check, retry_after};
use crate::model::{Clock, span};
use async_trait::async_trait;
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// How often a read is sent at most.
const READS: u32 = 4;
/// The first pause between two tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a server can ask of a read before its answer is handed on as it is.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends reads again after 408, 429, 5xx and lost connections, as the server asks. A change or a probe goes out once,
/// and whatever came of it is handed on.
pub struct Patient {
    inner: Arc<dyn Transport>,
    clock: Clock,
}

impl Patient {
    pub fn new(inner: Arc<dyn Transport>, clock: Clock) -> Self {
        Self { inner, clock }
    }
}

#[async_trait]
impl Transport for Patient {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        check(&request, intent)?;
        if !matches!(intent, Intent::Read) {
            return self.inner.send(request, intent).await;
        }
        let mut pause = FIRST_PAUSE;
        for _ in 1..READS {
            match self.inner.send(request.clone(), intent).await {
                Ok(response) if !is_passing(response.status()) => return Ok(response),
                Ok(response) => match retry_after(&response) {
                    Some(asked) if asked > LONGEST_PAUSE => return Ok(response),
                    asked => self.clock.sleep(asked.unwrap_or(pause).max(pause)).await,
                },
                Err(error @ (SendError::ReadOnly { .. } | SendError::NoPermit { .. })) => {
                    return Err(error);
                }
                Err(_) => self.clock.sleep(pause).await,
            }
            pause *= 2;
        }
        self.inner.send(request, intent).await
    }
}

/// Gives reads up after a while: the region that they ask may be gone.
pub struct Bounded {
    inner: Arc<dyn Transport>,
    clock: Clock,
    limit: Duration,
}

impl Bounded {
    pub fn new(inner: Arc<dyn Transport>, clock: Clock, limit: Duration) -> Self {
        Self { inner, clock, limit }
    }
}

#[async_trait]
impl Transport for Bounded {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        if !intent.is_read() {
            return self.inner.send(request, intent).await;
        }
        let host = host(&request);
        let sent = self.inner.send(request, intent);
        self.clock.within(self.limit, sent).await.unwrap_or_else(|| {
            let why = format!("nothing within {}", span::show(self.limit));
            Err(SendError::Unanswered { host, why })
        })
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::Timestamp;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Answers 503, and counts.
    #[derive(Default)]
    struct Busy(AtomicU32);

    #[async_trait]
    impl Transport for Busy {
        async fn send(&self, _: Request, _: Intent<'_>) -> Result<Response, SendError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(http::Response::builder().status(503).body(Bytes::new()).unwrap())
        }
    }

    async fn sent(
        clock: &Clock,
        request: http::request::Builder,
        intent: Intent<'_>,
    ) -> (u32, bool) {
        let busy = Arc::new(Busy::default());
        let patient = Patient::new(busy.clone(), clock.clone());
        let answer = patient.send(request.body(Bytes::new()).unwrap(), intent).await;
        (busy.0.load(Ordering::SeqCst), answer.is_ok())
    }

    #[tokio::test]
    async fn a_read_is_tried_again_and_a_probe_is_not() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let get = || http::Request::get("https://app.example/health");
        assert_eq!(sent(&clock, get(), Intent::Read).await, (READS, true));
        assert_eq!(sent(&clock, get(), Intent::Probe).await, (1, true));
    }

    #[tokio::test]
    async fn what_is_called_a_read_and_is_none_stays_here() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let post = |path: &str| http::Request::post(format!("https://arm.example/sites/app{path}"));
        for intent in [Intent::Read, Intent::Probe] {
            assert_eq!(sent(&clock, post("/stop"), intent).await, (0, false));
        }
        assert_eq!(
            sent(&clock, post("/config/appsettings/list"), Intent::Read).await,
            (READS, true)
        );
    }
}
