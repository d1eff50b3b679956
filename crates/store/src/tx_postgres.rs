//! A transaction in PostgreSQL that can be dropped at any moment.
//!
//! sqlx begins and ends transactions with futures that must not be dropped half-way: dropped inside `BEGIN` the connection goes back
//! to the pool inside a transaction that nobody knows of, dropped inside `COMMIT` a `ROLLBACK` follows it. Here such a connection is
//! closed.

use crate::Error;
use sqlx::{Any, AnyConnection, AnyPool, Executor, pool::PoolConnection};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::AbortHandle,
    time::timeout,
};

/// Any number that no other program on the database is likely to lock.
const WRITER_LOCK: &str = "SELECT pg_advisory_xact_lock(7282627301)::TEXT";

/// Longest time for which one writer keeps the others of its replica waiting. The server ends its work much earlier; a connection of
/// which nothing is heard any more does not.
const TURN_MAX: Duration = Duration::from_secs(30);

/// Longest time for undoing a transaction; afterwards the connection is closed, and the server undoes it.
const ROLLBACK_MAX: Duration = Duration::from_secs(5);

/// The writers of one replica: one of them at a time waits for the lock that all replicas share, so that a replica that is frozen
/// holds it with one connection at most.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) pool: AnyPool,
    turn: Arc<Mutex<()>>,
}

impl Locked {
    pub(crate) fn new(pool: AnyPool) -> Self {
        Self { pool, turn: Arc::default() }
    }

    pub(crate) async fn begin(&self) -> Result<PostgresTx, Error> {
        let turn = Turn::new(self.turn.clone().lock_owned().await);
        let mut tx = PostgresTx { connection: Some(self.pool.acquire().await?), is_open: false, turn: Some(turn) };
        tx.connection().execute("BEGIN").await?;
        tx.connection().execute(WRITER_LOCK).await?;
        tx.is_open = true;
        Ok(tx)
    }
}

/// Dropped without [`PostgresTx::commit`] it did not happen.
#[derive(Debug)]
pub(crate) struct PostgresTx {
    /// Nothing once it is committed.
    connection: Option<PoolConnection<Any>>,
    /// Whether the server is known to be inside the transaction. While it is not, the connection cannot be used again.
    is_open: bool,
    turn: Option<Turn>,
}

/// The turn of one writer. It ends with the value, or after [`TURN_MAX`]; the lock in the server keeps writers apart all the same.
#[derive(Debug)]
struct Turn {
    guard: Arc<std::sync::Mutex<Option<OwnedMutexGuard<()>>>>,
    limit: AbortHandle,
}

impl Turn {
    fn new(guard: OwnedMutexGuard<()>) -> Self {
        let guard = Arc::new(std::sync::Mutex::new(Some(guard)));
        let held = guard.clone();
        let limit = tokio::spawn(async move {
            tokio::time::sleep(TURN_MAX).await;
            tracing::warn!("a transaction has had no answer for {} s; other writers go on", TURN_MAX.as_secs());
            held.lock().unwrap_or_else(PoisonError::into_inner).take();
        });
        Self { guard, limit: limit.abort_handle() }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.limit.abort();
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl PostgresTx {
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a transaction is used up by its commit"),
        }
    }

    pub(crate) fn as_connection(&self) -> &AnyConnection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("a transaction is used up by its commit"),
        }
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.is_open = false;
        self.connection().execute("COMMIT").await?;
        // Ended, and known to be: back into the pool.
        drop(self.connection.take());
        Ok(())
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let turn = self.turn.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if self.is_open => drop(runtime.spawn(async move {
                let rolled_back = timeout(ROLLBACK_MAX, connection.execute("ROLLBACK")).await;
                if !matches!(rolled_back, Ok(Ok(_))) {
                    connection.close_on_drop();
                }
                drop((connection, turn));
            })),
            _ => connection.close_on_drop(),
        }
    }
}
