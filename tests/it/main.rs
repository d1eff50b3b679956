//! Tests through the front doors: the real router, the simulator, a SQLite file of its own, and a clock that stands still.

mod crash;
mod faults;
mod journey;
mod pages;
mod support;
