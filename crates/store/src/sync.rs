//! What the last sync passes found.

use crate::{
    Error, Store,
    error::{json, one_row},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{id::CloudName, sync::SyncStatus};

/// When the last complete listing of the tasks of a cloud began.
pub(crate) async fn tasks_at(tx: &mut Tx, cloud: &CloudName) -> Result<Option<DateTime<Utc>>, Error> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT CAST(doc AS TEXT) FROM sync_status WHERE cloud = $1").bind(cloud.as_str()).fetch_optional(&mut **tx).await?;
    Ok(read_status(row, cloud).and_then(|s| s.tasks_at))
}

/// What cannot be read is as if the cloud had never been listed; the next pass writes it anew.
fn read_status(row: Option<(String,)>, cloud: &CloudName) -> Option<SyncStatus> {
    let (text,) = row?;
    serde_json::from_str(&text)
        .inspect_err(|error| tracing::error!(%cloud, %error, "the status of a cloud cannot be read; it is listed anew"))
        .ok()
}

impl Store {
    /// The status of one cloud, if it was ever tried.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sync_status(&self, cloud: &CloudName) -> Result<Option<SyncStatus>, Error> {
        let row: Option<(String,)> = sqlx::query_as("SELECT CAST(doc AS TEXT) FROM sync_status WHERE cloud = $1")
            .bind(cloud.as_str())
            .fetch_optional(self.reader().await)
            .await?;
        Ok(read_status(row, cloud))
    }

    /// Keeps the status of one cloud. `holder` is the replica that looks at it.
    ///
    /// # Errors
    /// [`Error::Changed`] when another one has taken over looking, [`Error::Database`].
    pub async fn put_sync_status(&self, status: &SyncStatus, holder: &str) -> Result<(), Error> {
        let done = self
            .write(
                sqlx::query(
                    "INSERT INTO sync_status (cloud, doc) SELECT $1, $2 FROM leases WHERE name = $3 AND holder = $4
                     ON CONFLICT (cloud) DO UPDATE SET doc = excluded.doc",
                )
                .bind(status.cloud.as_str())
                .bind(json(status))
                .bind(crate::sync_lease(&status.cloud))
                .bind(holder),
            )
            .await?;
        one_row(&done)
    }
}
