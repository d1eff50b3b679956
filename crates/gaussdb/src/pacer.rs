//! How calls are told apart, and who says when each may be made.

use crate::error::Error;
use std::pin::Pin;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Creates.
    Change,
    /// Cancels or deletes.
    TakeBack,
    /// Reads lists.
    Look,
    /// Reads what one instance may have.
    Prepare,
}

/// Says when a call may be made, and hears what came of each. All calls of a connection come past it, repetitions too.
pub trait Pacer: Send + Sync {
    /// Returns when it may be made.
    fn admit(&self, errand: Errand) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>>;
    /// Hears what came of it.
    fn heard<'a>(&'a self, errand: Errand, failure: Option<&'a Error>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}
