//! Tests through the front doors: the real router, the simulator, a SQLite file of its own, and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod crash;
mod faults;
mod journey;
mod pages;
mod support;
