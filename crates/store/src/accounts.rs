//! Accounts, one-time codes, second factors. Codes are kept as hashes only.

use crate::{
    Error, Store,
    error::{json, one_row, or_log},
    ledger::append,
    sessions::end_sessions,
    sql::Sql,
    time::{instant, ms},
    tx::Tx,
    user::{Row, SELECT, insert_user},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::{Role, User},
    id::UserId,
    ledger::Deed,
};

/// How many can manage people whatever becomes of anybody else: enabled administrators with a password of ours.
const ABLE: &str = "SELECT COUNT(*) FROM users WHERE disabled_at IS NULL AND roles LIKE '%administrator%' AND password IS NOT NULL";

/// What is kept of a second factor. Secrets are sealed with a key that is not in the database.
#[derive(Clone, Debug, Default)]
pub struct Factor {
    /// In use.
    pub secret: Option<String>,
    /// Shown, and not yet confirmed.
    pub pending: Option<String>,
}

/// A change of an account.
#[derive(Clone, Debug)]
pub enum UserChange {
    /// Other roles.
    Roles(Vec<Role>),
    /// May not be used from then on; all its sessions end.
    Disable(DateTime<Utc>),
    /// May be used again.
    Enable,
}

/// A new password ends every session, every code, and what browsers are known by.
async fn set_password(tx: &mut Tx, id: &UserId, password: &str) -> Result<(), Error> {
    sqlx::query("UPDATE users SET password = $1 WHERE id = $2").bind(password).bind(id.as_str()).execute(&mut **tx).await?;
    end_sessions(tx, id).await?;
    for sql in ["DELETE FROM codes WHERE user_id = $1", "DELETE FROM devices WHERE user_id = $1"] {
        sqlx::query(sql).bind(id.as_str()).execute(&mut **tx).await?;
    }
    Ok(())
}

