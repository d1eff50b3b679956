//! The GaussDB API of Huawei Cloud, in the cloud's words.
//!
//! **Invariant:** knows no other crate of Patchboard and decides nothing: it signs, sends once, and says exactly how much is
//! known about what happened ([`Error::fate`]). A create call is never repeated here.

pub mod client;
pub mod credentials;
pub mod error;
pub mod instant;
pub mod pacer;
pub mod region;
pub mod sign;
pub mod wire;

pub use client::{Client, Options};
pub use credentials::Credentials;
pub use error::{Error, Fate};
pub use pacer::{Errand, Pacer};
