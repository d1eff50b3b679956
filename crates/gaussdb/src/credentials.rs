//! Ways to prove who is asking. Secrets are wrapped so that they cannot be printed by accident.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// Credentials of one cloud connection.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A permanent access key, or a temporary one with its security token.
    Key {
        /// Access key: an identifier, shown in full in the `Authorization` header.
        access: String,
        /// Secret key; never leaves this process.
        secret: SecretString,
        /// Security token of a temporary key.
        security_token: Option<SecretString>,
    },
    /// An IAM user; exchanged for a token that is valid for 24 hours.
    Password {
        /// Account (domain) name.
        domain: String,
        /// User name.
        user: String,
        /// Password.
        password: SecretString,
    },
}

/// A token that was obtained with a password.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    pub(crate) expires_at: DateTime<Utc>,
    /// `token.project.id` of the answer.
    pub(crate) project: Option<String>,
}

/// A token is renewed this long before it expires.
pub(crate) const RENEW_MINUTES: i64 = 30;
