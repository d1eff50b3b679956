//! Why a use case was not done.

use patchboard_domain::{
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
    /// Another plan got there first.
    #[error("another plan is about to schedule one of the instances")]
    Conflict(Vec<(InstanceId, PlanId)>),
    /// A cancel or deletion that is not possible.
    #[error("the task cannot be changed so")]
    Order(OrderRefusal),
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
