//! Server functions. Loads answer with a view of the domain; changes answer with a redirect to the page that shows them, so
//! that a plain form and a browser without JavaScript see the same.

mod fleet;
mod plans;
mod tasks;

pub use fleet::*;
pub use plans::*;
pub use tasks::*;

use leptos::server_fn::{codec::JsonEncoding, error::FromServerFnError, error::ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// What a server function answers when it did not do it. Codes only: the page chooses the sentence, and nothing internal
/// leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiError {
    /// No such thing.
    NotFound,
    /// It was changed meanwhile.
    Changed,
    /// Something stands against it.
    NotReady,
    /// Another plan was faster.
    Conflict,
    /// Not possible in the present state.
    Refused,
    /// The confirmation does not match.
    Confirm,
    /// The server failed, or the call could not be read.
    Failed,
}

impl ApiError {
    /// The code in the query string of a page.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Changed => "changed",
            Self::NotReady => "not_ready",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Confirm => "confirm",
            Self::Failed => "failed",
        }
    }

    /// The error of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::NotFound, Self::Changed, Self::NotReady, Self::Conflict, Self::Refused, Self::Confirm, Self::Failed]
            .into_iter()
            .find(|e| e.code() == code)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::Failed
    }
}

#[cfg(feature = "ssr")]
mod ssr {
    use super::ApiError;
    use crate::paths;
    use leptos::prelude::*;
    use patchboard_backend::{Error, Services};
    use patchboard_domain::id::PlanId;

    /// The use cases, as the router provided them.
    pub(super) fn services() -> Result<Services, ApiError> {
        use_context().ok_or(ApiError::Failed)
    }

    /// Maps a failure; logs it once, with its chain, when it is ours.
    pub(super) fn failed(error: Error) -> ApiError {
        match error {
            Error::NotFound => ApiError::NotFound,
            Error::Changed => ApiError::Changed,
            Error::NotReady => ApiError::NotReady,
            Error::Confirm => ApiError::Confirm,
            Error::Conflict(_) => ApiError::Conflict,
            Error::Order(_) => ApiError::Refused,
            Error::Store(source) => {
                tracing::error!(error = ?source, "the store failed");
                ApiError::Failed
            }
        }
    }

    /// A draft that was sent meanwhile, in another tab, leads to what became of it.
    pub(super) fn sent_meanwhile<T>(view: Result<T, ApiError>, plan: Option<&PlanId>) -> Result<T, ApiError> {
        if let (Err(ApiError::Changed), Some(id)) = (&view, plan) {
            leptos_axum::redirect(&paths::plan(id));
        }
        view
    }

    /// Answers a change: on to the page that shows it, or back with the code of what stands against it.
    pub(super) fn answer(result: Result<String, Error>, back: &str) {
        let to = match result {
            Ok(to) => to,
            Err(error) => paths::with(&paths::local(back), "error", failed(error).code()),
        };
        leptos_axum::redirect(&to);
    }
}
#[cfg(feature = "ssr")]
use ssr::{answer, failed, sent_meanwhile, services};
