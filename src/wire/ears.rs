//! Who hears what a program prints while it runs.

use super::{Ended, Request, Response};
use std::{fmt, sync::Arc};

type Hear = dyn Fn(&str) + Send + Sync;

/// Hears each line. Goes with a request beside its body; the deaf ones, which are the default, hear nothing.
#[derive(Clone, Default)]
pub struct Ears(Option<Arc<Hear>>);

impl Ears {
    pub fn new(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Those that go with a request.
    pub(super) fn of(request: &Request) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    pub fn hear(&self, line: &str) {
        if let Some(hear) = &self.0 {
            hear(line);
        }
    }

    /// Tells whoever listens to a program what it has printed, where that is known only at its end.
    pub fn catch_up(request: &Request, response: &Response) {
        let ears = Self::of(request);
        if ears.0.is_none() {
            return;
        }
        let Ok(ended) = serde_json::from_slice::<Ended>(response.body()) else { return };
        let lines = ended.stdout.lines().chain(ended.stderr.lines());
        lines.for_each(|line| ears.hear(line));
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ears")
    }
}