impl Store {
    /// Every account, by name. One that cannot be read is left out and logged: nobody acts for it, and the others do without it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows: Vec<Row> = Sql::new(format!("{SELECT} ORDER BY name_key")).readable_rows(self.reader().await).await?;
        Ok(rows.into_iter().filter_map(|row| or_log(row.read())).collect())
    }

    /// One account. Read where it is written, so that a change counts at once.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, Error> {
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1")))
            .bind(id.as_str())
            .fetch_optional(self.reader().await)
            .await?;
        row.map(Row::read).transpose()
    }

    /// Whether there is an administrator who can come in.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn has_administrator(&self) -> Result<bool, Error> {
        let able: i64 = sqlx::query_scalar(ABLE).fetch_one(self.reader().await).await?;
        Ok(able > 0)
    }

    /// The account of a name, with its password hash.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<(User, Option<String>)>, Error> {
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE name_key = $1")))
            .bind(name.trim().to_lowercase())
            .fetch_optional(self.reader().await)
            .await?;
        row.map(|mut row| {
            let password = row.password.clone();
            row.password = row.password.map(|_| String::new());
            Ok((row.read()?, password))
        })
        .transpose()
    }

    /// A new account without a password.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Database`].
    pub async fn add_user(&self, user: &User, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        insert_user(&mut tx, user).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes an account. Refuses to leave nobody who may manage people.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it would leave no administrator, [`Error::Changed`] when there is no such account,
    /// [`Error::Database`].
    pub async fn change_user(&self, id: &UserId, change: &UserChange, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let query = match change {
            UserChange::Roles(roles) => sqlx::query("UPDATE users SET roles = $1 WHERE id = $2").bind(json(roles)),
            UserChange::Disable(at) => sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2").bind(ms(*at)),
            UserChange::Enable => sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2").bind(None::<i64>),
        };
        let all = "SELECT COUNT(*) FROM users WHERE disabled_at IS NULL AND roles LIKE '%administrator%'";
        let (had, before): (i64, i64) =
            (sqlx::query_scalar(all).fetch_one(&mut *tx).await?, sqlx::query_scalar(ABLE).fetch_one(&mut *tx).await?);
        let done = query.bind(id.as_str()).execute(&mut *tx).await?;
        one_row(&done)?;
        let left: i64 = sqlx::query_scalar(all).fetch_one(&mut *tx).await?;
        // One who has not chosen a password yet cannot manage anybody, and one who comes from a provider only as long as it is there.
        let after: i64 = sqlx::query_scalar(ABLE).fetch_one(&mut *tx).await?;
        if (left == 0 && had > 0) || (after == 0 && before > 0) {
            return Err(Error::Conflict);
        }
        if matches!(change, UserChange::Disable(_)) {
            end_sessions(&mut tx, id).await?;
            sqlx::query("DELETE FROM codes WHERE user_id = $1").bind(id.as_str()).execute(&mut *tx).await?;
        }
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps a new password; every session of the account ends, and so do its codes.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_password(&self, id: &UserId, password: &str, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        set_password(&mut tx, id, password).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Replaces the hash of a password by one of the same password with newer parameters.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn rehash_password(&self, id: &UserId, old: &str, new: &str) -> Result<(), Error> {
        self.write(sqlx::query("UPDATE users SET password = $1 WHERE id = $2 AND password = $3").bind(new).bind(id.as_str()).bind(old))
            .await?;
        Ok(())
    }

    /// Keeps a one-time code; an older one for the same purpose is void.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_code(
        &self,
        hash: &str,
        user: Option<&UserId>,
        made_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let user = user.map(UserId::as_str);
        sqlx::query("DELETE FROM codes WHERE COALESCE(user_id, '') = $1").bind(user.unwrap_or_default()).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO codes (hash, user_id, made_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(hash)
            .bind(user)
            .bind(ms(made_at))
            .bind(ms(expires_at))
            .execute(&mut *tx)
            .await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Until when the code of the first administrator is good, if there is one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn first_code_until(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        let until: Option<i64> = sqlx::query_scalar("SELECT MAX(expires_at) FROM codes WHERE user_id IS NULL AND expires_at > $1")
            .bind(ms(now))
            .fetch_one(self.reader().await)
            .await?;
        Ok(until.map(instant))
    }

    /// Whose a code is, while it is good: nothing inside means that it makes the first administrator.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn code(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Option<UserId>>, Error> {
        let row: Option<(Option<String>,)> = sqlx::query_as("SELECT user_id FROM codes WHERE hash = $1 AND expires_at > $2")
            .bind(hash)
            .bind(ms(now))
            .fetch_optional(self.reader().await)
            .await?;
        Ok(row.map(|(user,)| user.map(UserId::new)))
    }

    /// Uses a code up: the account, where it makes one, and its password, in one transaction. Whoever is first has it.
    ///
    /// # Errors
    /// [`Error::Changed`] when the code is used or too old, or an administrator exists by now; [`Error::Conflict`] when the name is
    /// taken; [`Error::Database`].
    pub async fn redeem(
        &self,
        code: &str,
        user: &User,
        is_first: bool,
        password: &str,
        now: DateTime<Utc>,
        deeds: &[Deed],
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("DELETE FROM codes WHERE hash = $1 AND expires_at > $2").bind(code).bind(ms(now)).execute(&mut *tx).await?;
        let others: i64 = sqlx::query_scalar(ABLE).fetch_one(&mut *tx).await?;
        if done.rows_affected() != 1 || (is_first && others > 0) {
            return Err(Error::Changed);
        }
        if is_first {
            insert_user(&mut tx, user).await?;
        }
        set_password(&mut tx, &user.id, password).await?;
        for deed in deeds {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The sealed secret of somebody's second factor, and the one that waits to be confirmed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn factor(&self, id: &UserId) -> Result<Factor, Error> {
        let row: Option<(Option<String>, Option<String>)> = sqlx::query_as("SELECT factor, factor_pending FROM users WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.reader().await)
            .await?;
        let (secret, pending) = row.unwrap_or_default();
        Ok(Factor { secret, pending })
    }

    /// Keeps a secret that was shown, until its first code comes back.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn propose_factor(&self, id: &UserId, sealed: &str) -> Result<(), Error> {
        self.write(sqlx::query("UPDATE users SET factor_pending = $1 WHERE id = $2").bind(sealed).bind(id.as_str())).await?;
        Ok(())
    }

    /// The secret that was shown is the second factor from now on. Every session but the one with this hash ends.
    ///
    /// # Errors
    /// [`Error::Changed`] when another one was shown meanwhile, [`Error::Database`].
    pub async fn confirm_factor(&self, id: &UserId, sealed: &str, step: i64, session: &str, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done =
            sqlx::query("UPDATE users SET factor = $1, factor_pending = NULL, factor_step = $2 WHERE id = $3 AND factor_pending = $1")
                .bind(sealed)
                .bind(step)
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
        one_row(&done)?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND hash <> $2").bind(id.as_str()).bind(session).execute(&mut *tx).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every sealed secret with its owner.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sealed_factors(&self) -> Result<Vec<(UserId, String)>, Error> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT id, factor FROM users WHERE factor IS NOT NULL").fetch_all(self.reader().await).await?;
        Ok(rows.into_iter().map(|(id, sealed)| (UserId::new(id), sealed)).collect())
    }

    /// Uses up the code of a time step.
    ///
    /// # Errors
    /// [`Error::Changed`] when that step, or a later one, was used; [`Error::Database`].
    pub async fn use_factor_step(&self, id: &UserId, step: i64) -> Result<(), Error> {
        // One that lies ahead of everything that can be shown now was used before the clock was set back.
        let done = self
            .write(
                sqlx::query("UPDATE users SET factor_step = $1 WHERE id = $2 AND (COALESCE(factor_step, 0) < $1 OR factor_step > $1 + 2)")
                    .bind(step)
                    .bind(id.as_str()),
            )
            .await?;
        one_row(&done)
    }

    /// Takes somebody's second factor away; every session of theirs ends.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn drop_factor(&self, id: &UserId, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET factor = NULL, factor_pending = NULL WHERE id = $1").bind(id.as_str()).execute(&mut *tx).await?;
        end_sessions(&mut tx, id).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }
}
