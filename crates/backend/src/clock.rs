//! What time it is. The only place that asks the machine.

use chrono::{DateTime, Duration, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks what time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that started at the machine's time and runs `speed` times as fast, and can be set back while a past is made: for the
/// demo.
#[derive(Debug)]
pub struct DemoClock {
    origin: DateTime<Utc>,
    speed: i32,
    behind: Mutex<Duration>,
}

impl DemoClock {
    /// Starts now; `speed` is at least 1.
    pub fn new(speed: u16) -> Self {
        Self { origin: SystemClock.now(), speed: i32::from(speed.max(1)), behind: Mutex::new(Duration::zero()) }
    }

    /// Runs so far behind from now on.
    pub fn set_behind(&self, behind: Duration) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = behind;
    }
}

impl Clock for DemoClock {
    fn now(&self) -> DateTime<Utc> {
        let behind = *self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        self.origin + (SystemClock.now() - self.origin) * self.speed - behind
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
