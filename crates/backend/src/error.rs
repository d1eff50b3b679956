//! Why a use case was not done.

use patchboard_domain::{
    account::AccountRefusal,
    authority::Denied,
    cancel::OrderRefusal,
    id::{InstanceId, PlanId},
};

/// Why a use case was not done. Display never shows its source; the chain is logged once, where it is handled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such thing.
    #[error("there is no such record")]
    NotFound,
    /// It was changed, by another tab or another person, since the page was shown.
    #[error("it was changed meanwhile")]
    Changed,
    /// It cannot be sent as it is; the page says why.
    #[error("the plan cannot be sent as it is")]
    NotReady,
    /// The typed number of instances is not theirs.
    #[error("the confirmation does not match")]
    Confirm,
    /// What is in doubt may still come: no list has proved anything yet.
    #[error("it may still come")]
    TooEarly,
    /// Another plan got there first.
    #[error("another plan is about to schedule one of the instances")]
    Conflict(Vec<(InstanceId, PlanId)>),
    /// A cancel or deletion that is not possible.
    #[error("the task cannot be changed so")]
    Order(OrderRefusal),
    /// Asked too often; in so many seconds again.
    #[error("asked too often")]
    TooMany(i64),
    /// Not allowed, and why.
    #[error("not allowed")]
    Denied(Denied),
    /// A name, a password, a role that cannot be taken.
    #[error("the account cannot be changed so")]
    Account(AccountRefusal),
    /// The plan needs a decision first.
    #[error("the plan needs a decision first")]
    NeedsReview,
    /// Words are missing: why changes are asked for, or why not.
    #[error("a comment is needed")]
    NeedsComment,
    /// What was sealed does not open with the key of this Patchboard, or there is none.
    #[error("the key file (server.key_file) does not open what is kept in the database: is it the one that was made with it?")]
    Sealed,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] patchboard_store::Error),
}

impl From<patchboard_store::Error> for Error {
    fn from(error: patchboard_store::Error) -> Self {
        match error {
            patchboard_store::Error::Changed => Self::Changed,
            patchboard_store::Error::Conflict => Self::Conflict(Vec::new()),
            other => Self::Store(other),
        }
    }
}
