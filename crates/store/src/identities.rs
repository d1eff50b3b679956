//! People who sign in at an OpenID Connect provider.

use crate::{
    Error, Store,
    error::json,
    ledger::append,
    sessions::{NewSession, end_sessions, insert_session},
    sql::plain,
    time::ms,
    tx::Tx,
    user::{Row, SELECT, insert_user},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{account::User, ledger::Deed};

/// An account as a provider knows it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Theirs there.
    pub subject: &'a str,
}

impl Store {
    /// The account of an identity.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn user_of(&self, identity: Identity<'_>) -> Result<Option<User>, Error> {
        let sql = format!("{SELECT} WHERE id = (SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2)");
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(identity.issuer)
            .bind(identity.subject)
            .fetch_optional(self.reader().await)
            .await?;
        row.map(Row::read).transpose()
    }

    /// Uses up the answer of a provider, whatever comes of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it was used before, [`Error::Database`].
    pub async fn use_answer(&self, hash: &str, at: DateTime<Utc>) -> Result<(), Error> {
        self.write(sqlx::query("INSERT INTO used_answers (hash, used_at) VALUES ($1, $2)").bind(hash).bind(ms(at))).await?;
        Ok(())
    }

    /// Begins a session of somebody whom a provider vouches for: with an account that is made for it, or with the present one, whose
    /// name and roles are then those that the provider gives.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name or the identity was taken meanwhile, [`Error::Database`].
    pub async fn add_external_session(
        &self,
        identity: Identity<'_>,
        user: &User,
        is_new: bool,
        session: &NewSession<'_>,
        before: &[Deed],
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        if is_new {
            insert_user(&mut tx, user).await?;
            sqlx::query("INSERT INTO identities (issuer, subject, user_id, made_at) VALUES ($1, $2, $3, $4)")
                .bind(identity.issuer)
                .bind(identity.subject)
                .bind(user.id.as_str())
                .bind(ms(user.created_at))
                .execute(&mut *tx)
                .await?;
        } else {
            update(&mut tx, user).await?;
        }
        for deed in before {
            append(&mut tx, deed).await?;
        }
        insert_session(&mut tx, session, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The provider does not vouch for somebody any more: these roles are left, and every session ends.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn shut_external(&self, user: &User, deed: Option<&Deed>) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        update(&mut tx, user).await?;
        end_sessions(&mut tx, &user.id).await?;
        if let Some(deed) = deed {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn update(tx: &mut Tx, user: &User) -> Result<(), Error> {
    sqlx::query("UPDATE users SET full_name = $1, roles = $2 WHERE id = $3")
        .bind(plain(&user.full_name))
        .bind(json(&user.roles))
        .bind(user.id.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
