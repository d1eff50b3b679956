//! Points at which a test can end the process: debug builds only.

/// Ends the process here, at once and without a farewell, when `PATCHBOARD_FAILPOINT` is `NAME`, or `NAME:2` the second time it comes by;
/// `NAME=panic` panics instead. In a release build there are none.
#[cfg(debug_assertions)]
pub fn failpoint(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static ARMED: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(armed);
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Some(armed) = ARMED.as_deref() else { return };
    let (point, panics) = armed.strip_suffix("=panic").map_or((armed, false), |point| (point, true));
    let (point, wanted) = point.split_once(':').unwrap_or((point, "1"));
    if point != name || (PASSED.fetch_add(1, Ordering::SeqCst) + 1).to_string() != wanted {
        return;
    }
    if panics {
        panic!("failpoint {name}");
    }
    std::process::abort();
}

#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a test of the whole process reaches into it by its environment")]
fn armed() -> Option<String> {
    std::env::var("PATCHBOARD_FAILPOINT").ok()
}

/// In a release build there are none.
#[cfg(not(debug_assertions))]
pub fn failpoint(_: &str) {}
