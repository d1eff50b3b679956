//! Opening a database: which engine, whose it is, and how old its schema.

use crate::{Error, Store, tx::Writer, tx_postgres::Locked};
use sqlx::{
    AnyPool, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};
use tokio::time::timeout;

/// What keeps the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A file, of one serving process.
    Sqlite,
    /// A server, of several.
    Postgres,
}

impl Engine {
    /// Asks for the time in milliseconds. Not for the start of the transaction: it may have waited in the queue of writers.
    pub(crate) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS BIGINT)",
            Self::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// A database's address, taken apart.
pub(crate) struct Place<'a> {
    pub(crate) engine: Engine,
    /// The file, or the whole URL.
    address: &'a str,
}

/// A claim on a database: see [`Store::claim`]. Held by the operating system, so it ends with the process.
#[derive(Debug)]
pub struct Claimed(#[expect(dead_code, reason = "what matters is that the file stays open")] Option<std::fs::File>);

/// A statement that takes longer is worth a line in a debug log.
const SLOW: Duration = Duration::from_secs(1);

/// The journal must survive a power cut between "written" and "sent".
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000";
const SQLITE_READER: &str = "PRAGMA busy_timeout = 10000";
/// A replica that was stopped in the middle of a transaction must not hold up the others: the server ends its session. Writers of a
/// healthy one never pause inside a transaction for as long.
const POSTGRES: &str = "SET synchronous_commit = on; SET idle_in_transaction_session_timeout = '1500ms'; SET lock_timeout = '20s'; \
                        SET statement_timeout = '30s'; SET client_min_messages = warning";

static SQLITE_SCHEMA: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_SCHEMA: Migrator = sqlx::migrate!("migrations/postgres");

/// Longest time in which a connection that was used shows that it is well.
const RETURN_MAX: Duration = Duration::from_secs(5);

/// Connections of one replica to a server.
const CONNECTIONS: u32 = 12;

impl<'a> Place<'a> {
    pub(crate) fn of(url: &'a str) -> Result<Self, Error> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { engine: Engine::Postgres, address: url });
        }
        let path = url.strip_prefix("sqlite:").map(|p| p.trim_start_matches("//"));
        // A URL of another database may hold a password: only its kind is repeated.
        let kind = || url.split_once(':').map_or_else(|| url.to_owned(), |(kind, _)| format!("{kind}:…"));
        let path = path.filter(|p| !p.is_empty() && !p.starts_with(":memory:") && !p.contains(['?', '#']));
        Ok(Self { engine: Engine::Sqlite, address: path.ok_or_else(|| Error::Url(kind()))? })
    }

    /// The name for people: without a password.
    fn name(&self) -> String {
        match self.engine {
            Engine::Sqlite => self.address.to_owned(),
            Engine::Postgres => {
                let rest = self.address.split_once("://").map_or(self.address, |(_, rest)| rest);
                // What stands behind the question mark may be a password, too.
                let rest = rest.split('?').next().unwrap_or_default();
                format!("postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
            }
        }
    }

    fn schema(&self) -> &'static Migrator {
        match self.engine {
            Engine::Sqlite => &SQLITE_SCHEMA,
            Engine::Postgres => &POSTGRES_SCHEMA,
        }
    }

    fn options(&self, read_only: bool) -> Result<AnyConnectOptions, Error> {
        use sqlx::ConnectOptions;
        sqlx::any::install_default_drivers();
        let url = match self.engine {
            Engine::Postgres => self.address.to_owned(),
            Engine::Sqlite => {
                let real = real_path(self.address).map_err(|source| Error::Directory { path: self.address.to_owned(), source })?;
                format!("sqlite:{}{}", escaped(&real), if read_only { "?mode=ro" } else { "" })
            }
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|_| Error::Url(self.name()))?;
        Ok(options.log_statements(log::LevelFilter::Trace).log_slow_statements(log::LevelFilter::Debug, SLOW))
    }

    async fn pool(&self, connections: u32, settings: &'static str, read_only: bool) -> Result<AnyPool, Error> {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            // sqlx 0.9.0 looks after idle connections in a loop that a race can make endless (transact-rs/sqlx issue 3645, mended by pull
            // request 4289 after this version). Without these limits there is no such loop; a connection that is gone is noticed when it
            // is taken.
            .idle_timeout(None)
            .max_lifetime(None)
            // One whose commit failed may still believe to be inside it: it is not used again. Nor is one of which nothing is heard: sqlx
            // asks it as well, and would wait without a limit while others wait for its place.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let is_well = matches!(timeout(RETURN_MAX, connection.ping()).await, Ok(Ok(())));
                    if is_well { Ok(!connection.is_in_transaction()) } else { Err(sqlx::Error::PoolTimedOut) }
                })
            })
            .after_connect(move |connection, _| Box::pin(async move { connection.execute(settings).await.map(drop) }))
            .connect_with(self.options(read_only)?)
            .await
            .map_err(|source| self.cannot_open(source))
    }

    fn cannot_open(&self, source: sqlx::Error) -> Error {
        match self.engine {
            Engine::Sqlite => Error::Open { path: self.name(), source },
            Engine::Postgres if is_of_a_pooler(&source) => Error::Pooled(self.name()),
            Engine::Postgres => Error::Reach { place: self.name(), source },
        }
    }

    /// Refuses a pooler in transaction mode: settings, prepared statements and what sqlx knows of a connection belong to a session. Two
    /// connections that are open at once have two sessions, unless a pooler lends one to both.
    async fn has_sessions(&self, pool: &AnyPool) -> Result<(), Error> {
        if self.engine == Engine::Sqlite {
            return Ok(());
        }
        let pid = "SELECT pg_backend_pid()::BIGINT";
        let failed = |source| self.cannot_open(source);
        let (mut one, mut other) = (pool.acquire().await.map_err(failed)?, pool.acquire().await.map_err(failed)?);
        let first: i64 = sqlx::query_scalar(pid).fetch_one(&mut *one).await.map_err(failed)?;
        let second: i64 = sqlx::query_scalar(pid).fetch_one(&mut *other).await.map_err(failed)?;
        let again: i64 = sqlx::query_scalar(pid).fetch_one(&mut *one).await.map_err(failed)?;
        if first == second || first != again { Err(Error::Pooled(self.name())) } else { Ok(()) }
    }

    /// Refuses a database that holds something else. Returns whether it has a schema of ours.
    async fn is_ours(&self, pool: &AnyPool) -> Result<bool, Error> {
        let [tables, ours] = match self.engine {
            Engine::Sqlite => [
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            ],
            Engine::Postgres => [
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()",
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'",
            ],
        };
        let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.map_err(|e| self.cannot_open(e));
        let (tables, ours) = (count(tables).await?, count(ours).await?);
        if tables > 0 && ours == 0 {
            return Err(Error::Foreign(self.name()));
        }
        Ok(ours > 0)
    }

    /// Whether the schema is that of this version, which is not to be changed.
    async fn is_of_this_version(&self, pool: &AnyPool) -> Result<(), Error> {
        let has: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(pool).await?;
        let ours = self.schema().iter().map(|m| m.version).max().unwrap_or_default();
        match has.unwrap_or_default() {
            has if has > ours => Err(Error::Newer(has)),
            has if has < ours => Err(Error::Older(has)),
            _ => Ok(()),
        }
    }

    /// Before the schema of a file is changed, the file is kept as it is: `PATH.schema-N`. A server's database is its operator's to copy.
    async fn keep_copy(&self, pool: &AnyPool) -> Result<(), Error> {
        let has: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(pool).await?;
        let ours = self.schema().iter().map(|m| m.version).max().unwrap_or_default();
        let Some(has) = has.filter(|has| *has < ours && self.engine == Engine::Sqlite) else { return Ok(()) };
        let names = std::iter::once(String::new()).chain((2..).map(|n| format!(".{n}")));
        let mut copies = names.map(|n| format!("{}.schema-{has}{n}", self.address));
        // One of an earlier upgrade is never written over.
        let Some(copy) = copies.find(|path| !Path::new(path).exists()) else { return Ok(()) };
        copy_into(pool, &copy).await?;
        tracing::info!(copy, "kept a copy of the database before its schema is changed");
        Ok(())
    }

    async fn migrate(&self, write: &AnyPool) -> Result<(), Error> {
        let run = match self.engine {
            Engine::Sqlite => self.schema().run(write).await,
            // A large table takes its time, and so does waiting for another replica that is at it.
            Engine::Postgres => self.schema().run(&self.pool(1, "SET client_min_messages = warning", false).await?).await,
        };
        run.map_err(Error::from_migration)
    }

    async fn store(&self, write: AnyPool) -> Result<Store, Error> {
        let engine = self.engine;
        Ok(match engine {
            Engine::Sqlite => {
                let read = self.pool(4, SQLITE_READER, true).await?;
                Store { engine, write: Writer::grouped(write), read, clock: None }
            }
            Engine::Postgres => Store { engine, write: Writer::Locked(Locked::new(write.clone())), read: write, clock: None },
        })
    }

    async fn writing_pool(&self) -> Result<AnyPool, Error> {
        match self.engine {
            Engine::Sqlite => self.pool(1, SQLITE_WRITER, false).await,
            Engine::Postgres => self.pool(CONNECTIONS, POSTGRES, false).await,
        }
    }
}

