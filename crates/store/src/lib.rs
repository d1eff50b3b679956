//! The database of Patchboard.
//!
//! **Invariant:** the only room that sees SQL, and it decides nothing: it keeps what the backend decided, in transactions
//! whose bounds are its functions. SQL is written so that SQLite and PostgreSQL both take it; see
//! `docs/adr/0004-one-sql-for-two-engines.md`.

mod accounts;
mod error;
mod identities;
mod instances;
mod journal;
mod ledger;
mod offers;
mod orders;
mod plans;
mod reviews;
mod sessions;
mod sync;
mod tasks;
mod time;
mod user;

pub use accounts::{Factor, UserChange};
pub use error::Error;
pub use identities::Identity;
pub use instances::InstanceListing;
pub use journal::{Begun, Claim, Submission, UnknownItem};
pub use ledger::LedgerSearch;
pub use orders::OrderRow;
pub use reviews::{CommentRow, NewReview};
pub use sessions::{NewSession, OpenSession};

use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// A database that is open and migrated. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: writers queue here and not inside SQLite.
    write: SqlitePool,
    read: SqlitePool,
}

/// A statement that takes longer is worth a line in a debug log.
const SLOW: Duration = Duration::from_secs(1);

/// A claim on a database: see [`Store::claim`]. Held by the operating system, so it ends with the process.
#[derive(Debug)]
pub struct Claimed(#[expect(dead_code, reason = "what matters is that the file stays open")] std::fs::File);

/// The file of `sqlite:PATH`.
fn path_of(url: &str) -> Result<&str, Error> {
    let path = url.strip_prefix("sqlite:").map(|p| p.trim_start_matches("//"));
    // A URL of another database may hold a password: only its kind is repeated.
    let kind = || url.split_once(':').map_or_else(|| url.to_owned(), |(kind, _)| format!("{kind}:…"));
    path.filter(|p| !p.is_empty() && !p.starts_with(":memory:") && !p.contains(['?', '#'])).ok_or_else(|| Error::Url(kind()))
}

/// Where a file that may not exist yet really is.
fn real_path(path: &str) -> std::io::Result<PathBuf> {
    let path = Path::new(path);
    if path.exists() {
        return path.canonicalize();
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(parent.canonicalize()?.join(path.file_name().unwrap_or_default()))
}

fn make_directory(path: &str) -> Result<(), Error> {
    match Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => std::fs::create_dir_all(parent).map_err(|source| Error::Directory { path: parent.display().to_string(), source }),
        None => Ok(()),
    }
}

fn options(path: &str) -> Result<SqliteConnectOptions, Error> {
    Ok(SqliteConnectOptions::from_str(&format!("sqlite:{path}"))?
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // The journal must survive a power cut between "written" and "sent".
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .log_slow_statements(log::LevelFilter::Debug, SLOW))
}

/// One connection to a database of ours. A file that holds something else is left as it is.
async fn connect(path: &str, options: SqliteConnectOptions) -> Result<SqlitePool, Error> {
    let opening = |source: sqlx::Error| Error::Open { path: path.to_owned(), source };
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(opening)?;
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.map_err(opening);
    let tables = count("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").await?;
    let ours = count("SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'").await?;
    if tables > 0 && ours == 0 {
        pool.close().await;
        return Err(Error::Foreign(path.to_owned()));
    }
    Ok(pool)
}

/// Whether the schema is that of this version, which is not to be changed.
async fn is_of_this_version(pool: &SqlitePool) -> Result<(), Error> {
    let has: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(pool).await?;
    let ours = MIGRATOR.iter().map(|m| m.version).max().unwrap_or_default();
    match has.unwrap_or_default() {
        has if has > ours => Err(Error::Newer(has)),
        has if has < ours => Err(Error::Older(has)),
        _ => Ok(()),
    }
}

/// Makes an empty file that its owner alone reads: hashes of passwords come into it. SQLite gives what it makes beside it the same
/// permissions.
fn make_file(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

impl Store {
    /// Opens `sqlite:PATH` (the directory is made when it is missing) and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Url`] for anything else, [`Error::Newer`] for a database of a newer Patchboard, [`Error::Database`].
    pub async fn open(url: &str) -> Result<Self, Error> {
        let path = path_of(url)?;
        make_directory(path)?;
        make_file(path).map_err(|source| Error::Directory { path: path.to_owned(), source })?;
        let write = connect(path, options(path)?).await?;
        MIGRATOR.run(&write).await.map_err(Error::from_migration)?;
        Self::with_readers(path, write).await
    }

    /// Opens a database for a command, beside a server that may be running on it: only that one changes its schema. Without one
    /// it is claimed, and brought up to date as by [`Store::open`].
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::Older`] when the running server is of an older version.
    pub async fn open_beside(url: &str) -> Result<(Self, Option<Claimed>), Error> {
        match Self::claim(url) {
            Ok(claimed) => Ok((Self::open(url).await?, Some(claimed))),
            Err(Error::InUse(_)) => {
                let path = path_of(url)?;
                let write = connect(path, options(path)?).await?;
                is_of_this_version(&write).await?;
                Ok((Self::with_readers(path, write).await?, None))
            }
            Err(other) => Err(other),
        }
    }

    /// Opens a database to read it and nothing else, as it is: whoever proves something about it has not touched it.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Open`] when there is none, [`Error::Foreign`], [`Error::Newer`], [`Error::Older`].
    pub async fn open_to_read(url: &str) -> Result<Self, Error> {
        let path = path_of(url)?;
        let read = connect(path, options(path)?.read_only(true)).await?;
        is_of_this_version(&read).await?;
        Ok(Self { write: read.clone(), read })
    }

    async fn with_readers(path: &str, write: SqlitePool) -> Result<Self, Error> {
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options(path)?.read_only(true)).await?;
        Ok(Self { write, read })
    }

    /// Claims the database of a URL for one process, until what is returned is dropped or the process ends, however it ends. Only
    /// who has claimed it may take an attempt without an end for one that was interrupted.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Url`], [`Error::Directory`].
    pub fn claim(url: &str) -> Result<Claimed, Error> {
        let path = path_of(url)?;
        make_directory(path)?;
        // Beside the file itself: by whatever name or link it is reached, it is one database.
        let real = real_path(path).map_err(|source| Error::Directory { path: path.to_owned(), source })?;
        let lock = format!("{}.lock", real.display());
        let failed = |source: std::io::Error| Error::Directory { path: lock.clone(), source };
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Claimed(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
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
