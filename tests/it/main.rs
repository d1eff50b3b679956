//! Tests through the front doors: the real router, the simulator, a SQLite file of its own, and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod approved_bytes;
mod authority;
mod canary;
mod cli;
mod comparison;
mod connections;
mod crash;
mod database;
mod doubt;
mod ends;
mod factor;
mod failpoints;
mod faults;
mod findings;
mod journey;
mod ledger;
mod listings;
mod moving;
mod network;
mod outages;
mod pages;
mod process;
mod raw_requests;
mod replicas;
mod review;
mod somebody;
mod sso;
mod storage;
mod support;
mod tls;
mod together;
mod torture;
mod web;
