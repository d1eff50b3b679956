//! Accounts, one-time codes, sessions, known browsers. Tokens and codes are kept as hashes only.

use crate::{
    Error, Store,
    error::{doc, json, one_row},
    ledger::append,
    time::{instant, ms},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::{Role, Session, User},
    id::UserId,
    ledger::Deed,
};
use sqlx::{FromRow, Sqlite, Transaction};

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    full_name: String,
    roles: String,
    password: Option<String>,
    created_at: i64,
    disabled_at: Option<i64>,
    signed_in_at: Option<i64>,
}

const SELECT: &str = "SELECT id, name, full_name, roles, password, created_at, disabled_at, signed_in_at FROM users";

impl Row {
    fn read(self) -> Result<User, Error> {
        Ok(User {
            roles: doc(&self.roles, "users", &self.id)?,
            id: UserId::new(self.id),
            name: self.name,
            full_name: self.full_name,
            has_password: self.password.is_some(),
            created_at: instant(self.created_at),
            disabled_at: self.disabled_at.map(instant),
            signed_in_at: self.signed_in_at.map(instant),
        })
    }
}

/// A session with its owner.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Whose it is.
    pub user: User,
    /// The session.
    pub session: Session,
}

/// What a session is called on pages: enough of its hash to tell it from others, useless to open it.
fn session_name(hash: &str) -> String {
    hash.chars().take(16).collect()
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

async fn end_sessions(tx: &mut Transaction<'_, Sqlite>, user: &UserId, but: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND hash <> $2").bind(user.as_str()).bind(but).execute(&mut **tx).await?;
    Ok(())
}

async fn insert_user(tx: &mut Transaction<'_, Sqlite>, user: &User) -> Result<(), Error> {
    sqlx::query("INSERT INTO users (id, name, name_key, full_name, roles, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(user.id.as_str())
        .bind(&user.name)
        .bind(user.name.to_lowercase())
        .bind(&user.full_name)
        .bind(json(&user.roles))
        .bind(ms(user.created_at))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A new password ends every session but one, every code, and what browsers are known by.
async fn set_password(tx: &mut Transaction<'_, Sqlite>, id: &UserId, password: &str, but_session: &str) -> Result<(), Error> {
    sqlx::query("UPDATE users SET password = $1 WHERE id = $2").bind(password).bind(id.as_str()).execute(&mut **tx).await?;
    end_sessions(tx, id, but_session).await?;
    for sql in ["DELETE FROM codes WHERE user_id = $1", "DELETE FROM devices WHERE user_id = $1"] {
        sqlx::query(sql).bind(id.as_str()).execute(&mut **tx).await?;
    }
    Ok(())
}

impl Store {
    /// Every account, by name.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY name_key"))).fetch_all(&self.read).await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One account. Read where it is written, so that a change counts at once.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, Error> {
        let row: Option<Row> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1"))).bind(id.as_str()).fetch_optional(&self.write).await?;
        row.map(Row::read).transpose()
    }

    /// The account of a name, with its password hash.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<(User, Option<String>)>, Error> {
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE name_key = $1")))
            .bind(name.trim().to_lowercase())
            .fetch_optional(&self.write)
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
        let mut tx = self.write.begin().await?;
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
        let mut tx = self.write.begin().await?;
        let query = match change {
            UserChange::Roles(roles) => sqlx::query("UPDATE users SET roles = $1 WHERE id = $2").bind(json(roles)),
            UserChange::Disable(at) => sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2").bind(ms(*at)),
            UserChange::Enable => sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2").bind(None::<i64>),
        };
        let with_password =
            "SELECT COUNT(*) FROM users WHERE disabled_at IS NULL AND roles LIKE '%administrator%' AND password IS NOT NULL";
        let before: i64 = sqlx::query_scalar(with_password).fetch_one(&mut *tx).await?;
        let done = query.bind(id.as_str()).execute(&mut *tx).await?;
        one_row(&done)?;
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users WHERE disabled_at IS NULL AND roles LIKE '%administrator%'")
            .fetch_one(&mut *tx)
            .await?;
        // One who has not chosen a password yet cannot manage anybody.
        let after: i64 = sqlx::query_scalar(with_password).fetch_one(&mut *tx).await?;
        if left == 0 || (after == 0 && before > 0) {
            return Err(Error::Conflict);
        }
        if matches!(change, UserChange::Disable(_)) {
            end_sessions(&mut tx, id, "").await?;
            sqlx::query("DELETE FROM codes WHERE user_id = $1").bind(id.as_str()).execute(&mut *tx).await?;
        }
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps a new password; every session of the account but one ends, and so do its codes.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_password(&self, id: &UserId, password: &str, but_session: &str, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.write.begin().await?;
        set_password(&mut tx, id, password, but_session).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Replaces the hash of a password by one of the same password with newer parameters.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn rehash_password(&self, id: &UserId, old: &str, new: &str) -> Result<(), Error> {
        sqlx::query("UPDATE users SET password = $1 WHERE id = $2 AND password = $3")
            .bind(new)
            .bind(id.as_str())
            .bind(old)
            .execute(&self.write)
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
        let mut tx = self.write.begin().await?;
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

    /// Whose a code is, while it is good: nothing inside means that it makes the first administrator.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn code(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Option<UserId>>, Error> {
        let row: Option<(Option<String>,)> = sqlx::query_as("SELECT user_id FROM codes WHERE hash = $1 AND expires_at > $2")
            .bind(hash)
            .bind(ms(now))
            .fetch_optional(&self.write)
            .await?;
        Ok(row.map(|(user,)| user.map(UserId::new)))
    }

    /// Uses a code up: the account, where it makes one, and its password, in one transaction. Whoever is first has it.
    ///
    /// # Errors
    /// [`Error::Changed`] when the code is used or too old, or a first account exists by now; [`Error::Database`].
    pub async fn redeem(
        &self,
        code: &str,
        user: &User,
        is_first: bool,
        password: &str,
        now: DateTime<Utc>,
        deeds: &[Deed],
    ) -> Result<(), Error> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query("DELETE FROM codes WHERE hash = $1 AND expires_at > $2").bind(code).bind(ms(now)).execute(&mut *tx).await?;
        let others: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&mut *tx).await?;
        if done.rows_affected() != 1 || (is_first && others > 0) {
            return Err(Error::Changed);
        }
        if is_first {
            insert_user(&mut tx, user).await?;
        }
        set_password(&mut tx, &user.id, password, "").await?;
        for deed in deeds {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Begins a session in place of the one that the browser had, and remembers the browser.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_session(
        &self,
        hash: &str,
        user: &UserId,
        at: DateTime<Utc>,
        address: &str,
        agent: &str,
        device: Option<&str>,
        replaces: Option<&str>,
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.write.begin().await?;
        if let Some(old) = replaces {
            sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(old).execute(&mut *tx).await?;
        }
        sqlx::query("INSERT INTO sessions (hash, user_id, made_at, seen_at, address, agent) VALUES ($1, $2, $3, $3, $4, $5)")
            .bind(hash)
            .bind(user.as_str())
            .bind(ms(at))
            .bind(address)
            .bind(agent)
            .execute(&mut *tx)
            .await?;
        if let Some(device) = device {
            sqlx::query("INSERT INTO devices (hash, user_id, made_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING")
                .bind(device)
                .bind(user.as_str())
                .bind(ms(at))
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("UPDATE users SET signed_in_at = $1 WHERE id = $2").bind(ms(at)).bind(user.as_str()).execute(&mut *tx).await?;
        append(&mut tx, deed).await?;
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
            .fetch_one(&self.read)
            .await?;
        Ok(n > 0)
    }

    /// The session of a token's hash with its owner, used since `idle` and begun since `absolute`. Each
    /// request asks anew: what was ended, or whose owner was disabled, opens nothing.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn session(&self, hash: &str, idle: DateTime<Utc>, absolute: DateTime<Utc>) -> Result<Option<OpenSession>, Error> {
        let row: Option<(String, i64, i64, String, String)> = sqlx::query_as(
            "SELECT user_id, made_at, seen_at, address, agent FROM sessions WHERE hash = $1 AND seen_at >= $2 AND made_at >= $3",
        )
        .bind(hash)
        .bind(ms(idle))
        .bind(ms(absolute))
        .fetch_optional(&self.read)
        .await?;
        let Some((user, made_at, seen_at, address, agent)) = row else { return Ok(None) };
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1 AND disabled_at IS NULL")))
            .bind(&user)
            .fetch_optional(&self.read)
            .await?;
        let Some(user) = row.map(Row::read).transpose()? else { return Ok(None) };
        let session = Session { id: session_name(hash), made_at: instant(made_at), seen_at: instant(seen_at), address, agent };
        Ok(Some(OpenSession { user, session }))
    }

    /// Notes that a person used a session.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn touch_session(&self, hash: &str, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query("UPDATE sessions SET seen_at = $1 WHERE hash = $2").bind(ms(at)).bind(hash).execute(&self.write).await?;
        Ok(())
    }

    /// The sessions of an account, last used first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sessions(&self, user: &UserId, idle: DateTime<Utc>, absolute: DateTime<Utc>) -> Result<Vec<Session>, Error> {
        let rows: Vec<(String, i64, i64, String, String)> = sqlx::query_as(
            "SELECT hash, made_at, seen_at, address, agent FROM sessions WHERE user_id = $1 AND seen_at >= $2 AND made_at >= $3
             ORDER BY seen_at DESC, hash",
        )
        .bind(user.as_str())
        .bind(ms(idle))
        .bind(ms(absolute))
        .fetch_all(&self.write)
        .await?;
        let read = |(hash, made_at, seen_at, address, agent): (String, i64, i64, String, String)| Session {
            id: session_name(&hash),
            made_at: instant(made_at),
            seen_at: instant(seen_at),
            address,
            agent,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Ends the session of a token's hash.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn end_session(&self, hash: &str, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.write.begin().await?;
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
        let mut tx = self.write.begin().await?;
        match named {
            Some(name) => {
                sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND substr(hash, 1, 16) = $2")
                    .bind(user.as_str())
                    .bind(name)
                    .execute(&mut *tx)
                    .await?;
            }
            None => end_sessions(&mut tx, user, "").await?,
        }
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes what is too old to be used: sessions, codes, browsers that were not seen for a year.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep_sessions(&self, idle: DateTime<Utc>, absolute: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query("DELETE FROM sessions WHERE seen_at < $1 OR made_at < $2")
            .bind(ms(idle))
            .bind(ms(absolute))
            .execute(&self.write)
            .await?;
        sqlx::query("DELETE FROM codes WHERE expires_at <= $1").bind(ms(now)).execute(&self.write).await?;
        let year = now - chrono::Duration::days(365);
        sqlx::query("DELETE FROM devices WHERE made_at < $1").bind(ms(year)).execute(&self.write).await?;
        Ok(())
    }
}
