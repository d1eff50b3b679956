//! The use cases of Patchboard.
//!
//! **Invariant:** every door (page, server function, command line) comes through here, and nothing else changes the store
//! or calls a cloud. The cloud's words end in [`translate`]; what time it is comes from [`clock`].

mod candidates;
pub mod clock;
pub mod cloud;
mod drafts;
mod error;
mod fleet;
mod orders;
mod plans;
mod sender;
mod services;
mod sync;
mod tasks;
mod translate;
mod worker;
pub mod zones;

pub use cloud::{Cloud, CloudSettings, Secrets};
pub use drafts::Selection;
pub use error::Error;
pub use patchboard_store::{Error as StoreError, Store};
pub use services::{Policy, Services};
pub use worker::Workers;
