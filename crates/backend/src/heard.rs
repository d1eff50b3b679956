//! When something was last heard: a database or a cloud that goes silent without closing its connection would keep whoever waits for it.

use crate::Error;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};

/// When one piece of work last heard something.
pub(crate) struct Heard(Mutex<Instant>);

impl Heard {
    /// Now, for the first time.
    pub(crate) fn begin() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// An answer came.
    pub(crate) fn note(&self) {
        *self.at() = Instant::now();
    }

    /// Whether something was heard in this time.
    pub(crate) fn is_within(&self, limit: Duration) -> bool {
        self.at().elapsed() < limit
    }

    /// Returns when nothing has been heard for so long.
    pub(crate) async fn silent_for(&self, limit: Duration) {
        loop {
            let until = *self.at() + limit;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn at(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for some work, and no longer than `limit`. Work that is dropped is work whose process ended: what it left open is put in doubt.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let silent = || Error::Store(patchboard_store::Error::NoAnswer(limit.as_secs()));
    timeout(limit, work).await.unwrap_or_else(|_| Err(silent()))
}
