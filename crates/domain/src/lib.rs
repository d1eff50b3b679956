//! Types and rules of Patchboard, for the server and for the browser.
//!
//! **Invariant:** nothing here does I/O, asks a clock, draws a random number or knows a framework.
//! Time is an argument; every "no" is a value that carries its reason.

pub mod account;
pub mod approval;
pub mod authority;
pub mod blast;
pub mod cancel;
pub mod compile;
pub mod eligibility;
pub mod filter;
pub mod fleet;
pub mod hold;
pub mod id;
pub mod instance;
pub mod ledger;
pub mod moving;
pub mod pace;
pub mod patch;
pub mod plan;
pub mod protocol;
pub mod review;
pub mod schedule;
pub mod send;
pub mod settle;
pub mod sync;
pub mod task;
pub mod time;
pub mod version;