/// Copies the file behind a pool. Half a copy never looks like one.
async fn copy_into(pool: &AnyPool, copy: &str) -> Result<(), Error> {
    let failed = |path: &str| {
        let path = path.to_owned();
        move |source: std::io::Error| Error::Directory { path, source }
    };
    // A name of its own: another one may be copying, and what is left of one that was killed is nobody's.
    let part = format!("{copy}.{}.part", std::process::id());
    if Path::new(&part).exists() {
        std::fs::remove_file(&part).map_err(failed(&part))?;
    }
    make_file(&part).map_err(failed(&part))?;
    sqlx::query("VACUUM INTO $1").bind(&part).execute(pool).await?;
    std::fs::File::open(&part).and_then(|f| f.sync_all()).map_err(failed(&part))?;
    // Never over another one, also where that came about just now.
    std::fs::hard_link(&part, copy).map_err(failed(copy))?;
    std::fs::remove_file(&part).map_err(failed(&part))?;
    let directory = Path::new(copy).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|d| d.sync_all()).map_err(failed(copy))
}

/// What PgBouncer refuses at the start, and what comes of sessions that change: a prepared statement that exists already (42P05), or
/// does not (26000).
fn is_of_a_pooler(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.message().contains("unsupported startup parameter") || matches!(error.code().as_deref(), Some("42P05" | "26000"))
    })
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`, and what comes of them.
fn is_damage(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| {
        let primary = code.parse::<i32>().unwrap_or_default() & 0xff;
        primary == 11 || primary == 26
    })
}

/// What a URL takes for something else than a part of the path.
fn escaped(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    path.to_string_lossy().bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
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

/// Opens the file that is locked, and makes it where there is none. Its owner alone may open it: whoever else could would be able to
/// hold the lock, and no server could start.
fn lock_file(path: &str) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Earlier versions made it with what umask left.
        if file.metadata()?.permissions().mode() & 0o777 != 0o600
            && let Err(error) = file.set_permissions(std::fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(path, %error, "other users can hold this lock, and its mode cannot be changed: it belongs to somebody else");
        }
    }
    Ok(file)
}

impl Store {
    /// What a URL names, for people: without a password.
    pub fn name(url: &str) -> String {
        Place::of(url).map_or_else(|error| error.to_string(), |place| place.name())
    }

    /// Opens `sqlite:PATH` (the directory is made when it is missing) or `postgres://…` and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Url`] for anything else, [`Error::Newer`] for a database of a newer Patchboard, [`Error::Database`].
    pub async fn open(url: &str) -> Result<Self, Error> {
        let place = Place::of(url)?;
        if place.engine == Engine::Sqlite {
            make_directory(place.address)?;
            make_file(place.address).map_err(|source| Error::Directory { path: place.address.to_owned(), source })?;
        }
        let write = place.writing_pool().await?;
        place.has_sessions(&write).await?;
        if place.is_ours(&write).await? {
            place.keep_copy(&write).await?;
        }
        place.migrate(&write).await?;
        place.store(write).await
    }

    /// Looks through the whole file of a database before something is built on it: a page that is damaged is said now, and not in the
    /// middle of a night. A server's database is checked by its server.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Open`], [`Error::Url`].
    pub async fn check_file(url: &str) -> Result<(), Error> {
        let place = Place::of(url)?;
        if place.engine == Engine::Postgres || !std::fs::metadata(place.address).is_ok_and(|file| file.len() > 0) {
            return Ok(());
        }
        let damaged = |found: String| Error::Damaged { path: place.name(), found };
        let pool = place.pool(1, SQLITE_READER, false).await.map_err(|error| match error {
            Error::Open { source, .. } if is_damage(&source) => damaged(source.to_string()),
            other => other,
        })?;
        let found: Result<String, sqlx::Error> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&pool).await;
        pool.close().await;
        match found {
            Ok(found) if found == "ok" => Ok(()),
            Ok(found) => Err(damaged(found)),
            Err(error) if is_damage(&error) => Err(damaged(error.to_string())),
            Err(error) => Err(place.cannot_open(error)),
        }
    }

    /// Copies the database of a file into another file while it is in use. The copy is whole, or there is none.
    ///
    /// # Errors
    /// [`Error::NoFile`] for a server's database, [`Error::Exists`], [`Error::Directory`], [`Error::Open`].
    pub async fn backup(url: &str, to: &Path) -> Result<(), Error> {
        let place = Place::of(url)?;
        if place.engine == Engine::Postgres {
            return Err(Error::NoFile);
        }
        if to.exists() {
            return Err(Error::Exists(to.display().to_string()));
        }
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        if !Path::new(place.address).exists() {
            return Err(Error::Directory { path: place.address.to_owned(), source: missing() });
        }
        let pool = place.pool(1, SQLITE_READER, false).await?;
        if !place.is_ours(&pool).await? {
            return Err(Error::Foreign(place.name()));
        }
        let result = copy_into(&pool, &to.display().to_string()).await;
        pool.close().await;
        result
    }

    /// Opens a database for a command, beside servers that may be running on it: only they change its schema. A file that nobody
    /// serves from is claimed, and brought up to date as by [`Store::open`]; so is an empty database of a server.
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::Older`] when the running server is of an older version.
    pub async fn open_beside(url: &str) -> Result<(Self, Option<Claimed>), Error> {
        let place = Place::of(url)?;
        if place.engine == Engine::Sqlite {
            match Self::claim(url) {
                Ok(claimed) => return Ok((Self::open(url).await?, Some(claimed))),
                Err(Error::InUse(_)) => {}
                Err(other) => return Err(other),
            }
        }
        let write = place.writing_pool().await?;
        if !place.is_ours(&write).await? {
            write.close().await;
            return Ok((Self::open(url).await?, None));
        }
        place.is_of_this_version(&write).await?;
        Ok((place.store(write).await?, None))
    }

    /// Opens a database to read it and nothing else, as it is: whoever proves something about it has not touched it.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Open`] when there is none, [`Error::Foreign`], [`Error::Newer`], [`Error::Older`].
    pub async fn open_to_read(url: &str) -> Result<Self, Error> {
        let place = Place::of(url)?;
        let read = match place.engine {
            Engine::Sqlite => place.pool(1, SQLITE_READER, true).await?,
            Engine::Postgres => place.pool(1, "SET default_transaction_read_only = on", true).await?,
        };
        place.is_ours(&read).await?;
        place.is_of_this_version(&read).await?;
        Ok(Self { engine: place.engine, write: Writer::Locked(Locked::new(read.clone())), read, clock: None })
    }

    /// Claims the database of a URL for one process, until what is returned is dropped or the process ends, however it ends. Only
    /// who has claimed a file may take an attempt without an end for one that was interrupted. A server's database is for several:
    /// there leases say who does what.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Url`], [`Error::Directory`].
    pub fn claim(url: &str) -> Result<Claimed, Error> {
        let place = Place::of(url)?;
        if place.engine == Engine::Postgres {
            return Ok(Claimed(None));
        }
        let path = place.address;
        make_directory(path)?;
        // Beside the file itself: by whatever name or link it is reached, it is one database.
        let real = real_path(path).map_err(|source| Error::Directory { path: path.to_owned(), source })?;
        let lock = format!("{}.lock", real.display());
        let failed = |source: std::io::Error| Error::Directory { path: lock.clone(), source };
        let file = lock_file(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Claimed(Some(file))),
            Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
