//! The database of Patchboard.
//!
//! **Invariant:** the only room that sees SQL, and it decides nothing: it keeps what the backend decided, in transactions
//! whose bounds are its functions. SQL is written so that SQLite and PostgreSQL both take it; see
//! `docs/adr/0004-one-sql-for-two-engines.md`.

mod accounts;
mod clouds;
mod doubts;
mod engine;
mod entries;
mod error;
mod failpoint;
mod identities;
mod instances;
mod journal;
mod ledger;
mod moves;
mod offers;
mod orders;
mod plans;
mod reviews;
mod sessions;
mod sql;
mod stored_plans;
mod sync;
mod tasks;
mod time;
mod tx;
mod tx_postgres;
mod user;

pub use accounts::{Factor, UserChange};
pub use doubts::{Doubt, Due};
pub use engine::Claimed;
pub use entries::{Around, ClaimedEntry, EntryKey, listing_lease, sync_lease};
pub use error::Error;
pub use failpoint::failpoint;
pub use identities::Identity;
pub use instances::InstanceListing;
pub use journal::Submission;
pub use ledger::LedgerSearch;
pub use moves::{MoveOrder, MoveRow, Moves};
pub use orders::OrderRow;
pub use reviews::{CommentRow, NewReview};
pub use sessions::{NewSession, OpenSession};

use chrono::{DateTime, Utc};
use engine::Engine;
use sqlx::{
    Any, AnyPool,
    any::{AnyArguments, AnyQueryResult},
    query::Query,
};
use tx::{Tx, Writer};

/// A database that is open and migrated. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    write: Writer,
    read: AnyPool,
    clock: Option<StoreClock>,
}

/// A clock that stands for the database's.
#[derive(Clone)]
struct StoreClock(std::sync::Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl std::fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreClock")
    }
}

impl Store {
    /// A transaction of the one who writes now.
    async fn begin(&self) -> Result<Tx, Error> {
        self.write.begin().await
    }

    /// Where to read.
    async fn reader(&self) -> &AnyPool {
        self.write.flushed().await;
        &self.read
    }

    /// A transaction of one statement.
    async fn write(&self, query: Query<'_, Any, AnyArguments>) -> Result<AnyQueryResult, Error> {
        let mut tx = self.begin().await?;
        let done = query.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Measures leases and evidence with this clock. Without it the database's own does, if it has one that its replicas share.
    #[must_use]
    pub fn with_clock(self, clock: std::sync::Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>) -> Self {
        Self { clock: Some(StoreClock(clock)), ..self }
    }

    /// Whether only one process can be at work on it: then whoever began something before this one did has ended.
    pub fn is_exclusive(&self) -> bool {
        self.engine == Engine::Sqlite
    }

    /// How often this process has brought something onto the disk, where it flushes by itself. Writers that queue share one.
    pub fn flushes(&self) -> u64 {
        self.write.flushes()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(self.reader().await).await?;
        Ok(())
    }

    /// Closes all connections, after running statements have ended.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}
