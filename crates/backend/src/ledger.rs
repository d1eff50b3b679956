//! The ledger: written with every deed, read and verified here.

use crate::{Error, Services};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    filter::PAGE_SIZE,
    fleet::Page,
    hold::{Hold, Scope},
    ledger::{Broken, Chain, Deed, StoredEntry},
};
use patchboard_store::LedgerSearch;
use serde_json::{Value, json};

/// Entries read at once while the whole ledger is followed.
const PIECE: i64 = 1_000;

/// Breaks that a hold names.
const MOST_NAMED: usize = 5;

impl Services {
    /// A deed of somebody, now.
    pub(crate) fn deed(&self, actor: &Actor, what: &'static str, subject: impl Into<String>, detail: Value) -> Deed {
        Deed { at: self.now(), actor: actor.clone(), what, subject: subject.into(), detail }
    }

    /// A page of entries, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn ledger(&self, actor: &Actor, search: &LedgerSearch, page: i64) -> Result<Page<StoredEntry>, Error> {
        self.allow(actor, Action::ReadLedger)?;
        let page = page.max(1);
        let (rows, total) = self.store().ledger(search, PAGE_SIZE, (page - 1).saturating_mul(PAGE_SIZE)).await?;
        Ok(Page { rows, total, page })
    }

    /// Entries after a number, ascending, for an export in pieces.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn ledger_after(&self, actor: &Actor, seq: i64) -> Result<Vec<StoredEntry>, Error> {
        self.allow(actor, Action::ReadLedger)?;
        Ok(self.store().ledger_after(seq, PIECE).await?)
    }

    /// Follows the whole chain when a server starts. Where it is broken everything is put on hold, for a person to look and to decide:
    /// pages still answer, and nothing is sent on the word of a ledger that somebody has changed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn hold_if_broken(&self) -> Result<(), Error> {
        let (_, _, broken) = self.verify_ledger().await?;
        if broken.is_empty() {
            return Ok(());
        }
        let named = broken.iter().take(MOST_NAMED).map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let reason = format!("the ledger is broken: {named}. Run `patchboard ledger verify` before you let it go on.");
        tracing::error!(reason, "everything is on hold");
        let hold = Hold { scope: Scope::Everything, at: self.now(), by: None, reason };
        let deed = self.deed(&Actor::system(), "send.hold", "hold/everything", json!({ "scope": "everything", "reason": hold.reason }));
        match self.store().put_hold(&Scope::Everything, Some(&hold), Some(&deed)).await {
            Ok(()) => Ok(()),
            // So broken that nothing can be written into it: the hold stands all the same.
            Err(error) => {
                tracing::error!(error = ?error, "the hold cannot be written into the ledger");
                Ok(self.store().put_hold(&Scope::Everything, Some(&hold), None).await?)
            }
        }
    }

    /// Follows the whole chain, and holds what stands beside each entry against its text. Returns the number of entries, the hash of
    /// the last, and every break.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn verify_ledger(&self) -> Result<(i64, String, Vec<Broken>), Error> {
        let mut chain = Chain::default();
        let (mut last, mut hash) = (i64::MIN, patchboard_domain::ledger::GENESIS.to_owned());
        let head = loop {
            let entries = self.store().ledger_after(last, PIECE).await?;
            if let Some(end) = entries.last() {
                (last, hash) = (end.entry.seq, end.entry.hash.clone());
                entries.iter().for_each(|e| chain.take_stored(e));
                continue;
            }
            // Entries may have been written since the last piece: then the head is beyond them, and they are read as well.
            let head = self.store().ledger_head().await?;
            if head.as_ref().is_none_or(|(seq, _)| *seq <= chain.last()) || self.store().ledger_after(last, 1).await?.is_empty() {
                break head;
            }
        };
        let count = chain.last();
        let mut broken = chain.end(head.as_ref().map(|(seq, hash)| (*seq, hash.as_str())));
        if !self.store().ledger_is_guarded().await? {
            broken.push(Broken::Unguarded);
        }
        Ok((count, hash, broken))
    }
}
