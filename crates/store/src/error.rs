//! Errors of the store.

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no database that this version speaks.
    #[error(
        "{0:?} is not a database this version can open; write sqlite:PATH, for example sqlite:data/patchboard.db, or postgres://USER@HOST/DATABASE"
    )]
    Url(String),
    /// The file cannot be opened, or is no database.
    #[error("{path} cannot be opened as a database: is it a file of Patchboard, and may this user write it and its directory?")]
    Open {
        /// The file.
        path: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The server of the database cannot be reached, or lets us not in.
    #[error("{place} cannot be opened: does the database server run there, and may this user use that database?")]
    Reach {
        /// Host and database, without a password.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Something in front of the server gives each transaction another session.
    #[error(
        "{0} is reached through a connection pooler that does not keep a session for each connection (PgBouncer: pool_mode = transaction); let store.url lead to the database server itself, or set pool_mode = session and ignore_startup_parameters = extra_float_digits"
    )]
    Pooled(String),
    /// The file holds tables of something else. Nothing was written into it.
    #[error("{0} is the database of another program; give Patchboard a file of its own (store.url)")]
    Foreign(String),
    /// The file is damaged. Nothing was written into it.
    #[error(
        "{path} is damaged or no database ({found}): is it a file of Patchboard? If it is, stop, keep the file, and restore a copy; what \
         was sent since is found in the cloud's list"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says of it.
        found: String,
    },
    /// The copy cannot be made.
    #[error("{0} exists already; a copy is never written over another one")]
    Exists(String),
    /// A server's database is copied by the tools of its server.
    #[error("only a file is copied by this command; copy a PostgreSQL database with pg_dump")]
    NoFile,
    /// Another process serves from this database.
    #[error("another Patchboard is running on {0}: two would send the same requests. Stop it first, or give this one another store.url")]
    InUse(String),
    /// The directory of the database cannot be made.
    #[error("the directory {path} cannot be made")]
    Directory {
        /// The directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A newer version wrote this database.
    #[error(
        "the database was written by a newer version of Patchboard (schema {0}); start that version, or restore the copy made before the upgrade"
    )]
    Newer(i64),
    /// An older version is running on this database, or was the last to.
    #[error(
        "the database is of an older version of Patchboard (schema {0}); start this version's server on it once, which brings it up to date"
    )]
    Older(i64),
    /// A migration failed.
    #[error("the database could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A value in a column cannot be read back.
    #[error("table {table} holds something that cannot be read in column {column}, row {row}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Primary key, for a person.
        row: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The row was changed by somebody else meanwhile.
    #[error("it was changed meanwhile")]
    Changed,
    /// The entry of a deed could not be written, so the deed did not happen.
    #[error("entry {0} of the ledger cannot be written, and nothing is done without it; run `patchboard ledger verify`")]
    Ledger(i64, #[source] sqlx::Error),
    /// A rule that the database itself keeps stands against it: for example two plans for one instance.
    #[error("another record already stands for the same thing")]
    Conflict,
    /// What was written did not come onto the disk, so it did not happen.
    #[error("the database could not keep it")]
    Flush(#[source] std::sync::Arc<sqlx::Error>),
    /// Nothing was heard for so many seconds. Whether it was kept is not known.
    #[error("there was no answer for {0} s")]
    NoAnswer(u64),
    /// This process is stopping: nobody knows whether it was kept.
    #[error("the database was closed meanwhile")]
    Lost,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

/// A row that was read; nothing of one that cannot be: it is for a person to mend, and must not keep the others from being read.
pub(crate) fn or_log<T>(row: Result<T, Error>) -> Option<T> {
    row.inspect_err(|error| tracing::error!(error = ?error, "a row cannot be read, and is left out")).ok()
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Conflict,
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// Whether a row cannot be read back.
    pub fn is_inconsistent(&self) -> bool {
        match self {
            Self::Inconsistent { .. } => true,
            // A value of another type than its column's, as SQLite keeps it.
            Self::Database(error) => matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)),
            _ => false,
        }
    }

    pub(crate) fn from_migration(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => Self::Newer(version),
            other => Self::Migration(other),
        }
    }
}

impl Error {
    /// A row that was read is found by no statement of ours.
    pub(crate) fn no_row(table: &'static str, column: &'static str, row: String) -> Self {
        Self::Inconsistent { table, column, row, source: serde::de::Error::custom("no row has this value") }
    }
}

/// Reads a JSON column.
pub(crate) fn doc<T: serde::de::DeserializeOwned>(text: &str, table: &'static str, row: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Inconsistent { table, column: "doc", row: row.to_owned(), source })
}

/// Writes a JSON column. Domain types have no map with keys that JSON cannot have, so this cannot fail.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A write that names the state it expects hits one row, or somebody was faster.
pub(crate) fn one_row(done: &sqlx::any::AnyQueryResult) -> Result<(), Error> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Changed) }
}
