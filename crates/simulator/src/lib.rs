//! A GaussDB cloud on this machine: a real HTTP server over a seeded world.
//!
//! It checks signatures and tokens as the cloud does, answers in the cloud's inconsistent formats, moves tasks through
//! their states on a clock, and fails on demand. `docs/simulator.md` lists what it does not imitate.
//!
//! **Invariant:** knows nothing of Patchboard's rules; only the cloud's contract, through `patchboard_gaussdb`.

mod answers;
mod auth;
pub mod fault;
mod handle;
pub mod idp;
pub mod proxy;
mod seed;
mod server;
pub mod world;

pub use auth::{ACCESS_KEY, DOMAIN, PASSWORD, PROJECT, SECRET_KEY, SECURITY_TOKEN, TEMPORARY_KEY, USER};
pub use fault::{Act, Fault};
pub use server::{Clock, Options, Simulator};
pub use world::{Switches, Task, TaskState, World};
