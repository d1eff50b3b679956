//! The first page, and the ledger.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::{
    fleet::{InboxView, Page},
    ledger::StoredEntry,
};

/// What waits, what comes, what went wrong.
#[server(endpoint = "inbox")]
pub async fn load_inbox() -> Result<InboxView, ApiError> {
    let (services, actor) = super::who()?;
    services.inbox(&actor).await.map_err(super::failed)
}

/// A page of the ledger.
#[server(endpoint = "ledger/list")]
pub async fn load_ledger(words: String, what: String, subject: String, page: i64) -> Result<Page<StoredEntry>, ApiError> {
    let (services, actor) = super::who()?;
    let search = patchboard_backend::LedgerSearch { words, what, subject };
    services.ledger(&actor, &search, page).await.map_err(super::failed)
}
