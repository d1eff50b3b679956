//! What time it is. The only place that asks the machine.

use chrono::{DateTime, Duration, Utc};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// Asks what time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some moment, by a clock that nobody sets and that never jumps.
    fn elapsed(&self) -> std::time::Duration {
        static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        BEGAN.elapsed()
    }

    /// Lets so much time pass.
    fn pass(&self, time: std::time::Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }

    /// Whether it is the machine's: only then is the clock of a shared database better.
    fn is_the_machines(&self) -> bool {
        false
    }
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

    fn is_the_machines(&self) -> bool {
        true
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

    fn elapsed(&self) -> std::time::Duration {
        // Set back on purpose, and by nobody else: for what happens in the demo it runs evenly.
        (self.now() - self.origin + Duration::days(3650)).to_std().unwrap_or_default()
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct TestClock(Mutex<(DateTime<Utc>, Duration)>);

impl TestClock {
    /// Stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new((now, Duration::zero())))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = (slot.0 + by, slot.1 + by);
    }

    /// Sets it, as somebody or a time server would: no time passes.
    pub fn jump(&self, by: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn elapsed(&self) -> std::time::Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.to_std().unwrap_or_default()
    }

    /// Whoever waits for this clock would wait for ever, so it is moved on.
    fn pass(&self, time: std::time::Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.advance(Duration::from_std(time).unwrap_or_default());
            tokio::task::yield_now().await;
        })
    }
}
