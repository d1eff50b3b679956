//! What the last sync passes found.

use crate::{
    Error, Store,
    error::{doc, json},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{fleet::SyncStatus, id::CloudName};

/// When the last complete listing of the tasks of a cloud began.
pub(crate) async fn tasks_at(tx: &mut Tx, cloud: &CloudName) -> Result<Option<DateTime<Utc>>, Error> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT doc FROM sync_status WHERE cloud = $1").bind(cloud.as_str()).fetch_optional(&mut **tx).await?;
    let status: Option<SyncStatus> = row.map(|(text,)| doc(&text, "sync_status", cloud.as_str())).transpose()?;
    Ok(status.and_then(|s| s.tasks_at))
}

impl Store {
    /// The status of one cloud, if it was ever tried.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn sync_status(&self, cloud: &CloudName) -> Result<Option<SyncStatus>, Error> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT doc FROM sync_status WHERE cloud = $1").bind(cloud.as_str()).fetch_optional(self.reader().await).await?;
        row.map(|(text,)| doc(&text, "sync_status", cloud.as_str())).transpose()
    }

    /// Keeps the status of one cloud.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_sync_status(&self, status: &SyncStatus) -> Result<(), Error> {
        self.write(
            sqlx::query("INSERT INTO sync_status (cloud, doc) VALUES ($1, $2) ON CONFLICT (cloud) DO UPDATE SET doc = excluded.doc")
                .bind(status.cloud.as_str())
                .bind(json(status)),
        )
        .await?;
        Ok(())
    }
}
