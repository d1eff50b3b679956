//! Sessions and known browsers. Tokens are kept as hashes only.

use crate::{
    Error, Store,
    error::one_row,
    ledger::append,
    time::{instant, ms},
    tx::Tx,
    user::{Row, SELECT},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::{Session, User},
    id::UserId,
    ledger::Deed,
};
use sqlx::FromRow;

/// A session with its owner.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Whose it is.
    pub user: User,
    /// The session.
    pub session: Session,
}

/// A session that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// Of its token.
    pub hash: &'a str,
    /// Whose it is.
    pub user: &'a UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// When they showed who they are.
    pub proved_at: DateTime<Utc>,
    /// Address it begins from.
    pub address: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// Hash of what the browser is known by from now on.
    pub device: &'a str,
    /// Hash of the session that the browser had: it ends.
    pub replaces: Option<&'a str>,
}

#[derive(FromRow)]
struct SessionRow {
    hash: String,
    user_id: String,
    made_at: i64,
    seen_at: i64,
    proved_at: i64,
    address: String,
    agent: String,
}

const SESSIONS: &str = "SELECT hash, user_id, made_at, seen_at, proved_at, address, agent FROM sessions";

impl SessionRow {
    fn read(self) -> Session {
        Session {
            id: session_name(&self.hash),
            made_at: instant(self.made_at),
            seen_at: instant(self.seen_at),
            proved_at: instant(self.proved_at),
            address: self.address,
            agent: self.agent,
        }
    }
}

/// What a session is called on pages: enough of its hash to tell it from others, useless to open it.
fn session_name(hash: &str) -> String {
    hash.chars().take(16).collect()
}

pub(crate) async fn end_sessions(tx: &mut Tx, user: &UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user.as_str()).execute(&mut **tx).await?;
    Ok(())
}

pub(crate) async fn insert_session(tx: &mut Tx, new: &NewSession<'_>, deed: &Deed) -> Result<(), Error> {
    if let Some(old) = new.replaces {
        sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(old).execute(&mut **tx).await?;
    }
    // Whoever was disabled while they signed in has no session.
    let done = sqlx::query(
        "INSERT INTO sessions (hash, user_id, made_at, seen_at, proved_at, address, agent)
         SELECT $1, id, $3, $3, $4, $5, $6 FROM users WHERE id = $2 AND disabled_at IS NULL",
    )
    .bind(new.hash)
    .bind(new.user.as_str())
    .bind(ms(new.at))
    .bind(ms(new.proved_at))
    .bind(new.address)
    .bind(new.agent)
    .execute(&mut **tx)
    .await?;
    one_row(&done)?;
    sqlx::query("INSERT INTO devices (hash, user_id, made_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING")
        .bind(new.device)
        .bind(new.user.as_str())
        .bind(ms(new.at))
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE users SET signed_in_at = $1 WHERE id = $2").bind(ms(new.at)).bind(new.user.as_str()).execute(&mut **tx).await?;
    append(tx, deed).await
}

impl Store {
    /// Begins a session in place of the one that the browser had, and remembers the browser.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_session(&self, new: &NewSession<'_>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        insert_session(&mut tx, new, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether somebody has signed in to this account from this browser before.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn knows_device(&self, hash: &str, user: &UserId) -> Result<bool, Error> {
        let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM devices WHERE hash = $1 AND user_id = $2")
            .bind(hash)
            .bind(user.as_str())
            .fetch_one(self.reader().await)
            .await?;
        Ok(n > 0)
    }

    /// The session of a token's hash with its owner, used since `idle` and begun since `absolute`. Each
    /// request asks anew: what was ended, or whose owner was disabled, opens nothing.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn session(&self, hash: &str, idle: DateTime<Utc>, absolute: DateTime<Utc>) -> Result<Option<OpenSession>, Error> {
        let row: Option<SessionRow> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{SESSIONS} WHERE hash = $1 AND seen_at >= $2 AND made_at >= $3")))
                .bind(hash)
                .bind(ms(idle))
                .bind(ms(absolute))
                .fetch_optional(self.reader().await)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let user: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1 AND disabled_at IS NULL")))
            .bind(&row.user_id)
            .fetch_optional(self.reader().await)
            .await?;
        let Some(user) = user.map(Row::read).transpose()? else { return Ok(None) };
        Ok(Some(OpenSession { user, session: row.read() }))
    }

    /// Notes that a person used a session.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn touch_session(&self, hash: &str, at: DateTime<Utc>) -> Result<(), Error> {
        self.write(sqlx::query("UPDATE sessions SET seen_at = $1 WHERE hash = $2").bind(ms(at)).bind(hash)).await?;
        Ok(())
    }

    /// Notes that the owner of a session has shown again who they are. From then on it has another token: a copy of the old one
    /// has shown nothing.
    ///
    /// # Errors
    /// [`Error::Changed`] when the session has ended, [`Error::Database`].
    pub async fn prove_session(&self, hash: &str, new_hash: &str, at: DateTime<Utc>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE sessions SET proved_at = $1, seen_at = $1, hash = $3 WHERE hash = $2")
            .bind(ms(at))
            .bind(hash)
            .bind(new_hash)
            .execute(&mut *tx)
            .await?;
        one_row(&done)?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The sessions of an account, last used first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sessions(&self, user: &UserId, idle: DateTime<Utc>, absolute: DateTime<Utc>) -> Result<Vec<Session>, Error> {
        let rows: Vec<SessionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{SESSIONS} WHERE user_id = $1 AND seen_at >= $2 AND made_at >= $3 ORDER BY seen_at DESC, hash"
        )))
        .bind(user.as_str())
        .bind(ms(idle))
        .bind(ms(absolute))
        .fetch_all(self.reader().await)
        .await?;
        Ok(rows.into_iter().map(SessionRow::read).collect())
    }
    /// Ends the session of a token's hash.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn end_session(&self, hash: &str, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(hash).execute(&mut *tx).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends sessions of an account: the one of a name, or all of them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn end_sessions_of(&self, user: &UserId, named: Option<&str>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        match named {
            Some(name) => {
                sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND substr(hash, 1, 16) = $2")
                    .bind(user.as_str())
                    .bind(name)
                    .execute(&mut *tx)
                    .await?;
            }
            None => end_sessions(&mut tx, user).await?,
        }
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes what is too old to be used: sessions, codes, answers of providers, browsers of more than a year ago.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep_sessions(&self, idle: DateTime<Utc>, absolute: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        self.write(sqlx::query("DELETE FROM sessions WHERE seen_at < $1 OR made_at < $2").bind(ms(idle)).bind(ms(absolute))).await?;
        self.write(sqlx::query("DELETE FROM codes WHERE expires_at <= $1").bind(ms(now))).await?;
        let year = now - chrono::Duration::days(365);
        self.write(sqlx::query("DELETE FROM devices WHERE made_at < $1").bind(ms(year))).await?;
        // Older ones are refused by their age.
        let day = now - chrono::Duration::days(1);
        self.write(sqlx::query("DELETE FROM used_answers WHERE used_at < $1").bind(ms(day))).await?;
        Ok(())
    }
}
