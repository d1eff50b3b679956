//! Server functions. Loads answer with a view of the domain; changes answer with a redirect to the page that shows them, so
//! that a plain form and a browser without JavaScript see the same.

mod doubt;
mod fleet;
mod inbox;
mod people;
mod plans;
mod review;
mod tasks;

pub use doubt::*;
pub use fleet::*;
pub use inbox::*;
pub use people::*;
pub use plans::*;
pub use review::*;
pub use tasks::*;

use leptos::server_fn::{codec::JsonEncoding, error::FromServerFnError, error::ServerFnErrorErr};
use patchboard_domain::account::AccountRefusal;
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
    /// What is in doubt may still come.
    TooEarly,
    /// The confirmation does not match.
    Confirm,
    /// Asked too often.
    TooMany,
    /// Not allowed.
    Denied,
    /// It is too long ago that they showed who they are.
    Unproved,
    /// Who wrote a plan does not decide about it.
    OwnPlan,
    /// It needs a decision first.
    NeedsReview,
    /// Words are missing.
    NeedsComment,
    /// An account cannot be changed so.
    Account(AccountRefusal),
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
            Self::TooEarly => "too_early",
            Self::Confirm => "confirm",
            Self::TooMany => "too_many",
            Self::Denied => "denied",
            Self::Unproved => "unproved",
            Self::OwnPlan => "own_plan",
            Self::NeedsReview => "needs_review",
            Self::NeedsComment => "needs_comment",
            Self::Account(refusal) => match refusal {
                AccountRefusal::Name => "name",
                AccountRefusal::NameTaken => "name_taken",
                AccountRefusal::NoRole => "no_role",
                AccountRefusal::PasswordLength => "password_length",
                AccountRefusal::PasswordWeak => "password_weak",
                AccountRefusal::PasswordWrong => "password_wrong",
                AccountRefusal::Busy => "busy",
                AccountRefusal::Code => "code",
                AccountRefusal::LastAdministrator => "last_administrator",
                AccountRefusal::External => "external",
                AccountRefusal::FactorCode => "factor_code",
                AccountRefusal::SignOnNotOurs => "sso_not_ours",
                AccountRefusal::SignOnDeclined => "sso_declined",
                AccountRefusal::SignOnUntrusted => "sso_untrusted",
                AccountRefusal::SignOnUnreachable => "sso_unreachable",
                AccountRefusal::SignOnNoRole => "sso_no_role",
                AccountRefusal::SignOnNameTaken => "sso_name_taken",
                AccountRefusal::SignOnNotNow => "sso_not_now",
            },
            Self::Failed => "failed",
        }
    }

    const ALL: [Self; 32] = [
        Self::NotFound,
        Self::Changed,
        Self::NotReady,
        Self::Conflict,
        Self::Refused,
        Self::TooEarly,
        Self::Confirm,
        Self::TooMany,
        Self::Denied,
        Self::Unproved,
        Self::OwnPlan,
        Self::NeedsReview,
        Self::NeedsComment,
        Self::Account(AccountRefusal::Name),
        Self::Account(AccountRefusal::NameTaken),
        Self::Account(AccountRefusal::NoRole),
        Self::Account(AccountRefusal::PasswordLength),
        Self::Account(AccountRefusal::PasswordWeak),
        Self::Account(AccountRefusal::PasswordWrong),
        Self::Account(AccountRefusal::Busy),
        Self::Account(AccountRefusal::Code),
        Self::Account(AccountRefusal::LastAdministrator),
        Self::Account(AccountRefusal::External),
        Self::Account(AccountRefusal::FactorCode),
        Self::Account(AccountRefusal::SignOnNotOurs),
        Self::Account(AccountRefusal::SignOnDeclined),
        Self::Account(AccountRefusal::SignOnUntrusted),
        Self::Account(AccountRefusal::SignOnUnreachable),
        Self::Account(AccountRefusal::SignOnNoRole),
        Self::Account(AccountRefusal::SignOnNameTaken),
        Self::Account(AccountRefusal::SignOnNotNow),
        Self::Failed,
    ];

    /// The error of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.code() == code)
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

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        #[cfg(feature = "ssr")]
        ssr::unreadable(&error);
        // Its words name what the server expected; the answer does not repeat them.
        drop(error);
        Self::Failed
    }
}

#[cfg(feature = "ssr")]
mod ssr {
    use super::{ApiError, ServerFnErrorErr};
    use crate::{paths, viewer::Viewer};
    use leptos::prelude::*;
    use patchboard_backend::{Error, Services};
    use patchboard_domain::{account::Actor, authority::Denied, id::PlanId};

    /// The use cases, and who asks: as the router provided them. Nobody gets here who is not signed in.
    pub(super) fn who() -> Result<(Services, Actor), ApiError> {
        let services = use_context().ok_or(ApiError::Failed)?;
        let actor = use_context::<Viewer>().and_then(|v| v.who).ok_or(ApiError::Denied)?;
        Ok((services, actor))
    }

    /// Maps a failure; logs it once, with its chain, when it is ours.
    pub(super) fn failed(error: Error) -> ApiError {
        match error {
            Error::NotFound => ApiError::NotFound,
            Error::Changed => ApiError::Changed,
            Error::NotReady => ApiError::NotReady,
            Error::TooEarly => ApiError::TooEarly,
            Error::Confirm => ApiError::Confirm,
            Error::Conflict(_) => ApiError::Conflict,
            Error::Order(_) => ApiError::Refused,
            Error::TooMany(_) => ApiError::TooMany,
            Error::Denied(Denied::OwnPlan) => ApiError::OwnPlan,
            Error::Denied(Denied::Unproved) => ApiError::Unproved,
            Error::Denied(_) => ApiError::Denied,
            Error::NeedsReview => ApiError::NeedsReview,
            Error::NeedsComment => ApiError::NeedsComment,
            Error::Account(refusal) => ApiError::Account(refusal),
            Error::Store(source) => {
                tracing::error!(error = ?source, "the store failed");
                ApiError::Failed
            }
            Error::Sealed => {
                tracing::error!(error = %Error::Sealed, "a second factor cannot be read");
                ApiError::Failed
            }
        }
    }

    /// Fields that cannot be read are the caller's matter.
    pub(super) fn unreadable(error: &ServerFnErrorErr) {
        if matches!(error, ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_))
            && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        {
            response.set_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY);
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
        let to = result.unwrap_or_else(|error| after(error, back));
        leptos_axum::redirect(&to);
    }

    /// Where a change that was refused leads: back with the code of what stands against it, or to showing who one is.
    pub(crate) fn after(error: Error, back: &str) -> String {
        match failed(error) {
            ApiError::Unproved => paths::confirm(back),
            other => paths::with(&paths::local(back), "error", other.code()),
        }
    }
}
#[cfg(feature = "ssr")]
pub(crate) use ssr::after;
#[cfg(feature = "ssr")]
use ssr::{answer, failed, sent_meanwhile, who};
