//! One writer at a time, on either engine: a transaction that reads and writes cannot be overtaken.
//!
//! SQLite: writers that queue while another one writes share its flush to disk. Each is a savepoint of one transaction, and none is
//! told "written" before that transaction is on disk. PostgreSQL: a lock of the database, so that the writers of all replicas queue.

use crate::{
    Error,
    tx_postgres::{Locked, PostgresTx},
};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor, Transaction};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot, watch};

/// Queues the writers of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Writer {
    /// In this process.
    Grouped(Arc<Mutex<Group>>, watch::Receiver<Flushes>),
    /// In the database.
    Locked(Locked),
}

/// The transaction that the writers of a moment share.
#[derive(Debug)]
pub(crate) struct Group {
    pool: AnyPool,
    open: Option<Open>,
    flushes: watch::Sender<Flushes>,
}

/// How many groups have written something, and how many of them are on disk or undone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flushes {
    begun: u64,
    ended: u64,
}

#[derive(Debug)]
struct Open {
    shared: Transaction<'static, Any>,
    /// Members so far: each has a savepoint of its own name, so that what is left of one that was cancelled is nobody else's.
    members: u64,
    /// Whoever has written, and waits for it to be on disk.
    waiting: Vec<oneshot::Sender<Result<(), Arc<sqlx::Error>>>>,
}

impl Group {
    async fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let result = open.shared.commit().await.map_err(Arc::new);
        self.tell(open.waiting, result);
    }

    fn tell(&self, waiting: Vec<oneshot::Sender<Result<(), Arc<sqlx::Error>>>>, result: Result<(), Arc<sqlx::Error>>) {
        if waiting.is_empty() {
            return;
        }
        self.flushes.send_modify(|f| f.ended += 1);
        for one in waiting {
            // Whoever has gone meanwhile has its words written all the same.
            let _ = one.send(result.clone());
        }
    }
}

impl Writer {
    /// One connection is what `pool` must have.
    pub(crate) fn grouped(pool: AnyPool) -> Self {
        let (flushes, flushed) = watch::channel(Flushes::default());
        Self::Grouped(Arc::new(Mutex::new(Group { pool, open: None, flushes })), flushed)
    }

    /// Waits for what is being brought onto the disk now: whoever was refused because of what another one has just written finds
    /// it when it reads.
    pub(crate) async fn flushed(&self) {
        if let Self::Grouped(_, flushes) = self {
            let mut flushes = flushes.clone();
            let begun = flushes.borrow().begun;
            // The sender is in the group, and the group in this writer.
            let _ = flushes.wait_for(|f| f.ended >= begun).await;
        }
    }

    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        match self {
            Self::Locked(locked) => Ok(Tx(Some(Inner::Own(locked.begin().await?)))),
            Self::Grouped(group, _) => {
                let mut guard = group.clone().lock_owned().await;
                if guard.open.is_none() {
                    // At once for writing: a command of ours beside the server may write too, and a late upgrade would be refused.
                    let shared = guard.pool.begin_with("BEGIN IMMEDIATE").await?;
                    guard.open = Some(Open { shared, members: 0, waiting: Vec::new() });
                }
                let number = guard.open.as_mut().map_or(0, |open| {
                    open.members += 1;
                    open.members
                });
                let mut tx = Tx(Some(Inner::Member { guard, group: group.clone(), number, undo: false }));
                tx.execute(AssertSqlSafe(format!("SAVEPOINT m{number}"))).await?;
                tx.undo_if_dropped(true);
                Ok(tx)
            }
        }
    }

    /// How often something was brought onto the disk.
    pub(crate) fn flushes(&self) -> u64 {
        match self {
            Self::Grouped(_, flushes) => flushes.borrow().ended,
            Self::Locked(_) => 0,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Locked(locked) => locked.pool.close().await,
            Self::Grouped(group, _) => {
                let mut guard = group.lock().await;
                guard.close().await;
                guard.pool.close().await;
            }
        }
    }
}

/// A transaction of a writer. Dropped without [`Tx::commit`] it did not happen.
#[derive(Debug)]
pub(crate) struct Tx(Option<Inner>);

#[derive(Debug)]
enum Inner {
    Own(PostgresTx),
    /// `undo`: its savepoint stands, and what it wrote is to be undone if it is dropped.
    Member {
        guard: OwnedMutexGuard<Group>,
        group: Arc<Mutex<Group>>,
        number: u64,
        undo: bool,
    },
}

impl Tx {
    fn undo_if_dropped(&mut self, whether: bool) {
        if let Some(Inner::Member { undo, .. }) = &mut self.0 {
            *undo = whether;
        }
    }

    /// Returns when it is on disk.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if let Some(Inner::Member { number, .. }) = &self.0 {
            let release = AssertSqlSafe(format!("RELEASE m{number}"));
            // Whoever is cancelled from here on cannot know whether it was kept; what others have written must not depend on it.
            self.undo_if_dropped(false);
            if let Err(error) = self.execute(release).await {
                self.undo_if_dropped(true);
                return Err(error.into());
            }
        }
        match self.0.take() {
            Some(Inner::Own(own)) => own.commit().await,
            Some(Inner::Member { mut guard, group, .. }) => {
                let (told, on_disk) = oneshot::channel();
                let Some(open) = &mut guard.open else { return Err(Error::Lost) };
                open.waiting.push(told);
                if open.waiting.len() == 1 {
                    guard.flushes.send_modify(|f| f.begun += 1);
                    // It queues behind whoever waits already: they come into the same flush.
                    tokio::spawn(async move { group.lock().await.close().await });
                }
                drop(guard);
                match on_disk.await {
                    Ok(result) => result.map_err(Error::Flush),
                    Err(_) => Err(Error::Lost),
                }
            }
            None => Err(Error::Lost),
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(Inner::Member { mut guard, number, undo, .. }) = self.0.take() else { return };
        let undo = async move {
            let Some(open) = &mut guard.open else { return };
            let back = AssertSqlSafe(format!("ROLLBACK TO m{number}; RELEASE m{number}"));
            let undone = if undo { open.shared.execute(back).await.map(drop) } else { Ok(()) };
            match undone {
                // Others have written in it, and one of them is about to flush it.
                Ok(()) if !open.waiting.is_empty() => {}
                Ok(()) => guard.open = None,
                Err(error) => {
                    let error = Arc::new(error);
                    if let Some(open) = guard.open.take() {
                        guard.tell(open.waiting, Err(error));
                    }
                }
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(undo)),
            // Nobody is left to go on; closing the connection undoes it.
            Err(_) => drop(undo),
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.0 {
            Some(Inner::Own(own)) => own.as_connection(),
            Some(Inner::Member { guard, .. }) => match &guard.open {
                Some(open) => &open.shared,
                None => unreachable!("a member holds its group, and it alone closes it"),
            },
            None => unreachable!("a transaction is used up by its commit"),
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Some(Inner::Own(own)) => own.connection(),
            Some(Inner::Member { guard, .. }) => match &mut guard.open {
                Some(open) => &mut open.shared,
                None => unreachable!("a member holds its group, and it alone closes it"),
            },
            None => unreachable!("a transaction is used up by its commit"),
        }
    }
}
