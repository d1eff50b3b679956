//! The use cases of Patchboard.
//!
//! **Invariant:** every door (page, server function, command line) comes through here, and nothing else changes the store
//! or calls a cloud. The cloud's words end in [`translate`]; what time it is comes from [`clock`].

mod accounts;
mod approval;
mod authorize;
mod begin;
mod candidates;
pub mod clock;
pub mod cloud;
mod doubts;
mod drafts;
mod error;
mod factor;
mod fleet;
mod heard;
mod inbox;
mod ledger;
mod moves;
mod orders;
mod pacer;
mod password;
mod plans;
mod review;
mod secret;
mod sender;
mod services;
mod sign_in;
mod sso;
mod sync;
mod tasks;
mod throttle;
mod together;
mod translate;
mod worker;
pub mod zones;

pub use accounts::FirstCode;
pub use authorize::{Subject, authorize};
pub use cloud::{Cloud, CloudSettings, Secrets};
pub use drafts::Selection;
pub use error::Error;
pub use factor::{Proposed, Seal};
pub use orders::{Given, REASON_MAX};
pub use patchboard_oidc::{Provider, Settings as ProviderSettings};
pub use patchboard_store::{Error as StoreError, LedgerSearch, Store, UserChange};
pub use plans::SentPages;
pub use review::Ruling;
pub use services::{Policy, Services, Ways};
pub use sign_in::{Attempt, Known, Origin, SignInError, SignedIn};
pub use sso::{BroughtBack, SentAway, SingleSignOn};
pub use worker::Workers;
