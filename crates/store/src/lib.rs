//! The database of Patchboard.
//!
//! **Invariant:** the only room that sees SQL, and it decides nothing: it keeps what the backend decided, in transactions
//! whose bounds are its functions. SQL is written so that SQLite and PostgreSQL both take it; see
//! `docs/adr/0004-one-sql-for-two-engines.md`.

mod error;
mod instances;
mod journal;
mod offers;
mod orders;
mod plans;
mod sync;
mod tasks;
mod time;

pub use error::Error;
pub use instances::InstanceListing;
pub use journal::{Begun, Claim, Submission, UnknownItem};
pub use orders::OrderRow;

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, time::Duration};

/// A database that is open and migrated. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: writers queue here and not inside SQLite.
    write: SqlitePool,
    read: SqlitePool,
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

impl Store {
    /// Opens `sqlite:PATH` (the directory is made when it is missing) and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Url`] for anything else, [`Error::Newer`] for a database of a newer Patchboard, [`Error::Database`].
    pub async fn open(url: &str) -> Result<Self, Error> {
        let path = url.strip_prefix("sqlite:").map(|p| p.trim_start_matches("//")).ok_or_else(|| Error::Url(url.to_owned()))?;
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(Error::Url(url.to_owned()));
        }
        if let Some(parent) = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|source| Error::Directory { path: parent.display().to_string(), source })?;
        }
        let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // The journal must survive a power cut between "written" and "sent".
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        MIGRATOR.run(&write).await.map_err(Error::from_migration)?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true).create_if_missing(false)).await?;
        Ok(Self { write, read })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.read).await?;
        Ok(())
    }

    /// Closes all connections, after running statements have ended.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
