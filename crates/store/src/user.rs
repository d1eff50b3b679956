//! The row of an account.

use crate::{
    Error,
    error::{doc, json},
    time::{instant, ms},
};
use patchboard_domain::{account::User, id::UserId};
use sqlx::{FromRow, Sqlite, Transaction};

#[derive(FromRow)]
pub(crate) struct Row {
    id: String,
    name: String,
    full_name: String,
    roles: String,
    pub(crate) password: Option<String>,
    created_at: i64,
    disabled_at: Option<i64>,
    signed_in_at: Option<i64>,
    has_factor: bool,
    external: bool,
}

pub(crate) const SELECT: &str =
    "SELECT id, name, full_name, roles, password, created_at, disabled_at, signed_in_at, factor IS NOT NULL AS has_factor,
    EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id) AS external FROM users";

impl Row {
    pub(crate) fn read(self) -> Result<User, Error> {
        Ok(User {
            roles: doc(&self.roles, "users", &self.id)?,
            id: UserId::new(self.id),
            name: self.name,
            full_name: self.full_name,
            has_password: self.password.is_some(),
            created_at: instant(self.created_at),
            disabled_at: self.disabled_at.map(instant),
            signed_in_at: self.signed_in_at.map(instant),
            has_factor: self.has_factor,
            external: self.external,
        })
    }
}

pub(crate) async fn insert_user(tx: &mut Transaction<'_, Sqlite>, user: &User) -> Result<(), Error> {
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
