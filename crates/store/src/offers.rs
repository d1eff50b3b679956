//! Answers of the per-instance candidate call.

use crate::{
    Error, Store,
    error::{doc, json},
    sql::Sql,
    time::{instant, ms},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    id::{CloudName, InstanceId},
    patch::Offer,
};

impl Store {
    /// Keeps what the call gave: a list, or the sentence of its failure.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_offer(
        &self,
        cloud: &CloudName,
        id: &InstanceId,
        at: DateTime<Utc>,
        result: Result<&Offer, &str>,
    ) -> Result<(), Error> {
        self.write(
            sqlx::query(
                "INSERT INTO offers (cloud, instance, read_at, doc, error) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (cloud, instance) DO UPDATE SET read_at = excluded.read_at, doc = excluded.doc, error = excluded.error",
            )
            .bind(cloud.as_str())
            .bind(id.as_str())
            .bind(ms(at))
            .bind(result.ok().map(json))
            .bind(result.err()),
        )
        .await?;
        Ok(())
    }

    /// The offers of these instances that were read at `since` or later.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn offers(
        &self,
        cloud: &CloudName,
        ids: &[InstanceId],
        since: DateTime<Utc>,
    ) -> Result<Vec<(InstanceId, DateTime<Utc>, Result<Offer, String>)>, Error> {
        let mut out = Vec::new();
        for chunk in ids.chunks(500) {
            let mut q = Sql::new("SELECT instance, read_at, doc, error FROM offers WHERE cloud = ");
            q.push_bind(cloud.as_str()).push(" AND read_at >= ").push_bind(ms(since)).push(" AND instance IN (");
            q.push_list(chunk.iter().map(InstanceId::as_str)).push(")");
            let rows: Vec<(String, i64, Option<String>, Option<String>)> = q.rows(self.reader().await).await?;
            for (id, read_at, text, error) in rows {
                let result = match (text, error) {
                    (Some(text), _) => Ok(doc(&text, "offers", &id)?),
                    (None, error) => Err(error.unwrap_or_default()),
                };
                out.push((InstanceId::new(id), instant(read_at), result));
            }
        }
        Ok(out)
    }
}
