//! What the replicas know together about a cloud, what is on hold, and who does what for all.

use crate::{
    Error, Store,
    error::json,
    ledger::append,
    sql::plain,
    time::{instant, ms},
};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    hold::{Hold, Scope},
    id::{CloudName, UserId},
    ledger::Deed,
    pace::CloudState,
};

/// What cannot be read may have said that nothing is to be called: then nothing is, and every page says so until a person resumes.
fn read_state(row: Option<(String,)>, cloud: &CloudName, now: DateTime<Utc>) -> CloudState {
    let Some((text,)) = row else { return CloudState::default() };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::error!(%cloud, %error, "the state of a cloud cannot be read; it is stopped until somebody resumes it");
        let mut state = CloudState::default();
        state.stopped_at = Some(now);
        state
    })
}

impl Store {
    /// What is known together about a cloud.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn cloud_state(&self, cloud: &CloudName) -> Result<CloudState, Error> {
        let row: Option<(String,)> = sqlx::query_as("SELECT CAST(doc AS TEXT) FROM cloud_states WHERE cloud = $1")
            .bind(cloud.as_str())
            .fetch_optional(self.reader().await)
            .await?;
        Ok(read_state(row, cloud, self.now().await?))
    }

    /// One transition of it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn on_cloud<T: Send>(
        &self,
        cloud: &CloudName,
        judge: impl FnOnce(&mut CloudState, DateTime<Utc>) -> T + Send,
    ) -> Result<T, Error> {
        let mut tx = self.begin().await?;
        let now = self.now_in(&mut tx).await?;
        let row: Option<(String,)> = sqlx::query_as("SELECT CAST(doc AS TEXT) FROM cloud_states WHERE cloud = $1")
            .bind(cloud.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        let before = read_state(row, cloud, now);
        let mut after = before.clone();
        let result = judge(&mut after, now);
        if after != before {
            sqlx::query("INSERT INTO cloud_states (cloud, doc) VALUES ($1, $2) ON CONFLICT (cloud) DO UPDATE SET doc = excluded.doc")
                .bind(cloud.as_str())
                .bind(json(&after))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
        Ok(result)
    }

    /// Takes a lease, or keeps one that the holder has. Returns whether it is the holder's.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn take_lease(&self, name: &str, holder: &str, seconds: i64) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let now = self.now_in(&mut tx).await?;
        let done = sqlx::query(
            "INSERT INTO leases (name, holder, fence, until) VALUES ($1, $2, 1, $3)
             ON CONFLICT (name) DO UPDATE SET fence = leases.fence + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END,
             holder = excluded.holder, until = excluded.until WHERE leases.holder = excluded.holder OR leases.until <= $4
             OR leases.until > $4 + 300000",
        )
        .bind(name)
        .bind(holder)
        .bind(ms(now + Duration::seconds(seconds)))
        .bind(ms(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn give_lease(&self, name: &str, holder: &str) -> Result<(), Error> {
        self.write(sqlx::query("UPDATE leases SET until = 0 WHERE name = $1 AND holder = $2").bind(name).bind(holder)).await?;
        Ok(())
    }

    /// Every lease and claim of former processes: nothing of them is at work any more, where only one can be.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn forget_leases(&self) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM leases").execute(&mut *tx).await?;
        sqlx::query("UPDATE requests SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by IS NOT NULL").execute(&mut *tx).await?;
        tx.commit().await
    }

    /// How many requests of a cloud are being worked on.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn busy(&self, cloud: &CloudName) -> Result<i64, Error> {
        let now = self.now().await?;
        Ok(sqlx::query_scalar(crate::entries::BUSY).bind(cloud.as_str()).bind(ms(now)).fetch_one(self.reader().await).await?)
    }

    /// Puts something on hold, or lets it go on.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_hold(&self, scope: &Scope, hold: Option<&Hold>, deed: Option<&Deed>) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        match hold {
            Some(hold) => {
                sqlx::query("INSERT INTO holds (scope, held_at, user_id, reason) VALUES ($1, $2, $3, $4) ON CONFLICT (scope) DO NOTHING")
                    .bind(scope.key())
                    .bind(ms(hold.at))
                    .bind(hold.by.as_ref().map(UserId::as_str))
                    .bind(plain(&hold.reason))
                    .execute(&mut *tx)
                    .await?;
            }
            None => {
                let everything = "DELETE FROM holds WHERE scope = $1 OR scope NOT LIKE 'cloud/%'";
                let sql = if *scope == Scope::Everything { everything } else { "DELETE FROM holds WHERE scope = $1" };
                sqlx::query(sql).bind(scope.key()).execute(&mut *tx).await?;
            }
        }
        if let Some(deed) = deed {
            append(&mut tx, deed).await?;
        }
        tx.commit().await
    }

    /// What is on hold beside single plans.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn holds(&self) -> Result<Vec<Hold>, Error> {
        let rows: Vec<(String, i64, Option<String>, String)> = sqlx::query_as(
            "SELECT CAST(scope AS TEXT), CAST(held_at AS BIGINT), user_id, CAST(reason AS TEXT) FROM holds ORDER BY held_at, scope",
        )
        .fetch_all(self.reader().await)
        .await?;
        let read = |(scope, at, by, reason): (String, i64, Option<String>, String)| {
            // One that cannot be understood holds everything.
            let scope = Scope::parse(&scope).unwrap_or(Scope::Everything);
            Hold { scope, at: instant(at), by: by.map(UserId::new), reason }
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
