//! Signing in at an OpenID Connect provider: authorization code, PKCE, state, nonce.
//!
//! **Invariant:** knows nothing of accounts or roles. What comes out of here was verified: who the provider says somebody is, and
//! nothing else of its answer. Tokens do not leave this crate.
//!
//! Specifications: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE), RFC 9207 (issuer in the answer), RFC 9700 (current
//! practice).

mod error;
mod flow;
mod http;
mod provider;

pub use error::Error;
pub use flow::Flow;
pub use provider::{Answer, Person, Provider, Settings};
